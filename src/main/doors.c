/* SPDX-License-Identifier: MIT
 * doors.c -- the listeners: device port, HTTP port, TLS port on every loop (SO_REUSEPORT), the admin
 * listener on the first. An upgrade goes to the gateway, everything else to the API.
 *
 * With SO_REUSEPORT a second parleyd would quietly share the port, so a port is tried without it first. */
#include "main/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_TOPIC "main"
#include "base/log.h"
#include "devices/limits.h"
#include "metrics/metrics.h"

#define ANY_PORTS_HOST "127.0.0.1"

static const char *const door_keys[DOORS] = { "server.port", "server.http_port", "server.tls.port",
                                              "server.admin.listen" };

static void on_request(void *user, struct http_req *r)
{
    struct server_door *door = user;
    struct server *s = door->home->server;

    if (door->kind == API_DEVICE && http_wants_upgrade(r) && !api_owns_path(s->api, http_path(r)))
        gateway_upgrade(door->home->gateway, r);
    else
        api_handle(s->api, door->kind, r);
}

static int on_connect(void *user, const struct net_addr *peer)
{
    struct server_door *door = user;
    enum err err = limits_connect(door->home->server->limits, peer, loop_now_ms(door->home->loop));

    if (err) {
        metric_add_label(METRIC_connections_refused_total, err == ERR_BUSY ? "full" : "address", 1);
        return err_http(err);
    }
    metric_add(METRIC_connections, 1);
    metric_add(METRIC_connections_total, 1);
    return 0;
}

static void on_disconnect(void *user, const struct net_addr *peer)
{
    struct server_door *door = user;

    limits_disconnect(door->home->server->limits, peer);
    metric_add(METRIC_connections, -1);
}

static const struct http_server_events door_events = { .on_request = on_request, .on_connect = on_connect,
                                                       .on_disconnect = on_disconnect };

/* Is the port free, also of others that would share it? */
static enum err try_port(const char *host, uint16_t port, const char *key, struct err_note *note)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    bool is_v6 = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
    int on = 1;

    if (!is_v6 && inet_pton(AF_INET, host, &v4.sin_addr) != 1) {
        note->err = ERR_INVALID;
        snprintf(note->text, sizeof(note->text), "%s: \"%.60s\" is not a numeric address", key, host);
        return ERR_INVALID;
    }
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return OK; /* the real attempt will tell */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    int failed = is_v6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6)) : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
    if (!failed)
        failed = listen(fd, 1);
    int why = errno;
    close(fd);
    if (!failed)
        return OK;
    note->err = why == EADDRINUSE ? ERR_EXISTS : why == EACCES ? ERR_FORBIDDEN : ERR_IO;
    if (why == EADDRINUSE)
        snprintf(note->text, sizeof(note->text),
                 "port %u (%s) is in use by another program. Stop that one, or set another %s in the configuration",
                 port, key, key);
    else
        snprintf(note->text, sizeof(note->text), "cannot listen on %.60s port %u (%s): %s", host, port, key,
                 strerror(why));
    return note->err;
}

static enum err open_one(struct server_loop *sl, enum door d, const char *host, struct err_note *note)
{
    struct server *s = sl->server;
    struct server_door *door = &sl->doors[d];
    struct http_server_opts o = { .listen = { .host = host, .port = s->ports[d], .has_reuseport = d != DOOR_ADMIN,
                                              .tls = d == DOOR_TLS ? s->tls_server : NULL } };

    door->home = sl;
    door->kind = d == DOOR_ADMIN ? API_ADMIN : API_DEVICE;
    struct config *cfg = config_now(s->config);
    o.listen.write_max_bytes = (size_t)cfg->limits_send_queue_bytes;
    config_unref(cfg);
    enum err err = http_server_open(&door->http, sl->loop, &o, &door_events, door);
    if (err) {
        note->err = err;
        snprintf(note->text, sizeof(note->text), "cannot listen on %.60s port %u (%s): %s", host, s->ports[d],
                 door_keys[d], err_text(err));
        return err;
    }
    s->ports[d] = http_server_port(door->http);
    return OK;
}

/* "127.0.0.1:8010" */
static bool split_listen(const char *listen, char host[64], uint16_t *port)
{
    const char *colon = strrchr(listen, ':');
    int64_t number;

    if (!colon || (size_t)(colon - listen) >= 64 || !slice_to_i64(slice_of(colon + 1), &number) || number < 0 ||
        number > 65535)
        return false;
    struct slice name = slice_from(listen, (size_t)(colon - listen));
    if (name.len > 1 && name.data[0] == '[' && name.data[name.len - 1] == ']')
        name = slice_sub(name, 1, name.len - 2);
    snprintf(host, 64, SLICE_FMT, SLICE_ARG(name));
    *port = (uint16_t)number;
    return true;
}

static enum err tls_prepare(struct server *s, const struct config *cfg, struct err_note *note)
{
    if (!cfg->server_tls_cert[0] || (cfg->server_tls_port == 0 && !s->opts.has_any_ports))
        return OK;
    return tls_server_create(&s->tls_server, cfg->server_tls_cert, cfg->server_tls_key, note);
}

struct plan {
    char host[64];
    bool is_wanted;
};

static enum err plan_doors(struct server *s, const struct config *cfg, struct plan plan[DOORS], struct err_note *note)
{
    bool any = s->opts.has_any_ports;

    for (unsigned d = 0; d < DOORS; d++)
        snprintf(plan[d].host, sizeof(plan[d].host), "%s", any ? ANY_PORTS_HOST : cfg->server_ip);
    s->ports[DOOR_DEVICE] = any ? 0 : (uint16_t)cfg->server_port;
    s->ports[DOOR_HTTP] = any ? 0 : (uint16_t)cfg->server_http_port;
    s->ports[DOOR_TLS] = any ? 0 : (uint16_t)cfg->server_tls_port;
    plan[DOOR_DEVICE].is_wanted = true;
    plan[DOOR_HTTP].is_wanted = any || (cfg->server_http_port != 0 && cfg->server_http_port != cfg->server_port);
    plan[DOOR_TLS].is_wanted = s->tls_server != NULL;
    plan[DOOR_ADMIN].is_wanted = cfg->server_admin_listen[0] && strcmp(cfg->server_admin_listen, "off") != 0;
    if (!plan[DOOR_ADMIN].is_wanted)
        return OK;
    if (!split_listen(cfg->server_admin_listen, plan[DOOR_ADMIN].host, &s->ports[DOOR_ADMIN])) {
        note->err = ERR_INVALID;
        snprintf(note->text, sizeof(note->text), "server.admin.listen: \"%.60s\" is not host:port",
                 cfg->server_admin_listen);
        return ERR_INVALID;
    }
    if (any) {
        snprintf(plan[DOOR_ADMIN].host, sizeof(plan[DOOR_ADMIN].host), ANY_PORTS_HOST);
        s->ports[DOOR_ADMIN] = 0;
    }
    return OK;
}

static bool is_loopback(const char *host)
{
    struct net_addr addr;
    return net_addr_parse(slice_of(host), &addr) && addr.is_loopback;
}

static void warn_if_anybody_may_talk(const struct config *cfg, const struct plan plan[DOORS])
{
    for (unsigned d = 0; d < DOORS; d++) {
        if (d == DOOR_ADMIN || !plan[d].is_wanted || cfg->server_auth_enabled || is_loopback(plan[d].host))
            continue;
        LOGW(NULL, "auth.off", "server.auth.enabled is false: every device that reaches %s may talk", plan[d].host);
        return;
    }
}

enum err doors_open(struct server *s, struct err_note *note)
{
    struct plan plan[DOORS] = { 0 };
    struct config *cfg = config_now(s->config);
    enum err err = tls_prepare(s, cfg, note);

    if (err == OK)
        err = plan_doors(s, cfg, plan, note);
    for (unsigned d = 0; d < DOORS && err == OK; d++) {
        if (plan[d].is_wanted && s->ports[d] != 0)
            err = try_port(plan[d].host, s->ports[d], door_keys[d], note);
    }
    for (unsigned i = 0; i < s->loop_count && err == OK; i++) {
        for (unsigned d = 0; d < DOORS && err == OK; d++) {
            if (plan[d].is_wanted && (d != DOOR_ADMIN || i == 0))
                err = open_one(&s->loops[i], (enum door)d, plan[d].host, note);
        }
    }
    for (unsigned d = 0; d < DOORS; d++) {
        if (!plan[d].is_wanted)
            s->ports[d] = 0;
    }
    if (err == OK)
        warn_if_anybody_may_talk(cfg, plan);
    config_unref(cfg);
    return err;
}

void doors_close(struct server_loop *sl)
{
    for (unsigned d = 0; d < DOORS; d++) {
        if (sl->doors[d].http)
            http_server_close(sl->doors[d].http);
        sl->doors[d].http = NULL;
    }
}
