/* SPDX-License-Identifier: MIT
 * bench_vad.c -- CPU time of one window of 32 ms: Silero by each kernel, alone and in batches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/silero.h"
#include "base/clock.h"
#include "base/mem.h"

#define ROUNDS 9
#define STREAMS 64

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double window_us(const struct silero *s, struct silero_state *states, const int16_t *noise, size_t batch)
{
    double times[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t windows = 0;
        uint64_t start = clock_thread_cpu_us();
        for (size_t pass = 0; pass < 8; pass++) {
            for (size_t at = 0; at + batch <= STREAMS; at += batch) {
                struct silero_job jobs[SILERO_BATCH_MAX];
                for (size_t i = 0; i < batch; i++)
                    jobs[i] = (struct silero_job){ .state = &states[at + i], .samples = noise + (at + i) * 64 };
                silero_run(s, jobs, batch);
                windows += batch;
            }
        }
        times[round] = (double)(clock_thread_cpu_us() - start) / (double)windows;
    }
    qsort(times, ROUNDS, sizeof(double), compare);
    return times[ROUNDS / 2];
}

int main(void)
{
    char path[512];
    const char *models = getenv("PARLEY_MODELS");
    snprintf(path, sizeof(path), "%s/silero_vad_v5.onnx", models ? models : "models");
    int16_t *noise = xalloc((STREAMS * 64 + SILERO_WINDOW) * sizeof(int16_t));
    for (size_t i = 0; i < STREAMS * 64 + SILERO_WINDOW; i++)
        noise[i] = (int16_t)(3000 * sin((double)i * 0.05) + (int)(i * 7919 % 2001) - 1000);
    printf("silero, us of CPU per window (32 ms); streams per core = 32000 / it\n");
    for (int k = SILERO_PLAIN; k < SILERO_KERNELS; k++) {
        struct silero *s = NULL;
        if (silero_load(&s, path, (enum silero_kernel)k))
            continue;
        struct silero_state *states = xalloc(STREAMS * sizeof(*states));
        printf("%-8s", silero_kernel_name((enum silero_kernel)k));
        for (size_t batch = 1; batch <= SILERO_BATCH_MAX; batch *= 2)
            printf("  batch %zu: %5.1f", batch, window_us(s, states, noise, batch));
        printf("\n");
        mem_free(states);
        silero_free(s);
    }
    mem_free(noise);
    return 0;
}
