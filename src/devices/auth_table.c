/* SPDX-License-Identifier: MIT
 * auth_table.c -- see auth_table.h. */
#include "devices/auth_table.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/rand.h"

static void put_text(char *out, size_t bytes, const char *text)
{
    snprintf(out, bytes, "%s", text ? text : "");
}

struct device *table_device(struct auth *a, const char *id)
{
    return map_get(&a->devices, slice_of(id));
}

struct device *table_device_make(struct auth *a, const char *id)
{
    struct device *d = table_device(a, id);
    if (!d) {
        d = xnew(struct device);
        put_text(d->id, sizeof d->id, id);
        map_set(&a->devices, slice_of(id), d);
    }
    return d;
}

struct pair *table_pair(struct device *d, const char *client)
{
    for (unsigned i = 0; d && i < d->count; i++)
        if (strcmp(d->pairs[i].client, client) == 0)
            return &d->pairs[i];
    return NULL;
}

static struct pair *oldest_pending(struct device *d)
{
    struct pair *oldest = NULL;
    for (unsigned i = 0; i < d->count; i++)
        if (d->pairs[i].state == PAIR_PENDING && (!oldest || d->pairs[i].created_ms < oldest->created_ms))
            oldest = &d->pairs[i];
    return oldest;
}

struct pair *table_pair_make(struct device *d, const char *client)
{
    struct pair *p = table_pair(d, client);
    if (p)
        return p;
    if (d->count == AUTH_PAIRS_PER_DEVICE) {
        p = oldest_pending(d);
        if (!p)
            return NULL;
    } else {
        d->pairs = xrealloc(d->pairs, (d->count + 1) * sizeof *d->pairs);
        p = &d->pairs[d->count++];
    }
    *p = (struct pair){ .state = PAIR_NONE, .how = "" };
    put_text(p->client, sizeof p->client, client);
    return p;
}

bool table_was_confirmed(const struct device *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->pairs[i].state == PAIR_ACTIVE || d->pairs[i].state == PAIR_REVOKED)
            return true;
    return false;
}

bool table_was_revoked(const struct device *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->pairs[i].state == PAIR_REVOKED)
            return true;
    return false;
}

static void device_free(struct device *d)
{
    mem_free(d->pairs);
    mem_free(d);
}

void table_pair_drop(struct auth *a, struct device *d, const char *client)
{
    struct pair *p = table_pair(d, client);
    if (!p || p->state != PAIR_PENDING || p->code[0])
        return;
    *p = d->pairs[--d->count];
    if (d->count == 0) {
        map_remove(&a->devices, slice_of(d->id));
        device_free(d);
    }
}

struct code *table_code(struct auth *a, const char *text)
{
    return map_get(&a->codes, slice_of(text));
}

struct code *table_code_add(struct auth *a, const char *text, int64_t created_ms)
{
    struct code *c = xnew(struct code);
    put_text(c->text, sizeof c->text, text);
    c->created_ms = created_ms;
    c->expires_ms = created_ms + AUTH_CODE_LIFE_MS;
    map_set(&a->codes, slice_of(c->text), c);
    list_push(&a->code_order, &c->node);
    return c;
}

static bool is_open(const struct code *c, int64_t now_ms)
{
    return !c->is_used && now_ms < c->expires_ms;
}

static unsigned count_open(struct auth *a, int64_t now_ms)
{
    unsigned n = 0;
    list_each(&a->code_order, at)
        n += is_open(container_of(at, struct code, node), now_ms);
    return n;
}

struct code *table_code_for(struct auth *a, struct device *d, struct pair *p, bool *is_new)
{
    int64_t now_ms = a->now_ms();
    struct code *c = p->code[0] ? table_code(a, p->code) : NULL;
    *is_new = false;
    if (c && is_open(c, now_ms))
        return c;
    if (++a->open_codes > AUTH_PENDING_MAX) {
        a->open_codes = count_open(a, now_ms) + 1;
        if (a->open_codes > AUTH_PENDING_MAX)
            return NULL;
    }
    char text[8];
    do
        snprintf(text, sizeof text, "%06u", rand_below(1000000));
    while (table_code(a, text)); /* also the ones of the last 24 h */
    c = table_code_add(a, text, now_ms);
    uint8_t random[16];
    rand_bytes(random, sizeof random);
    hex_encode(random, sizeof random, c->challenge);
    memcpy(c->device, d->id, sizeof c->device);
    memcpy(c->client, p->client, sizeof c->client);
    put_text(c->board, sizeof c->board, d->known.board);
    memcpy(p->code, c->text, sizeof p->code);
    *is_new = true;
    return c;
}

void table_sweep(struct auth *a, int64_t now_ms)
{
    a->swept_ms = now_ms;
    list_each(&a->code_order, at) {
        struct code *c = container_of(at, struct code, node);
        struct device *d = table_device(a, c->device);
        struct pair *p = table_pair(d, c->client);
        if (now_ms >= c->expires_ms && p && strcmp(p->code, c->text) == 0) { /* a used one: its pair is being saved */
            p->code[0] = '\0';
            table_pair_drop(a, d, c->client);
        }
        if (now_ms - c->created_ms < AUTH_CODE_REST_MS)
            continue;
        list_unlink(&c->node);
        map_remove(&a->codes, slice_of(c->text));
        mem_free(c);
    }
}

void table_done(struct auth *a)
{
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(&a->devices, &at, &key, &value))
        device_free(value);
    at = 0;
    while (map_next(&a->codes, &at, &key, &value))
        mem_free(value);
    at = 0;
    while (map_next(&a->serials, &at, &key, &value))
        mem_free(value);
    map_done(&a->devices);
    map_done(&a->codes);
    map_done(&a->serials);
}
