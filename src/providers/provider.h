/* SPDX-License-Identifier: MIT
 * provider.h -- what every provider is opened with.
 *
 * All contracts: open() gives an instance or an error and has called nothing back; events come on the
 * loop that opened it, never from inside open/feed/say/finish; then exactly one on_end unless closed
 * first; `close` is legal in every state and inside every event, returns at once, silence after it.
 * No globals: two accounts of one vendor can coexist. */
#ifndef PARLEY_PROVIDERS_PROVIDER_H
#define PARLEY_PROVIDERS_PROVIDER_H

#include "base/log.h"
#include "config/config.h"

struct loop;
struct workers;
struct http_client;
struct engines;
struct store;
struct registry;
struct vad_env;

/* What a loop offers its providers; borrowed for their life. */
struct provider_env {
    struct loop *loop;
    struct workers *workers;
    struct http_client *http;
    struct engines *engines;     /* local engine processes; NULL: none (tests) */
    struct tls_context *tls;     /* for outbound wss */
    struct store *store;         /* memory kinds keep what they know here; NULL: nothing is kept */
    struct registry *registry;   /* for memory kinds that ask a language model; NULL: they do without */
    struct vad_env *vad;         /* providers/vad.h: what the detectors of this loop share; NULL: each has its own */
};

/* What a class's check() made for every stream of one resolved configuration (a parsed table): made
 * once, immutable, gone with the configuration. */
struct provider_shared {
    void *data;
    void (*free)(void *data);
};

struct provider_opts {
    const struct provider_env *env;
    struct config *config;            /* the snapshot `settings` lives in: take a ref to keep it */
    const struct conf *settings;      /* the entry in the file (ASR.<alias> ...); NULL: defaults */
    const struct conf *overrides;     /* llm_by_mode.<purpose>.overrides; NULL: none */
    const char *alias;                /* for logs and metrics */
    const char *language;             /* "zh-CN", "en-US"; never NULL */
    const struct log_ctx *log;
    unsigned first_byte_ms, idle_ms, total_ms; /* 0: the provider's default */
    struct provider_shared *shared;   /* NULL: opened without a registry */
};

/* opts_str & co: overrides first, then settings. */
const char *opts_str(const struct provider_opts *o, const char *key, const char *otherwise);
int64_t opts_int(const struct provider_opts *o, const char *key, int64_t otherwise, int64_t min, int64_t max);
double opts_num(const struct provider_opts *o, const char *key, double otherwise, double min, double max);
bool opts_bool(const struct provider_opts *o, const char *key, bool otherwise);
const char *opts_secret(const struct provider_opts *o, const char *key);
bool opts_has(const struct provider_opts *o, const char *key); /* named, whatever its value; not null */
const char *opts_url(const struct provider_opts *o, const char *key, const char *otherwise);

#endif
