/* SPDX-License-Identifier: MIT
 * histogram.c -- buckets: one per value below 64, then 64 for each power of two. */
#include "cli/histogram.h"

#define STEP_BITS 6 /* HISTOGRAM_STEPS */

static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (unsigned)value;
    unsigned power = 63u - (unsigned)__builtin_clzll(value); /* >= STEP_BITS */
    unsigned at = (power - STEP_BITS + 1) * HISTOGRAM_STEPS +
                  (unsigned)((value >> (power - STEP_BITS)) & (HISTOGRAM_STEPS - 1));
    return MIN(at, (unsigned)HISTOGRAM_BUCKETS - 1);
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t low = (uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS) << shift;
    return low + ((uint64_t)1 << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->buckets[bucket_of(value)]++;
    h->min = h->count == 0 ? value : MIN(h->min, value);
    h->max = MAX(h->max, value);
    h->count++;
    h->sum += value;
}

void histogram_add_late(struct histogram *h, uint64_t late, uint64_t interval)
{
    histogram_add(h, late);
    while (late > interval) {
        late -= interval;
        histogram_add(h, late);
    }
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
    if (from->count == 0)
        return;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        h->buckets[i] += from->buckets[i];
    h->min = h->count == 0 ? from->min : MIN(h->min, from->min);
    h->max = MAX(h->max, from->max);
    h->count += from->count;
    h->sum += from->sum;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof(*h));
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    double wanted = share * (double)h->count;
    uint64_t seen = 0;
    if (h->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (h->buckets[i] && (double)seen >= wanted)
            return MAX(h->min, i == HISTOGRAM_BUCKETS - 1 ? h->max : MIN(top_of(i), h->max));
    }
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->count ? (double)h->sum / (double)h->count : 0;
}
