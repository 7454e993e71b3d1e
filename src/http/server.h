/* SPDX-License-Identifier: MIT
 * server.h -- HTTP/1.1 server on one loop: heads parsed by llhttp (strict) with our limits, bodies
 * buffered up to a limit or streamed, chunked both ways, keep-alive, upgrade to WebSocket.
 *
 *     conn -> head (limits, deadline) -> on_request -> http_respond | http_stream_* | ws_accept
 *
 * A request is borrowed from the server and lives until it was answered; the answer may come later
 * (any time, same loop). If the client goes away first, on_gone is called and the request is gone. */
#ifndef PARLEY_HTTP_SERVER_H
#define PARLEY_HTTP_SERVER_H

#include "base/buf.h"
#include "net/conn.h"

struct http_server;
struct http_req;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_HEAD, HTTP_PATCH, HTTP_OTHER };

struct http_server_events {
    /* The head is complete. Answer now or later; to see the body first call http_read_body or
     * http_stream_body inside it (otherwise a body is read away, up to the limit). */
    void (*on_request)(void *user, struct http_req *r);
    /* A new connection before anything is read: 0 lets it in, an HTTP status (429, 503) sends it away. */
    int (*on_connect)(void *user, const struct net_addr *peer); /* may be NULL */
    void (*on_disconnect)(void *user, const struct net_addr *peer); /* pairs with a welcome; may be NULL */
};

struct http_server_opts {
    struct listener_opts listen;
    unsigned head_timeout_ms;    /* 0: 10000 -> 408 */
    unsigned idle_timeout_ms;    /* keep-alive; 0: 60000 */
    size_t line_max_bytes;       /* 0: 8192 -> 414 / 431 */
    size_t head_max_bytes;       /* 0: 16384 -> 431 */
    unsigned headers_max;        /* 0: 64 -> 431 */
    size_t body_max_bytes;       /* 0: 65536 -> 413 */
    unsigned body_timeout_ms;    /* for every 16 KiB of body; 0: 30000 -> 408 */
};

must_check enum err http_server_open(struct http_server **out, struct loop *l, const struct http_server_opts *o,
                                     const struct http_server_events *ev, void *user);
uint16_t http_server_port(const struct http_server *s);
void http_server_pause(struct http_server *s);  /* stops accepting; what is open goes on */
/* Closes everything that has not become a WebSocket; requests under way hear on_gone. No other event
 * comes after it, also no on_disconnect of WebSockets that live on. NULL is fine. */
void http_server_close(struct http_server *s);

enum http_method http_method(const struct http_req *r);
struct slice http_method_text(const struct http_req *r);
struct slice http_target(const struct http_req *r);  /* as sent, path and query */
struct slice http_path(const struct http_req *r);    /* percent-decoded path, no query */
/* First header of that name (without case); false when absent or empty. */
bool http_header(const struct http_req *r, const char *name, struct slice *value);
bool http_header_at(const struct http_req *r, size_t i, struct slice *name, struct slice *value);
bool http_header_has_token(const struct http_req *r, const char *name, const char *token); /* comma lists */
/* First query parameter of that name, decoded ('+' is a space); false when absent. Given until the
 * request ends. */
bool http_query(struct http_req *r, const char *name, struct slice *value);
const struct net_addr *http_peer(const struct http_req *r);
const struct net_addr *http_local(const struct http_req *r);
bool http_is_tls(const struct http_req *r);
bool http_wants_upgrade(const struct http_req *r); /* Upgrade: websocket in a GET */
struct loop *http_req_loop(const struct http_req *r);
/* fn is the last that is heard of r: the client went away, sent a body that is broken, too big or too
 * slow (answered 400, 413 or 408 by the server), or the server was closed. */
void http_on_gone(struct http_req *r, void (*fn)(void *user, struct http_req *r), void *user);

/* Body whole: on_body once with all bytes (borrowed), or the server answers 413/400/408 by itself.
 * To be called inside on_request, also for requests without a body. max_bytes 0: body_max_bytes. */
void http_read_body(struct http_req *r, size_t max_bytes, void (*on_body)(void *user, struct http_req *r, struct slice body), void *user);
/* Body in pieces; end: done true. Return false to stop reading (then answer, at once or later; the
 * connection is closed behind the answer). */
void http_stream_body(struct http_req *r, size_t max_bytes, bool (*on_part)(void *user, struct http_req *r, struct slice part, bool done), void *user);

struct http_header {
    const char *name;
    struct slice value;
};
struct http_reply {
    int status;
    const char *type;                  /* Content-Type; NULL: none */
    struct slice body;                 /* borrowed */
    const struct http_header *headers; /* more headers; borrowed */
    unsigned header_count;
    bool is_closing;                   /* Connection: close */
};
void http_respond(struct http_req *r, const struct http_reply *reply);      /* r is gone */
void http_respond_text(struct http_req *r, int status, const char *text);   /* text/plain */
/* A long answer, chunked (or with a known length >= 0; -1: chunked). Write returns ERR_LIMIT when the
 * client is slow and nothing was taken: wait for on_drain, then write it again. */
enum err http_stream_begin(struct http_req *r, const struct http_reply *head, int64_t length);
enum err http_stream_write(struct http_req *r, struct slice part);
void http_stream_on_drain(struct http_req *r, void (*fn)(void *user, struct http_req *r), void *user);
void http_stream_end(struct http_req *r);                                    /* r is gone */
const char *http_status_text(int status);

#endif
