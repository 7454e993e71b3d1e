/* SPDX-License-Identifier: MIT
 * link.h -- one device's wire: WebSocket, audio framing, and what may wait to be sent.
 *
 * Everything that leaves goes through here, so here are the outbound limits: JSON of at most
 * LINK_JSON_MAX_BYTES (LINK_JSON_LARGE_MAX_BYTES for clients that asked for it), a send queue of
 * limits.send_queue_bytes. When the peer reads too slowly, statistics go first, then renders, then the
 * rest of a spoken reply; what must arrive and does not fit ends the session (1013). Loop thread. */
#ifndef PARLEY_GATEWAY_LINK_H
#define PARLEY_GATEWAY_LINK_H

#include "http/ws.h"
#include "protocol/framing.h"

#define LINK_JSON_MAX_BYTES 8192
#define LINK_JSON_LARGE_MAX_BYTES 65536
#define LINK_STALL_MS 1000          /* unsent bytes lie this long: audio is dropped */
#define LINK_LINGER_MS 1000         /* after our Close, for clients that echo it */
#define LINK_STATS_SHARE 4          /* of the queue, in eighths: statistics wait only below it */
#define LINK_RENDER_SHARE 6

enum link_rank { LINK_STATS, LINK_RENDER, LINK_MUST };

struct link;
struct link_events {
    void (*on_text)(void *user, struct slice text);
    void (*on_binary)(void *user, struct slice message);
    /* Last event: the device went away (code 1006 mostly), or it broke the WebSocket rules. */
    void (*on_closed)(void *user, int code);
    /* Something that must arrive did not fit: close the session (1013). */
    void (*on_overflow)(void *user);
};
struct link_opts {
    size_t text_max_bytes, binary_max_bytes, queue_max_bytes;
    unsigned ping_seconds;
};
/* Answers 101 and takes the request's connection; r is gone either way. */
must_check enum err link_accept(struct link **out, struct http_req *r, const struct link_opts *o,
                                const struct link_events *ev, void *user);
void link_framing(struct link *l, enum framing f);     /* default v1 */
void link_large(struct link *l, bool takes_large_json);
size_t link_json_max(const struct link *l);
/* ERR_LIMIT: too long for this client or dropped by rank; ERR_CLOSED: closing. */
enum err link_json(struct link *l, struct slice json, enum link_rank rank);
/* One packet with the header of its framing. ERR_LIMIT: the device stalls, ERR_CLOSED. */
enum err link_audio(struct link *l, struct slice packet, uint32_t timestamp_ms);
uint64_t link_sent_ms(const struct link *l);            /* when something was sent last (loop_now_ms) */
size_t link_queued_bytes(const struct link *l);
/* Sends Close, then closes TCP. No event after it returns; memory goes by itself. NULL is fine. */
void link_close(struct link *l, int code, struct slice reason);

#endif
