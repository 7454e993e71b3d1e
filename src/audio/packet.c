/* SPDX-License-Identifier: MIT
 * packet.c -- the table of contents of an Opus packet. */
#include "audio/packet.h"

#include <opus/opus.h>

#define DTX_BYTES_MAX 3 /* 60 ms of silence arrive as 1..3 bytes */

uint32_t packet_duration_us(struct slice packet)
{
    if (packet.len == 0 || packet.len > PACKET_BYTES_MAX)
        return 0;
    int samples = opus_packet_get_nb_samples((const unsigned char *)packet.data, (opus_int32)packet.len, 48000);
    if (samples <= 0 || samples > 5760)
        return 0;
    return (uint32_t)((uint64_t)samples * 1000000 / 48000);
}

bool packet_is_dtx(struct slice packet)
{
    return packet.len <= DTX_BYTES_MAX && packet_duration_us(packet) > 0;
}

bool packet_duration_legal(uint32_t duration_us)
{
    static const uint32_t legal[] = { 2500, 5000, 10000, 20000, 40000, 60000, 80000, 100000, 120000 };
    for (size_t i = 0; i < COUNT(legal); i++) {
        if (legal[i] == duration_us)
            return true;
    }
    return false;
}

bool packet_rate_legal(uint32_t rate_hz)
{
    return rate_hz == 8000 || rate_hz == 12000 || rate_hz == 16000 || rate_hz == 24000 || rate_hz == 48000;
}
