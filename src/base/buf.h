/* SPDX-License-Identifier: MIT
 * buf.h -- a growing run of bytes. Zero is valid and empty. With max set (bytes a peer sizes) an
 * append beyond it fails with ERR_LIMIT and appends nothing; with max 0 it always succeeds. The
 * bytes are always followed by a NUL that len does not count (data NULL while nothing was put). */
#ifndef PARLEY_BASE_BUF_H
#define PARLEY_BASE_BUF_H

#include <stdarg.h>

#include "base/base.h"

struct buf {
    char *data;
    size_t len, cap, max;
};

void buf_done(struct buf *b);
void buf_clear(struct buf *b);                     /* keeps the memory */
enum err buf_put(struct buf *b, struct slice s);   /* ERR_LIMIT, ERR_NO_MEMORY only when max > 0 */
enum err buf_put_byte(struct buf *b, char c);
enum err buf_puts(struct buf *b, const char *text);
enum err buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
enum err buf_vprintf(struct buf *b, const char *fmt, va_list args);
/* Makes room for `bytes` more; returns where to write them (then add to len), NULL at the limit. */
char *buf_reserve(struct buf *b, size_t bytes);
void buf_eat(struct buf *b, size_t bytes);         /* drops bytes from the front */
char *buf_take(struct buf *b);                     /* given: terminated text, never NULL; b is empty after */

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){ b->data, b->len };
}
#define auto_buf __attribute__((cleanup(buf_done)))

#endif
