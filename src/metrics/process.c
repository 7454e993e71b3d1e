/* SPDX-License-Identifier: MIT
 * process.c -- what the kernel knows about this process, as gauges. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metrics/metrics.h"

static int64_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    int64_t count = 0;
    for (struct dirent *d; (d = readdir(dir));)
        count += d->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    long long total_pages = 0, resident_pages = 0;
    int got = fscanf(f, "%lld %lld", &total_pages, &resident_pages);
    fclose(f);
    return got == 2 ? resident_pages * sysconf(_SC_PAGESIZE) : 0;
}

void metrics_sample_process(void)
{
    struct rusage use;
    metric_set(METRIC_process_resident_bytes, resident_bytes());
    metric_set(METRIC_process_open_fds, count_entries("/proc/self/fd"));
    metric_set(METRIC_process_threads, count_entries("/proc/self/task"));
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        int64_t us = (int64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
                     use.ru_stime.tv_usec;
        metric_set(METRIC_process_cpu_ms_total, us / 1000); /* only ever set: the shard does not matter */
    }
}
