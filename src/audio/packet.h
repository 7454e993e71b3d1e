/* SPDX-License-Identifier: MIT
 * packet.h -- what the first bytes of an Opus packet say, without decoding it. Any bytes are safe. */
#ifndef PARLEY_AUDIO_PACKET_H
#define PARLEY_AUDIO_PACKET_H

#include "base/base.h"

#define PACKET_BYTES_MAX 4096       /* longer ones are refused (clients send up to 2 KB) */
#define PACKET_US_MAX 120000        /* the longest legal packet */

/* Duration in microseconds, 2500..120000; 0: not a legal Opus packet (empty, too long, bad counts). */
uint32_t packet_duration_us(struct slice packet);
/* A DTX packet: nothing but near silence of its duration. */
bool packet_is_dtx(struct slice packet);
/* Its encoder heard no voice in all of it: DTX, or SILK (mono) with every voice activity flag off. CELT does not
 * say: false. RFC 6716 section 4.2.3. */
bool packet_is_voiceless(struct slice packet);
/* Is this duration one that an Opus packet can have (2.5, 5, 10, 20, 40, 60, 80, 100, 120 ms)? */
bool packet_duration_legal(uint32_t duration_us);
bool packet_rate_legal(uint32_t rate_hz); /* 8000, 12000, 16000, 24000, 48000 */

#endif
