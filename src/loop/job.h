/* SPDX-License-Identifier: MIT
 * job.h -- do slow work on a worker thread, hear of it on the loop thread.
 *
 *     loop thread            worker thread             loop thread
 *     job_start()   ----->   work() .. job_emit()  ->  part() part() done()
 *
 * Once started the job owns `input`; on ERR_BUSY (queue full) it stays yours. `owner` is read on
 * the loop thread only. After job_cancel() the owner hears nothing more and may be freed at once;
 * the worker sees job_stopped() at its next step. When done() returns the job is gone. Nothing here
 * blocks the loop. One process-wide bounded pool; background jobs never take the last free worker
 * (a pool of 1 runs them when nothing else waits); jobs of one `lane` keep their order and run one
 * at a time. */
#ifndef PARLEY_LOOP_JOB_H
#define PARLEY_LOOP_JOB_H

#include "loop/loop.h"

struct job;
struct workers;

struct job_class {
    const char *name;
    enum err (*work)(struct job *job, void *input);          /* worker thread */
    void (*part)(void *owner, void *part);                   /* loop thread, in order; NULL: no parts */
    void (*done)(void *owner, enum err err, void *input);    /* loop thread, at most once; input borrowed */
    void (*free_part)(void *part);
    void (*free_input)(void *input);
    bool is_background;
    uint64_t lane; /* any number of its own; 0: no order */
};

struct workers_opts {
    unsigned threads;    /* 1..64 */
    unsigned queue_max;  /* limits.worker_queue */
};
must_check enum err workers_create(struct workers **out, const struct workers_opts *o);
void workers_free(struct workers *w);    /* drops queued jobs, waits for running ones */
unsigned workers_queued(struct workers *w);
unsigned workers_busy(struct workers *w);

must_check enum err job_start(struct job **out, struct workers *w, struct loop *l, const struct job_class *cls,
                              void *input, void *owner);
void job_cancel(struct job *job);        /* loop thread; NULL is fine */
bool job_stopped(const struct job *job); /* worker thread */
void job_emit(struct job *job, void *part); /* worker thread; part is taken; waits when 64 lie unread */

#endif
