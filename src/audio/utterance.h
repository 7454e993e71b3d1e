/* SPDX-License-Identifier: MIT
 * utterance.h -- what a device said, kept as the packets it sent. Before voice only the last 600 ms
 * stay (pre-roll); after utterance_voice() all stay, up to a limit in time and bytes. */
#ifndef PARLEY_AUDIO_UTTERANCE_H
#define PARLEY_AUDIO_UTTERANCE_H

#include "audio/packets.h"

#define UTTERANCE_PREROLL_US 600000

struct utterance {
    struct packets packets;
    uint64_t preroll_us, max_us;
    bool has_voice;
};

/* max_us: limits.utterance_seconds; bytes_max: its share of limits.session_bytes. */
void utterance_init(struct utterance *u, uint64_t preroll_us, uint64_t max_us, size_t bytes_max);
void utterance_done(struct utterance *u);
/* ERR_LIMIT: full (time or bytes), the packet was not kept: recognise what there is, then clear. */
must_check enum err utterance_put(struct utterance *u, struct slice packet, uint32_t duration_us);
void utterance_voice(struct utterance *u); /* from here on nothing is dropped */
void utterance_clear(struct utterance *u); /* empty, back before voice */
static inline uint64_t utterance_us(const struct utterance *u)
{
    return u->packets.duration_us;
}

#endif
