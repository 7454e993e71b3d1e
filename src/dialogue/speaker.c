/* SPDX-License-Identifier: MIT
 * speaker.c -- drives synthesiser, encoder and pacer of one reply.
 *
 * Every call outwards may cancel the reply from inside: `reply` counts replies, and whoever called out
 * looks whether it still is the same one. Sentences end on a frame of their own (the last one padded), so
 * what was played can be told in sentences. */
#include "dialogue/speaker.h"

#include "audio/clip.h"
#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/framer.h"
#include "audio/pacer.h"
#include "audio/repack.h"
#include "audio/resample.h"
#include "audio/tone.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "loop/timer.h"
#include "metrics/metrics.h"

#define LOG_TOPIC "dialogue"

#define PCM_QUEUE_BYTES (2u << 20) /* clients without Opus: 43 s at 24 kHz */
#define LATE_MS 65               /* a packet that leaves so much after its time is counted */
#define QUIET_PEAK 300           /* samples below it are silence */
enum { OPEN_END = -1 }; /* a sentence whose last frame is not known yet */

struct spoken {
    char *text;
    int64_t first_frame, end_frame; /* of this reply */
};

struct speaker {
    struct loop *loop;
    struct registry *registry;
    const struct speaker_events *ev;
    void *user;
    struct speaker_format format;
    struct use_opts use;
    struct pacer *pacer;
    struct timer tick, watchdog, retry;
    unsigned reply;               /* changes at begin and cancel */

    bool wants_silence, is_silent; /* wants: from the next reply on */
    bool begun, finishing, ended; /* ended: no more audio will be made */
    bool paused, in_sentence, is_recording, was_first, has_finished; /* has_finished: the open stream was told */
    enum err error;
    struct tts_use tts;
    struct spoken *sentences;
    size_t count, cap, said, sounding; /* said: given to the synthesiser; sounding: whose audio comes */
    size_t stream_base;                /* sentence that is number 0 of the open stream */
    size_t text_bytes, chars;
    int64_t frames_put, frames_sent;
    uint64_t stalled_ms;               /* since when; 0: it does not */
    uint64_t tick_due_ms;              /* what the tick was set for */
    uint64_t sound_us;                 /* when the first audio of the reply was made; 0: none yet */
    uint64_t quiet_samples;            /* before the first that can be heard */
    bool is_quiet;                     /* none of those came yet */

    uint32_t source_hz;                /* 0: no PCM came yet */
    struct resample *resample;
    struct pcm_queue resampled;
    struct framer framer;
    struct encoder *encoder;
    struct repack *repack;
    struct decoder *decoder;
    bool transcodes;

    struct clip *end_clip;
    struct packets record;
    struct clip_cache *cache;          /* borrowed while recording */
    char *voice;
};

static void pump(struct speaker *s);
static void schedule(struct speaker *s);

/* ---- life ---------------------------------------------------------------------------------------------- */

void speaker_create(struct speaker **out, struct loop *l, struct registry *r, const struct speaker_events *ev,
                    void *user)
{
    struct speaker *s = xnew(struct speaker);
    *s = (struct speaker){ .loop = l, .registry = r, .ev = ev, .user = user };
    packets_init(&s->record, CLIP_BYTES_MAX);
    pcm_queue_init(&s->resampled, 0);
    *out = s;
}

static void sound_done(struct speaker *s)
{
    resample_free(s->resample);
    pcm_queue_done(&s->resampled);
    framer_done(&s->framer);
    encoder_free(s->encoder);
    repack_free(s->repack);
    decoder_free(s->decoder);
    s->resample = NULL;
    s->framer = (struct framer){ 0 };
    s->encoder = NULL;
    s->repack = NULL;
    s->decoder = NULL;
    s->source_hz = 0;
    s->transcodes = false;
    pcm_queue_init(&s->resampled, 0);
}

static void record_done(struct speaker *s)
{
    packets_clear(&s->record);
    mem_free(s->voice);
    s->voice = NULL;
    s->cache = NULL;
    s->is_recording = false;
}

static void tts_close(struct speaker *s)
{
    timer_stop(&s->watchdog);
    timer_stop(&s->retry);
    if (s->tts.tts)
        s->tts.cls->close(s->tts.tts);
    s->tts = (struct tts_use){ 0 };
    s->paused = s->has_finished = false;
}

static void sentences_forget(struct speaker *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->sentences[i].text);
    mem_free(s->sentences);
    s->sentences = NULL;
    s->count = s->cap = s->said = s->sounding = s->stream_base = s->text_bytes = s->chars = 0;
}

/* Everything of a reply but its sentences and counts, which tell what was heard. */
static void reply_end(struct speaker *s)
{
    s->reply++;
    tts_close(s);
    timer_stop(&s->tick);
    sound_done(s);
    record_done(s);
    s->begun = false;
}

void speaker_free(struct speaker *s)
{
    if (!s)
        return;
    reply_end(s);
    sentences_forget(s);
    packets_done(&s->record);
    clip_unref(s->end_clip);
    pacer_free(s->pacer);
    mem_free(s);
}

void speaker_set_format(struct speaker *s, const struct speaker_format *f)
{
    assert(!s->begun);
    s->format = *f;
    speaker_set_end_clip(s, NULL);
    uint32_t timestamp_ms = pacer_timestamp_ms(s->pacer); /* they grow as long as the session lives */
    pacer_free(s->pacer);
    pacer_create(&s->pacer,
                 &(struct pacer_opts){.frame_us = f->frame_us,
                                      .lead_frames = f->lead_frames,
                                      .ramp_ms = f->ramp_ms,
                                      .tail_ms = f->tail_ms,
                                      .timestamp_ms = timestamp_ms,
                                      .queue_bytes = f->format == AUDIO_PCM ? PCM_QUEUE_BYTES : 0});
}

/* ---- packets to the pacer ------------------------------------------------------------------------------ */

static void packet_put(struct speaker *s, struct slice packet)
{
    if (pacer_put_frame(s->pacer, packet) != OK)
        return; /* a minute waits already: this much of it is lost */
    s->frames_put++;
    if (s->is_recording && packets_put(&s->record, packet, s->format.frame_us) != OK)
        record_done(s);
}

static void frame_put(struct speaker *s, struct pcm frame)
{
    struct slice packet;
    if (s->format.format == AUDIO_PCM)
        packet_put(s, slice_from(frame.samples, frame.count * sizeof *frame.samples));
    else if (encoder_frame(s->encoder, frame, &packet) == OK)
        packet_put(s, packet);
}

static void frames_put(struct speaker *s, struct pcm pcm)
{
    struct pcm frame;
    while (framer_next(&s->framer, &pcm, &frame))
        frame_put(s, frame);
}

static int complexity(const struct speaker *s)
{
    return loop_load_percent(s->loop) > SPEAKER_BUSY_PERCENT ? ENCODER_COMPLEXITY_LOAD : ENCODER_COMPLEXITY;
}

/* Gets ready for PCM of this rate: the encoder takes it as it is when Opus knows the rate. */
static enum err source_set(struct speaker *s, uint32_t rate_hz)
{
    if (s->source_hz == rate_hz)
        return OK;
    bool is_opus = s->format.format == AUDIO_OPUS;
    uint32_t coded_hz = is_opus && packet_rate_legal(rate_hz) ? rate_hz : s->format.rate_hz;
    sound_done(s);
    enum err e = framer_init(&s->framer, (size_t)((uint64_t)coded_hz * s->format.frame_us / 1000000));
    if (!e && is_opus)
        e = encoder_create(&s->encoder, &(struct encoder_opts){ .rate_hz = coded_hz, .complexity = complexity(s),
                                                                .frame_us = s->format.frame_us });
    if (!e && coded_hz != rate_hz)
        e = resample_create(&s->resample, rate_hz, coded_hz);
    if (!e)
        s->source_hz = rate_hz;
    return e;
}

static enum err pcm_put(struct speaker *s, struct pcm pcm, uint32_t rate_hz)
{
    enum err e = source_set(s, rate_hz);
    if (e)
        return e;
    if (!s->resample) {
        frames_put(s, pcm);
        return OK;
    }
    e = resample_feed(s->resample, pcm, &s->resampled);
    frames_put(s, pcm_queue_peek(&s->resampled));
    pcm_queue_clear(&s->resampled);
    return e;
}

/* The Opus of the synthesiser that cannot be joined to our frames: decoded, then as PCM. */
static enum err opus_transcode(struct speaker *s, struct slice packet)
{
    uint32_t rate = packet_rate_legal(s->format.rate_hz) ? s->format.rate_hz : 24000;
    struct pcm pcm;
    enum err e = OK;
    if (!s->decoder)
        e = decoder_create(&s->decoder, rate);
    if (!e)
        e = decoder_packet(s->decoder, packet, &pcm);
    if (e)
        return e == ERR_PROTO ? OK : e; /* one bad packet */
    struct decoder *keep = take_ptr(&s->decoder); /* source_set may throw the rest away */
    e = pcm_put(s, pcm, rate);
    s->decoder = keep;
    return e;
}

static enum err opus_put(struct speaker *s, struct slice packet, uint32_t duration_us)
{
    bool fits = s->format.format == AUDIO_OPUS && !s->transcodes && duration_us <= s->format.frame_us;
    if (fits && duration_us == s->format.frame_us && (!s->repack || !repack_held_us(s->repack))) {
        packet_put(s, packet);
        return OK;
    }
    if (!fits) {
        s->transcodes = true;
        return opus_transcode(s, packet);
    }
    enum err e = s->repack ? OK : repack_create(&s->repack, s->format.frame_us);
    struct slice whole = { 0 }, rest;
    if (e)
        return e;
    uint32_t held_us = repack_held_us(s->repack);
    e = repack_put(s->repack, packet, &whole);
    if (!e) {
        if (whole.len)
            packet_put(s, whole);
        return OK;
    }
    if (held_us && repack_rest(s->repack, &rest))
        opus_transcode(s, rest);
    s->transcodes = true;
    return opus_transcode(s, packet);
}

/* The end of a sentence: what is held becomes a padded frame. */
static void sound_flush(struct speaker *s)
{
    struct slice rest;
    struct pcm frame;
    if (s->repack && repack_rest(s->repack, &rest))
        opus_transcode(s, rest);
    if (s->resample && resample_flush(s->resample, &s->resampled) == OK) {
        frames_put(s, pcm_queue_peek(&s->resampled));
        pcm_queue_clear(&s->resampled);
    }
    if (s->framer.frame && framer_flush(&s->framer, &frame))
        frame_put(s, frame);
}

/* ---- sentences and the synthesiser --------------------------------------------------------------------- */

static void sentence_begin(struct speaker *s)
{
    if (s->in_sentence || s->sounding >= s->count)
        return;
    struct spoken *p = &s->sentences[s->sounding];
    s->in_sentence = true;
    p->first_frame = s->frames_put;
    (void)!pacer_put_mark(s->pacer, PACER_SENTENCE_START, slice_of(p->text));
}

static void sentence_end(struct speaker *s)
{
    sentence_begin(s);
    if (s->sounding >= s->count)
        return;
    sound_flush(s);
    struct spoken *p = &s->sentences[s->sounding++];
    s->in_sentence = false;
    p->end_frame = s->frames_put;
    (void)!pacer_put_mark(s->pacer, PACER_SENTENCE_END, slice_of(p->text));
}

void speaker_set_end_clip(struct speaker *s, struct clip *clip)
{
    clip_unref(s->end_clip);
    s->end_clip = clip ? clip_ref(clip) : NULL;
}

static void clip_play(struct speaker *s, struct clip *clip)
{
    uint32_t duration_us;
    for (size_t i = 0; i < clip_count(clip); i++)
        packet_put(s, clip_at(clip, i, &duration_us));
}

static void end_tone(struct speaker *s)
{
    uint32_t rate = s->source_hz ? s->source_hz : packet_rate_legal(s->format.rate_hz) ? s->format.rate_hz : 24000;
    struct pcm_queue tone;
    pcm_queue_init(&tone, 0);
    if (tone_make(tone_entry, COUNT(tone_entry), rate, &tone) == OK &&
        pcm_put(s, pcm_queue_peek(&tone), rate) == OK)
        sound_flush(s);
    pcm_queue_done(&tone);
}

static void record_keep(struct speaker *s)
{
    struct clip *clip = NULL;
    if (s->is_recording && !s->error && packets_count(&s->record) && clip_create(&clip, &s->record) == OK) {
        clip_set_made_ms(clip, loop_now_ms(s->loop));
        struct clip_key key = { .text = slice_of(s->sentences[0].text), .voice = slice_of(s->voice),
                                .rate_hz = s->format.rate_hz, .frame_us = s->format.frame_us };
        clip_cache_put(s->cache, &key, clip);
    }
    clip_unref(clip);
    record_done(s);
}

/* No more audio will be made: play what there is, then stop. */
static void audio_end(struct speaker *s)
{
    tts_close(s);
    if (s->ended)
        return;
    if (s->in_sentence)
        sentence_end(s);
    record_keep(s);
    bool has_tone = s->format.has_end_tone && s->frames_put && !s->error;
    if (has_tone && s->end_clip)
        clip_play(s, s->end_clip);
    else if (has_tone)
        end_tone(s);
    s->ended = true;
    pacer_finish(s->pacer);
    schedule(s);
}

static void fail(struct speaker *s, const struct err_note *why)
{
    s->error = why->err;
    s->finishing = true;
    record_done(s);
    if (s->frames_put) {
        audio_end(s);
        return;
    }
    tts_close(s);
    s->said = s->sounding = s->count; /* what was not said so far will not be */
    s->in_sentence = false;
    s->finishing = false;
    pacer_clear(s->pacer);
    s->ev->on_failed(s->user, why);
}

static void on_silent_tts(void *arg)
{
    struct speaker *s = arg;
    fail(s, &(struct err_note){ ERR_TIMEOUT, "the synthesiser is silent" });
}

static void watchdog_feed(struct speaker *s)
{
    if (s->sounding < s->said && !s->paused)
        timer_start(&s->watchdog, s->loop, s->format.timeout_ms, on_silent_tts, s);
    else if (s->finishing && s->tts.tts && !s->paused)
        timer_start(&s->watchdog, s->loop, s->format.timeout_ms, on_silent_tts, s);
    else
        timer_stop(&s->watchdog);
}

static void back_pressure(struct speaker *s)
{
    uint64_t queued = pacer_queued_us(s->pacer), played = (uint64_t)s->frames_sent * s->format.frame_us;
    uint64_t ahead = MIN(SPEAKER_AHEAD_FIRST_US + played / 2, SPEAKER_AHEAD_US);
    bool want = queued > (s->paused ? ahead - SPEAKER_RESUME_US : ahead);
    if (want == s->paused)
        return;
    s->paused = want;
    if (s->tts.tts && s->tts.cls->pause)
        s->tts.cls->pause(s->tts.tts, want);
    watchdog_feed(s);
    if (!want)
        pump(s);
}

static void after_sound(struct speaker *s, enum err e)
{
    if (e) {
        struct err_note note = { e, "the sound cannot be coded" };
        fail(s, &note);
        return;
    }
    watchdog_feed(s);
    back_pressure(s);
    schedule(s);
}

static void sound_note(struct speaker *s)
{
    if (!s->sound_us)
        s->sound_us = loop_now_us(s->loop);
}

/* How long a voice is silent before it speaks: once in a reply. */
static void silence_note(struct speaker *s, struct pcm pcm, uint32_t rate_hz)
{
    for (size_t i = 0; s->is_quiet && i < pcm.count; i++) {
        if (pcm.samples[i] > -QUIET_PEAK && pcm.samples[i] < QUIET_PEAK) {
            s->quiet_samples++;
            continue;
        }
        s->is_quiet = false;
        metric_seconds(METRIC_turn_tts_leading_silence_seconds, (double)s->quiet_samples / rate_hz);
    }
}

static void on_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    struct speaker *s = user;
    sound_note(s);
    silence_note(s, pcm, rate_hz);
    sentence_begin(s);
    after_sound(s, pcm_put(s, pcm, rate_hz));
}

static void on_opus(void *user, struct slice packet, uint32_t duration_us)
{
    struct speaker *s = user;
    sound_note(s);
    sentence_begin(s);
    after_sound(s, opus_put(s, packet, duration_us));
}

static void on_mark(void *user, uint32_t sentence)
{
    struct speaker *s = user;
    while (s->sounding <= s->stream_base + sentence && s->sounding < s->said)
        sentence_end(s);
    watchdog_feed(s);
    schedule(s);
    pump(s);
}

static void on_tts_end(void *user, const struct err_note *why)
{
    struct speaker *s = user;
    if (why->err) {
        fail(s, why);
        return;
    }
    while (s->sounding < s->said)
        sentence_end(s);
    tts_close(s);
    if (!s->frames_put && s->said == s->count && s->finishing) { /* words, and not a sound: that is a failure */
        struct err_note note = { ERR_UPSTREAM, "the synthesiser made no sound" };
        fail(s, &note);
        return;
    }
    if (s->finishing && s->said == s->count)
        audio_end(s);
    else
        pump(s);
}

static const struct tts_events tts_events = {
    .on_pcm = on_pcm, .on_opus = on_opus, .on_mark = on_mark, .on_end = on_tts_end,
};

static void on_retry(void *arg)
{
    pump(arg);
}

/* One sentence to the synthesiser. False: not now. */
static bool say_next(struct speaker *s)
{
    struct slice text = slice_of(s->sentences[s->said].text);
    enum err e = OK;
    if (!s->tts.tts) {
        e = tts_open_for(&s->tts, s->registry, &s->use, &tts_events, s);
        s->stream_base = s->said;
        s->paused = false;
    }
    if (!e)
        e = s->tts.cls->say(s->tts.tts, text);
    if (e == ERR_BUSY) {
        timer_start(&s->retry, s->loop, SPEAKER_RETRY_MS, on_retry, s);
        return false;
    }
    if (e) {
        struct err_note note = { e, "the synthesiser takes no text" };
        fail(s, &note);
        return false;
    }
    s->chars += utf8_chars(text);
    s->said++;
    watchdog_feed(s);
    return true;
}

static void pump(struct speaker *s)
{
    while (s->begun && !s->ended && s->said < s->count &&
           (!s->paused || s->said < s->sounding + SPEAKER_SAID_AHEAD)) {
        if (!say_next(s))
            return;
    }
    if (!s->begun || s->ended || !s->finishing || s->said < s->count)
        return;
    if (!s->tts.tts) {
        audio_end(s);
        return;
    }
    if (s->has_finished)
        return;
    s->has_finished = true;
    s->tts.cls->finish(s->tts.tts);
    watchdog_feed(s);
}

/* ---- play-out ------------------------------------------------------------------------------------------ */

static void played(struct speaker *s)
{
    reply_end(s);
    unsigned reply = s->reply;
    s->ev->tts_stop(s->user);
    if (s->reply == reply)
        s->ev->on_played(s->user);
}

/* False: the device has taken nothing for too long. */
static bool frame_send(struct speaker *s, const struct pacer_item *item)
{
    uint64_t now = loop_now_ms(s->loop);
    unsigned reply = s->reply;
    enum err e = s->ev->audio(s->user, item->bytes, item->timestamp_ms);
    if (s->reply != reply)
        return true;
    s->frames_sent++;
    if (!e) {
        s->stalled_ms = 0;
        if (!s->was_first) {
            s->was_first = true;
            s->ev->on_first(s->user);
        }
        return true;
    }
    if (!s->stalled_ms)
        s->stalled_ms = now ? now : 1;
    return now - s->stalled_ms < SPEAKER_STALL_MS;
}

/* Counts what a listener would hear as a fault: a packet past its time, a gap that is none between sentences. */
static void faults_count(struct speaker *s, bool is_late, bool ran_dry)
{
    if (is_late)
        metric_add(METRIC_frames_late_total, 1);
    for (size_t i = 0; ran_dry && i < s->count; i++)
        ran_dry = s->sentences[i].first_frame != s->frames_sent;
    if (ran_dry)
        metric_add(METRIC_underruns_total, 1);
}

static void on_tick(void *arg)
{
    struct speaker *s = arg;
    struct pacer_item item;
    unsigned reply = s->reply;
    bool is_late = loop_now_ms(s->loop) > s->tick_due_ms + LATE_MS;
    uint64_t dry = pacer_rebased(s->pacer);
    while (pacer_due(s->pacer, loop_now_ms(s->loop), &item)) {
        switch (item.kind) {
        case PACER_FRAME:
            faults_count(s, is_late, pacer_rebased(s->pacer) != dry);
            dry = pacer_rebased(s->pacer);
            if (!frame_send(s, &item)) {
                s->error = ERR_LIMIT;
                pacer_clear(s->pacer);
                played(s);
                return;
            }
            break;
        case PACER_SENTENCE_START:
            s->ev->sentence_start(s->user, item.bytes);
            break;
        case PACER_SENTENCE_END:
            s->ev->sentence_end(s->user, item.bytes);
            break;
        case PACER_STOP:
            played(s);
            return;
        }
        if (s->reply != reply)
            return;
    }
    back_pressure(s);
    if (s->reply == reply)
        schedule(s);
}

static void schedule(struct speaker *s)
{
    if (!s->begun)
        return;
    uint64_t next = pacer_next_ms(s->pacer), now = loop_now_ms(s->loop);
    if (next == PACER_NEVER) {
        timer_stop(&s->tick);
        return;
    }
    if (!timer_armed(&s->tick) || s->tick_due_ms >= now) /* else: late already, and stays so */
        s->tick_due_ms = MAX(next, now);
    timer_start(&s->tick, s->loop, next > now ? next - now : 0, on_tick, s);
}

/* ---- what others call ---------------------------------------------------------------------------------- */

void speaker_begin(struct speaker *s, const struct use_opts *u)
{
    if (s->begun)
        return;
    sentences_forget(s);
    s->reply++;
    s->begun = true;
    s->is_silent = s->wants_silence;
    s->finishing = s->ended = s->in_sentence = s->was_first = false;
    s->error = OK;
    s->frames_put = s->frames_sent = 0;
    s->stalled_ms = s->sound_us = s->quiet_samples = 0;
    s->is_quiet = true;
    s->use = *u;
    pacer_clear(s->pacer);
    pacer_hold(s->pacer, loop_now_ms(s->loop) + s->format.start_gap_ms);
    s->ev->tts_start(s->user);
}

static void sentence_add(struct speaker *s, struct slice text)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->sentences = xrealloc(s->sentences, s->cap * sizeof *s->sentences);
    }
    s->text_bytes += text.len;
    s->sentences[s->count++] = (struct spoken){ xslicedup(text), OPEN_END, OPEN_END };
}

enum err speaker_say(struct speaker *s, struct slice text)
{
    if (!s->begun || s->finishing || s->ended)
        return ERR_STATE;
    if (s->count >= SPEAKER_SENTENCES_MAX || s->text_bytes + text.len > SPEAKER_TEXT_MAX_BYTES)
        return ERR_LIMIT;
    if (!s->is_silent)
        sentence_add(s, text);
    pump(s);
    return OK;
}

static void clip_put(struct speaker *s, struct slice text, struct clip *clip)
{
    sentence_add(s, text);
    sentence_begin(s);
    clip_play(s, clip);
    s->said++;
    sentence_end(s);
}

static void record_begin(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice)
{
    s->is_recording = cache && !s->count && s->format.format == AUDIO_OPUS;
    s->cache = cache;
    s->voice = xstrdup(voice);
    sentence_add(s, text);
}

enum err speaker_record(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice)
{
    if (!s->begun || s->finishing || s->ended)
        return ERR_STATE;
    s->finishing = true;
    record_begin(s, cache, text, voice);
    pump(s);
    return OK;
}

enum err speaker_prompt(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice,
                        bool only_clip)
{
    if (!s->begun || s->finishing || s->ended)
        return ERR_STATE;
    struct clip_key key = { text, slice_of(voice), s->format.rate_hz, s->format.frame_us };
    struct clip *clip = cache ? clip_cache_get(cache, &key) : NULL;
    if (!clip && only_clip)
        return ERR_NOT_FOUND;
    s->finishing = true;
    if (s->is_silent) {
        clip_unref(clip);
    } else if (clip) {
        clip_put(s, text, clip);
        clip_unref(clip);
    } else {
        record_begin(s, cache, text, voice);
    }
    pump(s);
    return OK;
}

enum err speaker_tone(struct speaker *s, struct slice text, struct clip *clip)
{
    if (!s->begun || s->finishing || s->ended)
        return ERR_STATE;
    s->finishing = true;
    sentence_add(s, text);
    sentence_begin(s);
    if (clip)
        clip_play(s, clip);
    else
        end_tone(s);
    s->said++;
    sentence_end(s);
    pump(s);
    return OK;
}

void speaker_set_silent(struct speaker *s, bool on)
{
    s->wants_silence = on;
}

void speaker_finish(struct speaker *s)
{
    if (!s->begun || s->finishing)
        return;
    s->finishing = true;
    pump(s);
}

void speaker_cancel(struct speaker *s)
{
    if (!s)
        return;
    if (!s->begun) {
        s->reply++;
        return;
    }
    if (s->pacer)
        pacer_clear(s->pacer);
    reply_end(s);
    s->ev->tts_stop(s->user);
}

bool speaker_is_begun(const struct speaker *s)
{
    return s && s->begun;
}

bool speaker_has_audio(const struct speaker *s)
{
    return s->frames_put > 0;
}

enum err speaker_error(const struct speaker *s)
{
    return s ? s->error : OK;
}

/* How much of a sentence was heard, in bytes, when `played` of its frames were. */
static size_t heard_bytes(const struct speaker *s, const struct spoken *p, int64_t played)
{
    struct slice text = slice_of(p->text);
    int64_t total = (p->end_frame == OPEN_END ? s->frames_put : p->end_frame) - p->first_frame;
    if (p->end_frame == OPEN_END) { /* still being made: by its length, some 60 ms a letter or 180 an ideograph */
        int64_t guess = (int64_t)text.len * 60000 / s->format.frame_us;
        total = MAX(total, guess);
    }
    if (total <= 0 || played <= 0)
        return 0;
    if (played >= total && p->end_frame != OPEN_END)
        return text.len;
    size_t cut = utf8_cut(text, text.len * (size_t)MIN(played, total) / (size_t)total);
    size_t word = cut;
    while (word > 0 && word < text.len && (unsigned char)text.data[word] < 0x80 && text.data[word] != ' ' &&
           (unsigned char)text.data[word - 1] < 0x80 && text.data[word - 1] != ' ')
        word--;
    return word;
}

void speaker_heard(const struct speaker *s, struct buf *out)
{
    if (!s || !s->pacer)
        return;
    uint64_t now = loop_now_ms(s->loop), end = pacer_play_end_ms(s->pacer);
    int64_t ahead = end > now && s->begun ? (int64_t)((end - now) * 1000 + s->format.frame_us - 1) /
                                                (int64_t)s->format.frame_us : 0;
    int64_t played = s->frames_sent - MIN(ahead, s->frames_sent);
    if (!s->begun)
        played = s->frames_sent;
    for (size_t i = 0; i < s->count; i++) {
        const struct spoken *p = &s->sentences[i];
        if (p->first_frame == OPEN_END || p->first_frame >= played)
            return;
        struct slice part = slice_sub(slice_of(p->text), 0, heard_bytes(s, p, played - p->first_frame));
        part = slice_trim(part);
        if (part.len && out->len && (unsigned char)part.data[0] < 0x80)
            buf_put_byte(out, ' ');
        buf_put(out, part);
        if (part.len < strlen(p->text))
            return;
    }
}

uint64_t speaker_sound_us(const struct speaker *s)
{
    return s ? s->sound_us : 0;
}

size_t speaker_chars(const struct speaker *s)
{
    return s ? s->chars : 0;
}

size_t speaker_bytes(const struct speaker *s)
{
    return sizeof *s + s->text_bytes + s->cap * sizeof *s->sentences + packets_memory(&s->record) +
           (s->pacer ? pacer_queued_bytes(s->pacer) : 0) + (s->encoder ? ENCODER_BYTES : 0) +
           (s->decoder ? DECODER_BYTES : 0);
}
