/* SPDX-License-Identifier: MIT
 * turn.c -- see turn.h. */
#include "store/turn.h"

#define TURN_COLUMNS "id, device, session, number, role, mode, text, outcome, started_ms, ended_ms, details"

enum err db_turn_add(struct db *db, const struct turn_row *t, int64_t *id)
{
    enum err e = db_run(db,
                        "INSERT INTO turn (device, session, number, role, mode, text, outcome, started_ms, ended_ms,"
                        " details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                        db_s(t->device), db_s(t->session), db_i(t->number), db_s(t->role),
                        db_s(t->mode ? t->mode : "chat"), db_s(t->text), db_s(t->outcome), db_i(t->started_ms),
                        db_i(t->ended_ms), db_s(t->details));
    if (!e && id)
        *id = db_last_id(db);
    return e;
}

static enum err read_all(struct query *q, struct arena *a, struct turn_row **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    while (query_next(q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct turn_row){
            .id = query_i64(q, 0), .device = query_keep(q, 1, a), .session = query_keep(q, 2, a),
            .number = query_i64(q, 3), .role = query_keep(q, 4, a), .mode = query_keep(q, 5, a),
            .text = query_keep(q, 6, a), .outcome = query_keep(q, 7, a), .started_ms = query_i64(q, 8),
            .ended_ms = query_i64(q, 9), .details = query_keep(q, 10, a),
        };
    }
    return query_end(q);
}

enum err db_turn_last(struct db *db, const struct turn_filter *f, struct arena *a, struct turn_row **out,
                      size_t *count)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT * FROM (SELECT " TURN_COLUMNS " FROM turn WHERE device = ?1 AND ended_ms >= ?2"
                     " ORDER BY id DESC LIMIT ?3) ORDER BY id",
             db_s(f->device), db_i(f->since_ms), db_i((int64_t)MIN(f->limit, DB_ROWS_MAX)));
    return read_all(&q, a, out, count);
}

enum err db_turn_of_session(struct db *db, const char *session, struct arena *a, struct turn_row **out,
                            size_t *count)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " TURN_COLUMNS " FROM turn WHERE session = ?1 ORDER BY id LIMIT ?2", db_s(session),
             db_i(DB_ROWS_MAX));
    return read_all(&q, a, out, count);
}

enum err db_turn_expire(struct db *db, int64_t before_ms, size_t limit, bool *more)
{
    enum err e = db_run(db, "DELETE FROM turn WHERE id IN (SELECT id FROM turn WHERE ended_ms < ?1 LIMIT ?2)",
                        db_i(before_ms), db_i((int64_t)limit));
    *more = !e && db_changes(db) == (int64_t)limit;
    return e;
}
