/* SPDX-License-Identifier: MIT
 * server.h -- the whole of Parley in one object: built top-down from a configuration, torn down in
 * reverse. parleyd runs one; tests run one in their own process.
 *
 *     config -> store -> registry, workers, engines, auth -> per loop: http client, gateway, api, listeners
 *
 * With threads (normal): server_create returns when every loop serves. With a manual clock (tests): one
 * loop, no thread for it; the caller drives it with loop_step(server_loop(s), ...) and loop_advance. */
#ifndef PARLEY_MAIN_SERVER_H
#define PARLEY_MAIN_SERVER_H

#include "base/base.h"
#include "base/buf.h"

struct server;
struct registry;
struct loop;
struct store;
struct gateway;
struct config;

struct server_opts {
    const char *config_path;    /* NULL (and no text): searched for, then built-in defaults */
    const char *config_text;    /* YAML instead of a file; needs data_dir, where it is written to */
    const char *data_dir;       /* with config_text: key, database, logs and sockets live here */
    const char *engines_dir;    /* engine programs; NULL: beside this program */
    unsigned loops;             /* 0: one per core, at most 16 */
    bool has_manual_clock;
    bool has_any_ports;         /* every port is chosen by the kernel, on 127.0.0.1 */
    bool has_log;               /* starts the log as configured, and stops it at the end */
    bool has_no_engines;        /* local engine processes are not started */
    /* Called once, before anything is opened: adds fakes to the registry. NULL: nothing to add. */
    void (*setup)(void *user, struct registry *r);
    void (*on_stopped)(void *user); /* drained after SIGTERM, or a restart was asked for; loop 0; may be NULL */
    void *user;
};

/* note: one sentence for a human (which port is taken, which line of the file is broken). */
must_check enum err server_create(struct server **out, const struct server_opts *o, struct err_note *note);
/* Ends sessions at once, waits for the store, frees everything. NULL is fine. */
void server_free(struct server *s);

/* Ports as bound. `http` is server.http_port, `tls` and `admin` 0 when there is none. */
struct server_ports {
    uint16_t device, http, tls, admin;
};
void server_ports(const struct server *s, struct server_ports *out);
static inline uint16_t server_port(const struct server *s)
{
    struct server_ports p;
    server_ports(s, &p);
    return p.device;
}

/* Any thread. Reads the file again; a broken one keeps the old snapshot. */
must_check enum err server_reload(struct server *s, struct err_note *note);
/* Any thread. Refuses new sessions, lets turns end (shutdown.drain_seconds at most), then on_stopped. */
void server_drain(struct server *s, bool is_restart);
bool server_wants_restart(const struct server *s);
bool server_is_drained(const struct server *s);

struct loop *server_loop(struct server *s, unsigned i); /* NULL beyond the last */
unsigned server_loops(const struct server *s);
struct gateway *server_gateway(struct server *s);
struct store *server_store(struct server *s);
size_t server_sessions(const struct server *s);
/* What a human reads after the start: URLs, file in use, engines, one command to try. */
void server_banner(struct server *s, struct buf *out);
/* Regression 13/14: one upgrade against the own port and the URL that OTA hands out. Blocks up to
 * 2 s; not on a loop thread. */
must_check enum err server_self_test(struct server *s, struct err_note *note);

#endif
