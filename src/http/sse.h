/* SPDX-License-Identifier: MIT
 * sse.h -- server-sent events: bytes in, events out. Pure. Lines over line_max_bytes -> ERR_LIMIT. */
#ifndef PARLEY_HTTP_SSE_H
#define PARLEY_HTTP_SSE_H

#include "base/buf.h"

struct sse {
    struct buf line, data, event;
    size_t line_max_bytes; /* of a line and of all data of an event; 0: 65536 */
    bool after_cr, seen_bytes, has_data, closing;
    void (*on_event)(void *user, struct slice event, struct slice data); /* borrowed; may call sse_stop */
    void *user;
};
void sse_init(struct sse *s, void (*on_event)(void *user, struct slice event, struct slice data), void *user);
enum err sse_feed(struct sse *s, struct slice bytes);
void sse_stop(struct sse *s); /* no more events, also from inside on_event */
void sse_done(struct sse *s);

#endif
