/* SPDX-License-Identifier: MIT
 * bench_timers.c -- what 10,000 armed timers cost: while nothing is due, and to start and fire. */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "loop/timer.h"

#define TIMERS 10000
#define IDLE_US 2000000

static unsigned fired;

static void count(void *arg)
{
    (void)arg;
    fired++;
}

int main(void)
{
    struct loop *l;
    struct timer *timers = xalloc(TIMERS * sizeof(*timers));

    if (loop_create(&l, NULL))
        return 1;
    loop_step(l, 0);
    uint64_t began_us = clock_mono_us();
    for (unsigned i = 0; i < TIMERS; i++)
        timer_start(&timers[i], l, 100000 + rand_below(600000), count, NULL);
    double start_ns = (double)(clock_mono_us() - began_us) * 1000 / TIMERS;

    uint64_t cpu_us = clock_thread_cpu_us();
    unsigned rounds = 0;
    for (began_us = clock_mono_us(); clock_mono_us() - began_us < IDLE_US; rounds++)
        loop_step(l, 1000);
    double idle_ms_per_s = (double)(clock_thread_cpu_us() - cpu_us) / 1000 / ((double)IDLE_US / 1e6);

    began_us = clock_mono_us();
    for (unsigned i = 0; i < TIMERS; i++)
        timer_start(&timers[i], l, 1 + i % 50, count, NULL);
    double restart_ns = (double)(clock_mono_us() - began_us) * 1000 / TIMERS;
    cpu_us = clock_thread_cpu_us();
    while (fired < TIMERS)
        loop_step(l, 100);
    double fire_ns = (double)(clock_thread_cpu_us() - cpu_us) * 1000 / TIMERS;
    printf("timers: %u armed, idle %.3f ms CPU per second in %u rounds; start %.0f ns, restart %.0f ns, fire %.0f ns\n",
           TIMERS, idle_ms_per_s, rounds, start_ns, restart_ns, fire_ns);
    loop_free(l);
    mem_free(timers);
    return 0;
}
