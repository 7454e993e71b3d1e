/* SPDX-License-Identifier: MIT
 * access.c -- who may use the API: a rate per address, the token, and without a configured
 * token only programs of this very machine (no page of the web, no name that merely points here). */
#include "api/private.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "devices/identity.h"
#include "metrics/metrics.h"
#include "protocol/token.h"

static bool shows_token(struct api_call *c)
{
    struct slice v, token;
    bool ok = false;
    struct slice want = slice_of(c->cfg->server_api_token);
    if (http_header(c->r, "authorization", &v) && token_bearer(v, &token))
        ok = ok || same_secret(token, want);
    if (http_header(c->r, "x-api-token", &v))
        ok = ok || same_secret(slice_trim(v), want);
    if (http_query(c->r, "token", &v))
        ok = ok || same_secret(v, want);
    return ok;
}

/* A static token of role operator does as well. */
static bool shows_operator(struct api_call *c)
{
    struct slice v, token;
    if (!c->cfg->server_auth_enabled || !http_header(c->r, "authorization", &v) || !token_bearer(v, &token) ||
        token.len > IDENTITY_TOKEN_MAX_BYTES)
        return false;
    struct identity who = { .peer = c->peer, .is_forwarded = c->is_forwarded };
    who.token = xslicedup(token);
    bool ok = auth_is_operator(c->api->env.auth, &who);
    identity_done(&who);
    return ok;
}

static bool is_local_program(struct api_call *c)
{
    struct slice v;
    if (!c->peer.is_loopback || c->is_forwarded || !http_peer(c->r)->is_loopback)
        return false;
    if (http_header(c->r, "origin", &v) && !host_is_loopback(v))
        return false;
    return !http_header(c->r, "host", &v) || host_is_loopback(v);
}

static bool rate_ok(struct api_call *c)
{
    if (!c->cfg->meeting_api_rate_limit_enabled)
        return true;
    uint64_t retry_ms = 1000;
    if (rates_take(c->api->rates, slice_of(c->peer.text), (unsigned)c->cfg->meeting_api_rate_limit_qps, 1000,
                   clock_mono_us() / 1000, &retry_ms))
        return true;
    metric_add_label(METRIC_rate_limited_total, "api", 1);
    call_reply_retry(c, (unsigned)((retry_ms + 999) / 1000));
    return false;
}

static bool api_check(struct api_call *c)
{
    bool has_token = c->cfg->server_api_token && c->cfg->server_api_token[0];
    c->has_cors = has_token;
    if (!rate_ok(c))
        return false;
    if ((has_token && shows_token(c)) || shows_operator(c))
        return true;
    if (has_token) {
        metric_add(METRIC_auth_failures_total, 1);
        call_reply_error(c, 401, err_text(ERR_AUTH));
        return false;
    }
    bool admin_needs_token = c->door == API_ADMIN && !host_is_loopback(slice_of(c->cfg->server_admin_listen));
    if (is_local_program(c) && !admin_needs_token)
        return true;
    metric_add(METRIC_auth_failures_total, 1);
    call_reply_error(c, 403, "without server.api_token only programs of this machine are served");
    return false;
}

bool access_check(struct api_call *c)
{
    switch (c->route->role) {
    case ROLE_NOBODY: return true;
    case ROLE_API: return api_check(c);
    case ROLE_METRICS:
        if (c->cfg->metrics_public || is_local_program(c))
            return true;
        return c->door == API_ADMIN ? api_check(c) : (call_reply_error(c, 403, err_text(ERR_FORBIDDEN)), false);
    }
    return false;
}
