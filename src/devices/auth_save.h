/* SPDX-License-Identifier: MIT
 * auth_save.h -- inside of auth: one change of a pair on its way to the store, all of it in one op. */
#ifndef PARLEY_DEVICES_AUTH_SAVE_H
#define PARLEY_DEVICES_AUTH_SAVE_H

#include "devices/auth_table.h"
#include "store/store.h"

struct auth_save {
    struct auth *auth;
    struct store_op *op;
    char device[ID_TEXT], client[ID_TEXT], address[48];
    struct device_known known;
    const char *how;
    char serial[SERIAL_TEXT]; /* that proved it; "" none */
    int state;              /* of the pair, as stored; -1: no pair to write */
    char code[8], challenge[ID_TEXT];
    bool is_code_new, is_code_used, is_seen; /* is_seen: the device's row, without a pair */
    int64_t now_ms, expires_ms;
    void (*done)(void *user, enum err err);
    void *user;
    bool is_activating;     /* the pair is active in memory only after it was saved */
};

/* With the lock: what is known of the pair now. address: whom the news came from; "" when not from the device.
 * The caller says what is to be written. */
struct auth_save *auth_save_new(struct auth *a, const struct device *d, const struct pair *p, const char *address);
/* Without the lock. The save is taken in any case; on an error done is called here. */
enum err auth_save_start(struct auth_save *s, struct loop *l);

#endif
