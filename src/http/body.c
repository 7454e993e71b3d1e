/* SPDX-License-Identifier: MIT
 * body.c -- how long a body is: a count of bytes, or chunks.
 *
 * Chunks are read by our own thirteen states and not by a general parser, since this is where requests
 * are smuggled: only CRLF ends a line, sizes are plain hex digits, and extensions and trailers, which
 * we have no use for, may not go on for ever. */
#include "http/parser.h"

#define SIZE_DIGITS_MAX 12
#define LINES_MAX_BYTES 4096 /* chunk extensions and trailers of one body */

enum {
    FIXED, SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER_START, TRAILER_NAME, TRAILER_VALUE,
    TRAILER_LF, END_LF, ENDED,
};

void http_body_init(struct http_body *b, const struct http_parser *p)
{
    *b = (struct http_body){ .is_chunked = http_parser_is_chunked(p) };
    b->left = b->is_chunked ? 0 : http_parser_length(p);
    b->state = b->is_chunked ? SIZE : FIXED;
}

int64_t http_body_length(const struct http_body *b)
{
    return b->is_chunked ? -1 : (int64_t)b->left;
}

static bool read_digit(struct http_body *b, char c)
{
    static const char digits[] = "0123456789abcdef";
    char lower = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
    const char *at = lower ? strchr(digits, lower) : NULL;
    if (!at || b->digits == SIZE_DIGITS_MAX)
        return false;
    b->left = b->left << 4 | (uint64_t)(at - digits);
    b->digits++;
    return true;
}

/* A byte of an extension or trailer, of which nothing is kept. */
static bool skip_text(struct http_body *b, char c)
{
    unsigned char byte = (unsigned char)c;
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
        return false;
    return ++b->line_bytes <= LINES_MAX_BYTES;
}

static bool step_size(struct http_body *b, char c)
{
    if (b->digits > 0 && c == '\r')
        b->state = SIZE_LF;
    else if (b->digits > 0 && c == ';')
        b->state = EXTENSION;
    else
        return read_digit(b, c);
    return true;
}

static bool step_trailer(struct http_body *b, char c)
{
    if (b->state == TRAILER_START && c == '\r') {
        b->state = END_LF;
        return true;
    }
    if (b->state == TRAILER_VALUE && c == '\r') {
        b->state = TRAILER_LF;
        return true;
    }
    if (b->state == TRAILER_NAME && c == ':')
        b->state = TRAILER_VALUE;
    else if (b->state != TRAILER_VALUE && (c == ' ' || c == '\t' || c == ':'))
        return false;
    else if (b->state == TRAILER_START)
        b->state = TRAILER_NAME;
    return skip_text(b, c);
}

static bool expect(struct http_body *b, char c, char wanted, uint8_t next)
{
    b->state = next;
    return c == wanted;
}

static bool step(struct http_body *b, char c)
{
    switch (b->state) {
    case SIZE:
        return step_size(b, c);
    case EXTENSION:
        if (c != '\r')
            return skip_text(b, c);
        b->state = SIZE_LF;
        return true;
    case SIZE_LF:
        b->digits = 0;
        return expect(b, c, '\n', b->left ? DATA : TRAILER_START);
    case DATA_CR:
        return expect(b, c, '\r', DATA_LF);
    case DATA_LF:
        return expect(b, c, '\n', SIZE);
    case TRAILER_LF:
        return expect(b, c, '\n', TRAILER_START);
    case END_LF:
        return expect(b, c, '\n', ENDED);
    default:
        return step_trailer(b, c);
    }
}

enum http_body_step http_body_next(struct http_body *b, struct slice *in, struct slice *piece)
{
    for (;;) {
        if (b->state == ENDED || (b->state == FIXED && b->left == 0)) {
            b->state = ENDED;
            return HTTP_BODY_END;
        }
        if (in->len == 0)
            return HTTP_BODY_MORE;
        if (b->state == FIXED || b->state == DATA) {
            *piece = slice_sub(*in, 0, (size_t)MIN(b->left, (uint64_t)in->len));
            *in = slice_sub(*in, piece->len, in->len);
            b->left -= piece->len;
            if (b->state == DATA && b->left == 0)
                b->state = DATA_CR;
            return HTTP_BODY_PIECE;
        }
        char c = in->data[0];
        *in = slice_sub(*in, 1, in->len);
        if (!step(b, c))
            return HTTP_BODY_BAD;
    }
}
