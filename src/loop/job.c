/* SPDX-License-Identifier: MIT
 * job.c -- the worker pool: two bounded queues (foreground, background), lanes, parts on their way back.
 *
 *   job_start -> queue -> worker: work() -> letter to the loop: parts, done -> freed there
 *
 * A job is touched by its worker and its loop only through its own lock; `owner` and `input` after
 * work() belong to the loop thread. The letter is posted once until it was read, whatever came. */
#include "loop/job.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "metrics/metrics.h"

#define THREADS_MAX 64
#define PARTS_UNREAD_MAX 64

struct part {
    struct node node;
    void *value;
};

struct job {
    struct node node;            /* in a queue; under workers.lock */
    struct workers *workers;
    struct loop *loop;
    const struct job_class *cls;
    void *input, *owner;
    uint64_t number;             /* order of starting */
    uint64_t queued_us;
    struct mail mail;
    atomic_bool is_stopped;
    bool is_cancelled;           /* loop thread */
    pthread_mutex_t lock;        /* the rest is under it */
    pthread_cond_t has_room;
    struct list parts;
    unsigned part_count;
    bool is_posted, is_finished;
    enum err err;
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct list foreground, background;
    struct job *running[THREADS_MAX];
    unsigned thread_count, queue_max, queued, busy;
    uint64_t numbers;
    bool is_ending;
    pthread_t threads[THREADS_MAX];
};

static void free_job(struct job *job)
{
    if (job->cls->free_input)
        job->cls->free_input(job->input);
    pthread_mutex_destroy(&job->lock);
    pthread_cond_destroy(&job->has_room);
    mem_free(job);
}

static void hand_part(struct job *job, void *value)
{
    if (!job->is_cancelled && job->cls->part)
        job->cls->part(job->owner, value);
    else if (job->cls->free_part)
        job->cls->free_part(value);
}

/* Loop thread. */
static void read_letter(struct mail *m)
{
    struct job *job = container_of(m, struct job, mail);
    struct list parts;
    struct node *n;

    list_init(&parts);
    pthread_mutex_lock(&job->lock);
    while ((n = list_shift(&job->parts)))
        list_push(&parts, n);
    job->part_count = 0;
    job->is_posted = false;
    bool is_finished = job->is_finished;
    enum err err = job->err;
    pthread_cond_broadcast(&job->has_room);
    pthread_mutex_unlock(&job->lock);
    while ((n = list_shift(&parts))) {
        struct part *p = container_of(n, struct part, node);
        hand_part(job, p->value);
        mem_free(p);
    }
    if (!is_finished)
        return;
    if (!job->is_cancelled)
        job->cls->done(job->owner, err, job->input);
    free_job(job);
}

static void post(struct job *job) /* under job->lock */
{
    if (!job->is_posted)
        loop_post(job->loop, &job->mail);
    job->is_posted = true;
}

static void finish(struct job *job, enum err err)
{
    pthread_mutex_lock(&job->lock);
    job->is_finished = true;
    job->err = err;
    struct loop *l = job->loop;
    bool is_posted = job->is_posted;
    job->is_posted = true;
    /* Once the letter is on its way the loop may free the job, so the lock is given back first,
     * except when a letter lies there already: then its reader must wait for this lock. */
    if (is_posted) {
        pthread_mutex_unlock(&job->lock);
        return;
    }
    pthread_mutex_unlock(&job->lock);
    loop_post(l, &job->mail);
}

static bool lane_is_taken(struct workers *w, const struct job *job)
{
    if (job->cls->lane == 0)
        return false;
    for (unsigned i = 0; i < w->thread_count; i++) {
        if (w->running[i] && w->running[i]->cls->lane == job->cls->lane)
            return true;
    }
    return false;
}

/* Does an older job of the same lane wait in that queue? */
static bool lane_waits(struct list *queue, const struct job *job)
{
    if (job->cls->lane == 0)
        return false;
    list_each(queue, n)
    {
        const struct job *other = container_of(n, struct job, node);
        if (other->cls->lane == job->cls->lane && other->number < job->number)
            return true;
    }
    return false;
}

static struct job *next_of(struct workers *w, struct list *queue, struct list *other_queue)
{
    list_each(queue, n)
    {
        struct job *job = container_of(n, struct job, node);
        if (!lane_is_taken(w, job) && !lane_waits(other_queue, job))
            return job;
    }
    return NULL;
}

static struct job *pick(struct workers *w)
{
    struct job *job = next_of(w, &w->foreground, &w->background);
    bool is_last_free = w->busy + 1 >= w->thread_count;

    if (!job && (!is_last_free || w->thread_count == 1))
        job = next_of(w, &w->background, &w->foreground);
    if (job) {
        list_unlink(&job->node);
        w->queued--;
    }
    return job;
}

struct seat {
    struct workers *workers;
    unsigned number;
};

static void *work(void *arg)
{
    struct seat seat = *(struct seat *)arg;
    struct workers *w = seat.workers;

    mem_free(arg);
    pthread_setname_np(pthread_self(), "worker");
    pthread_mutex_lock(&w->lock);
    while (!w->is_ending) {
        struct job *job = pick(w);
        if (!job) {
            pthread_cond_wait(&w->has_work, &w->lock);
            continue;
        }
        w->running[seat.number] = job;
        w->busy++;
        pthread_mutex_unlock(&w->lock);
        metric_seconds(METRIC_queue_stay_seconds, (double)(clock_mono_us() - job->queued_us) / 1e6);
        enum err err = job->cls->work(job, job->input);
        pthread_mutex_lock(&w->lock);
        w->running[seat.number] = NULL;
        w->busy--;
        pthread_cond_broadcast(&w->has_work); /* a lane or the last free worker came back */
        pthread_mutex_unlock(&w->lock);
        finish(job, err);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum err workers_create(struct workers **out, const struct workers_opts *o)
{
    struct workers *w = xnew(struct workers);
    unsigned threads = MIN(MAX(o->threads, 1), THREADS_MAX);

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->has_work, NULL);
    list_init(&w->foreground);
    list_init(&w->background);
    w->queue_max = o->queue_max;
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < threads; i++) {
        struct seat *seat = xnew(struct seat);
        *seat = (struct seat){ w, i };
        if (pthread_create(&w->threads[i], NULL, work, seat)) {
            mem_free(seat);
            break;
        }
        w->thread_count++;
    }
    bool is_complete = w->thread_count == threads;
    pthread_mutex_unlock(&w->lock);
    if (!is_complete) {
        workers_free(w);
        return ERR_NO_MEMORY;
    }
    *out = w;
    return OK;
}

static void drop_queue(struct list *queue)
{
    struct node *n;

    while ((n = list_shift(queue)))
        finish(container_of(n, struct job, node), ERR_CANCELLED);
}

static void stop(struct job *job)
{
    atomic_store(&job->is_stopped, true);
    pthread_mutex_lock(&job->lock);
    pthread_cond_broadcast(&job->has_room);
    pthread_mutex_unlock(&job->lock);
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_ending = true;
    for (unsigned i = 0; i < w->thread_count; i++) {
        if (w->running[i])
            stop(w->running[i]);
    }
    drop_queue(&w->foreground);
    drop_queue(&w->background);
    w->queued = 0;
    pthread_cond_broadcast(&w->has_work);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->thread_count; i++)
        pthread_join(w->threads[i], NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->has_work);
    mem_free(w);
}

unsigned workers_queued(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned count = w->queued;
    pthread_mutex_unlock(&w->lock);
    return count;
}

unsigned workers_busy(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned count = w->busy;
    pthread_mutex_unlock(&w->lock);
    return count;
}

enum err job_start(struct job **out, struct workers *w, struct loop *l, const struct job_class *cls, void *input,
                   void *owner)
{
    assert_on_loop(l);
    pthread_mutex_lock(&w->lock);
    if (w->is_ending || w->queued >= w->queue_max) {
        pthread_mutex_unlock(&w->lock);
        metric_add(METRIC_jobs_refused_total, 1);
        return ERR_BUSY;
    }
    struct job *job = xnew(struct job);
    job->workers = w;
    job->loop = l;
    job->cls = cls;
    job->input = input;
    job->owner = owner;
    job->queued_us = clock_mono_us();
    job->number = ++w->numbers;
    job->mail.run = read_letter;
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->has_room, NULL);
    list_init(&job->parts);
    list_push(cls->is_background ? &w->background : &w->foreground, &job->node);
    w->queued++;
    pthread_cond_signal(&w->has_work);
    if (out)
        *out = job;
    pthread_mutex_unlock(&w->lock);
    return OK;
}

void job_cancel(struct job *job)
{
    if (!job || job->is_cancelled)
        return;
    assert_on_loop(job->loop);
    struct workers *w = job->workers;
    job->is_cancelled = true;
    job->owner = NULL;
    /* A job whose work has ended only waits for its letter to be read; its pool may be gone. */
    pthread_mutex_lock(&job->lock);
    bool is_finished = job->is_finished;
    pthread_mutex_unlock(&job->lock);
    if (is_finished)
        return;
    pthread_mutex_lock(&w->lock);
    bool was_queued = node_in_list(&job->node);
    if (was_queued) {
        list_unlink(&job->node);
        w->queued--;
        pthread_cond_broadcast(&w->has_work); /* its lane may go on */
    }
    pthread_mutex_unlock(&w->lock);
    if (was_queued)
        free_job(job);
    else
        stop(job);
}

bool job_stopped(const struct job *job)
{
    return atomic_load(&job->is_stopped);
}

void job_emit(struct job *job, void *value)
{
    struct part *p = NULL;

    pthread_mutex_lock(&job->lock);
    while (job->part_count >= PARTS_UNREAD_MAX && !atomic_load(&job->is_stopped))
        pthread_cond_wait(&job->has_room, &job->lock);
    if (!atomic_load(&job->is_stopped)) {
        p = xnew(struct part);
        p->value = value;
        list_push(&job->parts, &p->node);
        job->part_count++;
        post(job);
    }
    pthread_mutex_unlock(&job->lock);
    if (!p && job->cls->free_part)
        job->cls->free_part(value);
}
