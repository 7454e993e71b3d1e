/* SPDX-License-Identifier: MIT
 * chain_tts.c -- a voice that is a list of them: while no audio came yet, a failure or time-out goes on
 * to the next alias, which is given all sentences again.
 *
 *     say() --> sentences kept --> alias in use        (given: how many it has; marked: how many it spoke)
 *
 * Sentences are dropped when audio flows and they were handed over. */
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "loop/timer.h"
#include "metrics/metrics.h"
#include "providers/resolve.h"
#include "providers/soon.h"

#define LOG_TOPIC "provider"

enum { SENTENCES_MAX = 64 }; /* said and not yet handed over, or kept for the next alias: ERR_BUSY */

struct tts {
    struct soon soon;
    struct tts_class cls;
    struct chain_plan plan;
    struct chain_use use;
    unsigned at;
    const struct tts_class *child_cls;
    struct tts *child;
    const struct tts_events *ev;
    void *user;
    struct timer wait;
    char *kept[SENTENCES_MAX];
    unsigned kept_count, given;  /* of kept: handed to the alias in use */
    unsigned said, marked;       /* sentences of the whole stream */
    uint64_t audio_us;           /* made by the alias in use */
    struct err_note last;
    bool has_failed;             /* inside a call: `last` waits for the top of the loop */
    bool has_delivered, is_finished, is_paused, finish_given, has_ended;
};

static const struct tts_events child_events, child_events_pcm;

static uint64_t now_ms(const struct tts *t)
{
    return loop_now_ms(t->soon.loop);
}

static void drop_child(struct tts *t, enum err how)
{
    if (!t->child)
        return;
    object_report(t->plan.registry, t->plan.objects[t->at], how, now_ms(t));
    t->child_cls->close(t->child);
    t->child = NULL;
    timer_stop(&t->wait);
    metric_add_label(METRIC_tts_audio_ms_total, t->plan.objects[t->at]->alias, (int64_t)(t->audio_us / 1000));
    t->audio_us = 0;
}

static void end(struct tts *t)
{
    struct err_note note = t->last;
    t->has_ended = true;
    timer_stop(&t->wait);
    t->ev->on_end(t->user, &note);
}

static void fail(struct tts *t, enum err e, const char *text);

static void on_wait_over(void *arg)
{
    struct tts *t = arg;
    fail(t, ERR_TIMEOUT, t->has_delivered ? "the voice stalled" : "no audio in time");
}

/* The clock runs while the alias owes us something and is not held back by us. */
static void set_clock(struct tts *t)
{
    bool owes = t->child && (t->marked < t->said || t->finish_given);
    if (!owes || t->is_paused)
        timer_stop(&t->wait);
    else
        timer_start(&t->wait, t->soon.loop, t->has_delivered ? t->use.opts.idle_ms : t->use.opts.first_byte_ms,
                    on_wait_over, t);
}

static void forget_given(struct tts *t)
{
    for (unsigned i = 0; i < t->given; i++)
        mem_free(t->kept[i]);
    memmove(t->kept, t->kept + t->given, sizeof(t->kept[0]) * (t->kept_count - t->given));
    t->kept_count -= t->given;
    t->given = 0;
}

/* Hands over what waits. Any error but ERR_BUSY is the alias's end. */
static enum err pump(struct tts *t)
{
    while (t->given < t->kept_count) {
        enum err e = t->child_cls->say(t->child, slice_of(t->kept[t->given]));
        if (e == ERR_BUSY)
            return OK;
        if (e)
            return e;
        metric_add_label(METRIC_tts_characters_total, t->plan.objects[t->at]->alias,
                         (int64_t)utf8_chars(slice_of(t->kept[t->given])));
        t->given++;
    }
    if (t->has_delivered || t->at + 1 == t->plan.count)
        forget_given(t);
    if (t->is_finished && t->given == t->kept_count && !t->finish_given) {
        t->finish_given = true;
        t->child_cls->finish(t->child);
    }
    return OK;
}

static bool try_from(struct tts *t, unsigned at)
{
    for (; at < t->plan.count; at++) {
        struct provider_object *o = t->plan.objects[at];
        t->at = at;
        t->given = 0;
        t->finish_given = false;
        if (!object_try(t->plan.registry, o, now_ms(t))) {
            t->last.err = ERR_BUSY;
            snprintf(t->last.text, sizeof(t->last.text), "%s pauses after failures", o->alias);
            chain_left(&t->plan, at);
            continue;
        }
        t->child_cls = o->cls;
        enum err e = t->child_cls->open(&t->child, chain_use_for(&t->use, &t->plan, at),
                                        t->ev->on_opus ? &child_events : &child_events_pcm, t);
        if (e) {
            t->child = NULL;
            object_report(t->plan.registry, o, e, now_ms(t));
        } else {
            if (t->is_paused && t->child_cls->pause)
                t->child_cls->pause(t->child, true);
            e = pump(t);
            if (!e) {
                set_clock(t);
                return true;
            }
            drop_child(t, e);
        }
        t->last.err = e;
        snprintf(t->last.text, sizeof(t->last.text), "%s: %s", o->alias, err_text(e));
        LOGW(t->use.opts.log, "provider.failed", "kind=TTS alias=%s err=%s", o->alias, err_name(e));
        chain_left(&t->plan, at);
    }
    return false;
}

static void next_or_end(struct tts *t)
{
    if (!t->has_delivered && t->at + 1 < t->plan.count && t->last.err != ERR_CANCELLED) {
        LOGW(t->use.opts.log, "provider.failed", "kind=TTS alias=%s err=%s why=\"%s\" next=%s",
             t->plan.objects[t->at]->alias, err_name(t->last.err), t->last.text, t->plan.objects[t->at + 1]->alias);
        chain_left(&t->plan, t->at);
        if (try_from(t, t->at + 1))
            return;
    }
    end(t);
}

static void fail(struct tts *t, enum err e, const char *text)
{
    t->last.err = e;
    snprintf(t->last.text, sizeof(t->last.text), "%s", text);
    drop_child(t, e);
    next_or_end(t);
}

/* A failure noticed inside say() or finish(): told at the top of the loop. */
static void fail_soon(struct tts *t, enum err e)
{
    t->last.err = e;
    snprintf(t->last.text, sizeof(t->last.text), "%s", err_text(e));
    drop_child(t, e);
    t->has_failed = true;
    soon_kick(&t->soon);
}

static void run(void *arg)
{
    struct tts *t = arg;
    if (t->has_failed && !t->has_ended) {
        t->has_failed = false;
        next_or_end(t);
    }
}

static void got_audio(struct tts *t)
{
    t->has_delivered = true;
    forget_given(t);
    set_clock(t);
}

static void child_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    struct tts *t = user;
    got_audio(t);
    if (rate_hz)
        t->audio_us += (uint64_t)pcm.count * 1000000 / rate_hz;
    t->ev->on_pcm(t->user, pcm, rate_hz);
}

static void child_opus(void *user, struct slice packet, uint32_t duration_us)
{
    struct tts *t = user;
    got_audio(t);
    t->audio_us += duration_us;
    t->ev->on_opus(t->user, packet, duration_us);
}

static void child_mark(void *user, uint32_t sentence)
{
    struct tts *t = user;
    uint32_t number = t->marked++;
    t->has_delivered = true; /* a sentence of signs only is done without audio: it must not come twice */
    enum err e = pump(t);
    if (e)
        fail_soon(t, e);
    set_clock(t);
    t->ev->on_mark(t->user, number);
}

static void child_end(void *user, const struct err_note *why)
{
    struct tts *t = user;
    t->last = *why;
    if (!why->err && t->marked < t->said) { /* ended without having said it all */
        t->last.err = ERR_UPSTREAM;
        snprintf(t->last.text, sizeof(t->last.text), "the voice ended early");
    }
    drop_child(t, t->last.err);
    if (t->last.err)
        next_or_end(t);
    else
        end(t);
}

static const struct tts_events child_events = {
    .on_pcm = child_pcm, .on_opus = child_opus, .on_mark = child_mark, .on_end = child_end,
};
static const struct tts_events child_events_pcm = { .on_pcm = child_pcm, .on_mark = child_mark, .on_end = child_end };

static enum err chain_say(struct tts *t, struct slice text)
{
    if (t->is_finished)
        return ERR_STATE;
    if (t->kept_count == SENTENCES_MAX)
        return ERR_BUSY;
    if (t->has_ended)
        return ERR_CLOSED;
    t->kept[t->kept_count++] = xslicedup(text);
    t->said++;
    if (!t->child)
        return OK; /* the failure is on its way up, or the next alias will be given it */
    enum err e = pump(t);
    if (e)
        fail_soon(t, e);
    else
        set_clock(t);
    return OK;
}

static void chain_finish(struct tts *t)
{
    if (t->is_finished || t->has_ended)
        return;
    t->is_finished = true;
    if (!t->child)
        return;
    enum err e = pump(t);
    if (e)
        fail_soon(t, e);
    else
        set_clock(t);
}

static void chain_pause(struct tts *t, bool is_paused)
{
    if (t->is_paused == is_paused)
        return;
    t->is_paused = is_paused;
    if (t->child && t->child_cls->pause)
        t->child_cls->pause(t->child, is_paused);
    set_clock(t);
}

static void free_chain(void *arg)
{
    struct tts *t = arg;
    t->given = t->kept_count;
    forget_given(t);
    plan_done(&t->plan);
    mem_free(t);
}

static void chain_close(struct tts *t)
{
    drop_child(t, t->has_delivered ? OK : ERR_CANCELLED);
    timer_stop(&t->wait);
    t->has_ended = true;
    soon_close(&t->soon);
}

enum err chain_tts_open(struct tts_use *out, struct chain_plan *p, const struct use_opts *u,
                        const struct tts_events *ev, void *user)
{
    struct tts *t = xnew(struct tts);
    soon_init(&t->soon, u->env->loop, run, free_chain, t);
    t->plan = *p;
    *p = (struct chain_plan){ 0 };
    t->ev = ev;
    t->user = user;
    chain_use_init(&t->use, u);
    const struct tts_class *first = t->plan.objects[0]->cls;
    t->cls = (struct tts_class){
        .name = first->name, .caps = first->caps,
        .say = chain_say, .finish = chain_finish, .pause = chain_pause, .close = chain_close,
    };
    if (!try_from(t, 0)) {
        t->at = t->plan.count - 1;
        t->has_failed = true;
        soon_kick(&t->soon);
    }
    *out = (struct tts_use){ .cls = &t->cls, .tts = t };
    return OK;
}
