/* SPDX-License-Identifier: MIT
 * minutes.c -- one job per meeting: load, ask the model, store, tell. Everything runs on the keeper's loop;
 * other loops write letters. Nothing here is needed for safety: what is to be done stands in the store. */
#include "modes/minutes.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/catalogue.h"
#include "config/settings.h"
#include "devices/auth.h"
#include "loop/timer.h"
#include "metrics/metrics.h"
#include "modes/groups.h"
#include "modes/summarize.h"
#include "modes/webhook.h"
#include "store/meeting.h"
#include "store/store.h"

#define LOG_TOPIC          "meeting"
#define LOAD_MAX           DB_ROWS_MAX
#define SUMMARY_MAX_BYTES  6144 /* of JSON: with what stands around it a device still takes it */
#define RETAIN_AT_ONCE     100
#define UNFINISHED_AT_ONCE 100

struct minutes {
    struct loop *loop;
    const struct provider_env *env;
    const struct modes_env *shared;
    struct config_holder *config;
    struct webhook *webhook;
    struct map running;  /* meeting id -> job, also those that wait */
    struct list waiting; /* jobs that wait for a place */
    unsigned places_taken;
    struct timer look;
    struct store_op *look_op;
    bool is_closing, has_looked;
    _Atomic unsigned refs; /* the owner's, and one per letter */
};

/* Whoever wants to hear of the end, on its own loop. */
struct waiter {
    struct waiter *next;
    struct mail mail;
    struct loop *loop;
    minutes_done_fn *done;
    void *arg;
    enum err err;
    const char *text;
};

struct job {
    struct node node;
    struct minutes *keeper;
    struct config *config;
    struct store_op *op;
    struct arena arena;
    char *meeting;
    bool is_again, is_running; /* again: the meeting was done before */
    struct meeting_row row;
    struct slice *said;
    size_t said_count;
    struct segment_row *shown;
    size_t shown_count;
    struct buf transcript;
    int64_t checkpoints, now_ms;
    struct summarize *summarize;
    struct summary summary;
    uint64_t began_ms, llm_elapsed_ms;
    bool was_empty;
    unsigned repeats; /* further requests while it runs: told `idempotent` */
    struct buf summary_json, metrics_json, webhook_json;
    struct waiter *waiters;
    unsigned refs; /* the keeper's, and one per store operation */
    struct grave grave;
};

/* ---- messages ---- */

void minutes_message(struct buf *out, const struct minutes_summary *s)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "meeting");
    jw_cstr(&w, "phase", "summary");
    jw_raw(&w, "summary", slice_of(s->summary_json));
    jw_i64(&w, "bulletsLength", s->bullets);
    jw_i64(&w, "sourceSegments", s->segments);
    jw_bool(&w, "checkpoint", s->is_checkpoint);
    if (s->is_idempotent)
        jw_bool(&w, "idempotent", true);
    jw_cstr(&w, "sessionId", s->session);
    jw_cstr(&w, "meetingId", s->meeting);
    if (s->from)
        jw_cstr(&w, "from", s->from);
    jw_end(&w);
}

static void write_transcript(struct buf *out, const struct segment_row *segments, size_t count, int64_t total)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "meeting");
    jw_cstr(&w, "phase", "transcript");
    jw_array_as(&w, "segments");
    for (size_t i = 0; i < count; i++) {
        jw_object(&w);
        jw_i64(&w, "ts", segments[i].ts_ms);
        jw_cstr(&w, "text", segments[i].text);
        jw_cstr(&w, "speakerId", segments[i].speaker);
        jw_end(&w);
    }
    jw_end(&w);
    jw_i64(&w, "totalSegments", total);
    jw_end(&w);
}

void minutes_transcript(struct buf *out, const struct segment_row *segments, size_t count, int64_t total,
                        size_t max_bytes)
{
    for (size_t from = 0;; from++) {
        buf_clear(out);
        write_transcript(out, count ? segments + from : NULL, count - from, total);
        if (out->len <= max_bytes || from == count)
            return;
    }
}

static void tell(struct job *j, struct slice json)
{
    const struct modes_env *shared = j->keeper->shared;
    shared->post(shared->user, j->keeper->loop, j->row.device,
                 &(struct post){.kind = POST_UNASKED, .type = MSG_meeting, .json = json});
}

static void tell_progress(struct job *j, const char *stage)
{
    auto_buf struct buf out = {0};
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "type", "meeting");
    jw_cstr(&w, "phase", "progress");
    jw_cstr(&w, "stage", stage);
    jw_cstr(&w, "sessionId", j->row.session);
    if (strcmp(stage, "llm_start") == 0)
        jw_i64(&w, "maxTokens", j->config->meeting_llm_max_tokens);
    jw_i64(&w, "elapsedMs", (int64_t)(loop_now_ms(j->keeper->loop) - j->began_ms));
    jw_end(&w);
    tell(j, buf_slice(&out));
}

/* ---- ending ---- */

static void waiter_run(struct mail *mail)
{
    struct waiter *w = container_of(mail, struct waiter, mail);
    w->done(w->arg, w->err, w->text);
    mem_free(w);
}

static void waiter_tell(struct waiter *w, enum err err, const char *text)
{
    w->err = err;
    w->text = text; /* static */
    w->mail.run = waiter_run;
    loop_post(w->loop, &w->mail);
}

static void job_unref(void *arg)
{
    struct job *j = arg;
    if (--j->refs)
        return;
    config_unref(j->config);
    arena_done(&j->arena);
    summary_done(&j->summary);
    buf_done(&j->transcript);
    buf_done(&j->summary_json);
    buf_done(&j->metrics_json);
    buf_done(&j->webhook_json);
    mem_free(j->meeting);
    mem_free(j);
}

static void job_run(struct job *j);

/* The job stays until the operation is over, whoever cancels it. */
static enum err job_store(struct job *j, const struct store_op_class *cls)
{
    j->refs++;
    enum err e = store_start(&j->op, j->keeper->shared->store, j->keeper->loop, cls, j, j);
    j->refs -= e != OK;
    return e;
}

static void job_close(struct job *j, enum err err, const char *text)
{
    struct minutes *k = j->keeper;
    store_cancel(j->op);
    summarize_close(j->summarize);
    list_unlink(&j->node);
    map_remove(&k->running, slice_of(j->meeting));
    for (struct waiter *w = j->waiters, *next; w; w = next) {
        next = w->next;
        waiter_tell(w, err, text);
    }
    k->places_taken -= j->is_running;
    loop_later(k->loop, &j->grave, job_unref, j);
    struct node *n = k->is_closing ? NULL : list_shift(&k->waiting);
    if (n)
        job_run(container_of(n, struct job, node));
}

/* ---- storing ---- */

/* In the language of the meeting's device. */
static char *text_for(const struct job *j, const char *key)
{
    struct device_known known = {0};
    bool is_known = j->keeper->shared->auth && auth_device(j->keeper->shared->auth, j->row.device, &known);
    return xstrdup(catalogue_text(j->config, is_known && known.language[0] ? known.language : NULL, key));
}

static void put_summary(struct job *j)
{
    struct jw w;
    auto_mem char *title = text_for(j, "meeting.title");
    if (!j->summary.title)
        j->summary.title = xstrdup(title);
    for (size_t max = SUMMARY_ITEM_BYTES;; max /= 2) { /* devices take 8 KB */
        buf_clear(&j->summary_json);
        jw_init(&w, &j->summary_json);
        summary_write(&j->summary, title, &w, NULL);
        if (j->summary_json.len <= SUMMARY_MAX_BYTES)
            break;
        summary_clip(&j->summary, max / 2);
    }

    const struct config *cfg = j->config;
    jw_init(&w, &j->metrics_json);
    jw_object(&w);
    jw_i64(&w, "segmentsCount", j->row.segments);
    jw_i64(&w, "checkpointCount", j->checkpoints);
    jw_i64(&w, "llmElapsedMs", (int64_t)j->llm_elapsed_ms);
    jw_bool(&w, "emptyBullets", j->was_empty);
    jw_i64(&w, "bulletsLength", j->summary.counts[SUMMARY_BULLETS]);
    jw_cstr(&w, "industry", cfg->meeting_industry);
    jw_cstr(&w, "scenario", cfg->meeting_scenario);
    jw_end(&w);
    if (!cfg->meeting_webhook_url)
        return;
    jw_init(&w, &j->webhook_json);
    jw_object(&w);
    jw_cstr(&w, "sessionId", j->row.session);
    jw_cstr(&w, "meetingId", j->row.id);
    jw_cstr(&w, "deviceId", j->row.device);
    jw_raw(&w, "summary", buf_slice(&j->summary_json));
    jw_raw(&w, "metrics", buf_slice(&j->metrics_json));
    jw_i64(&w, "durationMs", (int64_t)j->summary.duration_ms);
    jw_end(&w);
}

static enum err store_result(struct db *db, void *input)
{
    struct job *j = input;
    struct meeting_result r = {.title = j->summary.title,
                               .summary = j->summary_json.data,
                               .metrics = j->metrics_json.data,
                               .bullets = j->summary.counts[SUMMARY_BULLETS]};
    enum err e = db_meeting_done(db, j->meeting, &r);
    if (!e && j->webhook_json.len)
        e = db_webhook_put(db, j->meeting, buf_slice(&j->webhook_json), j->now_ms);
    return e;
}

static void tell_summary(struct job *j, const struct minutes_summary *what)
{
    auto_buf struct buf out = {0};
    minutes_message(&out, what);
    tell(j, buf_slice(&out));
}

/* Others hear of it where meeting.broadcast says so. */
static void tell_others(struct job *j, struct minutes_summary what)
{
    const struct modes_env *shared = j->keeper->shared;
    struct scope scope;
    auto_buf struct buf out = {0};
    what.from = j->row.device;
    minutes_message(&out, &what);
    scope_tell(shared, j->config, j->keeper->loop, j->row.device, scope_of_meetings(j->config, &scope),
               MSG_meeting, buf_slice(&out));
}

static void tell_result(struct job *j)
{
    auto_buf struct buf out = {0};
    struct minutes_summary what = {.summary_json = j->summary_json.data,
                                   .session = j->row.session,
                                   .meeting = j->row.id,
                                   .segments = j->row.segments,
                                   .bullets = j->summary.counts[SUMMARY_BULLETS]};
    tell_summary(j, &what);
    tell_others(j, what);
    what.is_idempotent = true;
    for (unsigned i = 0; i < j->repeats; i++)
        tell_summary(j, &what);
    minutes_transcript(&out, j->shown, j->shown_count, j->row.segments, MSG_OUT_MAX_BYTES);
    tell(j, buf_slice(&out));
    tell_progress(j, "done");
}

static void on_stored(void *owner, enum err err, void *input)
{
    struct job *j = owner;
    j->op = NULL;
    if (err) {
        LOGE(NULL, "meeting.store", "meeting=%s err=%s, tried again at the next look", j->meeting,
             err_name(err));
        job_close(j, err, err_text(err));
        return;
    }
    const struct config *cfg = j->config;
    LOGI(NULL, "meeting.metrics",
         "[Meeting Metrics] meeting=%s segmentsCount=%lld checkpointCount=%lld llmElapsedMs=%llu "
         "emptyBullets=%d "
         "bulletsLength=%u industry=%s scenario=%s",
         j->meeting, (long long)j->row.segments, (long long)j->checkpoints,
         (unsigned long long)j->llm_elapsed_ms, j->was_empty, j->summary.counts[SUMMARY_BULLETS],
         cfg->meeting_industry, cfg->meeting_scenario);
    metric_add(METRIC_meeting_segments_total, j->row.segments);
    metric_add(METRIC_meeting_checkpoints_total, j->checkpoints);
    metric_add(METRIC_meeting_bullets_total, j->summary.counts[SUMMARY_BULLETS]);
    metric_add(METRIC_meeting_empty_bullets_total, j->was_empty);
    metric_seconds(METRIC_meeting_llm_seconds, (double)j->llm_elapsed_ms / 1000);
    metric_seconds(METRIC_meeting_finalize_seconds,
                   (double)(loop_now_ms(j->keeper->loop) - j->began_ms) / 1000);
    tell_result(j);
    if (j->webhook_json.len)
        webhook_look(j->keeper->webhook);
    job_close(j, OK, "done");
}

static const struct store_op_class result_class = {
    .name = "meeting_done", .run = store_result, .done = on_stored, .free_input = job_unref};

static void store_summary(struct job *j)
{
    int64_t end_ms = j->row.ended_ms ? j->row.ended_ms : j->now_ms;
    j->summary.duration_ms = summary_duration_ms(j->row.started_ms, j->row.last_text_ms, end_ms,
                                                 (uint64_t)j->config->meeting_min_duration_ms);
    put_summary(j);
    enum err e = job_store(j, &result_class);
    if (e)
        job_close(j, e, err_text(e));
}

/* ---- asking ---- */

static void on_summary(void *user, const struct summarize_result *r)
{
    struct job *j = user;
    summary_done(&j->summary);
    j->summary = *r->summary;
    *r->summary = (struct summary){0};
    j->llm_elapsed_ms = r->llm_elapsed_ms;
    j->was_empty = r->was_empty;
    summarize_close(j->summarize);
    j->summarize = NULL;
    tell_progress(j, "llm_done");
    store_summary(j);
}

static void ask(struct job *j)
{
    struct minutes *k = j->keeper;
    auto_mem char *llm_down = text_for(j, "meeting.llm_down");
    tell_progress(j, "prepare");
    if (!j->said_count) { /* nothing was said: the skeleton, no model */
        store_summary(j);
        return;
    }
    tell_progress(j, "llm_start");
    struct summarize_opts o = {
        .loop = k->loop,
        .registry = k->shared->registry,
        .use = {.env = k->env, .config = j->config, .language = j->config->server_language},
        .transcript = buf_slice(&j->transcript),
        .said = j->said,
        .said_count = j->said_count,
        .tokens_max = (unsigned)j->config->meeting_llm_max_tokens,
        .llm_down = llm_down,
    };
    enum err e = summarize_open(&j->summarize, &o, on_summary, j);
    if (e)
        job_close(j, e, err_text(e));
}

/* ---- loading ---- */

/* The newest texts that fit; where some do not, what checkpoints said of the older ones comes first. */
static enum err load_texts(struct db *db, struct job *j)
{
    struct segment_row *rows;
    size_t count, chars = 0, max_chars = (size_t)j->config->meeting_llm_summary_transcript_max_chars;
    enum err e = db_segment_last(db, j->meeting, LOAD_MAX, &j->arena, &rows, &count);
    if (e)
        return e;
    size_t from = count;
    while (from > 0 && chars + strlen(rows[from - 1].text) + 1 <= max_chars)
        chars += strlen(rows[--from].text) + 1;

    struct checkpoint_row *checkpoints;
    size_t checkpoint_count;
    e = db_checkpoint_list(db, j->meeting, &j->arena, &checkpoints, &checkpoint_count);
    if (e)
        return e;
    j->checkpoints = (int64_t)checkpoint_count;
    if (from > 0 || (int64_t)count < j->row.segments) {
        for (size_t i = 0; i < checkpoint_count; i++)
            buf_printf(&j->transcript, "[earlier] %s\n", checkpoints[i].summary);
    }
    j->said = arena_alloc(&j->arena, (count - from + 1) * sizeof(*j->said));
    for (size_t i = from; i < count; i++) {
        j->said[j->said_count++] = slice_of(rows[i].text);
        buf_puts(&j->transcript, rows[i].speaker);
        buf_puts(&j->transcript, ": ");
        buf_puts(&j->transcript, rows[i].text);
        buf_put_byte(&j->transcript, '\n');
    }
    size_t shown = MIN(count, (size_t)50);
    j->shown = count ? rows + (count - shown) : NULL;
    j->shown_count = shown;
    return OK;
}

static enum err load(struct db *db, void *input)
{
    struct job *j = input;
    enum err e = db_meeting_get(db, j->meeting, &j->arena, &j->row);
    if (e)
        return e;
    int64_t merged;
    e = j->row.state == MEETING_DONE ? OK : db_pending_merge(db, j->meeting, &merged);
    if (e && e != ERR_LIMIT)
        return e;
    e = db_meeting_get(db, j->meeting, &j->arena, &j->row);
    return e ? e : load_texts(db, j);
}

static void on_loaded(void *owner, enum err err, void *input)
{
    struct job *j = owner;
    j->op = NULL;
    if (!err && j->row.state == MEETING_OPEN)
        err = ERR_STATE;
    if (!err && j->row.state == MEETING_DONE && !j->is_again) {
        struct minutes_summary what = {.summary_json = j->row.summary,
                                       .session = j->row.session,
                                       .meeting = j->row.id,
                                       .segments = j->row.segments,
                                       .bullets = j->row.bullets,
                                       .is_idempotent = true};
        for (unsigned i = 0; i <= j->repeats; i++)
            tell_summary(j, &what);
        job_close(j, OK, "done");
        return;
    }
    if (err) {
        LOGE(NULL, "meeting.load", "meeting=%s err=%s", j->meeting, err_name(err));
        job_close(j, err, err_text(err));
        return;
    }
    ask(j);
}

static const struct store_op_class load_class = {
    .name = "meeting_load", .run = load, .done = on_loaded, .free_input = job_unref};

static void job_run(struct job *j)
{
    struct minutes *k = j->keeper;
    j->is_running = true;
    k->places_taken++;
    j->config = config_now(k->config);
    j->now_ms = clock_wall_ms();
    j->began_ms = loop_now_ms(k->loop);
    enum err e = job_store(j, &load_class);
    if (e)
        job_close(j, e, err_text(e));
}

/* Takes the waiter. A job of that meeting that runs already serves it too. */
static void job_want(struct minutes *k, const char *meeting, bool is_again, struct waiter *w)
{
    struct job *j = map_get(&k->running, slice_of(meeting));
    bool is_new = !j;
    if (is_new) {
        j = xnew(struct job);
        j->keeper = k;
        j->meeting = xstrdup(meeting);
        j->is_again = is_again;
        j->refs = 1;
        map_set(&k->running, slice_of(meeting), j);
    }
    if (w) {
        w->next = j->waiters;
        j->waiters = w;
    }
    if (!is_new) {
        j->repeats += !w;
        return;
    }
    if (k->places_taken >= MINUTES_RUNNING_MAX)
        list_push(&k->waiting, &j->node);
    else
        job_run(j);
}

/* ---- letters from other loops ---- */

struct letter {
    struct mail mail;
    struct minutes *keeper;
    char *meeting;
    bool is_again, must_finalize;
    struct waiter *waiter;
    enum meeting_state was;
    int64_t now_ms;
};

static void minutes_unref(struct minutes *k)
{
    if (--k->refs == 0)
        mem_free(k);
}

static void letter_free(struct letter *t)
{
    minutes_unref(t->keeper);
    mem_free(t->meeting);
    mem_free(t);
}

static enum err finalize_row(struct db *db, void *input)
{
    struct letter *t = input;
    return db_meeting_finalize(db, t->meeting, t->now_ms, &t->was);
}

static void on_finalize_row(void *owner, enum err err, void *input)
{
    struct letter *t = owner;
    if (!err && t->keeper->is_closing)
        err = ERR_CLOSED; /* it is on disk: the next start takes it up */
    if (err && t->waiter)
        waiter_tell(t->waiter, err, err_text(err));
    else if (!err)
        job_want(t->keeper, t->meeting, false, t->waiter);
    letter_free(t);
}

static const struct store_op_class finalize_class = {
    .name = "meeting_finalize", .run = finalize_row, .done = on_finalize_row};

static void on_letter(struct mail *mail)
{
    struct letter *t = container_of(mail, struct letter, mail);
    struct minutes *k = t->keeper;
    if (k->is_closing) {
        if (t->waiter)
            waiter_tell(t->waiter, ERR_CLOSED, "the server stops");
        letter_free(t);
        return;
    }
    if (!t->must_finalize) {
        job_want(k, t->meeting, t->is_again, t->waiter);
        letter_free(t);
        return;
    }
    struct store_op *op;
    t->now_ms = clock_wall_ms();
    enum err e = store_start(&op, k->shared->store, k->loop, &finalize_class, t, t);
    if (e) {
        if (t->waiter)
            waiter_tell(t->waiter, e, err_text(e));
        letter_free(t);
    }
}

static void write_letter(struct minutes *k, const char *meeting, bool is_again, bool must_finalize,
                         struct waiter *w)
{
    struct letter *t = xnew(struct letter);
    t->keeper = k;
    k->refs++;
    t->meeting = xstrdup(meeting);
    t->is_again = is_again;
    t->must_finalize = must_finalize;
    t->waiter = w;
    t->mail.run = on_letter;
    loop_post(k->loop, &t->mail);
}

static struct waiter *waiter_make(struct loop *l, minutes_done_fn *done, void *arg)
{
    struct waiter *w = xnew(struct waiter);
    w->loop = l;
    w->done = done;
    w->arg = arg;
    return w;
}

void minutes_finalize(struct minutes *k, const char *meeting)
{
    write_letter(k, meeting, false, false, NULL);
}

void minutes_finalize_now(struct minutes *k, struct loop *l, const char *meeting, minutes_done_fn *done,
                          void *arg)
{
    write_letter(k, meeting, false, true, waiter_make(l, done, arg));
}

void minutes_summarize_again(struct minutes *k, struct loop *l, const char *meeting, minutes_done_fn *done,
                             void *arg)
{
    write_letter(k, meeting, true, false, waiter_make(l, done, arg));
}

/* ---- what was left, what is too old ---- */

struct look {
    struct arena arena;
    int64_t now_ms, idle_before_ms, keep, before_ms, removed;
    bool is_first;
    struct meeting_row *rows;
    size_t count;
};

static enum err look_run(struct db *db, void *input)
{
    struct look *o = input;
    enum err e = o->is_first ? db_meeting_all_left(db, o->now_ms) : OK;
    if (!e)
        e = db_meeting_unfinished(db, o->idle_before_ms, UNFINISHED_AT_ONCE, &o->arena, &o->rows, &o->count);
    if (!e && (o->keep || o->before_ms))
        e = db_meeting_retain(db, o->keep, o->before_ms, RETAIN_AT_ONCE, &o->removed);
    bool more;
    return e || !o->removed ? e : db_search_tidy(db, &more); /* its words leave the index's file too */
}

static void look_done(void *owner, enum err err, void *input)
{
    struct minutes *k = owner;
    struct look *o = input;
    k->look_op = NULL;
    if (err) {
        LOGE(NULL, "meeting.look", "err=%s", err_name(err));
        return;
    }
    for (size_t i = 0; i < o->count && o->rows[i].id; i++) {
        LOGI(NULL, "meeting.unfinished", "meeting=%s state=%s", o->rows[i].id,
             o->rows[i].state == MEETING_OPEN ? "open" : "finalizing");
        write_letter(k, o->rows[i].id, false, o->rows[i].state == MEETING_OPEN, NULL);
    }
    if (o->removed)
        LOGI(NULL, "meeting.retention", "removed=%lld", (long long)o->removed);
}

static void look_free(void *input)
{
    struct look *o = input;
    arena_done(&o->arena);
    mem_free(o);
}

static const struct store_op_class look_class = {
    .name = "meeting_look", .run = look_run, .done = look_done, .free_input = look_free};

static void on_look(void *arg)
{
    struct minutes *k = arg;
    struct config *cfg = config_now(k->config);
    struct look *o = xnew(struct look);
    int64_t now_ms = clock_wall_ms();
    o->now_ms = now_ms;
    o->is_first = !k->has_looked;
    o->idle_before_ms = now_ms - cfg->meeting_resume_hours * 3600000;
    o->keep = cfg->meeting_retention_count;
    o->before_ms = cfg->meeting_retention_days ? now_ms - cfg->meeting_retention_days * 86400000 : 0;
    config_unref(cfg);
    if (k->look_op || store_start(&k->look_op, k->shared->store, k->loop, &look_class, o, k))
        look_free(o);
    else
        k->has_looked = true;
    timer_start(&k->look, k->loop, MINUTES_LOOK_MS, on_look, k);
}

enum err minutes_create(struct minutes **out, const struct minutes_opts *o)
{
    struct minutes *k = xnew(struct minutes);
    k->loop = o->loop;
    k->env = o->env;
    k->shared = o->shared;
    k->config = o->config;
    k->refs = 1;
    list_init(&k->waiting);
    webhook_create(&k->webhook, &(struct webhook_opts){.loop = o->loop,
                                                       .http = o->env->http,
                                                       .store = o->shared->store,
                                                       .config = o->config});
    on_look(k); /* before any device can be there */
    *out = k;
    return OK;
}

void minutes_close(struct minutes *k)
{
    if (!k)
        return;
    k->is_closing = true;
    timer_stop(&k->look);
    store_cancel(k->look_op);
    webhook_close(k->webhook);
    size_t at = 0;
    struct slice id;
    void *job;
    while (map_next(&k->running, &at, &id, &job))
        job_close(job, ERR_CLOSED, "the server stops");
    map_done(&k->running);
    minutes_unref(k);
}
