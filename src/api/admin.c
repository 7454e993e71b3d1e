/* SPDX-License-Identifier: MIT
 * admin.c -- what an operator does on the admin listener: confirm codes, revoke devices, read the
 * configuration again, start again. */
#include "api/private.h"
#include "protocol/ids.h"

#define PENDING_SHOWN_MAX 200

/* Somebody opened the address of the banner in a browser. */
void serve_admin_index(struct api_call *c)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
    auto_buf struct buf out = { 0 };
    buf_puts(&out, "Parley " PARLEY_VERSION ", the admin listener\n\n");
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route *r = &api_routes[i];
        auto_buf struct buf path = { 0 };
        if (r->kind == ROUTE_DEVICE)
            continue;
        buf_printf(&path, "%s%s", r->kind == ROUTE_API ? API_PREFIX : "", r->pattern);
        buf_printf(&out, "%-6s  %-48s  %s\n", methods[r->method], path.data, r->summary);
    }
    call_reply_text(c, 200, out.data);
}

void serve_pairing_list(struct api_call *c)
{
    struct pending_pair rows[PENDING_SHOWN_MAX];
    size_t count = auth_pending(c->api->env.auth, &c->arena, rows, COUNT(rows));
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        jw_object(&w);
        jw_cstr(&w, "code", rows[i].code);
        jw_cstr(&w, "deviceId", rows[i].device);
        jw_cstr(&w, "clientId", rows[i].client);
        jw_cstr(&w, "board", rows[i].board);
        jw_i64(&w, "createdAt", rows[i].created_ms);
        jw_i64(&w, "expiresAt", rows[i].expires_ms);
        jw_end(&w);
    }
    jw_end(&w);
    call_reply_data(c, buf_slice(&out));
}

static void confirmed(struct api_call *c, enum err e, const char *text)
{
    if (e == ERR_NOT_FOUND) {
        call_reply_error(c, 404, "no such code, or it is too old");
    } else if (e == ERR_LIMIT) {
        call_reply_retry(c, 60);
    } else if (e) {
        call_reply_err(c, e);
    } else {
        auto_buf struct buf out = { 0 };
        struct jw w;
        jw_init(&w, &out);
        jw_object(&w);
        jw_cstr(&w, "deviceId", c->params[1]);
        jw_cstr(&w, "state", pair_state_name(PAIR_ACTIVE));
        jw_end(&w);
        call_reply_data(c, buf_slice(&out));
    }
}

void serve_pairing_confirm(struct api_call *c)
{
    const struct typed_code code = { .text = slice_of(c->params[0]), .peer = c->peer };
    struct answering *a = answering_new(c, confirmed);
    /* The device's id is wanted by the answer, which may come at once. */
    auth_confirm(c->api->env.auth, c->loop, &code, c->params[1], answering_end, a);
}

static void revoked(struct api_call *c, enum err e, const char *text)
{
    if (e) {
        call_reply_err(c, e);
        return;
    }
    const struct api_env *env = &c->api->env;
    if (env->kick)
        env->kick(env->user, c->params[1]);
    call_reply_data(c, SLICE("{\"state\":\"revoked\"}"));
}

void serve_pair_delete(struct api_call *c)
{
    char client[ID_TEXT];
    struct slice asked = query_of(c, "client");
    if (!id_normalise(slice_of(c->params[0]), c->params[1]) || (asked.len && !id_normalise(asked, client))) {
        call_reply_error(c, 400, "this is no device id");
        return;
    }
    auth_revoke(c->api->env.auth, c->loop, c->params[1], asked.len ? client : NULL, answering_end,
                answering_new(c, revoked));
}

static void rebooted(struct api_call *c, enum err e, const char *text)
{
    if (e == ERR_NOT_FOUND)
        call_reply_error(c, 404, "the device is not connected");
    else if (e)
        call_reply_err(c, e);
    else
        call_reply_data(c, SLICE("{\"state\":\"told\"}"));
}

/* A board keeps its connection only while somebody talks; the others ask OTA at their next boot anyway. */
void serve_reboot(struct api_call *c)
{
    const struct api_env *env = &c->api->env;
    char device[ID_TEXT];
    if (!id_normalise(slice_of(c->params[0]), device))
        call_reply_error(c, 400, "this is no device id");
    else if (!env->reboot)
        call_reply_err(c, ERR_UNSUPPORTED);
    else
        env->reboot(env->user, c->loop, device, answering_done, answering_new(c, rebooted));
}

void serve_reload(struct api_call *c)
{
    const struct api_env *env = &c->api->env;
    struct err_note note = { 0 };
    enum err e = env->reload ? env->reload(env->user, &note) : ERR_UNSUPPORTED;
    if (e)
        call_reply_error(c, err_http(e), note.text[0] ? note.text : err_text(e));
    else
        call_reply_data(c, SLICE("{\"reloaded\":true}"));
}

void serve_restart(struct api_call *c)
{
    const struct api_env *env = &c->api->env;
    enum err e = env->restart ? env->restart(env->user) : ERR_UNSUPPORTED;
    if (e)
        call_reply_err(c, e);
    else
        call_reply_data(c, SLICE("{\"restarting\":true}"));
}

void serve_config(struct api_call *c)
{
    auto_buf struct buf text = { 0 };
    config_print(c->cfg, &text);
    call_reply_file(c, "text/plain; charset=utf-8", NULL, &text);
}
