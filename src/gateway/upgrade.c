/* SPDX-License-Identifier: MIT
 * upgrade.c -- from an upgrade request to a session, or to a refusal by HTTP status.
 *
 *   our own self-test? draining, too busy? -> ids -> token, pair -> equal proof -> connects per minute -> 101
 *
 * Nothing is upgraded first to be closed with a sentence: devices only understand the status. */
#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "devices/identity.h"
#include "devices/limits.h"
#include "gateway/session.h"
#include "metrics/metrics.h"

#define RETRY_AFTER_S "10" /* when one more connect per minute is free again, or the next server is up */

struct upgrade {
    struct gateway_loop *home;
    struct http_req *request;
    struct identity who;
    struct auth_call *call; /* NULL: answered */
};

static void drop(struct upgrade *u)
{
    identity_done(&u->who);
    mem_free(u);
}

static void refuse(struct http_req *r, int status, const char *text)
{
    char code[8];

    snprintf(code, sizeof(code), "%d", status);
    metric_add_label(METRIC_handshakes_failed_total, code, 1);
    LOGI(NULL, "upgrade.refused", "status=%d peer=%s", status, http_peer(r)->text);
    bool is_passing = status == 429 || status == 503;
    struct http_header later = { "Retry-After", SLICE(RETRY_AFTER_S) };
    http_respond(r, &(struct http_reply){ .status = status, .type = "text/plain", .body = slice_of(text),
                                          .headers = &later, .header_count = is_passing, .is_closing = true });
}

/* from=mqtt_gateway counts from a trusted address or with a valid token. */
static bool is_gateway_leg(struct upgrade *u, const struct auth_answer *a)
{
    struct slice from;

    if (!http_query(u->request, "from", &from) || !slice_is(from, "mqtt_gateway"))
        return false;
    if (strcmp(a->proof, "open") != 0)
        return true;
    struct conf_list trusted = u->home->config->server_trusted_proxies;
    for (size_t i = 0; i < trusted.count; i++) {
        if (net_addr_in(http_peer(u->request), slice_of(trusted.items[i])))
            return true;
    }
    return false;
}

/* Take-over needs equal proof: knowing a device id is not enough to throw its session out. */
static bool may_take_over(struct upgrade *u, const struct auth_answer *a)
{
    const struct gateway_env *env = gateway_env_of(u->home->gateway);
    struct presence_entry there;

    if (strcmp(u->home->config->server_duplicate_device, "reject") == 0)
        return true; /* it will be told "busy" */
    return !presence_get(env->presence, u->who.device, &there) || strcmp(there.proof, a->proof) == 0;
}

static void accept_device(struct upgrade *u, const struct auth_answer *a)
{
    struct slice value;
    int64_t framing = 0;

    if (!http_header(u->request, "protocol-version", &value) || !slice_to_i64(slice_trim(value), &framing))
        framing = 0;
    struct session_opts o = { .home = u->home, .request = u->request, .identity = &u->who, .proof = a,
                              .is_gateway_leg = is_gateway_leg(u, a),
                              .takes_large = http_header(u->request, "origin", &value),
                              .header_framing = framing };
    if (session_open(&o))
        metric_add_label(METRIC_handshakes_failed_total, "400", 1);
}

static void on_auth(void *user, const struct auth_answer *a)
{
    struct upgrade *u = user;
    const struct gateway_env *env = gateway_env_of(u->home->gateway);

    u->call = NULL;
    http_on_gone(u->request, NULL, NULL);
    if (a->err) {
        metric_add(METRIC_auth_failures_total, 1);
        LOGI(NULL, "auth.refused", "device=%s peer=%s status=%d", u->who.device, u->who.peer.text, err_http(a->err));
        refuse(u->request, a->err == ERR_FORBIDDEN ? 403 : 401, "not authorised\n");
    } else if (!may_take_over(u, a)) {
        LOGW(NULL, "takeover.refused", "device=%s peer=%s", u->who.device, u->who.peer.text);
        refuse(u->request, 401, "not authorised\n");
    } else if (limits_device(env->limits, u->who.device, loop_now_ms(u->home->loop))) {
        /* Only who proved to be the device counts: a stranger cannot use up its share. */
        metric_add_label(METRIC_rate_limited_total, "connects", 1);
        refuse(u->request, 429, "too many connections\n");
    } else {
        accept_device(u, a);
    }
    drop(u);
}

static void on_gone(void *user, struct http_req *r)
{
    struct upgrade *u = user;

    (void)r;
    auth_call_cancel(u->call);
    drop(u);
}

static bool is_self_test(const struct gateway_env *env, struct http_req *r)
{
    struct slice mark;

    return env->own_mark && http_header(r, GATEWAY_OWN_MARK, &mark) && same_secret(mark, slice_of(env->own_mark));
}

void gateway_upgrade(struct gateway_loop *gl, struct http_req *r)
{
    const struct gateway_env *env = gateway_env_of(gl->gateway);

    if (is_self_test(env, r)) {
        http_respond(r, &(struct http_reply){ .status = 204, .is_closing = true });
        return;
    }
    if (gateway_is_draining(gl->gateway)) {
        refuse(r, 503, "shutting down\n");
        return;
    }
    int64_t busy = gl->config->limits_busy_percent;
    if (busy && loop_load_percent(gl->loop) > busy) { /* told at once; those who talk keep their pace */
        metric_add_label(METRIC_connections_refused_total, "busy", 1);
        refuse(r, 503, "busy, try again later\n");
        return;
    }
    struct upgrade *u = xnew(struct upgrade);
    u->home = gl;
    u->request = r;
    identity_read(&u->who, r, gl->config);
    http_on_gone(r, on_gone, u);
    struct auth_call *call = NULL;
    auth_check(&call, env->auth, gl->env->http, &u->who, on_auth, u);
    if (call) /* otherwise u is gone already */
        u->call = call;
}
