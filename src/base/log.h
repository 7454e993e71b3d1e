/* SPDX-License-Identifier: MIT
 * log.h -- one line per event: time, level, topic, event name, ids of the session, key=value ...
 *
 *     2026-01-31T12:00:00.123Z INFO gateway session.open sid=.. dev=.. framing=1
 *
 * Each line is redacted, then cut, then escaped (in that order) on the calling thread, and handed
 * to one writer thread through a bounded queue; nothing here blocks. On overflow DEBUG goes first,
 * then INFO, and the loss is reported. Before log_start() lines go straight to stderr. Any thread.
 * Levels: error someone must act, warn a user noticed, info lifecycle, debug decisions, trace frames. */
#ifndef PARLEY_BASE_LOG_H
#define PARLEY_BASE_LOG_H

#include "base/buf.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Whose line it is. Zero is valid. `level` 0 (TRACE) means "the process-wide level". */
struct log_ctx {
    const char *ids;          /* "sid=... dev=..."; borrowed; NULL: none */
    enum log_level level;     /* TRACE: as the process; otherwise lines from here on pass */
    bool trace;               /* everything of this one passes */
};

struct log_opts {
    enum log_level level;
    const char *dir, *file;      /* NULL dir: standard output only */
    size_t message_max_bytes;    /* 64..65536, including the cut marker */
    size_t rotate_bytes;         /* 0: never */
    unsigned retention_days;
    size_t queue_lines;          /* 0: 4096 */
    int fd;                      /* where lines go besides the file: 1 for stdout, -1 for nowhere */
};

enum err log_start(const struct log_opts *o); /* starts the writer thread */
void log_configure(const struct log_opts *o); /* live: level, limits */
void log_stop(void);                          /* writes out what is queued, joins */
bool log_enabled(enum log_level level, const struct log_ctx *ctx);
/* Registers a value that must never appear in any line, whatever its form (config secrets). Copied. */
void log_hide(struct slice secret);
/* Redact + cut + escape into out, as every line is; for error replies that quote peers. */
void log_clean(struct buf *out, struct slice text, size_t bytes_max);
void log_write(enum log_level level, const char *topic, const struct log_ctx *ctx, const char *event,
               const char *fmt, ...) printf_like(5, 6);
/* Tests: every finished line goes to fn as well (NULL: off). */
void log_tap(void (*fn)(void *user, struct slice line), void *user);

/* Define LOG_TOPIC before use, once per file: #define LOG_TOPIC "gateway" */
#define LOG_AT(level, ctx, event, ...)                                     \
    do {                                                                   \
        if (log_enabled(level, ctx))                                       \
            log_write(level, LOG_TOPIC, ctx, event, __VA_ARGS__);          \
    } while (0)
#define LOGT(ctx, event, ...) LOG_AT(LOG_TRACE, ctx, event, __VA_ARGS__)
#define LOGD(ctx, event, ...) LOG_AT(LOG_DEBUG, ctx, event, __VA_ARGS__)
#define LOGI(ctx, event, ...) LOG_AT(LOG_INFO, ctx, event, __VA_ARGS__)
#define LOGW(ctx, event, ...) LOG_AT(LOG_WARN, ctx, event, __VA_ARGS__)
#define LOGE(ctx, event, ...) LOG_AT(LOG_ERROR, ctx, event, __VA_ARGS__)

#endif
