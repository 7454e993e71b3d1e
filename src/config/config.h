/* SPDX-License-Identifier: MIT
 * config.h -- the configuration: one YAML file over built-in defaults, read into an immutable,
 * reference-counted snapshot. Single-valued settings are fields generated from config/settings.h
 * (one row each: key, type, default, bounds, when it applies, help); free maps (providers, rules)
 * are read through conf_* accessors, which never fail: wrong type or range gives the default and one
 * WARN with key, line, given and used value. */
#ifndef PARLEY_CONFIG_CONFIG_H
#define PARLEY_CONFIG_CONFIG_H

#include "base/buf.h"

struct conf; /* one node of the tree: map, list or scalar, with its line; lives as long as its config */

/* Who needs its fields (cfg->server_port, cfg->audio_lead_packets ...) includes config/settings.h. */
struct config;

/* The holder of the snapshot in use: swapped atomically by reload. Any thread. */
struct config_holder;
must_check enum err config_holder_create(struct config_holder **out, const char *path /* NULL: search */,
                                         struct err_note *note);
/* Reads the file again. A broken file keeps the old snapshot; note says where. */
must_check enum err config_reload(struct config_holder *h, struct err_note *note);
struct config *config_now(struct config_holder *h); /* a reference of your own: config_unref */
void config_holder_free(struct config_holder *h);

must_check enum err config_parse(struct config **out, struct slice yaml, const char *name, struct err_note *note);
struct config *config_ref(struct config *c);
void config_unref(struct config *c);
unsigned config_generation(const struct config *c);
const char *config_path(const struct config *c); /* "" when no file was found */
void config_print(const struct config *c, struct buf *out); /* --check-config: value and source line of each key */
unsigned config_warnings(const struct config *c);

/* Dotted path from the root ("llm_by_mode.chat"); NULL: absent or null. */
const struct conf *config_node(const struct config *c, const char *path);
/* The map of a provider entry, e.g. ("LLM", "ollama"); NULL when there is none. */
const struct conf *config_entry(const struct config *c, const char *kind, const char *alias);

enum conf_kind { CONF_NULL, CONF_SCALAR, CONF_LIST, CONF_MAP };
enum conf_kind conf_kind(const struct conf *n);       /* NULL: CONF_NULL */
unsigned conf_line(const struct conf *n);             /* 1-based; 0: built-in default */
const struct conf *conf_get(const struct conf *map, const char *key); /* direct child */
size_t conf_count(const struct conf *n);
const struct conf *conf_at(const struct conf *n, size_t i);           /* list element or map value */
const char *conf_key_at(const struct conf *map, size_t i);
const char *conf_key(const struct conf *n);           /* its full dotted key, for messages */
/* The value itself: text of a scalar, "" otherwise. */
const char *conf_text(const struct conf *n);
/* Typed reads of a child; `otherwise` when absent, null or of a wrong type (WARN once). */
const char *conf_str(const struct conf *map, const char *key, const char *otherwise);
int64_t conf_int(const struct conf *map, const char *key, int64_t otherwise, int64_t min, int64_t max);
double conf_num(const struct conf *map, const char *key, double otherwise, double min, double max);
bool conf_bool(const struct conf *map, const char *key, bool otherwise);
/* Secrets and URLs: a text with U+4F60 (a placeholder) counts as unset; file: and env: are resolved;
 * the value is registered with log_hide. NULL when unset. */
const char *conf_secret(const struct conf *map, const char *key);
const char *conf_url(const struct conf *map, const char *key, const char *otherwise);
/* Resolved map = base shallow-merged with overrides, as one canonical string (sorted), for keys. */
void conf_canonical(const struct conf *base, const struct conf *overrides, struct buf *out);

#endif
