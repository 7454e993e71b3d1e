/* SPDX-License-Identifier: MIT
 * gateway.c -- the sessions of all loops, and wishes that travel to them by mail.
 *
 * A letter names its loop by index and its session by number, so that it finds nobody when either is
 * gone by the time it arrives. */
#include "gateway/gateway.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "audio/clip.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/session.h"
#include "modes/snapshot.h"

struct gateway {
    struct gateway_env env;
    atomic_size_t sessions;
    atomic_bool is_draining;
    pthread_mutex_t lock; /* loops: written at start and end, read by any thread */
    struct gateway_loop *loops[GATEWAY_LOOPS_MAX];
};

struct letter {
    struct mail mail;
    struct gateway *gateway;
    unsigned index;                  /* of the loop it goes to */
    uint64_t number;                 /* of the session; 0: all of them */
    char device[ID_TEXT], by[40];
    uint64_t drain_ms;
    struct slice text;               /* given */
    struct loop *back;               /* who wants an answer */
    void (*done)(void *arg, enum err err, const char *text);
    void *arg;
    enum err err;
    struct post post;                /* its texts are in `text` and `by` */
    void (*deliver)(struct gateway_loop *gl, struct session *s, struct letter *letter); /* s: NULL when gone */
};

enum err gateway_create(struct gateway **out, const struct gateway_env *env)
{
    struct gateway *g = xnew(struct gateway);

    g->env = *env;
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return OK;
}

void gateway_free(struct gateway *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    mem_free(g);
}

const struct gateway_env *gateway_env_of(const struct gateway *g)
{
    return &g->env;
}

void gateway_count(struct gateway *g, int delta)
{
    if (delta > 0)
        atomic_fetch_add(&g->sessions, (size_t)delta);
    else
        atomic_fetch_sub(&g->sessions, (size_t)-delta);
}

size_t gateway_sessions(const struct gateway *g)
{
    return atomic_load(&g->sessions);
}

bool gateway_is_draining(const struct gateway *g)
{
    return atomic_load(&g->is_draining);
}

enum err gateway_loop_open(struct gateway_loop **out, struct gateway *g, const struct provider_env *env)
{
    struct gateway_loop *gl = xnew(struct gateway_loop);
    enum err err = ERR_LIMIT;

    gl->gateway = g;
    gl->loop = env->loop;
    gl->env = env;
    gl->config = config_now(g->env.config);
    gl->admission = (struct admission){ .loop = env->loop };
    clip_cache_create(&gl->clips, GATEWAY_CLIPS_MAX_BYTES);
    snapshots_create(&gl->snapshots, env->loop, g->env.store);
    list_init(&gl->sessions);
    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < GATEWAY_LOOPS_MAX && err; i++) {
        if (g->loops[i])
            continue;
        g->loops[i] = gl;
        gl->index = i;
        err = OK;
    }
    pthread_mutex_unlock(&g->lock);
    if (err) {
        config_unref(gl->config);
        clip_cache_free(gl->clips);
        snapshots_close(gl->snapshots);
        mem_free(gl);
        return err;
    }
    *out = gl;
    return OK;
}

void gateway_loop_close(struct gateway_loop *gl)
{
    if (!gl)
        return;
    list_each(&gl->sessions, n)
        session_drop(container_of(n, struct session, node));
    pthread_mutex_lock(&gl->gateway->lock);
    gl->gateway->loops[gl->index] = NULL;
    pthread_mutex_unlock(&gl->gateway->lock);
    stats_stop(gl);
    snapshots_close(gl->snapshots);
    map_done(&gl->by_number);
    config_unref(gl->config);
    clip_cache_free(gl->clips);
    mem_free(gl);
}

struct session *gateway_find(struct gateway_loop *gl, uint64_t number)
{
    return map_get(&gl->by_number, slice_from(&number, sizeof(number)));
}

/* --- mail ------------------------------------------------------------------------------------------ */

static void run_letter(struct mail *m)
{
    struct letter *letter = container_of(m, struct letter, mail);
    struct gateway *g = letter->gateway;

    pthread_mutex_lock(&g->lock);
    struct gateway_loop *gl = g->loops[letter->index];
    pthread_mutex_unlock(&g->lock);
    letter->deliver(gl, gl && letter->number ? gateway_find(gl, letter->number) : NULL, letter);
}

static void post(struct gateway *g, struct loop *l, struct letter *letter)
{
    letter->mail.run = run_letter;
    letter->gateway = g;
    loop_post(l, &letter->mail);
}

/* To the loop a presence entry names. False: that loop is not ours (any more). */
static bool post_to_entry(struct gateway *g, const struct presence_entry *e, struct letter *letter)
{
    bool is_found = false;

    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < GATEWAY_LOOPS_MAX && !is_found; i++) {
        if (!g->loops[i] || g->loops[i]->loop != e->loop)
            continue;
        is_found = true;
        letter->index = i;
        letter->number = e->number;
        post(g, e->loop, letter);
    }
    pthread_mutex_unlock(&g->lock);
    return is_found;
}

/* Nothing when it is not connected. */
static void post_to_device(struct gateway *g, const char *device,
                           void (*deliver)(struct gateway_loop *gl, struct session *s, struct letter *letter))
{
    struct presence_entry e;

    if (!presence_get(g->env.presence, device, &e))
        return;
    struct letter *letter = xnew(struct letter);
    letter->deliver = deliver;
    if (!post_to_entry(g, &e, letter))
        mem_free(letter);
}

static void post_to_all(struct gateway *g, const struct letter *model)
{
    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < GATEWAY_LOOPS_MAX; i++) {
        if (!g->loops[i])
            continue;
        struct letter *letter = xmemdup(model, sizeof(*model));
        letter->index = i;
        post(g, g->loops[i]->loop, letter);
    }
    pthread_mutex_unlock(&g->lock);
}

static void deliver_takeover(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    (void)gl;
    if (s)
        session_taken_over(s, letter->by);
    mem_free(letter);
}

void gateway_tell_takeover(struct gateway *g, const struct presence_entry *old, const char *by_session)
{
    struct letter *letter = xnew(struct letter);

    letter->deliver = deliver_takeover;
    snprintf(letter->by, sizeof(letter->by), "%s", by_session);
    if (!post_to_entry(g, old, letter))
        mem_free(letter);
}

static void deliver_kick(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    (void)gl;
    if (s)
        session_close(s, WS_POLICY, "revoked");
    mem_free(letter);
}

void gateway_kick(struct gateway *g, const char *device)
{
    post_to_device(g, device, deliver_kick);
}

static void deliver_reload(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    (void)s;
    if (gl) {
        config_unref(gl->config);
        gl->config = config_now(gl->gateway->env.config);
        list_each(&gl->sessions, n)
            session_reload(container_of(n, struct session, node));
        if (gl->config->server_stats_broadcast && !list_empty(&gl->sessions))
            stats_watch(gl);
    }
    mem_free(letter);
}

void gateway_reload(struct gateway *g)
{
    post_to_all(g, &(struct letter){ .deliver = deliver_reload });
}

static void deliver_drain(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    (void)s;
    if (gl) {
        list_each(&gl->sessions, n)
            session_drain(container_of(n, struct session, node), letter->drain_ms);
    }
    mem_free(letter);
}

void gateway_drain(struct gateway *g, uint64_t drain_ms)
{
    atomic_store(&g->is_draining, true);
    post_to_all(g, &(struct letter){ .deliver = deliver_drain, .drain_ms = drain_ms });
}

/* --- saying something -------------------------------------------------------------------------------- */

static void bring_answer(struct mail *m)
{
    struct letter *letter = container_of(m, struct letter, mail);

    letter->done(letter->arg, letter->err,
                 letter->err == OK ? "accepted" : letter->err == ERR_BUSY ? "busy" : err_text(letter->err));
    mem_free((char *)letter->text.data);
    mem_free(letter);
}

static void send_answer(struct letter *letter, enum err err)
{
    letter->err = err;
    letter->mail.run = bring_answer;
    loop_post(letter->back, &letter->mail);
}

static void deliver_say(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    enum err err = ERR_NOT_FOUND;

    (void)gl;
    if (s && s->state == SESSION_TALKING)
        err = says_live(s, letter->by, letter->text);
    send_answer(letter, err);
}

static void deliver_reboot(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    auto_buf struct buf out = { 0 };
    enum err err = ERR_NOT_FOUND;

    (void)gl;
    if (s && session_is_open(s)) {
        msg_reboot(&out);
        err = session_send(s, &out);
        LOGI(&s->log, "session.reboot", "device=%s told=%s", s->who.device, err_name(err));
    }
    send_answer(letter, err);
}

void gateway_reboot(struct gateway *g, struct loop *l, const char *device,
                    void (*done)(void *arg, enum err err, const char *text), void *arg)
{
    struct presence_entry e;
    struct letter *letter = xnew(struct letter);

    letter->deliver = deliver_reboot;
    letter->back = l;
    letter->done = done;
    letter->arg = arg;
    if (!presence_get(g->env.presence, device, &e) || !post_to_entry(g, &e, letter))
        send_answer(letter, ERR_NOT_FOUND);
}

/* --- posts between sessions ---------------------------------------------------------------------------- */

static void bring_result(struct mail *m)
{
    struct letter *letter = container_of(m, struct letter, mail);

    letter->post.on_done(letter->post.arg, letter->err);
    mem_free(letter);
}

/* The letter goes back with what became of it, or ends here. */
static void send_result(struct letter *letter, enum err err)
{
    mem_free((char *)letter->text.data);
    mem_free((char *)letter->post.from.data);
    if (!letter->post.on_done) {
        mem_free(letter);
        return;
    }
    letter->err = err;
    letter->mail.run = bring_result;
    loop_post(letter->back, &letter->mail);
}

static void deliver_post(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    (void)gl;
    send_result(letter, s && s->state == SESSION_TALKING && s->modes ? modes_deliver(s->modes, &letter->post)
                                                                     : ERR_NOT_FOUND);
}

void gateway_post(struct gateway *g, struct loop *from, const char *device, const struct post *p)
{
    struct presence_entry e;
    struct letter *letter = xnew(struct letter);

    letter->deliver = deliver_post;
    letter->post = *p;
    letter->back = from;
    letter->text = (struct slice){ xslicedup(p->json), p->json.len };
    letter->post.json = letter->text;
    letter->post.from.data = xslicedup(p->from);
    if (!presence_get(g->env.presence, device, &e) || !post_to_entry(g, &e, letter))
        send_result(letter, ERR_NOT_FOUND);
}

void gateway_say(struct gateway *g, struct loop *l, const struct gateway_words *words,
                 void (*done)(void *arg, enum err err, const char *text), void *arg)
{
    struct presence_entry e;
    struct letter *letter = xnew(struct letter);

    letter->deliver = deliver_say;
    snprintf(letter->by, sizeof(letter->by), "%s", words->id ? words->id : "");
    letter->text = (struct slice){ xslicedup(words->text), words->text.len };
    letter->back = l;
    letter->done = done;
    letter->arg = arg;
    if (!presence_get(g->env.presence, words->device, &e) || !post_to_entry(g, &e, letter))
        send_answer(letter, ERR_NOT_FOUND);
}

static void deliver_speech_waits(struct gateway_loop *gl, struct session *s, struct letter *letter)
{
    (void)gl;
    if (s)
        says_look(s);
    mem_free(letter);
}

void gateway_speech_waits(struct gateway *g, const char *device)
{
    post_to_device(g, device, deliver_speech_waits);
}
