/* SPDX-License-Identifier: MIT
 * load.h -- what a load run noted second by second, and how it is told: words, JSON, a picture. */
#ifndef PARLEY_CLI_LOAD_H
#define PARLEY_CLI_LOAD_H

#include "base/buf.h"
#include "cli/crowd.h"

#define LOAD_SECONDS_MAX 7200

struct load_sample {           /* one second */
    unsigned alive, speaking;
    uint64_t greeted, turns, packets_in, packets_out, errors; /* in all so far */
    double cpu;                /* of the server, share of a core; -1 unknown */
    int64_t rss_bytes;         /* 0 unknown */
    uint64_t p50_us, p99_us, latencies; /* of this second: what crowd_recent gave */
};

struct load_result {
    const char *profile, *url;
    unsigned devices;
    double seconds;            /* measured */
    const struct crowd_stats *stats;
    unsigned alive;            /* at the end, before hanging up */
    bool has_server;
    double server_cpu_s, own_cpu_s, server_cpu_steady; /* steady: share of a core after all had started ... */
    double steady_s;           /* ... over this long */
    int64_t server_rss_before, server_rss_after, server_rss_peak;
    double greet_per_s;        /* while devices were coming */
    uint64_t known_us;         /* 0: nothing was said of the providers, what was added is not told */
    struct crowd_waiting waiting; /* at the end */
    const struct load_sample *samples;
    unsigned sample_count;
};
void load_print(const struct load_result *r);
void load_json(const struct load_result *r, struct buf *out);
/* Latency over load where the load changed, over time where it did not. */
void load_plot(const struct load_result *r, struct buf *svg);
uint64_t load_errors(const struct crowd_stats *s);
/* Did anybody get what they came for: greeted, and of the questions that were asked one was answered. */
bool load_is_good(const struct load_result *r);

#endif
