/* SPDX-License-Identifier: MIT
 * handle_server.c -- server: reload, restart and statistics for those who know the secret. */
#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "base/crypto.h"
#include "base/log.h"
#include "config/catalogue.h"
#include "devices/limits.h"
#include "gateway/session.h"

#define WRONG_SECRETS_PER_MIN 3
#define MINUTE_MS 60000
#define REPLY_MAX_BYTES 400

static bool knows_secret(struct session *s, struct slice given)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    const char *secret = s->home->config->manager_api_secret;
    uint64_t now_ms = loop_now_ms(s->loop);
    char key[64];

    snprintf(key, sizeof(key), "server:%s", s->who.peer);
    if (!secret || !secret[0] || !rates_has(env->rates, slice_of(key), WRONG_SECRETS_PER_MIN, MINUTE_MS, now_ms))
        return false;
    if (same_secret(slice_of(secret), given))
        return true;
    rates_take(env->rates, slice_of(key), WRONG_SECRETS_PER_MIN, MINUTE_MS, now_ms, NULL);
    LOGW(&s->log, "server.refused", "peer=%s", s->who.peer);
    return false;
}

static void reply(struct session *s, const struct msg *m, bool is_ok, const char *message, const char *action)
{
    auto_buf struct buf out = { 0 };

    msg_server_reply(&out, is_ok, message, action, m->req_id);
    session_send(s, &out);
}

static void update(struct session *s, const struct msg *m)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    struct err_note note = { 0 };
    enum err err = env->reload ? env->reload(env->user, &note) : ERR_UNSUPPORTED;

    if (err == OK) {
        reply(s, m, true, session_text(s, "server.updated"), "update_config");
        return;
    }
    auto_buf struct buf text = { 0 };
    auto_buf struct buf clean = { 0 };
    catalogue_put(&text, s->home->config, s->who.language[0] ? s->who.language : NULL, "server.update_failed", "e",
                  note.text[0] ? note.text : err_text(err), NULL);
    log_clean(&clean, buf_slice(&text), REPLY_MAX_BYTES);
    reply(s, m, false, clean.data, NULL);
}

static void restart(struct session *s, const struct msg *m)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);

    reply(s, m, true, session_text(s, "server.restarting"), "restart");
    if (env->restart)
        env->restart(env->user);
}

void handle_msg_server(struct session *s, const struct msg *m)
{
    struct msg_server msg;
    const char *why = NULL;

    if (msg_server_read(&msg, m->root, &why)) {
        session_error(s, m, CODE_SCHEMA_INVALID, why);
        return;
    }
    if (msg.action == MSG_SERVER_SUBSCRIBE_STATS) {
        s->wants_stats = s->dialogue && (s->is_operator || s->home->config->server_stats_broadcast);
        if (s->wants_stats)
            stats_subscribe(s);
        else
            session_error(s, m, CODE_UNAUTHORIZED, "an operator token and a hello are needed");
        return;
    }
    if (!knows_secret(s, msg.secret)) {
        reply(s, m, false, session_text(s, "server.secret"), NULL);
        return;
    }
    if (msg.action == MSG_SERVER_UPDATE_CONFIG)
        update(s, m);
    else if (msg.action == MSG_SERVER_RESTART)
        restart(s, m);
    else
        session_error(s, m, CODE_INVALID_REQUEST, "unknown action");
}
