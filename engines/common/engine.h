/* SPDX-License-Identifier: MIT
 * engine.h -- what a local speech engine program is made of: a class, and engine_main() that serves it.
 *
 *     engine [--option=value ...] SOCKET        speaks Wyoming on that Unix socket until SIGTERM
 *
 * One thread per connection reads and writes; the engine itself is called by one thread at a time. A slow
 * reader does not keep the engine: what it does not take is kept for it and written afterwards. The
 * program ends with its parent. */
#ifndef PARLEY_ENGINES_COMMON_ENGINE_H
#define PARLEY_ENGINES_COMMON_ENGINE_H

#include "base/buf.h"
#include "protocol/wyoming.h"

#define ENGINE_CONNECTIONS_MAX 64  /* more are closed at once */
#define ENGINE_TEXT_MAX 2000       /* bytes of one synthesis; the rest is not spoken */
#define ENGINE_SECONDS_MAX 60      /* of one utterance; the rest is not heard */
#define ENGINE_RATE_HZ 16000       /* what recognisers are given */

struct engine_args {
    int count;
    char **list;
};
/* The value of --name=value, or otherwise. */
const char *engine_arg(const struct engine_args *a, const char *name, const char *otherwise);

/* Where a synthesiser puts its samples. */
struct engine_sink {
    int fd;
    struct buf out;
    uint32_t rate_hz;
    bool has_started, is_broken;
};
/* False: nobody listens any more, stop. */
bool engine_sink_put(struct engine_sink *s, uint32_t rate_hz, struct pcm pcm);

struct engine_class {
    const char *name, *about, *version;
    const char *languages_json;  /* ["en"] */
    const char *voices_json;     /* array for `info`; NULL: none */
    /* Reads models; gives what the other two get as `self`, for the life of the program. NULL: said why on
     * stderr, the program ends with 1. */
    void *(*load)(const struct engine_args *a);
    /* A recogniser has this ... : a whole utterance, its words appended to text. */
    void (*recognise)(void *self, struct pcm pcm, struct buf *text);
    /* ... a synthesiser this. False: the voice is not there. */
    bool (*speak)(void *self, struct slice text, const struct wyoming_voice *voice, struct engine_sink *sink);
};

int engine_main(int argc, char **argv, const struct engine_class *cls);

#endif
