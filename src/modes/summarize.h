/* SPDX-License-Identifier: MIT
 * summarize.h -- one summary by the model of purpose `meeting`: the transcript goes in as quoted data, seven
 * valid fields come out, whatever the model does. Loop thread. */
#ifndef PARLEY_MODES_SUMMARIZE_H
#define PARLEY_MODES_SUMMARIZE_H

#include "modes/summary.h"
#include "providers/registry.h"

#define SUMMARIZE_REPLY_MAX 65536 /* bytes of a model's answer; more is cut off */

struct summarize;

struct summarize_opts {
    struct loop *loop;
    struct registry *registry;
    struct use_opts use;          /* config is kept with a reference of its own */
    struct slice transcript;      /* borrowed until open returns */
    const struct slice *said;     /* for the heuristic, when no model helps; borrowed likewise */
    size_t said_count;
    unsigned tokens_max;
    bool is_checkpoint;
    const char *llm_down;         /* catalogue: bullets when nothing else is there, separated by " / " */
};
struct summarize_result {
    struct summary *summary;      /* take what you want of it (struct copy, then zero it) */
    uint64_t llm_elapsed_ms;
    bool is_by_model, was_empty;  /* was_empty: the model gave no bullets */
};
/* on_done once, never from inside open; then summarize_close. */
must_check enum err summarize_open(struct summarize **out, const struct summarize_opts *o,
                                   void (*on_done)(void *user, const struct summarize_result *r), void *user);
size_t summarize_bytes(const struct summarize *s);
void summarize_close(struct summarize *s); /* any time; silence after it; NULL is fine */

#endif
