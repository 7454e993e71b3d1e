/* SPDX-License-Identifier: MIT
 * framer.h -- cuts a run of PCM into frames of one size; the last one is padded with zeros. */
#ifndef PARLEY_AUDIO_FRAMER_H
#define PARLEY_AUDIO_FRAMER_H

#include "base/base.h"

#define FRAMER_SAMPLES_MAX 5760 /* 120 ms at 48 kHz */

struct framer {
    size_t frame_samples, held;
    int16_t *frame;
};

must_check enum err framer_init(struct framer *f, size_t frame_samples); /* ERR_INVALID: 0 or over the maximum */
void framer_done(struct framer *f);
/* Takes from the front of *in; true: *frame is a whole frame, borrowed until the next call; call again
 * until false (then *in is empty). */
bool framer_next(struct framer *f, struct pcm *in, struct pcm *frame);
/* The padded rest; false: nothing was held. */
bool framer_flush(struct framer *f, struct pcm *frame);

#endif
