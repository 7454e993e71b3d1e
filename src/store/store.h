/* SPDX-License-Identifier: MIT
 * store.h -- SQLite behind one writer thread with group commit.
 *
 *     loop: store_start(op) --> store thread: run() of many ops, one COMMIT --> loop: done()
 *
 * done(OK) means on disk (WAL, synchronous=FULL by default). An op that fails is rolled back alone;
 * when the commit fails (disk full, locked by another program) all of its batch fail and the store is
 * unhealthy until a commit works again. Read-only ops run on a second thread with a connection of its
 * own, so that a long search delays no commit: they see everything whose done() was heard.
 * Table families are plain synchronous functions on a struct db (store/<family>.c), for use inside
 * run(). */
#ifndef PARLEY_STORE_STORE_H
#define PARLEY_STORE_STORE_H

#include "loop/loop.h"

struct store;
struct db;       /* an open database, on the store thread (or a test's) */
struct store_op;

struct store_op_class {
    const char *name;
    enum err (*run)(struct db *db, void *input);           /* store thread */
    void (*done)(void *owner, enum err err, void *input);  /* loop thread; after the commit; may be NULL */
    void (*free_input)(void *input);                       /* may be NULL: input is the owner's */
    bool is_read_only;                                     /* needs no commit */
};

#define STORE_QUEUE_MAX 8192
#define STORE_BATCH_MAX 256 /* ops in one commit */
#define STORE_BATCH_MS 50   /* a batch takes no more ops after this time */

struct store_opts {
    const char *path;        /* ":memory:" for tests */
    bool is_durable;         /* synchronous=FULL; false: NORMAL */
    unsigned queue_max;      /* 0: STORE_QUEUE_MAX ops; ERR_BUSY beyond */
    unsigned busy_wait_ms;   /* waiting for another program's lock; 0: 2000 */
};
must_check enum err store_open(struct store **out, const struct store_opts *o, struct err_note *note);
/* Runs what is queued, then closes. Answers still go to the loops: close the store before them, and
 * let each run once more. NULL is fine. */
void store_close(struct store *s);
/* owner is named on the loop thread only; after store_cancel it hears nothing (the op still runs).
 * On an error (ERR_BUSY) nothing was taken: input is still yours. out may be NULL. l NULL: nobody
 * wants to hear, done is not called and free_input runs on the store's thread. */
must_check enum err store_start(struct store_op **out, struct store *s, struct loop *l,
                                const struct store_op_class *cls, void *input, void *owner);
void store_cancel(struct store_op *op); /* NULL is fine */
/* Blocks: start-up, command line and tests only, never on a loop thread that serves. */
enum err store_run(struct store *s, enum err (*run)(struct db *db, void *input), void *input);
bool store_is_healthy(struct store *s);
unsigned store_queued(struct store *s);
/* Tests: the Nth op from now fails with ERR_STORE; 0 off. */
void store_fail_nth(struct store *s, unsigned nth);

#endif
