/* SPDX-License-Identifier: MIT
 * wire.h -- the other end of a socket in tests: sends raw bytes, collects what comes back. */
#ifndef PARLEY_TESTS_SUPPORT_WIRE_H
#define PARLEY_TESTS_SUPPORT_WIRE_H

#include "base/buf.h"
#include "net/conn.h"

#define WIRE_STEPS_MAX 1000

struct wire {
    struct conn *conn; /* NULL: closed */
    struct buf got;
    bool is_open, is_closed;
    enum err why;
};

static void wire_on_open(void *user)
{
    ((struct wire *)user)->is_open = true;
}

static void wire_on_data(void *user, struct slice data)
{
    (void)buf_put(&((struct wire *)user)->got, data);
}

static void wire_on_close(void *user, enum err why)
{
    struct wire *w = user;
    w->is_closed = true;
    w->why = why;
    w->conn = NULL;
}

static const struct conn_events wire_events = { wire_on_open, wire_on_data, NULL, wire_on_close };

/* Steps the loop until `condition` holds; with a real or a manual clock. */
#define wire_until(loop, condition)                                             \
    do {                                                                        \
        for (int step_ = 0; step_ < WIRE_STEPS_MAX && !(condition); step_++)     \
            loop_step((loop), 5);                                               \
        assert_true(condition);                                                 \
    } while (0)

static inline void wire_connect(struct wire *w, struct loop *l, uint16_t port, struct tls_context *tls)
{
    *w = (struct wire){ 0 };
    const struct conn_opts o = { .host = "127.0.0.1", .port = port, .tls = tls, .tls_name = tls ? "localhost" : NULL };
    assert_int_equal(conn_connect(&w->conn, l, &o, &wire_events, w), OK);
    wire_until(l, w->is_open || w->is_closed);
}

static inline void wire_send(struct wire *w, struct slice bytes)
{
    if (w->conn)
        (void)conn_write(w->conn, bytes);
}

static inline bool wire_has(const struct wire *w, const char *text)
{
    return slice_contains(buf_slice(&w->got), slice_of(text));
}

static inline void wire_close(struct wire *w, struct loop *l)
{
    conn_close(w->conn);
    w->conn = NULL;
    loop_step(l, 0);
    buf_done(&w->got);
}

#endif
