/* SPDX-License-Identifier: MIT
 * wyoming_link.h -- a connection to one Wyoming server, for the providers that speak it: a local engine
 * (started when needed; connecting is tried again while it starts) or host and port.
 *
 *     write (any time) --> waits for the connection --> conn        conn --> events
 *
 * Settings: engine (a program of ours), or host and port, or uri (tcp://host:port, unix:///path);
 * args (a list, for the engine). */
#ifndef PARLEY_PROVIDERS_WYOMING_LINK_H
#define PARLEY_PROVIDERS_WYOMING_LINK_H

#include "loop/timer.h"
#include "net/conn.h"
#include "protocol/wyoming.h"
#include "providers/provider.h"
#include "providers/soon.h"

enum {
    LINK_RETRY_MS = 50,            /* while an engine starts */
    LINK_START_MS = 5000,          /* ... for so long */
    LINK_WAITING_MAX = 2 << 20,    /* bytes waiting to be sent: wyoming_link_write answers ERR_BUSY */
};

struct wyoming_link_events {
    void (*on_event)(void *user, const struct wyoming_event *e); /* may call wyoming_link_close */
    void (*on_down)(void *user, const struct err_note *why);     /* last event */
};

struct wyoming_link {
    struct loop *loop;
    struct conn *conn;
    struct timer retry;
    char *host;                    /* of conn_connect */
    uint16_t port;
    uint64_t give_up_ms;
    bool is_local, is_open, is_closed, is_paused, has_left; /* has_left: the server closed an open one */
    struct buf waiting;
    struct wyoming in;
    const struct wyoming_link_events *ev;
    void *user;
};

/* engine: which local program, when the settings name no other server. ERR_UNSUPPORTED: there are no
 * engines here; ERR_NOT_FOUND: no such program; ERR_INVALID: a broken uri. No event from inside. */
must_check enum err wyoming_link_open(struct wyoming_link *l, const struct provider_opts *o, const char *engine,
                              const struct wyoming_link_events *ev, void *user);
enum err wyoming_link_write(struct wyoming_link *l, struct buf *bytes); /* taken on OK; ERR_BUSY: LINK_WAITING_MAX */
/* On: no event, also not of what was read already. Off: wyoming_link_go_on() soon, where events may come. */
void wyoming_link_pause(struct wyoming_link *l, bool is_paused);
void wyoming_link_go_on(struct wyoming_link *l); /* gives what was read; top of the loop */
void wyoming_link_close(struct wyoming_link *l); /* silence; inside an event too. Zero is closed */
void wyoming_link_done(struct wyoming_link *l);  /* frees; not inside an event */
bool wyoming_link_is_remote(const struct provider_opts *o); /* the settings name a server */

#endif
