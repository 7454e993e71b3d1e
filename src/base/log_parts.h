/* SPDX-License-Identifier: MIT
 * log_parts.h -- what log.c is made of: cleaning a line (log_clean.c), the file (log_file.c). */
#ifndef PARLEY_BASE_LOG_PARTS_H
#define PARLEY_BASE_LOG_PARTS_H

#include "base/log.h"

#define LOG_UNPRINTABLE "[unprintable]"
#define LOG_MARKER "\xE2\x80\xA6" /* stands for what was cut out of the middle */
#define LOG_MASK "***"

/* The log file with its rotation; used by the writer thread only. Zero is valid and closed. */
struct log_file {
    char path[512], dir[400], name[100];
    int fd; /* valid while `opened` */
    bool opened;
    size_t size_bytes, rotate_bytes;
    unsigned retention_days;
    int64_t swept_ms; /* when old files were last looked for */
};

enum err log_file_open(struct log_file *f, const char *dir, const char *name);
void log_file_write(struct log_file *f, struct slice lines);
void log_file_close(struct log_file *f);

#endif
