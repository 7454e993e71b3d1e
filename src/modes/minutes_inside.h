/* SPDX-License-Identifier: MIT
 * minutes_inside.h -- private to minutes.c (the keeper: who asks, what was left, its life) and minutes_job.c
 * (one meeting from loading to telling). All on the keeper's loop. */
#ifndef PARLEY_MODES_MINUTES_INSIDE_H
#define PARLEY_MODES_MINUTES_INSIDE_H

#include "base/list.h"
#include "base/map.h"
#include "loop/timer.h"
#include "modes/minutes.h"

struct store_op;

struct minutes {
    struct loop *loop;
    const struct provider_env *env;
    const struct modes_env *shared;
    struct config_holder *config;
    struct webhook *webhook;
    struct map running;  /* meeting id -> job, also those that wait */
    struct list waiting; /* jobs that wait for a place */
    unsigned places_taken;
    struct timer look;
    struct store_op *look_op;
    bool is_closing, has_looked;
    _Atomic unsigned refs; /* the owner's, and one per letter */
};

/* Whoever wants to hear of the end, on its own loop. */
struct minutes_waiter {
    struct minutes_waiter *next;
    struct mail mail;
    struct loop *loop;
    minutes_done_fn *done;
    void *arg;
    enum err err;
    const char *text;
};
void minutes_waiter_tell(struct minutes_waiter *w, enum err err, const char *text); /* text is static; w is taken */

/* minutes_job.c. The waiter (NULL: none) is taken. A job of that meeting that runs already serves it too.
 * is_again: also when the meeting was done before. */
void minutes_job_want(struct minutes *k, const char *meeting, bool is_again, struct minutes_waiter *w);
void minutes_jobs_close(struct minutes *k); /* every waiter is told */

#endif
