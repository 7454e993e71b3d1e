/* SPDX-License-Identifier: MIT
 * conn.h -- one byte stream: TCP, Unix socket, with or without TLS; accepted or connected.
 *
 * Reading: on_data gives borrowed bytes out of a buffer shared by the whole loop, so an idle
 * connection owns no read buffer; the receiver may scribble over them (WebSocket unmasks in place).
 * Writing: conn_write tries the socket at once and keeps only what did not fit. While something is
 * kept, a write that would make it more than write_max_bytes is ERR_LIMIT and sends nothing; with an
 * empty queue any one write is taken whole. conn_close is legal any time, also inside every event; no
 * event comes after it; the memory goes at the top of the loop. Loop thread. */
#ifndef PARLEY_NET_CONN_H
#define PARLEY_NET_CONN_H

#include "base/base.h"
#include "loop/loop.h"

struct conn;
struct tls_context; /* net/tls.h */

struct conn_events {
    void (*on_open)(void *user);                    /* outgoing: connected (and TLS done) */
    void (*on_data)(void *user, struct slice data); /* borrowed until it returns */
    void (*on_drain)(void *user);                   /* the write queue is empty again; may be NULL */
    void (*on_close)(void *user, enum err why);     /* peer closed (ERR_CLOSED) or failed; last event,
                                                       the conn is closed by itself when it returns */
};

struct conn_opts {
    const char *host;            /* numeric, or a name (resolved off the loop); "unix:/path": a Unix socket */
    uint16_t port;
    size_t write_max_bytes;      /* 0: 262144 */
    unsigned connect_timeout_ms; /* 0: 5000 */
    struct tls_context *tls;     /* NULL: plain */
    const char *tls_name;        /* server name to check; NULL: host */
};

struct net_addr {
    char text[46];   /* numeric IP; "unix" for Unix sockets */
    uint16_t port;
    bool is_loopback, is_private; /* private: RFC 1918, RFC 4193, link-local, loopback */
};
/* Parses a numeric address (v4, v6, v4-mapped). */
must_check bool net_addr_parse(struct slice text, struct net_addr *out);
/* Is `addr` inside "10.0.0.0/8", "fd00::/8" or equal to a plain address? */
bool net_addr_in(const struct net_addr *addr, struct slice cidr);

/* ERR_INVALID: no host. That nobody answers there is told by on_close. */
must_check enum err conn_connect(struct conn **out, struct loop *l, const struct conn_opts *o,
                                 const struct conn_events *ev, void *user);
void conn_listen_events(struct conn *c, const struct conn_events *ev, void *user); /* changes the listener */
enum err conn_write(struct conn *c, struct slice data);
/* One write for several pieces (frame header and payload). */
enum err conn_writev(struct conn *c, const struct slice *parts, unsigned part_count);
/* Takes a few bytes also beyond the limit: what ends a message that was taken before. */
enum err conn_write_last(struct conn *c, struct slice data);
void conn_set_write_max(struct conn *c, size_t bytes); /* 0: 262144 */
size_t conn_queued_bytes(const struct conn *c);
void conn_pause(struct conn *c);  /* no on_data until conn_resume */
void conn_resume(struct conn *c);
/* Sends what is queued, then closes; gives up after linger_ms. No event after it returns. */
void conn_close_soft(struct conn *c, unsigned linger_ms);
void conn_close(struct conn *c);  /* NULL is fine */
const struct net_addr *conn_peer(const struct conn *c);
const struct net_addr *conn_local(const struct conn *c);
bool conn_is_tls(const struct conn *c);
/* Dead peers: TCP keepalive and TCP_USER_TIMEOUT. */
void conn_keepalive(struct conn *c, unsigned idle_s, unsigned user_timeout_ms);

struct listener;
struct listener_opts {
    const char *host;   /* numeric, or "unix:/path" */
    uint16_t port;      /* 0: chosen by the kernel, see listener_port */
    int backlog;        /* 0: 1024 */
    bool has_reuseport; /* one listener per loop on the same port */
    struct tls_context *tls;
    size_t write_max_bytes;
};
/* on_accept gives a conn without events: call conn_listen_events in it, or conn_close. */
must_check enum err listener_open(struct listener **out, struct loop *l, const struct listener_opts *o,
                                  void (*on_accept)(void *user, struct conn *c), void *user);
uint16_t listener_port(const struct listener *l);
void listener_close(struct listener *l); /* NULL is fine */

#endif
