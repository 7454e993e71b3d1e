/* SPDX-License-Identifier: MIT
 * device.c -- the state machine of a simulated device. */
#include "cli/device.h"

#include "audio/packet.h"
#include "base/mem.h"
#include "cli/device_mcp.h"
#include "http/ws.h"
#include "loop/timer.h"
#include "protocol/msg.h"

#define JSON_MAX_BYTES 8192      /* what a device can parse */
#define HELLO_TIMEOUT_MS 10000
#define TEXT_MAX_BYTES (256 * 1024)

struct device {
    struct loop *loop;
    struct ws *ws;
    const struct device_events *on;
    void *user;
    enum device_state state;
    enum framing framing;
    enum msg_listen_mode mode;
    uint32_t rate_hz, frame_ms;
    bool is_pcm, has_mcp, has_aec, is_scripted;
    bool is_wanting_listen;      /* listen start follows when what is queued has been played */
    struct hello_answer hello;
    struct speaker speaker;
    struct device_mcp mcp;
    device_mic_fn *mic;
    void *mic_user;
    uint64_t mic_due_us;
    struct timer mic_timer, drain_timer, hello_timer;
    struct grave grave;
    uint8_t violations[VIOLATIONS];
    bool is_closed;
};

static void violate(struct device *d, enum violation v, const char *detail)
{
    if (d->violations[v] < UINT8_MAX)
        d->violations[v]++;
    if (d->on->on_violation)
        d->on->on_violation(d->user, v, detail);
}

static void on_speaker_violation(void *user, enum violation v)
{
    violate(user, v, "");
}

/* --- sending ---------------------------------------------------------------------------------------- */

enum err device_send_text(struct device *d, struct slice text)
{
    return d->ws ? ws_send_text(d->ws, text) : ERR_CLOSED;
}

enum err device_send_binary(struct device *d, struct slice bytes)
{
    return d->ws ? ws_send_binary(d->ws, (struct slice){ 0 }, bytes) : ERR_CLOSED;
}

enum err device_send_packet(struct device *d, struct slice packet, uint32_t timestamp_ms)
{
    uint8_t header[FRAMING_HEADER_MAX_BYTES];
    if (!d->ws)
        return ERR_CLOSED;
    size_t bytes = framing_encode(d->framing, header, packet.len, timestamp_ms);
    return ws_send_binary(d->ws, slice_from(header, bytes), packet);
}

static void send_built(struct device *d, struct buf *text)
{
    (void)!device_send_text(d, buf_slice(text));
}

/* --- microphone --------------------------------------------------------------------------------------- */

static bool is_mic_open(const struct device *d)
{
    return d->state == DEVICE_LISTENING ? !d->is_wanting_listen
                                        : d->state == DEVICE_SPEAKING && d->mode == MSG_LISTEN_REALTIME;
}

static void mic_tick(void *arg);

static void mic_schedule(struct device *d)
{
    uint64_t now_us = loop_now_us(d->loop);
    uint64_t wait_us = d->mic_due_us > now_us ? d->mic_due_us - now_us : 0;
    timer_start(&d->mic_timer, d->loop, (wait_us + 999) / 1000, mic_tick, d);
}

static void mic_tick(void *arg)
{
    struct device *d = arg;
    struct slice packet;
    if (!is_mic_open(d) || !d->mic)
        return;
    if (d->mic(d->mic_user, &packet))
        (void)!device_send_packet(d, packet, 0);
    if (d->is_closed)
        return;
    d->mic_due_us += d->frame_ms * 1000ull;
    mic_schedule(d);
}

static void mic_start(struct device *d)
{
    if (!d->mic || !is_mic_open(d) || timer_armed(&d->mic_timer))
        return;
    d->mic_due_us = loop_now_us(d->loop);
    mic_schedule(d);
}

void device_mic(struct device *d, device_mic_fn *next, void *user)
{
    d->mic = next;
    d->mic_user = user;
    mic_start(d);
}

/* --- states ------------------------------------------------------------------------------------------- */

static void enter(struct device *d, enum device_state to)
{
    enum device_state from = d->state;
    if (from == to)
        return;
    d->state = to;
    if (!is_mic_open(d))
        timer_stop(&d->mic_timer);
    else
        mic_start(d);
    if (d->on->on_state)
        d->on->on_state(d->user, from, to);
}

static void send_listen_start(struct device *d)
{
    auto_buf struct buf out = { 0 };
    msg_listen_start(&out, d->hello.session_id, d->mode);
    send_built(d, &out);
    d->is_wanting_listen = false;
    mic_start(d);
}

static void on_drained(void *arg)
{
    send_listen_start(arg);
}

/* In auto mode queued audio plays out before the microphone opens (since 2.2.2). */
static void listen_when_drained(struct device *d)
{
    uint64_t left_us = speaker_left_us(&d->speaker, loop_now_us(d->loop));
    if (left_us == 0 || d->mode != MSG_LISTEN_AUTO) {
        send_listen_start(d);
        return;
    }
    d->is_wanting_listen = true;
    timer_start(&d->drain_timer, d->loop, (left_us + 999) / 1000, on_drained, d);
}

void device_listen(struct device *d)
{
    if (d->state != DEVICE_IDLE && d->state != DEVICE_LISTENING)
        return;
    send_listen_start(d);
    enter(d, DEVICE_LISTENING);
}

void device_listen_stop(struct device *d)
{
    auto_buf struct buf out = { 0 };
    msg_listen_stop(&out, d->hello.session_id);
    send_built(d, &out);
    if (d->state == DEVICE_LISTENING)
        enter(d, DEVICE_IDLE);
}

static void send_detect(struct device *d, struct slice text)
{
    auto_buf struct buf out = { 0 };
    msg_listen_detect(&out, d->hello.session_id, text);
    send_built(d, &out);
}

void device_type(struct device *d, struct slice text)
{
    if (d->state == DEVICE_SPEAKING)
        device_abort(d, false);
    send_detect(d, text);
}

void device_abort(struct device *d, bool by_wake_word)
{
    auto_buf struct buf out = { 0 };
    msg_abort(&out, d->hello.session_id, by_wake_word ? "wake_word_detected" : NULL);
    send_built(d, &out);
    speaker_abort(&d->speaker);
    if (!by_wake_word)
        return; /* the button: speaking until the server says stop */
    if (d->mode != MSG_LISTEN_AUTO)
        speaker_flush(&d->speaker);
    listen_when_drained(d);
    enter(d, DEVICE_LISTENING);
}

/* --- what the server says -------------------------------------------------------------------------------- */

static void take_hello(struct device *d, const struct json *m)
{
    const char *why = NULL;
    if (d->hello.session_id[0] && !d->is_scripted)
        violate(d, VIOLATION_second_hello, "");
    if (hello_read_answer(&d->hello, m, &why)) {
        violate(d, VIOLATION_bad_hello, why);
        return;
    }
    timer_stop(&d->hello_timer);
    speaker_format(&d->speaker, d->hello.frame_ms * 1000);
    if (d->state == DEVICE_CONNECTING)
        enter(d, DEVICE_IDLE);
    if (!d->is_closed && d->on->on_ready)
        d->on->on_ready(d->user, &d->hello);
}

static void tts_started(struct device *d)
{
    timer_stop(&d->drain_timer);
    d->is_wanting_listen = false;
    speaker_start(&d->speaker, loop_now_us(d->loop));
    enter(d, DEVICE_SPEAKING);
}

static void tts_stopped(struct device *d)
{
    speaker_stop(&d->speaker, loop_now_us(d->loop));
    if (d->state != DEVICE_SPEAKING)
        return; /* a wake word was quicker */
    if (d->mode == MSG_LISTEN_MANUAL || d->is_scripted) {
        enter(d, DEVICE_IDLE);
        return;
    }
    if (d->mode == MSG_LISTEN_AUTO)
        listen_when_drained(d);
    enter(d, DEVICE_LISTENING);
}

static void take_tts(struct device *d, const struct json *m)
{
    struct slice state = json_get_text(m, "state");
    if (slice_is(state, "start"))
        tts_started(d);
    else if (slice_is(state, "stop"))
        tts_stopped(d);
    else if (slice_is(state, "sentence_start"))
        speaker_sentence(&d->speaker);
    else if (!slice_is(state, "sentence_end"))
        violate(d, VIOLATION_no_state, "");
}

static void take_alert(struct device *d, const struct json *m)
{
    static const char *const fields[] = { "status", "message", "emotion" };
    for (size_t i = 0; i < COUNT(fields); i++)
        if (!json_is(json_get(m, fields[i]), JSON_STRING))
            violate(d, VIOLATION_bad_alert, fields[i]);
}

static void take_mcp(struct device *d, const struct json *m)
{
    auto_buf struct buf answer = { 0 }, out = { 0 };
    if (d->is_scripted)
        return;
    if (!d->has_mcp)
        violate(d, VIOLATION_surprise_mcp, "");
    enum err e = device_mcp_answer(&d->mcp, json_get(m, "payload"), &answer);
    if (e)
        violate(d, VIOLATION_bad_mcp, "");
    if (e || answer.len == 0)
        return;
    msg_mcp(&out, d->hello.session_id, buf_slice(&answer));
    send_built(d, &out);
}

static const struct {
    const char *type;
    void (*take)(struct device *d, const struct json *m);
} takers[] = {
    { "hello", take_hello },
    { "tts", take_tts },
    { "alert", take_alert },
    { "mcp", take_mcp },
};

static void take_message(struct device *d, const struct json *m)
{
    struct slice type = json_get_text(m, "type");
    if (type.len == 0)
        violate(d, VIOLATION_no_type, "");
    for (size_t i = 0; i < COUNT(takers); i++)
        if (slice_is(type, takers[i].type))
            takers[i].take(d, m);
}

static void on_text(void *user, struct slice text)
{
    struct device *d = user;
    auto_json struct json *root = NULL;
    if (text.len >= JSON_MAX_BYTES)
        violate(d, VIOLATION_too_big, "");
    if (json_parse(&root, text, NULL) || !json_is(root, JSON_OBJECT)) {
        violate(d, VIOLATION_bad_json, "");
        return;
    }
    take_message(d, root);
    if (!d->is_closed && d->on->on_text)
        d->on->on_text(d->user, root, text);
}

static uint32_t packet_us(const struct device *d, struct slice packet)
{
    if (!d->hello.is_pcm)
        return packet_duration_us(packet);
    return d->hello.rate_hz ? (uint32_t)((uint64_t)packet.len / 2 * 1000000 / d->hello.rate_hz) : 0;
}

static void on_binary(void *user, struct slice data)
{
    struct device *d = user;
    struct audio_frame f;
    if (framing_decode(&f, d->framing, data) || framing_header_bytes(d->framing) + f.packet.len != data.len) {
        violate(d, VIOLATION_bad_framing, "");
        return;
    }
    bool is_leftover = d->state == DEVICE_LISTENING && d->speaker.is_started; /* after a wake word: no fault */
    bool is_played = !is_leftover &&
                     speaker_packet(&d->speaker, loop_now_us(d->loop), packet_us(d, f.packet),
                                    d->framing == FRAMING_V2 ? &f.timestamp_ms : NULL);
    if (d->on->on_packet)
        d->on->on_packet(d->user, f.packet, is_played);
}

/* --- opening and closing --------------------------------------------------------------------------------- */

static void on_hello_timeout(void *arg)
{
    struct device *d = arg;
    violate(d, VIOLATION_bad_hello, "no hello within 10 s");
}

static void on_open(void *user)
{
    struct device *d = user;
    if (d->on->on_open)
        d->on->on_open(d->user);
    if (d->is_closed || d->is_scripted)
        return;
    auto_buf struct buf out = { 0 };
    hello_write_request(&out, &(struct hello_request){
                                  .version = d->framing, .is_pcm = d->is_pcm, .has_mcp = d->has_mcp,
                                  .has_aec = d->has_aec, .rate_hz = d->rate_hz, .frame_ms = d->frame_ms });
    send_built(d, &out);
    timer_start(&d->hello_timer, d->loop, HELLO_TIMEOUT_MS, on_hello_timeout, d);
}

static void stop_timers(struct device *d)
{
    timer_stop(&d->mic_timer);
    timer_stop(&d->drain_timer);
    timer_stop(&d->hello_timer);
}

static void on_ws_close(void *user, int code, struct slice reason, int http_status)
{
    struct device *d = user;
    d->ws = NULL;
    stop_timers(d);
    speaker_end(&d->speaker);
    enter(d, DEVICE_CLOSED);
    if (!d->is_closed && d->on->on_close)
        d->on->on_close(d->user, code, reason, http_status);
}

static const struct ws_events ws_events = {
    .on_open = on_open,
    .on_text = on_text,
    .on_binary = on_binary,
    .on_close = on_ws_close,
};

enum err device_open(struct device **out, const struct device_opts *o)
{
    struct device *d = xnew(struct device);
    d->loop = o->loop;
    d->on = o->on;
    d->user = o->user;
    d->framing = o->framing;
    d->mode = o->mode;
    d->rate_hz = o->rate_hz ? o->rate_hz : 16000;
    d->frame_ms = o->frame_ms ? o->frame_ms : 60;
    d->is_pcm = o->is_pcm;
    d->has_mcp = o->has_mcp;
    d->has_aec = o->has_aec;
    d->is_scripted = o->is_scripted;
    speaker_init(&d->speaker, on_speaker_violation, d);
    device_mcp_init(&d->mcp);

    auto_buf struct buf bearer = { 0 };
    struct http_header headers[4]; /* the order firmware sends them in */
    unsigned n = 0;
    char version[2] = { (char)('0' + d->framing), '\0' };
    if (o->token && o->token[0]) {
        buf_printf(&bearer, "%s%s", strchr(o->token, ' ') ? "" : "Bearer ", o->token);
        headers[n++] = (struct http_header){ "Authorization", buf_slice(&bearer) };
    }
    if (o->client_id)
        headers[n++] = (struct http_header){ "Client-Id", slice_of(o->client_id) };
    if (o->device_id)
        headers[n++] = (struct http_header){ "Device-Id", slice_of(o->device_id) };
    headers[n++] = (struct http_header){ "Protocol-Version", slice_of(version) };

    struct ws_connect_opts connect = { .url = o->url, .headers = headers, .header_count = n, .tls = o->tls,
                                       .ws = { .text_max_bytes = TEXT_MAX_BYTES } };
    enum err e = ws_connect(&d->ws, d->loop, &connect, &ws_events, d);
    if (e) {
        mem_free(d);
        return e;
    }
    *out = d;
    return OK;
}

static void bury(void *arg)
{
    mem_free(arg);
}

void device_close(struct device *d)
{
    if (!d || d->is_closed)
        return;
    d->is_closed = true;
    stop_timers(d);
    if (d->ws)
        ws_drop(d->ws);
    d->ws = NULL;
    loop_later(d->loop, &d->grave, bury, d);
}

enum device_state device_state(const struct device *d)
{
    return d->state;
}

const char *device_session(const struct device *d)
{
    return d->hello.session_id;
}

const struct hello_answer *device_hello(const struct device *d)
{
    return &d->hello;
}

const struct speaker *device_speaker(const struct device *d)
{
    return &d->speaker;
}

unsigned device_violations(const struct device *d, enum violation v)
{
    return d->violations[v];
}
