/* SPDX-License-Identifier: MIT
 * api_world.c -- see api_world.h. */
#include "tests/support/api_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "devices/firmware.h"
#include "devices/force.h"
#include "net/conn.h"

static struct api_world *world_of(void *user)
{
    return user;
}

static bool is_draining(void *user)
{
    return world_of(user)->is_draining;
}
static bool is_listening(void *user)
{
    return world_of(user)->is_listening;
}
static enum err reload(void *user, struct err_note *note)
{
    struct api_world *w = user;
    w->reloads++;
    if (w->reload_err)
        snprintf(note->text, sizeof note->text, "line 3: what is this");
    return w->reload_err;
}
static enum err restart(void *user)
{
    world_of(user)->restarts++;
    return OK;
}
static void kick(void *user, const char *device)
{
    snprintf(world_of(user)->kicked, ID_TEXT, "%s", device);
}
static void reboot(void *user, struct loop *l, const char *device, api_done done, void *arg)
{
    struct api_world *w = user;
    struct presence_entry there;
    bool is_here = presence_get(w->presence, device, &there);
    snprintf(w->rebooted, ID_TEXT, "%s", is_here ? device : "");
    done(arg, is_here ? OK : ERR_NOT_FOUND, NULL);
}
static void say(void *user, struct loop *l, const struct api_say *s, api_done done, void *arg)
{
    struct api_world *w = user;
    w->says++;
    snprintf(w->said, sizeof w->said, "%s:" SLICE_FMT, s->device, SLICE_ARG(s->text));
    w->pending_done = done;
    w->pending_arg = arg;
    if (!w->is_say_silent)
        done(arg, w->say_err, w->say_err ? NULL : "played");
}
static void finalize(void *user, struct loop *l, const char *meeting, api_done done, void *arg)
{
    struct api_world *w = user;
    snprintf(w->meeting, sizeof w->meeting, "%s", meeting);
    done(arg, strcmp(meeting, "m-none") == 0 ? ERR_NOT_FOUND : OK, "finalizing");
}
static void tasks_changed(void *user, const char *group)
{
    snprintf(world_of(user)->changed_group, 64, "%s", group);
}

struct door {
    struct api_world *w;
    enum api_door door;
};
static struct door doors[2];

static void on_request(void *user, struct http_req *r)
{
    struct door *d = user;
    api_handle(d->w->api, d->door, r);
}

void api_world_open(struct api_world *w, const char *yaml)
{
    *w = (struct api_world){ .is_listening = true };
    dworld_open(&w->base, yaml);
    w->presence = presence_create();
    w->firmware = firmware_create();
    if (force_open(&w->force, w->base.store))
        abort();
    w->env = (struct api_env){
        .config = w->base.config, .store = w->base.store, .auth = w->base.auth, .presence = w->presence,
        .firmware = w->firmware, .force = w->force, .device_port = 8000, .user = w, .is_draining = is_draining,
        .is_listening = is_listening, .reload = reload, .restart = restart, .kick = kick, .say = say, .reboot = reboot,
        .meeting_finalize = finalize, .tasks_changed = tasks_changed,
    };
}

void api_world_serve(struct api_world *w)
{
    static const struct http_server_events events = { .on_request = on_request };
    if (api_create(&w->api, &w->env) != OK)
        abort();
    for (int i = 0; i < 2; i++) {
        doors[i] = (struct door){ w, (enum api_door)i };
        struct http_server_opts o = { .listen = { .host = "127.0.0.1" } };
        if (http_server_open(&w->servers[i], w->base.loop, &o, &events, &doors[i]) != OK)
            abort();
    }
}

void api_world_close(struct api_world *w)
{
    for (int i = 0; i < 2; i++)
        http_server_close(w->servers[i]);
    dworld_settle(&w->base);
    for (int i = 0; i < 5; i++)
        loop_step(w->base.loop, 1);
    struct dworld base = w->base;
    struct api *api = w->api;
    store_close(base.store);
    for (int i = 0; i < 3; i++)
        loop_step(base.loop, 0);
    api_free(api);
    auth_close(base.auth);
    presence_free(w->presence);
    firmware_free(w->firmware);
    force_close(w->force);
    config_holder_free(base.config);
    loop_free(base.loop);
    dworld_forget();
}

/* --- the client ---- */

struct asking {
    struct buf request, *got;
    struct conn *conn;
    bool is_closed;
};

static void on_open(void *user)
{
    struct asking *a = user;
    if (conn_write(a->conn, buf_slice(&a->request)) != OK)
        abort();
}
static void on_data(void *user, struct slice data)
{
    buf_put(((struct asking *)user)->got, data);
}
static void on_close(void *user, enum err why)
{
    struct asking *a = user;
    a->is_closed = true;
    a->conn = NULL;
}
static const struct conn_events client_events = { .on_open = on_open, .on_data = on_data, .on_close = on_close };

static void begin(struct api_world *w, enum api_door door, struct asking *a, const char *line, const char *headers,
                  const char *body)
{
    buf_printf(&a->request, "%s HTTP/1.1\r\n", line);
    bool has_host = headers && (strncasecmp(headers, "host:", 5) == 0 || strcasestr(headers, "\nhost:"));
    if (!has_host)
        buf_puts(&a->request, "Host: localhost:8000\r\n");
    buf_printf(&a->request, "Connection: close\r\n%s", headers ? headers : "");
    if (body)
        buf_printf(&a->request, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&a->request, "\r\n%s", body ? body : "");
    const struct conn_opts o = { .host = "127.0.0.1", .port = http_server_port(w->servers[door]) };
    if (conn_connect(&a->conn, w->base.loop, &o, &client_events, a))
        abort();
}

void api_ask(struct api_world *w, enum api_door door, struct reply *out, const char *line, const char *headers,
             const char *body)
{
    *out = (struct reply){ 0 };
    struct asking a = { .got = &out->raw };
    begin(w, door, &a, line, headers, body);
    dworld_until(&w->base, &a.is_closed);
    conn_close(a.conn);
    loop_step(w->base.loop, 0);
    buf_done(&a.request);
    if (out->raw.len < 12)
        return;
    out->status = (int)strtol(out->raw.data + 9, NULL, 10);
    const char *end = strstr(out->raw.data, "\r\n\r\n");
    if (!end)
        return;
    size_t head = (size_t)(end - out->raw.data) + 4;
    out->body = slice_from(out->raw.data + head, out->raw.len - head);
    if (json_parse(&out->json, out->body, &(struct json_limits){ .nodes_max = 100000 }) != OK)
        out->json = NULL;
}

void api_ask_and_leave(struct api_world *w, const char *line, const char *headers, const char *body, int steps)
{
    struct buf got = { 0 };
    struct asking a = { .got = &got };
    begin(w, API_DEVICE, &a, line, headers, body);
    for (int i = 0; i < steps; i++)
        loop_step(w->base.loop, 1);
    conn_close(a.conn);
    for (int i = 0; i < 5; i++)
        loop_step(w->base.loop, 1);
    buf_done(&a.request);
    buf_done(&got);
}

void reply_done(struct reply *r)
{
    json_free(r->json);
    buf_done(&r->raw);
}

struct slice reply_header(const struct reply *r, const char *name)
{
    struct slice rest = buf_slice(&r->raw);
    while (rest.len) {
        struct slice line = slice_trim(slice_cut(&rest, '\n'));
        if (line.len == 0)
            break;
        struct slice key = slice_cut(&line, ':');
        if (line.data && slice_eq_nocase(key, slice_of(name)))
            return slice_trim(line);
    }
    return (struct slice){ 0 };
}

const struct json *reply_data(const struct reply *r)
{
    return json_get(r->json, "data");
}
