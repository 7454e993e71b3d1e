/* SPDX-License-Identifier: MIT
 * memory.h -- the contract of long memory: what is remembered of a device between conversations. */
#ifndef PARLEY_PROVIDERS_MEMORY_H
#define PARLEY_PROVIDERS_MEMORY_H

#include "providers/llm.h"

struct memory;
struct memory_events {
    void (*on_recall)(void *user, struct slice facts); /* text for the prompt; borrowed */
    void (*on_end)(void *user, const struct err_note *why);
};
struct memory_talk { /* a finished conversation; borrowed until remember() returns */
    const char *device_id;
    struct slice turns_json; /* array of {role,content} */
    const char *key;         /* a second one of the same key changes nothing */
};
struct memory_class {
    const char *name; /* "nomem", "mem_local_short" */
    /* Asks what is known of a device; at most one on_recall, then on_end. */
    enum err (*recall)(struct memory **out, const struct provider_opts *o, const char *device_id,
                       const struct memory_events *ev, void *user);
    /* Remembers a conversation; on_end says what became of it. */
    enum err (*remember)(struct memory **out, const struct provider_opts *o, const struct memory_talk *talk,
                         const struct memory_events *ev, void *user);
    void (*close)(struct memory *m);
};

#endif
