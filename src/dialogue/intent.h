/* SPDX-License-Identifier: MIT
 * intent.h -- how the wish for an action is recognised (selected_module.Intent), and the words of the separate
 * pass of kind intent_llm: what the model is told, what its answer means. Pure. */
#ifndef PARLEY_DIALOGUE_INTENT_H
#define PARLEY_DIALOGUE_INTENT_H

#include "base/buf.h"
#include "providers/llm.h"

#define INTENT_MS 3000               /* the pass may take so long; then it is plain chat */
#define INTENT_REPLY_MAX_BYTES 4096  /* more is no tool call */
#define INTENT_TOKENS_MAX 256
#define INTENT_ABOUT_MAX_BYTES 400   /* of a tool's description in the prompt */
#define INTENT_SCHEMA_MAX_BYTES 1500 /* of its parameters; longer ones are left out */

struct toolbox;

/* NONE: the chat model gets no tools; FUNCTION_CALL: it gets them; LLM: another request picks one first. */
enum intent_kind { INTENT_NONE, INTENT_FUNCTION_CALL, INTENT_LLM };
struct intent {
    enum intent_kind kind;
    enum llm_scope local;            /* what the rules answer before anybody is asked; LLM_ANYTHING: nothing */
    const char *rules;               /* their LLM alias; borrowed from the configuration */
};

void intent_of(const struct config *c, struct intent *out);
void intent_prompt(struct buf *out, const struct llm_tool *tools, size_t count);
/* {"function_call":{"name":..,"arguments":{..}}} or {"name":..,"arguments":..}, also inside prose or a code
 * fence. True: a tool that is there; arguments as JSON text. False: go on with the chat. */
bool intent_read(struct slice reply, const struct toolbox *tools, struct buf *name, struct buf *args);

#endif
