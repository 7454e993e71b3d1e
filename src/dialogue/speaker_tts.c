/* SPDX-License-Identifier: MIT
 * speaker_tts.c -- sentences to the synthesiser, its audio to the sound; when it is held, watched and asked again. */
#include "base/utf8.h"
#include "dialogue/speaker_inside.h"
#include "metrics/metrics.h"

#define QUIET_PEAK 300 /* samples below it are silence */

void tts_close(struct speaker *s)
{
    timer_stop(&s->watchdog);
    timer_stop(&s->retry);
    if (s->tts.tts)
        s->tts.cls->close(s->tts.tts);
    s->tts = (struct tts_use){ 0 };
    s->paused = s->has_finished = false;
}

/* ---- the end of the audio, and faults ------------------------------------------------------------------ */

/* No more audio will be made: play what there is, then stop. */
static void audio_end(struct speaker *s)
{
    tts_close(s);
    if (s->ended)
        return;
    if (s->in_sentence)
        sentence_end(s);
    record_keep(s);
    clip_end_sound(s);
    s->ended = true;
    pacer_finish(s->pacer);
    play_schedule(s);
}

static void fail(struct speaker *s, const struct err_note *why)
{
    s->error = why->err;
    s->finishing = true;
    record_drop(s);
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
    bool owes = s->sounding < s->said || (s->finishing && s->tts.tts);
    if (owes && !s->paused)
        timer_start(&s->watchdog, s->loop, s->format.timeout_ms, on_silent_tts, s);
    else
        timer_stop(&s->watchdog);
}

void tts_hold(struct speaker *s)
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
        tts_pump(s);
}

/* ---- what it gives ------------------------------------------------------------------------------------- */

static void after_sound(struct speaker *s, enum err e)
{
    if (e) {
        struct err_note note = { e, "the sound cannot be coded" };
        fail(s, &note);
        return;
    }
    watchdog_feed(s);
    tts_hold(s);
    play_schedule(s);
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
    after_sound(s, sound_pcm(&s->sound, pcm, rate_hz));
}

static void on_opus(void *user, struct slice packet, uint32_t duration_us)
{
    struct speaker *s = user;
    sound_note(s);
    sentence_begin(s);
    after_sound(s, sound_opus(&s->sound, packet, duration_us));
}

static void on_mark(void *user, uint32_t sentence)
{
    struct speaker *s = user;
    while (s->sounding <= s->stream_base + sentence && s->sounding < s->said)
        sentence_end(s);
    watchdog_feed(s);
    play_schedule(s);
    tts_pump(s);
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
        tts_pump(s);
}

/* ---- what it is given ---------------------------------------------------------------------------------- */

static const struct tts_events tts_events = {
    .on_pcm = on_pcm, .on_opus = on_opus, .on_mark = on_mark, .on_end = on_tts_end,
};

static void on_retry(void *arg)
{
    tts_pump(arg);
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

void tts_pump(struct speaker *s)
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
