/* SPDX-License-Identifier: MIT
 * dial.c -- outgoing connections: the name is resolved off the loop, its addresses are tried one
 * after the other, each with a fair share of the time that is left. */
#include "base/mem.h"
#include "net/conn_private.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/un.h>

struct dial {
    struct conn *conn; /* NULL: nobody waits any more */
    uv_connect_t connect;
    uv_getaddrinfo_t lookup;
    struct addrinfo *found, *next;
    struct sockaddr_storage numeric;
    uint64_t deadline_ms;
    uint16_t port;
    bool is_numeric, is_lookup_busy, is_connect_busy; /* busy: libuv still holds the request */
    enum err why; /* of the last attempt */
};

/* Once nobody waits and libuv holds nothing of it. */
static void dial_free(struct dial *d)
{
    if (d->conn || d->is_lookup_busy || d->is_connect_busy)
        return;
    if (d->found)
        uv_freeaddrinfo(d->found);
    mem_free(d);
}

void dial_done(struct conn *c)
{
    struct dial *d = take_ptr(&c->dial);
    if (!d)
        return;
    d->conn = NULL;
    if (d->is_lookup_busy)
        uv_cancel((uv_req_t *)&d->lookup);
    dial_free(d);
}

static unsigned left_ms(const struct dial *d)
{
    uint64_t now = loop_now_ms(d->conn->loop);
    return d->deadline_ms > now ? (unsigned)(d->deadline_ms - now) : 0;
}

static void try_next(struct conn *c);

/* A handle that failed to connect cannot be used again. */
static void on_handle_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    if (c->state != CONN_OPENING || !c->dial) {
        conn_closed_cb(h);
        return;
    }
    if (conn_init_handle(c) == OK)
        try_next(c);
}

static void attempt_failed(struct conn *c, enum err why)
{
    struct dial *d = c->dial;
    if (uv_is_closing(&c->io.handle))
        return;
    timer_stop(&c->timer);
    d->why = why;
    if (d->next && left_ms(d) > 0)
        uv_close(&c->io.handle, on_handle_closed);
    else
        conn_fail(c, why);
}

static void on_timeout(void *arg)
{
    struct conn *c = arg;
    if (!c->dial)
        conn_fail(c, ERR_TIMEOUT); /* TLS took too long */
    else if (c->dial->is_lookup_busy)
        conn_fail(c, ERR_TIMEOUT);
    else
        attempt_failed(c, ERR_TIMEOUT);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct dial *d = container_of(request, struct dial, connect);
    struct conn *c = d->conn;
    d->is_connect_busy = false;
    if (!c || status == UV_ECANCELED) {
        dial_free(d);
        return;
    }
    if (status) {
        attempt_failed(c, conn_err(status, ERR_CONNECT) == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_CONNECT);
        return;
    }
    timer_start(&c->timer, c->loop, left_ms(d), on_timeout, c); /* the rest is for TLS */
    conn_opened(c);
}

/* Errors that are known at once are told like all others: from the loop. */
static void on_refused(void *arg)
{
    attempt_failed(arg, ERR_CONNECT);
}

static unsigned attempts_left(const struct addrinfo *a)
{
    unsigned count = 0;
    for (; a; a = a->ai_next)
        count++;
    return MAX(count, 1u);
}

static void try_next(struct conn *c)
{
    struct dial *d = c->dial;
    const struct sockaddr *to = (const struct sockaddr *)&d->numeric;
    unsigned budget_ms = left_ms(d);
    if (!d->is_numeric) {
        budget_ms /= attempts_left(d->next);
        to = d->next->ai_addr;
        d->next = d->next->ai_next;
    }
    net_addr_from_sockaddr(&c->peer, to);
    c->peer.port = d->port;
    timer_start(&c->timer, c->loop, budget_ms, on_timeout, c);
    d->is_connect_busy = uv_tcp_connect(&d->connect, &c->io.tcp, to, on_connected) == 0;
    if (!d->is_connect_busy)
        timer_start(&c->timer, c->loop, 0, on_refused, c);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct dial *d = container_of(lookup, struct dial, lookup);
    d->is_lookup_busy = false;
    d->found = d->next = found;
    if (!d->conn)
        dial_free(d);
    else if (status || !found)
        conn_fail(d->conn, ERR_CONNECT);
    else
        try_next(d->conn);
}

static void start_lookup(struct conn *c, const char *host)
{
    struct dial *d = c->dial;
    char service[8];
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    snprintf(service, sizeof(service), "%u", d->port);
    if (slice_is(slice_of(host), "localhost"))
        hints.ai_flags = 0; /* also on a machine that has nothing but loopback */
    d->is_lookup_busy = true;
    if (uv_getaddrinfo(loop_uv(c->loop), &d->lookup, on_looked_up, host, service, &hints) != 0) {
        d->is_lookup_busy = false;
        timer_start(&c->timer, c->loop, 0, on_refused, c);
    }
}

static bool numeric_address(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    return uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0;
}

enum err conn_connect(struct conn **out, struct loop *l, const struct conn_opts *o, const struct conn_events *ev,
                      void *user)
{
    const char *path = strncmp(o->host, "unix:", 5) == 0 ? o->host + 5 : NULL;
    assert_on_loop(l);
    if (!*o->host || (path && (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))))
        return ERR_INVALID;
    struct tls_stream *tls = NULL;
    if (o->tls) {
        enum err e = tls_stream_create(&tls, o->tls, o->tls_name ? o->tls_name : o->host);
        if (e)
            return e;
    }
    struct conn *c = conn_new(l, path != NULL, o->write_max_bytes);
    unsigned timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONN_CONNECT_TIMEOUT_MS;
    c->tls = tls;
    if (conn_init_handle(c) != OK) {
        tls_stream_free(tls);
        mem_free(c);
        return ERR_IO;
    }
    c->ev = ev;
    c->user = user;
    c->dial = xnew(struct dial);
    c->dial->conn = c;
    c->dial->port = o->port;
    c->dial->deadline_ms = loop_now_ms(l) + timeout_ms;
    timer_start(&c->timer, l, timeout_ms, on_timeout, c);
    if (path) {
        c->dial->is_connect_busy = true;
        uv_pipe_connect(&c->dial->connect, &c->io.pipe, path, on_connected);
    } else if (numeric_address(o->host, o->port, &c->dial->numeric)) {
        c->dial->is_numeric = true;
        try_next(c);
    } else {
        start_lookup(c, o->host);
    }
    *out = c;
    return OK;
}
