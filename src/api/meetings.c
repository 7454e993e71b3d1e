/* SPDX-License-Identifier: MIT
 * meetings.c -- meetings as a reader wants them. What changes them (finalize, summarize) is asked of the
 * meeting mode through the environment. */
#include <stdio.h>

#include "api/private.h"
#include "base/utf8.h"
#include "store/meeting.h"

#define RECENT_DEFAULT 10
#define RECENT_MAX 100
#define SEARCH_DEFAULT 20
#define SEARCH_CHARS_MAX 100
#define PREVIEW_DEFAULT 5
#define PREVIEW_MAX 20
#define TRANSCRIPT_DEFAULT 100
#define TRANSCRIPT_MAX 500

/* Work on the meeting that the path names. NULL: it names none, which was answered. */
static struct work *meeting_work(struct api_call *c, enum err (*run)(struct db *db, struct work *w))
{
    struct slice id = slice_of(c->params[0]);
    if (!meeting_id_ok(id)) {
        call_reply_error(c, 400, "this is no meeting id");
        return NULL;
    }
    struct work *w = work_new(run);
    w->id = work_text(w, id);
    return w;
}

/* As its summary says: one that is over lasted min_ms at least (meeting.min_duration_ms). */
static int64_t duration_of(const struct meeting_row *m, int64_t min_ms)
{
    if (m->ended_ms)
        return MAX(m->ended_ms - m->started_ms, min_ms);
    return MAX(m->last_text_ms - m->started_ms, 0);
}

/* --- lists ---- */

static enum err recent_run(struct db *db, struct work *w)
{
    struct meeting_filter f = { .device_prefix = w->id, .limit = (size_t)w->n[0], .from_ms = w->n[1],
                                .to_ms = w->n[2] };
    struct meeting_row *rows;
    size_t count;
    enum err e = db_meeting_recent(db, &f, &w->arena, &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_array(&j);
    for (size_t i = 0; i < count; i++) {
        const struct meeting_row *m = &rows[i];
        jw_object(&j);
        jw_cstr(&j, "meetingId", m->id);
        jw_cstr(&j, "sessionId", m->session);
        jw_cstr(&j, "deviceId", m->device);
        jw_cstr(&j, "title", m->title);
        jw_i64(&j, "startedAt", m->started_ms);
        if (m->ended_ms)
            jw_i64(&j, "endedAt", m->ended_ms);
        else
            jw_null(&j, "endedAt");
        jw_i64(&j, "durationMs", duration_of(m, w->n[3]));
        jw_i64(&j, "bulletsLength", m->bullets);
        jw_bool(&j, "hasShards", false);
        jw_end(&j);
    }
    jw_end(&j);
    return OK;
}

void serve_meetings_recent(struct api_call *c)
{
    int64_t from_ms = 0, to_ms = 0;
    struct slice from = query_of(c, "fromTs"), to = query_of(c, "toTs"), device = query_of(c, "deviceId");
    if ((from.len && !time_read(from, &from_ms)) || (to.len && !time_read(to, &to_ms))) {
        call_reply_error(c, 400, "fromTs and toTs must be milliseconds or ISO-8601");
        return;
    }
    char prefix[ID_TEXT] = "";
    if (device.len && !id_normalise(device, prefix)) {
        call_reply_error(c, 400, "this is no device id");
        return;
    }
    struct work *w = work_new(recent_run);
    w->id = work_text(w, slice_of(prefix));
    w->n[0] = query_number(c, "limit", RECENT_DEFAULT, 1, RECENT_MAX);
    w->n[1] = from_ms;
    w->n[2] = to_ms;
    w->n[3] = c->cfg->meeting_min_duration_ms;
    work_start(c, w, true);
}

static enum err search_run(struct db *db, struct work *w)
{
    struct search_hit *hits;
    size_t count;
    const struct search_filter f = { .typed = slice_of(w->text), .offset = w->offset, .limit = w->limit };
    enum err e = db_segment_search(db, &f, &w->arena, &hits, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_array(&j);
    for (size_t i = 0; i < count; i++) {
        jw_object(&j);
        jw_cstr(&j, "meetingId", hits[i].meeting);
        jw_i64(&j, "ts", hits[i].ts_ms);
        jw_cstr(&j, "excerpt", hits[i].excerpt);
        jw_end(&j);
    }
    jw_end(&j);
    return OK;
}

void serve_meetings_search(struct api_call *c)
{
    struct slice q = query_of(c, "q");
    if (q.len == 0 || !utf8_valid(q) || utf8_chars(q) > SEARCH_CHARS_MAX) {
        call_reply_error(c, 400, "q must have 1 to 100 characters");
        return;
    }
    struct work *w = work_new(search_run);
    w->text = work_text(w, q);
    work_page(c, w, SEARCH_DEFAULT, RECENT_MAX);
    work_start(c, w, true);
}

/* --- one meeting ---- */

static void segments_put(struct jw *j, const char *key, const struct segment_row *rows, size_t count)
{
    jw_array_as(j, key);
    for (size_t i = 0; i < count; i++) {
        jw_object(j);
        jw_i64(j, "ts", rows[i].ts_ms);
        jw_cstr(j, "text", rows[i].text);
        jw_cstr(j, "speakerId", rows[i].speaker);
        jw_end(j);
    }
    jw_end(j);
}

/* The stored JSON, or the seven empty fields. */
static void summary_put(struct jw *j, const char *text)
{
    static const char *const lists[] = { "bullets", "decisions", "actions", "risks", "nextSteps" };
    auto_json struct json *v = NULL;
    if (text[0] && json_parse(&v, slice_of(text), NULL) == OK && json_is(v, JSON_OBJECT)) {
        jw_json(j, "summary", v);
        return;
    }
    jw_object_as(j, "summary");
    jw_cstr(j, "title", "");
    jw_cstr(j, "duration", "00:00:00");
    for (size_t i = 0; i < COUNT(lists); i++) {
        jw_array_as(j, lists[i]);
        jw_end(j);
    }
    jw_end(j);
}

static enum err meeting_run(struct db *db, struct work *w)
{
    static const char *const states[] = { "open", "finalizing", "done" };
    struct meeting_row m;
    struct segment_row *rows;
    size_t count;
    enum err e = db_meeting_get(db, w->id, &w->arena, &m);
    if (!e)
        e = db_segment_list(db, &(struct segment_filter){ .meeting = m.id, .limit = (size_t)w->n[0] }, &w->arena,
                            &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    jw_cstr(&j, "meetingId", m.id);
    jw_cstr(&j, "sessionId", m.session);
    jw_cstr(&j, "deviceId", m.device);
    jw_cstr(&j, "state", states[m.state]);
    jw_cstr(&j, "title", m.title);
    jw_i64(&j, "startedAt", m.started_ms);
    jw_i64(&j, "endedAt", m.ended_ms);
    jw_i64(&j, "durationMs", duration_of(&m, w->n[3]));
    jw_i64(&j, "segmentsCount", m.segments);
    summary_put(&j, m.summary);
    auto_json struct json *metrics = NULL;
    if (m.metrics[0] && json_parse(&metrics, slice_of(m.metrics), NULL) == OK)
        jw_json(&j, "metrics", metrics);
    segments_put(&j, "transcriptPreview", rows, count);
    jw_bool(&j, "hasShards", false);
    jw_end(&j);
    return OK;
}

void serve_meeting(struct api_call *c)
{
    struct work *w = meeting_work(c, meeting_run);
    if (!w)
        return;
    w->n[0] = query_number(c, "preview", PREVIEW_DEFAULT, 1, PREVIEW_MAX);
    w->n[3] = c->cfg->meeting_min_duration_ms;
    work_start(c, w, true);
}

static enum err transcript_run(struct db *db, struct work *w)
{
    struct meeting_row m;
    struct segment_row *rows;
    size_t count;
    enum err e = db_meeting_get(db, w->id, &w->arena, &m);
    if (!e)
        e = db_segment_list(db, &(struct segment_filter){ .meeting = m.id, .offset = w->offset, .limit = w->limit },
                            &w->arena, &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    segments_put(&j, "items", rows, count);
    page_put(&j, w, m.segments);
    jw_end(&j);
    return OK;
}

void serve_meeting_transcript(struct api_call *c)
{
    struct work *w = meeting_work(c, transcript_run);
    if (!w)
        return;
    work_page(c, w, TRANSCRIPT_DEFAULT, TRANSCRIPT_MAX);
    work_start(c, w, true);
}

/* --- changes ---- */

static enum err delete_run(struct db *db, struct work *w)
{
    struct meeting_row m;
    enum err e = db_meeting_get(db, w->id, &w->arena, &m);
    if (!e)
        e = db_meeting_delete(db, m.id);
    if (e == ERR_STATE)
        w->why = "the meeting is still open; finalize it first";
    if (!e)
        buf_puts(&w->out, "{\"deleted\":true}");
    return e;
}

/* Removed words leave the index's file too, a piece at a time, after the answer. */
static enum err tidy_run(struct db *db, void *input)
{
    bool more;
    return db_search_tidy(db, &more);
}

static const struct store_op_class tidy_class = { .name = "api.tidy", .run = tidy_run };

static void delete_then(struct api_call *c, struct work *w, enum err e)
{
    if (e) {
        call_reply_error(c, err_http(e), w->why ? w->why : err_text(e));
        return;
    }
    enum err tidy = store_start(NULL, c->api->env.store, NULL, &tidy_class, NULL, NULL);
    (void)tidy; /* the next one does it */
    call_reply_data(c, buf_slice(&w->out));
}

void serve_meeting_delete(struct api_call *c)
{
    struct work *w = meeting_work(c, delete_run);
    if (!w)
        return;
    w->then = delete_then;
    work_start(c, w, false);
}

static void changed(struct api_call *c, enum err e, const char *text)
{
    if (e) {
        call_reply_error(c, err_http(e), text && text[0] ? text : err_text(e));
        return;
    }
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "meetingId", c->params[0]);
    jw_cstr(&w, "status", text && text[0] ? text : "ok");
    jw_end(&w);
    call_reply_data(c, buf_slice(&out));
}

/* The id may be that of a session: what is asked of the mode names the meeting. */
static enum err known_run(struct db *db, struct work *w)
{
    struct meeting_row m;
    enum err e = db_meeting_get(db, w->id, &w->arena, &m);
    if (!e)
        w->id = m.id;
    return e;
}

typedef void wish(void *user, struct loop *l, const char *meeting, api_done done, void *arg);

static void ask_mode(struct api_call *c, struct work *w, enum err e, wish *ask)
{
    if (e) {
        call_reply_err(c, e);
        return;
    }
    snprintf(c->params[0], sizeof c->params[0], "%s", w->id); /* the answer names it too */
    ask(c->api->env.user, c->loop, c->params[0], answering_done, answering_new(c, changed));
}

static void finalize_then(struct api_call *c, struct work *w, enum err e)
{
    ask_mode(c, w, e, c->api->env.meeting_finalize);
}

static void summarize_then(struct api_call *c, struct work *w, enum err e)
{
    ask_mode(c, w, e, c->api->env.meeting_summarize);
}

static void change(struct api_call *c, wish *ask, void (*then)(struct api_call *c, struct work *w, enum err e))
{
    struct work *w = meeting_work(c, known_run);
    if (!w)
        return;
    if (!ask) {
        work_free(w);
        call_reply_err(c, ERR_UNSUPPORTED);
        return;
    }
    w->then = then;
    work_start(c, w, true);
}

void serve_meeting_finalize(struct api_call *c)
{
    change(c, c->api->env.meeting_finalize, finalize_then);
}

void serve_meeting_summarize(struct api_call *c)
{
    change(c, c->api->env.meeting_summarize, summarize_then);
}
