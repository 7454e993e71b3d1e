/* SPDX-License-Identifier: MIT
 * openai_chat.h -- an answer of POST /chat/completions read as it comes: server-sent events with deltas,
 * or one JSON object; an error in either. Bytes in, events out. Pure.
 *
 *     chat_init(&c, &ev, user);  chat_feed(&c, bytes) ...;  chat_end(&c, &why);  chat_done(&c);
 *
 * Pieces of a tool call are joined; calls are given whole when the answer is finished. */
#ifndef PARLEY_PROVIDERS_OPENAI_CHAT_H
#define PARLEY_PROVIDERS_OPENAI_CHAT_H

#include "http/sse.h"
#include "providers/llm.h"
#include "providers/think.h"

enum { CHAT_CALLS_MAX = 16, CHAT_ARGS_MAX = 65536, CHAT_BODY_MAX = 1 << 20 };

struct chat_call {
    struct buf id, name, args;
};
struct chat_reader {
    enum chat_form { CHAT_UNKNOWN, CHAT_SSE, CHAT_BODY } form;
    struct sse sse;
    struct buf body, said;       /* said: scratch of one delta */
    struct think think;
    struct chat_call calls[CHAT_CALLS_MAX];
    unsigned call_count;
    struct llm_usage usage;
    struct err_note error;       /* from the stream itself */
    const struct llm_events *ev; /* on_delta, on_tool_call, on_usage are used; never on_end */
    void *user;
    const bool *is_stopped;      /* true: the listener closed us inside an event */
    bool drops_thinking, has_usage, has_finished, is_done; /* finished: finish_reason; done: [DONE] */
};

/* is_stopped: read after every event; when it is true nothing more is told. */
void chat_init(struct chat_reader *c, const struct llm_events *ev, void *user, const bool *is_stopped,
               bool drops_thinking);
enum err chat_feed(struct chat_reader *c, struct slice bytes); /* an error is in c->error as well */
/* The body is over (is_whole: as announced, not cut): the rest is told, *why says how it went. */
void chat_end(struct chat_reader *c, bool is_whole, int status, struct err_note *why);
void chat_done(struct chat_reader *c);

#endif
