/* SPDX-License-Identifier: MIT
 * log.c -- lines are made on the calling thread and written by one thread of its own.
 *
 *     log_write() --> three queues (up to debug, info, from warn) --> writer --> file
 *                     one limit for all, dropped in that order               \-> fd, never waited for
 *
 * The queues share a sequence number, so that the writer puts lines out in the order they came.
 * The fd (standard output) may be a pipe nobody reads. It is polled before each piece of at most
 * PIPE_BUF bytes, and what it does not take waits in `pending`. Without a file the writer then stops
 * taking lines, and the queues overflow by their rule; with a file the fd alone loses lines. */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_parts.h"
#include "base/mem.h"

#define QUEUE_LINES_DEFAULT 4096
#define QUEUE_BYTES_MAX (16u << 20)
#define BATCH_BYTES (64u << 10)
#define PENDING_BYTES_MAX (1u << 20)
#define PENDING_STOP_BYTES (64u << 10)
#define MESSAGE_DEFAULT_BYTES 2000
#define MESSAGE_FORMAT_BYTES_MAX (256u << 10)
#define DROP_REPORT_US (10 * 1000000u)
#define IDS_MAX_BYTES 120
#define RETRY_MS 20        /* how often a blocked fd is tried again */
#define STOP_FLUSH_MS 500  /* how long log_stop waits for it */

struct line {
    struct line *next;
    uint64_t number;
    size_t len;
    char text[];
};

struct queue {
    struct line *first, **last;
};

enum { CLASS_DEBUG, CLASS_INFO, CLASS_WARN, CLASSES };

static struct {
    atomic_int level;
    atomic_size_t message_max_bytes;
    atomic_bool running;

    pthread_mutex_t lock; /* over all below, except what is the writer's */
    pthread_cond_t wake;
    struct queue queues[CLASSES];
    size_t lines, bytes, lines_max;
    uint64_t number, dropped;
    bool stopping, reopen;
    char dir[400], file[100];
    size_t rotate_bytes;
    unsigned retention_days;
    int fd;

    pthread_t writer;
    struct log_file out;     /* the writer's */
    struct buf pending;      /* the writer's: for the fd */
    uint64_t reported_us;    /* the writer's */

    pthread_mutex_t tap_lock;
    void (*tap)(void *user, struct slice line);
    void *tap_user;
} state = {
    .level = LOG_INFO,
    .message_max_bytes = MESSAGE_DEFAULT_BYTES,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .tap_lock = PTHREAD_MUTEX_INITIALIZER,
};

static const char *const level_names[] = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR" };

/* ---- queues; under the lock ---- */

static void queue_push(struct queue *q, struct line *line)
{
    if (!q->first)
        q->last = &q->first;
    *q->last = line;
    q->last = &line->next;
    state.lines++;
    state.bytes += line->len;
}

static struct line *queue_shift(struct queue *q)
{
    struct line *line = q->first;
    if (line) {
        q->first = line->next;
        line->next = NULL;
        state.lines--;
        state.bytes -= line->len;
    }
    return line;
}

static struct line *oldest(void)
{
    struct queue *best = NULL;
    for (int i = 0; i < CLASSES; i++)
        if (state.queues[i].first && (!best || state.queues[i].first->number < best->first->number))
            best = &state.queues[i];
    return best ? queue_shift(best) : NULL;
}

static bool full(size_t more_bytes)
{
    return state.lines >= state.lines_max || state.bytes + more_bytes > QUEUE_BYTES_MAX;
}

/* Takes the line, or drops it or older ones of a lower class. */
static void enqueue(struct line *line, int class)
{
    pthread_mutex_lock(&state.lock);
    for (int victim = CLASS_DEBUG; victim < class && full(line->len); victim++) {
        while (full(line->len) && state.queues[victim].first) {
            mem_free(queue_shift(&state.queues[victim]));
            state.dropped++;
        }
    }
    if (full(line->len)) {
        state.dropped++;
        mem_free(line);
    } else {
        line->number = state.number++;
        queue_push(&state.queues[class], line);
        pthread_cond_signal(&state.wake);
    }
    pthread_mutex_unlock(&state.lock);
}

/* ---- the writer thread ---- */

/* Gives the fd what it takes without blocking. */
static void flush_fd(int fd)
{
    while (state.pending.len) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (poll(&p, 1, 0) <= 0)
            return;
        ssize_t put = p.revents & POLLOUT ? write(fd, state.pending.data, MIN(state.pending.len, (size_t)PIPE_BUF))
                                          : -1;
        if (put < 0 && (errno == EINTR || errno == EAGAIN) && (p.revents & POLLOUT))
            return;
        if (put <= 0)
            buf_clear(&state.pending); /* the reader is gone */
        else
            buf_eat(&state.pending, (size_t)put);
    }
}

static size_t put_out(struct slice lines, size_t line_count, int fd)
{
    log_file_write(&state.out, lines);
    if (fd < 0)
        return 0;
    bool fits = state.pending.len + lines.len <= PENDING_BYTES_MAX;
    if (fits)
        buf_put(&state.pending, lines);
    flush_fd(fd);
    return fits || state.out.opened ? 0 : line_count;
}

static void wait_for_lines(void)
{
    if (state.pending.len == 0) {
        pthread_cond_wait(&state.wake, &state.lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&state.wake, &state.lock, &until);
}

/* Lines for one write; false: it is time to end. Called and left with the lock held. */
static bool next_batch(struct buf *batch, size_t *count)
{
    for (;;) {
        bool clogged = !state.out.opened && state.pending.len > PENDING_STOP_BYTES && !state.stopping;
        if (state.reopen || (state.lines && !clogged))
            break;
        if (state.stopping)
            return false;
        wait_for_lines();
        if (state.pending.len) {
            int fd = state.fd;
            pthread_mutex_unlock(&state.lock);
            flush_fd(fd);
            pthread_mutex_lock(&state.lock);
        }
    }
    struct line *line;
    while (batch->len < BATCH_BYTES && (line = oldest())) {
        buf_put(batch, slice_from(line->text, line->len));
        mem_free(line);
        (*count)++;
    }
    return true;
}

static void report_dropped(struct buf *batch, uint64_t *dropped)
{
    uint64_t now_us = clock_mono_us();
    if (*dropped == 0 || (state.reported_us && now_us - state.reported_us < DROP_REPORT_US))
        return;
    char when[25];
    clock_iso(clock_wall_ms(), when);
    buf_printf(batch, "%s WARN log log.dropped log: %llu lines dropped\n", when, (unsigned long long)*dropped);
    *dropped = 0;
    state.reported_us = now_us;
}

static void open_file(const char *dir, const char *name)
{
    if (!*dir) {
        log_file_close(&state.out);
        return;
    }
    enum err e = log_file_open(&state.out, dir, name);
    if (e)
        fprintf(stderr, "parley: log file %s/%s: %s; standard output only\n", dir, name, err_text(e));
}

static void *writer_main(void *unused)
{
    auto_buf struct buf batch = { 0 };
    size_t count = 0;
    pthread_setname_np(pthread_self(), "log");
    pthread_mutex_lock(&state.lock);
    while (next_batch(&batch, &count)) {
        bool reopen = state.reopen;
        char dir[sizeof(state.dir)], file[sizeof(state.file)];
        memcpy(dir, state.dir, sizeof(dir));
        memcpy(file, state.file, sizeof(file));
        state.reopen = false;
        state.out.rotate_bytes = state.rotate_bytes;
        state.out.retention_days = state.retention_days;
        report_dropped(&batch, &state.dropped);
        int fd = state.fd;
        pthread_mutex_unlock(&state.lock);

        if (reopen)
            open_file(dir, file);
        size_t lost = put_out(buf_slice(&batch), count, fd);
        buf_clear(&batch);
        count = 0;

        pthread_mutex_lock(&state.lock);
        state.dropped += lost;
    }
    state.reported_us = 0;
    report_dropped(&batch, &state.dropped);
    int fd = state.fd;
    pthread_mutex_unlock(&state.lock);
    if (batch.len)
        put_out(buf_slice(&batch), 1, fd);
    uint64_t until_us = clock_mono_us() + STOP_FLUSH_MS * 1000u;
    while (fd >= 0 && state.pending.len && clock_mono_us() < until_us) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        poll(&p, 1, RETRY_MS);
        flush_fd(fd);
    }
    return NULL;
}

/* ---- the outside ---- */

void log_configure(const struct log_opts *o)
{
    atomic_store(&state.level, (int)o->level);
    size_t bytes = o->message_max_bytes;
    atomic_store(&state.message_max_bytes, bytes >= 64 && bytes <= 65536 ? bytes : MESSAGE_DEFAULT_BYTES);
    char dir[sizeof(state.dir)], file[sizeof(state.file)];
    snprintf(dir, sizeof(dir), "%s", o->dir ? o->dir : "");
    snprintf(file, sizeof(file), "%s", o->file ? o->file : "server.log");
    pthread_mutex_lock(&state.lock);
    if (strcmp(dir, state.dir) != 0 || strcmp(file, state.file) != 0) {
        memcpy(state.dir, dir, sizeof(dir));
        memcpy(state.file, file, sizeof(file));
        state.reopen = true;
    }
    state.rotate_bytes = o->rotate_bytes;
    state.retention_days = o->retention_days;
    state.lines_max = o->queue_lines ? o->queue_lines : QUEUE_LINES_DEFAULT;
    state.fd = o->fd;
    pthread_cond_signal(&state.wake);
    pthread_mutex_unlock(&state.lock);
}

enum err log_start(const struct log_opts *o)
{
    if (atomic_load(&state.running))
        return ERR_STATE;
    log_configure(o);
    pthread_mutex_lock(&state.lock);
    state.stopping = false;
    state.reopen = true;
    pthread_mutex_unlock(&state.lock);
    sigset_t all, before; /* signals are for other threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&state.writer, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return ERR_INTERNAL;
    atomic_store(&state.running, true);
    return OK;
}

void log_stop(void)
{
    if (!atomic_exchange(&state.running, false))
        return;
    pthread_mutex_lock(&state.lock);
    state.stopping = true;
    pthread_cond_signal(&state.wake);
    pthread_mutex_unlock(&state.lock);
    pthread_join(state.writer, NULL);
    log_file_close(&state.out);
    buf_done(&state.pending);
    pthread_mutex_lock(&state.lock);
    for (struct line *line; (line = oldest());)
        mem_free(line); /* came in between */
    state.dir[0] = 0;
    pthread_mutex_unlock(&state.lock);
}

bool log_enabled(enum log_level level, const struct log_ctx *ctx)
{
    if (ctx && ctx->trace)
        return true;
    if (ctx && ctx->level != LOG_TRACE)
        return level >= ctx->level;
    return (int)level >= atomic_load_explicit(&state.level, memory_order_relaxed);
}

void log_tap(void (*fn)(void *user, struct slice line), void *user)
{
    pthread_mutex_lock(&state.tap_lock);
    state.tap = fn;
    state.tap_user = user;
    pthread_mutex_unlock(&state.tap_lock);
}

static bool give_to_tap(struct slice line)
{
    pthread_mutex_lock(&state.tap_lock);
    bool tapped = state.tap != NULL;
    if (tapped)
        state.tap(state.tap_user, line);
    pthread_mutex_unlock(&state.tap_lock);
    return tapped;
}

static void hand_over(struct slice text, enum log_level level)
{
    bool tapped = give_to_tap(slice_sub(text, 0, text.len - 1));
    if (atomic_load(&state.running)) {
        struct line *line = xalloc(sizeof(*line) + text.len);
        line->len = text.len;
        memcpy(line->text, text.data, text.len);
        enqueue(line, level <= LOG_DEBUG ? CLASS_DEBUG : level == LOG_INFO ? CLASS_INFO : CLASS_WARN);
    } else if (!tapped && write(STDERR_FILENO, text.data, text.len) < 0) {
        return; /* nobody to tell */
    }
}

void log_write(enum log_level level, const char *topic, const struct log_ctx *ctx, const char *event,
               const char *fmt, ...)
{
    auto_buf struct buf message = { .max = MESSAGE_FORMAT_BYTES_MAX }, line = { 0 };
    char when[25];
    va_list args;
    va_start(args, fmt);
    enum err e = buf_vprintf(&message, fmt, args);
    va_end(args);

    clock_iso(clock_wall_ms(), when);
    buf_printf(&line, "%s %s %s %s", when, level_names[MIN((unsigned)level, LOG_ERROR)], topic, event);
    if (ctx && ctx->ids) {
        buf_put_byte(&line, ' ');
        log_clean(&line, slice_of(ctx->ids), IDS_MAX_BYTES);
    }
    if (e || message.len)
        buf_put_byte(&line, ' ');
    if (e)
        buf_puts(&line, LOG_UNPRINTABLE);
    else
        log_clean(&line, buf_slice(&message), atomic_load_explicit(&state.message_max_bytes, memory_order_relaxed));
    buf_put_byte(&line, '\n');
    hand_over(buf_slice(&line), level);
}
