/* SPDX-License-Identifier: MIT
 * chain_asr.c -- a recogniser that is a list of them: while no final text came yet, a failure or
 * time-out goes on to the next alias, which hears all of it again.
 *
 *     feed() --> alias in use
 *           \--> kept (only while another alias remains, KEPT_BYTES_MAX) --pump--> next alias
 *
 * It takes Opus packets when every alias does; otherwise PCM at 16 kHz. */
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "metrics/metrics.h"
#include "providers/resolve.h"
#include "providers/soon.h"

#define LOG_TOPIC "provider"

enum {
    KEPT_BYTES_MAX = 60 * 16000 * 2, /* beyond it the audio is forgotten and the alias in use is the last */
    KEPT_OPUS_BYTES = 60 * 4608,     /* a minute of usual packets with their heads */
    PUMP_MS = 20,                    /* the next alias was full: again after that */
    CHUNK_SAMPLES = 1600,
    CHAIN_RATE_HZ = 16000,           /* what it takes, as PCM */
};

struct packet {
    uint32_t bytes, duration_us;
};

struct asr {
    struct soon soon;
    struct asr_class cls;
    struct chain_plan plan;
    struct chain_use use;
    unsigned at;
    const struct asr_class *child_cls;
    struct asr *child;
    const struct asr_events *ev;
    void *user;
    struct timer wait, pump_timer;
    struct buf kept;
    size_t given_bytes;              /* of kept: heard by the alias in use */
    uint64_t heard_us;               /* by the alias in use */
    struct err_note last;
    bool takes_opus, is_keeping, is_behind; /* behind: the alias in use still hears what was kept */
    bool has_failed, has_delivered, is_finished, finish_given, has_ended;
};

static const struct asr_events child_events;

static uint64_t now_ms(const struct asr *a)
{
    return loop_now_ms(a->soon.loop);
}

static void drop_child(struct asr *a, enum err how)
{
    if (!a->child)
        return;
    object_report(a->plan.registry, a->plan.objects[a->at], how, now_ms(a));
    a->child_cls->close(a->child);
    a->child = NULL;
    timer_stop(&a->wait);
    timer_stop(&a->pump_timer);
    metric_add_label(METRIC_asr_audio_ms_total, a->plan.objects[a->at]->alias, (int64_t)(a->heard_us / 1000));
    a->heard_us = 0;
}

static void end(struct asr *a)
{
    struct err_note note = a->last;
    a->has_ended = true;
    timer_stop(&a->wait);
    a->ev->on_end(a->user, &note);
}

static void fail(struct asr *a, enum err e, const char *text);

static void on_wait_over(void *arg)
{
    fail(arg, ERR_TIMEOUT, "no text in time");
}

static void give_finish(struct asr *a)
{
    if (!a->is_finished || a->finish_given || a->is_behind)
        return;
    a->finish_given = true;
    timer_start(&a->wait, a->soon.loop, a->use.opts.first_byte_ms, on_wait_over, a);
    a->child_cls->finish(a->child);
}

static enum err feed(struct asr *a, struct pcm pcm)
{
    enum err e = a->child_cls->feed(a->child, pcm);
    if (!e)
        a->heard_us += (uint64_t)pcm.count * 1000 / (CHAIN_RATE_HZ / 1000);
    return e;
}

static enum err feed_opus(struct asr *a, struct slice packet, uint32_t duration_us)
{
    enum err e = a->child_cls->feed_opus(a->child, packet, duration_us);
    if (!e)
        a->heard_us += duration_us;
    return e;
}

static enum err give_kept(struct asr *a, size_t *step)
{
    const char *from = a->kept.data + a->given_bytes;
    size_t left = a->kept.len - a->given_bytes;
    if (a->takes_opus) {
        struct packet head;
        memcpy(&head, from, sizeof(head));
        *step = sizeof(head) + head.bytes;
        return feed_opus(a, slice_from(from + sizeof(head), head.bytes), head.duration_us);
    }
    int16_t samples[CHUNK_SAMPLES];
    *step = MIN(left, sizeof(samples));
    memcpy(samples, from, *step);
    return feed(a, (struct pcm){ samples, *step / sizeof(int16_t) });
}

static void on_pump(void *arg);

static enum err pump(struct asr *a)
{
    while (a->given_bytes < a->kept.len) {
        size_t step = 0;
        enum err e = give_kept(a, &step);
        if (e == ERR_BUSY) {
            timer_start(&a->pump_timer, a->soon.loop, PUMP_MS, on_pump, a);
            return OK;
        }
        if (e)
            return e;
        a->given_bytes += step;
    }
    a->is_behind = false;
    give_finish(a);
    return OK;
}

static void on_pump(void *arg)
{
    struct asr *a = arg;
    enum err e = pump(a);
    if (e)
        fail(a, e, err_text(e));
}

static bool try_from(struct asr *a, unsigned at)
{
    for (; at < a->plan.count; at++) {
        struct provider_object *o = a->plan.objects[at];
        a->at = at;
        a->given_bytes = 0;
        a->is_behind = a->kept.len > 0;
        a->finish_given = false;
        if (!object_try(a->plan.registry, o, now_ms(a))) {
            a->last.err = ERR_BUSY;
            snprintf(a->last.text, sizeof(a->last.text), "%s pauses after failures", o->alias);
            chain_left(&a->plan, at);
            continue;
        }
        a->child_cls = o->cls;
        enum err e = a->child_cls->open(&a->child, chain_use_for(&a->use, &a->plan, at), &child_events, a);
        if (e) {
            a->child = NULL;
            object_report(a->plan.registry, o, e, now_ms(a));
        } else {
            e = pump(a);
            if (!e)
                return true;
            drop_child(a, e);
        }
        a->last.err = e;
        snprintf(a->last.text, sizeof(a->last.text), "%s: %s", o->alias, err_text(e));
        LOGW(a->use.opts.log, "provider.failed", "kind=ASR alias=%s err=%s", o->alias, err_name(e));
        chain_left(&a->plan, at);
    }
    return false;
}

static void next_or_end(struct asr *a)
{
    if (a->is_keeping && !a->has_delivered && a->at + 1 < a->plan.count && a->last.err != ERR_CANCELLED) {
        LOGW(a->use.opts.log, "provider.failed", "kind=ASR alias=%s err=%s why=\"%s\" next=%s",
             a->plan.objects[a->at]->alias, err_name(a->last.err), a->last.text, a->plan.objects[a->at + 1]->alias);
        chain_left(&a->plan, a->at);
        if (try_from(a, a->at + 1))
            return;
    }
    end(a);
}

static void fail(struct asr *a, enum err e, const char *text)
{
    a->last.err = e;
    snprintf(a->last.text, sizeof(a->last.text), "%s", text);
    drop_child(a, e);
    next_or_end(a);
}

static void fail_soon(struct asr *a, enum err e)
{
    a->last.err = e;
    snprintf(a->last.text, sizeof(a->last.text), "%s", err_text(e));
    drop_child(a, e);
    a->has_failed = true;
    soon_kick(&a->soon);
}

static void run(void *arg)
{
    struct asr *a = arg;
    if (a->has_failed && !a->has_ended) {
        a->has_failed = false;
        next_or_end(a);
    }
}

static void child_text(void *user, const struct asr_text *text)
{
    struct asr *a = user;
    if (text->final && text->text.len)
        a->has_delivered = true;
    if (a->finish_given)
        timer_start(&a->wait, a->soon.loop, a->use.opts.idle_ms, on_wait_over, a);
    a->ev->on_text(a->user, text);
}

static void child_end(void *user, const struct err_note *why)
{
    struct asr *a = user;
    a->last = *why;
    drop_child(a, why->err);
    if (why->err)
        next_or_end(a);
    else
        end(a);
}

static const struct asr_events child_events = { .on_text = child_text, .on_end = child_end };

static void stop_keeping(struct asr *a)
{
    a->is_keeping = false;
    buf_done(&a->kept);
    a->given_bytes = 0;
}

/* Kept for the next alias; while this one is behind it gets it from there. OK: fed or kept. */
static enum err keep(struct asr *a, struct slice head, struct slice body)
{
    if (a->kept.len + head.len + body.len > KEPT_BYTES_MAX) {
        if (a->is_behind || !a->child)
            return ERR_BUSY;
        stop_keeping(a);
        return OK;
    }
    if (!a->kept.cap) /* at once, so that no frame makes it move; pages not written to cost nothing */
        buf_reserve(&a->kept, a->takes_opus ? KEPT_OPUS_BYTES : KEPT_BYTES_MAX);
    if (head.len)
        buf_put(&a->kept, head);
    buf_put(&a->kept, body);
    if (!a->is_behind)
        a->given_bytes = a->kept.len;
    return OK;
}

static enum err fed(struct asr *a, enum err e, struct slice head, struct slice body)
{
    if (e == ERR_BUSY)
        return e;
    if (a->is_keeping) {
        enum err kept = keep(a, head, body);
        if (kept)
            return kept;
    }
    if (e)
        fail_soon(a, e);
    return OK;
}

static enum err chain_feed(struct asr *a, struct pcm pcm)
{
    if (a->has_ended || a->is_finished)
        return ERR_STATE;
    enum err e = a->child && !a->is_behind ? feed(a, pcm) : OK;
    return fed(a, e, (struct slice){ NULL, 0 }, slice_from(pcm.samples, pcm.count * sizeof(int16_t)));
}

static enum err chain_feed_opus(struct asr *a, struct slice packet, uint32_t duration_us)
{
    if (a->has_ended || a->is_finished)
        return ERR_STATE;
    struct packet head = { (uint32_t)packet.len, duration_us };
    enum err e = a->child && !a->is_behind ? feed_opus(a, packet, duration_us) : OK;
    return fed(a, e, slice_from(&head, sizeof(head)), packet);
}

static void chain_finish(struct asr *a)
{
    if (a->is_finished || a->has_ended)
        return;
    a->is_finished = true;
    if (a->child)
        give_finish(a);
}

static void free_chain(void *arg)
{
    struct asr *a = arg;
    buf_done(&a->kept);
    plan_done(&a->plan);
    mem_free(a);
}

static void chain_close(struct asr *a)
{
    drop_child(a, a->has_delivered ? OK : ERR_CANCELLED);
    a->has_ended = true;
    soon_close(&a->soon);
}

enum err chain_asr_open(struct asr_use *out, struct chain_plan *p, const struct use_opts *u,
                        const struct asr_events *ev, void *user)
{
    struct asr *a = xnew(struct asr);
    soon_init(&a->soon, u->env->loop, run, free_chain, a);
    a->plan = *p;
    *p = (struct chain_plan){ 0 };
    a->ev = ev;
    a->user = user;
    chain_use_init(&a->use, u);
    const struct asr_class *first = a->plan.objects[0]->cls;
    unsigned common = ~0u;
    for (unsigned i = 0; i < a->plan.count; i++)
        common &= ((const struct asr_class *)a->plan.objects[i]->cls)->caps;
    a->takes_opus = (common & ASR_TAKES_OPUS) != 0;
    a->is_keeping = a->plan.count > 1;
    a->cls = (struct asr_class){
        .name = first->name, .rate_hz = CHAIN_RATE_HZ,
        .caps = (first->caps & ~(unsigned)ASR_TAKES_OPUS) | (common & ASR_TAKES_OPUS),
        .feed = chain_feed, .finish = chain_finish, .close = chain_close,
    };
    if (a->takes_opus)
        a->cls.feed_opus = chain_feed_opus;
    if (!try_from(a, 0)) {
        a->at = a->plan.count - 1;
        a->has_failed = true;
        soon_kick(&a->soon);
    }
    *out = (struct asr_use){ .cls = &a->cls, .asr = a };
    return OK;
}
