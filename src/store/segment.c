/* SPDX-License-Identifier: MIT
 * segment.c -- the texts of a meeting: pending, merged, listed, searched; its summaries on the way and
 * its webhook jobs. Contract in meeting.h. */
#include "store/meeting.h"
#include "store/words.h"

#define TIDY_PAGES 200 /* index pages rewritten by one call of db_search_tidy */

enum err db_pending_add(struct db *db, const struct segment_row *text)
{
    int64_t state = 0, waiting = 0;
    enum err e = db_number(&state, db, "SELECT state FROM meeting WHERE id = ?1", db_s(text->meeting));
    if (!e && state != MEETING_OPEN)
        e = ERR_STATE;
    if (!e)
        e = db_pending_count(db, text->meeting, &waiting);
    if (!e && waiting >= MEETING_PENDING_MAX)
        e = ERR_LIMIT;
    if (!e)
        e = db_run(db, "INSERT INTO pending_text (meeting, ts_ms, text, speaker, tag) VALUES (?1, ?2, ?3, ?4, ?5)",
                   db_s(text->meeting), db_i(text->ts_ms), db_s(text->text), db_s(text->speaker), db_s(text->tag));
    if (!e)
        e = db_run(db, "UPDATE meeting SET last_text_ms = max(last_text_ms, ?2) WHERE id = ?1", db_s(text->meeting),
                   db_i(text->ts_ms));
    return e;
}

enum err db_pending_count(struct db *db, const char *meeting, int64_t *count)
{
    return db_number(count, db, "SELECT count(*) FROM pending_text WHERE meeting = ?1", db_s(meeting));
}

enum err db_pending_merge(struct db *db, const char *meeting, int64_t *merged)
{
    int64_t have = 0, waiting = 0;
    enum err e = db_number(&have, db, "SELECT segments FROM meeting WHERE id = ?1", db_s(meeting));
    if (!e)
        e = db_pending_count(db, meeting, &waiting);
    if (e)
        return e;
    *merged = MIN(waiting, MAX(MEETING_SEGMENTS_MAX - have, 0));
    if (*merged == 0)
        return waiting ? ERR_LIMIT : OK;
    e = db_run(db, "INSERT INTO segment (meeting, ts_ms, text, speaker, tag) SELECT meeting, ts_ms, text, speaker,"
                   " tag FROM pending_text WHERE meeting = ?1 ORDER BY id LIMIT ?2", db_s(meeting), db_i(*merged));
    if (!e)
        e = db_run(db, "DELETE FROM pending_text WHERE id IN (SELECT id FROM pending_text WHERE meeting = ?1"
                       " ORDER BY id LIMIT ?2)", db_s(meeting), db_i(*merged));
    if (!e)
        e = db_run(db, "UPDATE meeting SET segments = segments + ?2 WHERE id = ?1", db_s(meeting), db_i(*merged));
    return e;
}

static enum err segments_read(struct query *q, struct arena *a, struct segment_row **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    while (query_next(q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct segment_row){
            .id = query_i64(q, 0), .meeting = query_keep(q, 1, a), .ts_ms = query_i64(q, 2),
            .text = query_keep(q, 3, a), .speaker = query_keep(q, 4, a), .tag = query_keep(q, 5, a),
        };
    }
    return query_end(q);
}

enum err db_segment_list(struct db *db, const struct segment_filter *f, struct arena *a, struct segment_row **out,
                         size_t *count)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT id, meeting, ts_ms, text, speaker, tag FROM segment WHERE meeting = ?1 AND id > ?2"
                     " ORDER BY id LIMIT ?3 OFFSET ?4",
             db_s(f->meeting), db_i(f->after_id), db_i((int64_t)MIN(f->limit, DB_ROWS_MAX)), db_i((int64_t)f->offset));
    return segments_read(&q, a, out, count);
}

enum err db_segment_last(struct db *db, const char *meeting, size_t limit, struct arena *a,
                         struct segment_row **out, size_t *count)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT * FROM (SELECT id, meeting, ts_ms, text, speaker, tag FROM segment WHERE meeting = ?1"
                     " ORDER BY id DESC LIMIT ?2) ORDER BY id",
             db_s(meeting), db_i((int64_t)MIN(limit, DB_ROWS_MAX)));
    return segments_read(&q, a, out, count);
}

/* --- search ---- */

enum err db_segment_search(struct db *db, const struct search_filter *f, struct arena *a, struct search_hit **out,
                           size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_buf struct buf match = { 0 };
    if (!words_query(&match, f->typed))
        return OK;
    auto_query struct query q;
    db_query(&q, db,
             "SELECT s.meeting, s.ts_ms, s.text FROM (SELECT rowid FROM segment_words WHERE segment_words MATCH ?1"
             " ORDER BY rowid DESC LIMIT ?2 OFFSET ?3) f JOIN segment s ON s.id = f.rowid ORDER BY s.id DESC",
             db_t(buf_slice(&match)), db_i((int64_t)MIN(f->limit, DB_ROWS_MAX)), db_i((int64_t)f->offset));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        struct slice excerpt = words_excerpt(query_text(&q, 2), f->typed, SEARCH_EXCERPT_BYTES);
        (*out)[(*count)++] = (struct search_hit){ .meeting = query_keep(&q, 0, a), .ts_ms = query_i64(&q, 1),
                                                  .excerpt = arena_strdup(a, excerpt) };
    }
    return query_end(&q);
}

enum err db_search_tidy(struct db *db, bool *more)
{
    int64_t before = db_total_changes(db);
    enum err e = db_run(db, "INSERT INTO segment_words (segment_words, rank) VALUES ('merge', ?1)",
                        db_i(-TIDY_PAGES));
    *more = !e && db_total_changes(db) - before >= 2;
    return e;
}

/* --- checkpoints ---- */

enum err db_checkpoint_add(struct db *db, const char *meeting, const struct checkpoint_row *c)
{
    return db_run(db, "INSERT INTO checkpoint (meeting, upto_segment, summary, created_ms) VALUES (?1, ?2, ?3, ?4)",
                  db_s(meeting), db_i(c->upto_segment), db_s(c->summary), db_i(c->created_ms));
}

enum err db_checkpoint_list(struct db *db, const char *meeting, struct arena *a, struct checkpoint_row **out,
                            size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT id, upto_segment, created_ms, summary FROM checkpoint WHERE meeting = ?1 ORDER BY id"
                     " LIMIT ?2", db_s(meeting), db_i(DB_ROWS_MAX));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct checkpoint_row){ query_i64(&q, 0), query_i64(&q, 1), query_i64(&q, 2),
                                                      query_keep(&q, 3, a) };
    }
    return query_end(&q);
}

/* --- webhook ---- */

enum err db_webhook_put(struct db *db, const char *meeting, struct slice body, int64_t now_ms)
{
    return db_run(db, "INSERT INTO webhook_job (meeting, body, next_try_ms, created_ms) VALUES (?1, ?2, ?3, ?3)",
                  db_s(meeting), db_t(body), db_i(now_ms));
}

enum err db_webhook_due(struct db *db, int64_t now_ms, size_t limit, struct arena *a, struct webhook_row **out,
                        size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT id, tries, next_try_ms, created_ms, meeting, body FROM webhook_job"
                     " WHERE next_try_ms <= ?1 ORDER BY next_try_ms, id LIMIT ?2",
             db_i(now_ms), db_i((int64_t)MIN(limit, DB_ROWS_MAX)));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct webhook_row){
            .id = query_i64(&q, 0), .tries = query_i64(&q, 1), .next_try_ms = query_i64(&q, 2),
            .created_ms = query_i64(&q, 3), .meeting = query_keep(&q, 4, a), .body = query_keep(&q, 5, a),
        };
    }
    return query_end(&q);
}

enum err db_webhook_next(struct db *db, int64_t *next_try_ms)
{
    return db_number(next_try_ms, db, "SELECT next_try_ms FROM webhook_job ORDER BY next_try_ms LIMIT 1");
}

enum err db_webhook_done(struct db *db, int64_t id)
{
    return db_run(db, "DELETE FROM webhook_job WHERE id = ?1", db_i(id));
}

enum err db_webhook_failed(struct db *db, int64_t id, int64_t next_try_ms)
{
    if (next_try_ms == 0)
        return db_webhook_done(db, id);
    return db_run(db, "UPDATE webhook_job SET tries = tries + 1, next_try_ms = ?2 WHERE id = ?1", db_i(id),
                  db_i(next_try_ms));
}
