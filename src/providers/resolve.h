/* SPDX-License-Identifier: MIT
 * resolve.h -- inside of the registry: which configured things serve a request, in which order.
 *
 *     config --registry_plan()--> objects (shared, one per resolved configuration) --> chain_*.c
 *
 * An object is immutable but for its breaker, which the registry's lock guards. Any loop thread. */
#ifndef PARLEY_PROVIDERS_RESOLVE_H
#define PARLEY_PROVIDERS_RESOLVE_H

#include "providers/registry.h"

enum provider_kind { KIND_ASR, KIND_LLM, KIND_TTS, KIND_VAD, KIND_MEMORY, KIND_COUNT };

enum {
    CHAIN_MAX = 8,                  /* aliases in one chain; more are ignored with a WARN */
    FIRST_BYTE_CHAIN_MS = 3000,     /* LLM, TTS: while another alias remains */
    FIRST_BYTE_CHAIN_ASR_MS = 5000, /* ASR: the same */
    FIRST_BYTE_MS = 15000,          /* the last alias */
    IDLE_MS = 20000,                /* between two events */
    TOTAL_MS = 120000,              /* one request */
    REPLY_BYTES_MAX = 1 << 20,      /* text of one reply */
    BREAKER_FAILURES = 3,           /* in a row, then a pause ... */
    BREAKER_PAUSE_MS = 30000,       /* ... and one probe after it */
    BROKEN_MS = 30000,              /* a failed construction is remembered that long */
};

struct provider_object {
    enum provider_kind kind;
    const void *cls;                /* struct asr_class ... by kind */
    struct config *config;          /* ref: settings live in it */
    const struct conf *settings, *overrides;
    const char *alias, *type;
    struct provider_shared shared;  /* filled by check() */
};

/* What a chain tries, in order. Every entry is a reference: plan_done(). */
struct chain_plan {
    struct registry *registry;
    struct provider_object *objects[CHAIN_MAX];
    unsigned count;
};

/* purpose: for KIND_LLM, else NULL. Always at least one entry on OK. */
must_check enum err registry_plan(struct registry *r, enum provider_kind kind, const struct use_opts *u,
                                  const char *purpose, struct chain_plan *out);
/* The one LLM entry `alias`, else the embedded class; without fallbacks. */
must_check enum err registry_plan_one(struct registry *r, const struct use_opts *u, const char *alias,
                                      struct chain_plan *out);
void plan_done(struct chain_plan *p);

/* The breaker. May this object be tried now? A true after a pause makes the caller its one probe. */
bool object_try(struct registry *r, struct provider_object *o, uint64_t now_ms);
/* How a try that was allowed ended; ERR_CANCELLED: nobody knows. */
void object_report(struct registry *r, struct provider_object *o, enum err how, uint64_t now_ms);

unsigned registry_built(struct registry *r); /* objects constructed so far (tests) */
const char *kind_name(enum provider_kind kind); /* "ASR" ... as in the file */

/* The chains (chain_asr.c, chain_llm.c, chain_tts.c): take the plan over, also on failure. */
struct chain_use {
    struct provider_opts opts;      /* of the next alias; language is the chain's copy */
    char language[24];
};
void chain_use_init(struct chain_use *c, const struct use_opts *u);
/* Points opts at entry `at` of the plan, with the time-outs of its place. */
const struct provider_opts *chain_use_for(struct chain_use *c, const struct chain_plan *p, unsigned at);
/* Entry `at` failed or pauses: counts that the next one takes its place, when there is one. */
void chain_left(const struct chain_plan *p, unsigned at);

must_check enum err chain_asr_open(struct asr_use *out, struct chain_plan *p, const struct use_opts *u,
                                   const struct asr_events *ev, void *user);
must_check enum err chain_llm_open(struct llm_use *out, struct chain_plan *p, const struct use_opts *u,
                                   const struct llm_request *rq, const struct llm_events *ev, void *user);
must_check enum err chain_tts_open(struct tts_use *out, struct chain_plan *p, const struct use_opts *u,
                                   const struct tts_events *ev, void *user);

#endif
