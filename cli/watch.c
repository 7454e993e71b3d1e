/* SPDX-License-Identifier: MIT
 * watch.c -- the process's CPU clock (microseconds where /proc/PID/stat has ticks of 10 ms) and /proc/PID/statm. */
#include "cli/watch.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool read_line(char *out, size_t size, int pid, const char *file)
{
    char path[64];
    if (pid)
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    else
        snprintf(path, sizeof(path), "/proc/self/%s", file);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool is_read = fgets(out, (int)size, f) != NULL;
    fclose(f);
    return is_read;
}

bool watch_read(struct watch *out, int pid)
{
    char line[256];
    unsigned long long total_pages, resident_pages;
    clockid_t clock;
    struct timespec cpu;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &cpu))
        return false;
    if (!read_line(line, sizeof(line), pid, "statm") || sscanf(line, "%llu %llu", &total_pages, &resident_pages) != 2)
        return false;
    out->cpu_us = (int64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000;
    out->rss_bytes = (int64_t)resident_pages * sysconf(_SC_PAGESIZE);
    return true;
}
