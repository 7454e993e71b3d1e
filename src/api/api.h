/* SPDX-License-Identifier: MIT
 * api.h -- every HTTP request that is not a WebSocket upgrade: OTA, activation, health, metrics, the
 * HTTP API under /api/v1 and the compat prefixes, the admin resources, and the 200/404 of all the rest.
 *
 *   request -> api_handle -> route table (api/routes.c: method, pattern, who may, handler)
 *                                 -> rate, token, Origin/Host rules -> handler -> wrapper {success, data}
 *
 * One object for the process; handlers run on the loop of the request and answer there. */
#ifndef PARLEY_API_API_H
#define PARLEY_API_API_H

#include "base/buf.h"
#include "http/server.h"

struct api;
struct auth;
struct config_holder;
struct firmware;
struct force;
struct presence;
struct provider_env;
struct registry;
struct store;
struct workers;

enum api_door { API_DEVICE, API_ADMIN }; /* the listener a request came in by */

struct api_say {
    const char *id;        /* receipt id, a UUID */
    const char *device;
    struct slice text;
};
/* Answers come on the loop of the call, once. text: a word for the receipt, or an error's sentence. */
typedef void (*api_done)(void *arg, enum err err, const char *text);

/* What the API asks of the rest of the house. A NULL function: the resource answers 501. */
struct api_env {
    struct config_holder *config;
    struct store *store;
    struct auth *auth;
    struct presence *presence;
    struct firmware *firmware;
    struct force *force;             /* NULL: nothing is ever forced (tests) */
    struct workers *workers;         /* reads of firmware files; NULL: on the loop (tests) */
    uint16_t device_port;            /* as bound: for URLs when the request's Host names none */
    void *user;
    bool (*is_draining)(void *user); /* any thread */
    bool (*is_listening)(void *user);
    enum err (*reload)(void *user, struct err_note *note);
    enum err (*restart)(void *user);
    /* Closes a device's live session within 5 s (revoked, deleted). Any loop. */
    void (*kick)(void *user, const char *device);
    /* Has a live device start anew: OK it was told, ERR_NOT_FOUND: not online. */
    void (*reboot)(void *user, struct loop *l, const char *device, api_done done, void *arg);
    /* Speaks to a live session: "accepted", "busy"; ERR_NOT_FOUND: not online (the API queues it then). */
    void (*say)(void *user, struct loop *l, const struct api_say *s, api_done done, void *arg);
    /* Something was queued for a device: it may have come meanwhile. May be NULL. Any loop. */
    void (*speech_waits)(void *user, const char *device);
    void (*meeting_finalize)(void *user, struct loop *l, const char *meeting, api_done done, void *arg);
    void (*meeting_summarize)(void *user, struct loop *l, const char *meeting, api_done done, void *arg);
    void (*tasks_changed)(void *user, const char *group_key);
    /* For the model that looks at pictures; NULL: there is none. */
    struct registry *registry;
    const struct provider_env *(*provider_env)(void *user, struct loop *l); /* of that loop */
};

must_check enum err api_create(struct api **out, const struct api_env *env); /* env is copied */
void api_free(struct api *a); /* after the servers; NULL is fine */
/* Answers r, now or later. */
void api_handle(struct api *a, enum api_door door, struct http_req *r);
/* Is this the path of the device WebSocket, or of nobody (then an upgrade is fine there too)? */
bool api_owns_path(const struct api *a, struct slice path);
/* The URL of the WebSocket that OTA hands out for this request. */
void api_websocket_url(const struct api *a, struct http_req *r, struct buf *out);
/* Where a device whose upgrade request is r may send photos, and the token for it (an hour's life, bound
 * to the session). False: no model that sees is configured. */
bool api_vision_url(const struct api *a, struct http_req *r, struct buf *out);
void api_vision_token(const struct api *a, const char *device, const char *session, struct buf *out);
/* The API page and /api/v1/openapi.json are made of the route table. */
void api_openapi(const struct api *a, struct buf *out);

#endif
