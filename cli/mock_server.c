/* SPDX-License-Identifier: MIT
 * mock_server.c -- each request becomes a call with one timer: it fires when the next piece of the answer
 * is due. Pieces are due at absolute times, so a late one does not make the following ones later. */
#include "cli/mock_server.h"

#include <math.h>

#include "audio/encoder.h"
#include "audio/ogg.h"
#include "audio/wav.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "http/server.h"
#include "loop/timer.h"

#define VOICE_MS     3000
#define OPUS_MS      20
#define TTS_PIECE_MS 60

enum format { FORMAT_PCM, FORMAT_WAV, FORMAT_OPUS };

struct mock_server {
    struct loop *loop;
    struct http_server *server;
    struct mock_opts opts;
    struct mock_stats stats;
    struct list calls;
    struct pcm voice;
    int16_t *voice_own;
    struct packets packets; /* the voice as Opus, opts.opus_ms each */
};

struct call {
    struct node node;
    struct mock_server *mock;
    struct http_req *req; /* NULL: answered or gone */
    struct timer timer;
    struct grave grave;
    enum mock_kind kind;
    enum format format;
    bool is_streaming, has_begun;
    uint64_t due_us;          /* of the next piece */
    struct slice text;        /* LLM: what is still to be said */
    size_t done_ms, total_ms; /* TTS */
    struct ogg_writer ogg;
};

static const char llm_text_default[] =
    "It is a fine day today. Is there anything else that you would like to know?";

static void call_free(void *arg)
{
    struct call *c = arg;
    ogg_writer_done(&c->ogg);
    mem_free(c);
}

static void call_close(struct call *c)
{
    timer_stop(&c->timer);
    list_unlink(&c->node);
    loop_later(c->mock->loop, &c->grave, call_free, c);
}

static void on_gone(void *user, struct http_req *r)
{
    struct call *c = user;
    c->mock->stats.gone[c->kind]++;
    c->req = NULL;
    call_close(c);
}

static void reply(struct call *c, int status, const char *type, struct slice body)
{
    struct http_req *r = c->req;
    c->req = NULL;
    c->mock->stats.bytes_out += body.len;
    call_close(c);
    http_respond(r, &(struct http_reply){.status = status, .type = type, .body = body});
}

static void on_due(void *arg);

static void wait_for_us(struct call *c, uint64_t us)
{
    c->due_us += us;
    uint64_t now_us = loop_now_ms(c->mock->loop) * 1000;
    timer_start(&c->timer, c->mock->loop, c->due_us > now_us ? (c->due_us - now_us + 999) / 1000 : 0, on_due, c);
}

static void wait_for(struct call *c, unsigned ms)
{
    wait_for_us(c, ms * 1000ull);
}

/* ---- recognition ---- */

static void answer_asr(struct call *c)
{
    auto_buf struct buf body = {0};
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    jw_str(&w, "text", slice_of(c->mock->opts.asr_text));
    jw_end(&w);
    reply(c, 200, "application/json", buf_slice(&body));
}

/* ---- language model ---- */

/* The next word with its space, as a model's token. */
static struct slice next_token(struct slice *text)
{
    size_t n = 0;
    while (n < text->len && text->data[n] == ' ')
        n++;
    while (n < text->len && text->data[n] != ' ')
        n++;
    struct slice token = slice_sub(*text, 0, n);
    *text = slice_sub(*text, n, text->len);
    return token;
}

static void put_choice(struct buf *out, bool is_chunk, struct slice text, const char *finish)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "id", "mock");
    jw_cstr(&w, "object", is_chunk ? "chat.completion.chunk" : "chat.completion");
    jw_i64(&w, "created", clock_wall_ms() / 1000);
    jw_cstr(&w, "model", "mock");
    jw_array_as(&w, "choices");
    jw_object(&w);
    jw_i64(&w, "index", 0);
    jw_object_as(&w, is_chunk ? "delta" : "message");
    jw_cstr(&w, "role", "assistant");
    jw_str(&w, "content", text);
    jw_end(&w);
    jw_cstr(&w, "finish_reason", finish);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
}

static void write_part(struct call *c, struct slice part)
{
    c->mock->stats.bytes_out += part.len;
    (void)http_stream_write(c->req, part);
}

static void end_stream(struct call *c)
{
    struct http_req *r = c->req;
    c->req = NULL;
    call_close(c);
    http_stream_end(r);
}

static void answer_llm(struct call *c)
{
    if (!c->is_streaming) {
        auto_buf struct buf body = {0};
        put_choice(&body, false, c->text, "stop");
        reply(c, 200, "application/json", buf_slice(&body));
        return;
    }
    if (!c->has_begun) {
        c->has_begun = true;
        if (http_stream_begin(c->req, &(struct http_reply){.status = 200, .type = "text/event-stream"}, -1)) {
            end_stream(c);
            return;
        }
    }
    auto_buf struct buf event = {0};
    do {
        struct slice token = next_token(&c->text);
        buf_puts(&event, "data: ");
        put_choice(&event, true, token, c->text.len ? NULL : "stop");
        buf_puts(&event, "\n\n");
    } while (c->text.len && !c->mock->opts.llm_token_ms);
    if (!c->text.len)
        buf_puts(&event, "data: [DONE]\n\n");
    write_part(c, buf_slice(&event));
    if (c->text.len)
        wait_for(c, c->mock->opts.llm_token_ms);
    else
        end_stream(c);
}

/* ---- synthesis ---- */

static enum err put_pcm(struct call *c, struct buf *out, size_t from_ms, size_t ms)
{
    const struct pcm *v = &c->mock->voice;
    size_t at = from_ms * (MOCK_RATE_HZ / 1000) % v->count;
    size_t left = ms * (MOCK_RATE_HZ / 1000);
    while (left) {
        size_t n = MIN(left, v->count - at);
        buf_put(out, slice_from(v->samples + at, n * sizeof(int16_t)));
        left -= n;
        at = 0;
    }
    return OK;
}

static enum err put_opus(struct call *c, struct buf *out, size_t from_ms, size_t ms)
{
    const struct packets *p = &c->mock->packets;
    unsigned step_ms = c->mock->opts.opus_ms;
    for (size_t at_ms = from_ms; at_ms < from_ms + ms; at_ms += step_ms) {
        uint32_t duration_us;
        struct slice packet = packets_at(p, at_ms / step_ms % packets_count(p), &duration_us);
        enum err e = ogg_put(&c->ogg, packet, duration_us, out);
        if (e)
            return e;
    }
    return OK;
}

static const char *const types[] = {
    [FORMAT_PCM] = "audio/pcm", [FORMAT_WAV] = "audio/wav", [FORMAT_OPUS] = "audio/ogg"};

static void answer_tts(struct call *c)
{
    auto_buf struct buf part = {0};
    if (!c->has_begun) {
        c->has_begun = true;
        if (http_stream_begin(c->req, &(struct http_reply){.status = 200, .type = types[c->format]}, -1)) {
            end_stream(c);
            return;
        }
        if (c->format == FORMAT_WAV) {
            char head[WAV_HEADER_BYTES];
            wav_header(head, MOCK_RATE_HZ, (uint32_t)(c->total_ms * MOCK_RATE_HZ / 1000 * sizeof(int16_t)));
            buf_put(&part, slice_from(head, sizeof(head)));
        }
    }
    size_t ms = c->mock->opts.tts_speed ? MIN((size_t)TTS_PIECE_MS, c->total_ms - c->done_ms) : c->total_ms;
    enum err e =
        c->format == FORMAT_OPUS ? put_opus(c, &part, c->done_ms, ms) : put_pcm(c, &part, c->done_ms, ms);
    c->done_ms += ms;
    bool is_last = c->done_ms >= c->total_ms || e;
    if (c->format == FORMAT_OPUS && !e) /* what is due leaves, a page need not be full */
        e = is_last ? ogg_finish(&c->ogg, &part) : ogg_flush(&c->ogg, &part);
    write_part(c, buf_slice(&part));
    if (is_last)
        end_stream(c);
    else
        wait_for_us(c, TTS_PIECE_MS * 1000 / c->mock->opts.tts_speed);
}

static void on_due(void *arg)
{
    struct call *c = arg;
    uint64_t now_us = loop_now_us(c->mock->loop);
    histogram_add(&c->mock->stats.late, now_us > c->due_us ? now_us - c->due_us : 0);
    switch (c->kind) {
    case MOCK_ASR:
        answer_asr(c);
        break;
    case MOCK_LLM:
        answer_llm(c);
        break;
    default:
        answer_tts(c);
        break;
    }
}

/* ---- requests ---- */

static void refuse(struct call *c, struct slice why)
{
    auto_buf struct buf body = {0};
    buf_printf(&body, "{\"error\":{\"message\":\"" SLICE_FMT "\"}}", SLICE_ARG(why));
    reply(c, 400, "application/json", buf_slice(&body));
}

static bool read_format(enum format *out, struct slice name)
{
    static const char *const names[] = {[FORMAT_PCM] = "pcm", [FORMAT_WAV] = "wav", [FORMAT_OPUS] = "opus"};
    *out = FORMAT_OPUS;
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!slice_is(name, names[i]))
            continue;
        *out = (enum format)i;
        return true;
    }
    return name.len == 0;
}

static void on_body(void *user, struct http_req *r, struct slice body)
{
    struct call *c = user;
    const struct mock_opts *o = &c->mock->opts;
    auto_json struct json *j = NULL;

    c->mock->stats.bytes_in += body.len;
    c->due_us = loop_now_ms(c->mock->loop) * 1000;
    if (c->kind != MOCK_ASR && json_parse(&j, body, &(struct json_limits){.nodes_max = 100000})) {
        refuse(c, SLICE("the body is not JSON"));
        return;
    }
    switch (c->kind) {
    case MOCK_ASR:
        wait_for(c, o->asr_ms);
        break;
    case MOCK_LLM:
        c->is_streaming = json_get_bool(j, "stream", false);
        c->text = slice_of(o->llm_text);
        wait_for(c, o->llm_first_ms);
        break;
    default: {
        struct slice input = json_get_text(j, "input");
        if (!read_format(&c->format, json_get_text(j, "response_format"))) {
            refuse(c, SLICE("this mock speaks pcm, wav and opus"));
            return;
        }
        size_t ms = input.len * o->tts_ms_per_char;
        ms = MIN(MAX(ms, 300), MOCK_SPEECH_MS_MAX);
        c->total_ms = (ms + TTS_PIECE_MS - 1) / TTS_PIECE_MS * TTS_PIECE_MS;
        wait_for(c, o->tts_first_ms);
    }
    }
}

static void respond_stats(struct mock_server *m, struct http_req *r)
{
    auto_buf struct buf body = {0};
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    static const char *const names[MOCK_KINDS] = {"asr", "llm", "tts"};
    for (int k = 0; k < MOCK_KINDS; k++) {
        jw_object_as(&w, names[k]);
        jw_i64(&w, "requests", (int64_t)m->stats.requests[k]);
        jw_i64(&w, "gone", (int64_t)m->stats.gone[k]);
        jw_end(&w);
    }
    const struct histogram *late = &m->stats.late;
    jw_object_as(&w, "late");
    jw_i64(&w, "count", (int64_t)late->count);
    jw_f64(&w, "p50_ms", (double)histogram_at(late, 0.5) / 1000);
    jw_f64(&w, "p99_ms", (double)histogram_at(late, 0.99) / 1000);
    jw_f64(&w, "max_ms", (double)late->max / 1000);
    jw_end(&w);
    jw_i64(&w, "bytes_in", (int64_t)m->stats.bytes_in);
    jw_i64(&w, "bytes_out", (int64_t)m->stats.bytes_out);
    jw_end(&w);
    http_respond(r,
                 &(struct http_reply){.status = 200, .type = "application/json", .body = buf_slice(&body)});
}

static void on_request(void *user, struct http_req *r)
{
    struct mock_server *m = user;
    static const struct {
        const char *tail;
        enum mock_kind kind;
    } rows[] = {
        {"/audio/transcriptions", MOCK_ASR},
        {"/chat/completions", MOCK_LLM},
        {"/audio/speech", MOCK_TTS},
    };
    struct slice path = http_path(r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (http_method(r) != HTTP_POST || !slice_ends(path, slice_of(rows[i].tail)))
            continue;
        struct call *c = xnew(struct call);
        c->mock = m;
        c->req = r;
        c->kind = rows[i].kind;
        ogg_writer_init(&c->ogg, 1, MOCK_RATE_HZ);
        list_push(&m->calls, &c->node);
        m->stats.requests[c->kind]++;
        http_on_gone(r, on_gone, c);
        http_read_body(r, MOCK_BODY_MAX, on_body, c);
        return;
    }
    if (slice_ends(path, SLICE("/models")))
        http_respond(
            r, &(struct http_reply){
                   .status = 200,
                   .type = "application/json",
                   .body = SLICE("{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\"}]}")});
    else if (slice_is(path, "/stats"))
        respond_stats(m, r);
    else
        http_respond_text(r, 404,
                          "this mock has .../audio/transcriptions, .../chat/completions, .../audio/speech\n");
}

/* A hum of 140 Hz with moving formants, cut into syllables: costs an encoder what speech costs. */
int16_t *mock_voice_make(size_t *count)
{
    *count = (size_t)VOICE_MS * (MOCK_RATE_HZ / 1000);
    int16_t *out = xalloc(*count * sizeof(*out));
    for (size_t i = 0; i < *count; i++) {
        double t = (double)i / MOCK_RATE_HZ, sum = 0;
        double formant_hz = 500 + 300 * sin(2 * M_PI * 1.3 * t),
               second_hz = 1500 + 600 * sin(2 * M_PI * 0.7 * t);
        for (int h = 1; h <= 24; h++) {
            double hz = 140.0 * h;
            double near = exp(-pow((hz - formant_hz) / 200, 2)) + 0.5 * exp(-pow((hz - second_hz) / 300, 2));
            sum += near * sin(2 * M_PI * hz * t);
        }
        double syllable = pow(fabs(sin(M_PI * 3.2 * t)), 0.6);
        out[i] = (int16_t)(6000 * sum * syllable / 2.5);
    }
    return out;
}

static enum err encode_voice(struct mock_server *m)
{
    struct encoder *e = NULL;
    enum err err = encoder_create(
        &e, &(struct encoder_opts){.rate_hz = MOCK_RATE_HZ, .frame_us = m->opts.opus_ms * 1000, .complexity = -1});
    packets_init(&m->packets, 4u << 20);
    if (err)
        return err;
    size_t n = encoder_samples(e);
    for (size_t at = 0; at + n <= m->voice.count && !err; at += n) {
        struct slice packet;
        err = encoder_frame(e, (struct pcm){m->voice.samples + at, n}, &packet);
        if (!err)
            err = packets_put(&m->packets, packet, m->opts.opus_ms * 1000);
    }
    encoder_free(e);
    return packets_count(&m->packets) ? err : ERR_INVALID;
}

enum err mock_server_open(struct mock_server **out, struct loop *l, const struct mock_opts *o)
{
    struct mock_server *m = xnew(struct mock_server);
    m->loop = l;
    m->opts = *o;
    m->opts.asr_text = o->asr_text ? o->asr_text : "what time is it";
    m->opts.llm_text = o->llm_text ? o->llm_text : llm_text_default;
    m->opts.tts_ms_per_char = o->tts_ms_per_char ? o->tts_ms_per_char : 60;
    m->opts.opus_ms = o->opus_ms ? o->opus_ms : OPUS_MS;
    m->voice = o->voice;
    list_init(&m->calls);
    if (!m->voice.count) {
        m->voice_own = mock_voice_make(&m->voice.count);
        m->voice.samples = m->voice_own;
    }
    static const struct http_server_events events = {.on_request = on_request};
    enum err e = encode_voice(m);
    if (!e)
        e = http_server_open(&m->server, l,
                             &(struct http_server_opts){.listen = {.host = o->host ? o->host : "127.0.0.1",
                                                                   .port = o->port,
                                                                   .write_max_bytes = MOCK_BODY_MAX},
                                                        .body_max_bytes = MOCK_BODY_MAX},
                             &events, m);
    if (e) {
        mock_server_close(m);
        return e;
    }
    *out = m;
    return OK;
}

uint16_t mock_server_port(const struct mock_server *m)
{
    return http_server_port(m->server);
}

const struct mock_stats *mock_server_stats(const struct mock_server *m)
{
    return &m->stats;
}

void mock_server_close(struct mock_server *m)
{
    if (!m)
        return;
    list_each(&m->calls, n) call_close(container_of(n, struct call, node));
    if (m->server)
        http_server_close(m->server);
    packets_done(&m->packets);
    mem_free(m->voice_own);
    mem_free(m);
}
