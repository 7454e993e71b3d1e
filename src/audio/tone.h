/* SPDX-License-Identifier: MIT
 * tone.h -- little signals made of sine notes with soft edges (entry tone, error tone). */
#ifndef PARLEY_AUDIO_TONE_H
#define PARLEY_AUDIO_TONE_H

#include "audio/pcm_queue.h"

struct note {
    unsigned hz, ms; /* hz 0: a rest */
    unsigned gain;   /* percent of full scale */
};
#define TONE_MS_MAX 5000
/* ERR_LIMIT: longer than TONE_MS_MAX or over out's limit. */
must_check enum err tone_make(const struct note *notes, size_t count, uint32_t rate_hz, struct pcm_queue *out);
extern const struct note tone_entry[2], tone_error[2]; /* rising, falling */

#endif
