/* SPDX-License-Identifier: MIT
 * saver.c -- see saver.h. Everything happens on the home loop; other threads only set a mark and write one
 * letter. */
#include "dialogue/saver.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config/settings.h"
#include "loop/timer.h"
#include "metrics/metrics.h"
#include "store/memory.h"
#include "store/save_job.h"
#include "store/store.h"
#include "store/turn.h"

#define LOG_TOPIC "memory"
#define LOST_AT_ONCE 500
#define DAY_MS 86400000LL

struct saving {
    struct saver *saver;
    int64_t id;
    char *device, *key, *turns;
    int64_t tries, created_ms;
    struct memory *memory;
    const struct memory_class *cls;
    struct config *config;
    struct timer late;
    bool is_used, is_ending;
};

struct saver {
    struct saver_opts o;
    struct timer timer;
    struct store_op *op;
    struct saving slots[SAVER_AT_ONCE];
    struct mail mail;
    atomic_bool is_posted;
    atomic_uint coming;          /* writes of jobs under way */
    bool is_closing, wants_look;
    unsigned refs;               /* the owner's, and one per store operation */
};

static void unref(struct saver *s)
{
    if (--s->refs == 0)
        mem_free(s);
}

/* One trip to the store. */
struct trip {
    struct saver *saver;
    struct arena arena;
    int64_t now_ms, waiting, found, next_ms, id;
    struct save_job_row *jobs;
    size_t count;
    bool is_dropped, is_good;
    const char *device, *line;
    struct saving *slot;
};

static void trip_free(void *input)
{
    struct trip *t = input;
    unref(t->saver);
    arena_done(&t->arena);
    mem_free(t);
}

static struct trip *trip_make(struct saver *s)
{
    struct trip *t = xnew(struct trip);
    t->saver = s;
    s->refs++;
    t->now_ms = clock_wall_ms();
    return t;
}

static bool trip_start(struct trip *t, const struct store_op_class *cls)
{
    struct saver *s = t->saver;
    if (store_start(NULL, s->o.store, s->o.loop, cls, t, s) == OK)
        return true;
    trip_free(t);
    return false;
}

static void look(struct saver *s);

static void on_timer(void *arg)
{
    look(arg);
}

static void look_in(struct saver *s, uint64_t ms)
{
    if (!s->is_closing)
        timer_start(&s->timer, s->o.loop, ms, on_timer, s);
}

/* ---- the end of a job ---- */

static enum err end_run(struct db *db, void *input)
{
    struct trip *t = input;
    if (!t->is_good)
        return db_save_job_failed(db, t->id, t->now_ms, &t->is_dropped);
    enum err e = t->line[0] ? db_chat_summary_add(db, t->device, slice_of(t->line), t->now_ms) : OK;
    return e ? e : db_save_job_done(db, t->id, t->now_ms);
}

static void slot_clear(struct saving *g)
{
    timer_stop(&g->late);
    if (g->memory)
        g->cls->close(g->memory);
    config_unref(g->config);
    mem_free(g->device);
    mem_free(g->key);
    mem_free(g->turns);
    *g = (struct saving){ 0 };
}

static void on_ended(void *owner, enum err err, void *input)
{
    struct saver *s = owner;
    struct trip *t = input;
    if (t->is_dropped) {
        LOGE(NULL, "memory.lost", "device=%s job=%lld: not saved within 7 days, given up", t->device, (long long)t->id);
        metric_add_label(METRIC_memory_saves_total, "dropped", 1);
    }
    if (s->is_closing)
        return;
    slot_clear(t->slot);
    look_in(s, err ? SAVER_LOOK_MS : 0);
}

static const struct store_op_class end_class = {
    .name = "save_end", .run = end_run, .done = on_ended, .free_input = trip_free
};

static void end(struct saving *g, enum err err, const char *note)
{
    struct saver *s = g->saver;
    if (g->is_ending)
        return;
    g->is_ending = true;
    timer_stop(&g->late);
    metric_add_label(METRIC_memory_saves_total, err ? "failed" : "saved", 1);
    if (err)
        LOGE(NULL, "memory.save", "device=%s try=%lld err=%s note=\"%s\"", g->device, (long long)g->tries + 1,
             err_name(err), note);
    else
        LOGI(NULL, "memory.saved", "device=%s delay_ms=%lld tries=%lld", g->device,
             (long long)(clock_wall_ms() - g->created_ms), (long long)g->tries + 1);
    struct trip *t = trip_make(s);
    auto_buf struct buf line = { 0 };
    saver_line(&line, slice_of(g->turns));
    t->is_good = !err;
    t->id = g->id;
    t->slot = g;
    t->device = arena_strdup(&t->arena, slice_of(g->device));
    t->line = arena_strdup(&t->arena, buf_slice(&line));
    if (!trip_start(t, &end_class)) { /* the store is full: the job is there, it comes again */
        slot_clear(g);
        look_in(s, SAVER_LOOK_MS);
    }
}

void saver_line(struct buf *out, struct slice turns_json)
{
    auto_json struct json *turns = NULL;
    if (json_parse(&turns, turns_json, &(struct json_limits){ .nodes_max = 100000 }))
        return;
    for (size_t i = 0; i < json_len(turns) && out->len < SAVER_SUMMARY_BYTES / 2; i++) {
        const struct json *turn = json_at(turns, i);
        struct slice text = slice_trim(json_get_text(turn, "content"));
        if (!slice_is(json_get_text(turn, "role"), "user") || !text.len)
            continue;
        if (out->len)
            buf_puts(out, "; ");
        buf_put(out, slice_sub(text, 0, utf8_cut(text, SAVER_SUMMARY_BYTES - out->len)));
    }
}

/* ---- a job ---- */

static void on_recall(void *user, struct slice facts)
{
}

static void on_end(void *user, const struct err_note *why)
{
    struct saving *g = user;
    struct memory *m = take_ptr(&g->memory);
    g->cls->close(m);
    end(g, why->err, why->text);
}

static void on_late(void *arg)
{
    struct saving *g = arg;
    if (g->memory)
        g->cls->close(take_ptr(&g->memory));
    end(g, ERR_TIMEOUT, "the memory provider took too long");
}

static void begin(struct saver *s, struct saving *g, const struct save_job_row *job)
{
    static const struct memory_events events = { .on_recall = on_recall, .on_end = on_end };
    const struct conf *settings = NULL;
    *g = (struct saving){ .saver = s, .id = job->id, .device = xstrdup(job->device), .key = xstrdup(job->key),
                          .turns = xstrdup(job->payload), .tries = job->tries, .created_ms = job->created_ms,
                          .config = config_now(s->o.config), .is_used = true };
    struct use_opts use = { .env = s->o.env, .config = g->config, .language = g->config->server_language };
    g->cls = memory_class_for(s->o.registry, &use, &settings);
    if (!g->cls || !g->cls->remember) {
        end(g, OK, "");
        return;
    }
    struct provider_opts opts = { .env = s->o.env, .config = g->config, .settings = settings,
                                  .alias = g->config->selected_module_Memory, .language = g->config->server_language };
    timer_start(&g->late, s->o.loop, (uint64_t)g->config->memory_save_timeout_seconds * 1000, on_late, g);
    const struct memory_talk talk = { .device_id = g->device, .turns_json = slice_of(g->turns), .key = g->key };
    enum err e = g->cls->remember(&g->memory, &opts, &talk, &events, g);
    if (e) {
        g->memory = NULL;
        end(g, e, err_text(e));
    }
}

static struct saving *slot_of(struct saver *s, const char *device)
{
    for (size_t i = 0; i < SAVER_AT_ONCE; i++) {
        if (device ? s->slots[i].is_used && strcmp(s->slots[i].device, device) == 0 : !s->slots[i].is_used)
            return &s->slots[i];
    }
    return NULL;
}

static enum err due_run(struct db *db, void *input)
{
    struct trip *t = input;
    enum err e = db_save_job_due(db, t->now_ms, SAVER_AT_ONCE * 2, &t->arena, &t->jobs, &t->count);
    if (!e)
        e = db_save_job_waiting(db, &t->waiting);
    if (!e && db_save_job_next(db, &t->next_ms))
        t->next_ms = 0;
    return e;
}

static void on_due(void *owner, enum err err, void *input)
{
    struct saver *s = owner;
    struct trip *t = input;
    bool is_full = false;
    s->op = NULL;
    if (s->is_closing)
        return;
    metric_set(METRIC_memory_saves_waiting, t->waiting);
    for (size_t i = 0; i < t->count && !err; i++) {
        struct saving *free_slot = slot_of(s, NULL);
        if (slot_of(s, t->jobs[i].device))
            continue;
        if (!free_slot) {
            is_full = true;
            break;
        }
        begin(s, free_slot, &t->jobs[i]);
    }
    int64_t wait_ms = t->next_ms ? t->next_ms - t->now_ms : SAVER_LOOK_MS;
    if (!is_full)
        look_in(s, err || wait_ms > SAVER_LOOK_MS ? SAVER_LOOK_MS : wait_ms < 1000 ? 1000 : (uint64_t)wait_ms);
    if (s->wants_look)
        look_in(s, 0);
}

static const struct store_op_class due_class = {
    .name = "save_due", .run = due_run, .done = on_due, .free_input = trip_free
};

static void look(struct saver *s)
{
    s->wants_look = s->op != NULL;
    if (s->op || s->is_closing)
        return;
    struct trip *t = trip_make(s);
    if (store_start(&s->op, s->o.store, s->o.loop, &due_class, t, s)) {
        s->op = NULL;
        trip_free(t);
        look_in(s, SAVER_LOOK_MS);
    }
}

/* ---- at the start: sessions whose end nobody saw ---- */

static void put_turns(struct buf *out, const struct turn_row *rows, size_t count)
{
    struct jw w;
    jw_init(&w, out);
    jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        jw_object(&w);
        jw_cstr(&w, "role", rows[i].role);
        jw_cstr(&w, "content", rows[i].text);
        jw_end(&w);
    }
    jw_end(&w);
}

static enum err lost_run(struct db *db, void *input)
{
    struct trip *t = input;
    struct lost_session *lost;
    size_t count;
    enum err e = db_save_job_lost(db, t->now_ms - SAVER_LOST_DAYS * DAY_MS, LOST_AT_ONCE, &t->arena, &lost, &count);
    for (size_t i = 0; i < count && !e; i++) {
        struct turn_row *rows;
        size_t row_count;
        bool is_new = false;
        auto_buf struct buf turns = { 0 };
        e = db_turn_of_session(db, lost[i].session, &t->arena, &rows, &row_count);
        if (e)
            break;
        put_turns(&turns, rows, row_count);
        struct save_job_row job = { .device = lost[i].device, .key = lost[i].session, .session = lost[i].session,
                                    .payload = turns.data, .created_ms = t->now_ms, .next_try_ms = t->now_ms };
        e = db_save_job_put(db, &job, &is_new);
        t->found += is_new;
    }
    return e ? e : db_save_job_waiting(db, &t->waiting);
}

static void on_lost(void *owner, enum err err, void *input)
{
    struct saver *s = owner;
    struct trip *t = input;
    if (err)
        LOGE(NULL, "memory.start", "err=%s", err_name(err));
    else if (t->waiting)
        LOGW(NULL, "memory.start", "waiting=%lld made_again=%lld", (long long)t->waiting,
             (long long)t->found);
    if (!s->is_closing)
        look(s);
}

static const struct store_op_class lost_class = {
    .name = "save_lost", .run = lost_run, .done = on_lost, .free_input = trip_free
};

enum err saver_create(struct saver **out, const struct saver_opts *o)
{
    struct saver *s = xnew(struct saver);
    s->o = *o;
    s->refs = 1;
    if (!trip_start(trip_make(s), &lost_class))
        look_in(s, 0);
    *out = s;
    return OK;
}

static void on_letter(struct mail *m)
{
    struct saver *s = container_of(m, struct saver, mail);
    atomic_store(&s->is_posted, false);
    look(s);
}

void saver_look(struct saver *s)
{
    if (s->is_closing || atomic_exchange(&s->is_posted, true))
        return;
    s->mail.run = on_letter;
    loop_post(s->o.loop, &s->mail);
}

void saver_expect(struct saver *s)
{
    atomic_fetch_add(&s->coming, 1);
}

void saver_arrived(struct saver *s)
{
    saver_look(s); /* before the count: between the two it is busy twice, never not at all */
    atomic_fetch_sub(&s->coming, 1);
}

bool saver_is_busy(const struct saver *s)
{
    if (!s || s->is_closing)
        return false;
    for (size_t i = 0; i < SAVER_AT_ONCE; i++) {
        if (s->slots[i].is_used)
            return true;
    }
    bool looks_now = timer_armed(&s->timer) && s->timer.due_ms <= loop_now_ms(s->o.loop) + 1;
    return s->op || s->wants_look || looks_now || atomic_load(&s->coming) || atomic_load(&s->is_posted);
}

void saver_stop(struct saver *s)
{
    if (!s)
        return;
    s->is_closing = true;
    timer_stop(&s->timer);
    for (size_t i = 0; i < SAVER_AT_ONCE; i++) {
        if (s->slots[i].is_used)
            slot_clear(&s->slots[i]);
    }
}

void saver_free(struct saver *s)
{
    if (s)
        unref(s);
}
