/* SPDX-License-Identifier: MIT
 * inner.h -- what the files of this room share: the hidden half of a snapshot, typed values, checks. */
#ifndef PARLEY_CONFIG_INNER_H
#define PARLEY_CONFIG_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "config/settings.h"
#include "config/tree.h"

struct config_inner {
    atomic_uint refs;
    unsigned generation;
    char *path;
    struct conf_tree tree;
    struct conf *root;
    struct map remarks;  /* key -> what --check-config says beside it; texts in the arena */
    atomic_uint warnings;

    pthread_mutex_t lock; /* over the two maps below: readers on any thread fill them */
    struct map warned;    /* keys warned of */
    struct map secrets;   /* node address -> its resolved value, heap; "" = unset */
};

/* WARN once per key and snapshot. */
void config_warn(struct config_inner *in, const char *key, const char *event, const char *fmt, ...)
    printf_like(4, 5);
/* The same for a value: key, line, given (masked if secret), used. */
void config_warn_value(const struct conf *n, const char *why, const char *used);
void config_remark(struct config_inner *in, const char *key, const char *fmt, ...) printf_like(3, 4);

/* Typed values (values.c). False: not of this type. */
must_check bool value_int(const struct conf *n, int64_t *out);
must_check bool value_num(const struct conf *n, double *out);
must_check bool value_bool(const struct conf *n, bool *out);
must_check bool value_size(const struct conf *n, int64_t *out);
must_check bool value_days(const struct conf *n, int64_t *out);
bool value_is_placeholder(const char *text);
/* Its name says that it holds a secret: api_key, access_token ... */
bool value_is_secret(const char *key);
/* For messages: quoted text, cut; *** for secrets; "a list", "a map". */
void value_show(struct buf *out, const struct conf *n);
/* file:PATH and env:NAME resolved, remembered, hidden from logs; NULL: unset or not readable. */
const char *value_secret(const struct conf *n);
void value_hide_secrets(const struct conf *n); /* all below n whose name says so */

/* Bounds with exceptions (rules.c): the value used; *why is set when it is not the one given. */
int64_t rule_int(const struct setting_row *row, int64_t given, int64_t initial, const char **why);

void fields_fill(struct config *c);                     /* fields.c */
void unknown_check(struct config_inner *in);            /* unknown.c; before the defaults are merged */
/* The nearest of candidates(i) by edit distance <= 3, or NULL. */
const char *nearest_of(const char *given, const char *(*candidate)(const void *user, size_t i),
                       const void *user);
void kinds_merge_embedded(struct config_inner *in);     /* kinds.c */
void kinds_check_selected(struct config *c);
void kinds_docs(struct buf *out);
bool setting_is_unused(struct slice key);               /* unused.c: known, and its part is not built yet */
void unused_tell(const struct config *c);

#endif
