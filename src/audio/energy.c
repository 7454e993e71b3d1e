/* SPDX-License-Identifier: MIT
 * energy.c -- sums and peaks. */
#include "audio/energy.h"

#include <math.h>

#define DBFS_MIN (-100.0f)

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

bool energy_is_silent(struct pcm pcm)
{
    return energy_peak(pcm) <= ENERGY_SILENT_PEAK;
}
