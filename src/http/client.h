/* SPDX-License-Identifier: MIT
 * client.h -- outbound HTTP(S): libcurl multi driven by the loop, one client per loop, HTTP/1.1
 * keep-alive pool per host. Streamed answers, time-outs by stage, redirects off. Loop thread. */
#ifndef PARLEY_HTTP_CLIENT_H
#define PARLEY_HTTP_CLIENT_H

#include "base/buf.h"
#include "http/server.h"

struct http_client;
struct http_call;

struct http_client_opts {
    const char *ca_file;      /* NULL: the system's bundle file; CAPATH is never used */
    unsigned idle_max;        /* pooled connections; 0: four for each call that runs */
};
must_check enum err http_client_create(struct http_client **out, struct loop *l, const struct http_client_opts *o);
void http_client_free(struct http_client *c); /* open calls end silently */

struct http_part { /* multipart/form-data */
    const char *name, *filename, *type; /* filename NULL: a plain field */
    struct slice data;                  /* copied */
};
struct http_call_opts {
    const char *method;                 /* NULL: GET, or POST with a body */
    const char *url;                    /* http or https only */
    const struct http_header *headers;  /* copied */
    unsigned header_count;
    struct slice body;                  /* copied */
    const struct http_part *parts;      /* multipart instead of body */
    unsigned part_count;
    unsigned connect_ms, first_byte_ms, idle_ms, total_ms; /* 0: 5000, 15000, 20000, 120000 */
    size_t reply_max_bytes;             /* 0: 1 MiB -> ERR_LIMIT */
    size_t buffer_bytes;                /* read at once and held while paused; 0: 16 KiB */
};
struct http_call_events {
    void (*on_head)(void *user, int status, struct slice content_type); /* may be NULL */
    void (*on_data)(void *user, struct slice data);                     /* borrowed */
    /* Last event. OK whenever a whole answer came, whatever its status. note: short text for humans,
     * no secrets. */
    void (*on_end)(void *user, enum err err, int status, const char *note);
};
must_check enum err http_call_open(struct http_call **out, struct http_client *c, const struct http_call_opts *o,
                                   const struct http_call_events *ev, void *user);
void http_call_close(struct http_call *call); /* any time; silence after it; NULL is fine */
/* On: no on_data any more; what the service sends waits in the kernel, and its time-outs stand still.
 * Off: goes on. From any event, any number of times; NULL is fine. */
void http_call_pause(struct http_call *call, bool is_paused);
/* Of the answer's Retry-After: seconds from now, 0: none. From on_head to on_end. */
unsigned http_call_retry_after_s(const struct http_call *call);
bool http_call_is_reused(const struct http_call *call); /* went over a pooled connection */

#endif
