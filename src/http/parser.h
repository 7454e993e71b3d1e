/* SPDX-License-Identifier: MIT
 * parser.h -- the head of one HTTP/1.1 message, and the framing of its body. Pure: bytes in, answers
 * out. Whatever two programs could read in two ways is refused, so that nothing can be smuggled past
 * a proxy: only CRLF ends a line, no folding, no space before a colon, one way to say how long a body
 * is. A parser is made when the first byte comes and freed with the request. */
#ifndef PARLEY_HTTP_PARSER_H
#define PARLEY_HTTP_PARSER_H

#include "base/buf.h"

struct http_limits {
    size_t line_max_bytes; /* request line -> 414, header line -> 431 */
    size_t head_max_bytes; /* -> 431 */
    unsigned headers_max;  /* -> 431 */
};

struct http_parser;

struct http_parser *http_parser_create(bool is_response, const struct http_limits *limits);
void http_parser_free(struct http_parser *p); /* NULL is fine */

#define HTTP_HEAD_MORE 0
#define HTTP_HEAD_DONE 1
/* Eats head bytes; *used says how many belonged to it. HTTP_HEAD_MORE, HTTP_HEAD_DONE, or the status to
 * refuse with: 400 malformed, 414, 431 (limits), 417 (unknown Expect), 501 (unknown method or transfer
 * coding), 505 (not HTTP/1.0 or 1.1). After anything but MORE: no more calls of this. */
int http_parser_head(struct http_parser *p, struct slice bytes, size_t *used);
bool http_parser_started(const struct http_parser *p); /* something else than empty lines came */

/* All borrowed from the parser. */
struct slice http_parser_method(const struct http_parser *p);
struct slice http_parser_target(const struct http_parser *p);
int http_parser_status(const struct http_parser *p); /* of a response */
int http_parser_minor(const struct http_parser *p);  /* HTTP/1.x */
size_t http_parser_header_count(const struct http_parser *p);
void http_parser_header(const struct http_parser *p, size_t i, struct slice *name, struct slice *value);
/* First non-empty one of that name. */
bool http_parser_find(const struct http_parser *p, const char *name, struct slice *value);
/* Is `token` in the comma list(s) of that name? */
bool http_parser_has_token(const struct http_parser *p, const char *name, const char *token);
bool http_parser_keeps_alive(const struct http_parser *p);

bool http_parser_is_chunked(const struct http_parser *p);
uint64_t http_parser_length(const struct http_parser *p); /* Content-Length; 0 without one */

/* The body behind the head. */
enum http_body_step { HTTP_BODY_MORE, HTTP_BODY_PIECE, HTTP_BODY_END, HTTP_BODY_BAD };
struct http_body {
    uint64_t left;       /* of the body or of this chunk */
    uint32_t line_bytes; /* of chunk extensions and trailers together */
    uint8_t digits, state;
    bool is_chunked;
};
/* Of a request whose head is done. Without a body the first step is HTTP_BODY_END. */
void http_body_init(struct http_body *b, const struct http_parser *p);
int64_t http_body_length(const struct http_body *b); /* -1: chunked; before the first step */
/* One step: takes bytes from the front of *in; *piece is set for HTTP_BODY_PIECE, borrowed from in. */
enum http_body_step http_body_next(struct http_body *b, struct slice *in, struct slice *piece);

/* Percent-decoding into out (appended). False: a broken escape or %00; is_form: '+' is a space and
 * broken escapes stand for themselves. */
bool http_percent_decode(struct buf *out, struct slice text, bool is_form);

#endif
