/* SPDX-License-Identifier: MIT
 * webhook.h -- summaries on their way to somebody's URL: signed, tried again, kept in the store until they
 * arrived or were given up. Loop thread. */
#ifndef PARLEY_MODES_WEBHOOK_H
#define PARLEY_MODES_WEBHOOK_H

#include "base/base.h"

#define WEBHOOK_TIMEOUT_MS 5000

struct webhook;
struct loop;
struct http_client;
struct store;
struct config_holder;

struct webhook_opts {
    struct loop *loop;
    struct http_client *http;
    struct store *store;
    struct config_holder *config;
};
void webhook_create(struct webhook **out, const struct webhook_opts *o);
void webhook_look(struct webhook *h); /* something new is in the store */
void webhook_close(struct webhook *h); /* what waits goes on at the next start; NULL is fine */
/* Lower-case hex HMAC-SHA256 of the exact body, terminated. */
void webhook_sign(struct slice secret, struct slice body, char out[65]);
/* How long to wait after the given number of failed tries: 2-5 s, then 1, 5, 30 min; 0: give up. */
uint64_t webhook_delay_ms(int64_t tries);

#endif
