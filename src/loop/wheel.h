/* SPDX-License-Identifier: MIT
 * wheel.h -- the timer wheel inside a loop. Private to src/loop. Pure: told the time.
 *
 * Six levels of 64 slots, 1 ms at the lowest. A timer sits at the level of the highest base-64 digit
 * in which its due time differs from the wheel's time, so everything on a lower level is due before
 * everything on a higher one, and the next due time is found by looking at six bit maps. */
#ifndef PARLEY_LOOP_WHEEL_H
#define PARLEY_LOOP_WHEEL_H

#include "base/list.h"
#include "loop/timer.h"

#define WHEEL_LEVELS 6
#define WHEEL_BITS 6
#define WHEEL_SLOTS (1u << WHEEL_BITS)
#define WHEEL_NEVER UINT64_MAX

struct wheel {
    uint64_t now_ms;             /* everything due until here has fired */
    uint64_t used[WHEEL_LEVELS]; /* bit per slot; may be set for a slot that became empty */
    struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
    struct list ready;           /* due at once: fires at the next run */
    size_t armed;
};

void wheel_init(struct wheel *w, uint64_t now_ms);
void wheel_add(struct wheel *w, struct timer *t);
void wheel_remove(struct wheel *w, struct timer *t);
/* When wheel_run has work: a due time or the start of a coarse slot; WHEEL_NEVER when empty. */
uint64_t wheel_next_ms(struct wheel *w);
/* Fires what is due until now_ms, in order. A timer started with no delay meanwhile waits for the
 * next run, so a timer that restarts itself cannot hold the loop. */
void wheel_run(struct wheel *w, uint64_t now_ms);

struct wheel *loop_wheel(struct loop *l);

#endif
