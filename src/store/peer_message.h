/* SPDX-License-Identifier: MIT
 * peer_message.h -- messages that wait for a device to come back. Store thread. */
#ifndef PARLEY_STORE_PEER_MESSAGE_H
#define PARLEY_STORE_PEER_MESSAGE_H

#include "store/db.h"

struct peer_message_row {
    int64_t n; /* by reading: order, and the name for removal */
    const char *id, *target, *origin, *payload;
    int64_t created_ms, expires_ms;
};
struct peer_limits {
    int64_t per_target, total;
};
/* Over per_target the target's oldest are dropped (*dropped of them); over total: ERR_LIMIT. The same id
 * for the same target again changes nothing. */
must_check enum err db_peer_put(struct db *db, const struct peer_message_row *m, const struct peer_limits *limits,
                                int64_t *dropped);
struct peer_filter {
    const char *target;
    int64_t now_ms; /* without what has expired by then */
    size_t limit;
};
must_check enum err db_peer_list(struct db *db, const struct peer_filter *f, struct arena *a,
                                 struct peer_message_row **out, size_t *count); /* in order */
must_check enum err db_peer_remove(struct db *db, int64_t n); /* after it was written to the socket */
must_check enum err db_peer_expire(struct db *db, int64_t now_ms, int64_t *removed);
must_check enum err db_peer_count(struct db *db, const char *target /* NULL: all */, int64_t *count);

#endif
