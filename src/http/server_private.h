/* SPDX-License-Identifier: MIT
 * server_private.h -- what server.c, request.c, respond.c and ws.c share. Not for other rooms. */
#ifndef PARLEY_HTTP_SERVER_PRIVATE_H
#define PARLEY_HTTP_SERVER_PRIVATE_H

#include "base/list.h"
#include "base/mem.h"
#include "http/parser.h"
#include "http/server.h"
#include "loop/timer.h"

struct http_server {
    struct loop *loop;
    struct listener *listener;
    struct http_server_opts opts;
    const struct http_server_events *ev;
    void *user;
    struct list requests;   /* connections that have not become a WebSocket */
    struct tls_context *tls;
    uint16_t port;
    unsigned refs;          /* itself, each connection, each WebSocket that came of one */
    bool is_closed;         /* no events any more */
};

enum req_phase {
    REQ_IDLE,     /* waiting for the first byte of a head */
    REQ_HEAD,     /* inside one */
    REQ_READY,    /* head complete, on_request is next */
    REQ_BODY,
    REQ_BODY_END, /* body complete, its event is next */
    REQ_WAIT,     /* for the answer, or for its last bytes to leave */
    REQ_GONE,     /* connection closed or given away; memory goes at the top of the loop */
};

enum req_body { BODY_DISCARD, BODY_WHOLE, BODY_STREAM, BODY_STOPPED };

/* One connection and the request it is at. */
struct http_req {
    struct http_server *server;
    struct node node;
    struct conn *conn;
    struct http_parser *parser; /* from the first byte of a head to the end of the answer */
    struct buf waiting;         /* came before its turn */
    size_t waiting_at;
    struct buf body;
    struct arena strings;       /* decoded path and query */
    struct slice path;
    struct http_body framing;
    struct timer timer;
    struct grave grave;
    size_t body_max_bytes, body_bytes, body_mark;
    void (*on_gone)(void *user, struct http_req *r);
    void *gone_user;
    void (*on_body)(void *user, struct http_req *r, struct slice body);
    bool (*on_part)(void *user, struct http_req *r, struct slice part, bool done);
    void *body_user;
    void (*on_drain)(void *user, struct http_req *r);
    void *drain_user;
    int64_t stream_left;        /* of an answer with known length; -1: chunked, -2: until the end */
    uint8_t phase, reading;     /* enum req_phase, enum req_body */
    bool is_fresh;              /* the first request of the connection */
    bool has_owner;             /* on_request was told and the answer is not complete */
    bool is_answered, is_streaming, is_head, keeps_alive, wants_continue, is_advancing, is_later;
};

/* server.c */
void req_advance(struct http_req *r);
void req_answered(struct http_req *r); /* the answer is written: on with the next, or close */
void req_refuse(struct http_req *r, int status);
void req_gone(struct http_req *r, struct conn *conn_to_close); /* tells on_gone, frees later */
/* For ws.c: takes the connection out of a request; its early bytes go to *early (given). */
struct conn *req_take_conn(struct http_req *r, struct buf *early, struct http_server **server);
void http_server_unref(struct http_server *s);
void http_server_left(struct http_server *s, const struct net_addr *peer); /* on_disconnect, unref */

/* respond.c */
void respond_error(struct conn *c, int status);

#endif
