/* SPDX-License-Identifier: MIT
 * turn.h -- what was said, row by row as it happens: a turn is one or more rows (user, assistant, tool)
 * of the same session and number. Store thread. */
#ifndef PARLEY_STORE_TURN_H
#define PARLEY_STORE_TURN_H

#include "store/db.h"

struct turn_row {
    int64_t id;             /* set by reading */
    const char *device, *session;
    int64_t number;         /* of the turn in its session */
    const char *role, *mode, *text, *outcome; /* role: user, assistant, tool */
    int64_t started_ms, ended_ms;
    const char *details;    /* JSON of times and counts; "" none */
};
must_check enum err db_turn_add(struct db *db, const struct turn_row *t, int64_t *id /* may be NULL */);
struct turn_filter {
    const char *device;
    int64_t since_ms; /* ended at or after it; 0: any */
    size_t limit;     /* so many of the last ones */
};
must_check enum err db_turn_last(struct db *db, const struct turn_filter *f, struct arena *a, struct turn_row **out,
                                 size_t *count); /* oldest first */
/* All rows of a session, oldest first, at most DB_ROWS_MAX. */
must_check enum err db_turn_of_session(struct db *db, const char *session, struct arena *a, struct turn_row **out,
                                       size_t *count);
/* Retention: removes at most `limit` rows that ended before; *more: there are others left. */
must_check enum err db_turn_expire(struct db *db, int64_t before_ms, size_t limit, bool *more);

#endif
