/* SPDX-License-Identifier: MIT
 * reply.c -- answers: the wrapper, CORS, errors in one place, long bodies in pieces; and the ways in
 * which an answer comes later (store, callbacks) while the client may go away. */
#include "api/private.h"

#include <stdio.h>

#include "metrics/metrics.h"

#define PIECE_BYTES 32768

static const struct http_header cors_headers[] = {
    { "Access-Control-Allow-Origin", { "*", 1 } },
    { "Access-Control-Allow-Methods", SLICE("GET, POST, OPTIONS") },
    { "Access-Control-Allow-Headers", SLICE("client-id, content-type, device-id, authorization, x-api-token") },
};

/* --- the call's end ---- */

void call_free(struct api_call *c)
{
    timer_stop(&c->timer);
    store_cancel(c->op);
    auth_save_cancel(c->save);
    if (c->answering)
        *(struct api_call **)c->answering = NULL;
    if (c->state_free)
        c->state_free(c->state);
    buf_done(&c->long_body);
    arena_done(&c->arena);
    config_unref(c->cfg);
    mem_free(c);
}

static void count_status(int status)
{
    char text[12];
    snprintf(text, sizeof text, "%d", status);
    metric_add_label(METRIC_http_requests_total, text, 1);
}

static void respond(struct api_call *c, const struct http_reply *reply)
{
    struct http_header all[6];
    unsigned n = 0;
    for (; n < reply->header_count; n++)
        all[n] = reply->headers[n];
    for (unsigned i = 0; c->has_cors && i < COUNT(cors_headers); i++)
        all[n++] = cors_headers[i];
    count_status(reply->status);
    struct http_reply full = *reply;
    full.headers = all;
    full.header_count = n;
    http_on_gone(c->r, NULL, NULL);
    http_respond(c->r, &full);
    call_free(c);
}

void call_reply(struct api_call *c, int status, const char *type, struct slice body)
{
    respond(c, &(struct http_reply){ .status = status, .type = type, .body = body });
}

void call_reply_text(struct api_call *c, int status, const char *text)
{
    call_reply(c, status, "text/plain; charset=utf-8", slice_of(text));
}

/* --- long bodies ---- */

static void long_more(void *user, struct http_req *r)
{
    struct api_call *c = user;
    while (c->long_at < c->long_body.len) {
        struct slice piece = slice_sub(buf_slice(&c->long_body), c->long_at, PIECE_BYTES);
        if (http_stream_write(r, piece) != OK)
            return; /* on_drain goes on */
        c->long_at += piece.len;
    }
    http_on_gone(r, NULL, NULL);
    http_stream_on_drain(r, NULL, NULL);
    http_stream_end(r);
    call_free(c);
}

static void reply_body(struct api_call *c, const char *type, const struct http_header *headers, unsigned count,
                       struct buf *body)
{
    if (body->len <= BODY_LONG_BYTES) {
        respond(c, &(struct http_reply){ .status = 200, .type = type, .body = buf_slice(body), .headers = headers,
                                         .header_count = count });
        return;
    }
    struct http_header all[6];
    unsigned n = 0;
    for (; n < count; n++)
        all[n] = headers[n];
    for (unsigned i = 0; c->has_cors && i < COUNT(cors_headers); i++)
        all[n++] = cors_headers[i];
    count_status(200);
    c->long_body = *body;
    *body = (struct buf){ 0 };
    struct http_reply head = { .status = 200, .type = type, .headers = all, .header_count = n };
    http_stream_on_drain(c->r, long_more, c);
    if (http_stream_begin(c->r, &head, (int64_t)c->long_body.len) != OK) {
        http_on_gone(c->r, NULL, NULL);
        http_stream_end(c->r);
        call_free(c);
        return;
    }
    long_more(c, c->r);
}

void call_reply_file(struct api_call *c, const char *type, const char *name, struct buf *body)
{
    auto_mem char *disposition = name ? xprintf("attachment; filename=\"%s\"", name) : NULL;
    struct http_header h = { "Content-Disposition", slice_of(disposition) };
    auto_buf struct buf own = *body;
    *body = (struct buf){ 0 };
    reply_body(c, type, &h, name ? 1 : 0, &own);
}

void call_reply_data(struct api_call *c, struct slice json)
{
    auto_buf struct buf body = { 0 };
    buf_puts(&body, "{\"success\":true,\"data\":");
    buf_put(&body, json.len ? json : SLICE("null"));
    buf_put_byte(&body, '}');
    reply_body(c, "application/json", NULL, 0, &body);
}

void call_reply_error(struct api_call *c, int status, const char *why)
{
    auto_buf struct buf body = { 0 };
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    jw_bool(&w, "success", false);
    jw_cstr(&w, "error", why);
    jw_end(&w);
    call_reply(c, status, "application/json", buf_slice(&body));
}

void call_reply_err(struct api_call *c, enum err e)
{
    call_reply_error(c, err_http(e), err_text(e));
}

void call_reply_retry(struct api_call *c, unsigned seconds)
{
    char text[12];
    snprintf(text, sizeof text, "%u", seconds);
    struct http_header h = { "Retry-After", slice_of(text) };
    respond(c, &(struct http_reply){ .status = 429, .type = "application/json", .headers = &h, .header_count = 1,
                                     .body = SLICE("{\"success\":false,\"error\":\"too many requests\"}") });
}

/* --- store ---- */

struct work *work_new(enum err (*run)(struct db *db, struct work *w))
{
    struct work *w = xnew(struct work);
    w->run = run;
    return w;
}

const char *work_text(struct work *w, struct slice s)
{
    return arena_strdup(&w->arena, s);
}

void work_page(struct api_call *c, struct work *w, int64_t otherwise, int64_t max)
{
    w->offset = (size_t)query_number(c, "offset", 0, 0, INT32_MAX);
    w->limit = (size_t)query_number(c, "limit", otherwise, 1, max);
}

void page_put(struct jw *j, const struct work *w, int64_t total)
{
    jw_i64(j, "total", total);
    jw_i64(j, "offset", (int64_t)w->offset);
    jw_i64(j, "limit", (int64_t)w->limit);
}

static enum err work_run(struct db *db, void *input)
{
    struct work *w = input;
    return w->run(db, w);
}

static void work_answer(struct api_call *c, struct work *w, enum err e)
{
    if (e)
        call_reply_error(c, err_http(e), w->why ? w->why : err_text(e));
    else if (w->type)
        call_reply_file(c, w->type, w->name, &w->out);
    else
        call_reply_data(c, buf_slice(&w->out));
}

static void work_done(void *owner, enum err e, void *input)
{
    struct api_call *c = owner;
    struct work *w = input;
    c->op = NULL;
    if (w->then)
        w->then(c, w, e);
    else
        work_answer(c, w, e);
}

void work_free(void *input)
{
    struct work *w = input;
    buf_done(&w->out);
    arena_done(&w->arena);
    mem_free(w);
}

static const struct store_op_class work_write = { .name = "api", .run = work_run, .done = work_done,
                                                  .free_input = work_free };
static const struct store_op_class work_read = { .name = "api.read", .run = work_run, .done = work_done,
                                                 .free_input = work_free, .is_read_only = true };

void work_start(struct api_call *c, struct work *w, bool is_read_only)
{
    enum err e = store_start(&c->op, c->api->env.store, c->loop, is_read_only ? &work_read : &work_write, w, c);
    if (e) {
        work_free(w);
        call_reply_err(c, e);
    }
}

/* --- callbacks that answer later ---- */

struct answering {
    struct api_call *call; /* first; NULL: the client went away */
    void (*then)(struct api_call *c, enum err e, const char *text);
};

struct answering *answering_new(struct api_call *c, void (*then)(struct api_call *c, enum err e, const char *text))
{
    struct answering *a = xnew(struct answering);
    *a = (struct answering){ c, then };
    c->answering = a;
    return a;
}

void answering_done(void *arg, enum err e, const char *text)
{
    struct answering *a = arg;
    struct api_call *c = a->call;
    if (c) {
        c->answering = NULL;
        a->then(c, e, text);
    }
    mem_free(a);
}

void answering_end(void *arg, enum err e)
{
    answering_done(arg, e, NULL);
}
