/* SPDX-License-Identifier: MIT
 * private.h -- what the files of src/main share. */
#ifndef PARLEY_MAIN_PRIVATE_H
#define PARLEY_MAIN_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "base/rand.h"
#include "config/settings.h"
#include "gateway/gateway.h"
#include "loop/timer.h"
#include "main/server.h"
#include "modes/modes.h"
#include "net/tls.h"

#define SERVER_LOOPS_MAX 16

enum door { DOOR_DEVICE, DOOR_HTTP, DOOR_TLS, DOOR_ADMIN, DOORS };

struct server_door { /* one listener of one loop */
    struct server_loop *home;
    struct http_server *http; /* NULL: not open */
    enum api_door kind;
};

struct server_loop {
    struct server *server;
    unsigned index;
    struct loop *loop;
    char name[16];
    pthread_t thread;
    bool has_thread;
    struct http_client *http;
    struct provider_env env; /* env.vad is ours to free */
    struct gateway_loop *gateway;
    struct server_door doors[DOORS];
    struct timer sample_timer;
};

struct server {
    struct server_opts opts;
    char *data_dir, *engines_dir, *config_file; /* config_file: written from a text; NULL otherwise */
    struct config_holder *config;
    struct store *store;
    struct registry *registry;
    struct workers *workers;
    struct engines *engines;
    struct silero *vad_weights; /* NULL: no file found */
    struct auth *auth;
    struct presence *presence;
    struct limits *limits;
    struct rates *rates;
    struct firmware *firmware;
    struct force *force;
    struct api *api;
    struct gateway *gateway;
    struct modes_env modes;
    struct minutes *minutes;    /* on loop 0, as the next one */
    struct saver *saver;
    struct tls_context *tls_server, *tls_client;
    struct server_loop loops[SERVER_LOOPS_MAX];
    unsigned loop_count;
    uint16_t ports[DOORS];
    char own_mark[UUID_TEXT];   /* of the self-test; random */
    bool is_serving;
    atomic_bool is_draining, is_drained, wants_restart;
    struct mail drain_mail;
    struct timer drain_timer;
    uint64_t drain_until_ms;
    struct timer upkeep_timer;  /* loop 0 */
    struct store_op *upkeep;    /* under way */
};

/* doors.c */
must_check enum err doors_open(struct server *s, struct err_note *note);
void doors_close(struct server_loop *sl);
/* wishes.c: what the API and the gateway ask of the server. */
void wishes_of_api(struct server *s, struct api_env *env);
void wishes_of_gateway(struct server *s, struct gateway_env *env);
void wishes_of_modes(struct server *s, struct modes_env *env);
/* upkeep.c */
void upkeep_start(struct server *s); /* before the loops run */
void upkeep_stop(struct server *s);  /* when they have stopped */
/* logging.c */
enum err logging_start(const struct config *cfg);
void logging_configure(const struct config *cfg);

#endif
