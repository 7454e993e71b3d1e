/* SPDX-License-Identifier: MIT
 * encoder.c -- libopus with the settings that measured best for speech from a synthesiser. */
#include "audio/encoder.h"

#include <opus/opus.h>

#include "base/mem.h"

struct encoder {
    OpusEncoder *opus;
    size_t frame_samples;
    unsigned char packet[PACKET_BYTES_MAX];
};

enum err encoder_create(struct encoder **out, const struct encoder_opts *o)
{
    if (!packet_rate_legal(o->rate_hz) || !packet_duration_legal(o->frame_us))
        return ERR_UNSUPPORTED;
    int status = 0;
    OpusEncoder *opus = opus_encoder_create((opus_int32)o->rate_hz, 1, OPUS_APPLICATION_AUDIO, &status);
    if (!opus)
        return status == OPUS_ALLOC_FAIL ? ERR_NO_MEMORY : ERR_UNSUPPORTED;

    opus_encoder_ctl(opus, OPUS_SET_BITRATE((opus_int32)(o->bitrate ? o->bitrate : ENCODER_BITRATE)));
    opus_encoder_ctl(opus, OPUS_SET_VBR(1));
    opus_encoder_ctl(opus, OPUS_SET_SIGNAL(OPUS_AUTO));
    opus_encoder_ctl(opus, OPUS_SET_DTX(o->has_dtx));

    struct encoder *e = xnew(struct encoder);
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
    opus_int32 len = opus_encode(e->opus, frame.samples, (int)frame.count, e->packet, sizeof(e->packet));
    if (len <= 0)
        return ERR_INTERNAL;
    *packet = slice_from(e->packet, (size_t)len);
    return OK;
}

void encoder_set_complexity(struct encoder *e, int complexity)
{
    opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY(MAX(0, MIN(complexity, 10))));
}

void encoder_reset(struct encoder *e)
{
    opus_encoder_ctl(e->opus, OPUS_RESET_STATE);
}
