/* SPDX-License-Identifier: MIT
 * hearing_take.c -- utterances with their recognisers, from the first packet to the text. */
#include "audio/resample.h"
#include "base/mem.h"
#include "dialogue/hearing_inside.h"

#define LOG_TOPIC "dialogue"

static void take_asr_close(struct take *t)
{
    timer_stop(&t->watchdog);
    if (t->asr.asr)
        t->asr.cls->close(t->asr.asr);
    t->asr.asr = NULL;
}

void take_free(struct take *t)
{
    if (!t)
        return;
    take_asr_close(t);
    resample_free(t->resample);
    pcm_queue_done(&t->resampled);
    buf_done(&t->text);
    buf_done(&t->partial);
    mem_free(t);
}

static void take_forget(struct hearing *h, struct take *t)
{
    if (h->current == t)
        h->current = NULL;
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++) {
        if (h->decided[i] == t)
            h->decided[i] = NULL;
    }
}

unsigned take_count(const struct hearing *h)
{
    unsigned n = h->current != NULL;
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++)
        n += h->decided[i] != NULL;
    return n;
}

static void take_hand_over(struct take *t);

/* The oldest of those whose speech has ended; NULL: none. */
static struct take *take_oldest(struct hearing *h)
{
    struct take *oldest = NULL;
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++) {
        struct take *t = h->decided[i];
        if (t && (!oldest || t->number < oldest->number))
            oldest = t;
    }
    return oldest;
}

/* The recogniser is done with a take whose speech has ended: hand it over, and in order those it held back. */
static void take_deliver(struct take *t)
{
    struct hearing *h = t->h;
    if (!h->is_ordered) {
        take_hand_over(t);
        return;
    }
    t->has_ended = true;
    for (struct take *next; (next = take_oldest(h)) && next->has_ended;)
        take_hand_over(next); /* h stays until the top of the loop, also when it was closed */
}

static void take_hand_over(struct take *t)
{
    struct hearing *h = t->h;
    take_forget(h, t);
    take_asr_close(t);
    auto_buf struct buf text = t->text;
    struct err_note error = t->error;
    t->text = (struct buf){ 0 };
    take_free(t);
    struct slice words = slice_trim(buf_slice(&text));
    if (words.len)
        h->ev->on_text(h->user, words);
    else if (error.err)
        h->ev->on_failed(h->user, &error);
    else
        h->ev->on_nothing(h->user);
}

/* Texts of Chinese are joined as they are, others with a space. */
static void text_join(struct buf *b, struct slice text)
{
    text = slice_trim(text);
    if (!text.len)
        return;
    if (b->len && (unsigned char)b->data[b->len - 1] < 0x80 && (unsigned char)text.data[0] < 0x80)
        buf_put_byte(b, ' ');
    buf_put(b, text);
}

static void on_asr_text(void *user, const struct asr_text *text)
{
    struct take *t = user;
    struct hearing *h = t->h;
    buf_clear(&t->partial);
    if (!text->final) {
        buf_put(&t->partial, text->text);
        return;
    }
    text_join(&t->text, text->text);
    bool is_endpoint = h->current == t && h->mode != LISTEN_MANUAL && (t->asr.cls->caps & ASR_ENDPOINTS);
    if (is_endpoint && t->text.len) {
        vad_restart(h); /* it may still think of this speech */
        take_end(h, loop_now_us(h->loop));
    }
}

static void on_asr_end(void *user, const struct err_note *why)
{
    struct take *t = user;
    t->error = *why;
    if (!why->err && !t->text.len)
        text_join(&t->text, buf_slice(&t->partial)); /* some services end without a final */
    take_asr_close(t);
    t->has_ended = true;
    if (t->is_decided)
        take_deliver(t);
    else if (!why->err && t->h->mode != LISTEN_MANUAL)
        take_end(t->h, loop_now_us(t->h->loop)); /* it heard the end of speech by itself */
}

static const struct asr_events asr_events = { .on_text = on_asr_text, .on_end = on_asr_end };

static void on_asr_silent(void *arg)
{
    struct take *t = arg;
    text_join(&t->text, buf_slice(&t->partial)); /* what it thought last is better than nothing */
    t->error = (struct err_note){ ERR_TIMEOUT, "the recogniser is silent" };
    take_asr_close(t);
    take_deliver(t);
}

static void take_fail(struct take *t, enum err e)
{
    take_asr_close(t);
    t->error.err = e;
    t->has_ended = true;
}

bool takes_opus(const struct take *t)
{
    return t->asr.asr && t->h->format == AUDIO_OPUS && (t->asr.cls->caps & ASR_TAKES_OPUS) &&
           t->asr.cls->feed_opus;
}

static enum err take_feed_pcm(struct take *t, struct pcm pcm)
{
    if (!t->resample)
        return t->asr.cls->feed(t->asr.asr, pcm);
    enum err e = resample_feed(t->resample, pcm, &t->resampled);
    if (!e)
        e = t->asr.cls->feed(t->asr.asr, pcm_queue_peek(&t->resampled));
    pcm_queue_clear(&t->resampled);
    return e;
}

void take_feed(struct take *t, struct slice packet, uint32_t duration_us, struct pcm pcm)
{
    t->us += duration_us;
    if (!t->asr.asr)
        return;
    enum err e = takes_opus(t) ? t->asr.cls->feed_opus(t->asr.asr, packet, duration_us) :
                 pcm.samples ? take_feed_pcm(t, pcm) : OK;
    if (e && e != ERR_BUSY) /* busy: this much is lost, the rest may do */
        take_fail(t, e);
}

struct take *take_open(struct hearing *h)
{
    if (take_count(h) >= HEARING_TAKES_MAX) {
        LOGW(h->use.log, "hearing.full", "takes=%u", take_count(h));
        return NULL;
    }
    struct take *t = xnew(struct take);
    t->h = h;
    t->number = ++h->take_number;
    pcm_queue_init(&t->resampled, 0);
    h->current = t;
    enum err e = asr_open_for(&t->asr, h->registry, &h->use, &asr_events, t);
    uint32_t rate = e ? 0 : t->asr.cls->rate_hz;
    if (!e && rate && rate != HEARING_RATE_HZ)
        e = resample_create(&t->resample, HEARING_RATE_HZ, rate);
    if (e)
        take_fail(t, e);
    else
        h->wants_packets = takes_opus(t);
    return t;
}

static bool take_is_decided(const struct hearing *h, const struct take *t)
{
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++)
        if (h->decided[i] == t)
            return true;
    return false;
}

void take_end(struct hearing *h, uint64_t t0_us)
{
    struct take *t = h->current;
    if (!t)
        return;
    h->current = NULL;
    bool is_streaming = t->asr.asr && (t->asr.cls->caps & ASR_PARTIALS);
    uint64_t min_us = h->mode == LISTEN_MANUAL ? HEARING_MIN_MANUAL_US : HEARING_MIN_US;
    if (!t->text.len && !is_streaming && t->us < min_us) {
        LOGD(h->use.log, "hearing.short", "ms=%u", (unsigned)(t->us / 1000));
        take_free(t);
        return;
    }
    t->is_decided = true;
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++) {
        if (!h->decided[i]) {
            h->decided[i] = t;
            break;
        }
    }
    h->ev->on_decided(h->user, t0_us);
    if (!take_is_decided(h, t)) /* the listener does not want to know */
        return;
    if (t->has_ended) {
        take_deliver(t);
        return;
    }
    timer_start(&t->watchdog, h->loop, HEARING_ASR_MS, on_asr_silent, t);
    t->asr.cls->finish(t->asr.asr);
}
