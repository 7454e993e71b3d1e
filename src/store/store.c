/* SPDX-License-Identifier: MIT
 * store.c -- the writer thread with its group commit, and the reader thread.
 *
 *   ops -> queue --take up to 256--> BEGIN  { SAVEPOINT  run  RELEASE | ROLLBACK TO }*  COMMIT -> mail
 *
 * While one batch waits for the disk the next one gathers, so a commit costs the same for one op and
 * for many. ":memory:" has no second connection: there read-only ops run on the writer. */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "store/db.h"

#define LOG_TOPIC "store"
#define PROBE_MS 1000 /* an unhealthy store tries an empty commit this often */

enum op_kind { OP_WRITE, OP_READ };

struct store_op {
    struct mail mail;
    struct node node;
    const struct store_op_class *cls;
    void *input, *owner;
    struct loop *loop;
    enum err err;
    bool is_cancelled; /* loop thread */
    bool *waiter;      /* store_run: set under the lock when done */
};

struct lane { /* one thread with its queue */
    struct store *store;
    struct list queue;
    pthread_cond_t wake;
    pthread_t thread;
    struct db *db;
    bool is_running;
};

struct store {
    pthread_mutex_t lock;
    pthread_cond_t finished; /* store_run waits here */
    struct lane lanes[2];    /* by enum op_kind */
    unsigned queued, queue_max;
    bool is_closing;
    atomic_bool is_healthy;
    atomic_uint fail_nth;
};

static void op_heard(struct mail *m)
{
    struct store_op *op = container_of(m, struct store_op, mail);
    if (!op->is_cancelled && op->cls->done)
        op->cls->done(op->owner, op->err, op->input);
    if (op->cls->free_input)
        op->cls->free_input(op->input);
    mem_free(op);
}

static void op_finish(struct store *s, struct store_op *op)
{
    pthread_mutex_lock(&s->lock);
    s->queued--;
    if (op->waiter) {
        *op->waiter = true;
        pthread_cond_broadcast(&s->finished);
        pthread_mutex_unlock(&s->lock);
        return; /* it lives on the waiter's stack */
    }
    pthread_mutex_unlock(&s->lock);
    if (op->loop) {
        op->mail.run = op_heard;
        loop_post(op->loop, &op->mail);
        return;
    }
    if (op->cls->free_input)
        op->cls->free_input(op->input);
    mem_free(op);
}

static bool must_fail(struct store *s)
{
    unsigned n = atomic_load_explicit(&s->fail_nth, memory_order_relaxed);
    while (n > 0 && !atomic_compare_exchange_weak(&s->fail_nth, &n, n - 1))
        ;
    return n == 1;
}

static void health(struct store *s, struct db *db, enum err e)
{
    bool was = atomic_exchange(&s->is_healthy, e == OK);
    if (was && e)
        LOGE(NULL, "store.failed", "err=%s why=\"%s\"", err_name(e), db_error(db));
    else if (!was && !e)
        LOGI(NULL, "store.recovered", "ok=1");
}

static void undo(struct db *db)
{
    if (db_in_transaction(db)) {
        enum err e = db_script(db, "ROLLBACK");
        (void)e; /* SQLite has rolled back by itself then */
    }
}

/* One op inside the open transaction. False: the whole transaction is gone (disk full, I/O error). */
static bool op_write(struct store *s, struct db *db, struct store_op *op)
{
    op->err = db_script(db, "SAVEPOINT op");
    if (!op->err)
        op->err = must_fail(s) ? ERR_STORE : op->cls->run(db, op->input);
    if (!db_in_transaction(db)) {
        op->err = op->err ? op->err : ERR_STORE;
        return false;
    }
    enum err e = op->err ? db_script(db, "ROLLBACK TO op; RELEASE op") : db_script(db, "RELEASE op");
    if (e && !op->err)
        op->err = e;
    return !e && db_in_transaction(db);
}

static void batch_fail(struct list *batch, enum err e)
{
    list_each(batch, n) {
        struct store_op *op = container_of(n, struct store_op, node);
        op->err = op->err ? op->err : e;
    }
}

static void batch_finish(struct store *s, struct list *batch)
{
    struct node *n;
    while ((n = list_shift(batch)))
        op_finish(s, container_of(n, struct store_op, node));
}

static struct store_op *take(struct lane *lane)
{
    pthread_mutex_lock(&lane->store->lock);
    struct node *n = list_shift(&lane->queue);
    pthread_mutex_unlock(&lane->store->lock);
    return n ? container_of(n, struct store_op, node) : NULL;
}

static void batch_run(struct lane *lane, struct store_op *first)
{
    struct store *s = lane->store;
    struct list batch;
    list_init(&batch);
    uint64_t began_us = clock_mono_us(), until_us = began_us + STORE_BATCH_MS * 1000;
    enum err e = db_script(lane->db, "BEGIN IMMEDIATE");
    unsigned count = 0;
    for (struct store_op *op = first; op; op = take(lane)) {
        list_push(&batch, &op->node);
        count++;
        if (!e && !op_write(s, lane->db, op))
            e = op->err;
        if (count == STORE_BATCH_MAX || clock_mono_us() > until_us)
            break;
    }
    if (!e)
        e = db_script(lane->db, "COMMIT");
    undo(lane->db);
    metric_seconds(METRIC_store_commit_seconds, (double)(clock_mono_us() - began_us) / 1e6);
    metric_add(METRIC_store_errors_total, e != OK);
    if (e)
        batch_fail(&batch, e);
    health(s, lane->db, e);
    batch_finish(s, &batch);
}

static void op_read(struct lane *lane, struct store_op *op)
{
    struct store *s = lane->store;
    op->err = db_script(lane->db, "BEGIN");
    if (!op->err)
        op->err = must_fail(s) ? ERR_STORE : op->cls->run(lane->db, op->input);
    undo(lane->db);
    op_finish(s, op);
}

static void probe(struct lane *lane)
{
    enum err e = db_script(lane->db, "BEGIN IMMEDIATE; INSERT OR REPLACE INTO setting VALUES('store.probe', '1');"
                                     "COMMIT");
    undo(lane->db);
    health(lane->store, lane->db, e);
}

static void wait_for_work(struct lane *lane, bool is_probing)
{
    struct store *s = lane->store;
    if (!is_probing) {
        pthread_cond_wait(&lane->wake, &s->lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_MS / 1000;
    if (pthread_cond_timedwait(&lane->wake, &s->lock, &until) == ETIMEDOUT) {
        pthread_mutex_unlock(&s->lock);
        probe(lane);
        pthread_mutex_lock(&s->lock);
    }
}

static void *lane_main(void *arg)
{
    struct lane *lane = arg;
    struct store *s = lane->store;
    bool is_writer = lane == &s->lanes[OP_WRITE];
    pthread_setname_np(pthread_self(), is_writer ? "store" : "store-read");
    for (;;) {
        pthread_mutex_lock(&s->lock);
        while (list_empty(&lane->queue) && !s->is_closing)
            wait_for_work(lane, is_writer && !atomic_load(&s->is_healthy));
        struct node *n = list_shift(&lane->queue);
        pthread_mutex_unlock(&s->lock);
        if (!n)
            return NULL; /* closing, and nothing left */
        struct store_op *op = container_of(n, struct store_op, node);
        if (is_writer && !op->cls->is_read_only)
            batch_run(lane, op);
        else
            op_read(lane, op);
    }
}

static bool lane_start(struct store *s, enum op_kind kind)
{
    struct lane *lane = &s->lanes[kind];
    lane->is_running = pthread_create(&lane->thread, NULL, lane_main, lane) == 0;
    return lane->is_running;
}

static struct store *store_new(const struct store_opts *o)
{
    struct store *s = xnew(struct store);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->finished, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (int i = 0; i < 2; i++) {
        s->lanes[i].store = s;
        list_init(&s->lanes[i].queue);
        pthread_cond_init(&s->lanes[i].wake, &attr);
    }
    pthread_condattr_destroy(&attr);
    s->queue_max = o->queue_max ? o->queue_max : STORE_QUEUE_MAX;
    atomic_init(&s->is_healthy, true);
    return s;
}

enum err store_open(struct store **out, const struct store_opts *o, struct err_note *note)
{
    struct db_opts d = { .path = o->path, .is_durable = o->is_durable, .busy_wait_ms = o->busy_wait_ms };
    struct db *db = NULL, *reader = NULL;
    enum err e = db_open(&db, &d, note);
    if (e)
        return e;
    if (strcmp(o->path, ":memory:") != 0) {
        d.is_read_only = true;
        e = db_open(&reader, &d, note);
        if (e) {
            db_close(db);
            return e;
        }
    }
    struct store *s = store_new(o);
    s->lanes[OP_WRITE].db = db;
    s->lanes[OP_READ].db = reader;
    if (!lane_start(s, OP_WRITE) || (reader && !lane_start(s, OP_READ))) {
        store_close(s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    for (int i = 0; i < 2; i++)
        pthread_cond_broadcast(&s->lanes[i].wake);
    pthread_mutex_unlock(&s->lock);
    for (int i = 1; i >= 0; i--) { /* the writer last: it folds the log into the file */
        if (s->lanes[i].is_running)
            pthread_join(s->lanes[i].thread, NULL);
        db_close(s->lanes[i].db);
        pthread_cond_destroy(&s->lanes[i].wake);
    }
    pthread_cond_destroy(&s->finished);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static enum err enqueue(struct store *s, struct store_op *op)
{
    pthread_mutex_lock(&s->lock);
    bool is_full = s->queued >= s->queue_max || s->is_closing;
    if (!is_full) {
        struct lane *lane = &s->lanes[op->cls->is_read_only && s->lanes[OP_READ].is_running ? OP_READ : OP_WRITE];
        s->queued++;
        list_push(&lane->queue, &op->node);
        pthread_cond_signal(&lane->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return is_full ? ERR_BUSY : OK;
}

enum err store_start(struct store_op **out, struct store *s, struct loop *l, const struct store_op_class *cls,
                     void *input, void *owner)
{
    struct store_op *op = xnew(struct store_op);
    op->cls = cls;
    op->input = input;
    op->owner = owner;
    op->loop = l;
    enum err e = enqueue(s, op);
    if (e) {
        mem_free(op);
        return e;
    }
    if (out)
        *out = op; /* on l's thread: op_heard cannot have run yet */
    return OK;
}

void store_cancel(struct store_op *op)
{
    if (op)
        op->is_cancelled = true;
}

enum err store_run(struct store *s, enum err (*run)(struct db *db, void *input), void *input)
{
    const struct store_op_class cls = { .name = "run", .run = run };
    bool is_done = false;
    struct store_op op = { .cls = &cls, .input = input, .waiter = &is_done };
    enum err e = enqueue(s, &op);
    if (e)
        return e;
    pthread_mutex_lock(&s->lock);
    while (!is_done)
        pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return op.err;
}

bool store_is_healthy(struct store *s)
{
    return atomic_load(&s->is_healthy);
}

unsigned store_queued(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned n = s->queued;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void store_fail_nth(struct store *s, unsigned nth)
{
    atomic_store(&s->fail_nth, nth);
}
