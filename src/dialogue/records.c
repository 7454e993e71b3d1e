/* SPDX-License-Identifier: MIT
 * records.c -- what outlives a dialogue: its turns go to the store as they end, a new session of the same
 * device within dialogue.resume_seconds goes on with them, and long memory is asked for facts. */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "dialogue/inside.h"
#include "metrics/metrics.h"
#include "store/store.h"
#include "store/turn.h"

#define LOG_TOPIC "dialogue"
#define RESUME_ROWS_MAX 40

/* ---- writing ------------------------------------------------------------------------------------------- */

struct turn_note {
    struct arena arena;
    struct turn_row rows[2];
    unsigned count;
};

static enum err note_run(struct db *db, void *input)
{
    struct turn_note *n = input;
    enum err e = OK;
    for (unsigned i = 0; i < n->count && !e; i++)
        e = db_turn_add(db, &n->rows[i], NULL);
    return e;
}

static void note_free(void *input)
{
    struct turn_note *n = input;
    arena_done(&n->arena);
    mem_free(n);
}

static const struct store_op_class note_class = { .name = "turn.add", .run = note_run, .free_input = note_free };

static void note_row(struct turn_note *n, const struct dialogue *d, const char *role, struct slice text,
                     const char *details)
{
    if (!text.len)
        return;
    n->rows[n->count++] = (struct turn_row){
        .device = arena_strdup(&n->arena, slice_of(d->o.device_id)),
        .session = arena_strdup(&n->arena, slice_of(d->o.session_id)),
        .number = d->turn.number, .role = role,
        .mode = d->mode_class ? d->mode_class->name : "chat",
        .text = arena_strdup(&n->arena, text),
        .outcome = outcome_name(d->x->outcome),
        .started_ms = d->x->started_wall_ms, .ended_ms = clock_wall_ms(),
        .details = details ? arena_strdup(&n->arena, slice_of(details)) : "",
    };
}

static void times_json(const struct turn_times *t, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    const struct { const char *key; uint64_t at_us; } rows[] = {
        { "decidedMs", t->decided_us }, { "heardMs", t->heard_us }, { "firstTokenMs", t->first_token_us },
        { "firstSentenceMs", t->first_sentence_us }, { "firstAudioMs", t->first_audio_us }, { "stopMs", t->stop_us },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].at_us >= t->t0_us && t->t0_us)
            jw_i64(&w, rows[i].key, (int64_t)((rows[i].at_us - t->t0_us) / 1000));
    }
    jw_end(&w);
}

void records_turn(struct dialogue *d, struct slice heard)
{
    if (!d->o.store || (!d->x->question.len && !heard.len))
        return;
    struct turn_note *n = xnew(struct turn_note);
    auto_buf struct buf times = { 0 };
    times_json(&d->x->times, &times);
    note_row(n, d, "user", buf_slice(&d->x->question), NULL);
    note_row(n, d, "assistant", heard, times.data);
    struct store_op *op;
    enum err e = store_start(&op, d->o.store, d->o.loop, &note_class, n, NULL);
    if (!e)
        return;
    note_free(n);
    LOGE(d->o.log, "turn.record", "err=%s", err_name(e));
}

/* ---- going on where it was ----------------------------------------------------------------------------- */

struct resume_input {
    struct arena arena;
    char *device;
    int64_t since_ms;
    struct turn_row *rows;
    size_t count;
};

static enum err resume_run(struct db *db, void *input)
{
    struct resume_input *in = input;
    const struct turn_filter recent = { .device = in->device, .since_ms = in->since_ms, .limit = RESUME_ROWS_MAX };
    return db_turn_last(db, &recent, &in->arena, &in->rows, &in->count);
}

static void resume_free(void *input)
{
    struct resume_input *in = input;
    arena_done(&in->arena);
    mem_free(in->device);
    mem_free(in);
}

/* What was said while we waited comes after it. */
static void resume_with(struct dialogue *d, const struct resume_input *in)
{
    struct history before = d->history;
    d->history = (struct history){ .tokens_max = before.tokens_max };
    for (size_t i = 0; i < in->count; i++) {
        bool is_user = strcmp(in->rows[i].role, "user") == 0;
        history_add(&d->history, is_user ? LLM_USER : LLM_ASSISTANT, slice_of(in->rows[i].text));
    }
    for (size_t i = 0; i < before.count; i++) {
        const struct history_entry *e = &before.entries[i];
        if (e->role == LLM_TOOL)
            history_add_result(&d->history, slice_of(e->call_id), slice_of(e->text));
        else if (e->calls_json)
            history_add_calls(&d->history, slice_of(e->text), slice_of(e->calls_json));
        else
            history_add(&d->history, e->role, slice_of(e->text));
    }
    history_done(&before);
    if (!in->count)
        return;
    metric_add(METRIC_sessions_resumed_total, 1);
    LOGI(d->o.log, "dialogue.resume", "rows=%zu", in->count);
}

static void on_resumed(void *owner, enum err err, void *input)
{
    struct dialogue *d = owner;
    d->resume = NULL;
    if (err)
        LOGW(d->o.log, "dialogue.resume", "err=%s", err_name(err));
    else
        resume_with(d, input);
    exchange_recalled(d); /* a question may wait for this */
}

static const struct store_op_class resume_class = {
    .name = "turn.last", .run = resume_run, .done = on_resumed, .free_input = resume_free, .is_read_only = true,
};

static void resume_start(struct dialogue *d)
{
    int64_t seconds = d->config->dialogue_resume_seconds;
    if (!d->o.store || seconds <= 0)
        return;
    struct resume_input *in = xnew(struct resume_input);
    in->device = xstrdup(d->o.device_id);
    in->since_ms = clock_wall_ms() - seconds * 1000;
    if (store_start(&d->resume, d->o.store, d->o.loop, &resume_class, in, d) != OK) {
        d->resume = NULL;
        resume_free(in);
    }
}

/* ---- long memory --------------------------------------------------------------------------------------- */

static void on_recall(void *user, struct slice facts)
{
    struct dialogue *d = user;
    buf_clear(&d->memory);
    buf_put(&d->memory, facts);
}

static void recall_close(struct dialogue *d)
{
    if (d->recall)
        d->recall_cls->close(d->recall);
    d->recall = NULL;
}

static void on_recall_end(void *user, const struct err_note *why)
{
    struct dialogue *d = user;
    if (why->err)
        LOGW(d->o.log, "memory.recall", "err=%s note=\"%s\"", err_name(why->err), why->text);
    recall_close(d);
    exchange_recalled(d);
}

static const struct memory_events recall_events = { .on_recall = on_recall, .on_end = on_recall_end };

static void recall_start(struct dialogue *d)
{
    const struct conf *settings = NULL;
    struct use_opts use = talk_use(d);
    d->recall_cls = memory_class_for(d->o.registry, &use, &settings);
    if (!d->recall_cls || !d->recall_cls->recall)
        return;
    struct provider_opts po = { .env = d->o.env, .config = d->config, .settings = settings,
                                .alias = d->config->selected_module_Memory, .language = d->o.language,
                                .log = d->o.log };
    if (d->recall_cls->recall(&d->recall, &po, d->o.device_id, &recall_events, d) != OK)
        d->recall = NULL;
}

void records_open(struct dialogue *d)
{
    d->recall_until_ms = loop_now_ms(d->o.loop) + RECALL_MS;
    resume_start(d);
    recall_start(d);
}

void records_close(struct dialogue *d)
{
    store_cancel(d->resume);
    d->resume = NULL;
    recall_close(d);
}
