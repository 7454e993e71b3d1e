/* SPDX-License-Identifier: MIT
 * logging.c -- the log as configured. */
#include "main/private.h"

#define LOG_TOPIC "main"
#include "base/log.h"

static enum log_level level_of(const char *name)
{
    static const struct {
        const char *name;
        enum log_level level;
    } rows[] = { { "TRACE", LOG_TRACE }, { "DEBUG", LOG_DEBUG }, { "INFO", LOG_INFO }, { "WARN", LOG_WARN },
                 { "WARNING", LOG_WARN }, { "ERROR", LOG_ERROR }, { "CRITICAL", LOG_ERROR } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].level;
    }
    return LOG_INFO;
}

static void opts_from(const struct config *cfg, struct log_opts *out)
{
    *out = (struct log_opts){
        .level = level_of(cfg->log_log_level),
        .dir = cfg->log_log_dir,
        .file = cfg->log_log_file,
        .message_max_bytes = (size_t)cfg->log_max_message_length,
        .rotate_bytes = (size_t)cfg->log_rotation,
        .retention_days = (unsigned)cfg->log_retention,
        .fd = 1,
    };
}

enum err logging_start(const struct config *cfg)
{
    struct log_opts o;

    opts_from(cfg, &o);
    return log_start(&o);
}

void logging_configure(const struct config *cfg)
{
    struct log_opts o;

    opts_from(cfg, &o);
    log_configure(&o);
}
