/* SPDX-License-Identifier: MIT
 * request.c -- what a handler may ask of a request. */
#include "http/server_private.h"

static const struct {
    const char *text;
    enum http_method method;
} methods[] = {
    { "GET", HTTP_GET }, { "POST", HTTP_POST }, { "PUT", HTTP_PUT }, { "DELETE", HTTP_DELETE },
    { "OPTIONS", HTTP_OPTIONS }, { "HEAD", HTTP_HEAD }, { "PATCH", HTTP_PATCH },
};

enum http_method http_method(const struct http_req *r)
{
    for (size_t i = 0; i < COUNT(methods); i++)
        if (slice_is(http_parser_method(r->parser), methods[i].text))
            return methods[i].method;
    return HTTP_OTHER;
}

struct slice http_method_text(const struct http_req *r)
{
    return http_parser_method(r->parser);
}

struct slice http_target(const struct http_req *r)
{
    return http_parser_target(r->parser);
}

/* Path and query, also of http://host/path?query. */
static struct slice origin_form(const struct http_req *r)
{
    struct slice t = http_target(r);
    if (t.data[0] == '/' || t.data[0] == '*')
        return t;
    size_t host_at = t.data[4] == ':' ? 7 : 8;
    for (size_t i = host_at; i < t.len; i++)
        if (t.data[i] == '/' || t.data[i] == '?')
            return slice_sub(t, i, t.len);
    return SLICE("/");
}

struct slice http_path(const struct http_req *r)
{
    struct http_req *mine = (struct http_req *)(uintptr_t)r; /* decoded once, on demand */
    if (mine->path.data)
        return mine->path;
    auto_buf struct buf decoded = { 0 };
    struct slice rest = origin_form(r), path = slice_cut(&rest, '?');
    if (!http_percent_decode(&decoded, path.len ? path : SLICE("/"), false))
        buf_clear(&decoded); /* cannot be: the head was refused then */
    mine->path.len = decoded.len;
    mine->path.data = arena_strdup(&mine->strings, buf_slice(&decoded));
    return mine->path;
}

bool http_header(const struct http_req *r, const char *name, struct slice *value)
{
    return http_parser_find(r->parser, name, value);
}

bool http_header_at(const struct http_req *r, size_t i, struct slice *name, struct slice *value)
{
    if (i >= http_parser_header_count(r->parser))
        return false;
    http_parser_header(r->parser, i, name, value);
    return true;
}

bool http_header_has_token(const struct http_req *r, const char *name, const char *token)
{
    return http_parser_has_token(r->parser, name, token);
}

bool http_query(struct http_req *r, const char *name, struct slice *value)
{
    struct slice query = origin_form(r);
    (void)slice_cut(&query, '?');
    while (query.len > 0) {
        struct slice field = slice_cut(&query, '&'), raw_value = field;
        struct slice raw_name = slice_cut(&raw_value, '=');
        auto_buf struct buf text = { 0 };
        if (!http_percent_decode(&text, raw_name, true) || !slice_is(buf_slice(&text), name))
            continue;
        buf_clear(&text);
        (void)http_percent_decode(&text, raw_value, true);
        value->len = text.len;
        value->data = arena_strdup(&r->strings, buf_slice(&text));
        return true;
    }
    return false;
}

const struct net_addr *http_peer(const struct http_req *r)
{
    return conn_peer(r->conn);
}

const struct net_addr *http_local(const struct http_req *r)
{
    return conn_local(r->conn);
}

bool http_is_tls(const struct http_req *r)
{
    return conn_is_tls(r->conn);
}

bool http_wants_upgrade(const struct http_req *r)
{
    return http_method(r) == HTTP_GET && http_header_has_token(r, "upgrade", "websocket");
}

struct loop *http_req_loop(const struct http_req *r)
{
    return r->server->loop;
}

void http_on_gone(struct http_req *r, void (*fn)(void *user, struct http_req *r), void *user)
{
    r->on_gone = fn;
    r->gone_user = user;
}

void http_read_body(struct http_req *r, size_t max_bytes,
                    void (*on_body)(void *user, struct http_req *r, struct slice body), void *user)
{
    r->reading = BODY_WHOLE;
    r->on_body = on_body;
    r->body_user = user;
    if (max_bytes)
        r->body_max_bytes = max_bytes;
}

void http_stream_body(struct http_req *r, size_t max_bytes,
                      bool (*on_part)(void *user, struct http_req *r, struct slice part, bool done), void *user)
{
    r->reading = BODY_STREAM;
    r->on_part = on_part;
    r->body_user = user;
    if (max_bytes)
        r->body_max_bytes = max_bytes;
}
