/* SPDX-License-Identifier: MIT
 * clock.h -- the machine's clocks. Session code asks its loop (loop_now_ms) instead, so that tests
 * can move time by hand; this is for logs, tokens and stored dates. Any thread. */
#ifndef PARLEY_BASE_CLOCK_H
#define PARLEY_BASE_CLOCK_H

#include "base/base.h"

int64_t clock_wall_ms(void);     /* since the epoch, UTC */
uint64_t clock_mono_us(void);
uint64_t clock_thread_cpu_us(void);
int clock_zone_offset_minutes(void); /* east of UTC, the machine's own zone now */
/* "2026-01-31 23:59:59" / "2026-01-31T23:59:59.123Z", terminated. */
void clock_text(int64_t wall_ms, int offset_minutes, char out[20]);
void clock_iso(int64_t wall_ms, char out[25]);

#endif
