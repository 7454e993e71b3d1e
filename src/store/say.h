/* SPDX-License-Identifier: MIT
 * say.h -- what somebody wants a device to say: queued until the device comes, never
 * played twice. States: queued -> fetched -> played, or expired; busy. Store thread. */
#ifndef PARLEY_STORE_SAY_H
#define PARLEY_STORE_SAY_H

#include "store/db.h"

#define SAY_PER_DEVICE_MAX 100

struct say_row {
    const char *id, *device, *text, *key, *state; /* key: idempotency key, "" none */
    bool is_listening_after;
    int64_t created_ms, expires_ms;
};
/* With a key that is there already: nothing is added, *out is the row of before. ERR_LIMIT: too many wait.
 * row->state "" means queued. */
must_check enum err db_say_put(struct db *db, const struct say_row *row, struct arena *a, struct say_row *out);
must_check enum err db_say_get(struct db *db, const char *id, struct arena *a, struct say_row *out);
/* Takes the oldest that waits and marks it fetched. ERR_NOT_FOUND: none. */
must_check enum err db_say_fetch(struct db *db, const char *device, int64_t now_ms, struct arena *a,
                                 struct say_row *out);
/* What was played stays played. ERR_NOT_FOUND: it was, or there is none of that id. */
must_check enum err db_say_mark(struct db *db, const char *id, const char *state, int64_t now_ms);
/* Waiting ones past their time become expired; rows not changed since forget_ms are removed. */
must_check enum err db_say_expire(struct db *db, int64_t now_ms, int64_t forget_ms, int64_t *expired);

#endif
