/* SPDX-License-Identifier: MIT
 * auth_table.h -- inside of auth: struct auth, and the devices, pairs and codes in memory. All functions of
 * the table want the lock.
 *
 *   auth.c           start and end, tokens and keys, questions
 *   auth_table.c     devices, pairs and codes in memory
 *   auth_save.h      a change of them on its way to the store
 *   auth_pair.c      a device asks at OTA
 *   auth_serial.c    ... and confirms itself by the key of its serial number; such keys come and go
 *   auth_person.c    a person confirms or revokes
 *   auth_check.c     who is believed at an upgrade, by every kind of proof;
 *   auth_oauth2.c    ... this one asks a service */
#ifndef PARLEY_DEVICES_AUTH_TABLE_H
#define PARLEY_DEVICES_AUTH_TABLE_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "devices/auth.h"
#include "devices/limits.h"

#define MINUTE_MS 60000 /* what rates count in */

struct pair {
    char client[ID_TEXT];
    char code[8]; /* the open code of a pending pair */
    const char *how;
    enum pair_state state;
    int64_t created_ms;
    bool is_saved;
};

struct device {
    char id[ID_TEXT];
    struct device_known known;
    struct pair *pairs;
    unsigned count;
};

struct code {
    struct node node; /* in order of making */
    char text[8], challenge[ID_TEXT];
    char device[ID_TEXT], client[ID_TEXT], board[64];
    int64_t created_ms, expires_ms;
    bool is_used;
};

#define SERIAL_TEXT 64
#define SERIAL_KEY_MIN_BYTES 16
#define SERIAL_KEY_MAX_BYTES 64

struct serial {
    uint8_t key[SERIAL_KEY_MAX_BYTES];
    size_t key_bytes;
    char device[ID_TEXT]; /* that proved it first; "" none yet */
};

struct auth {
    pthread_mutex_t lock;
    struct config_holder *config;
    struct store *store;
    int64_t (*now_ms)(void);
    char *own_key;              /* made once, in the store; the configured one beats it */
    struct map devices, codes, serials; /* -> struct device, code, serial */
    struct list code_order;
    unsigned open_codes;
    int64_t swept_ms;
    struct rates *wrong_codes, *activations, *new_codes;
    struct map introspected;    /* hash of a token -> answer (auth_oauth2.c) */
};

struct device *table_device(struct auth *a, const char *id);      /* NULL: not there */
struct device *table_device_make(struct auth *a, const char *id);
struct pair *table_pair(struct device *d, const char *client);    /* d may be NULL */
/* NULL: the device has its fill of pairs. The oldest pending one gives way. */
struct pair *table_pair_make(struct device *d, const char *client);
bool table_was_confirmed(const struct device *d); /* some pair of it is or was active */
bool table_was_revoked(const struct device *d);   /* some pair of it is revoked */
struct code *table_code(struct auth *a, const char *text);
/* Forgets a pair that waits without a code, and its device with it when that was all. d and the pair may
 * be gone after it. */
void table_pair_drop(struct auth *a, struct device *d, const char *client);
/* The open code of the pair, or a new one; NULL: AUTH_PENDING_MAX. *is_new: must be saved. */
struct code *table_code_for(struct auth *a, struct device *d, struct pair *p, bool *is_new);
struct code *table_code_add(struct auth *a, const char *text, int64_t created_ms);
/* Forgets codes past their rest, and devices that never got further than a code. */
void table_sweep(struct auth *a, int64_t now_ms); /* pointers into the table are stale after it */
void table_done(struct auth *a);

/* auth_serial.c, with the lock: key_hex is what auth_serial_add takes, or false. */
bool serial_load(struct auth *a, const char *serial, const char *key_hex, const char *device);

/* auth_oauth2.c: done may be called at once. */
void auth_introspect(struct auth_call **out, struct auth *a, struct http_client *http, const struct identity *who,
                     void (*done)(void *user, const struct auth_answer *answer), void *user);
void auth_introspect_forget(struct auth *a);
/* auth_check.c */
unsigned auth_sample_tokens(const struct config *cfg); /* of server.auth.tokens, those a sample file brought */
/* The last step of every kind of proof. device: a device the proof is bound to; "" any. */
void auth_judge(struct auth *a, const struct identity *who, const char *kind, const char *sub, const char *device,
                struct auth_answer *out);

#endif
