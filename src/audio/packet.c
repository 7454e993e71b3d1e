/* SPDX-License-Identifier: MIT
 * packet.c -- the table of contents of an Opus packet. */
#include "audio/packet.h"

#include <opus/opus.h>

#define DTX_BYTES_MAX 3 /* 60 ms of silence arrive as 1..3 bytes */
#define FRAMES_MAX 48   /* of a packet */
#define TOC_CELT 0x80   /* the codec alone; without it SILK, alone or below CELT */
#define TOC_STEREO 0x04

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

/* A SILK frame begins with a flag for each 20 ms of it, the first bits of its first byte. */
static bool is_voiceless(const unsigned char *frame, opus_int16 len, int silk_frames)
{
    return len <= 1 || frame[0] >> (8 - silk_frames) == 0;
}

bool packet_is_voiceless(struct slice packet)
{
    const unsigned char *bytes = (const unsigned char *)packet.data, *frames[FRAMES_MAX];
    opus_int16 lens[FRAMES_MAX];
    if (packet_is_dtx(packet))
        return true;
    if (!packet_duration_us(packet) || bytes[0] & TOC_CELT || bytes[0] & TOC_STEREO)
        return false;
    int silk_frames = MAX(1, opus_packet_get_samples_per_frame(bytes, 48000) / 960);
    int count = opus_packet_parse(bytes, (opus_int32)packet.len, NULL, frames, lens, NULL);
    for (int i = 0; i < count; i++) {
        if (!is_voiceless(frames[i], lens[i], silk_frames))
            return false;
    }
    return count > 0;
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
