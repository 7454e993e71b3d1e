/* SPDX-License-Identifier: MIT
 * test_ws.c -- WebSockets over loopback: our server against raw bytes, our client against a raw
 * server, and both against each other. Time is moved by hand. */
#include "base/mem.h"
#include "http/ws.h"
#include "http/ws_codec.h"
#include "tests/support/test.h"
#include "tests/support/wire.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define UPGRADE                                                                    \
    "GET /xiaozhi/v1/ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n"

struct side {
    struct ws *ws; /* NULL: closed */
    struct buf heard;
    unsigned opens, pongs, drains, closes;
    int code, http_status;
    char reason[130];
    bool echoes, closes_on_text, drops_on_text;
};

struct world {
    struct loop *loop;
    struct http_server *server;
    struct ws_opts opts;
    struct side in, out; /* our server's end, our client's end */
    struct wire wire;
    unsigned disconnects;
    enum err accepted;
};

static void on_open(void *user)
{
    ((struct side *)user)->opens++;
}

static void on_text(void *user, struct slice text)
{
    struct side *s = user;
    (void)buf_put(&s->heard, text);
    (void)buf_puts(&s->heard, "|");
    if (s->echoes)
        assert_ok(ws_send_text(s->ws, text));
    if (s->closes_on_text)
        ws_close(take_ptr(&s->ws), WS_POLICY, SLICE("enough"), 1000);
    if (s->drops_on_text)
        ws_drop(take_ptr(&s->ws));
}

static void on_binary(void *user, struct slice data)
{
    struct side *s = user;
    (void)buf_printf(&s->heard, "<%zu>|", data.len);
    if (s->echoes)
        assert_ok(ws_send_binary(s->ws, slice_sub(data, 0, 1), slice_sub(data, 1, data.len)));
}

static void on_pong(void *user)
{
    ((struct side *)user)->pongs++;
}

static void on_drain(void *user)
{
    ((struct side *)user)->drains++;
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct side *s = user;
    s->closes++;
    s->code = code;
    s->http_status = http_status;
    snprintf(s->reason, sizeof(s->reason), SLICE_FMT, SLICE_ARG(reason));
    s->ws = NULL;
}

static const struct ws_events ws_events = { on_open, on_text, on_binary, on_pong, on_drain, on_close };

static void on_request(void *user, struct http_req *r)
{
    struct world *w = user;
    if (slice_is(http_path(r), "/busy"))
        http_respond_text(r, 503, "no");
    else if (http_wants_upgrade(r))
        w->accepted = ws_accept(&w->in.ws, r, &w->opts, &ws_events, &w->in);
    else
        http_respond_text(r, 200, "plain");
}

static void on_disconnect(void *user, const struct net_addr *peer)
{
    struct world *w = user;
    (void)peer;
    w->disconnects++;
}

static const struct http_server_events server_events = { on_request, NULL, on_disconnect };

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    const struct http_server_opts o = { .listen = { .host = "127.0.0.1" } };
    assert_ok(http_server_open(&w->server, w->loop, &o, &server_events, w));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    ws_drop(w->in.ws);
    ws_drop(w->out.ws);
    wire_close(&w->wire, w->loop);
    http_server_close(w->server);
    loop_advance(w->loop, 2000);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    buf_done(&w->in.heard);
    buf_done(&w->out.heard);
    mem_free(w);
    return 0;
}

static void upgrade_raw(struct world *w)
{
    wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
    wire_send(&w->wire, SLICE(UPGRADE "\r\n"));
    wire_until(w->loop, wire_has(&w->wire, "\r\n\r\n"));
    assert_ok(w->accepted);
    buf_clear(&w->wire.got);
}

static void send_raw(struct world *w, enum ws_opcode opcode, struct slice payload)
{
    static const uint8_t mask[4] = { 9, 8, 7, 6 };
    auto_buf struct buf frame = { 0 };
    uint8_t head[WS_HEAD_MAX];
    size_t head_len = ws_head(head, opcode, payload.len, mask);
    (void)buf_put(&frame, slice_from(head, head_len));
    (void)buf_put(&frame, payload);
    ws_mask(frame.data + head_len, payload.len, mask, 0);
    wire_send(&w->wire, buf_slice(&frame));
}

static void connect_both(struct world *w, const char *path)
{
    char url[100];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u%s", http_server_port(w->server), path);
    const struct http_header headers[] = { { "Device-Id", SLICE("aa:bb") } };
    const struct ws_connect_opts o = { .url = url, .headers = headers, .header_count = 1, .ws = w->opts };
    assert_ok(ws_connect(&w->out.ws, w->loop, &o, &ws_events, &w->out));
}

static void an_upgrade_is_answered_to_the_letter(void **state)
{
    struct world *w = *state;
    wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
    wire_send(&w->wire, SLICE(UPGRADE "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                      "Sec-WebSocket-Protocol: chat\r\n\r\n"));
    wire_until(w->loop, wire_has(&w->wire, "\r\n\r\n"));
    assert_slice_is(buf_slice(&w->wire.got), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                             "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n");
}

static void bad_upgrades_are_refused_before_they_happen(void **state)
{
    static const struct {
        const char *head, *answer;
    } rows[] = {
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY
          "\r\n\r\n", "HTTP/1.1 426 " },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
          "Sec-WebSocket-Key: " KEY "\r\n\r\n", "Sec-WebSocket-Version: 13\r\n" },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY
          "\r\n\r\n", "HTTP/1.1 400 " },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: " KEY "\r\n\r\n", "HTTP/1.1 400 " },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
          "HTTP/1.1 400 " },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: short\r\n\r\n", "HTTP/1.1 400 " },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: ????????????????????????\r\n\r\n", "HTTP/1.1 400 " },
        { "GET / HTTP/1.0\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: " KEY "\r\n\r\n", "HTTP/1.1 400 " },
        { UPGRADE "Content-Length: 3\r\n\r\nabc", "HTTP/1.1 400 " },
        { "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
          "plain" },
        { "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "plain" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = *state;
        wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
        wire_send(&w->wire, slice_of(rows[i].head));
        wire_until(w->loop, wire_has(&w->wire, rows[i].answer));
        assert_null(w->in.ws);
        wire_close(&w->wire, w->loop);
    }
}

static void liberal_spellings_are_upgraded(void **state)
{
    static const char *const rows[] = {
        "GET /?a HTTP/1.1\r\nhost: h\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: " KEY "\r\n\r\n",
        "GET / HTTP/1.1\r\nHOST: h\r\nUPGRADE: WEBSOCKET\r\nCONNECTION: Keep-Alive\r\nConnection:UPGRADE\r\n"
        "SEC-WEBSOCKET-VERSION: 13\r\nSEC-WEBSOCKET-KEY:" KEY "\r\nOrigin: null\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = *state;
        wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
        wire_send(&w->wire, slice_of(rows[i]));
        wire_until(w->loop, wire_has(&w->wire, ACCEPT));
        wire_close(&w->wire, w->loop);
        wire_until(w->loop, w->in.closes == i + 1);
    }
}

static void frames_sent_with_the_handshake_are_not_lost(void **state)
{
    struct world *w = *state;
    static const char all[] = UPGRADE "\r\n" "\x81\x82\x00\x00\x00\x00hi" "\x81\x83\x00\x00\x00\x00you";
    wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
    wire_send(&w->wire, slice_from(all, sizeof(all) - 1));
    wire_until(w->loop, w->in.heard.len == 7);
    assert_slice_is(buf_slice(&w->in.heard), "hi|you|");
}

static void a_client_that_just_vanishes_is_1006(void **state)
{
    struct world *w = *state;
    upgrade_raw(w);
    wire_close(&w->wire, w->loop);
    wire_until(w->loop, w->in.closes);
    assert_int_equal(w->in.code, 1006);
    assert_int_equal(w->in.closes, 1);
    wire_until(w->loop, w->disconnects == 1);
}

static void a_close_frame_is_echoed_and_the_connection_ends(void **state)
{
    struct world *w = *state;
    upgrade_raw(w);
    send_raw(w, WS_CLOSE, SLICE("\x0f\xa1" "bye"));
    wire_until(w->loop, w->wire.is_closed);
    assert_int_equal(w->in.code, 4001);
    assert_string_equal(w->in.reason, "bye");
    assert_int_equal(w->wire.got.len, 4);
    assert_memory_equal(w->wire.got.data, "\x88\x02\x0f\xa1", 4);
}

static void violations_are_closed_with_their_code(void **state)
{
    static const struct {
        struct slice bytes;
        int code;
    } rows[] = {
        { SLICE("\x81\x02hi"), 1002 },                                   /* not masked */
        { SLICE("\xc1\x80\x00\x00\x00\x00"), 1002 },
        { SLICE("\x83\x80\x00\x00\x00\x00"), 1002 },
        { SLICE("\x81\x82\x00\x00\x00\x00\xc0\xaf"), 1007 },
        { SLICE("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01"), 1009 },     /* 65537 bytes of text */
        { SLICE("\x82\xfe\x40\x01"), 0 },                                /* the mask is still missing */
        { SLICE("\x82\xfe\x40\x01\x00\x00\x00\x00"), 1009 },             /* 16385 bytes of binary */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = *state;
        unsigned before = w->in.closes;
        upgrade_raw(w);
        wire_send(&w->wire, rows[i].bytes);
        if (rows[i].code == 0) {
            loop_step(w->loop, 5);
            assert_int_equal(w->in.closes, before);
        } else if (rows[i].bytes.len == 10 && rows[i].code == 1009) {
            wire_send(&w->wire, SLICE("\x00\x00\x00\x00"));
        }
        if (rows[i].code) {
            wire_until(w->loop, w->wire.is_closed);
            assert_int_equal(w->in.code, rows[i].code);
            assert_memory_equal(w->wire.got.data, "\x88\x02", 2);
            assert_int_equal((uint8_t)w->wire.got.data[2] << 8 | (uint8_t)w->wire.got.data[3], rows[i].code);
        }
        wire_close(&w->wire, w->loop);
        wire_until(w->loop, w->in.closes == before + 1);
    }
}

static void pings_are_answered_and_none_are_sent_by_themselves(void **state)
{
    struct world *w = *state;
    upgrade_raw(w);
    loop_advance(w->loop, 3600 * 1000);
    assert_int_equal(w->wire.got.len, 0);
    send_raw(w, WS_PING, SLICE("are you there"));
    wire_until(w->loop, w->wire.got.len == 15);
    assert_memory_equal(w->wire.got.data, "\x8a\x0d" "are you there", 15);
    send_raw(w, WS_PONG, SLICE(""));
    wire_until(w->loop, w->in.pongs == 1);
}

static void pings_are_sent_when_they_are_asked_for(void **state)
{
    struct world *w = *state;
    w->opts.ping_seconds = 20;
    upgrade_raw(w);
    loop_advance(w->loop, 19999);
    assert_int_equal(w->wire.got.len, 0);
    loop_advance(w->loop, 20001);
    wire_until(w->loop, w->wire.got.len == 4);
    assert_memory_equal(w->wire.got.data, "\x89\x00\x89\x00", 4);
}

static void closing_sends_a_close_frame_and_ends_even_without_an_echo(void **state)
{
    struct world *w = *state;
    upgrade_raw(w);
    ws_close(take_ptr(&w->in.ws), WS_TAKEN_OVER, SLICE("other"), 1000);
    wire_until(w->loop, w->wire.is_closed); /* our end is there at once, without an echo */
    assert_memory_equal(w->wire.got.data, "\x88\x07\x0f\xa0other", 9);
    assert_int_equal(w->in.closes, 0);
    wire_until(w->loop, w->disconnects == 1);
}

static void closing_and_dropping_inside_an_event_is_safe(void **state)
{
    struct world *w = *state;
    upgrade_raw(w);
    w->in.closes_on_text = true;
    send_raw(w, WS_TEXT, SLICE("a"));
    send_raw(w, WS_TEXT, SLICE("b"));
    wire_until(w->loop, w->wire.is_closed);
    assert_slice_is(buf_slice(&w->in.heard), "a|");
    wire_close(&w->wire, w->loop);
    w->in.closes_on_text = false;
    w->in.drops_on_text = true;
    upgrade_raw(w);
    send_raw(w, WS_TEXT, SLICE("c"));
    wire_until(w->loop, w->wire.is_closed);
    assert_int_equal(w->in.closes, 0);
}

static void a_peer_that_does_not_read_fills_the_queue_to_its_limit(void **state)
{
    struct world *w = *state;
    static char block[16000];
    enum err e = OK;
    w->opts.write_max_bytes = 50000;
    upgrade_raw(w);
    conn_pause(w->wire.conn);
    for (int i = 0; i < 2000 && !e; i++)
        e = ws_send_binary(w->in.ws, SLICE("head"), slice_from(block, sizeof(block)));
    assert_int_equal(e, ERR_LIMIT);
    assert_in_range(ws_queued_bytes(w->in.ws), 1, 50000);
    conn_resume(w->wire.conn);
    wire_until(w->loop, w->in.drains == 1);
    assert_ok(ws_send_text(w->in.ws, SLICE("still here")));
    wire_until(w->loop, wire_has(&w->wire, "still here"));
}

static void websockets_live_on_when_the_server_closes(void **state)
{
    struct world *w = *state;
    upgrade_raw(w);
    http_server_close(take_ptr(&w->server));
    send_raw(w, WS_TEXT, SLICE("hi"));
    wire_until(w->loop, w->in.heard.len == 3);
    ws_close(take_ptr(&w->in.ws), WS_GOING_AWAY, SLICE(""), 1000);
    wire_until(w->loop, w->wire.is_closed);
    assert_int_equal(w->disconnects, 0);
}

static void both_sides_talk(void **state)
{
    static const size_t sizes[] = { 1, 2, 125, 126, 4096, 4097, 16384 };
    static char payload[16384];
    struct world *w = *state;
    w->in.echoes = true;
    connect_both(w, "/x?y=z");
    wire_until(w->loop, w->out.opens == 1);
    assert_ok(ws_send_text(w->out.ws, SLICE("\xe4\xbd\xa0\xe5\xa5\xbd")));
    assert_ok(ws_send_text(w->out.ws, SLICE("")));
    wire_until(w->loop, w->out.heard.len == 8);
    assert_slice_is(buf_slice(&w->out.heard), "\xe4\xbd\xa0\xe5\xa5\xbd||");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char wanted[16];
        buf_clear(&w->out.heard);
        snprintf(wanted, sizeof(wanted), "<%zu>|", sizes[i]);
        assert_ok(ws_send_binary(w->out.ws, slice_from(payload, 1), slice_from(payload, sizes[i] - 1)));
        wire_until(w->loop, w->out.heard.len == strlen(wanted));
        assert_slice_is(buf_slice(&w->out.heard), wanted);
    }
    assert_ok(ws_ping(w->out.ws));
    wire_until(w->loop, w->out.pongs == 1);
    ws_close(take_ptr(&w->out.ws), 1000, SLICE("done"), 1000);
    wire_until(w->loop, w->in.closes == 1);
    assert_int_equal(w->in.code, 1000);
    assert_string_equal(w->in.reason, "done");
}

static void a_refused_upgrade_tells_its_status(void **state)
{
    struct world *w = *state;
    connect_both(w, "/busy");
    assert_int_equal(ws_send_text(w->out.ws, SLICE("too early")), ERR_STATE);
    wire_until(w->loop, w->out.closes == 1);
    assert_int_equal(w->out.http_status, 503);
    assert_int_equal(w->out.code, 1006);
    assert_int_equal(w->out.opens, 0);
}

/* A raw server for our client: answers what the test says. */
struct raw_server {
    struct listener *listener;
    struct wire wire;
};

static void raw_accept(void *user, struct conn *c)
{
    struct raw_server *s = user;
    s->wire.conn = c;
    conn_listen_events(c, &wire_events, &s->wire);
}

static void raw_open(struct raw_server *s, struct world *w)
{
    assert_ok(listener_open(&s->listener, w->loop, &(struct listener_opts){ .host = "127.0.0.1" }, raw_accept, s));
}

static void raw_connect(struct raw_server *s, struct world *w)
{
    char url[60];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u", listener_port(s->listener));
    assert_ok(ws_connect(&w->out.ws, w->loop, &(struct ws_connect_opts){ .url = url }, &ws_events, &w->out));
    wire_until(w->loop, wire_has(&s->wire, "\r\n\r\n"));
    assert_true(wire_has(&s->wire, "GET / HTTP/1.1\r\nHost: 127.0.0.1:"));
}

/* The 101 for the key our client sent; then `more`. */
static void raw_reply(struct raw_server *s, struct buf *out, struct slice more)
{
    struct slice rest = buf_slice(&s->wire.got);
    const char *at = strstr(s->wire.got.data, "Sec-WebSocket-Key: ");
    char accept[29];
    assert_non_null(at);
    rest = slice_sub(rest, (size_t)(at - rest.data) + 19, 24);
    ws_accept_key(rest, accept);
    (void)buf_printf(out, "HTTP/1.1 101 OK\r\nupgrade: WebSocket\r\nconnection: upgrade\r\nsec-websocket-accept: %s"
                          "\r\n\r\n", accept);
    (void)buf_put(out, more);
}

static void the_answer_may_come_cut_at_every_byte(void **state)
{
    struct world *w = *state;
    struct raw_server s = { 0 };
    size_t total = 2;
    raw_open(&s, w);
    for (size_t cut = 1; cut < total; cut++) {
        auto_buf struct buf reply = { 0 };
        raw_connect(&s, w);
        raw_reply(&s, &reply, SLICE("\x81\x02hi"));
        total = reply.len;
        wire_send(&s.wire, slice_sub(buf_slice(&reply), 0, cut));
        loop_step(w->loop, 1);
        wire_send(&s.wire, slice_sub(buf_slice(&reply), cut, reply.len));
        wire_until(w->loop, w->out.heard.len == 3);
        assert_slice_is(buf_slice(&w->out.heard), "hi|");
        buf_clear(&w->out.heard);
        ws_drop(take_ptr(&w->out.ws));
        wire_until(w->loop, s.wire.is_closed);
        buf_done(&s.wire.got);
        s.wire = (struct wire){ 0 };
    }
    assert_true(total > 100);
    listener_close(s.listener);
}

static void a_server_that_ends_at_every_byte_is_1006(void **state)
{
    struct world *w = *state;
    struct raw_server s = { 0 };
    size_t total = 2;
    raw_open(&s, w);
    for (size_t cut = 0; cut < total; cut += 3) {
        auto_buf struct buf reply = { 0 };
        unsigned before = w->out.closes;
        raw_connect(&s, w);
        raw_reply(&s, &reply, SLICE("\x81\x02hi"));
        total = reply.len;
        wire_send(&s.wire, slice_sub(buf_slice(&reply), 0, cut));
        wire_close(&s.wire, w->loop);
        wire_until(w->loop, w->out.closes == before + 1);
        assert_int_equal(w->out.code, 1006);
        s.wire = (struct wire){ 0 };
    }
    listener_close(s.listener);
}

static void wrong_answers_are_refused(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
        "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
        "\x15\x03\x03\x00\x02\x02\x28",
        "<html>\r\n\r\n",
        "HTTP/1.1 101 OK\r\n folded\r\n\r\n",
    };
    struct world *w = *state;
    struct raw_server s = { 0 };
    raw_open(&s, w);
    for (unsigned i = 0; i < COUNT(rows); i++) {
        raw_connect(&s, w);
        wire_send(&s.wire, slice_of(rows[i]));
        if (i == 4)
            wire_close(&s.wire, w->loop);
        wire_until(w->loop, w->out.closes == i + 1);
        assert_int_equal(w->out.code, 1006);
        assert_int_equal(w->out.http_status, i == 2 ? 200 : i == 3 ? 302 : 0);
        assert_string_equal(w->out.reason, i == 2 || i == 3 ? "" : i == 4 ? err_text(ERR_CLOSED) : err_text(ERR_PROTO));
        wire_close(&s.wire, w->loop);
        s.wire = (struct wire){ 0 };
    }
    assert_int_equal(w->out.opens, 0);
    listener_close(s.listener);
}

static void an_answer_without_end_is_refused(void **state)
{
    struct world *w = *state;
    struct raw_server s = { 0 };
    raw_open(&s, w);
    raw_connect(&s, w);
    wire_send(&s.wire, SLICE("HTTP/1.1 101 OK\r\nX: "));
    for (int i = 0; i < 1000 && !w->out.closes; i++) {
        wire_send(&s.wire, SLICE("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"));
        loop_step(w->loop, 1);
    }
    assert_int_equal(w->out.closes, 1);
    wire_close(&s.wire, w->loop);
    listener_close(s.listener);
}

static void a_server_that_does_not_answer_times_out(void **state)
{
    struct world *w = *state;
    struct raw_server s = { 0 };
    raw_open(&s, w);
    raw_connect(&s, w);
    loop_advance(w->loop, 9999);
    assert_int_equal(w->out.closes, 0);
    loop_advance(w->loop, 1);
    assert_int_equal(w->out.closes, 1);
    assert_int_equal(w->out.code, 1006);
    assert_string_equal(w->out.reason, err_text(ERR_TIMEOUT));
    wire_close(&s.wire, w->loop);
    listener_close(s.listener);
}

static void addresses_that_are_none_are_refused(void **state)
{
    static const char *const rows[] = {
        "", "ws://", "ws:///path", "http://h/", "wss://h/", "ws://h:0/", "ws://h:65536/", "ws://h:x/", "ws://u@h/",
        "ws://h/a b", "ws://[::1/", "ws://[::1]x/", "ws://h/\r\nX: y", "h/", "ws://:80/",
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ws_connect_opts o = { .url = rows[i] };
        if (ws_connect(&w->out.ws, w->loop, &o, &ws_events, &w->out) != ERR_INVALID)
            fail_msg("%s", rows[i]);
    }
    const struct http_header evil = { "X", SLICE("a\r\nY: b") };
    const struct ws_connect_opts o = { .url = "ws://127.0.0.1:1/", .headers = &evil, .header_count = 1 };
    assert_int_equal(ws_connect(&w->out.ws, w->loop, &o, &ws_events, &w->out), ERR_INVALID);
}

static void hanging_up_while_connecting_is_safe(void **state)
{
    struct world *w = *state;
    for (int steps = 0; steps < 8; steps++) {
        connect_both(w, "/");
        for (int i = 0; i < steps; i++)
            loop_step(w->loop, 0);
        ws_close(take_ptr(&w->out.ws), 1000, SLICE(""), 1000);
        loop_advance(w->loop, 2000);
        if (w->in.ws)
            ws_drop(take_ptr(&w->in.ws));
    }
    assert_int_equal(w->out.closes, 0);
}

static void three_hundred_comings_and_goings_leave_nothing_behind(void **state)
{
    struct world *w = *state;
    size_t handles = loop_handles_open(w->loop);
    for (unsigned i = 0; i < 300; i++) {
        connect_both(w, "/");
        wire_until(w->loop, w->out.opens == i + 1);
        if (i % 3 == 0)
            ws_drop(take_ptr(&w->out.ws));
        else if (i % 3 == 1)
            ws_close(take_ptr(&w->out.ws), 1000, SLICE(""), 1000);
        else
            ws_close(take_ptr(&w->in.ws), 1000, SLICE(""), 1000);
        wire_until(w->loop, !w->in.ws && !w->out.ws);
    }
    wire_until(w->loop, w->disconnects == 300);
    loop_advance(w->loop, 1000);
    assert_int_equal(loop_handles_open(w->loop), handles);
}

#define with_world(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(an_upgrade_is_answered_to_the_letter),
        with_world(bad_upgrades_are_refused_before_they_happen),
        with_world(liberal_spellings_are_upgraded),
        with_world(frames_sent_with_the_handshake_are_not_lost),
        with_world(a_client_that_just_vanishes_is_1006),
        with_world(a_close_frame_is_echoed_and_the_connection_ends),
        with_world(violations_are_closed_with_their_code),
        with_world(pings_are_answered_and_none_are_sent_by_themselves),
        with_world(pings_are_sent_when_they_are_asked_for),
        with_world(closing_sends_a_close_frame_and_ends_even_without_an_echo),
        with_world(closing_and_dropping_inside_an_event_is_safe),
        with_world(a_peer_that_does_not_read_fills_the_queue_to_its_limit),
        with_world(websockets_live_on_when_the_server_closes),
        with_world(both_sides_talk),
        with_world(a_refused_upgrade_tells_its_status),
        with_world(the_answer_may_come_cut_at_every_byte),
        with_world(a_server_that_ends_at_every_byte_is_1006),
        with_world(wrong_answers_are_refused),
        with_world(an_answer_without_end_is_refused),
        with_world(a_server_that_does_not_answer_times_out),
        with_world(addresses_that_are_none_are_refused),
        with_world(hanging_up_while_connecting_is_safe),
        with_world(three_hundred_comings_and_goings_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
