/* SPDX-License-Identifier: MIT
 * wyoming_link.c -- connect, try again while an engine starts, keep what is written meanwhile. */
#include "providers/wyoming_link.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "providers/engines.h"

enum { ARGS_MAX = 16, PORT_DEFAULT = 10300 };

static void down(struct wyoming_link *l, enum err e, const char *text)
{
    struct err_note why = { .err = e };
    snprintf(why.text, sizeof(why.text), "%s", text);
    const struct wyoming_link_events *ev = l->ev;
    void *user = l->user;
    wyoming_link_close(l);
    ev->on_down(user, &why);
}

static enum err flush(struct wyoming_link *l)
{
    enum err e = OK;
    while (l->waiting.len && !e) {
        size_t piece = MIN(l->waiting.len, (size_t)65536);
        e = conn_write(l->conn, slice_from(l->waiting.data, piece));
        if (!e)
            buf_eat(&l->waiting, piece);
    }
    return e == ERR_LIMIT ? OK : e; /* full: on_drain goes on */
}

static void on_open(void *user)
{
    struct wyoming_link *l = user;
    l->is_open = true;
    if (l->is_paused)
        conn_pause(l->conn);
    if (flush(l))
        down(l, ERR_IO, "the speech server takes no data");
}

static void on_drain(void *user)
{
    struct wyoming_link *l = user;
    if (flush(l))
        down(l, ERR_IO, "the speech server takes no data");
}

void wyoming_link_go_on(struct wyoming_link *l)
{
    struct wyoming_event e;
    while (!l->is_closed && !l->is_paused && wyoming_next(&l->in, &e))
        l->ev->on_event(l->user, &e);
    if (!l->is_closed && l->in.err)
        down(l, l->in.err, "the speech server broke the protocol");
    else if (!l->is_closed && !l->is_paused && l->has_left)
        down(l, ERR_CLOSED, "the speech server went away");
}

static void on_data(void *user, struct slice data)
{
    struct wyoming_link *l = user;
    wyoming_feed(&l->in, data);
    wyoming_link_go_on(l);
}

static void connect_again(void *arg);

static void on_close(void *user, enum err why)
{
    struct wyoming_link *l = user;
    l->conn = NULL;
    if (l->is_open) { /* what it said before comes first, also when that is held */
        l->is_open = false;
        l->has_left = true;
        wyoming_link_go_on(l);
    } else if (l->is_local && loop_now_ms(l->loop) < l->give_up_ms) {
        timer_start(&l->retry, l->loop, LINK_RETRY_MS, connect_again, l);
    } else {
        down(l, why, "the speech server is not there");
    }
}

static const struct conn_events conn_events = {
    .on_open = on_open, .on_data = on_data, .on_drain = on_drain, .on_close = on_close,
};

static enum err connect_now(struct wyoming_link *l)
{
    const struct conn_opts o = { .host = l->host, .port = l->port };
    return conn_connect(&l->conn, l->loop, &o, &conn_events, l);
}

static void connect_again(void *arg)
{
    struct wyoming_link *l = arg;
    enum err e = connect_now(l);
    if (!e)
        return;
    l->conn = NULL;
    if (loop_now_ms(l->loop) < l->give_up_ms)
        timer_start(&l->retry, l->loop, LINK_RETRY_MS, connect_again, l);
    else
        down(l, e, "the engine did not start");
}

bool wyoming_link_is_remote(const struct provider_opts *o)
{
    return *opts_str(o, "uri", "") || *opts_str(o, "host", "");
}

/* tcp://host:port, unix:///path, or the keys host and port. */
static enum err find_remote(struct wyoming_link *l, const struct provider_opts *o)
{
    const char *uri = opts_str(o, "uri", "");
    if (!*uri) {
        l->host = xstrdup(opts_str(o, "host", ""));
        l->port = (uint16_t)opts_int(o, "port", PORT_DEFAULT, 1, 65535);
        return OK;
    }
    if (strncmp(uri, "unix://", 7) == 0) {
        l->host = xprintf("unix:%s", uri + 7);
        return OK;
    }
    const char *colon = strrchr(uri, ':');
    int64_t port = 0;
    if (strncmp(uri, "tcp://", 6) != 0 || colon < uri + 6 || !slice_to_i64(slice_of(colon + 1), &port) || port < 1 ||
        port > 65535)
        return ERR_INVALID;
    l->host = xslicedup(slice_from(uri + 6, (size_t)(colon - uri) - 6));
    l->port = (uint16_t)port;
    return OK;
}

static enum err find_engine(struct wyoming_link *l, const struct provider_opts *o, const char *engine)
{
    const char *args[ARGS_MAX + 1] = { NULL }, *path = NULL;
    const struct conf *list = conf_get(o->settings, "args");
    if (!o->env->engines)
        return ERR_UNSUPPORTED;
    for (size_t i = 0; conf_kind(list) == CONF_LIST && i < conf_count(list) && i < ARGS_MAX; i++)
        args[i] = conf_text(conf_at(list, i));
    enum err e = engines_want(o->env->engines, engine, args, &path);
    if (e)
        return e;
    l->host = xstrdup(path);
    l->is_local = true;
    l->give_up_ms = loop_now_ms(l->loop) + LINK_START_MS;
    return OK;
}

enum err wyoming_link_open(struct wyoming_link *l, const struct provider_opts *o, const char *engine,
                   const struct wyoming_link_events *ev, void *user)
{
    *l = (struct wyoming_link){ .loop = o->env->loop, .ev = ev, .user = user };
    enum err e = wyoming_link_is_remote(o) ? find_remote(l, o) : find_engine(l, o, engine);
    if (!e) {
        e = connect_now(l);
        if (e && l->is_local) { /* not even a socket yet */
            l->conn = NULL;
            timer_start(&l->retry, l->loop, LINK_RETRY_MS, connect_again, l);
            e = OK;
        }
    }
    if (e) {
        l->is_closed = true;
        wyoming_link_done(l);
    }
    return e;
}

enum err wyoming_link_write(struct wyoming_link *l, struct buf *bytes)
{
    if (l->is_closed)
        return ERR_CLOSED;
    if (l->waiting.len + bytes->len > LINK_WAITING_MAX)
        return ERR_BUSY;
    buf_put(&l->waiting, buf_slice(bytes));
    buf_clear(bytes);
    return l->is_open ? flush(l) : OK;
}

void wyoming_link_pause(struct wyoming_link *l, bool is_paused)
{
    l->is_paused = is_paused;
    if (!l->conn || !l->is_open)
        return;
    if (is_paused)
        conn_pause(l->conn);
    else
        conn_resume(l->conn);
}

void wyoming_link_close(struct wyoming_link *l)
{
    l->is_closed = true;
    l->is_open = false;
    if (l->loop)
        timer_stop(&l->retry);
    conn_close(l->conn);
    l->conn = NULL;
}

void wyoming_link_done(struct wyoming_link *l)
{
    wyoming_link_close(l);
    wyoming_done(&l->in);
    buf_done(&l->waiting);
    mem_free(l->host);
    *l = (struct wyoming_link){ .is_closed = true };
}
