/* SPDX-License-Identifier: MIT
 * mock_speech.c -- requests in, an answer built whole, then given as the mode says. */
#include "tests/support/mock_speech.h"

#include <strings.h>

#include <stdio.h>
#include <stdlib.h>

#include "audio/ogg.h"
#include "audio/wav.h"
#include "base/json.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "net/conn.h"
#include "protocol/wyoming.h"

enum { LINKS_MAX = 32, DRIP_MS = 10000, SPEECH_MS = 200, SPEECH_MS_MAX = 20000, PCM_SAMPLES_PER_MS = 24 };

struct link {
    struct mock *mock;
    struct conn *conn;
    struct timer drip;
    struct buf in, out;
    struct wyoming wyoming;
    uint64_t heard;
    size_t dripped;
    bool is_wyoming;
};

struct mock {
    struct loop *loop;
    struct listener *listener;
    struct link *links[LINKS_MAX];
    enum mock_mode mode;
    size_t cut_bytes, answer_bytes;
    unsigned requests, speech_ms;
    const char *text;
    struct buf request;
};

static void link_drop(struct link *k)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (k->mock->links[i] == k)
            k->mock->links[i] = NULL;
    }
    timer_stop(&k->drip);
    conn_close(k->conn);
    buf_done(&k->in);
    buf_done(&k->out);
    wyoming_done(&k->wyoming);
    mem_free(k);
}

static void on_drip(void *arg)
{
    struct link *k = arg;
    if (k->dripped < k->out.len) {
        (void)conn_write(k->conn, slice_from(k->out.data + k->dripped++, 1));
        timer_start(&k->drip, k->mock->loop, DRIP_MS, on_drip, k);
    }
}

/* Gives k->out as the mode wants. True: the link is gone. */
static bool give(struct link *k)
{
    struct mock *m = k->mock;
    m->answer_bytes = k->out.len;
    size_t len = k->out.len;
    if (m->mode == MOCK_DRIP) {
        k->dripped = 0;
        on_drip(k);
        return false;
    }
    if (m->mode == MOCK_STALL)
        len /= 2;
    if (m->mode == MOCK_CUT)
        len = MIN(len, m->cut_bytes);
    (void)conn_write(k->conn, slice_from(k->out.data, len));
    buf_clear(&k->out);
    if (m->mode != MOCK_CUT)
        return false;
    conn_close_soft(take_ptr(&k->conn), 1000);
    link_drop(k);
    return true;
}

/* ---- HTTP ---- */

static void put_head(struct buf *out, const char *status, const char *type, size_t len)
{
    buf_printf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, type, len);
}

static void put_chunk(struct buf *out, struct slice text)
{
    struct jw w;
    buf_puts(out, "data: ");
    jw_init(&w, out);
    jw_object(&w);
    jw_array_as(&w, "choices");
    jw_object(&w);
    jw_object_as(&w, "delta");
    jw_str(&w, "content", text);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    buf_puts(out, "\n\n");
}

static void put_chat(struct mock *m, struct buf *body)
{
    struct slice text = slice_of(m->text);
    size_t half = text.len / 2;
    if (m->mode == MOCK_PLAIN) {
        struct jw w;
        jw_init(&w, body);
        jw_object(&w);
        jw_array_as(&w, "choices");
        jw_object(&w);
        jw_object_as(&w, "message");
        jw_str(&w, "content", text);
        jw_end(&w);
        jw_cstr(&w, "finish_reason", "stop");
        jw_end(&w);
        jw_end(&w);
        jw_end(&w);
        return;
    }
    put_chunk(body, slice_sub(text, 0, half));
    if (m->mode == MOCK_MID_ERROR) {
        buf_puts(body, "data: {\"error\":{\"message\":\"the model fell over\"}}\n\n");
        return;
    }
    put_chunk(body, slice_sub(text, half, text.len));
    buf_puts(body, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
                   "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n");
}

static void put_speech(struct mock *m, struct buf *body, const char **type)
{
    size_t count = (size_t)m->speech_ms * PCM_SAMPLES_PER_MS;
    auto_mem int16_t *samples = xalloc(count * sizeof(*samples));
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(i % 100 * 50);
    struct pcm pcm = { samples, count };
    if (slice_contains(buf_slice(&m->request), SLICE("\"opus\""))) {
        struct ogg_writer w;
        ogg_writer_init(&w, 1, 24000);
        for (unsigned ms = 0; ms < m->speech_ms; ms += 20)
            (void)!ogg_put(&w, SLICE("\xf8\xff\xfe"), 20000, body);
        (void)!ogg_finish(&w, body);
        ogg_writer_done(&w);
        *type = "audio/ogg";
    } else if (slice_contains(buf_slice(&m->request), SLICE("\"wav\""))) {
        (void)!wav_write(body, pcm, 24000);
        *type = "audio/wav";
    } else {
        buf_put(body, slice_from(samples, count * sizeof(*samples)));
        *type = "audio/pcm";
    }
}

/* Services like to say which key was wrong. */
static void put_refusal(struct buf *out, struct slice request)
{
    struct slice rest = request, key = SLICE("none");

    while (rest.len) {
        struct slice line = slice_cut(&rest, '\n');
        if (line.len > 22 && strncasecmp(line.data, "Authorization: Bearer ", 22) == 0)
            key = slice_trim(slice_sub(line, 22, line.len));
    }
    buf_printf(out, "{\"error\":{\"message\":\"Incorrect API key provided: " SLICE_FMT "\"}}", SLICE_ARG(key));
}

static void put_body(struct mock *m, struct buf *body, const char **status, const char **type)
{
    struct slice request = buf_slice(&m->request);
    *status = "200 OK";
    *type = "application/json";
    switch (m->mode) {
    case MOCK_500:
        *status = "500 Internal Server Error";
        buf_puts(body, "{\"error\":{\"message\":\"out of order\"}}");
        return;
    case MOCK_401:
        *status = "401 Unauthorized";
        put_refusal(body, request);
        return;
    case MOCK_HTML:
        *type = "text/html";
        buf_puts(body, "<html><body><h1>Welcome to the proxy</h1></body></html>");
        return;
    case MOCK_HALF_JSON:
        buf_puts(body, "{\"choices\":[{\"mess");
        return;
    default:
        break;
    }
    if (slice_contains(request, SLICE("/chat/completions "))) {
        *type = m->mode == MOCK_PLAIN ? "application/json" : "text/event-stream";
        put_chat(m, body);
    } else if (slice_contains(request, SLICE("/audio/speech "))) {
        put_speech(m, body, type);
    } else {
        struct jw w;
        jw_init(&w, body);
        jw_object(&w);
        jw_str(&w, "text", slice_of(m->text));
        jw_end(&w);
    }
}

/* True: the link is gone. */
static bool answer_http(struct link *k)
{
    struct mock *m = k->mock;
    auto_buf struct buf body = { 0 };
    const char *status, *type;
    m->requests++;
    if (m->mode == MOCK_HANG)
        return false;
    put_body(m, &body, &status, &type);
    bool is_audio = strncmp(type, "audio", 5) == 0;
    put_head(&k->out, status, type, body.len);
    if (m->mode == MOCK_MID_ERROR && is_audio) { /* HTTP has no other way: the body ends early */
        buf_put(&k->out, slice_sub(buf_slice(&body), 0, body.len / 2));
        (void)conn_write(k->conn, buf_slice(&k->out));
        conn_close_soft(take_ptr(&k->conn), 1000);
        link_drop(k);
        return true;
    }
    buf_put(&k->out, buf_slice(&body));
    return give(k);
}

/* A whole request at the front of k->in? Its length, or 0. */
static size_t request_bytes(struct link *k)
{
    const char *end = k->in.data ? strstr(k->in.data, "\r\n\r\n") : NULL;
    if (!end)
        return 0;
    const char *length = strcasestr(k->in.data, "\r\nContent-Length:");
    const char *expect = strcasestr(k->in.data, "\r\nExpect: 100");
    size_t head = (size_t)(end - k->in.data) + 4;
    size_t body = length && length < end ? (size_t)strtoul(length + 17, NULL, 10) : 0;
    if (expect && expect < end && k->in.len == head)
        (void)conn_write(k->conn, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    return k->in.len >= head + body ? head + body : 0;
}

/* ---- Wyoming ---- */

static void put_voice(struct link *k)
{
    int16_t samples[800] = { 0 }; /* 50 ms */
    unsigned pieces = k->mock->speech_ms / 50;
    wyoming_audio_start(&k->out, 16000);
    for (unsigned i = 0; i < pieces; i++) {
        if (i == pieces / 2 && k->mock->mode == MOCK_MID_ERROR) {
            wyoming_error(&k->out, SLICE("the voice broke"));
            return;
        }
        wyoming_audio_chunk(&k->out, 16000, (struct pcm){ samples, COUNT(samples) });
    }
    wyoming_audio_stop(&k->out);
}

/* True: the link is gone. */
static bool answer_wyoming(struct link *k, const struct wyoming_event *e)
{
    struct mock *m = k->mock;
    bool is_voice = slice_is(e->type, "synthesize"), is_end = slice_is(e->type, "audio-stop");
    if (slice_is(e->type, "audio-chunk"))
        k->heard += e->payload.len / 2;
    if (!is_voice && !is_end)
        return false;
    m->requests++;
    buf_clear(&m->request);
    buf_put(&m->request, wyoming_text(e, "text"));
    if (m->mode == MOCK_HANG)
        return false;
    if (m->mode == MOCK_500 || m->mode == MOCK_401 || (m->mode == MOCK_MID_ERROR && is_end))
        wyoming_error(&k->out, SLICE("out of order"));
    else if (m->mode == MOCK_HTML)
        buf_puts(&k->out, "<html>\n");
    else if (m->mode == MOCK_HALF_JSON)
        buf_puts(&k->out, "{\"type\":\"tran\n");
    else if (is_voice)
        put_voice(k);
    else
        wyoming_transcript(&k->out, slice_of(k->heard ? m->text : ""), SLICE(""));
    return give(k);
}

/* ---- connections ---- */

static void on_data(void *user, struct slice data)
{
    struct link *k = user;
    struct mock *m = k->mock;
    struct wyoming_event e;
    if (!k->in.len && !k->is_wyoming && data.data[0] == '{')
        k->is_wyoming = true;
    if (k->is_wyoming) {
        wyoming_feed(&k->wyoming, data);
        while (wyoming_next(&k->wyoming, &e)) {
            if (answer_wyoming(k, &e))
                return;
        }
        return;
    }
    buf_put(&k->in, data);
    for (size_t bytes; (bytes = request_bytes(k)) != 0;) {
        buf_clear(&m->request);
        buf_put(&m->request, slice_from(k->in.data, bytes));
        buf_eat(&k->in, bytes);
        if (answer_http(k))
            return;
    }
}

static void on_close(void *user, enum err why)
{
    struct link *k = user;
    k->conn = NULL;
    link_drop(k);
}

static void on_accept(void *user, struct conn *c)
{
    static const struct conn_events events = { .on_data = on_data, .on_close = on_close };
    struct mock *m = user;
    size_t i = 0;
    while (i < LINKS_MAX && m->links[i])
        i++;
    if (m->mode == MOCK_REFUSE || i == LINKS_MAX) {
        conn_close(c);
        return;
    }
    struct link *k = xnew(struct link);
    k->mock = m;
    k->conn = c;
    m->links[i] = k;
    conn_listen_events(c, &events, k);
}

struct mock *mock_open(struct loop *l)
{
    struct mock *m = xnew(struct mock);
    m->loop = l;
    m->text = "Hello from the mock.";
    m->speech_ms = SPEECH_MS;
    if (listener_open(&m->listener, l, &(struct listener_opts){ .host = "127.0.0.1" }, on_accept, m))
        abort();
    return m;
}

void mock_close(struct mock *m)
{
    listener_close(m->listener);
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (m->links[i])
            link_drop(m->links[i]);
    }
    buf_done(&m->request);
    mem_free(m);
}

uint16_t mock_port(const struct mock *m)
{
    return listener_port(m->listener);
}

void mock_set(struct mock *m, enum mock_mode mode, size_t cut_bytes)
{
    m->mode = mode;
    m->cut_bytes = cut_bytes;
}

void mock_speech_ms(struct mock *m, unsigned ms)
{
    assert(ms <= SPEECH_MS_MAX);
    m->speech_ms = ms;
}

void mock_answer(struct mock *m, const char *text)
{
    m->text = text;
}

unsigned mock_requests(const struct mock *m)
{
    return m->requests;
}

size_t mock_answer_bytes(const struct mock *m)
{
    return m->answer_bytes;
}

struct slice mock_request(const struct mock *m)
{
    return buf_slice(&m->request);
}
