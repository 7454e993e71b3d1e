/* SPDX-License-Identifier: MIT
 * buildlog.h -- a line of a build or test log: how bad it is, which phase of the work it belongs to; and a
 * bounded queue of what is to be told about it. Pure. */
#ifndef PARLEY_CLI_BUILDLOG_H
#define PARLEY_CLI_BUILDLOG_H

#include "base/buf.h"

enum buildlog_level { BUILDLOG_INFO, BUILDLOG_WARN, BUILDLOG_ERROR };
#define BUILDLOG_TEXT_MAX 480   /* bytes of one message: below what the server keeps of one */
#define BUILDLOG_QUEUE_MAX 512  /* messages; then information is dropped, then the oldest */

enum buildlog_level buildlog_level_of(struct slice line);
/* "configure" "compile" "link" "test" "install"; NULL: says nothing about it. */
const char *buildlog_phase_of(struct slice line);
unsigned buildlog_phase_rank(const char *phase); /* 1.. in the order of a build */
/* "[12/340]" -> a step's name is everything behind; false: no step. */
bool buildlog_step_of(struct slice line, struct slice *name);
void buildlog_clean(struct buf *out, struct slice line); /* colours and control characters taken out */

struct buildlog_item {
    enum buildlog_level level;
    const char *phase; /* static; NULL: a log line */
    char *step;        /* a step's name; NULL: not a step */
    char *text;
};
struct buildlog {
    struct buildlog_item items[BUILDLOG_QUEUE_MAX];
    size_t first, count;
    unsigned phase_rank;         /* of the last one told; 0: none yet */
    struct buf partial;          /* a line that has not ended */
    uint64_t lines, dropped, errors, warnings;
};
/* Zero is a valid one. Bytes of the log as they come, split anywhere. */
void buildlog_feed(struct buildlog *w, struct slice bytes);
void buildlog_end(struct buildlog *w); /* the last line had no end */
/* The oldest; lines of information that follow one another are joined. False: none. The caller frees. */
bool buildlog_take(struct buildlog *w, struct buildlog_item *out);
void buildlog_item_done(struct buildlog_item *i);
void buildlog_done(struct buildlog *w);

#endif
