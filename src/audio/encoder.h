/* SPDX-License-Identifier: MIT
 * encoder.h -- mono PCM frames to Opus packets of exactly the announced duration. AUDIO application with
 * automatic signal, which stays in CELT: a third of the cost of VOIP. 43 KB each: create on the first
 * frame of a reply, free when idle. */
#ifndef PARLEY_AUDIO_ENCODER_H
#define PARLEY_AUDIO_ENCODER_H

#include "audio/packet.h"

#define ENCODER_BITRATE 32000
#define ENCODER_COMPLEXITY 3      /* normal */
#define ENCODER_COMPLEXITY_LOAD 0 /* when the machine is busy */
#define ENCODER_BYTES 46000       /* for memory accounts */

struct encoder_opts {
    uint32_t rate_hz, frame_us; /* frame_us: 2500..120000, a legal Opus duration */
    uint32_t bitrate;           /* bit/s; 0: ENCODER_BITRATE */
    int complexity;             /* 0..10; <0: ENCODER_COMPLEXITY */
    bool has_dtx;               /* silence becomes packets of 1..3 bytes, as devices send them */
};

struct encoder;
must_check enum err encoder_create(struct encoder **out, const struct encoder_opts *o); /* ERR_UNSUPPORTED */
void encoder_free(struct encoder *e); /* NULL is fine */
size_t encoder_samples(const struct encoder *e); /* of one frame */
/* frame: exactly encoder_samples (else ERR_INVALID); packet borrowed until the next call on e. */
must_check enum err encoder_frame(struct encoder *e, struct pcm frame, struct slice *packet);
void encoder_set_complexity(struct encoder *e, int complexity);

#endif
