/* SPDX-License-Identifier: MIT
 * vad_stream.c -- the common part of detectors: queues, batches, decisions, events.
 *
 * Events may close any stream, also the next of the same batch: a closed one leaves its place in the
 * batch empty, and its memory goes at the top of the loop. */
#include "providers/vad_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define WEIGHTS_FILE "silero_vad_v5.onnx"

static const int16_t silence[SILERO_WINDOW]; /* no kind has a longer window */

/* --- decisions -------------------------------------------------------------------------------------- */

void vad_decider_init(struct vad_decider *d, const struct vad_settings *s, uint32_t window_samples)
{
    *d = (struct vad_decider){ .settings = *s, .window_samples = window_samples };
    d->settings.of_windows = MAX(1u, MIN(s->of_windows, (unsigned)VAD_WINDOWS_MAX));
    d->settings.voiced_windows = MAX(1u, MIN(s->voiced_windows, d->settings.of_windows));
}

uint64_t vad_decider_ms(const struct vad_decider *d)
{
    return d->samples * 1000 / VAD_RATE_HZ;
}

/* The oldest voiced window among those that made the majority. */
static uint64_t first_voiced(const struct vad_decider *d, uint32_t recent)
{
    uint64_t age = 31 - (unsigned)__builtin_clz(recent);
    return d->samples - (age + 1) * d->window_samples;
}

enum vad_change vad_decider_window(struct vad_decider *d, float probability, uint64_t *at_ms)
{
    const struct vad_settings *s = &d->settings;
    bool is_voiced = probability >= s->threshold || (d->was_voiced && probability >= s->threshold_low);
    d->probability = probability;
    d->was_voiced = is_voiced;
    d->samples += d->window_samples;
    d->voiced = d->voiced << 1 | is_voiced;

    uint32_t recent = d->voiced;
    if (s->of_windows < 32)
        recent &= (1u << s->of_windows) - 1;
    bool has_voice = (unsigned)__builtin_popcount(recent) >= s->voiced_windows;
    if (has_voice && is_voiced)
        d->last_voiced = d->samples;

    if (!d->in_speech) {
        if (!has_voice)
            return VAD_SAME;
        d->in_speech = true;
        d->last_voiced = d->samples;
        *at_ms = first_voiced(d, recent) * 1000 / VAD_RATE_HZ;
        return VAD_SPEECH;
    }
    uint64_t silence_ms = (d->samples - d->last_voiced) * 1000 / VAD_RATE_HZ;
    if (is_voiced || silence_ms < s->min_silence_ms)
        return VAD_SAME;
    d->in_speech = false;
    d->voiced = 0;
    *at_ms = d->last_voiced * 1000 / VAD_RATE_HZ;
    return VAD_SILENCE;
}

/* --- what a loop shares ------------------------------------------------------------------------------- */

enum err vad_weights_find(struct silero **out, const char *path)
{
    if (path && *path)
        return silero_load(out, path, SILERO_AUTO);
    char program[512] = "", places[4][640] = { "", "models", "", "/usr/share/parley/models" };
    const char *models = getenv("PARLEY_MODELS");
    if (models)
        snprintf(places[0], sizeof(places[0]), "%s", models);
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash = len > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        snprintf(places[2], sizeof(places[2]), "%.*s/../models", (int)(slash - program), program);
    enum err e = ERR_NOT_FOUND;
    for (size_t i = 0; i < COUNT(places) && e == ERR_NOT_FOUND; i++) {
        if (!places[i][0])
            continue;
        auto_mem char *file = xprintf("%s/" WEIGHTS_FILE, places[i]);
        e = silero_load(out, file, SILERO_AUTO);
    }
    return e;
}

static void run_round(void *arg);

void vad_env_create(struct vad_env **out, struct loop *l, const struct silero *weights)
{
    struct vad_env *e = xnew(struct vad_env);
    e->loop = l;
    e->weights = weights;
    e->hook = (struct loop_hook){ .fn = run_round, .arg = e };
    for (size_t i = 0; i < COUNT(e->ready); i++)
        list_init(&e->ready[i]);
    *out = e;
}

static void env_bury(void *arg)
{
    struct vad_env *e = arg;
    silero_free(e->own_weights);
    mem_free(e);
}

void vad_env_free(struct vad_env *e)
{
    if (!e)
        return;
    assert(e->open == 0 && "a detector outlived its loop");
    env_bury(e);
}

/* The hook stands in the loop only while a detector is open. */
static void env_enter(struct vad_env *e)
{
    if (e->open++ == 0)
        loop_hook_add(e->loop, &e->hook);
}

static void env_leave(struct vad_env *e)
{
    if (--e->open == 0)
        loop_hook_remove(e->loop, &e->hook);
}

/* --- a stream ------------------------------------------------------------------------------------------ */

static enum err private_env(struct vad_env **out, const struct provider_opts *o, bool needs_weights)
{
    struct silero *weights = NULL;
    enum err e = needs_weights ? vad_weights_find(&weights, NULL) : OK;
    if (e)
        return e;
    vad_env_create(out, o->env->loop, weights);
    (*out)->own_weights = weights;
    return OK;
}

enum err vad_stream_open(struct vad **out, const struct vad_kind *kind, const struct provider_opts *o,
                         const struct vad_settings *s, const struct vad_events *ev, void *user)
{
    struct vad_env *env = o->env->vad;
    enum err e = env ? OK : private_env(&env, o, kind->needs_weights);
    if (e)
        return e;
    if (kind->needs_weights && !env->weights)
        return ERR_NOT_FOUND;
    assert_on_loop(env->loop);
    struct vad *v = xnew(struct vad);
    v->kind = kind;
    v->env = env;
    v->has_own_env = o->env->vad == NULL;
    v->events = *ev;
    v->user = user;
    v->batch_at = -1;
    pcm_queue_init(&v->queue, VAD_PENDING_MAX);
    vad_decider_init(&v->decider, s, kind->window_samples);
    env_enter(env);
    *out = v;
    return OK;
}

static struct list *ready_list(struct vad *v)
{
    return &v->env->ready[v->kind == &vad_kind_webrtc];
}

static void note_ready(struct vad *v)
{
    if (!node_in_list(&v->ready) && v->queue.count + v->silent >= v->kind->window_samples)
        list_push(ready_list(v), &v->ready);
}

/* Silence behind the samples becomes samples, `count` of it. */
static void write_silence(struct vad *v, size_t count)
{
    v->silent -= count;
    for (size_t part; count; count -= part) {
        part = MIN(count, COUNT(silence));
        pcm_queue_push(&v->queue, (struct pcm){ silence, part });
    }
}

void vad_stream_feed(struct vad *v, struct pcm pcm)
{
    if (pcm.samples) {
        write_silence(v, v->silent);
        pcm_queue_push(&v->queue, pcm);
    } else {
        v->silent = MIN(v->silent + pcm.count, (size_t)VAD_PENDING_MAX);
    }
    if (v->batch_at < 0)
        note_ready(v);
}

/* What was judged of it in this batch is not told any more. */
static void leave_batch(struct vad *v)
{
    if (v->batch_at >= 0)
        v->env->batch[v->batch_at] = NULL;
    v->batch_at = -1;
}

void vad_stream_reset(struct vad *v)
{
    struct vad_settings settings = v->decider.settings;
    list_unlink(&v->ready);
    leave_batch(v);
    pcm_queue_clear(&v->queue);
    v->silent = 0;
    vad_decider_init(&v->decider, &settings, v->kind->window_samples);
    if (v->kind->forget)
        v->kind->forget(v);
}

bool vad_stream_in_speech(const struct vad *v)
{
    return v->decider.in_speech;
}

bool vad_stream_hears_voice(const struct vad *v)
{
    return v->decider.probability >= v->decider.settings.threshold_low;
}

static void stream_bury(void *arg)
{
    struct vad *v = arg;
    if (v->kind->done)
        v->kind->done(v);
    pcm_queue_done(&v->queue);
    if (v->has_own_env) /* a shared one may be gone by now */
        env_bury(v->env);
    mem_free(v);
}

void vad_stream_close(struct vad *v)
{
    if (!v || v->is_closing)
        return;
    v->is_closing = true;
    list_unlink(&v->ready);
    leave_batch(v);
    env_leave(v->env);
    loop_later(v->env->loop, &v->grave, stream_bury, v);
}

/* --- rounds -------------------------------------------------------------------------------------------- */

bool vad_window_is_silence(const struct vad *v)
{
    return !v->queue.count;
}

const int16_t *vad_window(const struct vad *v)
{
    return vad_window_is_silence(v) ? silence : pcm_queue_peek(&v->queue).samples;
}

/* One that begins with samples is made of samples. */
static void window_begin(struct vad *v)
{
    if (!v->queue.count || v->queue.count >= v->kind->window_samples)
        return;
    write_silence(v, v->kind->window_samples - v->queue.count);
    if (v->queue.count < v->kind->window_samples) { /* no memory: judged as silence */
        pcm_queue_clear(&v->queue);
        v->silent += v->kind->window_samples;
    }
}

static void window_end(struct vad *v)
{
    if (v->queue.count)
        pcm_queue_eat(&v->queue, v->kind->window_samples);
    else
        v->silent -= v->kind->window_samples;
}

/* Tells what one window changed. The stream may be gone after each event; its place in the batch says. */
static void tell(struct vad_env *e, size_t at, float probability)
{
    struct vad *v = e->batch[at];
    uint64_t at_ms = 0;
    enum vad_change change = vad_decider_window(&v->decider, probability, &at_ms);
    uint64_t end_ms = vad_decider_ms(&v->decider);
    if (v->events.on_window)
        v->events.on_window(v->user, end_ms, probability);
    if (change == VAD_SPEECH && e->batch[at] && v->events.on_speech)
        v->events.on_speech(v->user, at_ms);
    if (change == VAD_SILENCE && e->batch[at] && v->events.on_silence)
        v->events.on_silence(v->user, at_ms);
}

static void run_batch(struct vad_env *e, struct list *ready)
{
    float probabilities[SILERO_BATCH_MAX] = { 0 };
    size_t count = 0;
    while (count < SILERO_BATCH_MAX && !list_empty(ready)) {
        struct vad *v = container_of(list_shift(ready), struct vad, ready);
        v->batch_at = (int)count;
        window_begin(v);
        e->batch[count++] = v;
    }
    e->batch[0]->kind->judge(e, e->batch, count, probabilities);
    for (size_t i = 0; i < count; i++)
        window_end(e->batch[i]);
    for (size_t i = 0; i < count; i++) {
        if (e->batch[i])
            tell(e, i, probabilities[i]);
        if (!e->batch[i])
            continue;
        e->batch[i]->batch_at = -1;
        note_ready(e->batch[i]);
        e->batch[i] = NULL;
    }
}

static void run_round(void *arg)
{
    struct vad_env *e = arg;
    for (size_t kind = 0; kind < COUNT(e->ready); kind++) {
        while (!list_empty(&e->ready[kind]))
            run_batch(e, &e->ready[kind]);
    }
}
