/* SPDX-License-Identifier: MIT
 * pcm_queue.h -- samples wait here, in order and contiguous, up to a limit. */
#ifndef PARLEY_AUDIO_PCM_QUEUE_H
#define PARLEY_AUDIO_PCM_QUEUE_H

#include "base/base.h"

struct pcm_queue {
    int16_t *samples;
    size_t start, count, cap;
    size_t max; /* samples; 0: no limit (our own amounts only) */
};

void pcm_queue_init(struct pcm_queue *q, size_t max);
void pcm_queue_done(struct pcm_queue *q);
void pcm_queue_clear(struct pcm_queue *q);
/* ERR_LIMIT: would be over max, nothing was put. ERR_NO_MEMORY. */
must_check enum err pcm_queue_put(struct pcm_queue *q, struct pcm pcm);
/* Puts and drops the oldest beyond max; returns how many samples were dropped. */
size_t pcm_queue_push(struct pcm_queue *q, struct pcm pcm);
/* Room for `count` more samples to write to; then pcm_queue_wrote. NULL: over max or no memory. */
int16_t *pcm_queue_room(struct pcm_queue *q, size_t count);
void pcm_queue_wrote(struct pcm_queue *q, size_t count);
/* All that waits; borrowed until the next put. */
struct pcm pcm_queue_peek(const struct pcm_queue *q);
void pcm_queue_eat(struct pcm_queue *q, size_t count); /* clipped */

#endif
