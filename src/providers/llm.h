/* SPDX-License-Identifier: MIT
 * llm.h -- the contract of a language model: messages in, tokens and tool calls out. */
#ifndef PARLEY_PROVIDERS_LLM_H
#define PARLEY_PROVIDERS_LLM_H

#include "providers/provider.h"

enum llm_caps {
    LLM_TOOLS = 1 << 0,
    LLM_VISION = 1 << 1,
    LLM_JSON = 1 << 2,
    LLM_OFFLINE = 1 << 3, /* answers by itself, no network: the local rules */
};

enum llm_role { LLM_SYSTEM, LLM_USER, LLM_ASSISTANT, LLM_TOOL };

/* What a model that answers by itself (LLM_OFFLINE) may answer: anything; whole commands only; what it has an
 * answer for. */
enum llm_scope { LLM_ANYTHING, LLM_COMMANDS, LLM_KNOWN };

struct llm_message {
    enum llm_role role;
    struct slice text;
    struct slice tool_calls_json; /* ASSISTANT: array of {id,name,arguments} it made; empty: none */
    struct slice tool_call_id;    /* TOOL: which call this answers */
    struct slice image_url;       /* USER: data: or http URL; empty: none */
};

struct llm_tool {
    struct slice name, description, schema_json; /* JSON schema of the parameters */
};

struct llm_request {
    const struct llm_message *messages; /* all borrowed until open() returns */
    size_t message_count;
    const struct llm_tool *tools;
    size_t tool_count;
    bool is_json;            /* answer must be one JSON object */
    enum llm_scope scope;    /* for those that answer by themselves */
    unsigned tokens_max;     /* 0: the configured or the provider's default */
    const char *purpose;     /* "chat" (also NULL), "meeting", "coding", "working", "intent", "memory", any other */
};

struct llm_usage {
    uint32_t tokens_in, tokens_cached, tokens_out;
};

struct llm;
struct llm_events {
    void (*on_delta)(void *user, struct slice text); /* borrowed; whole code points */
    void (*on_tool_call)(void *user, struct slice id, struct slice name, struct slice args_json); /* whole */
    void (*on_usage)(void *user, const struct llm_usage *u);          /* may be NULL */
    void (*on_end)(void *user, const struct err_note *why);           /* the last event; then close() */
};

struct llm_class {
    const char *name;
    unsigned caps;
    enum err (*open)(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                     const struct llm_events *ev, void *user);
    void (*close)(struct llm *m);
    /* Could this configuration work (a URL is there, no placeholder for a key)? NULL: always. Any thread. */
    enum err (*check)(const struct provider_opts *o, struct err_note *note);
    /* Has it an answer of its own to this request, within rq->scope? NULL: never. */
    bool (*knows)(const struct provider_opts *o, const struct llm_request *rq);
};

#endif
