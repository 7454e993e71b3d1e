/* SPDX-License-Identifier: MIT
 * gateway.h -- device connections become sessions. One gateway for the process, one gateway_loop per
 * event loop; a session lives on the loop that accepted it. Whoever wants something of a session from
 * elsewhere names its device; the wish travels there by mail.
 *
 *     upgrade request -> limits, ids, auth, take-over -> session (link + dialogue + tools) */
#ifndef PARLEY_GATEWAY_GATEWAY_H
#define PARLEY_GATEWAY_GATEWAY_H

#include "http/server.h"
#include "providers/registry.h"

struct gateway;
struct gateway_loop;
struct auth;
struct limits;
struct presence;
struct rates;
struct modes_env;
struct post;
struct saver;

#define GATEWAY_LOOPS_MAX 64

/* Header of an upgrade that the server asks of itself: with the right value it is answered 204, which tells
 * that the way to the gateway is open. No session, no refusal, no log line. The value is made anew at each
 * start and known to nobody else. */
#define GATEWAY_OWN_MARK "X-Parley-Self-Test"

struct gateway_env { /* borrowed for the gateway's life */
    struct config_holder *config;
    struct store *store;                    /* NULL: nothing is kept (tests) */
    struct auth *auth;
    struct presence *presence;
    struct limits *limits;
    struct rates *rates;
    struct registry *registry;
    struct saver *saver;                    /* told of new save jobs; NULL: none */
    const struct modes_env *modes;          /* what modes share; NULL: plain chat */
    const char *own_mark;                   /* the self-test shows it (GATEWAY_OWN_MARK); NULL: there is none */
    void *user;
    enum err (*reload)(void *user, struct err_note *note);
    void (*restart)(void *user);
    /* Where the device of this upgrade request may send photos (false: nowhere), and a token for it that
     * lives an hour. May be NULL. */
    bool (*vision_url)(void *user, struct http_req *r, struct buf *url);
    void (*vision_token)(void *user, const char *device, const char *session, struct buf *token);
};
must_check enum err gateway_create(struct gateway **out, const struct gateway_env *env);
void gateway_free(struct gateway *g); /* after its loops; NULL is fine */

/* On its loop. env is borrowed for life. */
must_check enum err gateway_loop_open(struct gateway_loop **out, struct gateway *g, const struct provider_env *env);
void gateway_loop_close(struct gateway_loop *gl); /* drops every session at once; NULL is fine */
/* An upgrade request: answers it, now or later. On its loop. */
void gateway_upgrade(struct gateway_loop *gl, struct http_req *r);

/* Any thread. */
size_t gateway_sessions(const struct gateway *g);
/* A new configuration is in the holder: every loop takes it at its next round. */
void gateway_reload(struct gateway *g);
/* No new sessions; the open ones get a notice, end their turn and are closed (1001) within drain_ms. */
void gateway_drain(struct gateway *g, uint64_t drain_ms);
bool gateway_is_draining(const struct gateway *g);
/* Closes the device's session (revoked, deleted). */
void gateway_kick(struct gateway *g, const char *device);
/* Tells a live device to start anew (stock firmware does, about a second later). done comes on loop l: OK it was
 * told, ERR_NOT_FOUND it is not here; sent behind what it has not read yet. */
void gateway_reboot(struct gateway *g, struct loop *l, const char *device,
                    void (*done)(void *arg, enum err err, const char *text), void *arg);
/* From a session (or the server) on loop `from` to the session of another device; p->on_done comes there. */
void gateway_post(struct gateway *g, struct loop *from, const char *device, const struct post *p);
struct gateway_words {
    const char *device;
    const char *id;    /* of a receipt (store/say.h), marked played when it has been; NULL: none */
    struct slice text; /* copied */
};
/* Speaks to a live session; done comes on loop l: OK "accepted", ERR_BUSY "busy", ERR_NOT_FOUND. */
void gateway_say(struct gateway *g, struct loop *l, const struct gateway_words *words,
                 void (*done)(void *arg, enum err err, const char *text), void *arg);
/* Something was queued for the device: its session looks, if there is one. */
void gateway_speech_waits(struct gateway *g, const char *device);

#endif
