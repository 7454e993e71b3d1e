/* SPDX-License-Identifier: MIT
 * health.c -- is it alive, is it ready, its figures; and the plain answers of device paths. */
#include "api/private.h"
#include "metrics/metrics.h"

void serve_websocket_text(struct api_call *c)
{
    call_reply_text(c, 200, "Server is running\n");
}

void serve_healthz(struct api_call *c)
{
    call_reply_text(c, 200, "ok\n");
}

void serve_readyz(struct api_call *c)
{
    const struct api_env *env = &c->api->env;
    bool is_draining = env->is_draining && env->is_draining(env->user);
    bool is_listening = !env->is_listening || env->is_listening(env->user);
    bool is_stored = store_is_healthy(env->store);
    auto_buf struct buf body = { 0 };
    struct jw w;
    jw_init(&w, &body);
    jw_object(&w);
    jw_bool(&w, "ready", is_listening && is_stored && !is_draining);
    jw_bool(&w, "listening", is_listening);
    jw_bool(&w, "storage", is_stored);
    jw_bool(&w, "draining", is_draining);
    jw_end(&w);
    call_reply(c, is_listening && is_stored && !is_draining ? 200 : 503, "application/json", buf_slice(&body));
}

void serve_metrics(struct api_call *c)
{
    auto_buf struct buf text = { 0 };
    metrics_print(&text);
    call_reply_file(c, "text/plain; version=0.0.4; charset=utf-8", NULL, &text);
}
