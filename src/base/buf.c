/* SPDX-License-Identifier: MIT
 * buf.c -- growth doubles; one byte more than asked is always there for the NUL. */
#include "base/buf.h"

#include <stdio.h>

#include "base/mem.h"

#define BUF_FIRST_BYTES 64

/* Makes room for `bytes` more and the NUL. */
static enum err grow(struct buf *b, size_t bytes)
{
    if (b->max && (bytes > b->max || b->len > b->max - bytes))
        return ERR_LIMIT;
    assert(bytes < SIZE_MAX / 4);
    size_t need = b->len + bytes + 1;
    if (need <= b->cap)
        return OK;
    size_t cap = MAX(b->cap * 2, MAX(need, (size_t)BUF_FIRST_BYTES));
    if (b->max) {
        char *data = try_realloc(b->data, cap);
        if (!data)
            return ERR_NO_MEMORY;
        b->data = data;
    } else {
        b->data = xrealloc(b->data, cap);
    }
    b->cap = cap;
    return OK;
}

void buf_done(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = 0;
}

enum err buf_put(struct buf *b, struct slice s)
{
    enum err e = grow(b, s.len);
    if (e)
        return e;
    if (s.len)
        memcpy(b->data + b->len, s.data, s.len);
    b->len += s.len;
    b->data[b->len] = 0;
    return OK;
}

enum err buf_put_byte(struct buf *b, char c)
{
    return buf_put(b, slice_from(&c, 1));
}

enum err buf_puts(struct buf *b, const char *text)
{
    return buf_put(b, slice_of(text));
}

enum err buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    char small[256];
    int len = vsnprintf(small, sizeof(small), fmt, args);
    enum err e = len < 0 ? ERR_INVALID : OK;
    if (!e && (size_t)len < sizeof(small)) {
        e = buf_put(b, slice_from(small, (size_t)len));
    } else if (!e) {
        e = grow(b, (size_t)len);
        if (!e) {
            vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
            b->len += (size_t)len;
        }
    }
    va_end(again);
    return e;
}

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    enum err e = buf_vprintf(b, fmt, args);
    va_end(args);
    return e;
}

char *buf_reserve(struct buf *b, size_t bytes)
{
    if (grow(b, bytes))
        return NULL;
    b->data[b->len + bytes] = 0;
    return b->data + b->len;
}

void buf_eat(struct buf *b, size_t bytes)
{
    assert(bytes <= b->len);
    if (bytes == 0)
        return;
    b->len -= bytes;
    memmove(b->data, b->data + bytes, b->len);
    b->data[b->len] = 0;
}

char *buf_take(struct buf *b)
{
    char *data = b->data ? b->data : xslicedup((struct slice){ 0 });
    data[b->len] = 0;
    *b = (struct buf){ .max = b->max };
    return data;
}
