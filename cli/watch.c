/* SPDX-License-Identifier: MIT
 * watch.c -- /proc/PID/stat and statm. */
#include "cli/watch.h"

#include <stdio.h>
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
    char line[1024];
    unsigned long long user, kernel, total_pages, resident_pages;
    if (!read_line(line, sizeof(line), pid, "stat"))
        return false;
    const char *after = strrchr(line, ')'); /* the name may have anything in it */
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel) != 2)
        return false;
    if (!read_line(line, sizeof(line), pid, "statm") || sscanf(line, "%llu %llu", &total_pages, &resident_pages) != 2)
        return false;
    out->cpu_us = (int64_t)(user + kernel) * (1000000 / sysconf(_SC_CLK_TCK));
    out->rss_bytes = (int64_t)resident_pages * sysconf(_SC_PAGESIZE);
    return true;
}
