/* SPDX-License-Identifier: MIT
 * meeting_live.c -- what a meeting shows while it goes on: pending texts become segments every merge interval,
 * the newest segments go out every push interval, and every some minutes the new part is summed up. Nothing
 * here is needed for safety: the texts are in the store. */
#include "base/clock.h"
#include "modes/meeting_inside.h"
#include "modes/minutes.h"
#include "modes/summarize.h"

#define LOG_TOPIC "meeting"

/* ---- what goes out ---- */

static void send_unasked(struct modes *m, struct buf *json)
{
    if (modes_wants(m, MSG_meeting))
        (void)m->out->send(m->user, buf_slice(json), true);
}

static void broadcast(struct modes *m, struct slice json)
{
    struct scope scope;
    modes_broadcast(m, scope_of_meetings(m->config, &scope), MSG_meeting, json);
}

/* New segments, to others in scope: meeting.snippet with `from`. */
static void broadcast_segments(struct meeting *t, const struct meeting_work *k)
{
    struct modes *m = t->modes;
    if (!k->segment_count || !m->config->meeting_broadcast_enabled)
        return;
    for (size_t i = 0; i < k->segment_count; i++) {
        const struct segment_row *s = &k->segments[i];
        if (s->id <= t->last_sent_segment)
            continue;
        t->last_sent_segment = s->id;
        auto_buf struct buf out = {0};
        struct jw w;
        jw_init(&w, &out);
        jw_object(&w);
        jw_cstr(&w, "type", "meeting");
        jw_cstr(&w, "phase", "snippet");
        jw_cstr(&w, "event", "meeting.snippet");
        jw_array_as(&w, "items");
        jw_object(&w);
        jw_i64(&w, "ts", s->ts_ms);
        jw_cstr(&w, "tag", s->tag);
        jw_cstr(&w, "text", s->text);
        jw_cstr(&w, "speakerId", s->speaker);
        jw_end(&w);
        jw_end(&w);
        jw_cstr(&w, "from", m->device_id);
        jw_end(&w);
        broadcast(m, buf_slice(&out));
    }
}

/* ---- merge and live transcript ---- */

static enum err merge_run(struct db *db, void *input)
{
    struct meeting_work *k = input;
    int64_t merged;
    enum err e = db_pending_merge(db, k->id, &merged);
    if (e && e != ERR_LIMIT)
        return e;
    bool is_full = e == ERR_LIMIT;
    e = db_meeting_get(db, k->id, &k->arena, &k->row);
    if (!e)
        e = db_segment_last(db, k->id, MODES_SEGMENTS_SHOWN, &k->arena, &k->segments, &k->segment_count);
    k->total = k->row.segments;
    return e ? e : is_full ? ERR_LIMIT : OK;
}

static bool merged(struct meeting *t, enum err err, struct meeting_work *k)
{
    if (!t->modes)
        return false;
    if (err && err != ERR_LIMIT) {
        LOGE(t->modes->log, "meeting.merge", "meeting=%s err=%s", t->id, err_name(err));
        return false;
    }
    if (k->row.state != MEETING_OPEN) {
        meeting_ended_elsewhere(t);
        return false;
    }
    intake_merged(&t->intake);
    broadcast_segments(t, k);
    if (err == ERR_LIMIT && !t->is_full) {
        t->is_full = true;
        LOGW(t->modes->log, "meeting.full", "meeting=%s segments=%lld: finalized", t->id,
             (long long)k->total);
        modes_error(t->modes, "meeting", CODE_RATE_LIMITED, "the meeting is full and is being summed up",
                    (struct slice){0});
        meeting_finalize(t->modes, true, false, (struct slice){0});
        return false;
    }
    return true;
}

static void on_merged(void *owner, enum err err, void *input)
{
    (void)merged(owner, err, input);
}

static void on_pushed(void *owner, enum err err, void *input)
{
    struct meeting *t = owner;
    struct meeting_work *k = input;
    t->is_push_running = false;
    if (!merged(t, err, k))
        return;
    auto_buf struct buf out = {0};
    minutes_transcript(&out, k->segments, k->segment_count, k->total, t->modes->json_max_bytes);
    send_unasked(t->modes, &out);
}

static const struct store_op_class merge_class = {
    .name = "meeting_merge", .run = merge_run, .done = on_merged, .free_input = meeting_work_free};
static const struct store_op_class push_class = {
    .name = "meeting_push", .run = merge_run, .done = on_pushed, .free_input = meeting_work_free};

static void on_merge_time(void *arg)
{
    struct meeting *t = arg;
    if (t->intake.pending)
        (void)meeting_work_start(meeting_work_make(t), &merge_class);
    timer_start(&t->merge, t->modes->loop, (uint64_t)t->modes->config->meeting_merge_interval_ms,
                on_merge_time, t);
}

static void on_push_time(void *arg)
{
    struct meeting *t = arg;
    if (!t->is_push_running && meeting_work_start(meeting_work_make(t), &push_class) == OK)
        t->is_push_running = true;
    timer_start(&t->push, t->modes->loop, (uint64_t)t->modes->config->meeting_transcript_push_interval_ms,
                on_push_time, t);
}

/* ---- checkpoints ---- */

static void start_checkpoint_timer(struct meeting *t);

static enum err checkpoint_read(struct db *db, void *input)
{
    struct meeting_work *k = input;
    int64_t ignored;
    enum err e = db_pending_merge(db, k->id, &ignored);
    if (e && e != ERR_LIMIT)
        return e;
    const struct segment_filter fresh = {.meeting = k->id, .after_id = k->after_id, .limit = DB_ROWS_MAX};
    return db_segment_list(db, &fresh, &k->arena, &k->segments, &k->segment_count);
}

static enum err checkpoint_write(struct db *db, void *input)
{
    struct meeting_work *k = input;
    return db_checkpoint_add(db, k->id, &k->checkpoint);
}

static void on_checkpoint_written(void *owner, enum err err, void *input)
{
    struct meeting *t = owner;
    struct meeting_work *k = input;
    if (!t->modes)
        return;
    if (err) {
        LOGE(t->modes->log, "meeting.checkpoint", "meeting=%s err=%s", t->id, err_name(err));
        return;
    }
    t->checkpoint_upto = k->checkpoint.upto_segment;
    auto_buf struct buf out = {0};
    struct minutes_summary said = {.summary_json = k->checkpoint.summary,
                                   .session = t->modes->session_id,
                                   .meeting = t->id,
                                   .segments = k->total,
                                   .bullets = k->pending,
                                   .is_checkpoint = true};
    minutes_message(&out, &said);
    send_unasked(t->modes, &out);
    if (!t->modes)
        return;
    buf_clear(&out);
    said.from = t->modes->device_id;
    minutes_message(&out, &said);
    broadcast(t->modes, buf_slice(&out));
}

static const struct store_op_class checkpoint_write_class = {.name = "checkpoint_write",
                                                             .run = checkpoint_write,
                                                             .done = on_checkpoint_written,
                                                             .free_input = meeting_work_free};

static void on_checkpoint_summary(void *user, const struct summarize_result *r)
{
    struct meeting *t = user;
    struct modes *m = t->modes;
    auto_buf struct buf json = {0};
    struct jw w;
    r->summary->duration_ms =
        summary_duration_ms(t->started_ms, 0, clock_wall_ms(), (uint64_t)m->config->meeting_min_duration_ms);
    jw_init(&w, &json);
    summary_write(r->summary, modes_text(m, "meeting.title"), &w, NULL);
    struct meeting_work *k = meeting_work_make(t);
    k->checkpoint = (struct checkpoint_row){.upto_segment = t->checkpoint_segments, .created_ms = k->now_ms};
    k->checkpoint.summary = arena_strdup(&k->arena, buf_slice(&json));
    k->pending = r->summary->counts[SUMMARY_BULLETS];
    k->total = t->checkpoint_total;
    summarize_close(t->summarize);
    t->summarize = NULL;
    (void)meeting_work_start(k, &checkpoint_write_class);
}

static void on_checkpoint_read(void *owner, enum err err, void *input)
{
    struct meeting *t = owner;
    struct meeting_work *k = input;
    if (!t->modes || err || !k->segment_count || t->summarize)
        return;
    auto_buf struct buf transcript = {0};
    struct slice *said = arena_alloc(&k->arena, k->segment_count * sizeof(*said));
    size_t max = (size_t)t->modes->config->meeting_llm_summary_transcript_max_chars, from = k->segment_count,
           chars = 0;
    while (from > 0 && chars + strlen(k->segments[from - 1].text) < max)
        chars += strlen(k->segments[--from].text) + 1;
    for (size_t i = 0; i < k->segment_count; i++) {
        said[i] = slice_of(k->segments[i].text);
        if (i >= from)
            buf_printf(&transcript, "%s: %s\n", k->segments[i].speaker, k->segments[i].text);
    }
    t->checkpoint_segments = k->segments[k->segment_count - 1].id;
    t->checkpoint_total = (int64_t)k->segment_count;
    struct summarize_opts o = {
        .loop = t->modes->loop,
        .registry = t->modes->shared->registry,
        .use = modes_use(t->modes),
        .transcript = buf_slice(&transcript),
        .said = said,
        .said_count = k->segment_count,
        .tokens_max = (unsigned)t->modes->config->meeting_llm_checkpoint_max_tokens,
        .is_checkpoint = true,
        .llm_down = modes_text(t->modes, "meeting.llm_down"),
    };
    enum err e = summarize_open(&t->summarize, &o, on_checkpoint_summary, t);
    if (e)
        LOGW(t->modes->log, "meeting.checkpoint", "meeting=%s err=%s", t->id, err_name(e));
}

static const struct store_op_class checkpoint_read_class = {
    .name = "checkpoint_read", .run = checkpoint_read, .done = on_checkpoint_read, .free_input = meeting_work_free};

static void on_checkpoint_time(void *arg)
{
    struct meeting *t = arg;
    struct meeting_work *k = meeting_work_make(t);
    k->after_id = t->checkpoint_upto;
    (void)meeting_work_start(k, &checkpoint_read_class);
    start_checkpoint_timer(t);
}

static void start_checkpoint_timer(struct meeting *t)
{
    int64_t minutes = t->modes->config->meeting_checkpoint_interval_min;
    if (minutes)
        timer_start(&t->checkpoint, t->modes->loop, (uint64_t)minutes * 60000, on_checkpoint_time, t);
}

void meeting_live_start(struct meeting *t)
{
    struct modes *m = t->modes;
    timer_start(&t->merge, m->loop, (uint64_t)m->config->meeting_merge_interval_ms, on_merge_time, t);
    timer_start(&t->push, m->loop, (uint64_t)m->config->meeting_transcript_push_interval_ms, on_push_time, t);
    start_checkpoint_timer(t);
}

void meeting_live_config(struct meeting *t)
{
    if (!timer_armed(&t->checkpoint))
        start_checkpoint_timer(t);
}

void meeting_live_stop(struct meeting *t)
{
    timer_stop(&t->merge);
    timer_stop(&t->push);
    timer_stop(&t->checkpoint);
    summarize_close(t->summarize);
    t->summarize = NULL;
}
