/* SPDX-License-Identifier: MIT
 * registry.h -- from configuration to an open provider: aliases, purposes, fallback chains, circuit
 * breakers, the embedded default. Shared by all loops; every call may come from any loop thread.
 *
 * The *_open_for functions give an object of a class that hides the chain: while nothing was
 * delivered yet, a failure or time-out goes on to the next alias (fallback.ASR|LLM|TTS). */
#ifndef PARLEY_PROVIDERS_REGISTRY_H
#define PARLEY_PROVIDERS_REGISTRY_H

#include "providers/asr.h"
#include "providers/llm.h"
#include "providers/memory.h"
#include "providers/tts.h"
#include "providers/vad.h"

struct registry;
must_check enum err registry_create(struct registry **out);
void registry_free(struct registry *r);
/* Tests and plug-ins: more classes beside the built-in ones (providers/list.c). */
void registry_add_asr(struct registry *r, const struct asr_class *c);
void registry_add_llm(struct registry *r, const struct llm_class *c);
void registry_add_tts(struct registry *r, const struct tts_class *c);
void registry_add_vad(struct registry *r, const struct vad_class *c);
void registry_add_memory(struct registry *r, const struct memory_class *c);

const struct llm_class *registry_llm_class(struct registry *r, const char *name); /* NULL: none; without case */

/* One open thing and the class to use it with: p.cls->feed(p.asr, ...). */
struct asr_use { const struct asr_class *cls; struct asr *asr; };
struct llm_use { const struct llm_class *cls; struct llm *llm; };
struct tts_use { const struct tts_class *cls; struct tts *tts; };
struct vad_use { const struct vad_class *cls; struct vad *vad; };

struct use_opts {
    const struct provider_env *env;
    struct config *config;
    const char *language;
    const struct log_ctx *log;
};
must_check enum err asr_open_for(struct asr_use *out, struct registry *r, const struct use_opts *u,
                                 const struct asr_events *ev, void *user);
must_check enum err tts_open_for(struct tts_use *out, struct registry *r, const struct use_opts *u,
                                 const struct tts_events *ev, void *user);
/* rq->purpose, lower-cased, says which model (llm_by_mode). */
must_check enum err llm_open_for(struct llm_use *out, struct registry *r, const struct use_opts *u,
                                 const struct llm_request *rq, const struct llm_events *ev, void *user);
/* The model `alias` that answers by itself (type rules), when it has an answer within rq->scope;
 * ERR_NOT_FOUND: it has none. */
must_check enum err llm_open_known(struct llm_use *out, struct registry *r, const struct use_opts *u,
                                   const char *alias, const struct llm_request *rq,
                                   const struct llm_events *ev, void *user);
must_check enum err vad_open_for(struct vad_use *out, struct registry *r, const struct use_opts *u,
                                 const struct vad_settings *s, const struct vad_events *ev, void *user);
const struct memory_class *memory_class_for(struct registry *r, const struct use_opts *u,
                                            const struct conf **settings);
/* For the start banner and /readyz: "pocketsphinx: English commands ..." one line per kind. */
void registry_describe(struct registry *r, const struct use_opts *u, struct buf *out);

#endif
