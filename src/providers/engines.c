/* SPDX-License-Identifier: MIT
 * engines.c -- local engine processes, watched.
 *
 *     any loop: engines_want() --lock--> table row, path      first loop: start --> runs --exit--> back-off
 *                    \------------------- mail -------------------^                            |
 *                                                               start <------------------------/
 *
 * The table of rows only grows, under a lock, because paths are lent for life; processes and timers
 * belong to the first loop alone. */
#include "providers/engines.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/process.h"
#include "metrics/metrics.h"
#include "loop/timer.h"

#define LOG_TOPIC "engine"

enum {
    BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 30000, STEADY_MS = 60000, LINE_BYTES = 1024,
    ARGV_MAX = ENGINE_ARGS_MAX + 4,
};

struct engine {
    struct engines *all;
    char *name, *address, *argv[ARGV_MAX]; /* address: "unix:" + argv[2] */
    struct process *process;     /* first loop only, from here on */
    struct timer timer;
    uint64_t started_ms;
    unsigned backoff_ms, starts;
};

struct engines {
    struct loop *loop;
    char *program_dir, *socket_dir;
    pthread_mutex_t lock;
    struct engine *list[ENGINES_MAX]; /* guarded by lock; an entry never moves */
    unsigned count;
    bool is_stopped;
};

/* A wish from another loop. */
struct wish {
    struct mail mail;
    struct engine *engine;
};

static void start(struct engine *e);

static void on_line(void *user, struct slice line)
{
    struct engine *e = user;
    LOGD(NULL, "engine.line", "engine=%s text=\"" SLICE_FMT "\"", e->name, SLICE_ARG(line));
}

static void on_timer(void *arg)
{
    start(arg);
}

static void start_later(struct engine *e)
{
    timer_start(&e->timer, e->all->loop, e->backoff_ms, on_timer, e);
    e->backoff_ms = MIN(e->backoff_ms * 2, (unsigned)BACKOFF_MAX_MS);
}

static void on_exit_of(void *user, int status, int sig)
{
    struct engine *e = user;
    process_close(e->process);
    e->process = NULL;
    if (e->all->is_stopped)
        return;
    if (loop_now_ms(e->all->loop) - e->started_ms >= STEADY_MS)
        e->backoff_ms = BACKOFF_FIRST_MS;
    metric_add_label(METRIC_engine_restarts_total, e->name, 1);
    LOGW(NULL, "engine.exit", "engine=%s status=%d signal=%d again_ms=%u", e->name, status, sig, e->backoff_ms);
    start_later(e);
}

static void start(struct engine *e)
{
    static const struct process_events events = { .on_line = on_line, .on_exit = on_exit_of };
    if (e->process || e->all->is_stopped)
        return;
    struct process_opts o = { .argv = (const char *const *)e->argv, .line_max_bytes = LINE_BYTES };
    (void)unlink(e->argv[2]); /* a socket left by one that was killed */
    e->started_ms = loop_now_ms(e->all->loop);
    enum err err = process_open(&e->process, e->all->loop, &o, &events, e);
    if (err) {
        e->process = NULL;
        LOGW(NULL, "engine.start", "engine=%s err=%s again_ms=%u", e->name, err_name(err), e->backoff_ms);
        start_later(e);
        return;
    }
    e->starts++;
    LOGI(NULL, "engine.start", "engine=%s pid=%d starts=%u", e->name, process_pid(e->process), e->starts);
}

static void on_wish(struct mail *mail)
{
    struct wish *w = container_of(mail, struct wish, mail);
    start(w->engine);
    mem_free(w);
}

enum err engines_create(struct engines **out, struct loop *l, const struct engines_opts *o)
{
    if (mkdir(o->socket_dir, 0700) != 0 && errno != EEXIST)
        return ERR_IO;
    if (chmod(o->socket_dir, 0700) != 0) /* an old one may be open to others */
        return ERR_FORBIDDEN;
    struct engines *e = xnew(struct engines);
    e->loop = l;
    e->program_dir = xstrdup(o->program_dir);
    e->socket_dir = xstrdup(o->socket_dir);
    pthread_mutex_init(&e->lock, NULL);
    *out = e;
    return OK;
}

static bool is_same(const struct engine *e, const char *name, const char *const *args)
{
    size_t i = 0;
    if (strcmp(e->name, name) != 0)
        return false;
    for (; args && args[i]; i++) {
        if (i >= ENGINE_ARGS_MAX || !e->argv[3 + i] || strcmp(e->argv[3 + i], args[i]) != 0)
            return false;
    }
    return e->argv[3 + i] == NULL;
}

static bool is_plain_name(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(name);
}

/* The lock is held. */
static enum err add(struct engines *all, const char *name, const char *const *args, struct engine **out)
{
    unsigned count = 0;
    auto_mem char *program = xprintf("%s/%s", all->program_dir, name);
    if (!is_plain_name(name) || access(program, X_OK) != 0)
        return ERR_NOT_FOUND;
    while (args && args[count])
        count++;
    if (count > ENGINE_ARGS_MAX || all->count == ENGINES_MAX)
        return ERR_LIMIT;
    struct engine *e = xnew(struct engine);
    e->all = all;
    e->name = xstrdup(name);
    e->backoff_ms = BACKOFF_FIRST_MS;
    e->argv[0] = take_ptr(&program);
    e->argv[1] = xstrdup("--socket");
    e->argv[2] = xprintf("%s/%s-%u.sock", all->socket_dir, name, all->count);
    for (unsigned i = 0; i < count; i++)
        e->argv[3 + i] = xstrdup(args[i]);
    e->address = xprintf("unix:%s", e->argv[2]);
    all->list[all->count++] = e;
    *out = e;
    return OK;
}

enum err engines_want(struct engines *all, const char *name, const char *const *args, const char **path)
{
    struct engine *found = NULL;
    bool is_new = false;
    pthread_mutex_lock(&all->lock);
    for (unsigned i = 0; i < all->count && !found; i++) {
        if (is_same(all->list[i], name, args))
            found = all->list[i];
    }
    enum err e = all->is_stopped ? ERR_STATE : OK;
    if (!found && !e) {
        e = add(all, name, args, &found);
        is_new = !e;
    }
    pthread_mutex_unlock(&all->lock);
    if (e)
        return e;
    if (is_new) {
        struct wish *w = xnew(struct wish);
        w->mail.run = on_wish;
        w->engine = found;
        loop_post(all->loop, &w->mail);
    }
    *path = found->address;
    return OK;
}

void engines_stop(struct engines *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->is_stopped = true;
    pthread_mutex_unlock(&all->lock);
    for (unsigned i = 0; i < all->count; i++) {
        struct engine *e = all->list[i];
        timer_stop(&e->timer);
        process_close(e->process);
        e->process = NULL;
        (void)unlink(e->argv[2]);
    }
}

void engines_free(struct engines *all)
{
    if (!all)
        return;
    engines_stop(all);
    for (unsigned i = 0; i < all->count; i++) {
        struct engine *e = all->list[i];
        for (unsigned j = 0; j < ARGV_MAX; j++)
            mem_free(e->argv[j]);
        mem_free(e->name);
        mem_free(e->address);
        mem_free(e);
    }
    pthread_mutex_destroy(&all->lock);
    mem_free(all->program_dir);
    mem_free(all->socket_dir);
    mem_free(all);
}
