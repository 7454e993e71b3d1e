/* SPDX-License-Identifier: MIT
 * admission.c -- a bucket that fills as quickly as there is room; see admission.h. */
#include "dialogue/admission.h"

#include "loop/loop.h"

static bool take_place(struct admission *a, int64_t busy_percent)
{
    double room = (double)(busy_percent - loop_load_peak_percent(a->loop));
    uint64_t now_ms = loop_now_ms(a->loop), passed_ms = now_ms - a->may_ms;
    a->may_ms = now_ms;
    if (room <= 0) {
        a->may = 0;
        return false;
    }
    double cost = MAX((double)loop_load_percent(a->loop) / MAX(a->turns, ADMISSION_TURNS_MIN), ADMISSION_COST_MIN);
    double places = room / cost;
    a->may = MIN(a->may + places * (double)passed_ms / ADMISSION_FILL_MS, MAX(1.0, places * ADMISSION_BURST));
    if (a->may < 1)
        return false;
    a->may -= 1;
    return true;
}

bool admission_enter(struct admission *a, bool is_new, int64_t busy_percent)
{
    if (!a)
        return true;
    if (is_new && busy_percent && !take_place(a, busy_percent))
        return false;
    a->turns++;
    return true;
}

void admission_leave(struct admission *a)
{
    if (!a)
        return;
    assert(a->turns > 0);
    a->turns--;
}
