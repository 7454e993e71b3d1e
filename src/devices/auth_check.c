/* SPDX-License-Identifier: MIT
 * auth_check.c -- may this caller in: static tokens, our own tokens with their pair, JWT, and (in
 * auth_oauth2.c) an introspection service. Refusals say nothing about their reason. */
#include <stdio.h>

#include "base/crypto.h"
#include "base/log.h"
#include "config/settings.h"
#include "devices/auth_table.h"
#include "devices/jwt.h"
#include "protocol/token.h"

#define LOG_TOPIC "devices"

/* --- static tokens ---- */

struct static_token {
    const char *token, *device;
    bool is_operator;
};

/* What sample files have there is known to everybody: it opens no door. */
static bool is_sample(struct slice token)
{
    return slice_contains(token, SLICE("\xe4\xbd\xa0")) || slice_starts(token, SLICE("your-token")) ||
           slice_starts(token, SLICE("your_token"));
}

static bool static_at(const struct config *cfg, size_t i, struct static_token *out)
{
    const struct conf *n = conf_at(cfg->server_auth_tokens, i);
    *out = (struct static_token){ .device = "" };
    if (conf_kind(n) == CONF_SCALAR) {
        out->token = conf_text(n);
    } else if (conf_kind(n) == CONF_MAP) {
        out->token = conf_secret(n, "token");
        out->device = conf_str(n, "device", "");
        out->is_operator = strcmp(conf_str(n, "role", "device"), "operator") == 0;
    }
    return out->token && out->token[0] && !is_sample(slice_of(out->token));
}

unsigned auth_sample_tokens(const struct config *cfg)
{
    unsigned count = 0;
    struct static_token t;
    for (size_t i = 0; i < conf_count(cfg->server_auth_tokens); i++)
        count += !static_at(cfg, i, &t) && t.token && t.token[0];
    return count;
}

/* Index of the static token shown, -1: none. All are compared, so that time tells nothing. */
static int static_find(const struct config *cfg, const struct identity *who, struct static_token *out)
{
    int found = -1;
    size_t count = who->token ? conf_count(cfg->server_auth_tokens) : 0;
    for (size_t i = 0; i < count; i++) {
        struct static_token t;
        if (!static_at(cfg, i, &t) || !same_secret(slice_of(t.token), slice_of(who->token)))
            continue;
        char device[ID_TEXT];
        if (t.device[0] && (!id_normalise(slice_of(t.device), device) || strcmp(device, who->device) != 0))
            continue;
        *out = t;
        found = (int)i;
    }
    return found;
}

/* --- judging ---- */

void auth_judge(struct auth *a, const struct identity *who, const char *kind, const char *sub, const char *device,
                struct auth_answer *out)
{
    char bound[ID_TEXT];
    bool is_foreign = device[0] && (!id_normalise(slice_of(device), bound) || strcmp(bound, who->device) != 0);
    bool is_revoked = auth_pair_state(a, who->device, who->client) == PAIR_REVOKED;
    out->err = is_foreign ? ERR_AUTH : is_revoked ? ERR_FORBIDDEN : OK;
    if (out->err)
        return;
    out->role = AUTH_DEVICE;
    snprintf(out->proof, sizeof out->proof, "%s:%.64s", kind, sub);
}

static bool check_static(struct auth *a, const struct config *cfg, const struct identity *who,
                         struct auth_answer *out)
{
    struct static_token t;
    int i = static_find(cfg, who, &t);
    if (i < 0)
        return false;
    char number[12];
    snprintf(number, sizeof number, "%d", i);
    auth_judge(a, who, "static", number, "", out);
    if (!out->err && t.is_operator)
        out->role = AUTH_OPERATOR;
    return true;
}

/* Our own token, and the pair must be active. An expired one of an active pair lives a second time. */
static void check_token(struct auth *a, const struct config *cfg, const struct identity *who,
                        struct auth_answer *out)
{
    const char *key = cfg->server_auth_key ? cfg->server_auth_key : a->own_key;
    struct token_subject subject = { slice_of(who->raw_client), slice_of(who->raw_device) };
    struct token_clock clock = { a->now_ms() / 1000, cfg->server_auth_expire_seconds };
    int64_t age_s = 0;
    enum token_verdict v = token_verify(slice_of(who->token), slice_of(key), &subject, &clock, &age_s);
    bool is_old = v == TOKEN_OLD && age_s <= 2 * cfg->server_auth_expire_seconds;
    if (v != TOKEN_GOOD && !is_old)
        return;
    enum pair_state state = auth_pair_state(a, who->device, who->client);
    if (state != PAIR_ACTIVE) {
        out->err = state == PAIR_REVOKED ? ERR_FORBIDDEN : ERR_AUTH;
        return;
    }
    auth_judge(a, who, "pair", who->client, "", out);
    out->is_old = is_old;
    if (is_old)
        LOGW(NULL, "auth.old_token", "dev=%s age_s=%lld", who->device, (long long)age_s);
}

static bool check_jwt(struct auth *a, const struct config *cfg, const struct identity *who, struct auth_answer *out)
{
    struct jwt_rules rules = {
        .secret = slice_of(cfg->server_auth_jwt_secret), .public_key = slice_of(cfg->server_auth_jwt_public_key),
        .has_hs256 = conf_list_has(&cfg->server_auth_jwt_algorithms, SLICE("HS256")),
        .has_rs256 = conf_list_has(&cfg->server_auth_jwt_algorithms, SLICE("RS256")),
        .audience = slice_of(cfg->server_auth_jwt_audience), .issuer = slice_of(cfg->server_auth_jwt_issuer),
        .sub_prefix = slice_of(cfg->server_auth_jwt_sub_prefix), .now_s = a->now_ms() / 1000,
    };
    struct jwt_claims claims;
    enum err e = jwt_check(slice_of(who->token), &rules, &claims);
    if (!e)
        auth_judge(a, who, "jwt", claims.sub, claims.device, out);
    return e != ERR_PROTO;
}

/* True: the answer is final. False: the introspection service must be asked. */
static bool check_now(struct auth *a, const struct config *cfg, const struct identity *who, struct auth_answer *out)
{
    if (!cfg->server_auth_enabled) {
        *out = (struct auth_answer){ .role = auth_is_operator(a, who) ? AUTH_OPERATOR : AUTH_DEVICE, .proof = "open" };
        return true;
    }
    if (!who->token || check_static(a, cfg, who, out))
        return true;
    const char *mode = cfg->server_auth_mode;
    bool is_mixed = strcmp(mode, "mixed") == 0;
    if (is_mixed || strcmp(mode, "token") == 0)
        check_token(a, cfg, who, out);
    if (out->err == OK || out->err == ERR_FORBIDDEN)
        return true;
    if ((is_mixed || strcmp(mode, "jwt") == 0) && check_jwt(a, cfg, who, out))
        return true;
    return !((is_mixed || strcmp(mode, "oauth2") == 0) && cfg->server_auth_oauth2_introspection_url);
}

void auth_check(struct auth_call **out, struct auth *a, struct http_client *http, const struct identity *who,
                void (*done)(void *user, const struct auth_answer *answer), void *user)
{
    *out = NULL;
    struct auth_answer answer = { .err = ERR_AUTH };
    struct config *cfg = config_now(a->config);
    bool is_final = check_now(a, cfg, who, &answer);
    config_unref(cfg);
    if (is_final)
        done(user, &answer);
    else
        auth_introspect(out, a, http, who, done, user);
}

bool auth_is_operator(struct auth *a, const struct identity *who)
{
    struct config *cfg = config_now(a->config);
    struct static_token t;
    bool ok = !cfg->server_auth_enabled && who->peer.is_loopback && !who->is_forwarded && !who->is_public_origin;
    ok = ok || (static_find(cfg, who, &t) >= 0 && t.is_operator);
    config_unref(cfg);
    return ok;
}
