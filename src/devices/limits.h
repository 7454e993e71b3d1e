/* SPDX-License-Identifier: MIT
 * limits.h -- how many connections: in all, per address, new per second and address, upgrades per
 * minute and device; and a general counter of events per key and window. One
 * table for the process, any thread. Bounded: idle keys are forgotten, at LIMITS_KEYS_MAX keys the
 * whole table is swept. */
#ifndef PARLEY_DEVICES_LIMITS_H
#define PARLEY_DEVICES_LIMITS_H

#include "net/conn.h"

struct limits;
#define LIMITS_KEYS_MAX 65536

struct limits_opts { /* read anew at each call of limits_configure (reload) */
    unsigned connections, per_ip, per_ip_new_per_s, device_connects_per_min;
};
struct limits *limits_create(const struct limits_opts *o);
void limits_free(struct limits *l); /* NULL is fine */
void limits_configure(struct limits *l, const struct limits_opts *o);
/* ERR_LIMIT per address (429), ERR_BUSY all together (503). Loopback has no per-address limit.
 * Each OK pairs with one limits_disconnect. */
must_check enum err limits_connect(struct limits *l, const struct net_addr *peer, uint64_t now_ms);
void limits_disconnect(struct limits *l, const struct net_addr *peer);
/* One more upgrade of this device: ERR_LIMIT beyond device_connects_per_min. */
must_check enum err limits_device(struct limits *l, const char *device, uint64_t now_ms);
unsigned limits_connections(struct limits *l);

/* Token bucket per key. */
struct rates;
struct rates *rates_create(void);
void rates_free(struct rates *r);
/* Takes one out of a bucket that holds `burst` and refills `burst` per `window_ms`. False: empty;
 * *retry_ms (may be NULL) says when the next one is there. */
bool rates_take(struct rates *r, struct slice key, unsigned burst, uint64_t window_ms, uint64_t now_ms,
                uint64_t *retry_ms);
/* The same without taking: is there one left. */
bool rates_has(struct rates *r, struct slice key, unsigned burst, uint64_t window_ms, uint64_t now_ms);

#endif
