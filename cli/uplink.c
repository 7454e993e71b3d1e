/* SPDX-License-Identifier: MIT
 * uplink.c -- an utterance cut into packets. */
#include "cli/uplink.h"

#include "audio/encoder.h"
#include "audio/energy.h"
#include "base/mem.h"

#define UPLINK_BITRATE 17000 /* what firmware's "automatic" comes to at 16 kHz and 60 ms */

#define BLOCK (UPLINK_RATE_HZ / 100) /* 10 ms */
#define SILENCE_DBFS (-70)
#define SOUND_RANGE_DB 40

static void put_packet(struct uplink *u, struct slice packet)
{
    buf_put(&u->bytes, packet);
    u->ends[u->count++] = (uint32_t)u->bytes.len;
}

static enum err put_frame(struct uplink *u, struct encoder *e, struct pcm frame)
{
    struct slice packet = slice_from(frame.samples, frame.count * sizeof(*frame.samples));
    enum err err = e ? encoder_frame(e, frame, &packet) : OK;
    if (err == OK)
        put_packet(u, packet);
    return err;
}

/* Fills `frame` from pcm at `at` samples of the whole, which begins with `lead` samples of silence. */
static void fill(int16_t *frame, size_t samples, struct pcm pcm, size_t at, size_t lead)
{
    for (size_t i = 0; i < samples; i++) {
        size_t n = at + i;
        frame[i] = n >= lead && n - lead < pcm.count ? pcm.samples[n - lead] : 0;
    }
}

/* Samples up to the end of the last sound; all when there is none. */
static size_t sounding(struct pcm pcm)
{
    float loudest = -100;
    size_t end = 0;
    for (size_t at = 0; at + BLOCK <= pcm.count; at += BLOCK)
        loudest = MAX(loudest, energy_dbfs((struct pcm){ pcm.samples + at, BLOCK }));
    for (size_t at = 0; at + BLOCK <= pcm.count; at += BLOCK)
        if (loudest > SILENCE_DBFS && energy_dbfs((struct pcm){ pcm.samples + at, BLOCK }) > loudest - SOUND_RANGE_DB)
            end = at + BLOCK;
    return end ? end : pcm.count;
}

enum err uplink_build(struct uplink *u, struct pcm pcm, uint32_t frame_ms, bool is_pcm)
{
    size_t samples = UPLINK_RATE_HZ / 1000 * frame_ms;
    pcm.count = sounding(pcm);
    size_t lead = pcm.count ? UPLINK_RATE_HZ / 1000 * UPLINK_LEAD_MS : 0;
    if (lead)
        lead += (samples - (lead + pcm.count) % samples) % samples;
    unsigned speech = (unsigned)((lead + pcm.count + samples - 1) / samples);
    struct encoder *e = NULL;
    enum err err = OK;

    if (!is_pcm)
        err = encoder_create(&e, &(struct encoder_opts){ .rate_hz = UPLINK_RATE_HZ, .frame_us = frame_ms * 1000,
                                                         .bitrate = UPLINK_BITRATE, .complexity = 0,
                                                         .has_dtx = true });
    if (err)
        return err;
    *u = (struct uplink){ .frame_ms = frame_ms, .speech_end = speech };
    u->ends = xalloc((speech + UPLINK_TAIL_PACKETS) * sizeof(*u->ends));
    auto_mem int16_t *frame = xalloc(samples * sizeof(*frame));
    for (unsigned i = 0; err == OK && i < speech + UPLINK_TAIL_PACKETS; i++) {
        fill(frame, samples, pcm, i * samples, lead);
        err = put_frame(u, e, (struct pcm){ frame, samples });
    }
    encoder_free(e);
    if (err)
        uplink_done(u);
    return err;
}

void uplink_done(struct uplink *u)
{
    buf_done(&u->bytes);
    mem_free(u->ends);
    *u = (struct uplink){ 0 };
}

bool uplink_next(void *user, struct slice *packet)
{
    struct uplink_at *at = user;
    if (!at->u)
        return false;
    uint32_t from = at->next ? at->u->ends[at->next - 1] : 0;
    *packet = slice_from(at->u->bytes.data + from, at->u->ends[at->next] - from);
    if (++at->next == at->u->count)
        at->next = at->u->speech_end; /* silence goes round */
    return true;
}

void uplink_stop(struct uplink_at *at)
{
    if (at->u)
        at->next = MAX(at->next, at->u->speech_end);
}

bool uplink_is_over(const struct uplink_at *at)
{
    return !at->u || at->next >= at->u->speech_end;
}
