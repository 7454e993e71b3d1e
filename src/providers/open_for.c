/* SPDX-License-Identifier: MIT
 * open_for.c -- the registry's front: plan, then chain; detectors and memories, which have no chain;
 * the lines of the start banner. */

#include "providers/list.h"
#include "providers/resolve.h"

enum err asr_open_for(struct asr_use *out, struct registry *r, const struct use_opts *u, const struct asr_events *ev,
                      void *user)
{
    struct chain_plan plan;
    enum err e = registry_plan(r, KIND_ASR, u, NULL, &plan);
    return e ? e : chain_asr_open(out, &plan, u, ev, user);
}

enum err tts_open_for(struct tts_use *out, struct registry *r, const struct use_opts *u, const struct tts_events *ev,
                      void *user)
{
    struct chain_plan plan;
    enum err e = registry_plan(r, KIND_TTS, u, NULL, &plan);
    return e ? e : chain_tts_open(out, &plan, u, ev, user);
}

enum err llm_open_for(struct llm_use *out, struct registry *r, const struct use_opts *u,
                      const struct llm_request *rq, const struct llm_events *ev, void *user)
{
    struct chain_plan plan;
    enum err e = registry_plan(r, KIND_LLM, u, rq->purpose, &plan);
    return e ? e : chain_llm_open(out, &plan, u, rq, ev, user);
}

enum err llm_open_known(struct llm_use *out, struct registry *r, const struct use_opts *u, const char *alias,
                        const struct llm_request *rq, const struct llm_events *ev, void *user)
{
    struct chain_plan plan;
    enum err e = registry_plan_one(r, u, alias, &plan);
    if (e)
        return ERR_NOT_FOUND;
    const struct llm_class *cls = plan.objects[0]->cls;
    struct chain_use use;
    chain_use_init(&use, u);
    if (!cls->knows || !cls->knows(chain_use_for(&use, &plan, 0), rq)) {
        plan_done(&plan);
        return ERR_NOT_FOUND;
    }
    return chain_llm_open(out, &plan, u, rq, ev, user);
}

enum err vad_open_for(struct vad_use *out, struct registry *r, const struct use_opts *u, const struct vad_settings *s,
                      const struct vad_events *ev, void *user)
{
    struct chain_plan plan;
    enum err e = registry_plan(r, KIND_VAD, u, NULL, &plan);
    if (e)
        return e;
    struct chain_use use;
    chain_use_init(&use, u);
    const struct provider_opts *o = chain_use_for(&use, &plan, 0);
    struct vad_use found = { .cls = plan.objects[0]->cls };
    e = found.cls->open(&found.vad, o, s, ev, user);
    for (size_t i = 0; e && vad_classes[i]; i++) { /* no weights file: the next one that works */
        found.cls = vad_classes[i];
        e = found.cls->open(&found.vad, o, s, ev, user);
    }
    plan_done(&plan);
    if (!e)
        *out = found;
    return e;
}

/* settings live in u->config. */
const struct memory_class *memory_class_for(struct registry *r, const struct use_opts *u,
                                            const struct conf **settings)
{
    struct chain_plan plan;
    if (registry_plan(r, KIND_MEMORY, u, NULL, &plan))
        return memory_classes[0];
    const struct memory_class *cls = plan.objects[0]->cls;
    if (settings)
        *settings = config_entry(u->config, kind_name(KIND_MEMORY), plan.objects[0]->alias);
    plan_done(&plan);
    return cls;
}

static const char *kind_text(enum provider_kind kind)
{
    static const char *const texts[KIND_COUNT] = {
        "recogniser", "language model", "voice", "voice detector", "memory",
    };
    return texts[kind];
}

/* What the embedded ones can and cannot do, for people who have configured nothing. */
static const char *embedded_text(enum provider_kind kind)
{
    static const char *const texts[KIND_COUNT] = {
        [KIND_ASR] = "pocketsphinx, English commands and simple English sentences; no Chinese",
        [KIND_LLM] = "rules, local commands and fixed answers in English and Chinese; no free conversation",
        [KIND_TTS] = "flite for English, espeak-ng for other languages; plain synthetic voices",
        [KIND_VAD] = "speech detection on this machine",
        [KIND_MEMORY] = "nothing is remembered between conversations",
    };
    return texts[kind];
}

void registry_describe(struct registry *r, const struct use_opts *u, struct buf *out)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct chain_plan plan;
        if (registry_plan(r, (enum provider_kind)kind, u, kind == KIND_LLM ? "chat" : NULL, &plan))
            continue;
        const struct provider_object *o = plan.objects[0];
        bool is_embedded = conf_line(o->settings) == 0;
        if (!is_embedded)
            buf_printf(out, "%s: %s (type %s)", kind_text(kind), o->alias, o->type);
        else
            buf_printf(out, "%s: embedded %s", kind_text(kind), embedded_text(kind));
        for (unsigned i = 1; i < plan.count; i++)
            buf_printf(out, "%s%s", i == 1 ? "; then " : ", ", plan.objects[i]->alias);
        buf_puts(out, "\n");
        plan_done(&plan);
    }
}
