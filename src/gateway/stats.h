/* SPDX-License-Identifier: MIT
 * stats.h -- statistics pushed to those who asked: who is online, how busy the machine is.
 * One timer per loop, armed only while somebody on it listens. */
#ifndef PARLEY_GATEWAY_STATS_H
#define PARLEY_GATEWAY_STATS_H

#include "loop/timer.h"

#define STATS_LOOK_MS 1000   /* at most this often, after changes */
#define STATS_EVERY_MS 10000 /* and this often without */

struct gateway_loop;
struct session;

struct stats {
    struct timer timer;
    uint64_t version;          /* of presence, when sent last */
    uint64_t sent_ms;
    uint64_t cpu_busy, cpu_all; /* jiffies at the last reading */
};
void stats_subscribe(struct session *s); /* sends at once, then regularly */
/* server.stats.broadcast: all sessions are told from the next look on, each at the soonest STATS_LOOK_MS after its
 * hello, since what is pushed after a hello (mode, tasks, messages of others) goes first. */
void stats_watch(struct gateway_loop *gl);
void stats_stop(struct gateway_loop *gl);

#endif
