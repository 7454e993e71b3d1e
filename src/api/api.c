/* SPDX-License-Identifier: MIT
 * api.c -- from a request to its row of the route table. */
#include <stdio.h>

#include "api/private.h"
#include "devices/identity.h"

enum err api_create(struct api **out, const struct api_env *env)
{
    struct api *a = xnew(struct api);
    a->env = *env;
    a->rates = rates_create();
    struct config *cfg = config_now(env->config);
    const struct conf_list *list = &cfg->server_compat_prefixes;
    a->prefixes = xalloc((list->count + 1) * sizeof *a->prefixes);
    for (size_t i = 0; i < list->count; i++) {
        struct slice p = slice_trim(slice_of(list->items[i]));
        while (p.len && p.data[p.len - 1] == '/')
            p.len--;
        if (p.len && p.data[0] == '/' && p.len < sizeof ((struct api_call *)0)->prefix)
            a->prefixes[a->prefix_count++] = xslicedup(p);
    }
    config_unref(cfg);
    *out = a;
    return OK;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->prefix_count; i++)
        mem_free(a->prefixes[i]);
    mem_free(a->prefixes);
    rates_free(a->rates);
    mem_free(a);
}

struct match {
    const struct route *route;
    struct slice params[CALL_PARAMS_MAX], prefix;
    unsigned count;
    bool is_path_known; /* but not with this method */
};

static bool under(struct slice path, const char *prefix, struct slice *rest)
{
    size_t n = strlen(prefix);
    if (!slice_starts(path, slice_of(prefix)) || (path.len > n && path.data[n] != '/'))
        return false;
    *rest = slice_sub(path, n, path.len);
    return true;
}

static bool row_matches(const struct api *a, const struct route *row, struct slice path, struct match *m)
{
    struct slice rest;
    m->prefix = SLICE("");
    if (row->kind == ROUTE_PLAIN || row->kind == ROUTE_ADMIN)
        return pattern_match(row->pattern, path, m->params, &m->count);
    m->prefix = SLICE(API_PREFIX);
    if (row->kind == ROUTE_API && under(path, API_PREFIX, &rest) &&
        pattern_match(row->pattern, rest, m->params, &m->count))
        return true;
    for (size_t i = 0; i < a->prefix_count; i++) {
        m->prefix = slice_of(a->prefixes[i]);
        if (under(path, a->prefixes[i], &rest) && pattern_match(row->pattern, rest, m->params, &m->count))
            return true;
    }
    return false;
}

/* method HTTP_OTHER: any. */
static bool find(const struct api *a, enum api_door door, enum http_method method, struct slice path, struct match *m)
{
    *m = (struct match){ 0 };
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route *row = &api_routes[i];
        struct match try = { .route = row };
        if ((row->kind == ROUTE_ADMIN && door != API_ADMIN) || !row_matches(a, row, path, &try))
            continue;
        if (row->method == method || method == HTTP_OTHER) {
            *m = try;
            return true;
        }
        m->is_path_known = true;
    }
    return false;
}

bool api_owns_path(const struct api *a, struct slice path)
{
    struct match m;
    return find(a, API_DEVICE, HTTP_OTHER, path, &m) && m.route->handle != serve_websocket_text;
}

static void call_gone(void *user, struct http_req *r)
{
    call_free(user);
}

static struct api_call *call_new(struct api *a, enum api_door door, struct http_req *r)
{
    struct api_call *c = xnew(struct api_call);
    c->api = a;
    c->door = door;
    c->r = r;
    c->loop = http_req_loop(r);
    c->cfg = config_now(a->env.config);
    identity_peer(&c->peer, &c->is_forwarded, r, c->cfg);
    http_on_gone(r, call_gone, c);
    return c;
}

static void copy(char *out, size_t bytes, struct slice s)
{
    snprintf(out, bytes, SLICE_FMT, SLICE_ARG(s));
}

/* A pre-flight: who asks says nothing yet; the real request is judged. */
static void options(struct api_call *c, const struct route *row)
{
    bool has_token = c->cfg->server_api_token && c->cfg->server_api_token[0];
    c->has_cors = row->role == ROLE_NOBODY || has_token;
    call_reply(c, 204, NULL, (struct slice){ 0 });
}

void api_handle(struct api *a, enum api_door door, struct http_req *r)
{
    enum http_method method = http_method(r) == HTTP_HEAD ? HTTP_GET : http_method(r);
    struct api_call *c = call_new(a, door, r);
    struct match m;
    if (method == HTTP_OPTIONS && find(a, door, HTTP_OTHER, http_path(r), &m)) {
        options(c, m.route);
        return;
    }
    if (!find(a, door, method, http_path(r), &m)) {
        call_reply_error(c, m.is_path_known ? 405 : 404, m.is_path_known ? "not with this method" : "not there");
        return;
    }
    c->route = m.route;
    c->param_count = m.count;
    copy(c->prefix, sizeof c->prefix, m.prefix);
    for (unsigned i = 0; i < m.count; i++)
        copy(c->params[i], sizeof c->params[i], m.params[i]);
    c->has_cors = m.route->kind == ROUTE_DEVICE || (m.route->kind == ROUTE_PLAIN && m.route->role == ROLE_NOBODY);
    if (access_check(c))
        m.route->handle(c);
}
