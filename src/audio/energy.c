/* SPDX-License-Identifier: MIT
 * energy.c -- sums and peaks. */
#include "audio/energy.h"

#include <math.h>

#define DBFS_MIN (-100.0f)
#define CHUNK 64

float energy_dbfs(struct pcm pcm)
{
    int64_t sum = 0;
    for (size_t i = 0; i < pcm.count; i++)
        sum += (int64_t)pcm.samples[i] * pcm.samples[i];
    if (sum == 0)
        return DBFS_MIN;
    double mean = (double)sum / (double)pcm.count / (32768.0 * 32768.0);
    return MAX(DBFS_MIN, (float)(10 * log10(mean)));
}

int energy_peak(struct pcm pcm)
{
    int peak = 0;
    for (size_t i = 0; i < pcm.count; i++) {
        int level = pcm.samples[i] < 0 ? -(int)pcm.samples[i] : pcm.samples[i];
        peak = MAX(peak, level);
    }
    return peak;
}

/* Of a fixed length, so that the compiler takes them several at a time. */
static bool is_chunk_silent(const int16_t *samples)
{
    int16_t high = 0, low = 0;
    for (size_t i = 0; i < CHUNK; i++) {
        high = MAX(high, samples[i]);
        low = MIN(low, samples[i]);
    }
    return high <= ENERGY_SILENT_PEAK && low >= -ENERGY_SILENT_PEAK;
}

bool energy_is_silent(struct pcm pcm)
{
    size_t at = 0;
    for (; at + CHUNK <= pcm.count; at += CHUNK) {
        if (!is_chunk_silent(pcm.samples + at))
            return false;
    }
    return energy_peak((struct pcm){ pcm.samples + at, pcm.count - at }) <= ENERGY_SILENT_PEAK;
}
