/* SPDX-License-Identifier: MIT
 * tts_openai.c -- any OpenAI-compatible speech service: one request per sentence, audio as it comes.
 *
 *   say(0) -> request 0 -----bytes----> decode -> events
 *   say(1) -> request 1 (IN_FLIGHT at a time) --> kept until sentence 0 is out
 *   say(2) -> waits
 *
 * Settings: api_url (the whole endpoint, .../v1/audio/speech; also base_url, url), model, voice, speed,
 * format (pcm | opus | wav; mp3 is not read), sample_rate of pcm (24000), api_key, headers (a map). */
#include <stdio.h>

#include "audio/decoder.h"
#include "audio/ogg.h"
#include "audio/packet.h"
#include "audio/wav.h"
#include "base/json.h"
#include "base/mem.h"
#include "providers/openai.h"
#include "providers/soon.h"
#include "providers/tts.h"

enum {
    SENTENCES_MAX = 32,          /* waiting, in flight and speaking: ERR_BUSY beyond */
    IN_FLIGHT = 2,
    SENTENCE_BYTES_MAX = 16 << 20, /* audio of one sentence */
    PIECE_MS = 60,               /* PCM given in one event: a frame, so that devices take turns */
    PIECE_BYTES_MAX = 48000 * PIECE_MS / 1000 * 2,
    HOLD_BYTES = 8192,           /* waiting to be told: the service is read again when there is half of it */
    READ_BYTES = 4096,           /* read at once */
    OPUS_RATE_HZ = 24000,        /* what packets are decoded to when the listener wants PCM */
};
enum format { FORMAT_PCM, FORMAT_OPUS, FORMAT_WAV };

static const char *const url_keys[] = { "api_url", "base_url", "url", NULL };

struct sentence {
    struct tts *tts;
    char *text;
    struct http_call *call;
    struct buf data;             /* what came; its first `told` bytes are done with */
    size_t told;
    int status;
    bool is_started, is_complete, is_strange; /* strange: JSON or HTML instead of audio */
    struct err_note why;
};

struct tts {
    struct soon soon;
    struct config *config;
    struct provider_opts opts;
    char *url;
    enum format format;
    uint32_t rate_hz;
    struct sentence *list[SENTENCES_MAX];
    uint32_t said, at;           /* sentence `at` is being told; list[n % SENTENCES_MAX] */
    struct ogg_reader ogg;
    struct wav_reader wav;
    struct decoder *decoder;
    bool is_finished, is_paused, has_ended;
    const struct tts_events *ev;
    void *user;
};

static struct sentence *sentence_at(struct tts *t, uint32_t n)
{
    return t->list[n % SENTENCES_MAX];
}

static void sentence_free(struct sentence *s)
{
    http_call_close(s->call);
    buf_done(&s->data);
    mem_free(s->text);
    mem_free(s);
}

static void end(struct tts *t, const struct err_note *why)
{
    struct err_note note = *why;
    t->has_ended = true;
    t->ev->on_end(t->user, &note);
}

static struct slice untold(const struct sentence *s)
{
    return slice_sub(buf_slice(&s->data), s->told, s->data.len);
}

/* A sentence whose turn has not come holds what was read at once: its service has begun, that is enough. */
static void hold(struct sentence *s)
{
    bool is_current = s == sentence_at(s->tts, s->tts->at);
    bool is_audio = s->status / 100 == 2 && !s->is_strange;
    size_t len = untold(s).len;
    if (is_audio && len > (is_current ? HOLD_BYTES : 0))
        http_call_pause(s->call, true);
    else if (is_current && len <= HOLD_BYTES / 2)
        http_call_pause(s->call, false);
}

static void tell_bytes(struct sentence *s, size_t bytes)
{
    s->told += bytes;
    hold(s);
}

/* ---- bytes to events; each gives one piece and says whether there was one ---- */

static bool tell_pcm(struct tts *t, struct sentence *s)
{
    size_t bytes = MIN(untold(s).len, (size_t)t->rate_hz * PIECE_MS / 1000 * 2) & ~(size_t)1;
    int16_t samples[PIECE_BYTES_MAX / 2];
    if (!bytes)
        return false;
    memcpy(samples, untold(s).data, bytes);
    tell_bytes(s, bytes);
    t->ev->on_pcm(t->user, (struct pcm){ samples, bytes / 2 }, t->rate_hz);
    return true;
}

static bool tell_wav(struct tts *t, struct sentence *s, enum err *e)
{
    struct slice in = untold(s);
    size_t before = in.len;
    struct pcm pcm = { 0 };
    *e = wav_next(&t->wav, &in, &pcm);
    tell_bytes(s, before - in.len);
    if (*e || !pcm.count)
        return false;
    t->ev->on_pcm(t->user, pcm, t->wav.rate_hz);
    return true;
}

static bool tell_opus(struct tts *t, struct sentence *s, enum err *e)
{
    struct slice in = untold(s), packet = { 0 };
    size_t before = in.len;
    *e = ogg_next(&t->ogg, &in, &packet);
    tell_bytes(s, before - in.len);
    if (*e || !packet.len)
        return false;
    uint32_t duration_us = packet_duration_us(packet);
    if (!duration_us)
        return true;
    if (t->ev->on_opus) {
        t->ev->on_opus(t->user, packet, duration_us);
        return true;
    }
    struct pcm pcm = { 0 };
    *e = t->decoder ? OK : decoder_create(&t->decoder, OPUS_RATE_HZ);
    if (!*e && decoder_packet(t->decoder, packet, &pcm) == OK && pcm.count)
        t->ev->on_pcm(t->user, pcm, OPUS_RATE_HZ);
    return !*e;
}

static bool tell_piece(struct tts *t, struct sentence *s, enum err *e)
{
    *e = OK;
    if (s->is_strange || s->status / 100 != 2)
        return false;
    switch (t->format) {
    case FORMAT_PCM: return tell_pcm(t, s);
    case FORMAT_WAV: return tell_wav(t, s, e);
    case FORMAT_OPUS: return tell_opus(t, s, e);
    }
    return false;
}

/* ---- order ---- */

static enum err start(struct tts *t, struct sentence *s);

static void start_next(struct tts *t)
{
    for (uint32_t n = t->at; n != t->said && n - t->at < IN_FLIGHT; n++) {
        struct sentence *s = sentence_at(t, n);
        if (s->is_started)
            continue;
        s->is_started = true;
        enum err e = start(t, s);
        if (e) {
            openai_transport(&s->why, e, "the request could not begin");
            s->is_complete = true;
            soon_kick(&t->soon);
        }
    }
}

static void new_sentence(struct tts *t)
{
    ogg_reader_done(&t->ogg);
    ogg_reader_init(&t->ogg);
    wav_reader_init(&t->wav);
}

/* One event per round, so that a listener may do anything in it; then again at the top of the loop. */
static void run(void *arg)
{
    struct tts *t = arg;
    enum err e = OK;
    if (t->has_ended || t->is_paused)
        return;
    if (t->at == t->said) {
        if (t->is_finished)
            end(t, &(struct err_note){ 0 });
        return;
    }
    struct sentence *s = sentence_at(t, t->at);
    if (tell_piece(t, s, &e)) {
        soon_kick(&t->soon);
        return;
    }
    if (e) {
        struct err_note why = { .err = ERR_PROTO };
        snprintf(why.text, sizeof(why.text), "the audio cannot be read");
        end(t, &why);
    } else if (s->is_complete && s->why.err) {
        end(t, &s->why);
    } else if (s->is_complete) {
        sentence_free(s);
        new_sentence(t);
        uint32_t number = t->at++;
        if (t->at != t->said)
            hold(sentence_at(t, t->at));
        start_next(t);
        soon_kick(&t->soon);
        t->ev->on_mark(t->user, number);
    }
}

/* ---- one request ---- */

static void on_head(void *user, int status, struct slice content_type)
{
    struct sentence *s = user;
    s->status = status;
    openai_acquired(s->call);
    s->is_strange = slice_contains(content_type, SLICE("json")) || slice_contains(content_type, SLICE("text/"));
}

static void on_data(void *user, struct slice data)
{
    struct sentence *s = user;
    if (s->why.err)
        return;
    buf_eat(&s->data, s->told); /* here and not for every piece: that would move the rest each time */
    s->told = 0;
    if (s == sentence_at(s->tts, s->tts->at) && s->data.cap < HOLD_BYTES)
        (void)buf_reserve(&s->data, HOLD_BYTES + READ_BYTES - s->data.len);
    if (buf_put(&s->data, data)) {
        s->why.err = ERR_LIMIT;
        snprintf(s->why.text, sizeof(s->why.text), "too much audio for one sentence");
        s->is_complete = true;
    }
    hold(s);
    soon_kick(&s->tts->soon);
}

static void on_http_end(void *user, enum err e, int status, const char *text)
{
    struct sentence *s = user;
    s->call = NULL; /* gone with its last event */
    if (!s->why.err && status && (status / 100 != 2 || s->is_strange))
        openai_explain(&s->why, status, buf_slice(&s->data));
    else if (!s->why.err && e)
        openai_transport(&s->why, e, text);
    s->is_complete = true;
    soon_kick(&s->tts->soon);
}

static void write_request(struct tts *t, const char *text, struct buf *out)
{
    static const char *const names[] = { "pcm", "opus", "wav" };
    const struct provider_opts *o = &t->opts;
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "model", opts_str(o, "model", opts_str(o, "model_name", "tts-1")));
    jw_cstr(&w, "input", text);
    jw_cstr(&w, "voice", opts_str(o, "voice", "alloy"));
    jw_cstr(&w, "response_format", names[t->format]);
    if (opts_has(o, "speed"))
        jw_f64(&w, "speed", opts_num(o, "speed", 1, 0.25, 4));
    const char *instructions = opts_str(o, "instructions", "");
    if (*instructions)
        jw_cstr(&w, "instructions", instructions);
    jw_end(&w);
}

static enum err start(struct tts *t, struct sentence *s)
{
    static const struct http_call_events events = { .on_head = on_head, .on_data = on_data, .on_end = on_http_end };
    const struct provider_opts *o = &t->opts;
    auto_buf struct buf body = { 0 };
    struct openai_headers headers;
    write_request(t, s->text, &body);
    openai_headers_init(&headers, o);
    openai_headers_add(&headers, "Content-Type", "application/json");
    struct http_call_opts call = {
        .method = "POST", .url = t->url, .headers = headers.list, .header_count = headers.count,
        .body = buf_slice(&body), .first_byte_ms = o->first_byte_ms, .idle_ms = o->idle_ms, .total_ms = o->total_ms,
        .reply_max_bytes = SENTENCE_BYTES_MAX, .buffer_bytes = READ_BYTES,
    };
    enum err e = http_call_open(&s->call, o->env->http, &call, &events, s);
    openai_headers_done(&headers);
    return e;
}

static void free_tts(void *arg)
{
    struct tts *t = arg;
    ogg_reader_done(&t->ogg);
    decoder_free(t->decoder);
    mem_free(t->url);
    config_unref(t->config);
    mem_free(t);
}

static enum format format_of(const struct provider_opts *o)
{
    const char *name = opts_str(o, "format", opts_str(o, "response_format", "pcm"));
    return strcmp(name, "opus") == 0 ? FORMAT_OPUS : strcmp(name, "wav") == 0 ? FORMAT_WAV : FORMAT_PCM;
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    char *url = o->env->http ? openai_service(o, url_keys, "/audio/speech") : NULL;
    if (!url)
        return ERR_INVALID;
    struct tts *t = xnew(struct tts);
    t->url = url;
    t->opts = *o;
    t->opts.shared = NULL;
    t->config = o->config ? config_ref(o->config) : NULL;
    t->format = format_of(o);
    t->rate_hz = (uint32_t)opts_int(o, "sample_rate", 24000, 8000, 48000);
    t->ev = ev;
    t->user = user;
    soon_init(&t->soon, o->env->loop, run, free_tts, t);
    t->soon.is_work = true;
    ogg_reader_init(&t->ogg);
    wav_reader_init(&t->wav);
    *out = t;
    return OK;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    if (t->is_finished || t->has_ended)
        return ERR_STATE;
    if (t->said - t->at == SENTENCES_MAX)
        return ERR_BUSY;
    struct sentence *s = xnew(struct sentence);
    *s = (struct sentence){ .tts = t, .text = xslicedup(text) };
    t->list[t->said++ % SENTENCES_MAX] = s;
    s->data.max = SENTENCE_BYTES_MAX;
    if (!slice_trim(text).len) {
        s->is_started = s->is_complete = true;
        soon_kick(&t->soon);
    }
    start_next(t);
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
    if (!is_paused)
        soon_kick(&t->soon);
}

static void tts_close(struct tts *t)
{
    t->has_ended = true;
    for (; t->at != t->said; t->at++)
        sentence_free(sentence_at(t, t->at));
    soon_close(&t->soon);
}

static enum err tts_check(const struct provider_opts *o, struct err_note *note)
{
    return openai_check(o, url_keys, note);
}

extern const struct tts_class tts_openai;
const struct tts_class tts_openai = {
    .name = "openai", .caps = TTS_STREAMS | TTS_NATIVE_OPUS, .open = tts_open, .say = tts_say,
    .finish = tts_finish, .pause = tts_pause, .close = tts_close, .check = tts_check,
};
