/* SPDX-License-Identifier: MIT
 * sse.c -- the event stream format of the HTML standard, byte by byte: lines end with CR, LF or CRLF,
 * "event:" and "data:" fill an event, an empty line sends it. "id:" and "retry:" mean nothing to us. */
#include "http/sse.h"

#define LINE_MAX_BYTES 65536u
#define MARK_BYTES 3u

void sse_init(struct sse *s, void (*on_event)(void *user, struct slice event, struct slice data), void *user)
{
    *s = (struct sse){ .on_event = on_event, .user = user };
}

void sse_stop(struct sse *s)
{
    s->closing = true;
}

void sse_done(struct sse *s)
{
    buf_done(&s->line);
    buf_done(&s->data);
    buf_done(&s->event);
    s->closing = true;
}

static size_t line_max(const struct sse *s)
{
    return s->line_max_bytes ? s->line_max_bytes : LINE_MAX_BYTES;
}

static void dispatch(struct sse *s)
{
    if (s->has_data) {
        struct slice data = buf_slice(&s->data);
        data.len -= data.len > 0; /* every data line added a LF */
        s->on_event(s->user, buf_slice(&s->event), data);
    }
    buf_clear(&s->data);
    buf_clear(&s->event);
    s->has_data = false;
}

static enum err put_data(struct sse *s, struct slice value)
{
    s->data.max = line_max(s);
    s->has_data = true;
    enum err e = buf_put(&s->data, value);
    return e ? e : buf_put_byte(&s->data, '\n');
}

static enum err end_of_line(struct sse *s)
{
    struct slice value = buf_slice(&s->line);
    enum err e = OK;
    if (value.len == 0) {
        dispatch(s);
        return OK;
    }
    struct slice field = slice_cut(&value, ':');
    if (value.len > 0 && value.data[0] == ' ')
        value = slice_sub(value, 1, value.len);
    if (slice_is(field, "data")) {
        e = put_data(s, value);
    } else if (slice_is(field, "event")) {
        buf_clear(&s->event);
        s->event.max = line_max(s);
        e = buf_put(&s->event, value);
    }
    buf_clear(&s->line);
    return e;
}

/* A byte order mark may stand before everything. */
static void drop_mark(struct sse *s)
{
    if (!s->seen_bytes && s->line.len >= MARK_BYTES) {
        s->seen_bytes = true;
        if (memcmp(s->line.data, "\xef\xbb\xbf", MARK_BYTES) == 0)
            buf_eat(&s->line, MARK_BYTES);
    }
}

enum err sse_feed(struct sse *s, struct slice bytes)
{
    size_t at = 0;
    while (at < bytes.len && !s->closing) {
        size_t from = at;
        if (s->after_cr && bytes.data[at] == '\n')
            from = ++at; /* the second half of CRLF */
        s->after_cr = false;
        while (at < bytes.len && bytes.data[at] != '\n' && bytes.data[at] != '\r')
            at++;
        s->line.max = line_max(s) + (s->seen_bytes ? 0 : MARK_BYTES);
        enum err e = buf_put(&s->line, slice_sub(bytes, from, at - from));
        if (e)
            return e;
        drop_mark(s);
        if (s->line.len > line_max(s))
            return ERR_LIMIT;
        if (at == bytes.len)
            break;
        s->after_cr = bytes.data[at++] == '\r';
        s->seen_bytes = true;
        e = end_of_line(s);
        if (e)
            return e;
    }
    return OK;
}
