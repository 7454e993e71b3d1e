/* SPDX-License-Identifier: MIT
 * hearing_packets.c -- packets of a device to samples, and the pre-roll that a new recogniser hears first. */
#include "audio/decoder.h"
#include "audio/resample.h"
#include "base/mem.h"
#include "dialogue/hearing_inside.h"

void packet_bad(struct hearing *h)
{
    h->bad_packets++;
    if (h->decoder)
        decoder_reset(h->decoder);
}

/* 16-bit samples of a PCM client, at 16 kHz. */
static bool pcm_read(struct hearing *h, struct slice packet, struct pcm *out)
{
    if (!h->aligned)
        h->aligned = xalloc(HEARING_PACKET_MAX_BYTES);
    memcpy(h->aligned, packet.data, packet.len);
    *out = (struct pcm){ h->aligned, packet.len / sizeof(int16_t) };
    if (h->rate_hz == HEARING_RATE_HZ)
        return true;
    if (!h->resample && resample_create(&h->resample, h->rate_hz, HEARING_RATE_HZ) != OK)
        return false;
    pcm_queue_clear(&h->resampled);
    if (resample_feed(h->resample, *out, &h->resampled) != OK)
        return false;
    *out = pcm_queue_peek(&h->resampled);
    return true;
}

bool samples_of(struct hearing *h, struct slice packet, struct pcm *out)
{
    if (h->format == AUDIO_PCM)
        return pcm_read(h, packet, out);
    if (!h->decoder && decoder_create(&h->decoder, HEARING_RATE_HZ) != OK)
        return false;
    return decoder_packet(h->decoder, packet, out) == OK;
}

uint32_t packet_us(const struct hearing *h, struct slice packet)
{
    if (!packet.len || packet.len > HEARING_PACKET_MAX_BYTES)
        return 0;
    if (h->format == AUDIO_OPUS)
        return packet_duration_us(packet);
    return packet.len % sizeof(int16_t) ? 0 : (uint32_t)((uint64_t)packet.len / 2 * 1000000 / h->rate_hz);
}

void preroll_clear(struct hearing *h, bool is_idle)
{
    utterance_clear(&h->pre);
    if (is_idle)
        pcm_queue_done(&h->pre_pcm);
    else
        pcm_queue_clear(&h->pre_pcm);
}

void preroll_put(struct hearing *h, struct slice packet, uint32_t duration_us, struct pcm pcm)
{
    if (utterance_put(&h->pre, packet, duration_us) != OK)
        return;
    if (!pcm.samples)
        pcm_queue_clear(&h->pre_pcm); /* what comes after a gap is not all of it */
    else if (!h->wants_packets)
        (void)pcm_queue_push(&h->pre_pcm, pcm);
}

/* True: the samples of all of it were there. */
static bool preroll_feed_pcm(struct hearing *h, struct take *t)
{
    struct pcm pcm = pcm_queue_peek(&h->pre_pcm);
    uint64_t us = utterance_us(&h->pre);
    size_t wanted = (size_t)(us * (HEARING_RATE_HZ / 1000) / 1000);
    if (!wanted || pcm.count < wanted || takes_opus(t))
        return false;
    take_feed(t, (struct slice){ NULL, 0 }, (uint32_t)us,
              (struct pcm){ pcm.samples + (pcm.count - wanted), wanted });
    return true;
}

/* As it is, or as samples; those that are not there are decoded again. */
void preroll_feed(struct hearing *h, struct take *t)
{
    struct decoder *fresh = NULL;
    if (preroll_feed_pcm(h, t)) {
        preroll_clear(h, false);
        return;
    }
    bool decodes = h->format == AUDIO_OPUS && !takes_opus(t) && t->asr.asr;
    if (decodes && decoder_create(&fresh, HEARING_RATE_HZ) != OK)
        decodes = false;
    for (size_t i = 0; i < packets_count(&h->pre.packets); i++) {
        uint32_t duration_us = 0;
        struct pcm pcm = { 0 };
        struct slice packet = packets_at(&h->pre.packets, i, &duration_us);
        if (decodes && decoder_packet(fresh, packet, &pcm) != OK)
            continue;
        if (h->format == AUDIO_PCM && !pcm_read(h, packet, &pcm))
            continue;
        take_feed(t, packet, duration_us, pcm);
    }
    decoder_free(fresh);
    preroll_clear(h, false);
}
