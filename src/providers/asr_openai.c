/* SPDX-License-Identifier: MIT
 * asr_openai.c -- any OpenAI-compatible transcription service: one upload per utterance.
 *
 *   device's packets --ogg_put--> .ogg --\
 *   PCM             --wav-----> .wav ----+--> POST multipart --> {"text": ...}
 *
 * With the device's own Opus nothing is decoded or encoded. Settings: base_url or url (the whole endpoint,
 * .../v1/audio/transcriptions), model_name (model), api_key, format (opus | wav), language, prompt,
 * temperature, headers (a map). */
#include "providers/asr.h"

#include "audio/decoder.h"
#include "audio/ogg.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "base/rand.h"
#include "providers/openai.h"
#include "providers/soon.h"
#include "providers/transcription.h"

enum {
    UPLOAD_BYTES_MAX = 8 << 20, /* four minutes of PCM; beyond it feed answers ERR_LIMIT */
    REPLY_BYTES = 1 << 20,
    RATE_HZ = 16000,
    WHOLE_S = 60,              /* there is room for it; pages that are not written to cost nothing */
    OPUS_BYTES_PER_S = 4096,
    QUESTION_BYTES = 16 << 10, /* of packets: most utterances; a small block costs less than fresh pages */
};

static const char *const url_keys[] = { "base_url", "url", NULL };

struct asr {
    struct soon soon;
    struct config *config;        /* settings are read again at finish() */
    struct provider_opts opts;
    char *url;
    struct ogg_writer ogg;
    struct decoder *decoder;      /* packets that must become WAV */
    struct buf upload, reply;
    bool wants_wav, has_packets, is_finished, has_ended;
    uint64_t audio_us;
    struct http_call *call;
    struct err_note failed;       /* found inside of a call, told at the top of the loop */
    const struct asr_events *ev;
    void *user;
};

static void end(struct asr *a, const struct err_note *why)
{
    struct err_note note = *why;
    a->has_ended = true;
    a->ev->on_end(a->user, &note);
}

static void run(void *arg) /* nothing was said, or the upload could not begin */
{
    struct asr *a = arg;
    if (!a->has_ended)
        end(a, &a->failed);
}

static void on_head(void *user, int status, struct slice content_type)
{
    openai_acquired(((struct asr *)user)->call);
}

static void on_data(void *user, struct slice data)
{
    struct asr *a = user;
    buf_put(&a->reply, data);
}

static void on_http_end(void *user, enum err e, int status, const char *text)
{
    struct asr *a = user;
    struct err_note why = { 0 };
    auto_buf struct buf said = { 0 };
    a->call = NULL; /* gone with its last event */
    if (status && status / 100 != 2)
        openai_explain(&why, status, buf_slice(&a->reply));
    else if (e)
        openai_transport(&why, e, text);
    else
        transcription_read(buf_slice(&a->reply), status, &said, &why);
    if (!why.err && said.len) {
        struct asr_text t = { .text = buf_slice(&said), .end_ms = (uint32_t)(a->audio_us / 1000), .speaker = -1,
                              .final = true };
        a->ev->on_text(a->user, &t);
    }
    if (!a->has_ended)
        end(a, &why);
}

static void free_asr(void *arg)
{
    struct asr *a = arg;
    ogg_writer_done(&a->ogg);
    decoder_free(a->decoder);
    buf_done(&a->upload);
    buf_done(&a->reply);
    mem_free(a->url);
    config_unref(a->config);
    mem_free(a);
}

static enum err asr_open(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user)
{
    char *url = o->env->http ? openai_service(o, url_keys, "/audio/transcriptions") : NULL;
    if (!url)
        return ERR_INVALID;
    struct asr *a = xnew(struct asr);
    a->url = url;
    a->opts = *o;
    a->opts.shared = NULL;
    a->config = o->config ? config_ref(o->config) : NULL;
    a->ev = ev;
    a->user = user;
    a->wants_wav = strcmp(opts_str(o, "format", "opus"), "wav") == 0;
    a->upload.max = UPLOAD_BYTES_MAX;
    a->reply.max = REPLY_BYTES;
    ogg_writer_init(&a->ogg, rand_u32(), RATE_HZ);
    soon_init(&a->soon, o->env->loop, run, free_asr, a);
    *out = a;
    return OK;
}

/* Frames do not make the buffer move, but once: when packets of an utterance are more than a question, there is made
 * room for the whole of it, as there is for samples from the start. Still longer ones grow as usual. */
static void upload_room(struct asr *a, size_t question_bytes, size_t whole_bytes)
{
    struct buf *b = &a->upload;
    if (!b->cap)
        (void)buf_reserve(b, question_bytes);
    else if (b->cap < whole_bytes && b->cap - b->len < OPUS_BYTES_PER_S)
        (void)buf_reserve(b, whole_bytes - b->len);
}

static enum err put_pcm(struct asr *a, struct pcm pcm)
{
    upload_room(a, WHOLE_S * RATE_HZ * sizeof(int16_t), 0);
    a->audio_us += pcm.count * 1000000ull / RATE_HZ;
    return buf_put(&a->upload, slice_from(pcm.samples, pcm.count * sizeof(int16_t)));
}

static enum err asr_feed(struct asr *a, struct pcm pcm)
{
    if (a->is_finished || a->has_packets)
        return ERR_STATE;
    return put_pcm(a, pcm);
}

static enum err asr_feed_opus(struct asr *a, struct slice packet, uint32_t duration_us)
{
    if (a->is_finished)
        return ERR_STATE;
    if (!a->wants_wav) {
        upload_room(a, QUESTION_BYTES, WHOLE_S * OPUS_BYTES_PER_S);
        a->has_packets = true;
        a->audio_us += duration_us;
        return ogg_put(&a->ogg, packet, duration_us, &a->upload);
    }
    struct pcm pcm;
    enum err e = a->decoder ? OK : decoder_create(&a->decoder, RATE_HZ);
    if (!e)
        e = decoder_packet(a->decoder, packet, &pcm);
    if (e == ERR_PROTO)
        return OK; /* one broken packet is not worth an utterance */
    return e ? e : put_pcm(a, pcm);
}

/* The whole file, as the service gets it. */
static enum err close_file(struct asr *a, struct buf *wav)
{
    if (a->has_packets)
        return ogg_finish(&a->ogg, &a->upload);
    char head[WAV_HEADER_BYTES];
    wav_header(head, RATE_HZ, (uint32_t)a->upload.len);
    buf_put(wav, slice_from(head, sizeof(head)));
    buf_put(wav, buf_slice(&a->upload));
    buf_done(&a->upload);
    return OK;
}

static enum err start_call(struct asr *a)
{
    static const struct http_call_events events = { .on_head = on_head, .on_data = on_data, .on_end = on_http_end };
    const struct provider_opts *o = &a->opts;
    struct openai_headers headers;
    auto_buf struct buf wav = { 0 };
    enum err e = close_file(a, &wav);
    if (e)
        return e;
    struct http_part parts[8];
    unsigned count = 0;
    parts[count++] = (struct http_part){
        .name = "file", .filename = a->has_packets ? "speech.ogg" : "speech.wav",
        .type = a->has_packets ? "audio/ogg" : "audio/wav",
        .data = a->has_packets ? buf_slice(&a->upload) : buf_slice(&wav),
    };
    const char *model = opts_str(o, "model_name", opts_str(o, "model", "whisper-1"));
    parts[count++] = (struct http_part){ .name = "model", .data = slice_of(model) };
    parts[count++] = (struct http_part){ .name = "response_format", .data = SLICE("json") };
    static const char *const fields[] = { "language", "prompt", "temperature" };
    for (size_t i = 0; i < COUNT(fields); i++) {
        const char *value = opts_str(o, fields[i], "");
        if (*value && strcmp(value, "auto") != 0)
            parts[count++] = (struct http_part){ .name = fields[i], .data = slice_of(value) };
    }
    openai_headers_init(&headers, o);
    struct http_call_opts call = {
        .method = "POST", .url = a->url, .headers = headers.list, .header_count = headers.count, .parts = parts,
        .part_count = count, .first_byte_ms = o->first_byte_ms, .idle_ms = o->idle_ms, .total_ms = o->total_ms,
        .reply_max_bytes = REPLY_BYTES,
    };
    e = http_call_open(&a->call, o->env->http, &call, &events, a);
    openai_headers_done(&headers);
    buf_done(&a->upload);
    return e;
}

static void asr_finish(struct asr *a)
{
    if (a->is_finished)
        return;
    a->is_finished = true;
    enum err e = a->audio_us ? start_call(a) : OK;
    if (e)
        openai_transport(&a->failed, e, "the upload could not begin");
    if (e || !a->audio_us)
        soon_kick(&a->soon);
}

static void asr_close(struct asr *a)
{
    a->has_ended = true;
    http_call_close(a->call);
    a->call = NULL;
    soon_close(&a->soon);
}

static enum err asr_check(const struct provider_opts *o, struct err_note *note)
{
    return openai_check(o, url_keys, note);
}

extern const struct asr_class asr_openai;
const struct asr_class asr_openai = {
    .name = "openai", .caps = ASR_TAKES_OPUS, .rate_hz = RATE_HZ, .open = asr_open, .feed = asr_feed,
    .feed_opus = asr_feed_opus, .finish = asr_finish, .close = asr_close, .check = asr_check,
};
