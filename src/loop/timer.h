/* SPDX-License-Identifier: MIT
 * timer.h -- timers in the loop's hierarchical wheel: embedded in their owner, never allocated,
 * start and stop are O(1), 1 ms resolution. Zero is a valid stopped timer. Loop thread. */
#ifndef PARLEY_LOOP_TIMER_H
#define PARLEY_LOOP_TIMER_H

#include "base/list.h"
#include "loop/loop.h"

struct timer {
    struct node node;
    uint64_t due_ms;
    struct loop *loop; /* NULL: stopped */
    void (*fn)(void *arg);
    void *arg;
};

/* (Re)starts: fn(arg) once, delay_ms from now. The timer is stopped when fn runs and may be
 * started again in it, or freed with its owner. */
void timer_start(struct timer *t, struct loop *l, uint64_t delay_ms, void (*fn)(void *arg), void *arg);
void timer_stop(struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
    return t->loop != NULL;
}

#endif
