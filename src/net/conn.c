/* SPDX-License-Identifier: MIT
 * conn.c -- the life of a byte stream.
 *
 *     accept / dial -> OPENING -> OPEN -> FAILED or ENDING -> CLOSED -> uv close callback: memory goes
 *
 * Writes go to the socket at once; what did not fit is copied into a queue that exists only while it
 * is needed. Reads land in the loop's one buffer. A failed write is not told inside conn_write but at
 * the top of the loop, so that a caller never loses its object under its feet. */
#include "net/conn.h"

#include "base/mem.h"
#include "net/conn_private.h"

#include <netinet/tcp.h>

#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 3
#define JOIN_BYTES 1024u /* an audio packet with its header */

struct conn_queue {
    uv_write_t request;
    struct buf sending, waiting;
};

enum err conn_err(int uv_status, enum err otherwise)
{
    switch (uv_status) {
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ENOTCONN:
        return ERR_CLOSED;
    case UV_ETIMEDOUT:
        return ERR_TIMEOUT;
    case UV_ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return otherwise;
    }
}

void conn_set_write_max(struct conn *c, size_t bytes)
{
    c->write_max_bytes = bytes ? (uint32_t)MIN(bytes, UINT32_MAX) : CONN_WRITE_MAX_BYTES;
}

struct conn *conn_new(struct loop *l, bool is_unix, size_t write_max_bytes)
{
    struct conn *c = xnew(struct conn);
    c->loop = l;
    c->is_unix = is_unix;
    conn_set_write_max(c, write_max_bytes);
    if (is_unix)
        net_addr_unix(&c->peer);
    return c;
}

enum err conn_init_handle(struct conn *c)
{
    int status = c->is_unix ? uv_pipe_init(loop_uv(c->loop), &c->io.pipe, 0)
                            : uv_tcp_init(loop_uv(c->loop), &c->io.tcp);
    c->io.handle.data = c;
    return status ? ERR_IO : OK;
}

/* ---- the end ---- */

static void conn_free(struct conn *c)
{
    if (c->queue) {
        buf_done(&c->queue->sending);
        buf_done(&c->queue->waiting);
        mem_free(c->queue);
    }
    tls_stream_free(c->tls);
    mem_free(c->local);
    mem_free(c);
}

void conn_closed_cb(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->is_handle_gone = true;
    if (!c->is_later)
        conn_free(c);
}

static void shut(struct conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    timer_stop(&c->timer);
    dial_done(c);
    if (!uv_is_closing(&c->io.handle))
        uv_close(&c->io.handle, conn_closed_cb);
}

void conn_fail(struct conn *c, enum err why)
{
    if (c->state == CONN_CLOSED || c->state == CONN_FAILED)
        return;
    bool is_told = c->state != CONN_ENDING && c->ev;
    c->state = CONN_FAILED;
    if (is_told)
        c->ev->on_close(c->user, why);
    shut(c);
}

void conn_close(struct conn *c)
{
    if (!c)
        return;
    assert_on_loop(c->loop);
    shut(c);
}

/* ---- work for the top of the loop ---- */

static void tls_pump(struct conn *c);

static void run_later(void *arg)
{
    struct conn *c = arg;
    c->is_later = false;
    if (c->is_handle_gone) {
        conn_free(c);
        return;
    }
    if (c->state == CONN_CLOSED)
        return;
    if (c->failed)
        conn_fail(c, (enum err)c->failed);
    else if (c->tls)
        tls_pump(c);
}

static void later(struct conn *c)
{
    if (c->is_later)
        return;
    c->is_later = true;
    loop_later(c->loop, &c->grave, run_later, c);
}

static void fail_later(struct conn *c, enum err why)
{
    if (!c->failed)
        c->failed = (uint8_t)why;
    later(c);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = h->data;
    (void)suggested;
    *buf = uv_buf_init(loop_read_buffer(c->loop), LOOP_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    if (count == 0)
        return;
    if (count < 0) {
        conn_fail(c, conn_err((int)count, ERR_IO));
        return;
    }
    if (c->state == CONN_ENDING)
        return; /* read away, so that our last bytes are not lost to a reset */
    struct slice data = { buf->base, (size_t)count };
    if (c->tls) {
        tls_stream_input(c->tls, data);
        tls_pump(c);
        return;
    }
    c->ev->on_data(c->user, data);
}

static void read_start(struct conn *c)
{
    if (c->is_reading || c->is_paused || c->dial)
        return;
    c->is_reading = true;
    int status = uv_read_start(&c->io.stream, on_alloc, on_read);
    if (status)
        fail_later(c, conn_err(status, ERR_IO));
}

static void read_stop(struct conn *c)
{
    if (!c->is_reading)
        return;
    c->is_reading = false;
    uv_read_stop(&c->io.stream);
}

void conn_pause(struct conn *c)
{
    c->is_paused = true;
    if (c->state == CONN_OPEN)
        read_stop(c);
}

void conn_resume(struct conn *c)
{
    if (!c->is_paused)
        return;
    c->is_paused = false;
    if (c->state != CONN_OPEN)
        return;
    read_start(c);
    if (c->tls && tls_stream_has_input(c->tls))
        later(c);
}

void conn_listen_events(struct conn *c, const struct conn_events *ev, void *user)
{
    assert_on_loop(c->loop);
    c->ev = ev;
    c->user = user;
    if (c->state == CONN_OPEN || c->state == CONN_OPENING)
        read_start(c);
}

/* ---- writing ---- */

static void on_written(uv_write_t *request, int status);

static void write_next(struct conn *c)
{
    struct conn_queue *q = c->queue;
    uv_buf_t piece = uv_buf_init(q->sending.data, (unsigned)q->sending.len);
    int status = uv_write(&q->request, &c->io.stream, &piece, 1, on_written);
    if (status)
        fail_later(c, conn_err(status, ERR_IO));
}

static void end_if_empty(struct conn *c)
{
    if (c->queue || !c->sends_end)
        return;
    uv_os_fd_t fd;
    c->sends_end = false;
    if (uv_fileno(&c->io.handle, &fd) == 0)
        (void)shutdown(fd, SHUT_WR);
}

static void on_written(uv_write_t *request, int status)
{
    struct conn *c = request->handle->data;
    struct conn_queue *q = c->queue;
    if (status == UV_ECANCELED || c->state == CONN_CLOSED)
        return;
    if (status) {
        conn_fail(c, conn_err(status, ERR_IO));
        return;
    }
    buf_done(&q->sending);
    q->sending = q->waiting;
    q->waiting = (struct buf){ 0 };
    if (q->sending.len > 0) {
        write_next(c);
        return;
    }
    mem_free(q);
    c->queue = NULL;
    end_if_empty(c);
    if (c->state == CONN_OPEN && c->ev && c->ev->on_drain)
        c->ev->on_drain(c->user);
}

/* What the kernel takes at once. A small message goes as one piece, which costs it less than several. */
static int try_write(struct conn *c, const struct slice *parts, unsigned part_count)
{
    char whole[JOIN_BYTES];
    uv_buf_t pieces[CONN_PARTS_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < part_count; i++) {
        pieces[i] = uv_buf_init((char *)(uintptr_t)parts[i].data, (unsigned)parts[i].len);
        len += parts[i].len;
    }
    if (part_count > 1 && len <= sizeof(whole)) {
        char *at = whole;
        for (unsigned i = 0; i < part_count; i++)
            at = parts[i].len ? mempcpy(at, parts[i].data, parts[i].len) : at;
        pieces[0] = uv_buf_init(whole, (unsigned)len);
        part_count = 1;
    }
    return uv_try_write(&c->io.stream, pieces, part_count);
}

/* Writes all of it, now or from the queue. */
static enum err raw_write(struct conn *c, const struct slice *parts, unsigned part_count)
{
    size_t sent = 0;
    if (c->failed)
        return (enum err)c->failed;
    if (!c->queue) {
        int count = try_write(c, parts, part_count);
        if (count < 0 && count != UV_EAGAIN) {
            fail_later(c, conn_err(count, ERR_IO));
            return ERR_CLOSED;
        }
        sent = count > 0 ? (size_t)count : 0;
    }
    struct buf rest = { 0 };
    struct buf *to = c->queue ? &c->queue->waiting : &rest;
    for (unsigned i = 0; i < part_count; i++) {
        size_t skip = MIN(sent, parts[i].len);
        sent -= skip;
        if (skip < parts[i].len)
            (void)buf_put(to, slice_sub(parts[i], skip, parts[i].len - skip));
    }
    if (!c->queue && rest.len > 0) {
        c->queue = xnew(struct conn_queue);
        c->queue->sending = rest;
        write_next(c);
    }
    return OK;
}

static enum err tls_flush(struct conn *c)
{
    struct buf *out = tls_stream_output(c->tls);
    if (out->len == 0)
        return OK;
    struct slice bytes = buf_slice(out);
    enum err e = raw_write(c, &bytes, 1);
    buf_done(out);
    return e;
}

/* Small pieces become one record. */
static enum err tls_write(struct conn *c, const struct slice *parts, unsigned part_count, size_t total)
{
    char record[TLS_RECORD_MAX];
    struct slice joined = { record, 0 };
    if (c->failed)
        return (enum err)c->failed;
    if (part_count > 1 && total <= sizeof(record)) {
        for (unsigned i = 0; i < part_count; i++) {
            if (parts[i].len > 0)
                memcpy(record + joined.len, parts[i].data, parts[i].len);
            joined.len += parts[i].len;
        }
        parts = &joined;
        part_count = 1;
    }
    enum err e = OK;
    for (unsigned i = 0; i < part_count && e == OK; i++)
        if (parts[i].len > 0)
            e = tls_stream_write(c->tls, parts[i]);
    if (e) {
        fail_later(c, e);
        return e;
    }
    return tls_flush(c);
}

size_t conn_queued_bytes(const struct conn *c)
{
    return c->queue ? c->io.stream.write_queue_size + c->queue->waiting.len : 0;
}

static enum err write_parts(struct conn *c, const struct slice *parts, unsigned part_count, size_t max)
{
    size_t total = 0;
    assert_on_loop(c->loop);
    assert(part_count <= CONN_PARTS_MAX);
    if (c->state != CONN_OPEN)
        return c->state == CONN_OPENING ? ERR_STATE : ERR_CLOSED;
    for (unsigned i = 0; i < part_count; i++)
        total += parts[i].len;
    if (total == 0)
        return OK;
    if (c->queue && conn_queued_bytes(c) + total > max)
        return ERR_LIMIT;
    return c->tls ? tls_write(c, parts, part_count, total) : raw_write(c, parts, part_count);
}

enum err conn_writev(struct conn *c, const struct slice *parts, unsigned part_count)
{
    return write_parts(c, parts, part_count, c->write_max_bytes);
}

enum err conn_write(struct conn *c, struct slice data)
{
    return write_parts(c, &data, 1, c->write_max_bytes);
}

enum err conn_write_last(struct conn *c, struct slice data)
{
    return write_parts(c, &data, 1, SIZE_MAX);
}

/* ---- TLS ---- */

static void tls_ready(struct conn *c)
{
    timer_stop(&c->timer);
    c->state = CONN_OPEN;
    if (c->ev && c->ev->on_open)
        c->ev->on_open(c->user);
}

/* Eats what came: handshake first, then records, one on_data each. */
static void tls_pump(struct conn *c)
{
    char plain[TLS_RECORD_MAX];
    while ((c->state == CONN_OPEN && !c->is_paused) || c->state == CONN_OPENING) {
        int count = tls_stream_read(c->tls, plain, sizeof(plain));
        (void)tls_flush(c);
        if (c->state == CONN_OPENING && tls_stream_ready(c->tls))
            tls_ready(c);
        if (c->state != CONN_OPEN && c->state != CONN_OPENING)
            break;
        if (count == 0)
            return;
        if (count < 0) {
            conn_fail(c, count == -1 ? ERR_CLOSED : tls_stream_untrusted(c->tls) ? ERR_AUTH : ERR_PROTO);
            return;
        }
        c->ev->on_data(c->user, slice_from(plain, (size_t)count));
    }
    tls_stream_keep_input(c->tls);
}

void conn_opened(struct conn *c)
{
    dial_done(c);
    if (!c->is_unix)
        uv_tcp_nodelay(&c->io.tcp, 1);
    if (!c->tls) {
        timer_stop(&c->timer);
        c->state = CONN_OPEN;
        if (c->ev && c->ev->on_open)
            c->ev->on_open(c->user);
        if (c->state == CONN_OPEN && c->ev)
            read_start(c);
        return;
    }
    if (c->ev)
        read_start(c);
    tls_pump(c); /* outgoing: sends our hello */
}

/* ---- closing softly ---- */

static void on_linger(void *arg)
{
    shut(arg);
}

void conn_close_soft(struct conn *c, unsigned linger_ms)
{
    if (!c)
        return;
    assert_on_loop(c->loop);
    if (c->state != CONN_OPEN || linger_ms == 0) {
        shut(c);
        return;
    }
    if (c->tls) {
        tls_stream_end(c->tls);
        (void)tls_flush(c);
    }
    c->state = CONN_ENDING;
    c->sends_end = true;
    c->is_paused = false;
    read_start(c);
    timer_start(&c->timer, c->loop, linger_ms, on_linger, c);
    end_if_empty(c);
}

/* ---- facts ---- */

const struct net_addr *conn_peer(const struct conn *c)
{
    return &c->peer;
}

const struct net_addr *conn_local(const struct conn *c)
{
    struct conn *mine = (struct conn *)(uintptr_t)c; /* what is asked for is remembered */
    struct sockaddr_storage sa;
    int len = sizeof(sa);
    if (mine->local)
        return mine->local;
    mine->local = xnew(struct net_addr);
    net_addr_unix(mine->local);
    if (!c->is_unix && uv_tcp_getsockname(&c->io.tcp, (struct sockaddr *)&sa, &len) == 0)
        net_addr_from_sockaddr(mine->local, (struct sockaddr *)&sa);
    return mine->local;
}

bool conn_is_tls(const struct conn *c)
{
    return c->tls != NULL;
}

void conn_keepalive(struct conn *c, unsigned idle_s, unsigned user_timeout_ms)
{
    uv_os_fd_t fd;
    int on = 1, idle = (int)idle_s, interval = KEEPALIVE_INTERVAL_S, probes = KEEPALIVE_PROBES;
    if (c->is_unix || uv_fileno(&c->io.handle, &fd) != 0)
        return;
    if (idle_s > 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    }
    if (user_timeout_ms > 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
}
