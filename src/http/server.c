/* SPDX-License-Identifier: MIT
 * server.c -- one connection after the other, on each one request after the other.
 *
 *     on_data -> eat(): head, body   -> req_advance(): on_request, on_body, next request
 *             -> what is too early waits in `waiting`, at most WAITING_MAX_BYTES, then reading pauses
 *
 * eat() only takes bytes; everything that may end the connection (on_request, ws_accept, the last
 * piece of a body) is called by req_advance(), when the rest of the bytes is safe in `waiting`. */
#include "http/server_private.h"

#define HEAD_TIMEOUT_MS 10000u
#define IDLE_TIMEOUT_MS 60000u
#define BODY_TIMEOUT_MS 30000u
#define BODY_STEP_BYTES 16384u   /* must come within body_timeout_ms */
#define LINE_MAX_BYTES 8192u
#define HEAD_MAX_BYTES 16384u
#define HEADERS_MAX 64u
#define BODY_MAX_BYTES 65536u
#define WAITING_MAX_BYTES 65536u /* of requests or frames that come before their turn */
#define LINGER_MS 1000u
#define REFUSED_LINGER_MS 200u   /* of a connection that was one too many */
#define KEEPALIVE_IDLE_S 60u
#define DEAD_PEER_MS 30000u

/* ---- ends ---- */

void http_server_unref(struct http_server *s)
{
    if (--s->refs == 0)
        mem_free(s);
}

void http_server_left(struct http_server *s, const struct net_addr *peer)
{
    if (!s->is_closed && s->ev->on_disconnect)
        s->ev->on_disconnect(s->user, peer);
    http_server_unref(s);
}

static void drop_request(struct http_req *r)
{
    http_parser_free(take_ptr(&r->parser));
    buf_done(&r->body);
    arena_done(&r->strings);
    r->path = (struct slice){ NULL, 0 };
    r->on_gone = NULL;
    r->on_body = NULL;
    r->on_part = NULL;
    r->on_drain = NULL;
    r->body_bytes = r->body_mark = 0;
    r->reading = BODY_DISCARD;
    r->has_owner = r->is_answered = r->is_streaming = r->is_head = r->wants_continue = false;
}

static void bury(void *arg)
{
    struct http_req *r = arg;
    drop_request(r);
    buf_done(&r->waiting);
    mem_free(r);
}

static void run_later(void *arg)
{
    struct http_req *r = arg;
    r->is_later = false;
    if (r->phase == REQ_GONE)
        bury(r);
    else
        req_advance(r);
}

static void later(struct http_req *r)
{
    if (r->is_later)
        return;
    r->is_later = true;
    loop_later(r->server->loop, &r->grave, run_later, r);
}

static void leave(struct http_req *r)
{
    r->phase = REQ_GONE;
    timer_stop(&r->timer);
    list_unlink(&r->node);
    later(r);
}

void req_gone(struct http_req *r, struct conn *conn_to_close)
{
    if (r->phase == REQ_GONE)
        return;
    struct net_addr peer = *conn_peer(r->conn);
    struct http_server *s = r->server;
    void (*on_gone)(void *user, struct http_req *r) = r->has_owner ? r->on_gone : NULL;
    leave(r);
    if (on_gone)
        on_gone(r->gone_user, r);
    conn_close(conn_to_close);
    r->conn = NULL;
    http_server_left(s, &peer);
}

static void close_softly(struct http_req *r)
{
    conn_close_soft(r->conn, LINGER_MS);
    req_gone(r, NULL);
}

void req_refuse(struct http_req *r, int status)
{
    if (!r->is_streaming && !r->is_answered)
        respond_error(r->conn, status);
    close_softly(r);
}

struct conn *req_take_conn(struct http_req *r, struct buf *early, struct http_server **server)
{
    struct conn *c = take_ptr(&r->conn);
    buf_eat(&r->waiting, r->waiting_at);
    *early = r->waiting;
    r->waiting = (struct buf){ 0 };
    *server = r->server;
    leave(r);
    return c;
}

/* ---- time ---- */

static void on_head_timeout(void *arg)
{
    req_refuse(arg, 408);
}

static void on_idle_timeout(void *arg)
{
    struct http_req *r = arg;
    req_gone(r, r->conn);
}

static void on_body_timeout(void *arg)
{
    req_refuse(arg, 408);
}

static void arm(struct http_req *r, unsigned ms, void (*fn)(void *arg))
{
    timer_start(&r->timer, r->server->loop, ms, fn, r);
}

/* ---- eating ---- */

static bool is_hungry(const struct http_req *r)
{
    if (r->phase == REQ_BODY)
        return r->reading != BODY_STOPPED;
    if (r->phase == REQ_IDLE)
        return conn_queued_bytes(r->conn) == 0; /* the last answer must have left first */
    return r->phase == REQ_HEAD;
}

static size_t eat_head(struct http_req *r, struct slice in)
{
    const struct http_server_opts *o = &r->server->opts;
    size_t used;
    if (r->phase == REQ_IDLE) {
        const struct http_limits limits = { o->line_max_bytes, o->head_max_bytes, o->headers_max };
        r->parser = http_parser_create(false, &limits);
        r->phase = REQ_HEAD;
        if (!r->is_fresh)
            arm(r, o->head_timeout_ms, on_head_timeout);
    }
    int result = http_parser_head(r->parser, in, &used);
    if (result == HTTP_HEAD_MORE)
        return used;
    timer_stop(&r->timer);
    if (result == HTTP_HEAD_DONE)
        r->phase = REQ_READY;
    else
        req_refuse(r, result);
    return used;
}

static void stop_reading(struct http_req *r)
{
    r->reading = BODY_STOPPED;
    timer_stop(&r->timer);
}

static void body_piece(struct http_req *r, struct slice piece)
{
    r->body_bytes += piece.len;
    if (r->body_bytes > r->body_max_bytes) {
        req_refuse(r, 413);
        return;
    }
    if (r->body_bytes >= r->body_mark + BODY_STEP_BYTES) {
        r->body_mark = r->body_bytes;
        arm(r, r->server->opts.body_timeout_ms, on_body_timeout);
    }
    if (r->reading == BODY_WHOLE) {
        r->body.max = r->body_max_bytes;
        if (buf_put(&r->body, piece) != OK)
            req_refuse(r, 413);
    } else if (r->reading == BODY_STREAM && !r->on_part(r->body_user, r, piece, false)) {
        if (r->phase == REQ_BODY)
            stop_reading(r);
    }
}

static size_t eat_body(struct http_req *r, struct slice in)
{
    struct slice rest = in, piece;
    while (r->phase == REQ_BODY && is_hungry(r)) {
        switch (http_body_next(&r->framing, &rest, &piece)) {
        case HTTP_BODY_PIECE:
            body_piece(r, piece);
            break;
        case HTTP_BODY_END:
            r->phase = REQ_BODY_END;
            timer_stop(&r->timer);
            break;
        case HTTP_BODY_BAD:
            req_refuse(r, 400);
            break;
        case HTTP_BODY_MORE:
            return in.len;
        }
    }
    return in.len - rest.len;
}

static size_t eat(struct http_req *r, struct slice in)
{
    size_t used = 0;
    while (used < in.len && r->phase != REQ_GONE && is_hungry(r)) {
        struct slice rest = slice_sub(in, used, in.len);
        used += r->phase == REQ_BODY ? eat_body(r, rest) : eat_head(r, rest);
    }
    return used;
}

static void eat_waiting(struct http_req *r)
{
    struct slice in = slice_sub(buf_slice(&r->waiting), r->waiting_at, r->waiting.len);
    r->waiting_at += eat(r, in);
    if (r->phase == REQ_GONE || r->waiting_at < r->waiting.len)
        return;
    buf_done(&r->waiting);
    r->waiting_at = 0;
}

/* ---- one step after the other ---- */

static void start_body(struct http_req *r)
{
    size_t length = r->framing.is_chunked ? 0 : (size_t)http_body_length(&r->framing);
    if (length > r->body_max_bytes) {
        req_refuse(r, 413);
        return;
    }
    if (r->wants_continue && r->waiting.len == r->waiting_at && !r->is_answered && !r->is_streaming)
        (void)conn_write(r->conn, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    arm(r, r->server->opts.body_timeout_ms, on_body_timeout);
}

static void begin_request(struct http_req *r)
{
    struct slice value;
    r->is_fresh = false;
    r->keeps_alive = http_parser_keeps_alive(r->parser);
    r->is_head = slice_is(http_parser_method(r->parser), "HEAD");
    r->wants_continue = http_parser_minor(r->parser) == 1 && http_parser_find(r->parser, "expect", &value);
    r->body_max_bytes = r->server->opts.body_max_bytes;
    http_body_init(&r->framing, r->parser);
    bool has_body = http_body_length(&r->framing) != 0;
    r->phase = has_body ? REQ_BODY : REQ_BODY_END;
    r->has_owner = true;
    r->server->ev->on_request(r->server->user, r);
    if (r->phase == REQ_BODY)
        start_body(r);
}

static void end_body(struct http_req *r)
{
    uint8_t reading = r->reading;
    r->phase = REQ_WAIT;
    r->reading = BODY_DISCARD;
    if (r->is_answered)
        return;
    if (reading == BODY_WHOLE) {
        r->on_body(r->body_user, r, buf_slice(&r->body));
    } else if (reading == BODY_STREAM) {
        (void)r->on_part(r->body_user, r, (struct slice){ NULL, 0 }, true);
    }
}

static void next_request(struct http_req *r)
{
    drop_request(r);
    r->phase = REQ_IDLE;
    arm(r, r->server->opts.idle_timeout_ms, on_idle_timeout);
}

static bool advance_once(struct http_req *r)
{
    switch (r->phase) {
    case REQ_READY:
        begin_request(r);
        return true;
    case REQ_BODY_END:
        end_body(r);
        return true;
    case REQ_WAIT:
        if (!r->is_answered)
            return false;
        if (r->keeps_alive)
            next_request(r);
        else
            close_softly(r);
        return true;
    case REQ_BODY:
        if (r->is_answered && (!r->keeps_alive || r->reading == BODY_STOPPED)) {
            close_softly(r);
            return true;
        }
        break;
    default:
        break;
    }
    if (r->phase == REQ_GONE || r->waiting.len == 0 || !is_hungry(r))
        return false;
    size_t before = r->waiting.len - r->waiting_at;
    eat_waiting(r);
    return r->phase != REQ_GONE && r->waiting.len - r->waiting_at < before;
}

void req_advance(struct http_req *r)
{
    if (r->is_advancing)
        return;
    r->is_advancing = true;
    while (advance_once(r))
        ;
    r->is_advancing = false;
    if (r->phase == REQ_GONE)
        return;
    if (r->waiting.len - r->waiting_at >= WAITING_MAX_BYTES)
        conn_pause(r->conn);
    else
        conn_resume(r->conn);
}

void req_answered(struct http_req *r)
{
    r->is_answered = true;
    r->has_owner = false;
    if (r->reading != BODY_STOPPED)
        r->reading = BODY_DISCARD;
    if (!r->is_advancing)
        later(r); /* the answer may be given from anywhere */
}

/* ---- the connection ---- */

static void on_data(void *user, struct slice data)
{
    struct http_req *r = user;
    r->is_advancing = true; /* answers given while eating wait for req_advance below */
    size_t used = r->waiting.len == 0 ? eat(r, data) : 0;
    r->is_advancing = false;
    if (r->phase == REQ_GONE)
        return;
    if (used < data.len)
        (void)buf_put(&r->waiting, slice_sub(data, used, data.len));
    req_advance(r);
}

static void on_drain(void *user)
{
    struct http_req *r = user;
    if (r->is_streaming && r->on_drain)
        r->on_drain(r->drain_user, r);
    if (r->phase != REQ_GONE)
        req_advance(r);
}

static void on_close(void *user, enum err why)
{
    (void)why;
    req_gone(user, NULL);
}

static const struct conn_events events = { .on_data = on_data, .on_drain = on_drain, .on_close = on_close };

static void wait_for_head(struct http_req *r)
{
    r->phase = REQ_IDLE;
    r->is_fresh = true;
    arm(r, r->server->opts.head_timeout_ms, on_head_timeout);
}

/* The status is said before anything is asked. A TLS client hears nothing: a handshake costs too much. */
static void turn_away(struct conn *c, int status)
{
    static const struct conn_events deaf = { 0 };
    if (!status || conn_is_tls(c)) {
        conn_close(c);
        return;
    }
    conn_listen_events(c, &deaf, NULL);
    respond_error(c, status);
    conn_close_soft(c, REFUSED_LINGER_MS);
}

static void on_accept(void *user, struct conn *c)
{
    struct http_server *s = user;
    s->refs++;
    int refused = s->ev->on_connect ? s->ev->on_connect(s->user, conn_peer(c)) : 0;
    if (refused || s->is_closed) {
        turn_away(c, s->is_closed ? 0 : refused);
        http_server_unref(s);
        return;
    }
    struct http_req *r = xnew(struct http_req);
    r->server = s;
    r->conn = c;
    list_push(&s->requests, &r->node);
    conn_keepalive(c, KEEPALIVE_IDLE_S, DEAD_PEER_MS);
    wait_for_head(r);
    conn_listen_events(c, &events, r);
}

/* ---- the server ---- */

enum err http_server_open(struct http_server **out, struct loop *l, const struct http_server_opts *o,
                          const struct http_server_events *ev, void *user)
{
    struct http_server *s = xnew(struct http_server);
    s->loop = l;
    s->opts = *o;
    s->ev = ev;
    s->user = user;
    s->refs = 1;
    list_init(&s->requests);
    struct http_server_opts *mine = &s->opts;
    mine->head_timeout_ms = o->head_timeout_ms ? o->head_timeout_ms : HEAD_TIMEOUT_MS;
    mine->idle_timeout_ms = o->idle_timeout_ms ? o->idle_timeout_ms : IDLE_TIMEOUT_MS;
    mine->body_timeout_ms = o->body_timeout_ms ? o->body_timeout_ms : BODY_TIMEOUT_MS;
    mine->line_max_bytes = o->line_max_bytes ? o->line_max_bytes : LINE_MAX_BYTES;
    mine->head_max_bytes = o->head_max_bytes ? o->head_max_bytes : HEAD_MAX_BYTES;
    mine->headers_max = o->headers_max ? o->headers_max : HEADERS_MAX;
    mine->body_max_bytes = o->body_max_bytes ? o->body_max_bytes : BODY_MAX_BYTES;
    mine->listen.host = NULL; /* borrowed for the call only */
    enum err e = listener_open(&s->listener, l, &o->listen, on_accept, s);
    if (e) {
        mem_free(s);
        return e;
    }
    s->port = listener_port(s->listener);
    *out = s;
    return OK;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_pause(struct http_server *s)
{
    listener_close(take_ptr(&s->listener));
}

void http_server_close(struct http_server *s)
{
    if (!s || s->is_closed)
        return;
    http_server_pause(s);
    s->is_closed = true;
    list_each(&s->requests, n) {
        struct http_req *r = container_of(n, struct http_req, node);
        req_gone(r, r->conn);
    }
    http_server_unref(s);
}
