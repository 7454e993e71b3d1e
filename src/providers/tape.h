/* SPDX-License-Identifier: MIT
 * tape.h -- what passed through a provider, as lines of JSON: written by record.c, played by replay.c.
 *
 *     {"at":0,"on":"open","text":"what was asked"}        at: ms since the stream was opened
 *     {"at":840,"on":"delta","text":"It is"}
 *     {"at":900,"on":"end","name":"OK","text":""}
 *
 * A file holds one or more streams of one kind; each begins with `open` and ends with `end`. */
#ifndef PARLEY_PROVIDERS_TAPE_H
#define PARLEY_PROVIDERS_TAPE_H

#include "base/json.h"
#include "providers/provider.h"

enum { TAPE_BYTES_MAX = 16 << 20 }; /* a longer stream is kept up to here; a longer file is refused */

struct tape_event {
    const char *on;               /* "delta", "text", "partial", "tool", "pcm", "opus", "mark", "end" */
    struct slice text, id, name;
    uint32_t number;              /* rate_hz, duration_us, sentence */
    struct slice data;            /* bytes, base64 in the file */
};

struct tape {
    struct loop *loop;
    struct workers *workers;
    char *path;
    struct buf lines;
    uint64_t start_ms;
    bool is_complete;
};
void tape_open(struct tape *t, const struct provider_opts *o, struct slice asked);
void tape_put(struct tape *t, const struct tape_event *e);
/* Appends the stream to the file, away from the loop where there are workers; t is empty after. */
void tape_close(struct tape *t);

/* A stream out of a file: the one whose open line says `asked`, else the first. Given lines, from behind
 * its open line up to its end line. ERR_NOT_FOUND, ERR_LIMIT, ERR_PROTO. */
must_check enum err tape_find(const char *path, struct slice asked, struct buf *out);
/* Takes the next line off *lines. False: none, or broken. The event lives in *root and *data. */
struct tape_played {
    struct json *root;
    struct buf data;
    uint32_t at_ms;
    struct tape_event event;
};
bool tape_next(struct slice *lines, struct tape_played *out);
void tape_played_done(struct tape_played *p);
enum err tape_err(struct slice name); /* "TIMEOUT" back to the number; ERR_INTERNAL: no such name */

#endif
