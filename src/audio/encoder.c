/* SPDX-License-Identifier: MIT
 * encoder.c -- libopus with the settings that measured best for speech from a synthesiser. */
#include "audio/encoder.h"

#include <opus/opus.h>

#include "base/mem.h"

#define PEAK 4 /* a packet may have so many times the average */

struct encoder {
    OpusEncoder *opus;
    size_t frame_samples, packet_bytes;
    unsigned char packet[]; /* packet_bytes */
};

static size_t packet_bytes(uint32_t bitrate, uint32_t frame_us)
{
    size_t average = (size_t)((uint64_t)bitrate * frame_us / 8 / 1000000);
    return MIN(average * PEAK + 16, (size_t)PACKET_BYTES_MAX);
}

enum err encoder_create(struct encoder **out, const struct encoder_opts *o)
{
    if (!packet_rate_legal(o->rate_hz) || !packet_duration_legal(o->frame_us))
        return ERR_UNSUPPORTED;
    int status = 0;
    OpusEncoder *opus = opus_encoder_create((opus_int32)o->rate_hz, 1, OPUS_APPLICATION_AUDIO, &status);
    if (!opus)
        return status == OPUS_ALLOC_FAIL ? ERR_NO_MEMORY : ERR_UNSUPPORTED;

    uint32_t bitrate = o->bitrate ? o->bitrate : ENCODER_BITRATE;
    opus_encoder_ctl(opus, OPUS_SET_BITRATE((opus_int32)bitrate));
    opus_encoder_ctl(opus, OPUS_SET_VBR(1));
    opus_encoder_ctl(opus, OPUS_SET_SIGNAL(OPUS_AUTO));
    opus_encoder_ctl(opus, OPUS_SET_DTX(o->has_dtx));

    size_t room = packet_bytes(bitrate, o->frame_us);
    struct encoder *e = xalloc(sizeof(*e) + room);
    e->packet_bytes = room;
    e->opus = opus;
    e->frame_samples = (size_t)((uint64_t)o->rate_hz * o->frame_us / 1000000);
    encoder_set_complexity(e, o->complexity < 0 ? ENCODER_COMPLEXITY : o->complexity);
    *out = e;
    return OK;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    opus_encoder_destroy(e->opus);
    mem_free(e);
}

size_t encoder_samples(const struct encoder *e)
{
    return e->frame_samples;
}

enum err encoder_frame(struct encoder *e, struct pcm frame, struct slice *packet)
{
    if (frame.count != e->frame_samples)
        return ERR_INVALID;
    opus_int32 len = opus_encode(e->opus, frame.samples, (int)frame.count, e->packet, (opus_int32)e->packet_bytes);
    if (len <= 0)
        return ERR_INTERNAL;
    *packet = slice_from(e->packet, (size_t)len);
    return OK;
}

void encoder_set_complexity(struct encoder *e, int complexity)
{
    opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY(MAX(0, MIN(complexity, 10))));
}
