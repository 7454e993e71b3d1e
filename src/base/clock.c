/* SPDX-License-Identifier: MIT
 * clock.c -- the kernel's clocks and how a moment is written. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define WALL_MS_MAX 253402300799999 /* the end of 9999: four-digit years fit the callers' arrays */

static uint64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return (int64_t)(clock_us(CLOCK_REALTIME) / 1000);
}

uint64_t clock_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

uint64_t clock_thread_cpu_us(void)
{
    return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

int clock_zone_offset_minutes(void)
{
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    return (int)(local.tm_gmtoff / 60);
}

static struct tm split(int64_t wall_ms, unsigned *ms)
{
    wall_ms = wall_ms < 0 ? 0 : MIN(wall_ms, WALL_MS_MAX);
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    *ms = (unsigned)(wall_ms % 1000);
    return t;
}

void clock_text(int64_t wall_ms, int offset_minutes, char out[20])
{
    unsigned ms;
    struct tm t = split(wall_ms + (int64_t)offset_minutes * 60000, &ms);
    strftime(out, 20, "%Y-%m-%d %H:%M:%S", &t);
}

void clock_iso(int64_t wall_ms, char out[25])
{
    unsigned ms;
    struct tm t = split(wall_ms, &ms);
    size_t len = strftime(out, 25, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + len, 25 - len, ".%03uZ", ms % 1000);
}
