/* SPDX-License-Identifier: MIT
 * packets.h -- a bounded list of packets with their durations: bytes lie in one block, packets come in
 * at the end and may leave at the front. Zero with limits set by packets_init is empty. */
#ifndef PARLEY_AUDIO_PACKETS_H
#define PARLEY_AUDIO_PACKETS_H

#include "base/base.h"

struct packet_entry {
    uint32_t at, len, duration_us;
};

struct packets {
    char *bytes;
    struct packet_entry *entries;
    size_t bytes_start, bytes_end, bytes_cap; /* live bytes: start..end */
    size_t first, end, cap;                   /* live entries: first..end */
    size_t bytes_max;
    uint64_t duration_us;                     /* of all of them */
};

void packets_init(struct packets *p, size_t bytes_max); /* payload and bookkeeping together stay under it */
void packets_done(struct packets *p);
void packets_clear(struct packets *p);      /* gives large memory back */
/* Copies. ERR_LIMIT: over bytes_max, nothing changed. ERR_NO_MEMORY. */
must_check enum err packets_put(struct packets *p, struct slice packet, uint32_t duration_us);
void packets_shift(struct packets *p);      /* drops the oldest; nothing when empty */
struct slice packets_at(const struct packets *p, size_t i, uint32_t *duration_us); /* borrowed till put/shift */
static inline size_t packets_count(const struct packets *p)
{
    return p->end - p->first;
}
size_t packets_memory(const struct packets *p); /* bytes held now */

#endif
