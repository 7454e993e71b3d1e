/* SPDX-License-Identifier: MIT
 * decoder.c -- libopus behind a reset: bytes of a peer can spoil one packet, never the stream. */
#include "audio/decoder.h"

#include <math.h>
#include <opus/opus.h>

#include "base/mem.h"

#define SAMPLES_MAX (48000 / 1000 * PACKET_US_MAX / 1000) /* 120 ms at the highest rate */

struct decoder {
    OpusDecoder *opus;
    uint32_t rate_hz;
    size_t samples_max;
    int16_t samples[];
};

enum err decoder_create(struct decoder **out, uint32_t rate_hz)
{
    if (!packet_rate_legal(rate_hz))
        return ERR_UNSUPPORTED;
    int status = 0;
    OpusDecoder *opus = opus_decoder_create((opus_int32)rate_hz, 1, &status);
    if (!opus)
        return status == OPUS_ALLOC_FAIL ? ERR_NO_MEMORY : ERR_UNSUPPORTED;

    size_t samples_max = (size_t)rate_hz * PACKET_US_MAX / 1000000;
    struct decoder *d = xalloc(sizeof(*d) + samples_max * sizeof(int16_t));
    d->opus = opus;
    d->rate_hz = rate_hz;
    d->samples_max = samples_max;
    *out = d;
    return OK;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    opus_decoder_destroy(d->opus);
    mem_free(d);
}

void decoder_reset(struct decoder *d)
{
    opus_decoder_ctl(d->opus, OPUS_RESET_STATE);
}

static enum err refuse(struct decoder *d)
{
    decoder_reset(d);
    return ERR_PROTO;
}

static int16_t to_integer(float sample)
{
    float s = MAX(-32768.0f, MIN(sample * 32768.0f, 32767.0f));
    return (int16_t)(s + copysignf(0.5f, s));
}

/* Eight at a time: that many the compiler takes together. */
static void to_integers(const float *in, size_t count, int16_t *out)
{
    size_t at = 0;
    for (; at + 8 <= count; at += 8) {
        for (size_t i = 0; i < 8; i++)
            out[at + i] = to_integer(in[at + i]);
    }
    for (; at < count; at++)
        out[at] = to_integer(in[at]);
}

enum err decoder_packet(struct decoder *d, struct slice packet, struct pcm *out)
{
    if (packet_duration_us(packet) == 0)
        return refuse(d);
    float samples[SAMPLES_MAX]; /* libopus works in these; its own way to integers bends what is too loud first */
    int count = opus_decode_float(d->opus, (const unsigned char *)packet.data, (opus_int32)packet.len, samples,
                                  (int)d->samples_max, 0);
    if (count <= 0)
        return refuse(d);
    to_integers(samples, (size_t)count, d->samples);
    *out = (struct pcm){ d->samples, (size_t)count };
    return OK;
}
