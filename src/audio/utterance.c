/* SPDX-License-Identifier: MIT
 * utterance.c -- a packet list that forgets its front until there is voice. */
#include "audio/utterance.h"

void utterance_init(struct utterance *u, uint64_t preroll_us, uint64_t max_us, size_t bytes_max)
{
    *u = (struct utterance){ .preroll_us = preroll_us, .max_us = max_us };
    packets_init(&u->packets, bytes_max);
}

void utterance_done(struct utterance *u)
{
    packets_done(&u->packets);
    u->has_voice = false;
}

static uint32_t first_us(const struct utterance *u)
{
    uint32_t us = 0;
    if (packets_count(&u->packets))
        packets_at(&u->packets, 0, &us);
    return us;
}

enum err utterance_put(struct utterance *u, struct slice packet, uint32_t duration_us)
{
    if (u->has_voice) {
        if (u->packets.duration_us + duration_us > u->max_us)
            return ERR_LIMIT;
        return packets_put(&u->packets, packet, duration_us);
    }
    while (packets_count(&u->packets) &&
           u->packets.duration_us - first_us(u) + duration_us >= MIN(u->preroll_us, u->max_us))
        packets_shift(&u->packets);
    enum err e;
    while ((e = packets_put(&u->packets, packet, duration_us)) == ERR_LIMIT && packets_count(&u->packets))
        packets_shift(&u->packets);
    return e;
}

void utterance_voice(struct utterance *u)
{
    u->has_voice = true;
}

void utterance_clear(struct utterance *u)
{
    packets_clear(&u->packets);
    u->has_voice = false;
}
