/* SPDX-License-Identifier: MIT
 * histogram.h -- how often which value came: exact below 64, within 1.6 % above, so that a million
 * latencies cost 5 KB. Count, sum, smallest and largest are exact. Zero is valid and empty. */
#ifndef PARLEY_CLI_HISTOGRAM_H
#define PARLEY_CLI_HISTOGRAM_H

#include "base/base.h"

#define HISTOGRAM_STEPS 64     /* of each power of two */
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 22) /* values beyond 2^27 (134 s in us) share the last one */

struct histogram {
    uint32_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count, sum, min, max;
};
void histogram_add(struct histogram *h, uint64_t value);
/* How late something was that happens every `interval`: a stall stands for those it made late, too, else one
 * long stall would be one sample among many. */
void histogram_add_late(struct histogram *h, uint64_t late, uint64_t interval);
void histogram_merge(struct histogram *h, const struct histogram *from);
void histogram_clear(struct histogram *h);
/* The smallest value that `share` (0..1) of all values do not exceed, as its bucket's upper end, never beyond
 * the largest; 0 when empty. */
uint64_t histogram_at(const struct histogram *h, double share);
double histogram_mean(const struct histogram *h);

#endif
