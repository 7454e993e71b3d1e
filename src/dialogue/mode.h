/* SPDX-License-Identifier: MIT
 * mode.h -- the contract of a mode: what to do with an utterance. modes/list.c names them all.
 *
 *     enter -> on_heard -> turn_ask | turn_speak | turn_silence -> on_heard ... -> leave
 *
 * A mode answers each on_heard exactly once, before it returns or later; an answer to an utterance that
 * was aborted meanwhile is dropped. One session, one loop, no locks. */
#ifndef PARLEY_DIALOGUE_MODE_H
#define PARLEY_DIALOGUE_MODE_H

#include "dialogue/dialogue.h"

struct mode; /* completed privately in each mode's file */

struct mode_class {
    const char *name;     /* "chat" */
    const char *purpose;  /* the LLM purpose of its turns */
    const char *(*purpose_now)(struct mode *m); /* the same where it changes; NULL: `purpose` */
    enum err (*enter)(struct mode **out, struct dialogue *d, const struct json *args);
    /* A whole utterance (or typed text), borrowed. `turn` names it in the answer. */
    void (*on_heard)(struct mode *m, uint32_t turn, struct slice text);
    void (*on_audio)(struct mode *m, struct pcm pcm); /* 16 kHz; NULL unless it keeps audio */
    const char *(*prompt)(struct mode *m);            /* system prompt; NULL: the configured one */
    void (*leave)(struct mode *m, enum err why);      /* frees it; also inside its own on_heard */
};

/* The answer to an utterance. A stale turn number is ignored. */
void turn_ask(struct dialogue *d, uint32_t turn, struct slice text);   /* the model answers `text`, aloud */
void turn_speak(struct dialogue *d, uint32_t turn, struct slice text); /* this is said, and remembered */
void turn_silence(struct dialogue *d, uint32_t turn);                  /* nothing is said, no tts start */

#endif
