/* SPDX-License-Identifier: MIT
 * resample.h -- mono PCM from one rate to another (soxr, high quality, streaming or at once). */
#ifndef PARLEY_AUDIO_RESAMPLE_H
#define PARLEY_AUDIO_RESAMPLE_H

#include "audio/pcm_queue.h"

#define RESAMPLE_RATE_MIN 4000
#define RESAMPLE_RATE_MAX 192000

struct resample;
/* Equal rates are fine: the samples are copied. ERR_UNSUPPORTED: a rate out of bounds. */
must_check enum err resample_create(struct resample **out, uint32_t from_hz, uint32_t to_hz);
void resample_free(struct resample *r); /* NULL is fine */
/* Appends what is ready to `out`; the rest comes later. ERR_LIMIT: `out` is full (samples are lost). */
must_check enum err resample_feed(struct resample *r, struct pcm in, struct pcm_queue *out);
/* The tail; then r is as new. In all, count * to_hz / from_hz samples (rounded) came out. */
must_check enum err resample_flush(struct resample *r, struct pcm_queue *out);
must_check enum err resample_once(struct pcm in, uint32_t from_hz, uint32_t to_hz, struct pcm_queue *out);

#endif
