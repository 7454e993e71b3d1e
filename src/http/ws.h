/* SPDX-License-Identifier: MIT
 * ws.h -- a WebSocket (RFC 6455), server or client side, on a conn. No extension, no subprotocol is
 * ever negotiated. The codec itself is http/ws_codec.h: pure, bytes in, events out. Fragmented
 * messages are joined up to the limits. Pings are answered by themselves. */
#ifndef PARLEY_HTTP_WS_H
#define PARLEY_HTTP_WS_H

#include "http/server.h"

struct ws;

enum ws_close_code {
    WS_NORMAL = 1000, WS_GOING_AWAY = 1001, WS_PROTOCOL = 1002, WS_BAD_TEXT = 1007, WS_POLICY = 1008,
    WS_TOO_BIG = 1009, WS_INTERNAL = 1011, WS_TRY_LATER = 1013, WS_TAKEN_OVER = 4000,
};

struct ws_events {
    void (*on_open)(void *user);                                      /* client side only */
    void (*on_text)(void *user, struct slice text);                   /* valid UTF-8; borrowed */
    void (*on_binary)(void *user, struct slice data);                 /* borrowed, in place */
    void (*on_pong)(void *user);                                      /* may be NULL */
    void (*on_drain)(void *user);                                     /* may be NULL */
    /* Last event. code: what the peer sent, 1006 when the stream just ended, or what we closed it
     * with for a violation. http_status != 0: the upgrade was refused with it (client). When there was no
     * answer to be refused with, `reason` says what happened instead ("could not connect"). */
    void (*on_close)(void *user, int code, struct slice reason, int http_status);
};

struct ws_opts {
    size_t text_max_bytes, binary_max_bytes; /* per message; 0: 65536 / 16384 -> close 1009 */
    size_t write_max_bytes;                  /* 0: 262144 */
    unsigned ping_seconds;                   /* 0: never */
};

/* Answers 101 and takes the request's connection. r is gone either way (400/426 on a bad handshake,
 * then ERR_PROTO). */
must_check enum err ws_accept(struct ws **out, struct http_req *r, const struct ws_opts *o,
                              const struct ws_events *ev, void *user);

struct ws_connect_opts {
    const char *url;                   /* ws:// or wss:// */
    const struct http_header *headers; /* sent in this order */
    unsigned header_count;
    unsigned timeout_ms;               /* TCP + TLS + 101; 0: 10000 */
    struct tls_context *tls;           /* for wss */
    struct ws_opts ws;
};
must_check enum err ws_connect(struct ws **out, struct loop *l, const struct ws_connect_opts *o,
                               const struct ws_events *ev, void *user);

enum err ws_send_text(struct ws *w, struct slice text);
/* header and payload go out as one message with one write. */
enum err ws_send_binary(struct ws *w, struct slice header, struct slice payload);
enum err ws_ping(struct ws *w);
size_t ws_queued_bytes(const struct ws *w);
/* Sends Close, then closes TCP within linger_ms without waiting for an echo longer than that. No
 * event after it returns. NULL is fine. */
void ws_close(struct ws *w, int code, struct slice reason, unsigned linger_ms);
void ws_drop(struct ws *w); /* closes TCP at once, as devices do; no event after it */
struct conn *ws_conn(struct ws *w);                 /* NULL once it is closed */

#endif
