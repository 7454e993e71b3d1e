/* SPDX-License-Identifier: MIT
 * wishes.c -- what the HTTP API and the sessions may ask of the server: reload, restart, drain, reach a
 * device. Each comes from whatever loop the request lives on. */
#include "main/private.h"

#define LOG_TOPIC "main"
#include "base/log.h"
#include "devices/auth.h"
#include "devices/limits.h"
#include "metrics/metrics.h"
#include "modes/groups.h"
#include "modes/minutes.h"

static bool is_draining(void *user)
{
    return atomic_load(&((struct server *)user)->is_draining);
}

static bool is_listening(void *user)
{
    return ((struct server *)user)->is_serving;
}

static enum err reload(void *user, struct err_note *note)
{
    return server_reload(user, note);
}

static enum err restart(void *user)
{
    server_drain(user, true);
    return OK;
}

static void restart_for_session(void *user)
{
    server_drain(user, true);
}

static void kick(void *user, const char *device)
{
    gateway_kick(((struct server *)user)->gateway, device);
}

static void say(void *user, struct loop *l, const struct api_say *what, api_done done, void *arg)
{
    const struct gateway_words words = { .device = what->device, .id = what->id, .text = what->text };
    gateway_say(((struct server *)user)->gateway, l, &words, done, arg);
}

static void reboot(void *user, struct loop *l, const char *device, api_done done, void *arg)
{
    gateway_reboot(((struct server *)user)->gateway, l, device, done, arg);
}

static void speech_waits(void *user, const char *device)
{
    gateway_speech_waits(((struct server *)user)->gateway, device);
}

static void meeting_finalize(void *user, struct loop *l, const char *meeting, api_done done, void *arg)
{
    minutes_finalize_now(((struct server *)user)->minutes, l, meeting, done, arg);
}

static void meeting_summarize(void *user, struct loop *l, const char *meeting, api_done done, void *arg)
{
    minutes_summarize_again(((struct server *)user)->minutes, l, meeting, done, arg);
}

/* Posts whose result nobody asks for may start from any loop; the first one serves. */
static void tasks_changed(void *user, const char *group_key)
{
    struct server *s = user;
    struct config *cfg = config_now(s->config);

    group_tell_changed(&s->modes, cfg, s->loops[0].loop, slice_of(group_key), NULL);
    config_unref(cfg);
}

static void post(void *user, struct loop *from, const char *device, const struct post *p)
{
    gateway_post(((struct server *)user)->gateway, from, device, p);
}

static const struct provider_env *provider_env(void *user, struct loop *l)
{
    struct server *s = user;

    for (unsigned i = 0; i < s->loop_count; i++) {
        if (s->loops[i].loop == l)
            return &s->loops[i].env;
    }
    return &s->loops[0].env;
}

static bool vision_url(void *user, struct http_req *r, struct buf *url)
{
    return api_vision_url(((struct server *)user)->api, r, url);
}

static void vision_token(void *user, const char *device, const char *session, struct buf *token)
{
    api_vision_token(((struct server *)user)->api, device, session, token);
}

void wishes_of_modes(struct server *s, struct modes_env *env)
{
    *env = (struct modes_env){
        .store = s->store,
        .presence = s->presence,
        .registry = s->registry,
        .rates = s->rates,
        .minutes = s->minutes,
        .auth = s->auth,
        .user = s,
        .post = post,
    };
}

void wishes_of_api(struct server *s, struct api_env *env)
{
    *env = (struct api_env){
        .config = s->config,
        .store = s->store,
        .auth = s->auth,
        .presence = s->presence,
        .firmware = s->firmware,
        .force = s->force,
        .workers = s->workers,
        .device_port = s->ports[DOOR_DEVICE],
        .user = s,
        .is_draining = is_draining,
        .is_listening = is_listening,
        .reload = reload,
        .restart = restart,
        .kick = kick,
        .reboot = reboot,
        .say = say,
        .speech_waits = speech_waits,
        .meeting_finalize = meeting_finalize,
        .meeting_summarize = meeting_summarize,
        .tasks_changed = tasks_changed,
        .registry = s->registry,
        .provider_env = provider_env,
    };
}

void wishes_of_gateway(struct server *s, struct gateway_env *env)
{
    *env = (struct gateway_env){
        .config = s->config,
        .store = s->store,
        .auth = s->auth,
        .presence = s->presence,
        .limits = s->limits,
        .rates = s->rates,
        .registry = s->registry,
        .saver = s->saver,
        .modes = &s->modes,
        .own_mark = s->own_mark,
        .user = s,
        .reload = reload,
        .restart = restart_for_session,
        .vision_url = vision_url,
        .vision_token = vision_token,
    };
}

enum err server_reload(struct server *s, struct err_note *note)
{
    struct err_note own = { 0 };
    enum err err = config_reload(s->config, note ? note : &own);

    metric_add_label(METRIC_config_reloads_total, err ? "failed" : "ok", 1);
    if (err) {
        LOGE(NULL, "config.reload", "result=failed why=\"%s\"", note ? note->text : own.text);
        return err;
    }
    struct config *cfg = config_now(s->config);
    if (s->opts.has_log)
        logging_configure(cfg);
    auth_warn_of_samples(cfg);
    limits_configure(s->limits, &(struct limits_opts){
                                    .connections = (unsigned)cfg->limits_connections,
                                    .per_ip = (unsigned)cfg->limits_per_ip,
                                    .per_ip_new_per_s = (unsigned)cfg->limits_per_ip_new_per_s,
                                    .device_connects_per_min = (unsigned)cfg->limits_device_connects_per_min,
                                });
    if (s->tls_server && tls_server_reload(s->tls_server, cfg->server_tls_cert, cfg->server_tls_key, &own))
        LOGE(NULL, "tls.reload", "result=failed why=\"%s\"", own.text);
    metric_set(METRIC_config_generation, config_generation(cfg));
    LOGI(NULL, "config.reload", "result=ok generation=%u", config_generation(cfg));
    config_unref(cfg);
    gateway_reload(s->gateway);
    return OK;
}
