/* SPDX-License-Identifier: MIT
 * answer.h -- one answer of the model, with the tools it calls on the way.
 *
 *   ask -> rules, when they have an answer of their own (local)
 *      \-> intent: which tool?  (INTENT_LLM; one short request, INTENT_MS)
 *      \-> llm --- deltas ---> on_text
 *           ^ \-- tool calls -> toolbox -> results --\
 *           \------------------ again ---------------/   at most ANSWER_ROUNDS_MAX times
 *
 * What the model and the tools say to each other goes into the history as it happens; what is spoken is
 * added there by the owner, when it has been heard. One loop. */
#ifndef PARLEY_DIALOGUE_ANSWER_H
#define PARLEY_DIALOGUE_ANSWER_H

#include "dialogue/history.h"
#include "dialogue/intent.h"
#include "loop/timer.h"
#include "providers/registry.h"
#include "tools/toolbox.h"

#define ANSWER_ROUNDS_MAX 5
#define ANSWER_CALLS_MAX 8        /* of one round; further ones are refused to the model */
#define ANSWER_SILENT_MS 24000    /* nothing from the model for so long (its provider gives up earlier) */

/* SILENT: tools did it all; EMPTY: not a word; CLOSE: a tool ends the conversation. */
enum answer_then { ANSWER_SAID, ANSWER_SILENT, ANSWER_EMPTY, ANSWER_CLOSE };

struct answer_events {
    void (*on_text)(void *user, struct slice delta); /* whole code points, borrowed */
    void (*on_say)(void *user, struct slice text);   /* a tool's own sentence, borrowed */
    /* The last event. why->err OK: complete. Never from inside answer_ask. */
    void (*on_end)(void *user, const struct err_note *why, enum answer_then then);
};

struct answer_call {
    char *id, *name, *args;
    struct tool_call *running;
    bool has_result;
    struct answer *answer;
};

struct answer { /* embedded in its owner; zero is idle */
    struct loop *loop;
    const struct answer_events *ev;
    void *user;
    struct registry *registry;
    struct use_opts use;
    const char *purpose;
    char *system;
    struct history *history;   /* borrowed */
    struct toolbox *tools;     /* borrowed; NULL: none */
    struct intent intent;
    bool is_local;             /* the rules answer this one */
    struct timer intent_late;
    struct llm_use llm;
    struct answer_call *calls; /* ANSWER_CALLS_MAX; made when a tool is called */
    unsigned call_count, results, rounds;
    bool asks_again, closes, said, is_silent;
    struct buf round_text;     /* what the model said in this round */
    struct timer watchdog;
};

struct answer_opts {
    struct loop *loop;
    struct registry *registry;
    const struct use_opts *use;    /* config borrowed until the end */
    const char *purpose;           /* borrowed until the end */
    struct slice system;           /* copied */
    struct history *history;
    struct toolbox *tools;
    struct intent intent;
};
/* The history's last message is the question. An error: nothing was begun. */
must_check enum err answer_ask(struct answer *a, const struct answer_opts *o, const struct answer_events *ev,
                               void *user);
/* Stops; no event after it. Open calls get a result in the history, so that it stays whole. */
void answer_cancel(struct answer *a);

#endif
