/* SPDX-License-Identifier: MIT
 * meeting.c -- meetings: open, resume, finalize, list, retain. Their texts are in segment.c. */
#include "store/meeting.h"

#define MEETING_HEAD \
    "id, session, device, title, state, started_ms, ended_ms, last_text_ms, left_ms, segments, bullets"
#define MEETING_ALL MEETING_HEAD ", summary, metrics"
#define MEETING_LIST MEETING_HEAD ", '', ''"

enum err db_meeting_open(struct db *db, const struct meeting_row *m)
{
    return db_run(db, "INSERT INTO meeting (id, session, device, title, started_ms, last_text_ms)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                  db_s(m->id), db_s(m->session), db_s(m->device), db_s(m->title), db_i(m->started_ms));
}

static struct meeting_row meeting_read(const struct query *q, struct arena *a)
{
    return (struct meeting_row){
        .id = query_keep(q, 0, a), .session = query_keep(q, 1, a), .device = query_keep(q, 2, a),
        .title = query_keep(q, 3, a), .state = (enum meeting_state)query_i64(q, 4),
        .started_ms = query_i64(q, 5), .ended_ms = query_i64(q, 6), .last_text_ms = query_i64(q, 7),
        .left_ms = query_i64(q, 8), .segments = query_i64(q, 9), .bullets = query_i64(q, 10),
        .summary = query_keep(q, 11, a), .metrics = query_keep(q, 12, a),
    };
}

static enum err meeting_one(struct query *q, struct arena *a, struct meeting_row *out)
{
    if (query_next(q)) {
        *out = meeting_read(q, a);
        return query_end(q);
    }
    enum err e = query_end(q);
    return e ? e : ERR_NOT_FOUND;
}

static enum err meeting_many(struct query *q, struct arena *a, struct meeting_row **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    while (query_next(q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = meeting_read(q, a);
    }
    return query_end(q);
}

enum err db_meeting_get(struct db *db, const char *id, struct arena *a, struct meeting_row *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " MEETING_ALL " FROM meeting WHERE id = ?1", db_s(id));
    enum err e = meeting_one(&q, a, out);
    if (e != ERR_NOT_FOUND)
        return e;
    auto_query struct query by_session;
    db_query(&by_session, db, "SELECT " MEETING_ALL " FROM meeting WHERE session = ?1 ORDER BY started_ms DESC"
                              " LIMIT 1", db_s(id));
    return meeting_one(&by_session, a, out);
}

enum err db_meeting_resumable(struct db *db, const char *device, int64_t since_ms, struct arena *a,
                              struct meeting_row *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " MEETING_ALL " FROM meeting WHERE device = ?1 AND state = 0"
                     " AND (left_ms = 0 OR max(started_ms, last_text_ms, left_ms) >= ?2)",
             db_s(device), db_i(since_ms));
    return meeting_one(&q, a, out);
}

static enum err one_changed(struct db *db, enum err e)
{
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

enum err db_meeting_attach(struct db *db, const char *id, const char *session)
{
    return one_changed(db, db_run(db, "UPDATE meeting SET session = ?2, left_ms = 0 WHERE id = ?1 AND state = 0",
                                  db_s(id), db_s(session)));
}

enum err db_meeting_left(struct db *db, const char *id, const char *session, int64_t now_ms)
{
    return one_changed(db, db_run(db, "UPDATE meeting SET left_ms = ?3 WHERE id = ?1 AND session = ?2"
                                      " AND state = 0", db_s(id), db_s(session), db_i(now_ms)));
}

enum err db_meeting_all_left(struct db *db, int64_t now_ms)
{
    return db_run(db, "UPDATE meeting SET left_ms = ?1 WHERE state = 0 AND left_ms = 0", db_i(now_ms));
}

enum err db_meeting_finalize(struct db *db, const char *id, int64_t now_ms, enum meeting_state *was)
{
    int64_t state = 0, merged;
    enum err e = db_number(&state, db, "SELECT state FROM meeting WHERE id = ?1", db_s(id));
    if (e)
        return e;
    if (state == MEETING_OPEN) {
        e = db_pending_merge(db, id, &merged);
        if (e && e != ERR_LIMIT)
            return e;
        e = db_run(db, "UPDATE meeting SET state = 1, ended_ms = max(?2, last_text_ms) WHERE id = ?1", db_s(id),
                   db_i(now_ms));
    }
    if (!e)
        *was = (enum meeting_state)state;
    return e;
}

enum err db_meeting_done(struct db *db, const char *id, const struct meeting_result *r)
{
    enum err e = one_changed(
        db, db_run(db, "UPDATE meeting SET state = 2, title = ?2, summary = ?3, metrics = ?4, bullets = ?5"
                       " WHERE id = ?1 AND state > 0",
                   db_s(id), db_s(r->title), db_s(r->summary), db_s(r->metrics), db_i(r->bullets)));
    return e;
}

enum err db_meeting_unfinished(struct db *db, int64_t idle_before_ms, size_t limit, struct arena *a,
                               struct meeting_row **out, size_t *count)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " MEETING_LIST " FROM meeting WHERE state < 2 AND (state = 1 OR"
                     " max(started_ms, last_text_ms, left_ms) < ?1) ORDER BY started_ms LIMIT ?2",
             db_i(idle_before_ms), db_i((int64_t)MIN(limit, DB_ROWS_MAX)));
    return meeting_many(&q, a, out, count);
}

enum err db_meeting_recent(struct db *db, const struct meeting_filter *f, struct arena *a, struct meeting_row **out,
                           size_t *count)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " MEETING_LIST " FROM meeting WHERE started_ms >= ?1 AND started_ms <= ?2"
                     " AND substr(device, 1, length(?3)) = ?3 AND (?6 = '' OR device = ?6)"
                     " ORDER BY started_ms DESC, id LIMIT ?4 OFFSET ?5",
             db_i(f->from_ms), db_i(f->to_ms ? f->to_ms : INT64_MAX), db_s(f->device_prefix),
             db_i((int64_t)MIN(f->limit, DB_ROWS_MAX)), db_i((int64_t)f->offset), db_s(f->device));
    return meeting_many(&q, a, out, count);
}

enum err db_meeting_delete(struct db *db, const char *id)
{
    int64_t state = 0;
    enum err e = db_number(&state, db, "SELECT state FROM meeting WHERE id = ?1", db_s(id));
    if (e)
        return e;
    if (state == MEETING_OPEN)
        return ERR_STATE;
    return db_run(db, "DELETE FROM meeting WHERE id = ?1", db_s(id));
}

enum err db_meeting_retain(struct db *db, int64_t keep, int64_t before_ms, size_t limit, int64_t *removed)
{
    enum err e = db_run(db,
                        "DELETE FROM meeting WHERE state = 2 AND id IN (SELECT id FROM ("
                        " SELECT id, ended_ms, row_number() OVER (ORDER BY ended_ms DESC, id) AS rank FROM meeting"
                        " WHERE state = 2) WHERE (?1 > 0 AND rank > ?1) OR ended_ms < ?2"
                        " ORDER BY ended_ms LIMIT ?3)",
                        db_i(keep), db_i(before_ms), db_i((int64_t)limit));
    *removed = e ? 0 : db_changes(db);
    return e;
}
