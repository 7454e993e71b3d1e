/* SPDX-License-Identifier: MIT
 * think.c -- a matcher for two fixed tags, one byte at a time. */
#include "providers/think.h"

static const char *tag_of(const struct think *t)
{
    return t->is_inside ? "</think>" : "<think>";
}

static void put(struct think *t, const char *bytes, size_t len, struct buf *out)
{
    if (t->is_inside)
        return;
    for (; t->has_left && len && strchr(" \r\n\t", *bytes); len--)
        bytes++;
    if (!len)
        return;
    t->has_left = false;
    buf_put(out, slice_from(bytes, len));
}

static void feed_byte(struct think *t, char c, struct buf *out)
{
    const char *tag = tag_of(t);
    if (c != tag[t->held_len]) {
        put(t, t->held, t->held_len, out);
        t->held_len = 0;
        if (c != tag[0]) {
            put(t, &c, 1, out);
            return;
        }
    }
    t->held[t->held_len++] = c;
    if (!tag[t->held_len]) {
        t->held_len = 0;
        t->has_left = t->is_inside;
        t->is_inside = !t->is_inside;
    }
}

void think_feed(struct think *t, struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        feed_byte(t, text.data[i], out);
}

void think_end(struct think *t, struct buf *out)
{
    put(t, t->held, t->held_len, out);
    t->held_len = 0;
}
