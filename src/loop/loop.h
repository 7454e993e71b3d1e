/* SPDX-License-Identifier: MIT
 * loop.h -- an event loop (libuv), one per thread. A session lives on one loop for life, so what
 * runs on loops needs no lock. With a manual clock (tests) time moves only by loop_advance(). */
#ifndef PARLEY_LOOP_LOOP_H
#define PARLEY_LOOP_LOOP_H

#include "base/base.h"

struct loop;
struct uv_loop_s;

struct loop_opts {
    const char *name;      /* borrowed for the loop's life; thread name and log */
    bool has_manual_clock;
};

must_check enum err loop_create(struct loop **out, const struct loop_opts *o);
void loop_free(struct loop *l);          /* asserts that no timer is armed and nothing is open */
void loop_run(struct loop *l);           /* this thread is the loop thread until loop_stop */
void loop_stop(struct loop *l);          /* any thread */
/* Tests: runs whatever is ready (sockets, mail, timers, graves) without waiting for more than
 * wait_ms of real time for something to happen. */
void loop_step(struct loop *l, unsigned wait_ms);
void loop_advance(struct loop *l, uint64_t ms); /* manual clock: fires timers in order, runs mail */
uint64_t loop_now_ms(const struct loop *l); /* monotonic, cached per round */
uint64_t loop_now_us(const struct loop *l); /* monotonic, read now (manual clock: now_ms * 1000) */
bool loop_is_here(const struct loop *l); /* are we on its thread; anybody is while it does not run */
#define assert_on_loop(l) assert(loop_is_here(l))
struct uv_loop_s *loop_uv(struct loop *l); /* for loop/, net/ and http/ only */
/* Where all sockets of the loop read into, one after the other; good until the read event returns. */
#define LOOP_READ_BYTES 65536
char *loop_read_buffer(struct loop *l);
/* Tests and shutdown: how much is alive. */
size_t loop_timers_armed(const struct loop *l);
size_t loop_handles_open(struct loop *l); /* sockets, processes ...; closing ones count too */
/* The longest round since the last call, in microseconds (metrics). */
uint64_t loop_stall_us(struct loop *l);
/* How much of its time the loop worked lately (a second or so), 0..100. At 100 whatever is added makes
 * everybody wait. 0 with a manual clock, unless a test says otherwise. */
unsigned loop_load_percent(struct loop *l);
/* The most it was in the last ten seconds or so: what comes and goes with the conversations of a crowd comes again.
 * Half a second of work is no peak. At least loop_load_percent(). */
unsigned loop_load_peak_percent(struct loop *l);
void loop_pretend_load(struct loop *l, unsigned percent); /* both */

/* Runs fn(arg) at the top of the loop, when no callback is on the stack. The way to free. */
struct grave {
    struct grave *next;
    void (*bury)(void *arg);
    void *arg;
};
void loop_later(struct loop *l, struct grave *g, void (*fn)(void *arg), void *arg);

/* The same for work that somebody else may have to wait for (a piece of a reply to be coded): first come,
 * first served, but no more than LOOP_WORK_US of it in one round, so that what is due meanwhile is done
 * in between. With a manual clock nothing is left over. */
#define LOOP_WORK_US 1000
void loop_work(struct loop *l, struct grave *g, void (*fn)(void *arg), void *arg);

/* A letter from any thread: run(mail) is called on the loop thread, in order of posting. The letter
 * belongs to the loop until run is called. */
struct mail {
    struct mail *next;
    void (*run)(struct mail *m);
};
void loop_post(struct loop *l, struct mail *m);

/* A hook run once at the end of every loop round in which anything happened (VAD batches). */
struct loop_hook {
    struct loop_hook *next;
    void (*fn)(void *arg);
    void *arg;
};
void loop_hook_add(struct loop *l, struct loop_hook *h);
void loop_hook_remove(struct loop *l, struct loop_hook *h);

#endif
