/* SPDX-License-Identifier: MIT
 * api_world.h -- the HTTP API behind real servers on loopback (one per door), asked with raw requests. */
#ifndef PARLEY_TESTS_SUPPORT_API_WORLD_H
#define PARLEY_TESTS_SUPPORT_API_WORLD_H

#include "api/api.h"
#include "base/json.h"
#include "devices/presence.h"
#include "http/server.h"
#include "tests/support/dworld.h"

struct api_world {
    struct dworld base;
    struct api *api;
    struct api_env env;
    struct presence *presence;
    struct firmware *firmware;
    struct force *force;
    struct http_server *servers[2]; /* by enum api_door */
    /* what the callbacks saw, and what they answer */
    char kicked[ID_TEXT], rebooted[ID_TEXT], said[256], changed_group[64], meeting[80];
    unsigned says, reloads, restarts;
    enum err say_err, reload_err;
    bool is_draining, is_listening, is_say_silent; /* silent: the answer never comes */
    api_done pending_done;
    void *pending_arg;
};
struct reply {
    int status;
    struct buf raw;    /* head and body */
    struct slice body; /* de-chunked is not needed: lengths are known */
    struct json *json; /* of the body; NULL: none */
};

void api_world_open(struct api_world *w, const char *yaml); /* env may be changed before api_world_serve */
void api_world_serve(struct api_world *w);
void api_world_close(struct api_world *w);
/* "GET /path" plus header lines ("A: b\r\n"; Host and Connection are added when missing) and a body. */
void api_ask(struct api_world *w, enum api_door door, struct reply *out, const char *line, const char *headers,
             const char *body);
/* The same, but the client hangs up after the request was sent and `steps` rounds of the loop. */
void api_ask_and_leave(struct api_world *w, const char *line, const char *headers, const char *body, int steps);
void reply_done(struct reply *r);
struct slice reply_header(const struct reply *r, const char *name); /* empty: absent */
const struct json *reply_data(const struct reply *r);

#endif
