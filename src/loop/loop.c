/* SPDX-License-Identifier: MIT
 * loop.c -- libuv behind a dozen calls: mail, graves, hooks, the alarm of the timer wheel.
 *
 * One round:  timers -> (prepare: hooks, graves, work, set alarm) -> wait -> sockets, mail -> ...
 * Prepare is the last thing before the wait, with no callback on the stack: the place to free. Only
 * one uv_timer exists per loop; it is set to the next due time of the wheel, so an idle loop sleeps. */
#include "loop/loop.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "loop/wheel.h"

#define OWN_HANDLES 4          /* wake, alarm, before_wait, no_wait */
#define CLOSE_TRIES_MAX 200    /* of 10 ms each: what loop_free gives to handles still closing */
#define READY_ROUNDS_MAX 64    /* of timers without delay at one moment of the manual clock */
#define LOAD_WINDOW_US 250000
#define LOAD_SPAN_US 500000    /* the load is an average over so long, newer windows count more */
#define LOAD_RISE_US 1000000   /* the peak follows what is above it over so long ... */
#define LOAD_FALL_US 10000000  /* ... and what is below it over so long */
#define GRAVE_ROUNDS_MAX 1000  /* burials that dig new graves */

struct graves {
    struct grave *first, **end;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t alarm;
    uv_prepare_t before_wait;
    uv_idle_t no_wait; /* while work is left over */
    const char *name;
    bool has_manual_clock;
    uint64_t manual_ms;
    uint64_t alarm_ms; /* what the alarm is set to; WHEEL_NEVER: not set */
    struct wheel wheel;
    struct graves graves, work;
    struct loop_hook *hooks;
    uint64_t round_us, idle_us, stall_us;
    uint64_t window_us, window_idle_us; /* begin of the window, and what had been waited by then */
    double load_percent, load_peak_percent;
    atomic_bool is_running, is_stopping;
    pthread_t thread; /* valid while is_running */
    pthread_mutex_t mail_lock;
    struct mail *mail, **mail_end; /* under mail_lock */
    char *read_buffer;             /* made when first asked for */
};

static void run_mail(uv_async_t *wake)
{
    struct loop *l = wake->data;
    struct mail *m;

    if (atomic_load(&l->is_stopping))
        uv_stop(&l->uv);
    pthread_mutex_lock(&l->mail_lock);
    m = l->mail;
    l->mail = NULL;
    l->mail_end = &l->mail;
    pthread_mutex_unlock(&l->mail_lock);
    while (m) {
        struct mail *next = m->next; /* m is its receiver's from here */
        m->run(m);
        m = next;
    }
}

static void nothing(uv_idle_t *no_wait)
{
    (void)no_wait;
}

static void graves_init(struct graves *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void graves_put(struct graves *q, struct grave *g, void (*fn)(void *arg), void *arg)
{
    *g = (struct grave){ .bury = fn, .arg = arg };
    *q->end = g;
    q->end = &g->next;
}

static void run_graves(struct loop *l)
{
    for (unsigned round = 0; l->graves.first && round < GRAVE_ROUNDS_MAX; round++) {
        struct grave *g = l->graves.first;
        graves_init(&l->graves);
        while (g) {
            struct grave *next = g->next;
            g->bury(g->arg); /* g lies in what is freed */
            g = next;
        }
    }
}

/* What has no time left in this round is gone on with after a look at sockets and timers. */
static void run_work(struct loop *l)
{
    uint64_t end_us = loop_now_us(l) + LOOP_WORK_US;
    unsigned done = 0;
    while (l->work.first && (l->has_manual_clock ? done < GRAVE_ROUNDS_MAX : loop_now_us(l) < end_us)) {
        struct grave *g = l->work.first;
        l->work.first = g->next;
        if (!g->next)
            l->work.end = &l->work.first;
        g->bury(g->arg);
        done++;
    }
    if (l->work.first)
        uv_idle_start(&l->no_wait, nothing);
    else
        uv_idle_stop(&l->no_wait);
}

static void end_round(struct loop *l)
{
    for (struct loop_hook *h = l->hooks, *next; h; h = next) {
        next = h->next;
        h->fn(h->arg);
    }
    run_graves(l);
    run_work(l);
    run_graves(l);
}

static void on_alarm(uv_timer_t *alarm)
{
    struct loop *l = alarm->data;

    l->alarm_ms = WHEEL_NEVER;
    wheel_run(&l->wheel, loop_now_ms(l));
}

static void set_alarm(struct loop *l)
{
    uint64_t next_ms = wheel_next_ms(&l->wheel), now_ms = uv_now(&l->uv);

    if (next_ms == l->alarm_ms)
        return;
    l->alarm_ms = next_ms;
    if (next_ms == WHEEL_NEVER)
        uv_timer_stop(&l->alarm);
    else
        uv_timer_start(&l->alarm, on_alarm, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

static void follow(double *average, double percent, uint64_t took_us, uint64_t span_us)
{
    *average += (percent - *average) * MIN(1.0, (double)took_us / (double)span_us);
}

/* Ends the window of load that runs, when it is long enough. One that was long counts for many. */
static void window_end(struct loop *l, uint64_t now_us, uint64_t idle_us)
{
    uint64_t took_us = now_us - l->window_us, waited_us = MIN(idle_us - l->window_idle_us, took_us);

    if (took_us < LOAD_WINDOW_US)
        return;
    double percent = 100.0 * (double)(took_us - waited_us) / (double)took_us;
    if (l->window_us) {
        follow(&l->load_percent, percent, took_us, LOAD_SPAN_US);
        follow(&l->load_peak_percent, percent, took_us,
               percent > l->load_peak_percent ? LOAD_RISE_US : LOAD_FALL_US);
    }
    l->window_us = now_us;
    l->window_idle_us = idle_us;
}

static void measure(struct loop *l)
{
    uint64_t now_us = uv_hrtime() / 1000, idle_us = uv_metrics_idle_time(&l->uv) / 1000;

    if (l->round_us) {
        uint64_t round_us = now_us - l->round_us, waited_us = idle_us - l->idle_us;
        l->stall_us = MAX(l->stall_us, round_us > waited_us ? round_us - waited_us : 0);
    }
    l->round_us = now_us;
    l->idle_us = idle_us;
    if (!l->has_manual_clock)
        window_end(l, now_us, idle_us);
}

static void before_wait(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;

    end_round(l);
    if (!l->has_manual_clock)
        set_alarm(l);
    measure(l);
}

enum err loop_create(struct loop **out, const struct loop_opts *o)
{
    struct loop *l = xnew(struct loop);

    (void)signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of one write, not our end */
    l->name = o ? o->name : NULL;
    l->has_manual_clock = o && o->has_manual_clock;
    if (uv_loop_init(&l->uv)) {
        mem_free(l);
        return ERR_NO_MEMORY;
    }
    uv_loop_configure(&l->uv, UV_METRICS_IDLE_TIME);
    if (uv_async_init(&l->uv, &l->wake, run_mail)) {
        uv_loop_close(&l->uv);
        mem_free(l);
        return ERR_NO_MEMORY;
    }
    uv_timer_init(&l->uv, &l->alarm);
    uv_prepare_init(&l->uv, &l->before_wait);
    uv_prepare_start(&l->before_wait, before_wait);
    uv_idle_init(&l->uv, &l->no_wait);
    l->wake.data = l->alarm.data = l->before_wait.data = l;
    l->manual_ms = 1000; /* so that 0 can mean "never happened" */
    l->alarm_ms = WHEEL_NEVER;
    graves_init(&l->graves);
    graves_init(&l->work);
    l->mail_end = &l->mail;
    pthread_mutex_init(&l->mail_lock, NULL);
    wheel_init(&l->wheel, loop_now_ms(l));
    *out = l;
    return OK;
}

static bool has_mail(struct loop *l)
{
    pthread_mutex_lock(&l->mail_lock);
    bool any = l->mail != NULL;
    pthread_mutex_unlock(&l->mail_lock);
    return any;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    assert(!atomic_load(&l->is_running));
    do {
        loop_step(l, 0);
    } while (has_mail(l) || l->graves.first || l->work.first);
    assert(l->wheel.armed == 0 && "a timer outlived its loop");
    assert(!l->hooks && "a hook outlived its loop");
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->alarm, NULL);
    uv_close((uv_handle_t *)&l->before_wait, NULL);
    uv_close((uv_handle_t *)&l->no_wait, NULL);
    for (unsigned i = 0; uv_run(&l->uv, UV_RUN_NOWAIT) && i < CLOSE_TRIES_MAX; i++) {
        struct pollfd ready = { .fd = uv_backend_fd(&l->uv), .events = POLLIN };
        poll(&ready, 1, 10);
    }
    run_graves(l);
    if (uv_loop_close(&l->uv)) {
        uv_print_all_handles(&l->uv, stderr);
        assert(false && "something is still open on the loop");
    }
    pthread_mutex_destroy(&l->mail_lock);
    mem_free(l->read_buffer);
    mem_free(l);
}

void loop_run(struct loop *l)
{
    l->thread = pthread_self();
    atomic_store(&l->is_running, true);
    if (l->name)
        pthread_setname_np(l->thread, l->name);
    while (!atomic_load(&l->is_stopping))
        uv_run(&l->uv, UV_RUN_DEFAULT);
    end_round(l);
    atomic_store(&l->is_stopping, false);
    atomic_store(&l->is_running, false);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->is_stopping, true);
    uv_async_send(&l->wake);
}

void loop_step(struct loop *l, unsigned wait_ms)
{
    if (wait_ms) {
        struct pollfd ready = { .fd = uv_backend_fd(&l->uv), .events = POLLIN };

        end_round(l);
        if (!l->has_manual_clock && wheel_next_ms(&l->wheel) != WHEEL_NEVER)
            set_alarm(l);
        int next_ms = uv_backend_timeout(&l->uv); /* of a real clock; -1: none */
        bool is_due = l->has_manual_clock && wheel_next_ms(&l->wheel) <= l->manual_ms;
        int wait = next_ms >= 0 ? MIN(next_ms, (int)wait_ms) : (int)wait_ms;
        if (!is_due)
            poll(&ready, 1, wait);
    }
    uv_run(&l->uv, UV_RUN_NOWAIT);
    if (l->has_manual_clock)
        wheel_run(&l->wheel, l->manual_ms);
    end_round(l);
}

void loop_advance(struct loop *l, uint64_t ms)
{
    assert(l->has_manual_clock);
    uint64_t end_ms = l->manual_ms + ms;

    for (;;) {
        unsigned rounds = 0;
        do {
            loop_step(l, 0);
        } while (wheel_next_ms(&l->wheel) <= l->manual_ms && ++rounds < READY_ROUNDS_MAX);
        if (l->manual_ms >= end_ms)
            return;
        uint64_t next_ms = wheel_next_ms(&l->wheel);
        l->manual_ms = MIN(MAX(next_ms, l->manual_ms + 1), end_ms);
    }
}

uint64_t loop_now_ms(const struct loop *l)
{
    return l->has_manual_clock ? l->manual_ms : uv_now(&l->uv);
}

uint64_t loop_now_us(const struct loop *l)
{
    return l->has_manual_clock ? l->manual_ms * 1000 : uv_hrtime() / 1000;
}

bool loop_is_here(const struct loop *l)
{
    return !atomic_load(&l->is_running) || pthread_equal(l->thread, pthread_self());
}

struct uv_loop_s *loop_uv(struct loop *l)
{
    return &l->uv;
}

char *loop_read_buffer(struct loop *l)
{
    if (!l->read_buffer)
        l->read_buffer = xalloc(LOOP_READ_BYTES);
    return l->read_buffer;
}

struct wheel *loop_wheel(struct loop *l)
{
    return &l->wheel;
}

size_t loop_timers_armed(const struct loop *l)
{
    return l->wheel.armed;
}

static void count_handle(uv_handle_t *handle, void *count)
{
    (void)handle;
    ++*(size_t *)count;
}

size_t loop_handles_open(struct loop *l)
{
    size_t count = 0;

    uv_walk(&l->uv, count_handle, &count);
    return count - OWN_HANDLES;
}

uint64_t loop_stall_us(struct loop *l)
{
    uint64_t longest_us = l->stall_us;

    l->stall_us = 0;
    return longest_us;
}

unsigned loop_load_percent(struct loop *l)
{
    if (!l->has_manual_clock)
        window_end(l, uv_hrtime() / 1000, uv_metrics_idle_time(&l->uv) / 1000);
    return (unsigned)(l->load_percent + 0.5);
}

unsigned loop_load_peak_percent(struct loop *l)
{
    unsigned now = loop_load_percent(l);
    return MAX(now, (unsigned)(l->load_peak_percent + 0.5));
}

void loop_pretend_load(struct loop *l, unsigned percent)
{
    assert(l->has_manual_clock);
    l->load_percent = l->load_peak_percent = percent;
}

void loop_later(struct loop *l, struct grave *g, void (*fn)(void *arg), void *arg)
{
    assert_on_loop(l);
    graves_put(&l->graves, g, fn, arg);
}

void loop_work(struct loop *l, struct grave *g, void (*fn)(void *arg), void *arg)
{
    assert_on_loop(l);
    graves_put(&l->work, g, fn, arg);
}

void loop_post(struct loop *l, struct mail *m)
{
    m->next = NULL;
    pthread_mutex_lock(&l->mail_lock);
    *l->mail_end = m;
    l->mail_end = &m->next;
    uv_async_send(&l->wake); /* under the lock: once the letter is read the loop may be freed */
    pthread_mutex_unlock(&l->mail_lock);
}

void loop_hook_add(struct loop *l, struct loop_hook *h)
{
    assert_on_loop(l);
    h->next = l->hooks;
    l->hooks = h;
}

void loop_hook_remove(struct loop *l, struct loop_hook *h)
{
    for (struct loop_hook **at = &l->hooks; *at; at = &(*at)->next) {
        if (*at == h) {
            *at = h->next;
            return;
        }
    }
}
