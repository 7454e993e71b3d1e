/* SPDX-License-Identifier: MIT
 * registry_pick.h -- inside of the registry: from the file's spelling to entries. Pure but for warnings. */
#ifndef PARLEY_PROVIDERS_REGISTRY_PICK_H
#define PARLEY_PROVIDERS_REGISTRY_PICK_H

#include "providers/resolve.h"

/* One configured thing: an entry, and what a purpose lays over it. */
struct pick {
    const char *alias;            /* as written; lives in the configuration */
    const struct conf *settings;  /* NULL: no entry, a class by its name */
    const struct conf *overrides; /* NULL: none */
    bool has_plain_overrides;     /* overrides are the purpose's own map: its alias keys do not count */
    const char *purpose;          /* for the log; NULL */
};

enum { PICK_CANDIDATES = 4 };     /* purpose, default, selected, embedded */

struct pick_ctx {
    struct config *config;
    enum provider_kind kind;
    const char *embedded;         /* name of the embedded class */
    bool (*is_class)(const struct pick_ctx *ctx, const char *name);
};
struct pick_link {                /* how the registry finds its own call again */
    struct pick_ctx ctx;
    const void *asking;
};
void pick_warn(const struct pick_ctx *ctx, const char *what, const char *which); /* in registry.c: once */
bool pick_is_class(const struct pick_ctx *ctx, const char *name);                /* in registry.c */

/* Candidates in the order they are wanted; always ends with the embedded one. */
unsigned pick_candidates(const struct pick_ctx *ctx, const char *purpose, struct pick out[PICK_CANDIDATES]);
bool pick_alias(const struct pick_ctx *ctx, const char *alias, const char *where, struct pick *out);
const char *pick_type(const struct pick *p);
/* The resolved map (entry shallow-merged with overrides), sorted, as text: equal maps, equal text. */
void pick_canonical(const struct pick *p, struct buf *out);
unsigned pick_distance(const char *a, const char *b); /* edit distance, at most 64 characters of each */

#endif
