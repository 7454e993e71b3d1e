/* SPDX-License-Identifier: MIT
 * minutes.c -- the keeper of meetings that are over: takes wishes of other loops as letters, looks for what a
 * killed process left and for what is too old, and hands each meeting to its job (minutes_job.c). Nothing
 * here is needed for safety: what is to be done stands in the store. */
#include "modes/minutes_inside.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/settings.h"
#include "modes/webhook.h"
#include "store/meeting.h"
#include "store/store.h"

#define LOG_TOPIC          "meeting"
#define RETAIN_AT_ONCE     100
#define UNFINISHED_AT_ONCE 100

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

/* ---- who waits for the end ---- */

static void waiter_run(struct mail *mail)
{
    struct minutes_waiter *w = container_of(mail, struct minutes_waiter, mail);
    w->done(w->arg, w->err, w->text);
    mem_free(w);
}

void minutes_waiter_tell(struct minutes_waiter *w, enum err err, const char *text)
{
    w->err = err;
    w->text = text;
    w->mail.run = waiter_run;
    loop_post(w->loop, &w->mail);
}

/* ---- letters from other loops ---- */

struct letter {
    struct mail mail;
    struct minutes *keeper;
    char *meeting;
    bool is_again, must_finalize;
    struct minutes_waiter *waiter;
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
        minutes_waiter_tell(t->waiter, err, err_text(err));
    else if (!err)
        minutes_job_want(t->keeper, t->meeting, false, t->waiter);
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
            minutes_waiter_tell(t->waiter, ERR_CLOSED, "the server stops");
        letter_free(t);
        return;
    }
    if (!t->must_finalize) {
        minutes_job_want(k, t->meeting, t->is_again, t->waiter);
        letter_free(t);
        return;
    }
    struct store_op *op;
    t->now_ms = clock_wall_ms();
    enum err e = store_start(&op, k->shared->store, k->loop, &finalize_class, t, t);
    if (e) {
        if (t->waiter)
            minutes_waiter_tell(t->waiter, e, err_text(e));
        letter_free(t);
    }
}

static void write_letter(struct minutes *k, const char *meeting, bool is_again, bool must_finalize,
                         struct minutes_waiter *w)
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

static struct minutes_waiter *waiter_make(struct loop *l, minutes_done_fn *done, void *arg)
{
    struct minutes_waiter *w = xnew(struct minutes_waiter);
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
    minutes_jobs_close(k);
    minutes_unref(k);
}
