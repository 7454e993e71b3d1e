/* SPDX-License-Identifier: MIT
 * gate_world.c -- see gate_world.h. */
#include "tests/support/gate_world.h"

#include "tests/support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define WAIT_US 2000000
#define STEP_MS 2
#define ADVANCE_MS 20
#define OTHERS_MS 500 /* so often other threads get real time, or the clock outruns them */
#define STORE_US 500000 /* of real time for the store, at most, while the clock is moved once */
#define SETTLE_STEPS 6 /* there and back over loopback, twice */

char *world_config(const struct world_opts *o)
{
    return xprintf("server:\n  auth:\n    enabled: %s\n%s\n"
                   "selected_module: {VAD: f, ASR: f, LLM: f, TTS: f, Memory: f}\n"
                   "VAD: {f: {type: fake}}\nASR: {f: {type: fake}}\nLLM: {f: {type: fake}}\n"
                   "TTS: {f: {type: fake}}\nMemory: {f: {type: fake}}\n%s\n",
                   o->has_auth ? "true" : "false", o->server ? o->server : "", o->more ? o->more : "");
}

static void serve(struct world *w)
{
    struct err_note note = { 0 };

    w->opts.config_text = w->text;
    enum err err = server_create(&w->server, &w->opts, &note);
    if (err)
        fail_msg("server: %s", note.text);
    if (!w->opts.has_manual_clock && !w->loop)
        assert_ok(loop_create(&w->loop, NULL));
    if (w->opts.has_manual_clock)
        w->loop = server_loop(w->server, 0);
}

void world_start(struct world *w, const struct world_opts *o)
{
    static const struct world_opts plain = { 0 };

    *w = (struct world){ 0 };
    o = o ? o : &plain;
    fakes_reset();
    temp_remove(); /* what a failed test left */
    snprintf(w->dir, sizeof(w->dir), "%s", temp_path("world"));
    w->text = world_config(o);
    w->opts = (struct server_opts){ .data_dir = w->dir, .has_manual_clock = !o->has_threads, .loops = 2,
                                    .has_any_ports = true, .has_no_engines = !o->has_engines, .setup = fakes_add };
    if (o->has_engines) {
        const char *build = getenv("PARLEY_BUILD");
        snprintf(w->engines, sizeof(w->engines), "%s/engines", build ? build : "build");
        w->opts.engines_dir = w->engines;
    }
    serve(w);
}

static void leave_all(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++)
        client_vanish(w->clients[i]);
    for (unsigned i = 0; i < 400 && server_sessions(w->server) > 0; i++)
        loop_step(w->loop, 5);
    assert_int_equal(server_sessions(w->server), 0);
    world_forget(w);
}

void world_restart(struct world *w, const struct world_opts *o)
{
    leave_all(w);
    server_free(w->server);
    if (o) {
        mem_free(w->text);
        w->text = world_config(o);
    }
    serve(w);
}

void world_end(struct world *w)
{
    bool has_own_loop = w->loop != server_loop(w->server, 0);

    leave_all(w);
    server_free(w->server);
    if (has_own_loop)
        loop_free(w->loop);
    mem_free(w->text);
    assert_int_equal(fakes_live(), 0);
    temp_remove();
}

void world_forget(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++) {
        assert_null(w->clients[i]->ws);
        buf_done(&w->clients[i]->log);
        mem_free(w->clients[i]);
    }
    w->client_count = 0;
}

void world_settle(struct world *w)
{
    for (unsigned i = 0; i < SETTLE_STEPS; i++)
        loop_step(w->loop, 0);
}

/* What the store has begun it ends before the clock goes on; a test may have locked it, so not for ever. */
static void let_store_work(struct world *w, uint64_t until_us)
{
    while (w->server && store_queued(server_store(w->server)) && clock_mono_us() < until_us)
        loop_step(w->loop, 1);
}

void world_advance(struct world *w, uint64_t ms)
{
    uint64_t until_us = clock_mono_us() + STORE_US;

    while (ms > 0) {
        uint64_t step = MIN(ms, ADVANCE_MS);
        let_store_work(w, until_us);
        loop_advance(w->loop, step);
        ms -= step;
        if (ms % OTHERS_MS < ADVANCE_MS)
            loop_step(w->loop, 1);
    }
    world_settle(w);
}

bool world_until(struct world *w, bool (*fn)(void *arg), void *arg)
{
    uint64_t began_us = clock_mono_us();

    while (!fn(arg)) {
        if (clock_mono_us() - began_us > WAIT_US)
            return false;
        loop_step(w->loop, STEP_MS);
    }
    return true;
}

static void on_open(void *user)
{
    ((struct client *)user)->is_open = true;
}

static void on_text(void *user, struct slice text)
{
    struct client *c = user;
    c->texts++;
    buf_put(&c->log, text);
    buf_put_byte(&c->log, '\n');
}

static void on_binary(void *user, struct slice data)
{
    struct client *c = user;
    c->frames++;
    buf_puts(&c->log, "<audio>\n");
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct client *c = user;
    c->ws = NULL;
    c->is_open = false;
    c->code = code;
    c->http_status = http_status;
    c->closed_ms = loop_now_ms(c->world->loop);
    snprintf(c->reason, sizeof(c->reason), SLICE_FMT, SLICE_ARG(reason));
}

static const struct ws_events client_events = { .on_open = on_open, .on_text = on_text, .on_binary = on_binary,
                                                .on_close = on_close };

struct client *world_dial(struct world *w, const char *path, const char *const *headers)
{
    struct client *c = xnew(struct client);
    struct http_header list[8];
    char names[8][64];
    unsigned count = 0;

    assert_true(w->client_count < WORLD_CLIENTS_MAX);
    w->clients[w->client_count++] = c;
    c->world = w;
    for (; headers && headers[count]; count++) {
        const char *colon = strstr(headers[count], ": ");
        assert_non_null(colon);
        snprintf(names[count], sizeof(names[count]), "%.*s", (int)(colon - headers[count]), headers[count]);
        list[count] = (struct http_header){ names[count], slice_of(colon + 2) };
    }
    auto_mem char *url = xprintf("ws://127.0.0.1:%u%s", w->port ? w->port : server_port(w->server), path);
    struct ws_connect_opts o = { .url = url, .headers = list, .header_count = count };
    assert_ok(ws_connect(&c->ws, w->loop, &o, &client_events, c));
    return c;
}

static bool open_or_closed(void *arg)
{
    struct client *c = arg;
    return c->is_open || !c->ws;
}

bool client_opens(struct client *c)
{
    world_until(c->world, open_or_closed, c);
    return c->is_open;
}

struct client *world_client(struct world *w, const char *device)
{
    char header[128];

    snprintf(header, sizeof(header), "Device-Id: %s", device);
    const char *headers[] = { header, "Client-Id: client-1", NULL };
    struct client *c = world_dial(w, "/xiaozhi/v1/", headers);
    assert_true(client_opens(c));
    return c;
}

struct client *world_talker(struct world *w, const char *device)
{
    struct client *c = world_client(w, device);
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    return c;
}

void client_say(struct client *c, const char *text)
{
    assert_non_null(c->ws);
    assert_ok(ws_send_text(c->ws, slice_of(text)));
}

void client_frame(struct client *c, const void *data, size_t len)
{
    assert_non_null(c->ws);
    assert_ok(ws_send_binary(c->ws, (struct slice){ 0 }, slice_from(data, len)));
}

struct wish {
    const struct client *client;
    const char *needle;
    unsigned count;
};

static bool wish_came(void *arg)
{
    const struct wish *w = arg;
    return client_count(w->client, w->needle) >= w->count;
}

bool client_gets(struct client *c, const char *needle)
{
    return client_gets_all(c, needle, 1);
}

bool client_gets_all(struct client *c, const char *needle, unsigned count)
{
    return world_until(c->world, wish_came, &(struct wish){ c, needle, count });
}

bool client_pings(struct client *c)
{
    unsigned before = client_count(c, "\"type\":\"pong\"");
    client_say(c, "{\"type\":\"ping\"}");
    return client_gets_all(c, "\"type\":\"pong\"", before + 1);
}

static bool is_closed(void *arg)
{
    return !((struct client *)arg)->ws;
}

bool client_closes(struct client *c)
{
    return world_until(c->world, is_closed, c);
}

unsigned client_count(const struct client *c, const char *needle)
{
    unsigned count = 0;
    for (const char *at = c->log.data; at && (at = strstr(at, needle)); at += strlen(needle))
        count++;
    return count;
}

void client_forget(struct client *c)
{
    buf_clear(&c->log);
}

void client_vanish(struct client *c)
{
    ws_drop(c->ws);
    c->ws = NULL;
    c->is_open = false;
}

int world_http(struct world *w, uint16_t port, const char *line, const char *headers, const char *body,
               struct buf *out)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    auto_buf struct buf request = { 0 };
    uint64_t began_us = clock_mono_us();
    char piece[4096];
    int fd = socket(AF_INET, SOCK_STREAM, 0), status = 0;

    buf_printf(&request, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s", line, headers ? headers : "");
    if (body)
        buf_printf(&request, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&request, "\r\n%s", body ? body : "");
    buf_clear(out);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request.data, request.len, MSG_NOSIGNAL), request.len);
    for (;;) {
        ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);
        if (n > 0)
            buf_put(out, slice_from(piece, (size_t)n));
        else if (n == 0 || errno != EAGAIN || clock_mono_us() - began_us > WAIT_US)
            break;
        else
            loop_step(w->loop, STEP_MS);
    }
    close(fd);
    if (out->data)
        sscanf(out->data, "HTTP/1.1 %d", &status);
    return status;
}
