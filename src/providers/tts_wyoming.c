/* SPDX-License-Identifier: MIT
 * tts_wyoming.c -- a voice in another process that speaks Wyoming: our flite and espeak-ng engines (the
 * embedded default) or any server (piper ...) over TCP.
 *
 *   say --> [waiting] --synthesize--> audio-start, audio-chunk ..., audio-stop --> next
 *
 * One sentence is in work at a time: local engines are far faster than speech. `engine: auto` takes flite
 * for English and espeak-ng for everything else, sentence by sentence; audio of a second rate is
 * resampled to the first. Settings: those of wyoming_link.h, voice, speaker, language. */
#include <stdio.h>

#include "audio/pcm_queue.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "providers/tts.h"
#include "providers/wyoming_link.h"

enum { SENTENCES_MAX = 64, PIECE_SAMPLES = 4096 };

struct tts {
    struct soon soon;
    struct config *config;
    struct provider_opts opts;
    struct wyoming_link link;
    char engine[32];              /* the link leads to; "" none */
    char *list[SENTENCES_MAX];
    uint32_t said, at;            /* sentence `at` is in work when is_asked */
    bool is_asked, is_speaking, is_finished, is_paused, has_ended, needs_link;
    bool has_served;              /* the link: it spoke a sentence */
    struct wyoming_format format; /* of this sentence */
    uint32_t rate_hz;             /* of the stream; 0: not known yet */
    uint32_t resample_from_hz;
    struct resample *resample;
    struct pcm_queue resampled;
    const struct tts_events *ev;
    void *user;
};

static void end(struct tts *t, const struct err_note *why)
{
    struct err_note note = *why;
    if (t->has_ended)
        return;
    t->has_ended = true;
    wyoming_link_close(&t->link);
    t->ev->on_end(t->user, &note);
}

static void end_with(struct tts *t, enum err e, const char *text)
{
    struct err_note why = { .err = e };
    snprintf(why.text, sizeof(why.text), "%s", text);
    end(t, &why);
}

/* ---- audio ---- */

static void give(struct tts *t, struct pcm pcm)
{
    if (pcm.count && !t->has_ended)
        t->ev->on_pcm(t->user, pcm, t->rate_hz);
}

static void give_resampled(struct tts *t, struct pcm pcm, bool is_last)
{
    enum err e = resample_feed(t->resample, pcm, &t->resampled);
    if (!e && is_last)
        e = resample_flush(t->resample, &t->resampled);
    if (e) {
        end_with(t, e, "the audio cannot be resampled");
        return;
    }
    struct pcm ready = pcm_queue_peek(&t->resampled);
    give(t, ready);
    pcm_queue_eat(&t->resampled, ready.count);
}

static void on_audio_start(struct tts *t, const struct wyoming_event *e)
{
    enum err bad = wyoming_format_read(e, &t->format);
    if (bad) {
        end_with(t, bad, "the voice speaks in a form we do not read");
        return;
    }
    t->is_speaking = true;
    if (!t->rate_hz)
        t->rate_hz = t->format.rate_hz;
    if (t->format.rate_hz == t->rate_hz || (t->resample && t->resample_from_hz == t->format.rate_hz))
        return;
    resample_free(t->resample);
    t->resample = NULL;
    t->resample_from_hz = t->format.rate_hz;
    bad = resample_create(&t->resample, t->format.rate_hz, t->rate_hz);
    if (bad)
        end_with(t, bad, "the audio cannot be resampled");
}

static size_t mix(const char *bytes, size_t frames, unsigned channels, int16_t *out)
{
    for (size_t i = 0; i < frames; i++) {
        int16_t pair[2] = { 0, 0 };
        memcpy(pair, bytes + i * channels * 2, channels * 2);
        out[i] = channels == 2 ? (int16_t)((pair[0] + pair[1]) / 2) : pair[0];
    }
    return frames;
}

static void on_audio_chunk(struct tts *t, const struct wyoming_event *e)
{
    int16_t samples[PIECE_SAMPLES];
    size_t frame_bytes = 2u * t->format.channels;
    if (!t->is_speaking)
        on_audio_start(t, e); /* servers that go without audio-start */
    frame_bytes = 2u * MAX(t->format.channels, 1u);
    for (size_t at = 0; at + frame_bytes <= e->payload.len && !t->has_ended;) {
        size_t frames = MIN((e->payload.len - at) / frame_bytes, (size_t)PIECE_SAMPLES);
        struct pcm pcm = { samples, mix(e->payload.data + at, frames, t->format.channels, samples) };
        at += frames * frame_bytes;
        if (t->format.rate_hz == t->rate_hz)
            give(t, pcm);
        else
            give_resampled(t, pcm, false);
    }
}

static void on_sentence_end(struct tts *t)
{
    if (t->is_speaking && t->format.rate_hz != t->rate_hz)
        give_resampled(t, (struct pcm){ NULL, 0 }, true);
    if (t->has_ended || !t->is_asked)
        return;
    uint32_t number = t->at;
    mem_free(t->list[number % SENTENCES_MAX]);
    t->list[number % SENTENCES_MAX] = NULL;
    t->at++;
    t->is_asked = t->is_speaking = false;
    t->has_served = true;
    soon_kick(&t->soon);
    t->ev->on_mark(t->user, number);
}

/* ---- the link ---- */

static void on_event(void *user, const struct wyoming_event *e)
{
    struct tts *t = user;
    if (slice_is(e->type, "audio-start")) {
        on_audio_start(t, e);
    } else if (slice_is(e->type, "audio-chunk")) {
        on_audio_chunk(t, e);
    } else if (slice_is(e->type, "audio-stop")) {
        on_sentence_end(t);
    } else if (slice_is(e->type, "error")) {
        char text[160];
        snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(wyoming_text(e, "text")));
        end_with(t, ERR_UPSTREAM, text[0] ? text : "the voice reports an error");
    }
}

static void on_down(void *user, const struct err_note *why)
{
    struct tts *t = user;
    t->engine[0] = 0;
    t->needs_link = true;
    /* A server that closes after each sentence is fine, also when the next one crossed with that. */
    if (t->is_asked && !t->is_speaking && t->has_served && why->err == ERR_CLOSED) {
        t->is_asked = false;
        soon_kick(&t->soon);
        return;
    }
    if (t->is_asked || why->err != ERR_CLOSED)
        end(t, why);
}

static const struct wyoming_link_events link_events = { .on_event = on_event, .on_down = on_down };

/* Which program speaks this text; its own voice for the language where the settings name none. */
static const char *engine_for(const struct tts *t, const char *text)
{
    const char *engine = opts_str(&t->opts, "engine", "auto");
    if (strcmp(engine, "auto") != 0)
        return engine;
    struct slice s = slice_of(text);
    for (size_t at = 0; at < s.len;) {
        int32_t c = utf8_next(s, &at);
        if (c > 0x17F && !utf8_is_punct((uint32_t)c))
            return "espeak-ng";
    }
    bool is_english = strncmp(t->opts.language, "en", 2) == 0 || strncmp(t->opts.language, "zh", 2) == 0;
    return is_english ? "flite" : "espeak-ng";
}

static struct wyoming_voice voice_for(const struct tts *t, const char *text)
{
    struct wyoming_voice v = {
        .name = slice_of(opts_str(&t->opts, "voice", "")),
        .speaker = slice_of(opts_str(&t->opts, "speaker", "")),
        .language = slice_of(opts_str(&t->opts, "language", "")),
    };
    bool has_cjk = false;
    for (size_t at = 0; text[at];) {
        int32_t c = utf8_next(slice_of(text), &at);
        has_cjk |= c >= 0 && utf8_is_cjk((uint32_t)c);
    }
    if (!v.name.len && !v.language.len && !wyoming_link_is_remote(&t->opts)) {
        v.language = slice_of(t->opts.language);
        if (has_cjk)
            v.language = SLICE("zh");
        else if (strncmp(t->opts.language, "zh", 2) == 0)
            v.language = SLICE("en");
    }
    return v;
}

static enum err ask(struct tts *t)
{
    const char *text = t->list[t->at % SENTENCES_MAX];
    const char *engine = wyoming_link_is_remote(&t->opts) ? "remote" : engine_for(t, text);
    auto_buf struct buf out = { 0 };
    struct wyoming_voice voice = voice_for(t, text);
    if (t->needs_link || strcmp(engine, t->engine) != 0) {
        wyoming_link_done(&t->link);
        enum err e = wyoming_link_open(&t->link, &t->opts, engine, &link_events, t);
        if (e)
            return e;
        snprintf(t->engine, sizeof(t->engine), "%s", engine);
        t->needs_link = t->has_served = false;
    }
    t->is_asked = true;
    wyoming_synthesize(&out, slice_of(text), &voice);
    return wyoming_link_write(&t->link, &out);
}

/* At the top of the loop: what was held, the next sentence, or the end. */
static void run(void *arg)
{
    struct tts *t = arg;
    if (t->has_ended || t->is_paused)
        return;
    wyoming_link_go_on(&t->link);
    if (t->has_ended || t->is_asked || t->is_paused)
        return;
    if (t->at == t->said) {
        if (t->is_finished)
            end_with(t, OK, "");
        return;
    }
    if (!slice_trim(slice_of(t->list[t->at % SENTENCES_MAX])).len) {
        t->is_asked = true;
        on_sentence_end(t);
        return;
    }
    enum err e = ask(t);
    if (e)
        end_with(t, e, e == ERR_NOT_FOUND ? "the engine is not installed" : err_text(e));
}

static void free_tts(void *arg)
{
    struct tts *t = arg;
    wyoming_link_done(&t->link);
    for (; t->at != t->said; t->at++)
        mem_free(t->list[t->at % SENTENCES_MAX]);
    resample_free(t->resample);
    pcm_queue_done(&t->resampled);
    config_unref(t->config);
    mem_free(t);
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    if (!wyoming_link_is_remote(o) && !o->env->engines)
        return ERR_UNSUPPORTED;
    struct tts *t = xnew(struct tts);
    t->opts = *o;
    t->opts.shared = NULL;
    t->config = o->config ? config_ref(o->config) : NULL;
    t->ev = ev;
    t->user = user;
    t->needs_link = true;
    t->link.is_closed = true;
    pcm_queue_init(&t->resampled, 0);
    soon_init(&t->soon, o->env->loop, run, free_tts, t);
    t->soon.is_work = true;
    *out = t;
    return OK;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    if (t->is_finished || t->has_ended)
        return ERR_STATE;
    if (t->said - t->at == SENTENCES_MAX)
        return ERR_BUSY;
    t->list[t->said++ % SENTENCES_MAX] = xslicedup(text);
    soon_kick(&t->soon);
    return OK;
}

static void tts_finish(struct tts *t)
{
    t->is_finished = true;
    soon_kick(&t->soon);
}

static void tts_pause(struct tts *t, bool is_paused)
{
    t->is_paused = is_paused;
    wyoming_link_pause(&t->link, is_paused);
    if (!is_paused)
        soon_kick(&t->soon);
}

static void tts_close(struct tts *t)
{
    t->has_ended = true;
    wyoming_link_close(&t->link);
    soon_close(&t->soon);
}

extern const struct tts_class tts_wyoming;
const struct tts_class tts_wyoming = {
    .name = "wyoming", .caps = TTS_STREAMS,
    .open = tts_open, .say = tts_say, .finish = tts_finish, .pause = tts_pause, .close = tts_close,
};
