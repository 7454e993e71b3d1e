/* SPDX-License-Identifier: MIT
 * fuzz_http.c -- heads and bodies as a server reads them: whole and in pieces give the same requests. */
#include "base/buf.h"
#include "base/mem.h"
#include "http/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = { 512, 1024, 16 };

struct reader {
    struct http_parser *parser;
    struct http_body body;
    bool in_body;
    int refused;
    struct buf seen;
};

static void note_head(struct reader *r, bool is_response)
{
    struct slice name, value;
    auto_buf struct buf path = { 0 };
    if (!is_response) {
        (void)buf_put(&r->seen, http_parser_method(r->parser));
        (void)buf_put(&r->seen, http_parser_target(r->parser));
        (void)http_percent_decode(&path, http_parser_target(r->parser), true);
        assert(path.len <= http_parser_target(r->parser).len);
    }
    for (size_t i = 0; i < http_parser_header_count(r->parser); i++) {
        http_parser_header(r->parser, i, &name, &value);
        assert(name.len > 0 && !memchr(name.data, ' ', name.len));
        (void)buf_put(&r->seen, name);
        (void)buf_put(&r->seen, value);
    }
    (void)http_parser_has_token(r->parser, "connection", "upgrade");
    (void)http_parser_keeps_alive(r->parser);
}

static void feed(struct reader *r, struct slice in, bool is_response)
{
    struct slice piece;
    while (!r->refused && (in.len > 0 || r->in_body)) {
        if (!r->in_body) {
            size_t used;
            if (!r->parser)
                r->parser = http_parser_create(is_response, &limits);
            int result = http_parser_head(r->parser, in, &used);
            in = slice_sub(in, used, in.len);
            if (result == HTTP_HEAD_DONE) {
                note_head(r, is_response);
                http_body_init(&r->body, r->parser);
                r->in_body = true;
            } else if (result != HTTP_HEAD_MORE) {
                assert(result >= 400 && result < 600);
                r->refused = result;
            }
            continue;
        }
        switch (http_body_next(&r->body, &in, &piece)) {
        case HTTP_BODY_MORE:
            return;
        case HTTP_BODY_PIECE:
            (void)buf_put(&r->seen, piece);
            break;
        case HTTP_BODY_END:
            r->in_body = false;
            http_parser_free(take_ptr(&r->parser));
            break;
        case HTTP_BODY_BAD:
            r->refused = 400;
        }
    }
}

static void run(struct reader *r, const uint8_t *data, size_t size, size_t step, bool is_response)
{
    for (size_t at = 0; at < size; at += step) {
        size_t len = MIN(step, size - at);
        char *copy = xmemdup(data + at, len);
        feed(r, slice_from(copy, len), is_response);
        mem_free(copy);
    }
    http_parser_free(r->parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader whole = { 0 }, pieces = { 0 };
    if (size < 2)
        return 0;
    bool is_response = data[0] == '!';
    size_t skip = is_response;
    run(&whole, data + skip, size - skip, size, is_response);
    run(&pieces, data + skip, size - skip, 1 + data[size - 1] % 7, is_response);
    assert(whole.refused == pieces.refused);
    assert(slice_eq(buf_slice(&whole.seen), buf_slice(&pieces.seen)));
    buf_done(&whole.seen);
    buf_done(&pieces.seen);
    return 0;
}
