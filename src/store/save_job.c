/* SPDX-License-Identifier: MIT
 * save_job.c -- see save_job.h. */
#include "store/save_job.h"

enum { WAITING = 0, SAVED = 1, DROPPED = 2 };

enum err db_save_job_put(struct db *db, const struct save_job_row *job, bool *is_new)
{
    enum err e = db_run(db,
                        "INSERT INTO save_job (device, seq, key, session, payload, next_try_ms, created_ms)"
                        " VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM save_job WHERE device = ?1), ?2, ?3, ?4,"
                        " ?5, ?6) ON CONFLICT (key) DO NOTHING",
                        db_s(job->device), db_s(job->key), db_s(job->session), db_s(job->payload),
                        db_i(job->next_try_ms), db_i(job->created_ms));
    if (!e)
        *is_new = db_changes(db) > 0;
    return e;
}

enum err db_save_job_due(struct db *db, int64_t now_ms, size_t limit, struct arena *a, struct save_job_row **out,
                         size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db,
             "SELECT id, device, seq, key, session, payload, tries, next_try_ms, created_ms FROM save_job j"
             " WHERE state = 0 AND next_try_ms <= ?1 AND NOT EXISTS (SELECT 1 FROM save_job b"
             " WHERE b.device = j.device AND b.state = 0 AND b.seq < j.seq) ORDER BY next_try_ms, id LIMIT ?2",
             db_i(now_ms), db_i((int64_t)MIN(limit, DB_ROWS_MAX)));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct save_job_row){
            .id = query_i64(&q, 0), .device = query_keep(&q, 1, a), .seq = query_i64(&q, 2),
            .key = query_keep(&q, 3, a), .session = query_keep(&q, 4, a), .payload = query_keep(&q, 5, a),
            .tries = query_i64(&q, 6), .next_try_ms = query_i64(&q, 7), .created_ms = query_i64(&q, 8),
        };
    }
    return query_end(&q);
}

enum err db_save_job_next(struct db *db, int64_t *next_try_ms)
{
    return db_number(next_try_ms, db,
                     "SELECT next_try_ms FROM save_job j WHERE state = 0 AND NOT EXISTS (SELECT 1 FROM save_job b"
                     " WHERE b.device = j.device AND b.state = 0 AND b.seq < j.seq) ORDER BY next_try_ms LIMIT 1");
}

static enum err end(struct db *db, int64_t id, int state, int64_t now_ms)
{
    enum err e = db_run(db, "UPDATE save_job SET state = ?2, payload = '', ended_ms = ?3 WHERE id = ?1 AND state = 0",
                        db_i(id), db_i(state), db_i(now_ms));
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

enum err db_save_job_done(struct db *db, int64_t id, int64_t now_ms)
{
    return end(db, id, SAVED, now_ms);
}

enum err db_save_job_failed(struct db *db, int64_t id, int64_t now_ms, bool *is_dropped)
{
    int64_t created = 0, tries = 0;
    enum err e = db_number(&created, db, "SELECT created_ms FROM save_job WHERE id = ?1 AND state = 0", db_i(id));
    if (!e)
        e = db_number(&tries, db, "SELECT tries FROM save_job WHERE id = ?1", db_i(id));
    if (e)
        return e;
    *is_dropped = now_ms - created >= SAVE_JOB_LIFE_MS;
    if (*is_dropped)
        return end(db, id, DROPPED, now_ms);
    int64_t delay = tries >= 7 ? SAVE_JOB_MAX_DELAY_MS
                               : MIN((int64_t)SAVE_JOB_FIRST_DELAY_MS << tries, SAVE_JOB_MAX_DELAY_MS);
    return db_run(db, "UPDATE save_job SET tries = tries + 1, next_try_ms = ?2 WHERE id = ?1", db_i(id),
                  db_i(now_ms + delay));
}

enum err db_save_job_waiting(struct db *db, int64_t *count)
{
    return db_number(count, db, "SELECT count(*) FROM save_job WHERE state = 0");
}

enum err db_save_job_lost(struct db *db, int64_t since_ms, size_t limit, struct arena *a, struct lost_session **out,
                          size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db,
             "SELECT session, device, max(ended_ms) FROM turn t WHERE ended_ms >= ?1 AND session <> ''"
             " AND NOT EXISTS (SELECT 1 FROM save_job j WHERE j.key = t.session)"
             " GROUP BY session HAVING sum(role = 'user') > 0 ORDER BY max(id) LIMIT ?2",
             db_i(since_ms), db_i((int64_t)MIN(limit, DB_ROWS_MAX)));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] =
            (struct lost_session){ query_keep(&q, 0, a), query_keep(&q, 1, a), query_i64(&q, 2) };
    }
    return query_end(&q);
}

enum err db_save_job_expire(struct db *db, int64_t ended_before_ms)
{
    return db_run(db, "DELETE FROM save_job WHERE state <> 0 AND ended_ms < ?1", db_i(ended_before_ms));
}
