/* SPDX-License-Identifier: MIT
 * limits.c -- see limits.h. */
#include "devices/limits.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"

#define SECOND_MS 1000
#define MINUTE_MS 60000

/* --- token buckets ---- */

struct bucket {
    uint64_t level; /* tokens * window_ms, so that nothing is rounded away */
    uint64_t at_ms, window_ms;
    unsigned burst;
};

struct rates {
    pthread_mutex_t lock;
    struct map buckets;
};

struct rates *rates_create(void)
{
    struct rates *r = xnew(struct rates);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

static void rates_clear(struct rates *r)
{
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(&r->buckets, &at, &key, &value))
        mem_free(value);
    map_done(&r->buckets);
    r->buckets = (struct map){ 0 };
}

void rates_free(struct rates *r)
{
    if (!r)
        return;
    rates_clear(r);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

/* Buckets that are full again tell nothing: a new one is full too. */
static void sweep(struct rates *r, uint64_t now_ms)
{
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(&r->buckets, &at, &key, &value)) {
        struct bucket *b = value;
        if (now_ms - b->at_ms >= b->window_ms) {
            map_remove(&r->buckets, key);
            mem_free(b);
        }
    }
    if (r->buckets.count >= LIMITS_KEYS_MAX)
        rates_clear(r);
}

static struct bucket *bucket_of(struct rates *r, struct slice key, unsigned burst, uint64_t window_ms,
                                uint64_t now_ms)
{
    struct bucket *b = map_get(&r->buckets, key);
    if (!b) {
        if (r->buckets.count >= LIMITS_KEYS_MAX)
            sweep(r, now_ms);
        b = xnew(struct bucket);
        *b = (struct bucket){ burst * window_ms, now_ms, window_ms, burst };
        map_set(&r->buckets, key, b);
    }
    if (b->burst != burst || b->window_ms != window_ms) /* the setting changed */
        *b = (struct bucket){ burst * window_ms, now_ms, window_ms, burst };
    uint64_t gone = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    b->level = MIN(burst * window_ms, b->level + MIN(gone, window_ms) * burst);
    b->at_ms = now_ms;
    return b;
}

bool rates_take(struct rates *r, struct slice key, unsigned burst, uint64_t window_ms, uint64_t now_ms,
                uint64_t *retry_ms)
{
    pthread_mutex_lock(&r->lock);
    struct bucket *b = bucket_of(r, key, burst, window_ms, now_ms);
    bool ok = burst > 0 && b->level >= window_ms;
    if (ok)
        b->level -= window_ms;
    else if (retry_ms)
        *retry_ms = burst ? (window_ms - b->level + burst - 1) / burst : window_ms;
    pthread_mutex_unlock(&r->lock);
    return ok;
}

bool rates_has(struct rates *r, struct slice key, unsigned burst, uint64_t window_ms, uint64_t now_ms)
{
    pthread_mutex_lock(&r->lock);
    struct bucket *b = map_get(&r->buckets, key);
    bool ok = !b || bucket_of(r, key, burst, window_ms, now_ms)->level >= window_ms;
    pthread_mutex_unlock(&r->lock);
    return ok;
}

/* --- connections ---- */

struct limits {
    pthread_mutex_t lock;
    struct limits_opts o;
    struct map addresses; /* text -> count as a number in the pointer */
    unsigned connections;
    struct rates *news, *devices;
};

struct limits *limits_create(const struct limits_opts *o)
{
    struct limits *l = xnew(struct limits);
    pthread_mutex_init(&l->lock, NULL);
    l->o = *o;
    l->news = rates_create();
    l->devices = rates_create();
    return l;
}

void limits_free(struct limits *l)
{
    if (!l)
        return;
    map_done(&l->addresses);
    rates_free(l->news);
    rates_free(l->devices);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

void limits_configure(struct limits *l, const struct limits_opts *o)
{
    pthread_mutex_lock(&l->lock);
    l->o = *o;
    pthread_mutex_unlock(&l->lock);
}

enum err limits_connect(struct limits *l, const struct net_addr *peer, uint64_t now_ms)
{
    struct slice key = slice_of(peer->text);
    pthread_mutex_lock(&l->lock);
    enum err e = OK;
    uintptr_t have = (uintptr_t)map_get(&l->addresses, key);
    if (!peer->is_loopback && (have >= l->o.per_ip || !rates_take(l->news, key, l->o.per_ip_new_per_s, SECOND_MS,
                                                                  now_ms, NULL)))
        e = ERR_LIMIT;
    else if (l->connections >= l->o.connections)
        e = ERR_BUSY;
    if (!e) {
        map_set(&l->addresses, key, (void *)(have + 1));
        l->connections++;
    }
    pthread_mutex_unlock(&l->lock);
    return e;
}

void limits_disconnect(struct limits *l, const struct net_addr *peer)
{
    struct slice key = slice_of(peer->text);
    pthread_mutex_lock(&l->lock);
    uintptr_t have = (uintptr_t)map_get(&l->addresses, key);
    if (have > 1)
        map_set(&l->addresses, key, (void *)(have - 1));
    else
        map_remove(&l->addresses, key);
    if (have)
        l->connections--;
    pthread_mutex_unlock(&l->lock);
}

enum err limits_device(struct limits *l, const char *device, uint64_t now_ms)
{
    pthread_mutex_lock(&l->lock);
    unsigned per_min = l->o.device_connects_per_min;
    pthread_mutex_unlock(&l->lock);
    return rates_take(l->devices, slice_of(device), per_min, MINUTE_MS, now_ms, NULL) ? OK : ERR_LIMIT;
}

unsigned limits_connections(struct limits *l)
{
    pthread_mutex_lock(&l->lock);
    unsigned n = l->connections;
    pthread_mutex_unlock(&l->lock);
    return n;
}
