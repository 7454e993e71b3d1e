/* SPDX-License-Identifier: MIT
 * silero.h -- the Silero VAD v5 network (16 kHz), computed by kernels of our own.
 *
 * Weights are loaded once, laid out for the kernel chosen for this machine, immutable and shared by all
 * threads. A stream is 1.3 KB of state. Windows of different streams that are ready together are best
 * computed together: the weights then pass through the cache once for all of them. */
#ifndef PARLEY_AUDIO_SILERO_H
#define PARLEY_AUDIO_SILERO_H

#include "base/base.h"

#define SILERO_WINDOW 512       /* samples */
#define SILERO_CONTEXT 64
#define SILERO_HIDDEN 128
#define SILERO_BATCH_MAX 8
#define SILERO_FILE_MAX (8u << 20)

/* PLAIN is written for four lanes of any machine: SSE2 on x86-64, NEON on 64-bit ARM. */
enum silero_kernel { SILERO_AUTO, SILERO_PLAIN, SILERO_AVX2, SILERO_AVX512, SILERO_KERNELS };

struct silero_state { /* zero: a new stream */
    float h[SILERO_HIDDEN], c[SILERO_HIDDEN];
    float context[SILERO_CONTEXT];
};

struct silero_job {
    struct silero_state *state;  /* a different one in each job of a batch */
    const int16_t *samples;      /* SILERO_WINDOW of them */
    float probability;           /* the answer */
};

struct silero;
/* ERR_NOT_FOUND: no file; ERR_UNSUPPORTED: not these weights, or this machine cannot run the kernel. */
must_check enum err silero_load(struct silero **out, const char *path, enum silero_kernel k);
must_check enum err silero_parse(struct silero **out, struct slice file, enum silero_kernel k);
void silero_free(struct silero *s); /* NULL is fine */
/* Any thread. Any count: split into batches inside. */
void silero_run(const struct silero *s, struct silero_job *jobs, size_t count);
bool silero_has(enum silero_kernel k); /* can this machine run it */
enum silero_kernel silero_kernel_of(const struct silero *s);
const char *silero_kernel_name(enum silero_kernel k); /* "sse2", "neon", "c"; "avx2"; "avx512" */
/* Skips a window known to be silent: the next one follows it, the network's state stays. */
void silero_skip(struct silero_state *state, const int16_t *samples);

#endif
