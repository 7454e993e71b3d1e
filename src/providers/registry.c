/* SPDX-License-Identifier: MIT
 * registry.c -- resolved configurations as shared objects, and which of them serve a request.
 *
 *     purpose/selected --> alias --> merged entry --> key --> object (made once) --> plan --> chain
 *
 * Locking: one mutex around the tables; nothing under it waits. Making an object is its class's quick
 * check(), done under the lock, so two askers at once make one. Objects are shared by reference
 * counts; a reload changes keys, so the next plan makes new objects while running chains keep theirs. */
#include "providers/registry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "providers/list.h"
#include "providers/registry_pick.h"
#include "providers/resolve.h"

#define LOG_TOPIC "provider"

enum { CLASSES_MAX = 32, KEY_BYTES = 2 * 32 + 8 };

struct entry {
    struct provider_object object;
    char key[KEY_BYTES];
    char *alias_copy, *type_copy;
    unsigned refs;               /* guarded by the registry's lock, like all below */
    unsigned generation;         /* of the configuration that asked last */
    enum err broken;             /* construction failed */
    uint64_t broken_until_ms;
    unsigned failures;
    uint64_t paused_until_ms;    /* 0: not paused */
    bool is_probing;
};

struct registry {
    pthread_mutex_t lock;
    const void *classes[KIND_COUNT][CLASSES_MAX];
    unsigned class_count[KIND_COUNT];
    struct map entries;          /* key -> struct entry, each with one reference of the map */
    struct map warned;           /* what was warned of in this generation */
    unsigned generation, built;
};

const char *kind_name(enum provider_kind kind)
{
    static const char *const names[KIND_COUNT] = { "ASR", "LLM", "TTS", "VAD", "Memory" };
    return names[kind];
}

/* Every class struct begins with its name. */
static const char *class_name(const void *cls)
{
    return *(const char *const *)cls;
}

static void add(struct registry *r, enum provider_kind kind, const void *cls)
{
    assert(r->class_count[kind] < CLASSES_MAX);
    r->classes[kind][r->class_count[kind]++] = cls;
}

#define ADD_ALL(r, kind, list)                              \
    do {                                                    \
        for (size_t i_ = 0; (list)[i_]; i_++)               \
            add(r, kind, (list)[i_]);                       \
    } while (0)

enum err registry_create(struct registry **out)
{
    struct registry *r = xnew(struct registry);
    pthread_mutex_init(&r->lock, NULL);
    ADD_ALL(r, KIND_ASR, asr_classes);
    ADD_ALL(r, KIND_LLM, llm_classes);
    ADD_ALL(r, KIND_TTS, tts_classes);
    ADD_ALL(r, KIND_VAD, vad_classes);
    ADD_ALL(r, KIND_MEMORY, memory_classes);
    *out = r;
    return OK;
}

static void entry_unref(struct entry *e)
{
    if (--e->refs)
        return;
    if (e->object.shared.free)
        e->object.shared.free(e->object.shared.data);
    config_unref(e->object.config);
    mem_free(e->alias_copy);
    mem_free(e->type_copy);
    mem_free(e);
}

static void drop_all(struct registry *r, bool only_old)
{
    struct slice key;
    void *value;
    for (size_t at = 0; map_next(&r->entries, &at, &key, &value);) {
        struct entry *e = value;
        if (only_old && !e->broken && e->generation + 1 >= r->generation)
            continue; /* asked for since the last reload: most likely unchanged */
        map_remove(&r->entries, slice_of(e->key));
        entry_unref(e);
    }
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    drop_all(r, false);
    map_done(&r->entries);
    map_done(&r->warned);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void registry_add_asr(struct registry *r, const struct asr_class *c)
{
    add(r, KIND_ASR, c);
}

void registry_add_llm(struct registry *r, const struct llm_class *c)
{
    add(r, KIND_LLM, c);
}

void registry_add_tts(struct registry *r, const struct tts_class *c)
{
    add(r, KIND_TTS, c);
}

void registry_add_vad(struct registry *r, const struct vad_class *c)
{
    add(r, KIND_VAD, c);
}

void registry_add_memory(struct registry *r, const struct memory_class *c)
{
    add(r, KIND_MEMORY, c);
}

unsigned registry_built(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    unsigned built = r->built;
    pthread_mutex_unlock(&r->lock);
    return built;
}

/* Later additions win, so that tests and plug-ins can replace a class. */
static const void *find_class(const struct registry *r, enum provider_kind kind, const char *name)
{
    for (unsigned i = r->class_count[kind]; i-- > 0;) {
        if (slice_eq_nocase(slice_of(class_name(r->classes[kind][i])), slice_of(name)))
            return r->classes[kind][i];
    }
    return NULL;
}

const struct llm_class *registry_llm_class(struct registry *r, const char *name)
{
    pthread_mutex_lock(&r->lock);
    const struct llm_class *cls = find_class(r, KIND_LLM, name);
    pthread_mutex_unlock(&r->lock);
    return cls;
}

/* ---- warnings, once per thing and generation ---- */

struct asking { /* one call of registry_plan, the lock held */
    struct registry *r;
    enum provider_kind kind;
    const struct use_opts *u;
    uint64_t now_ms;
};

static bool warn_once(const struct asking *q, const char *what, const char *which)
{
    auto_mem char *key = xprintf("%s %s %s", kind_name(q->kind), what, which);
    if (map_get(&q->r->warned, slice_of(key)))
        return false;
    map_set(&q->r->warned, slice_of(key), q->r);
    return true;
}

void pick_warn(const struct pick_ctx *ctx, const char *what, const char *which)
{
    const struct asking *q = container_of(ctx, struct pick_link, ctx)->asking;
    if (warn_once(q, what, which))
        LOGW(q->u->log, "provider.config", "kind=%s key=%s problem=\"%s\"", kind_name(q->kind), which, what);
}

/* ---- objects ---- */

static void key_of(enum provider_kind kind, const char *type, const struct pick *p, char out[KEY_BYTES])
{
    auto_buf struct buf text = { 0 };
    uint8_t digest[32];
    buf_printf(&text, "%s\n", type);
    if (!p->settings)
        buf_printf(&text, "%s\n", p->alias); /* no entry: the embedded one, or a class by its name */
    pick_canonical(p, &text);
    sha256(buf_slice(&text), digest);
    char hex[2 * 32 + 1];
    hex_encode(digest, sizeof(digest), hex);
    snprintf(out, KEY_BYTES, "%d:%s", (int)kind, hex);
}

/* The nearest kind we have, for the WARN about one we have not. */
static const char *nearest_class(const struct registry *r, enum provider_kind kind, const char *type)
{
    const char *best = kind == KIND_LLM || kind == KIND_ASR || kind == KIND_TTS ? "openai" : "";
    unsigned best_distance = 4;
    for (unsigned i = 0; i < r->class_count[kind]; i++) {
        unsigned d = pick_distance(type, class_name(r->classes[kind][i]));
        if (d < best_distance) {
            best_distance = d;
            best = class_name(r->classes[kind][i]);
        }
    }
    return best;
}

static enum err check_object(enum provider_kind kind, struct provider_object *o, const struct use_opts *u,
                             struct err_note *note)
{
    struct provider_opts opts = {
        .env = u->env, .config = o->config, .settings = o->settings, .overrides = o->overrides, .alias = o->alias,
        .language = u->language ? u->language : "zh-CN", .log = u->log, .shared = &o->shared,
    };
    enum err (*check)(const struct provider_opts *, struct err_note *) = NULL;
    if (kind == KIND_ASR)
        check = ((const struct asr_class *)o->cls)->check;
    else if (kind == KIND_LLM)
        check = ((const struct llm_class *)o->cls)->check;
    else if (kind == KIND_TTS)
        check = ((const struct tts_class *)o->cls)->check;
    return check ? check(&opts, note) : OK;
}

static void construct(const struct asking *q, struct entry *e, const struct pick *p, const char *type)
{
    struct err_note note = { 0 };
    e->object = (struct provider_object){
        .kind = q->kind, .cls = find_class(q->r, q->kind, type), .config = config_ref(q->u->config),
        .settings = p->settings, .overrides = p->overrides, .alias = e->alias_copy, .type = e->type_copy,
    };
    if (!e->object.cls) {
        e->broken = ERR_UNSUPPORTED;
        if (warn_once(q, "type", p->alias))
            LOGW(q->u->log, "provider.unsupported", "kind=%s alias=%s type=%s nearest=%s used=default",
                 kind_name(q->kind), p->alias, type, nearest_class(q->r, q->kind, type));
    } else {
        q->r->built++;
        e->broken = check_object(q->kind, &e->object, q->u, &note);
        if (e->broken && warn_once(q, "construction", p->alias))
            LOGW(q->u->log, "provider.broken", "kind=%s alias=%s type=%s err=%s why=\"%s\" used=default",
                 kind_name(q->kind), p->alias, type, err_name(e->broken), note.text);
        if (!e->broken)
            LOGI(q->u->log, "provider.ready", "kind=%s purpose=%s alias=%s type=%s", kind_name(q->kind),
                 p->purpose ? p->purpose : "-", p->alias, type);
    }
    e->broken_until_ms = q->now_ms + BROKEN_MS;
}

/* A reference, or NULL when it cannot be made (known for BROKEN_MS). */
static struct provider_object *object_for(const struct asking *q, const struct pick *p)
{
    const char *type = pick_type(p);
    char key[KEY_BYTES];
    key_of(q->kind, type, p, key);
    struct entry *e = map_get(&q->r->entries, slice_of(key));
    if (e && e->broken && q->now_ms >= e->broken_until_ms) {
        map_remove(&q->r->entries, slice_of(key));
        entry_unref(e);
        e = NULL;
    }
    if (!e) {
        e = xnew(struct entry);
        memcpy(e->key, key, sizeof(key));
        e->refs = 1;
        e->alias_copy = xstrdup(p->alias);
        e->type_copy = xstrdup(type);
        construct(q, e, p, type);
        map_set(&q->r->entries, slice_of(key), e);
    }
    e->generation = q->r->generation;
    if (e->broken)
        return NULL;
    e->refs++;
    return &e->object;
}

static struct entry *entry_of(struct provider_object *o)
{
    return container_of(o, struct entry, object);
}

static void plan_put(struct chain_plan *out, struct provider_object *o)
{
    for (unsigned i = 0; i < out->count; i++) {
        if (out->objects[i] == o) {
            entry_unref(entry_of(o));
            return;
        }
    }
    out->objects[out->count++] = o;
}

static void put_fallbacks(const struct asking *q, const struct pick_ctx *ctx, struct chain_plan *out)
{
    char path[32];
    snprintf(path, sizeof(path), "fallback.%s", kind_name(q->kind));
    const struct conf *list = config_node(q->u->config, path);
    if (conf_kind(list) == CONF_SCALAR && conf_text(list)[0])
        pick_warn(ctx, "is no list", path);
    if (conf_kind(list) != CONF_LIST)
        return;
    for (size_t i = 0; i < conf_count(list); i++) {
        struct pick p;
        if (out->count == CHAIN_MAX) {
            pick_warn(ctx, "too many aliases", path);
            return;
        }
        if (!pick_alias(ctx, conf_text(conf_at(list, i)), path, &p))
            continue;
        struct provider_object *o = object_for(q, &p);
        if (o)
            plan_put(out, o);
    }
}

/* The first of the candidates (purpose, default, selected, embedded) that can be made. */
static void put_primary(const struct asking *q, const struct pick_ctx *ctx, const char *purpose,
                        struct chain_plan *out)
{
    struct pick candidates[PICK_CANDIDATES];
    unsigned count = pick_candidates(ctx, purpose, candidates);
    for (unsigned i = 0; i < count && out->count == 0; i++) {
        struct provider_object *o = object_for(q, &candidates[i]);
        if (o)
            plan_put(out, o);
    }
}

static void see_generation(struct registry *r, unsigned generation)
{
    /* A session may still plan with the snapshot before a reload: only newer ones count. */
    if (generation <= r->generation && r->generation)
        return;
    r->generation = generation;
    map_done(&r->warned);
    r->warned = (struct map){ 0 };
    drop_all(r, true);
}

enum err registry_plan(struct registry *r, enum provider_kind kind, const struct use_opts *u, const char *purpose,
                       struct chain_plan *out)
{
    struct asking q = { .r = r, .kind = kind, .u = u, .now_ms = loop_now_ms(u->env->loop) };
    struct pick_link link = { .ctx = { .config = u->config, .kind = kind }, .asking = &q };
    struct chain_plan plan = { .registry = r };

    if (!r->class_count[kind])
        return ERR_UNSUPPORTED;
    pthread_mutex_lock(&r->lock);
    see_generation(r, config_generation(u->config));
    link.ctx.embedded = class_name(r->classes[kind][0]);
    link.ctx.is_class = pick_is_class;
    put_primary(&q, &link.ctx, purpose, &plan);
    put_fallbacks(&q, &link.ctx, &plan);
    pthread_mutex_unlock(&r->lock);
    if (plan.count == 0)
        return ERR_UNSUPPORTED;
    *out = plan;
    return OK;
}

enum err registry_plan_one(struct registry *r, const struct use_opts *u, const char *alias, struct chain_plan *out)
{
    struct asking q = { .r = r, .kind = KIND_LLM, .u = u, .now_ms = loop_now_ms(u->env->loop) };
    struct chain_plan plan = { .registry = r };
    struct pick p = { .alias = alias, .settings = config_entry(u->config, kind_name(KIND_LLM), alias) };
    pthread_mutex_lock(&r->lock);
    see_generation(r, config_generation(u->config));
    if (!p.settings)
        p.alias = class_name(r->classes[KIND_LLM][0]);
    struct provider_object *o = object_for(&q, &p);
    if (o)
        plan_put(&plan, o);
    pthread_mutex_unlock(&r->lock);
    if (!o)
        return ERR_UNSUPPORTED;
    *out = plan;
    return OK;
}

bool pick_is_class(const struct pick_ctx *ctx, const char *name)
{
    const struct asking *q = container_of(ctx, struct pick_link, ctx)->asking;
    return find_class(q->r, q->kind, name) != NULL;
}

void plan_done(struct chain_plan *p)
{
    if (!p->registry)
        return;
    pthread_mutex_lock(&p->registry->lock);
    for (unsigned i = 0; i < p->count; i++)
        entry_unref(entry_of(p->objects[i]));
    pthread_mutex_unlock(&p->registry->lock);
    *p = (struct chain_plan){ 0 };
}

/* ---- breaker ---- */

bool object_try(struct registry *r, struct provider_object *o, uint64_t now_ms)
{
    struct entry *e = entry_of(o);
    pthread_mutex_lock(&r->lock);
    bool may = true;
    if (e->paused_until_ms) {
        may = now_ms >= e->paused_until_ms && !e->is_probing;
        e->is_probing |= may;
    }
    pthread_mutex_unlock(&r->lock);
    return may;
}

/* What a request did wrong by itself says nothing about the provider. */
static bool is_its_fault(enum err how)
{
    return how != ERR_CANCELLED && how != ERR_INVALID && how != ERR_STATE && how != ERR_BUSY &&
           how != ERR_UNSUPPORTED;
}

void object_report(struct registry *r, struct provider_object *o, enum err how, uint64_t now_ms)
{
    struct entry *e = entry_of(o);
    bool has_paused = false;
    pthread_mutex_lock(&r->lock);
    bool was_probe = e->is_probing;
    e->is_probing = false;
    if (how == OK) {
        e->failures = 0;
        e->paused_until_ms = 0;
    } else if (is_its_fault(how)) {
        e->failures++;
        if (was_probe || e->failures == BREAKER_FAILURES) {
            e->paused_until_ms = now_ms + BREAKER_PAUSE_MS;
            has_paused = true;
        }
    }
    pthread_mutex_unlock(&r->lock);
    if (how != OK && how != ERR_CANCELLED)
        metric_add_label(METRIC_provider_errors_total, o->alias, 1);
    if (!has_paused)
        return;
    metric_add_label(METRIC_provider_breaks_total, o->alias, 1);
    LOGW(NULL, "provider.paused", "kind=%s alias=%s ms=%d", kind_name(o->kind), o->alias, BREAKER_PAUSE_MS);
}
