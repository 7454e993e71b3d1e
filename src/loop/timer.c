/* SPDX-License-Identifier: MIT
 * timer.c -- the hierarchical wheel behind timer.h; nothing is allocated, nothing ticks while idle. */
#include "loop/wheel.h"

#define DELAY_MAX_MS ((UINT64_C(1) << (WHEEL_BITS * WHEEL_LEVELS - 1)) - 1) /* over a year */

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    *w = (struct wheel){ .now_ms = now_ms };
    list_init(&w->ready);
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&w->slots[level][slot]);
    }
}

static void put(struct wheel *w, struct timer *t)
{
    if (t->due_ms <= w->now_ms) {
        list_push(&w->ready, &t->node);
        return;
    }
    unsigned high_bit = 63 - (unsigned)__builtin_clzll(t->due_ms ^ w->now_ms);
    unsigned level = MIN(high_bit / WHEEL_BITS, WHEEL_LEVELS - 1);
    unsigned slot = (unsigned)(t->due_ms >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1);
    list_push(&w->slots[level][slot], &t->node);
    w->used[level] |= UINT64_C(1) << slot;
}

void wheel_add(struct wheel *w, struct timer *t)
{
    w->armed++;
    put(w, t);
}

void wheel_remove(struct wheel *w, struct timer *t)
{
    w->armed--;
    list_unlink(&t->node);
}

/* The first slot in use; false when all are empty. The top level may wrap round: its slots before
 * the wheel's own position are a turn away. */
static bool next_slot(struct wheel *w, unsigned *level_out, unsigned *slot_out, uint64_t *at_ms)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        unsigned shift = WHEEL_BITS * level;
        uint64_t digit = (w->now_ms >> shift) & (WHEEL_SLOTS - 1);
        while (w->used[level]) {
            uint64_t ahead = w->used[level] & ~((UINT64_C(2) << digit) - 1);
            bool wraps = ahead == 0 || digit == WHEEL_SLOTS - 1;
            unsigned slot = (unsigned)__builtin_ctzll(wraps ? w->used[level] : ahead);
            if (list_empty(&w->slots[level][slot])) {
                w->used[level] &= ~(UINT64_C(1) << slot);
                continue;
            }
            uint64_t base = w->now_ms >> shift >> WHEEL_BITS << WHEEL_BITS;
            *at_ms = (base + slot + (wraps ? WHEEL_SLOTS : 0)) << shift;
            *level_out = level;
            *slot_out = slot;
            return true;
        }
    }
    return false;
}

uint64_t wheel_next_ms(struct wheel *w)
{
    unsigned level, slot;
    uint64_t at_ms;

    if (!list_empty(&w->ready))
        return w->now_ms;
    return next_slot(w, &level, &slot, &at_ms) ? at_ms : WHEEL_NEVER;
}

static void take_all(struct list *from, struct list *to)
{
    list_init(to);
    if (list_empty(from))
        return;
    to->head = from->head;
    to->head.next->prev = &to->head;
    to->head.prev->next = &to->head;
    list_init(from);
}

static void fire_all(struct wheel *w, struct list *due)
{
    struct node *n;

    while ((n = list_shift(due))) {
        struct timer *t = container_of(n, struct timer, node);
        w->armed--;
        t->loop = NULL;
        t->fn(t->arg);
    }
}

void wheel_run(struct wheel *w, uint64_t now_ms)
{
    struct list due;
    unsigned level, slot;
    uint64_t at_ms;
    struct node *n;

    take_all(&w->ready, &due);
    fire_all(w, &due);
    while (next_slot(w, &level, &slot, &at_ms) && at_ms <= now_ms) {
        w->now_ms = at_ms;
        take_all(&w->slots[level][slot], &due);
        w->used[level] &= ~(UINT64_C(1) << slot);
        if (level == 0) {
            fire_all(w, &due);
            continue;
        }
        /* A coarse slot begins: its timers move to finer ones; those due this very ms fire. */
        struct list later;
        take_all(&w->ready, &later);
        while ((n = list_shift(&due)))
            put(w, container_of(n, struct timer, node));
        take_all(&w->ready, &due);
        take_all(&later, &w->ready);
        fire_all(w, &due);
    }
    if (now_ms > w->now_ms)
        w->now_ms = now_ms;
}

void timer_start(struct timer *t, struct loop *l, uint64_t delay_ms, void (*fn)(void *arg), void *arg)
{
    assert_on_loop(l);
    timer_stop(t);
    t->due_ms = loop_now_ms(l) + MIN(delay_ms, DELAY_MAX_MS);
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    wheel_add(loop_wheel(l), t);
}

void timer_stop(struct timer *t)
{
    if (!t->loop)
        return;
    wheel_remove(loop_wheel(t->loop), t);
    t->loop = NULL;
}
