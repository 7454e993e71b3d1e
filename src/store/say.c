/* SPDX-License-Identifier: MIT
 * say.c -- see say.h. */
#include "store/say.h"

#define SAY_COLUMNS "id, device, text, coalesce(key, ''), state, auto_listen, created_ms, expires_ms"

static enum err say_one(struct query *q, struct arena *a, struct say_row *out)
{
    if (query_next(q)) {
        *out = (struct say_row){
            .id = query_keep(q, 0, a), .device = query_keep(q, 1, a), .text = query_keep(q, 2, a),
            .key = query_keep(q, 3, a), .state = query_keep(q, 4, a), .is_listening_after = query_i64(q, 5) != 0,
            .created_ms = query_i64(q, 6), .expires_ms = query_i64(q, 7),
        };
        return query_end(q);
    }
    enum err e = query_end(q);
    return e ? e : ERR_NOT_FOUND;
}

enum err db_say_get(struct db *db, const char *id, struct arena *a, struct say_row *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " SAY_COLUMNS " FROM say WHERE id = ?1", db_s(id));
    return say_one(&q, a, out);
}

enum err db_say_put(struct db *db, const struct say_row *row, struct arena *a, struct say_row *out)
{
    bool has_key = row->key && row->key[0];
    if (has_key) {
        auto_query struct query q;
        db_query(&q, db, "SELECT " SAY_COLUMNS " FROM say WHERE device = ?1 AND key = ?2", db_s(row->device),
                 db_s(row->key));
        enum err e = say_one(&q, a, out);
        if (e != ERR_NOT_FOUND)
            return e;
    }
    int64_t waiting = 0;
    enum err e = db_number(&waiting, db, "SELECT count(*) FROM say WHERE device = ?1 AND state = 'queued'",
                           db_s(row->device));
    if (!e && waiting >= SAY_PER_DEVICE_MAX)
        e = ERR_LIMIT;
    if (!e)
        e = db_run(db, "INSERT INTO say (id, device, text, auto_listen, key, state, created_ms, expires_ms, changed_ms)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7)",
                   db_s(row->id), db_s(row->device), db_s(row->text), db_i(row->is_listening_after),
                   has_key ? db_s(row->key) : (struct db_arg){ .kind = DB_NULL },
                   db_s(row->state && row->state[0] ? row->state : "queued"), db_i(row->created_ms),
                   db_i(row->expires_ms));
    return e ? e : db_say_get(db, row->id, a, out);
}

enum err db_say_fetch(struct db *db, const char *device, int64_t now_ms, struct arena *a, struct say_row *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " SAY_COLUMNS " FROM say WHERE device = ?1 AND state = 'queued' AND expires_ms > ?2"
                     " ORDER BY created_ms, id LIMIT 1", db_s(device), db_i(now_ms));
    enum err e = say_one(&q, a, out);
    return e ? e : db_say_mark(db, out->id, "fetched", now_ms);
}

enum err db_say_mark(struct db *db, const char *id, const char *state, int64_t now_ms)
{
    enum err e = db_run(db, "UPDATE say SET state = ?2, changed_ms = ?3 WHERE id = ?1 AND state <> 'played'",
                        db_s(id), db_s(state), db_i(now_ms));
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

enum err db_say_expire(struct db *db, int64_t now_ms, int64_t forget_ms, int64_t *expired)
{
    enum err e = db_run(db, "UPDATE say SET state = 'expired', changed_ms = ?1 WHERE state = 'queued'"
                            " AND expires_ms <= ?1", db_i(now_ms));
    *expired = e ? 0 : db_changes(db);
    return e ? e : db_run(db, "DELETE FROM say WHERE state <> 'queued' AND changed_ms < ?1", db_i(forget_ms));
}
