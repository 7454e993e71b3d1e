/* SPDX-License-Identifier: MIT
 * history.h -- what was said in a dialogue, as the model is told it: what the user said and what they
 * heard of our answers. Bounded by an estimate of tokens; the oldest turns go first, results of tools of
 * earlier turns are shortened. One owner. */
#ifndef PARLEY_DIALOGUE_HISTORY_H
#define PARLEY_DIALOGUE_HISTORY_H

#include "base/buf.h"
#include "providers/llm.h"

#define HISTORY_ENTRIES_MAX 400
#define HISTORY_ENTRY_MAX_BYTES 16384 /* longer texts are cut */
#define HISTORY_RESULT_OLD_BYTES 400  /* results of tools of earlier turns */

struct history_entry {
    enum llm_role role;
    char *text, *calls_json, *call_id; /* the last two as in struct llm_message, NULL: none */
    unsigned tokens;
};

struct history {
    struct history_entry *entries;
    size_t count, cap;
    unsigned tokens, tokens_max; /* tokens_max 0: 8000 */
};

void history_done(struct history *h);
void history_add(struct history *h, enum llm_role role, struct slice text);
void history_add_calls(struct history *h, struct slice text, struct slice calls_json);
void history_add_result(struct history *h, struct slice call_id, struct slice text);
/* A new turn of the user begins: shortens and drops what is old. */
void history_trim(struct history *h);
/* given: messages with `system` in front (empty: none); texts borrowed from h and system. mem_free it. */
struct llm_message *history_messages(const struct history *h, struct slice system, size_t *count);
/* [{"role":"user","content":..}, ...] without tools; false: the user said nothing. Appends. */
bool history_json(const struct history *h, struct buf *out);
unsigned history_tokens_of(struct slice text); /* the estimate: an ideograph 1, other text 4 bytes each */
size_t history_bytes(const struct history *h);

#endif
