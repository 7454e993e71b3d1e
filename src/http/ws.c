/* SPDX-License-Identifier: MIT
 * ws.c -- a WebSocket: codec and connection put together, and both sides' handshake.
 *
 *     server: http_req -> ws_accept -> 101, the connection is ours -> frames
 *     client: ws_connect -> conn -> request, 101 checked -> on_open -> frames
 *
 * What is only needed for the handshake lives in struct dial and goes with it, so an open idle socket
 * costs this struct and its conn. Every way to the end runs through finish(): nothing is heard after. */
#include "http/ws.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/rand.h"
#include "http/server_private.h"
#include "http/ws_codec.h"

#define TEXT_MAX_BYTES 65536u
#define BINARY_MAX_BYTES 16384u
#define CONNECT_TIMEOUT_MS 10000u
#define LINGER_MS 1000u           /* for the peer's end after a Close */
#define MASK_STACK_BYTES 4096     /* larger messages of a client are masked on the heap */
#define REPLY_LINE_MAX 8192u
#define REPLY_HEAD_MAX 16384u
#define REPLY_HEADERS_MAX 64u
#define KEY_BYTES 16
#define KEY_TEXT 24

struct dial {
    struct buf request;
    struct http_parser *reply;
    char accept[29];
};

struct ws {
    struct ws_codec codec;
    struct conn *conn;         /* NULL: finished */
    struct loop *loop;
    const struct ws_events *ev;
    void *user;
    struct http_server *door;  /* where it came in; NULL: we called */
    struct dial *dial;         /* NULL: open */
    struct buf early;          /* frames that came with the handshake */
    struct timer timer;        /* handshake; pings */
    struct grave grave;
    unsigned ping_seconds;
    bool is_server, is_later;
};

/* ---- the end ---- */

static void bury(struct ws *w)
{
    ws_codec_done(&w->codec);
    buf_done(&w->early);
    mem_free(w);
}

static void feed(struct ws *w, char *data, size_t len);

static void run_later(void *arg)
{
    struct ws *w = arg;
    w->is_later = false;
    if (!w->conn) {
        bury(w);
        return;
    }
    auto_buf struct buf early = w->early;
    w->early = (struct buf){ 0 };
    feed(w, early.data, early.len);
}

static void later(struct ws *w)
{
    if (w->is_later)
        return;
    w->is_later = true;
    loop_later(w->loop, &w->grave, run_later, w);
}

static void dial_free(struct ws *w)
{
    struct dial *d = take_ptr(&w->dial);
    if (!d)
        return;
    http_parser_free(d->reply);
    buf_done(&d->request);
    mem_free(d);
}

/* linger_ms 0: at once. */
static void finish(struct ws *w, unsigned linger_ms)
{
    struct conn *c = take_ptr(&w->conn);
    struct http_server *door = take_ptr(&w->door);
    struct net_addr peer = *conn_peer(c);
    timer_stop(&w->timer);
    ws_codec_stop(&w->codec);
    dial_free(w);
    conn_close_soft(c, linger_ms);
    later(w);
    if (door)
        http_server_left(door, &peer);
}

static void end(struct ws *w, unsigned linger_ms, int code, struct slice reason, int http_status)
{
    const struct ws_events *ev = w->ev;
    void *user = w->user;
    finish(w, linger_ms);
    ev->on_close(user, code, reason, http_status);
}

/* ---- sending ---- */

static enum err send_masked(struct ws *w, enum ws_opcode opcode, const struct slice *parts, unsigned count,
                            size_t total)
{
    char small[WS_HEAD_MAX + MASK_STACK_BYTES];
    auto_mem char *large = NULL;
    uint8_t mask[4];
    uint32_t random = rand_u32();
    memcpy(mask, &random, sizeof(mask));
    char *frame = small;
    if (total > MASK_STACK_BYTES)
        frame = large = xalloc(WS_HEAD_MAX + total);
    size_t head = ws_head((uint8_t *)frame, opcode, total, mask), len = head;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(frame + len, parts[i].data, parts[i].len);
        len += parts[i].len;
    }
    ws_mask(frame + head, total, mask, 0);
    return conn_write(w->conn, slice_from(frame, len));
}

static enum err send_frame(struct ws *w, enum ws_opcode opcode, struct slice first, struct slice second)
{
    uint8_t head[WS_HEAD_MAX];
    size_t total = first.len + second.len;
    if (!w->conn)
        return ERR_CLOSED;
    if (w->dial)
        return ERR_STATE;
    if (!w->is_server)
        return send_masked(w, opcode, (const struct slice[]){ first, second }, 2, total);
    const struct slice parts[] = { { (char *)head, ws_head(head, opcode, total, NULL) }, first, second };
    return conn_writev(w->conn, parts, COUNT(parts));
}

static void send_close(struct ws *w, int code, struct slice reason)
{
    uint8_t payload[WS_CONTROL_MAX];
    size_t len = ws_close_payload(payload, code, reason);
    (void)send_frame(w, WS_CLOSE, slice_from(payload, len), (struct slice){ NULL, 0 });
}

enum err ws_send_text(struct ws *w, struct slice text)
{
    return send_frame(w, WS_TEXT, text, (struct slice){ NULL, 0 });
}

enum err ws_send_binary(struct ws *w, struct slice header, struct slice payload)
{
    return send_frame(w, WS_BINARY, header, payload);
}

enum err ws_ping(struct ws *w)
{
    return send_frame(w, WS_PING, (struct slice){ NULL, 0 }, (struct slice){ NULL, 0 });
}

size_t ws_queued_bytes(const struct ws *w)
{
    return w->conn ? conn_queued_bytes(w->conn) : 0;
}

/* ---- frames ---- */

static void on_message(void *user, bool is_text, struct slice data)
{
    struct ws *w = user;
    if (is_text)
        w->ev->on_text(w->user, data);
    else
        w->ev->on_binary(w->user, data);
}

static void on_ping(void *user, struct slice data)
{
    struct ws *w = user;
    (void)send_frame(w, WS_PONG, data, (struct slice){ NULL, 0 }); /* a peer that does not read gets none */
}

static void on_pong(void *user, struct slice data)
{
    struct ws *w = user;
    (void)data;
    if (w->ev->on_pong)
        w->ev->on_pong(w->user);
}

static void on_close_frame(void *user, int code, struct slice reason)
{
    struct ws *w = user;
    send_close(w, code, (struct slice){ NULL, 0 });
    end(w, LINGER_MS, code, reason, 0);
}

static const struct ws_codec_events codec_events = { on_message, on_ping, on_pong, on_close_frame };

static void feed(struct ws *w, char *data, size_t len)
{
    int code = ws_codec_feed(&w->codec, data, len);
    if (code == 0 || !w->conn)
        return;
    send_close(w, code, (struct slice){ NULL, 0 });
    end(w, LINGER_MS, code, (struct slice){ NULL, 0 }, 0);
}

static void on_ping_due(void *arg)
{
    struct ws *w = arg;
    (void)ws_ping(w);
    timer_start(&w->timer, w->loop, w->ping_seconds * 1000ull, on_ping_due, w);
}

static void open_now(struct ws *w)
{
    if (w->ping_seconds > 0)
        timer_start(&w->timer, w->loop, w->ping_seconds * 1000ull, on_ping_due, w);
}

/* ---- the connection ---- */

static void handshake_data(struct ws *w, struct slice data);

static void on_data(void *user, struct slice data)
{
    struct ws *w = user;
    if (w->dial) {
        handshake_data(w, data);
        return;
    }
    if (w->early.len > 0) { /* its turn comes first */
        (void)buf_put(&w->early, data);
        return;
    }
    feed(w, (char *)(uintptr_t)data.data, data.len);
}

static void on_drain(void *user)
{
    struct ws *w = user;
    if (w->ev->on_drain && !w->dial)
        w->ev->on_drain(w->user);
}

/* There was no WebSocket yet. */
static void end_dial(struct ws *w, enum err why)
{
    end(w, 0, WS_ABNORMAL, slice_of(err_text(why)), 0);
}

static void on_conn_close(void *user, enum err why)
{
    struct ws *w = user;
    if (w->dial)
        end_dial(w, why);
    else
        end(w, 0, WS_ABNORMAL, (struct slice){ NULL, 0 }, 0);
}

static void on_conn_open(void *user)
{
    struct ws *w = user;
    if (conn_write(w->conn, buf_slice(&w->dial->request)) != OK)
        end_dial(w, ERR_IO);
    else
        buf_done(&w->dial->request);
}

static const struct conn_events conn_events = { on_conn_open, on_data, on_drain, on_conn_close };

static struct ws *ws_new(struct loop *l, bool is_server, const struct ws_opts *o, const struct ws_events *ev,
                         void *user)
{
    static const struct ws_opts usual;
    struct ws *w = xnew(struct ws);
    if (!o)
        o = &usual;
    w->loop = l;
    w->is_server = is_server;
    w->ping_seconds = o->ping_seconds;
    w->ev = ev;
    w->user = user;
    ws_codec_init(&w->codec, is_server, o->text_max_bytes ? o->text_max_bytes : TEXT_MAX_BYTES,
                  o->binary_max_bytes ? o->binary_max_bytes : BINARY_MAX_BYTES, &codec_events, w);
    return w;
}

/* ---- server handshake ---- */

static bool is_key(struct slice key)
{
    auto_buf struct buf bytes = { 0 };
    return key.len == KEY_TEXT && base64_get(&bytes, key) && bytes.len == KEY_BYTES;
}

/* 0, or the status to refuse with. */
static int check_upgrade(const struct http_req *r, struct slice *key)
{
    struct slice version;
    if (!http_wants_upgrade(r) || !http_header_has_token(r, "connection", "upgrade") ||
        http_parser_minor(r->parser) == 0 || r->framing.is_chunked || http_parser_length(r->parser) > 0)
        return 400;
    if (!http_header(r, "sec-websocket-version", &version) || !slice_is(version, "13"))
        return 426;
    return http_header(r, "sec-websocket-key", key) && is_key(*key) ? 0 : 400;
}

enum err ws_accept(struct ws **out, struct http_req *r, const struct ws_opts *o, const struct ws_events *ev,
                   void *user)
{
    struct slice key;
    char accept[29], head[160];
    if (r->phase == REQ_GONE || r->is_answered || r->is_streaming)
        return ERR_STATE;
    int refused = check_upgrade(r, &key);
    if (refused) {
        const struct http_header version = { "Sec-WebSocket-Version", SLICE("13") };
        http_respond(r, &(struct http_reply){ .status = refused, .headers = &version, .header_count = 1,
                                              .is_closing = true });
        return ERR_PROTO;
    }
    ws_accept_key(key, accept);
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    struct ws *w = ws_new(r->server->loop, true, o, ev, user);
    w->conn = req_take_conn(r, &w->early, &w->door);
    if (o && o->write_max_bytes)
        conn_set_write_max(w->conn, o->write_max_bytes);
    conn_listen_events(w->conn, &conn_events, w);
    conn_resume(w->conn);
    (void)conn_write(w->conn, slice_from(head, (size_t)len)); /* a failure is told by on_close */
    open_now(w);
    if (w->early.len > 0)
        later(w);
    *out = w;
    return OK;
}

/* ---- client handshake ---- */

struct ws_url {
    struct slice host, target; /* host without brackets; target "" is "/" */
    uint16_t port;
    bool is_tls, is_port_given, is_v6;
};

static bool is_plain_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f)
            return false;
    return true;
}

static bool parse_url(struct slice url, struct ws_url *out)
{
    *out = (struct ws_url){ 0 };
    if (!is_plain_text(url))
        return false;
    out->is_tls = slice_eq_nocase(slice_sub(url, 0, 6), SLICE("wss://"));
    if (!out->is_tls && !slice_eq_nocase(slice_sub(url, 0, 5), SLICE("ws://")))
        return false;
    struct slice rest = slice_sub(url, out->is_tls ? 6 : 5, url.len);
    size_t end_at = 0;
    while (end_at < rest.len && !strchr("/?#", rest.data[end_at]))
        end_at++;
    struct slice authority = slice_sub(rest, 0, end_at), port = { NULL, 0 };
    out->target = slice_sub(rest, end_at, rest.len);
    out->target = slice_cut(&(struct slice){ out->target.data, out->target.len }, '#');
    if (authority.len == 0 || memchr(authority.data, '@', authority.len))
        return false;
    out->is_v6 = authority.data[0] == '[';
    if (out->is_v6) {
        port = slice_sub(authority, 1, authority.len);
        out->host = slice_cut(&port, ']');
        if (!port.data || (port.len > 0 && port.data[0] != ':'))
            return false;
        port = slice_sub(port, 1, port.len);
    } else {
        port = authority;
        out->host = slice_cut(&port, ':');
    }
    int64_t number = out->is_tls ? 443 : 80;
    out->is_port_given = port.len > 0;
    if (port.len > 0 && (!slice_to_i64(port, &number) || number < 1 || number > 65535))
        return false;
    out->port = (uint16_t)number;
    return out->host.len > 0;
}

static bool is_header_safe(const struct http_header *h)
{
    return !strpbrk(h->name, "\r\n: ") && !(h->value.len && (memchr(h->value.data, '\r', h->value.len) ||
                                                             memchr(h->value.data, '\n', h->value.len)));
}

static enum err put_request(struct dial *d, const struct ws_url *url, const struct ws_connect_opts *o)
{
    uint8_t key[KEY_BYTES];
    auto_buf struct buf text = { 0 };
    struct buf *to = &d->request;
    rand_bytes(key, sizeof(key));
    base64_put(&text, slice_from(key, sizeof(key)));
    ws_accept_key(buf_slice(&text), d->accept);
    bool has_slash = url->target.len > 0 && url->target.data[0] == '/';
    (void)buf_printf(to, "GET %s" SLICE_FMT " HTTP/1.1\r\n", has_slash ? "" : "/", SLICE_ARG(url->target));
    (void)buf_printf(to, url->is_v6 ? "Host: [" SLICE_FMT "]" : "Host: " SLICE_FMT, SLICE_ARG(url->host));
    if (url->is_port_given)
        (void)buf_printf(to, ":%u", url->port);
    (void)buf_puts(to, "\r\n");
    for (unsigned i = 0; i < o->header_count; i++) {
        if (!is_header_safe(&o->headers[i]))
            return ERR_INVALID;
        (void)buf_printf(to, "%s: " SLICE_FMT "\r\n", o->headers[i].name, SLICE_ARG(o->headers[i].value));
    }
    return buf_printf(to,
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: %s\r\n\r\n", text.data);
}

static bool is_reply_good(const struct dial *d)
{
    struct slice value;
    const struct http_parser *p = d->reply;
    if (http_parser_status(p) != 101 || !http_parser_has_token(p, "upgrade", "websocket") ||
        !http_parser_has_token(p, "connection", "upgrade"))
        return false;
    if (!http_parser_find(p, "sec-websocket-accept", &value) || !slice_is(value, d->accept))
        return false;
    return !http_parser_find(p, "sec-websocket-extensions", &value) &&
           !http_parser_find(p, "sec-websocket-protocol", &value);
}

static void handshake_data(struct ws *w, struct slice data)
{
    size_t used;
    int result = http_parser_head(w->dial->reply, data, &used);
    if (result == HTTP_HEAD_MORE)
        return;
    if (result != HTTP_HEAD_DONE || !is_reply_good(w->dial)) {
        int status = result == HTTP_HEAD_DONE ? http_parser_status(w->dial->reply) : 0;
        if (status && status != 101)
            end(w, 0, WS_ABNORMAL, (struct slice){ NULL, 0 }, status);
        else
            end_dial(w, ERR_PROTO);
        return;
    }
    timer_stop(&w->timer);
    dial_free(w);
    open_now(w);
    if (w->ev->on_open)
        w->ev->on_open(w->user);
    if (w->conn && used < data.len)
        feed(w, (char *)(uintptr_t)data.data + used, data.len - used);
}

static void on_connect_timeout(void *arg)
{
    end_dial(arg, ERR_TIMEOUT);
}

enum err ws_connect(struct ws **out, struct loop *l, const struct ws_connect_opts *o, const struct ws_events *ev,
                    void *user)
{
    static const struct http_limits limits = { REPLY_LINE_MAX, REPLY_HEAD_MAX, REPLY_HEADERS_MAX };
    struct ws_url url;
    if (!parse_url(slice_of(o->url), &url) || (url.is_tls && !o->tls))
        return ERR_INVALID;
    auto_mem char *host = xslicedup(url.host);
    unsigned timeout_ms = o->timeout_ms ? o->timeout_ms : CONNECT_TIMEOUT_MS;
    struct ws *w = ws_new(l, false, &o->ws, ev, user);
    w->dial = xnew(struct dial);
    w->dial->reply = http_parser_create(true, &limits);
    const struct conn_opts how = { .host = host,
                                   .port = url.port,
                                   .write_max_bytes = o->ws.write_max_bytes,
                                   .connect_timeout_ms = timeout_ms,
                                   .tls = url.is_tls ? o->tls : NULL,
                                   .tls_name = host };
    enum err e = put_request(w->dial, &url, o);
    if (e == OK)
        e = conn_connect(&w->conn, l, &how, &conn_events, w);
    if (e) {
        dial_free(w);
        bury(w);
        return e;
    }
    timer_start(&w->timer, l, timeout_ms, on_connect_timeout, w);
    *out = w;
    return OK;
}

/* ---- closing ---- */

void ws_close(struct ws *w, int code, struct slice reason, unsigned linger_ms)
{
    if (!w || !w->conn)
        return;
    if (!w->dial)
        send_close(w, code, reason);
    finish(w, w->dial ? 0 : linger_ms);
}

void ws_drop(struct ws *w)
{
    if (w && w->conn)
        finish(w, 0);
}

struct conn *ws_conn(struct ws *w)
{
    return w->conn;
}
