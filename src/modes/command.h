/* SPDX-License-Identifier: MIT
 * command.h -- what an utterance orders, decided from words alone: enter or leave a mode, take, finish
 * or refresh tasks, end a meeting. Chinese by substring, English by whole words, negation first. Pure. */
#ifndef PARLEY_MODES_COMMAND_H
#define PARLEY_MODES_COMMAND_H

#include "base/base.h"

#define COMMAND_TEXT_MAX 512 /* bytes; a longer utterance is no command */

enum command_kind {
    COMMAND_NONE,
    COMMAND_ENTER,    /* command.mode: "working" or "meeting" */
    COMMAND_LEAVE,
    COMMAND_ASSIGN,
    COMMAND_COMPLETE,
    COMMAND_REFRESH,
    COMMAND_FINALIZE, /* end the meeting and sum it up */
};

struct command {
    enum command_kind kind;
    const char *mode;
    unsigned ordinal; /* 1-based; 0: none was said */
};

const char *command_name(enum command_kind k); /* "assign" ... */
/* Entering and leaving modes: in every mode. */
struct command command_mode(struct slice utterance);
/* assign, complete, refresh: in working mode. */
struct command command_task(struct slice utterance);
/* Words that end a meeting. `words` replaces the built-in list when word_count > 0. */
bool command_finalizes(struct slice utterance, const struct slice *words, size_t word_count);
/* The ordinal alone: "the second", U+7B2C.., "task 3", a bare number. 0: none. */
unsigned command_ordinal(struct slice utterance);

#endif
