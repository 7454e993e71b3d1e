/* SPDX-License-Identifier: MIT
 * hearing.c -- what a device hears, and when; hearing_inside.h tells where the rest is. */
#include "audio/decoder.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "dialogue/hearing_inside.h"
#include "metrics/metrics.h"

/* With a long packet at its head. */
#define PREROLL_SAMPLES (2 * UTTERANCE_PREROLL_US / 1000 * (HEARING_RATE_HZ / 1000))

/* ---- audio in ------------------------------------------------------------------------------------------ */

/* Longer than an utterance may be: what there is is recognised, and a new one begins. */
static void take_limit(struct hearing *h)
{
    if (!h->current || h->current->us < (uint64_t)h->utterance_s * 1000000)
        return;
    take_end(h, loop_now_us(h->loop));
    if (h->listening && !h->muted && !h->current && (h->mode == LISTEN_MANUAL || (h->vad.vad &&
        h->vad.cls->in_speech(h->vad.vad))))
        take_open(h);
}

static void hear_manual(struct hearing *h, struct slice packet, uint32_t duration_us)
{
    struct pcm pcm = { 0 };
    if (!h->current && !take_open(h))
        return;
    bool needs_pcm = h->has_tap || (h->current->asr.asr && !takes_opus(h->current));
    if (needs_pcm && !samples_of(h, packet, &pcm)) {
        packet_bad(h);
        return;
    }
    if (h->has_tap && pcm.samples)
        h->ev->on_pcm(h->user, pcm);
    if (h->current)
        take_feed(h->current, packet, duration_us, pcm);
    take_limit(h);
}

/* The encoder of a device says itself where it hears nobody. While the detector hears no voice either, such a
 * packet need not be decoded, nor judged, unless somebody wants the samples of what is said; DTX, which costs more to
 * decode than speech, never. */
static bool is_sure_silence(const struct hearing *h, struct slice packet)
{
    if (h->format != AUDIO_OPUS)
        return false;
    if (packet_is_dtx(packet))
        return true;
    bool needs_samples = h->current && (h->has_tap || (h->current->asr.asr && !takes_opus(h->current)));
    return !needs_samples && !h->vad.cls->hears_voice(h->vad.vad) && packet_is_voiceless(packet);
}

static struct pcm silence(uint32_t duration_us)
{
    static const int16_t samples[(size_t)HEARING_RATE_HZ * PACKET_US_MAX / 1000000];
    metric_add(METRIC_frames_silent_total, 1);
    return (struct pcm){ samples, (size_t)((uint64_t)duration_us * HEARING_RATE_HZ / 1000000) };
}

static void hear_voice(struct hearing *h, struct slice packet, uint32_t duration_us)
{
    struct pcm pcm;
    if (!vad_ready(h))
        return;
    bool is_silence = is_sure_silence(h, packet);
    if (is_silence) {
        pcm = silence(duration_us);
    } else if (!samples_of(h, packet, &pcm)) {
        packet_bad(h);
        return;
    }
    if (h->has_tap)
        h->ev->on_pcm(h->user, pcm);
    if (!h->listening || h->muted || !h->vad.vad)
        return; /* the tap's owner stopped us */
    if (h->current)
        take_feed(h->current, packet, duration_us, pcm);
    else
        preroll_put(h, packet, duration_us, is_silence ? (struct pcm){ 0 } : pcm); /* decoded when it is needed */
    h->vad_samples += pcm.count;
    h->vad.cls->feed(h->vad.vad, is_silence ? (struct pcm){ NULL, pcm.count } : pcm);
    take_limit(h);
}

static void early_put(struct hearing *h, struct slice packet, uint32_t duration_us)
{
    if (h->had_start)
        return;
    while (h->early.duration_us + duration_us > HEARING_EARLY_US && packets_count(&h->early))
        packets_shift(&h->early);
    (void)!packets_put(&h->early, packet, duration_us);
}

static void hear(struct hearing *h, struct slice packet)
{
    uint32_t duration_us = packet_us(h, packet);
    if (!duration_us)
        packet_bad(h);
    else if (!h->listening)
        early_put(h, packet, duration_us);
    else if (h->muted)
        return;
    else if (h->mode == LISTEN_MANUAL)
        hear_manual(h, packet, duration_us);
    else if (loop_now_ms(h->loop) < h->ignore_until_ms)
        preroll_put(h, packet, duration_us, (struct pcm){ NULL, 0 });
    else
        hear_voice(h, packet, duration_us);
}

void hearing_audio(struct hearing *h, struct slice packet)
{
    if (!h->closed && h->rate_hz && packet.len)
        hear(h, packet);
}

/* ---- what others call ---------------------------------------------------------------------------------- */

void hearing_create(struct hearing **out, struct loop *l, struct registry *r, const struct hearing_events *ev,
                    void *user)
{
    struct hearing *h = xnew(struct hearing);
    *h = (struct hearing){ .loop = l, .registry = r, .ev = ev, .user = user, .utterance_s = 60 };
    utterance_init(&h->pre, UTTERANCE_PREROLL_US, UTTERANCE_PREROLL_US * 2, HEARING_PREROLL_MAX_BYTES);
    packets_init(&h->early, 4 * HEARING_PREROLL_MAX_BYTES);
    pcm_queue_init(&h->resampled, 0);
    pcm_queue_init(&h->pre_pcm, PREROLL_SAMPLES);
    *out = h;
}

void hearing_drop(struct hearing *h)
{
    if (!h)
        return;
    struct take *t = take_ptr(&h->current);
    take_free(t);
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++) {
        t = take_ptr(&h->decided[i]);
        take_free(t);
    }
    preroll_clear(h, true);
}

void hearing_close(struct hearing *h)
{
    if (!h)
        return;
    h->closed = true;
    timer_stop(&h->fallback);
    h->listening = false;
    hearing_drop(h);
    vad_close(h);
    packets_clear(&h->early);
}

void hearing_rest(struct hearing *h)
{
    if (!h)
        return;
    hearing_drop(h);
    vad_close(h);
    utterance_done(&h->pre);
    packets_done(&h->early);
    decoder_free(take_ptr(&h->decoder));
    resample_free(take_ptr(&h->resample));
    pcm_queue_done(&h->resampled);
    mem_free(take_ptr(&h->aligned));
}

void hearing_free(struct hearing *h)
{
    if (!h)
        return;
    hearing_close(h);
    hearing_rest(h);
    mem_free(h);
}

void hearing_set_use(struct hearing *h, const struct use_opts *u, unsigned utterance_s)
{
    h->use = *u;
    h->utterance_s = utterance_s;
}

void hearing_set_format(struct hearing *h, enum audio_format format, uint32_t rate_hz)
{
    h->format = format;
    h->rate_hz = rate_hz ? rate_hz : HEARING_RATE_HZ;
    resample_free(h->resample);
    h->resample = NULL;
}

void hearing_set_tap(struct hearing *h, bool on)
{
    h->has_tap = on;
}

static void early_replay(struct hearing *h)
{
    for (size_t i = 0; i < packets_count(&h->early); i++) {
        uint32_t duration_us;
        hear(h, packets_at(&h->early, i, &duration_us));
    }
    packets_clear(&h->early);
}

void hearing_set_order(struct hearing *h, bool on)
{
    h->is_ordered = on;
}

/* No boundary came: what was said until now is recognised, from here on the detector decides. */
static void on_no_boundary(void *arg)
{
    struct hearing *h = arg;
    if (!h->listening || h->mode != LISTEN_MANUAL)
        return;
    take_end(h, loop_now_us(h->loop));
    if (h->closed)
        return;
    vad_restart(h);
    h->mode = LISTEN_AUTO;
}

static void boundary(struct hearing *h)
{
    if (h->fallback_ms)
        timer_start(&h->fallback, h->loop, h->fallback_ms, on_no_boundary, h);
}

void hearing_set_boundaries(struct hearing *h, unsigned fallback_ms)
{
    h->fallback_ms = fallback_ms;
    timer_stop(&h->fallback);
    boundary(h);
}

void hearing_start(struct hearing *h, enum listen_mode m)
{
    if (h->fallback_ms && m == LISTEN_AUTO)
        m = LISTEN_MANUAL;
    boundary(h);
    if (h->closed || (h->listening && h->mode == LISTEN_REALTIME && m == LISTEN_REALTIME))
        return;
    take_free(take_ptr(&h->current));
    preroll_clear(h, false);
    vad_restart(h);
    h->mode = m;
    h->listening = true;
    bool is_first = !h->had_start;
    h->had_start = true;
    if (is_first && !h->muted)
        early_replay(h);
}

void hearing_stop(struct hearing *h)
{
    if (!h)
        return;
    boundary(h);
    if (!h->listening)
        return;
    h->listening = false;
    decoder_free(take_ptr(&h->decoder));
    preroll_clear(h, true);
    take_end(h, loop_now_us(h->loop));
}

void hearing_mute(struct hearing *h, bool on)
{
    if (!h || h->muted == on)
        return;
    h->muted = on;
    if (on) {
        hearing_drop(h);
        decoder_free(take_ptr(&h->decoder));
    } else {
        vad_restart(h);
    }
}

void hearing_ignore(struct hearing *h)
{
    h->ignore_until_ms = loop_now_ms(h->loop) + HEARING_DETECT_MS;
    packets_clear(&h->early);
    preroll_clear(h, false);
    take_free(take_ptr(&h->current));
    vad_restart(h);
}

bool hearing_is_listening(const struct hearing *h)
{
    return h && h->listening;
}

bool hearing_in_voice(const struct hearing *h)
{
    return h && take_count(h) > 0;
}

enum listen_mode hearing_mode(const struct hearing *h)
{
    return h ? h->mode : LISTEN_AUTO;
}

uint64_t hearing_bad_packets(const struct hearing *h)
{
    return h ? h->bad_packets : 0;
}

size_t hearing_bytes(const struct hearing *h)
{
    if (!h)
        return 0;
    return sizeof *h + packets_memory(&h->pre.packets) + h->pre_pcm.cap * sizeof(int16_t) + packets_memory(&h->early) +
           (h->decoder ? DECODER_BYTES : 0) + take_count(h) * sizeof(struct take) +
           (h->aligned ? HEARING_PACKET_MAX_BYTES : 0);
}
