/* SPDX-License-Identifier: MIT
 * sound.c -- PCM and Opus of a synthesiser to packets; see sound.h. */
#include "dialogue/sound.h"

#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/repack.h"
#include "audio/resample.h"
#include "audio/tone.h"
#include "loop/loop.h"

#define RATE_HZ 24000 /* of what we make ourselves where the device's rate is none of Opus */

void sound_init(struct sound *s, const struct sound_opts *o)
{
    *s = (struct sound){ .o = *o };
}

void sound_done(struct sound *s)
{
    resample_free(s->resample);
    pcm_queue_done(&s->resampled);
    framer_done(&s->framer);
    encoder_free(s->encoder);
    repack_free(s->repack);
    decoder_free(s->decoder);
    *s = (struct sound){ .o = s->o };
}

static void packet_out(struct sound *s, struct slice packet)
{
    s->o.on_packet(s->o.user, packet);
}

/* ---- PCM ----------------------------------------------------------------------------------------------- */

static void frame_out(struct sound *s, struct pcm frame)
{
    struct slice packet;
    if (s->o.format == AUDIO_PCM)
        packet_out(s, slice_from(frame.samples, frame.count * sizeof *frame.samples));
    else if (encoder_frame(s->encoder, frame, &packet) == OK)
        packet_out(s, packet);
}

static void frames_out(struct sound *s, struct pcm pcm)
{
    struct pcm frame;
    while (framer_next(&s->framer, &pcm, &frame))
        frame_out(s, frame);
}

static void resampled_out(struct sound *s)
{
    frames_out(s, pcm_queue_peek(&s->resampled));
    pcm_queue_clear(&s->resampled);
}

static int complexity(const struct sound *s)
{
    return loop_load_percent(s->o.loop) > s->o.busy_percent ? ENCODER_COMPLEXITY_LOAD : ENCODER_COMPLEXITY;
}

/* Gets ready for PCM of this rate: the encoder takes it as it is when Opus knows the rate. */
static enum err source_set(struct sound *s, uint32_t rate_hz)
{
    if (s->source_hz == rate_hz)
        return OK;
    bool is_opus = s->o.format == AUDIO_OPUS;
    uint32_t coded_hz = is_opus && packet_rate_legal(rate_hz) ? rate_hz : s->o.rate_hz;
    sound_done(s);
    enum err e = framer_init(&s->framer, (size_t)((uint64_t)coded_hz * s->o.frame_us / 1000000));
    if (!e && is_opus)
        e = encoder_create(&s->encoder, &(struct encoder_opts){ .rate_hz = coded_hz, .complexity = complexity(s),
                                                                .frame_us = s->o.frame_us });
    if (!e && coded_hz != rate_hz)
        e = resample_create(&s->resample, rate_hz, coded_hz);
    if (!e)
        s->source_hz = rate_hz;
    return e;
}

enum err sound_pcm(struct sound *s, struct pcm pcm, uint32_t rate_hz)
{
    enum err e = source_set(s, rate_hz);
    if (e)
        return e;
    if (!s->resample) {
        frames_out(s, pcm);
        return OK;
    }
    e = resample_feed(s->resample, pcm, &s->resampled);
    resampled_out(s);
    return e;
}

/* ---- Opus ---------------------------------------------------------------------------------------------- */

static uint32_t own_rate_hz(const struct sound *s)
{
    return packet_rate_legal(s->o.rate_hz) ? s->o.rate_hz : RATE_HZ;
}

/* What cannot be joined to our frames: decoded, then as PCM. */
static enum err transcode(struct sound *s, struct slice packet)
{
    uint32_t rate_hz = own_rate_hz(s);
    struct pcm pcm;
    enum err e = OK;
    if (!s->decoder)
        e = decoder_create(&s->decoder, rate_hz);
    if (!e)
        e = decoder_packet(s->decoder, packet, &pcm);
    if (e)
        return e == ERR_PROTO ? OK : e; /* one bad packet */
    struct decoder *keep = take_ptr(&s->decoder); /* source_set may throw the rest away */
    e = sound_pcm(s, pcm, rate_hz);
    s->decoder = keep;
    return e;
}

enum err sound_opus(struct sound *s, struct slice packet, uint32_t duration_us)
{
    bool fits = s->o.format == AUDIO_OPUS && !s->transcodes && duration_us <= s->o.frame_us;
    if (fits && duration_us == s->o.frame_us && (!s->repack || !repack_held_us(s->repack))) {
        packet_out(s, packet);
        return OK;
    }
    if (!fits) {
        s->transcodes = true;
        return transcode(s, packet);
    }
    enum err e = s->repack ? OK : repack_create(&s->repack, s->o.frame_us);
    struct slice whole = { 0 }, rest;
    if (e)
        return e;
    uint32_t held_us = repack_held_us(s->repack);
    e = repack_put(s->repack, packet, &whole);
    if (!e) {
        if (whole.len)
            packet_out(s, whole);
        return OK;
    }
    if (held_us && repack_rest(s->repack, &rest))
        transcode(s, rest);
    s->transcodes = true;
    return transcode(s, packet);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

void sound_flush(struct sound *s)
{
    struct slice rest;
    struct pcm frame;
    if (s->repack && repack_rest(s->repack, &rest))
        transcode(s, rest);
    if (s->resample && resample_flush(s->resample, &s->resampled) == OK)
        resampled_out(s);
    if (s->framer.frame && framer_flush(&s->framer, &frame))
        frame_out(s, frame);
}

void sound_tone(struct sound *s)
{
    uint32_t rate_hz = s->source_hz ? s->source_hz : own_rate_hz(s);
    struct pcm_queue tone;
    pcm_queue_init(&tone, 0);
    if (tone_make(tone_entry, COUNT(tone_entry), rate_hz, &tone) == OK &&
        sound_pcm(s, pcm_queue_peek(&tone), rate_hz) == OK)
        sound_flush(s);
    pcm_queue_done(&tone);
}

size_t sound_bytes(const struct sound *s)
{
    return (s->encoder ? ENCODER_BYTES : 0) + (s->decoder ? DECODER_BYTES : 0);
}
