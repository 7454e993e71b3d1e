/* SPDX-License-Identifier: MIT
 * repack.h -- joins short Opus packets into longer ones without decoding (3 x 20 ms -> 60 ms).
 *
 * Packets join while they have the same configuration and fill one frame exactly; anything else
 * (a change of mode, a packet that does not fit) makes repack_put fail, and the caller decodes and
 * encodes instead. */
#ifndef PARLEY_AUDIO_REPACK_H
#define PARLEY_AUDIO_REPACK_H

#include "audio/packet.h"

struct repack;
must_check enum err repack_create(struct repack **out, uint32_t frame_us); /* ERR_UNSUPPORTED: not legal */
void repack_free(struct repack *r);
/* *packet: a finished packet of exactly frame_us, borrowed until the next call, or empty: more is
 * needed. ERR_UNSUPPORTED: does not join; it was not taken, what was held stays (repack_rest).
 * ERR_PROTO: not Opus. */
must_check enum err repack_put(struct repack *r, struct slice packet, struct slice *out);
uint32_t repack_held_us(const struct repack *r); /* what waits for more */
/* What waits, decodable but shorter than a frame; false: nothing. r is empty after. */
bool repack_rest(struct repack *r, struct slice *out);

#endif
