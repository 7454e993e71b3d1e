/* SPDX-License-Identifier: MIT
 * sound.h -- what a synthesiser gives, PCM at any rate or Opus of any duration, becomes packets of the one
 * duration the device was told.
 *
 *   PCM  -> (resample) -> framer -> encoder ---------> on_packet
 *   Opus    of that duration already: as it is ------> on_packet
 *           shorter: repack joins it ----------------> on_packet
 *           neither: decoder, then as PCM
 *
 * Only what the sound at hand needs is made, and sound_done gives it back. Zero is a valid sound that makes
 * nothing. One loop. */
#ifndef PARLEY_DIALOGUE_SOUND_H
#define PARLEY_DIALOGUE_SOUND_H

#include "audio/framer.h"
#include "audio/packet.h"
#include "audio/pcm_queue.h"
#include "dialogue/dialogue.h"

struct encoder;
struct decoder;
struct repack;
struct resample;

struct sound_opts {
    struct loop *loop;          /* borrowed; its load is asked when an encoder is made ... */
    unsigned busy_percent;      /* ... and above this of its time less is spent on coding */
    enum audio_format format;   /* of the device ... */
    uint32_t rate_hz, frame_us; /* ... as announced */
    /* In order; the packet is borrowed until it returns. It must not call back into the sound. */
    void (*on_packet)(void *user, struct slice packet);
    void *user;
};

struct sound {
    struct sound_opts o;
    uint32_t source_hz; /* of the PCM the parts below are made for; 0: none came yet */
    struct resample *resample;
    struct pcm_queue resampled;
    struct framer framer;
    struct encoder *encoder;
    struct repack *repack;
    struct decoder *decoder;
    bool transcodes; /* Opus that did not join came: what follows is decoded too */
};

void sound_init(struct sound *s, const struct sound_opts *o);
void sound_done(struct sound *s); /* what is held is lost; the next call begins anew with the same options */

/* Errors are those of the parts: this sound cannot be coded. One bad packet of Opus is none. */
must_check enum err sound_pcm(struct sound *s, struct pcm pcm, uint32_t rate_hz);
must_check enum err sound_opus(struct sound *s, struct slice packet, uint32_t duration_us);
void sound_flush(struct sound *s); /* the end of a sentence: what is held becomes a packet, padded with silence */
void sound_tone(struct sound *s);  /* the two notes, to the end */

size_t sound_bytes(const struct sound *s); /* held by codecs */

#endif
