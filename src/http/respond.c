/* SPDX-License-Identifier: MIT
 * respond.c -- answers: whole ones with one write, long ones in chunks. */
#include <inttypes.h>
#include <stdio.h>

#include "http/server_private.h"

#define RETRY_AFTER "Retry-After: 5\r\n" /* of connections that are too many now */

enum { STREAM_CHUNKED = -1, STREAM_UNTIL_END = -2 };

static const struct {
    int status;
    const char *text;
} reasons[] = {
    { 100, "Continue" }, { 101, "Switching Protocols" }, { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
    { 204, "No Content" }, { 206, "Partial Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
    { 304, "Not Modified" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
    { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
    { 411, "Length Required" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" }, { 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
    { 499, "Cancelled" }, { 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
    { 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unknown";
}

/* A value with a line end in it would be another header: such a header is not sent. */
static bool is_sendable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == '\0')
            return false;
    return true;
}

static void put_header(struct buf *to, const char *name, struct slice value)
{
    if (!is_sendable(slice_of(name)) || !is_sendable(value))
        return;
    (void)buf_puts(to, name);
    (void)buf_puts(to, ": ");
    (void)buf_put(to, value);
    (void)buf_puts(to, "\r\n");
}

static bool may_have_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* Everything but the framing of the body and the empty line. */
static void put_head(struct buf *to, const struct http_req *r, const struct http_reply *reply)
{
    (void)buf_printf(to, "HTTP/1.1 %d %s\r\n", reply->status, http_status_text(reply->status));
    if (reply->type)
        put_header(to, "Content-Type", slice_of(reply->type));
    for (unsigned i = 0; i < reply->header_count; i++)
        put_header(to, reply->headers[i].name, reply->headers[i].value);
    if (!r->keeps_alive)
        (void)buf_puts(to, "Connection: close\r\n");
    else if (http_parser_minor(r->parser) == 0)
        (void)buf_puts(to, "Connection: keep-alive\r\n");
}

void http_respond(struct http_req *r, const struct http_reply *reply)
{
    auto_buf struct buf head = { 0 };
    if (r->phase == REQ_GONE || r->is_answered || r->is_streaming)
        return;
    if (reply->is_closing)
        r->keeps_alive = false;
    put_head(&head, r, reply);
    if (may_have_body(reply->status))
        (void)buf_printf(&head, "Content-Length: %zu\r\n", reply->body.len);
    (void)buf_puts(&head, "\r\n");
    const struct slice parts[] = { buf_slice(&head), reply->body };
    bool has_body = may_have_body(reply->status) && !r->is_head;
    if (conn_writev(r->conn, parts, has_body ? 2 : 1) != OK)
        r->keeps_alive = false;
    req_answered(r);
}

void http_respond_text(struct http_req *r, int status, const char *text)
{
    http_respond(r, &(struct http_reply){
                        .status = status, .type = "text/plain; charset=utf-8", .body = slice_of(text) });
}

/* For heads that never became a request. */
void respond_error(struct conn *c, int status)
{
    auto_buf struct buf text = { 0 };
    const char *reason = http_status_text(status);
    bool is_passing = status == 429 || status == 503;
    (void)buf_printf(&text,
                     "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s"
                     "Connection: close\r\n\r\n%s\n",
                     status, reason, strlen(reason) + 1, is_passing ? RETRY_AFTER : "", reason);
    (void)conn_write(c, buf_slice(&text));
}

/* ---- streams ---- */

enum err http_stream_begin(struct http_req *r, const struct http_reply *head, int64_t length)
{
    auto_buf struct buf text = { 0 };
    if (r->phase == REQ_GONE || r->is_answered || r->is_streaming)
        return ERR_STATE;
    r->stream_left = length;
    if (length < 0)
        r->stream_left = http_parser_minor(r->parser) == 1 ? STREAM_CHUNKED : STREAM_UNTIL_END;
    if (head->is_closing || r->stream_left == STREAM_UNTIL_END)
        r->keeps_alive = false;
    put_head(&text, r, head);
    if (r->stream_left == STREAM_CHUNKED)
        (void)buf_puts(&text, "Transfer-Encoding: chunked\r\n");
    else if (length >= 0)
        (void)buf_printf(&text, "Content-Length: %" PRId64 "\r\n", length);
    (void)buf_puts(&text, "\r\n");
    r->is_streaming = true;
    return conn_write(r->conn, buf_slice(&text));
}

enum err http_stream_write(struct http_req *r, struct slice part)
{
    char size[24];
    if (r->phase == REQ_GONE || !r->is_streaming)
        return ERR_STATE;
    if (part.len == 0 || r->is_head)
        return OK;
    if (r->stream_left == STREAM_CHUNKED) {
        int digits = snprintf(size, sizeof(size), "%zx\r\n", part.len);
        const struct slice parts[] = { { size, (size_t)digits }, part, SLICE("\r\n") };
        return conn_writev(r->conn, parts, COUNT(parts));
    }
    if (r->stream_left >= 0 && part.len > (uint64_t)r->stream_left)
        return ERR_INVALID; /* more than was promised */
    enum err e = conn_write(r->conn, part);
    if (e == OK && r->stream_left >= 0)
        r->stream_left -= (int64_t)part.len;
    return e;
}

void http_stream_on_drain(struct http_req *r, void (*fn)(void *user, struct http_req *r), void *user)
{
    r->on_drain = fn;
    r->drain_user = user;
}

void http_stream_end(struct http_req *r)
{
    if (r->phase == REQ_GONE || !r->is_streaming)
        return;
    if (r->stream_left > 0 && !r->is_head)
        r->keeps_alive = false; /* less than was promised: only closing says so */
    /* Five bytes more than the limit allows are better than an answer without an end. */
    if (r->stream_left == STREAM_CHUNKED && !r->is_head &&
        conn_write_last(r->conn, SLICE("0\r\n\r\n")) != OK)
        r->keeps_alive = false;
    req_answered(r);
}
