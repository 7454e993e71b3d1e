/* SPDX-License-Identifier: MIT
 * mode.h -- the contract of a mode: what to do with an utterance. modes/list.c names them all. */
#ifndef PARLEY_DIALOGUE_MODE_H
#define PARLEY_DIALOGUE_MODE_H

#include "dialogue/dialogue.h"

struct mode; /* completed privately in each mode's file */

struct mode_class {
    const char *name;     /* "chat" */
    const char *purpose;  /* the LLM purpose of its turns */
    enum err (*enter)(struct mode **out, struct dialogue *d, const struct json *args);
    /* A whole utterance (or typed text). The mode answers through the turn (dialogue/turn.h: turn_ask,
     * turn_speak, turn_silence) before or after it returns, exactly once. */
    void (*on_heard)(struct mode *m, struct slice text);
    void (*on_audio)(struct mode *m, struct pcm pcm); /* NULL unless it keeps audio */
    const char *(*prompt)(struct mode *m);            /* system prompt; NULL: the configured one */
    void (*leave)(struct mode *m, enum err why);      /* frees it */
};

#endif
