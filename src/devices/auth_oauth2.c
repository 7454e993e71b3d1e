/* SPDX-License-Identifier: MIT
 * auth_oauth2.c -- a token nobody here knows is shown to the introspection service (RFC 7662): good
 * answers are believed for 60 s, bad ones for 10 s, no answer within 2 s is a refusal. Only the hash of
 * a token is kept. */
#include <stdio.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "config/settings.h"
#include "devices/auth_table.h"
#include "http/client.h"

#define LOG_TOPIC "devices"
#define GOOD_MS 60000
#define BAD_MS 10000
#define TIMEOUT_MS 2000
#define REPLY_MAX_BYTES 16384
#define CACHE_MAX 4096

struct answer { /* one cached */
    int64_t until_ms;
    bool is_active;
    char sub[ID_TEXT], device[ID_TEXT];
};

struct auth_call {
    struct auth *auth;
    const struct identity *who;
    struct http_call *http;
    struct buf reply;
    uint8_t key[32];
    void (*done)(void *user, const struct auth_answer *answer);
    void *user;
};

void auth_introspect_forget(struct auth *a)
{
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(&a->introspected, &at, &key, &value))
        mem_free(value);
    map_done(&a->introspected);
    a->introspected = (struct map){ 0 };
}

static bool cached(struct auth *a, const uint8_t key[32], struct answer *out)
{
    pthread_mutex_lock(&a->lock);
    const struct answer *hit = map_get(&a->introspected, slice_from(key, 32));
    bool ok = hit && hit->until_ms > a->now_ms();
    if (ok)
        *out = *hit;
    pthread_mutex_unlock(&a->lock);
    return ok;
}

static void keep(struct auth *a, const uint8_t key[32], const struct answer *answer)
{
    pthread_mutex_lock(&a->lock);
    if (a->introspected.count >= CACHE_MAX)
        auth_introspect_forget(a);
    struct answer *copy = xmemdup(answer, sizeof *answer);
    mem_free(map_set(&a->introspected, slice_from(key, 32), copy));
    pthread_mutex_unlock(&a->lock);
}

static void tell(struct auth *a, const struct identity *who, const struct answer *answer,
                 void (*done)(void *user, const struct auth_answer *answer), void *user)
{
    struct auth_answer out = { .err = ERR_AUTH };
    if (answer->is_active)
        auth_judge(a, who, "oauth2", answer->sub, answer->device, &out);
    done(user, &out);
}

static void call_free(struct auth_call *c)
{
    http_call_close(c->http);
    buf_done(&c->reply);
    mem_free(c);
}

void auth_call_cancel(struct auth_call *call)
{
    if (call)
        call_free(call);
}

static void put(char out[ID_TEXT], struct slice s)
{
    snprintf(out, ID_TEXT, SLICE_FMT, SLICE_ARG(s));
}

static bool answer_read(struct slice text, int64_t now_ms, struct answer *out)
{
    auto_json struct json *v = NULL;
    *out = (struct answer){ .until_ms = now_ms + BAD_MS };
    if (json_parse(&v, text, NULL) || !json_is(v, JSON_OBJECT))
        return false;
    int64_t exp = json_get_i64(v, "exp", 0);
    struct slice sub = json_get_text(v, "sub"), name = json_get_text(v, "username");
    sub = sub.len ? sub : name.len ? name : json_get_text(v, "client_id");
    out->is_active = json_get_bool(v, "active", false) && sub.len > 0 && sub.len < ID_TEXT &&
                     (exp == 0 || exp * 1000 > now_ms);
    if (out->is_active) {
        out->until_ms = now_ms + GOOD_MS;
        if (exp)
            out->until_ms = MIN(out->until_ms, exp * 1000);
        put(out->sub, sub);
        put(out->device, json_get_text(v, "device_id"));
    }
    return true;
}

static void on_data(void *user, struct slice data)
{
    struct auth_call *c = user;
    buf_put(&c->reply, data); /* beyond the limit: cut, and then no JSON */
}

static void on_end(void *user, enum err err, int status, const char *note)
{
    struct auth_call *c = user;
    struct answer answer = { .is_active = false };
    bool ok = !err && status == 200 && answer_read(buf_slice(&c->reply), c->auth->now_ms(), &answer);
    if (ok)
        keep(c->auth, c->key, &answer);
    else
        LOGW(NULL, "auth.introspection", "err=%s status=%d why=\"%s\"", err_name(err), status, note ? note : "");
    tell(c->auth, c->who, &answer, c->done, c->user);
    call_free(c);
}

/* application/x-www-form-urlencoded */
static void form_put(struct buf *out, const char *name, const char *value)
{
    if (out->len)
        buf_put_byte(out, '&');
    buf_printf(out, "%s=", name);
    for (const char *c = value; *c; c++) {
        bool is_plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        strchr("-._~", *c);
        if (is_plain)
            buf_put_byte(out, *c);
        else
            buf_printf(out, "%%%02X", (unsigned char)*c);
    }
}

static enum err ask(struct auth_call *c, struct http_client *http, const struct config *cfg)
{
    static const struct http_call_events events = { .on_data = on_data, .on_end = on_end };
    auto_buf struct buf body = { 0 }, pair = { 0 }, basic = { 0 };
    form_put(&body, "token", c->who->token);
    struct http_header headers[3] = {
        { "Content-Type", SLICE("application/x-www-form-urlencoded") },
        { "Accept", SLICE("application/json") },
    };
    unsigned count = 2;
    if (cfg->server_auth_oauth2_client_id) {
        const char *secret = cfg->server_auth_oauth2_client_secret;
        buf_printf(&pair, "%s:%s", cfg->server_auth_oauth2_client_id, secret ? secret : "");
        buf_puts(&basic, "Basic ");
        base64_put(&basic, buf_slice(&pair));
        headers[count++] = (struct http_header){ "Authorization", buf_slice(&basic) };
    }
    struct http_call_opts o = {
        .method = "POST", .url = cfg->server_auth_oauth2_introspection_url, .headers = headers, .header_count = count,
        .body = buf_slice(&body), .connect_ms = TIMEOUT_MS, .first_byte_ms = TIMEOUT_MS, .total_ms = TIMEOUT_MS,
        .reply_max_bytes = REPLY_MAX_BYTES,
    };
    return http_call_open(&c->http, http, &o, &events, c);
}

void auth_introspect(struct auth_call **out, struct auth *a, struct http_client *http, const struct identity *who,
                     void (*done)(void *user, const struct auth_answer *answer), void *user)
{
    struct answer answer = { .is_active = false };
    uint8_t key[32];
    sha256(slice_of(who->token), key);
    if (cached(a, key, &answer) || !http) {
        tell(a, who, &answer, done, user);
        return;
    }
    struct auth_call *c = xnew(struct auth_call);
    *c = (struct auth_call){ .auth = a, .who = who, .done = done, .user = user };
    c->reply.max = REPLY_MAX_BYTES;
    memcpy(c->key, key, sizeof c->key);
    struct config *cfg = config_now(a->config);
    enum err e = ask(c, http, cfg);
    config_unref(cfg);
    if (e) {
        call_free(c);
        tell(a, who, &answer, done, user);
        return;
    }
    *out = c;
}
