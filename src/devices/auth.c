/* SPDX-License-Identifier: MIT
 * auth.c -- the object itself: loaded at the start; the tokens and keys it hands out, and what others ask.
 * auth_table.h tells where the rest is. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/rand.h"
#include "config/settings.h"
#include "devices/auth_table.h"
#include "protocol/token.h"
#include "store/device.h"
#include "store/setting.h"
#include "store/store.h"

#define LOG_TOPIC "devices"
#define KEY_BYTES 32

const char *pair_state_name(enum pair_state s)
{
    static const char *const names[] = { "none", "pending", "active", "revoked" };
    return names[s];
}

/* --- loading ---- */

static void load_device(void *user, const struct device_row *row)
{
    struct device *d = table_device_make(user, row->id);
    snprintf(d->known.language, sizeof d->known.language, "%s", row->language);
    snprintf(d->known.board, sizeof d->known.board, "%s", row->board);
    snprintf(d->known.firmware, sizeof d->known.firmware, "%s", row->firmware);
    snprintf(d->known.chip, sizeof d->known.chip, "%s", row->chip);
    snprintf(d->known.group, sizeof d->known.group, "%s", row->group_key);
}

static void load_pair(void *user, const struct pair_row *row)
{
    struct pair *p = table_pair_make(table_device_make(user, row->device), row->client);
    if (!p)
        return;
    static const enum pair_state states[] = { PAIR_PENDING, PAIR_ACTIVE, PAIR_REVOKED };
    p->state = states[MIN(MAX(row->state, 0), 2)];
    p->created_ms = row->created_ms;
    p->is_saved = true;
}

static void load_code(void *user, const struct code_row *row)
{
    struct auth *a = user;
    if (table_code(a, row->code))
        return;
    struct code *c = table_code_add(a, row->code, row->created_ms);
    c->expires_ms = row->expires_ms;
    c->is_used = row->used_ms != 0;
    snprintf(c->challenge, sizeof c->challenge, "%s", row->challenge);
    snprintf(c->device, sizeof c->device, "%s", row->device);
    snprintf(c->client, sizeof c->client, "%s", row->client);
    if (c->is_used || c->expires_ms <= a->now_ms())
        return;
    a->open_codes++;
    struct pair *p = table_pair_make(table_device_make(a, c->device), c->client);
    if (!p || p->state == PAIR_ACTIVE)
        return;
    p->state = p->state == PAIR_NONE ? PAIR_PENDING : p->state;
    memcpy(p->code, c->text, sizeof p->code);
}

static void load_serial(void *user, const struct serial_row *row)
{
    if (!serial_load(user, row->serial, row->key_hex, row->device))
        LOGW(NULL, "auth.serial", "serial=\"%s\" its key is unusable", row->serial);
}

static enum err load(struct db *db, void *input)
{
    struct auth *a = input;
    uint8_t random[KEY_BYTES];
    char hex[KEY_BYTES * 2 + 1];
    rand_bytes(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    auto_buf struct buf key = { 0 };
    enum err e = db_setting_once(db, "auth_key", slice_of(hex), &key);
    if (!e)
        e = db_code_forget(db, a->now_ms() - AUTH_CODE_REST_MS);
    if (!e)
        e = db_device_each(db, load_device, a);
    if (!e)
        e = db_pair_each(db, load_pair, a);
    if (!e)
        e = db_code_each(db, load_code, a);
    if (!e)
        e = db_serial_each(db, load_serial, a);
    if (!e)
        a->own_key = buf_take(&key);
    return e;
}

enum err auth_open(struct auth **out, const struct auth_opts *o, struct err_note *note)
{
    struct auth *a = xnew(struct auth);
    pthread_mutex_init(&a->lock, NULL);
    list_init(&a->code_order);
    a->config = o->config;
    a->store = o->store;
    a->now_ms = o->now_ms ? o->now_ms : clock_wall_ms;
    a->wrong_codes = rates_create();
    a->activations = rates_create();
    a->new_codes = rates_create();
    enum err e = store_run(a->store, load, a);
    if (e) {
        if (note) {
            note->err = e;
            snprintf(note->text, sizeof note->text, "the device table cannot be read: %s", err_text(e));
        }
        auth_close(a);
        return e;
    }
    log_hide(slice_of(a->own_key));
    struct config *cfg = config_now(a->config);
    auth_warn_of_samples(cfg);
    config_unref(cfg);
    *out = a;
    return OK;
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    table_done(a);
    auth_introspect_forget(a);
    rates_free(a->wrong_codes);
    rates_free(a->activations);
    rates_free(a->new_codes);
    mem_free(a->own_key);
    pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

/* --- what is handed out ---- */

void auth_token(struct auth *a, const struct identity *who, struct buf *out)
{
    struct config *cfg = config_now(a->config);
    if (cfg->server_auth_enabled) {
        const char *key = cfg->server_auth_key ? cfg->server_auth_key : a->own_key;
        struct token_subject subject = { slice_of(who->raw_client), slice_of(who->raw_device) };
        token_mint(out, slice_of(key), &subject, a->now_ms() / 1000);
    }
    config_unref(cfg);
}

static void derived_key(struct auth *a, const char *use, struct buf *out)
{
    struct config *cfg = config_now(a->config);
    uint8_t mac[32];
    char hex[65];
    hmac_sha256(slice_of(cfg->server_auth_key ? cfg->server_auth_key : a->own_key), slice_of(use), mac);
    hex_encode(mac, sizeof mac, hex);
    buf_puts(out, hex);
    config_unref(cfg);
}

void auth_mqtt_key(struct auth *a, struct buf *out)
{
    derived_key(a, "mqtt", out);
}

void auth_vision_key(struct auth *a, struct buf *out)
{
    derived_key(a, "vision", out);
}

/* --- asking ---- */

size_t auth_pending(struct auth *a, struct arena *arena, struct pending_pair *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&a->lock);
    int64_t now_ms = a->now_ms();
    list_each(&a->code_order, at) {
        struct code *c = container_of(at, struct code, node);
        struct pair *p = table_pair(table_device(a, c->device), c->client);
        if (n == max || c->is_used || now_ms >= c->expires_ms || !p || strcmp(p->code, c->text) != 0)
            continue;
        out[n++] = (struct pending_pair){
            .code = arena_strdup(arena, slice_of(c->text)), .device = arena_strdup(arena, slice_of(c->device)),
            .client = arena_strdup(arena, slice_of(c->client)), .board = arena_strdup(arena, slice_of(c->board)),
            .created_ms = c->created_ms, .expires_ms = c->expires_ms,
        };
    }
    pthread_mutex_unlock(&a->lock);
    return n;
}

enum pair_state auth_pair_state(struct auth *a, const char *device, const char *client)
{
    pthread_mutex_lock(&a->lock);
    struct pair *p = table_pair(table_device(a, device), client);
    enum pair_state s = p ? p->state : PAIR_NONE;
    pthread_mutex_unlock(&a->lock);
    return s;
}

bool auth_knows_device(struct auth *a, const char *device)
{
    pthread_mutex_lock(&a->lock);
    bool known = table_device(a, device) != NULL;
    pthread_mutex_unlock(&a->lock);
    return known;
}

bool auth_device(struct auth *a, const char *device, struct device_known *out)
{
    pthread_mutex_lock(&a->lock);
    struct device *d = table_device(a, device);
    if (d)
        *out = d->known;
    pthread_mutex_unlock(&a->lock);
    return d != NULL;
}
