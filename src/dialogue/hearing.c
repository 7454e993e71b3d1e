/* SPDX-License-Identifier: MIT
 * hearing.c -- where an utterance begins and ends, and who recognises it.
 *
 * A `take` is one utterance with its recogniser. The one under way is h->current; takes whose speech has
 * ended stand beside it until their text comes. The decoder runs only when somebody needs samples: with a
 * recogniser that takes Opus and a device that says where speech ends, nothing is decoded here. */
#include "dialogue/hearing.h"

#include "audio/decoder.h"
#include "audio/resample.h"
#include "audio/utterance.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "metrics/metrics.h"

#define LOG_TOPIC "dialogue"
#define RATE_HZ 16000u
#define PREROLL_SAMPLES (2 * UTTERANCE_PREROLL_US / 1000 * (RATE_HZ / 1000)) /* with a long packet at its head */

struct take {
    struct hearing *h;
    struct asr_use asr;
    struct resample *resample;   /* recognisers that want another rate */
    struct pcm_queue resampled;
    struct buf text;             /* finals so far */
    struct buf partial;          /* what the next final will replace */
    struct err_note error;
    uint64_t us;                 /* audio in it */
    uint64_t number;             /* in order of speech */
    bool is_decided, has_ended;  /* has_ended: the recogniser said on_end before speech was over */
    struct timer watchdog;
};

struct hearing {
    struct loop *loop;
    struct registry *registry;
    const struct hearing_events *ev;
    void *user;
    struct use_opts use;
    unsigned utterance_s;
    enum audio_format format;
    uint32_t rate_hz;            /* of PCM clients; 0: no format yet */
    enum listen_mode mode;
    bool is_ordered;
    uint64_t take_number;
    unsigned fallback_ms;        /* > 0: the device's boundaries rule */
    struct timer fallback;
    bool listening, muted, closed, had_start, has_tap, vad_failed;
    uint64_t ignore_until_ms;
    struct decoder *decoder;
    struct resample *resample;   /* PCM clients at another rate */
    struct pcm_queue resampled;
    struct vad_use vad;
    uint64_t vad_samples;        /* fed since its last reset */
    struct utterance pre;
    struct pcm_queue pre_pcm;    /* the same, decoded, while recognisers want samples */
    bool wants_packets;          /* the last recogniser took Opus: no samples are kept */
    struct packets early;
    struct take *current;
    struct take *decided[HEARING_TAKES_MAX];
    uint64_t bad_packets;
    int16_t *aligned;            /* one packet of a PCM client */
};

static void take_end(struct hearing *h, uint64_t t0_us);

/* ---- takes --------------------------------------------------------------------------------------------- */

static void take_asr_close(struct take *t)
{
    timer_stop(&t->watchdog);
    if (t->asr.asr)
        t->asr.cls->close(t->asr.asr);
    t->asr.asr = NULL;
}

static void take_free(struct take *t)
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

static unsigned take_count(const struct hearing *h)
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
        if (h->vad.vad) { /* the detector may still think of this speech: it begins anew */
            h->vad.cls->reset(h->vad.vad);
            h->vad_samples = 0;
        }
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

static bool takes_opus(const struct take *t)
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

/* pcm.samples may be NULL when takes_opus(). */
static void take_feed(struct take *t, struct slice packet, uint32_t duration_us, struct pcm pcm)
{
    t->us += duration_us;
    if (!t->asr.asr)
        return;
    enum err e = takes_opus(t) ? t->asr.cls->feed_opus(t->asr.asr, packet, duration_us) :
                 pcm.samples ? take_feed_pcm(t, pcm) : OK;
    if (e && e != ERR_BUSY) /* busy: this much is lost, the rest may do */
        take_fail(t, e);
}

static struct take *take_open(struct hearing *h)
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
    if (!e && rate && rate != RATE_HZ)
        e = resample_create(&t->resample, RATE_HZ, rate);
    if (e)
        take_fail(t, e);
    else
        h->wants_packets = takes_opus(t);
    return t;
}

/* Speech is over: the recogniser concludes. t0_us: when the last of it was said. */
static void take_end(struct hearing *h, uint64_t t0_us)
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
    if (!t->has_ended) {
        timer_start(&t->watchdog, h->loop, HEARING_ASR_MS, on_asr_silent, t);
        t->asr.cls->finish(t->asr.asr);
    }
    h->ev->on_decided(h->user, t0_us);
    for (size_t i = 0; i < HEARING_TAKES_MAX; i++) { /* unless the listener dropped it */
        if (h->decided[i] == t && t->has_ended) {
            take_deliver(t);
            return;
        }
    }
}

/* ---- packets ------------------------------------------------------------------------------------------- */

static void packet_bad(struct hearing *h)
{
    h->bad_packets++;
    if (h->decoder)
        decoder_reset(h->decoder);
}

/* 16-bit samples of a PCM client, at 16 kHz. */
static bool pcm_read(struct hearing *h, struct slice packet, struct pcm *out)
{
    if (!h->aligned)
        h->aligned = xalloc(HEARING_PACKET_MAX_BYTES);
    memcpy(h->aligned, packet.data, packet.len);
    *out = (struct pcm){ h->aligned, packet.len / sizeof(int16_t) };
    if (h->rate_hz == RATE_HZ)
        return true;
    if (!h->resample && resample_create(&h->resample, h->rate_hz, RATE_HZ) != OK)
        return false;
    pcm_queue_clear(&h->resampled);
    if (resample_feed(h->resample, *out, &h->resampled) != OK)
        return false;
    *out = pcm_queue_peek(&h->resampled);
    return true;
}

static bool samples_of(struct hearing *h, struct slice packet, struct pcm *out)
{
    if (h->format == AUDIO_PCM)
        return pcm_read(h, packet, out);
    if (!h->decoder && decoder_create(&h->decoder, RATE_HZ) != OK)
        return false;
    return decoder_packet(h->decoder, packet, out) == OK;
}

static uint32_t duration_of(const struct hearing *h, struct slice packet)
{
    if (!packet.len || packet.len > HEARING_PACKET_MAX_BYTES)
        return 0;
    if (h->format == AUDIO_OPUS)
        return packet_duration_us(packet);
    return packet.len % sizeof(int16_t) ? 0 : (uint32_t)((uint64_t)packet.len / 2 * 1000000 / h->rate_hz);
}

static void preroll_clear(struct hearing *h, bool is_idle)
{
    utterance_clear(&h->pre);
    if (is_idle)
        pcm_queue_done(&h->pre_pcm);
    else
        pcm_queue_clear(&h->pre_pcm);
}

static void preroll_put(struct hearing *h, struct slice packet, uint32_t duration_us, struct pcm pcm)
{
    if (utterance_put(&h->pre, packet, duration_us) == OK && !h->wants_packets && pcm.samples)
        (void)pcm_queue_push(&h->pre_pcm, pcm);
}

/* True: the samples of all of it were there. */
static bool preroll_feed_pcm(struct hearing *h, struct take *t)
{
    struct pcm pcm = pcm_queue_peek(&h->pre_pcm);
    uint64_t us = utterance_us(&h->pre);
    size_t wanted = (size_t)(us * (RATE_HZ / 1000) / 1000);
    if (!wanted || pcm.count < wanted || takes_opus(t))
        return false;
    take_feed(t, (struct slice){ NULL, 0 }, (uint32_t)us,
              (struct pcm){ pcm.samples + (pcm.count - wanted), wanted });
    return true;
}

/* The pre-roll goes to a new recogniser: as it is, or as samples; those that are not there are decoded again. */
static void preroll_feed(struct hearing *h, struct take *t)
{
    struct decoder *fresh = NULL;
    if (preroll_feed_pcm(h, t)) {
        preroll_clear(h, false);
        return;
    }
    bool decodes = h->format == AUDIO_OPUS && !takes_opus(t) && t->asr.asr;
    if (decodes && decoder_create(&fresh, RATE_HZ) != OK)
        decodes = false;
    for (size_t i = 0; i < packets_count(&h->pre.packets); i++) {
        uint32_t duration_us = 0;
        struct pcm pcm = { 0 };
        struct slice packet = packets_at(&h->pre.packets, i, &duration_us);
        if (decodes && decoder_packet(fresh, packet, &pcm) != OK)
            continue;
        if (h->format == AUDIO_PCM && !pcm_read(h, packet, &pcm))
            continue;
        take_feed(t, packet, duration_us, pcm);
    }
    decoder_free(fresh);
    preroll_clear(h, false);
}

/* ---- the detector -------------------------------------------------------------------------------------- */

static void on_speech(void *user, uint64_t start_ms)
{
    struct hearing *h = user;
    (void)start_ms;
    if (!h->listening || h->muted || h->current || h->mode == LISTEN_MANUAL)
        return;
    struct take *t = take_open(h);
    if (!t)
        return;
    preroll_feed(h, t);
    h->ev->on_voice(h->user);
}

static void on_silence(void *user, uint64_t end_ms)
{
    struct hearing *h = user;
    uint64_t fed_ms = h->vad_samples * 1000 / RATE_HZ, now = loop_now_us(h->loop);
    uint64_t ago_us = fed_ms > end_ms ? (fed_ms - end_ms) * 1000 : 0;
    take_end(h, now > ago_us ? now - ago_us : now);
}

static const struct vad_events vad_events = { .on_speech = on_speech, .on_silence = on_silence };

static const struct conf *vad_conf(const struct hearing *h)
{
    const struct conf *selected = config_node(h->use.config, "selected_module");
    return config_entry(h->use.config, "VAD", conf_str(selected, "VAD", ""));
}

static bool vad_ready(struct hearing *h)
{
    if (h->vad.vad || h->vad_failed)
        return h->vad.vad != NULL;
    const struct conf *c = vad_conf(h);
    struct vad_settings set = {
        .threshold = (float)conf_num(c, "threshold", 0.5, 0, 1),
        .threshold_low = (float)conf_num(c, "threshold_low", 0.3, 0, 1),
        .min_silence_ms = (unsigned)conf_int(c, "min_silence_duration_ms", 500, 100, 3000),
        .voiced_windows = 3, .of_windows = 5,
    };
    enum err e = vad_open_for(&h->vad, h->registry, &h->use, &set, &vad_events, h);
    h->vad_samples = 0;
    if (!e)
        return true;
    h->vad = (struct vad_use){ 0 };
    h->vad_failed = true;
    LOGE(h->use.log, "hearing.vad", "err=%s effect=auto_listening_hears_nothing", err_name(e));
    return false;
}

static void vad_close(struct hearing *h)
{
    if (h->vad.vad)
        h->vad.cls->close(h->vad.vad);
    h->vad = (struct vad_use){ 0 };
}

static void vad_restart(struct hearing *h)
{
    if (h->vad.vad)
        h->vad.cls->reset(h->vad.vad);
    h->vad_samples = 0;
}

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

/* The encoder of a device says itself where it hears nobody. While the detector thinks so too such a packet
 * need not be decoded, nor judged; DTX, which costs more to decode than speech, never. */
static bool is_sure_silence(const struct hearing *h, struct slice packet)
{
    if (h->format != AUDIO_OPUS)
        return false;
    return packet_is_dtx(packet) || (!h->current && h->vad.cls->is_quiet(h->vad.vad) && packet_is_voiceless(packet));
}

static struct pcm silence(uint32_t duration_us)
{
    static const int16_t samples[(size_t)RATE_HZ * PACKET_US_MAX / 1000000];
    metric_add(METRIC_frames_silent_total, 1);
    return (struct pcm){ samples, (size_t)((uint64_t)duration_us * RATE_HZ / 1000000) };
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
    h->vad.cls->feed(h->vad.vad, pcm);
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
    uint32_t duration_us = duration_of(h, packet);
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
    h->rate_hz = rate_hz ? rate_hz : RATE_HZ;
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
