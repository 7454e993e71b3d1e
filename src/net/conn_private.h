/* SPDX-License-Identifier: MIT
 * conn_private.h -- what conn.c, dial.c and listener.c share. Not for other rooms. */
#ifndef PARLEY_NET_CONN_PRIVATE_H
#define PARLEY_NET_CONN_PRIVATE_H

#include "base/buf.h"
#include "loop/timer.h"
#include "net/conn.h"
#include "net/tls_stream.h"

#include <sys/socket.h>
#include <uv.h> /* after base.h: it brings MIN and MAX of its own */

#define CONN_WRITE_MAX_BYTES 262144u
#define CONN_CONNECT_TIMEOUT_MS 5000u
#define CONN_PARTS_MAX 8u          /* pieces of one conn_writev */
#define LISTEN_BACKLOG 1024

enum conn_state {
    CONN_OPENING, /* outgoing, or TLS not yet agreed on */
    CONN_OPEN,
    CONN_ENDING,  /* closed softly: sending the rest, then waiting for the peer's end */
    CONN_FAILED,  /* on_close is being told */
    CONN_CLOSED,  /* waiting for its memory to go */
};

union stream_io { /* TCP or Unix, of a connection or a listener */
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct conn {
    union stream_io io;
    struct loop *loop;
    const struct conn_events *ev;
    void *user;
    struct conn_queue *queue; /* NULL: nothing waits to be written */
    struct tls_stream *tls;   /* NULL: plain */
    struct dial *dial;        /* NULL: not (any more) connecting */
    struct net_addr *local;   /* asked for on demand */
    struct timer timer;       /* connecting, lingering */
    struct grave grave;       /* later(): once queued it must have run before the memory goes */
    uint32_t write_max_bytes;
    uint8_t state;            /* enum conn_state */
    bool is_unix, is_paused, is_reading, is_later, is_handle_gone;
    bool sends_end;           /* ending: FIN once the queue is empty */
    uint8_t failed;           /* enum err, told by later() */
    struct net_addr peer;
};

/* conn.c */
struct conn *conn_new(struct loop *l, bool is_unix, size_t write_max_bytes);
enum err conn_init_handle(struct conn *c);
void conn_opened(struct conn *c);               /* TCP is there: TLS next, or on_open */
void conn_fail(struct conn *c, enum err why);
enum err conn_err(int uv_status, enum err otherwise);
void conn_closed_cb(uv_handle_t *h);

/* dial.c */
void dial_done(struct conn *c); /* drops what is left of connecting */

/* addr.c */
void net_addr_from_sockaddr(struct net_addr *out, const struct sockaddr *sa);
void net_addr_unix(struct net_addr *out);

#endif
