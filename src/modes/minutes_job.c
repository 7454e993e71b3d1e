/* SPDX-License-Identifier: MIT
 * minutes_job.c -- one meeting that is over: load, ask the model, store, tell. At most MINUTES_RUNNING_MAX
 * at one time, the others wait in order. */
#include "modes/minutes_inside.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/catalogue.h"
#include "config/settings.h"
#include "devices/auth.h"
#include "metrics/metrics.h"
#include "modes/groups.h"
#include "modes/summarize.h"
#include "modes/webhook.h"
#include "store/meeting.h"
#include "store/store.h"

#define LOG_TOPIC         "meeting"
#define LOAD_MAX          DB_ROWS_MAX
#define SUMMARY_MAX_BYTES 6144 /* of JSON: with what stands around it a device still takes it */

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
    struct minutes_waiter *waiters;
    unsigned refs; /* the keeper's, and one per store operation */
    struct grave grave;
};

/* ---- telling ---- */

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
    for (struct minutes_waiter *w = j->waiters, *next; w; w = next) {
        next = w->next;
        minutes_waiter_tell(w, err, text);
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

void minutes_job_want(struct minutes *k, const char *meeting, bool is_again, struct minutes_waiter *w)
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

void minutes_jobs_close(struct minutes *k)
{
    size_t at = 0;
    struct slice id;
    void *job;
    while (map_next(&k->running, &at, &id, &job))
        job_close(job, ERR_CLOSED, "the server stops");
    map_done(&k->running);
}
