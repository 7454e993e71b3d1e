/* SPDX-License-Identifier: MIT
 * tone.c -- sine notes; each fades in and out so that nothing clicks. */
#include "audio/tone.h"

#include <math.h>

#define EDGE_MS 8

const struct note tone_entry[2] = { { 660, 110, 25 }, { 880, 160, 25 } };
const struct note tone_error[2] = { { 440, 150, 25 }, { 330, 220, 25 } };

static void note_fill(const struct note *n, uint32_t rate_hz, int16_t *at, size_t count)
{
    size_t edge = MIN((size_t)rate_hz * EDGE_MS / 1000, count / 2);
    double step = 2 * M_PI * n->hz / rate_hz;
    double level = 32767.0 * MIN(n->gain, 100u) / 100;
    for (size_t i = 0; i < count; i++) {
        size_t from_edge = MIN(i, count - 1 - i);
        double fade = from_edge < edge ? (double)from_edge / (double)edge : 1;
        at[i] = (int16_t)lrint(level * fade * sin(step * (double)i));
    }
}

enum err tone_make(const struct note *notes, size_t count, uint32_t rate_hz, struct pcm_queue *out)
{
    unsigned total_ms = 0;
    for (size_t i = 0; i < count; i++) {
        if (notes[i].ms > TONE_MS_MAX || (total_ms += notes[i].ms) > TONE_MS_MAX)
            return ERR_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        size_t samples = (size_t)rate_hz * notes[i].ms / 1000;
        int16_t *at = pcm_queue_room(out, samples);
        if (!at)
            return ERR_LIMIT;
        note_fill(&notes[i], rate_hz, at, samples);
        pcm_queue_wrote(out, samples);
    }
    return OK;
}
