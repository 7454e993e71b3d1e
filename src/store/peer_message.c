/* SPDX-License-Identifier: MIT
 * peer_message.c -- see peer_message.h. */
#include "store/peer_message.h"

enum err db_peer_put(struct db *db, const struct peer_message_row *m, const struct peer_limits *limits,
                     int64_t *dropped)
{
    *dropped = 0;
    int64_t all = 0, own = 0;
    enum err e = db_number(&all, db, "SELECT count(*) FROM peer_message");
    if (!e)
        e = db_peer_count(db, m->target, &own);
    if (!e && all >= limits->total && own < limits->per_target)
        e = ERR_LIMIT;
    if (!e)
        e = db_run(db, "INSERT OR IGNORE INTO peer_message (id, target, origin, payload, created_ms, expires_ms)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   db_s(m->id), db_s(m->target), db_s(m->origin), db_s(m->payload), db_i(m->created_ms),
                   db_i(m->expires_ms));
    if (e || db_changes(db) == 0 || own < limits->per_target)
        return e;
    e = db_run(db, "DELETE FROM peer_message WHERE target = ?1 AND n NOT IN (SELECT n FROM peer_message"
                   " WHERE target = ?1 ORDER BY n DESC LIMIT ?2)", db_s(m->target), db_i(limits->per_target));
    *dropped = e ? 0 : db_changes(db);
    return e;
}

enum err db_peer_list(struct db *db, const struct peer_filter *f, struct arena *a, struct peer_message_row **out,
                      size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT n, id, target, origin, payload, created_ms, expires_ms FROM peer_message"
                     " WHERE target = ?1 AND expires_ms > ?2 ORDER BY n LIMIT ?3",
             db_s(f->target), db_i(f->now_ms), db_i((int64_t)MIN(f->limit, DB_ROWS_MAX)));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct peer_message_row){
            .n = query_i64(&q, 0), .id = query_keep(&q, 1, a), .target = query_keep(&q, 2, a),
            .origin = query_keep(&q, 3, a), .payload = query_keep(&q, 4, a), .created_ms = query_i64(&q, 5),
            .expires_ms = query_i64(&q, 6),
        };
    }
    return query_end(&q);
}

enum err db_peer_remove(struct db *db, int64_t n)
{
    return db_run(db, "DELETE FROM peer_message WHERE n = ?1", db_i(n));
}

enum err db_peer_expire(struct db *db, int64_t now_ms, int64_t *removed)
{
    enum err e = db_run(db, "DELETE FROM peer_message WHERE expires_ms <= ?1", db_i(now_ms));
    *removed = e ? 0 : db_changes(db);
    return e;
}

enum err db_peer_count(struct db *db, const char *target, int64_t *count)
{
    if (!target)
        return db_number(count, db, "SELECT count(*) FROM peer_message");
    return db_number(count, db, "SELECT count(*) FROM peer_message WHERE target = ?1", db_s(target));
}
