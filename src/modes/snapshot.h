/* SPDX-License-Identifier: MIT
 * snapshot.h -- the tasks of a group as one message, read and written once for all sessions of a loop that want it
 * now: a change in a group of a hundred devices costs two readings and not a hundred.
 *
 *   ask .. ask .. ask -> one is being read: the others wait for the next reading, which sees all they were told of
 *
 * One loop. */
#ifndef PARLEY_MODES_SNAPSHOT_H
#define PARLEY_MODES_SNAPSHOT_H

#include "base/buf.h"
#include "base/list.h"

struct loop;
struct snapshots;
struct store;

struct snapshot {
    struct slice json; /* borrowed: the message, not over the bytes asked for */
    size_t count;      /* tasks in it, the first ones ... */
    int64_t total;     /* ... of so many */
};
/* A place to wait in, of whoever asks; it must live until on_done, which comes once. */
struct snapshot_wish {
    struct node node;
    void (*on_done)(struct snapshot_wish *w, enum err err, const struct snapshot *s); /* s only with OK */
};

void snapshots_create(struct snapshots **out, struct loop *l, struct store *store); /* store NULL: ERR_STORE for all */
void snapshots_close(struct snapshots *s); /* who still waits hears ERR_CLOSED; NULL is fine */
/* Shows what was in the store when it was asked, or newer. on_done comes later, never inside. */
must_check enum err snapshots_ask(struct snapshots *s, const char *group, size_t max_bytes, struct snapshot_wish *w);

#endif
