/* SPDX-License-Identifier: MIT
 * gate_world.h -- a whole server with fake providers in this process, on a clock moved by hand, and
 * simple clients on the same loop: what the gateway tests play with.
 *
 *     struct world w;  world_start(&w, NULL);
 *     struct client *c = world_client(&w, "dev1");
 *     client_say(c, HELLO);  assert_true(client_gets(c, "\"session_id\""));
 *     world_end(&w);   -- checks that no session, timer or stream is left
 */
#ifndef PARLEY_TESTS_GATE_WORLD_H
#define PARLEY_TESTS_GATE_WORLD_H

#include "base/buf.h"
#include "http/ws.h"
#include "loop/loop.h"
#include "main/server.h"

#define WORLD_CLIENTS_MAX 1000
#define HELLO "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\"," \
              "\"audio_params\":{\"format\":\"opus\",\"sample_rate\":16000,\"channels\":1,\"frame_duration\":60}}"

struct client {
    struct world *world;
    struct ws *ws;            /* NULL: closed */
    bool is_open;
    struct buf log;           /* every text, one line each; "<audio>" for binary */
    unsigned texts, frames;
    int code, http_status;    /* when closed */
    uint64_t closed_ms;       /* loop time; 0: open */
    char reason[64];
};

struct world_opts {
    const char *server;       /* lines below "server:", two spaces in front */
    const char *more;         /* further top-level lines */
    bool has_auth;            /* server.auth.enabled: true (the lines below `server` may go on under auth) */
    bool has_engines;         /* the local engines of the build; wants has_threads */
    bool has_threads;         /* real clock, loops with threads; clients then need a loop of their own */
};
struct world {
    struct server *server;
    struct loop *loop;
    char dir[256], engines[300];
    char *text;               /* the configuration */
    struct server_opts opts;
    uint16_t port;            /* of a server in another process; 0: of ours */
    struct client *clients[WORLD_CLIENTS_MAX];
    unsigned client_count;
};

void world_start(struct world *w, const struct world_opts *o); /* o NULL: defaults */
void world_end(struct world *w);
/* The server ends and another begins in the same folder; its sessions end. NULL: the same configuration. */
void world_restart(struct world *w, const struct world_opts *o);
char *world_config(const struct world_opts *o);   /* the YAML of such a server; given */
/* One HTTP request ("GET /path", header lines ended by \r\n or NULL, body or NULL), answered while the loop
 * steps. The status; out: head and body. */
int world_http(struct world *w, uint16_t port, const char *line, const char *headers, const char *body,
               struct buf *out);
void world_forget(struct world *w);            /* frees the clients that are closed, all of them must be */
void world_settle(struct world *w);            /* runs whatever is ready, without moving the clock */
void world_advance(struct world *w, uint64_t ms); /* moves it in steps of at most 20 ms, reading sockets between */
bool world_until(struct world *w, bool (*fn)(void *arg), void *arg); /* at most 2 s of real time, clock stands */

struct client *world_client(struct world *w, const char *device); /* connected, before hello */
/* path with query; header lines "name: value" ended by NULL. Not waited for. */
struct client *world_dial(struct world *w, const char *path, const char *const *headers);
bool client_opens(struct client *c);           /* waits for the 101; false: refused */
struct client *world_talker(struct world *w, const char *device); /* client that said hello */
void client_say(struct client *c, const char *text);
void client_frame(struct client *c, const void *data, size_t len);
bool client_gets(struct client *c, const char *needle);  /* waits (real time) for a text that has it */
bool client_gets_all(struct client *c, const char *needle, unsigned count); /* so many of them */
bool client_pings(struct client *c);                     /* asks for a pong and gets one: it lives */
bool client_closes(struct client *c);                    /* waits for the end */
unsigned client_count(const struct client *c, const char *needle); /* in all so far */
void client_forget(struct client *c);          /* empties the log */
void client_vanish(struct client *c);          /* TCP ends without a Close */

#endif
