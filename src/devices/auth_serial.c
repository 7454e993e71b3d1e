/* SPDX-License-Identifier: MIT
 * auth_serial.c -- serial numbers: a device that has a key burnt in confirms its pair by itself. An operator
 * tells us the key; it is never shown or logged. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "devices/auth_save.h"
#include "protocol/ota.h"
#include "store/device.h"

#define LOG_TOPIC "devices"

/* --- keys come and go ---- */

static bool key_read(struct serial *s, struct slice hex)
{
    s->key_bytes = hex.len / 2;
    return s->key_bytes >= SERIAL_KEY_MIN_BYTES && s->key_bytes <= sizeof s->key &&
           hex_decode(hex, s->key, s->key_bytes);
}

static bool serial_ok(struct slice s)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:-";
    for (size_t i = 0; i < s.len; i++)
        if (!s.data[i] || !strchr(allowed, s.data[i]))
            return false;
    return s.len > 0 && s.len < SERIAL_TEXT;
}

bool serial_load(struct auth *a, const char *serial, const char *key_hex, const char *device)
{
    struct serial *s = xnew(struct serial);
    if (!key_read(s, slice_of(key_hex))) {
        mem_free(s);
        return false;
    }
    snprintf(s->device, sizeof s->device, "%s", device);
    mem_free(map_set(&a->serials, slice_of(serial), s));
    return true;
}

struct serial_change {
    struct auth *auth;
    char serial[SERIAL_TEXT], key_hex[SERIAL_KEY_MAX_BYTES * 2 + 1]; /* key_hex "": it goes */
    void (*done)(void *user, enum err err);
    void *user;
};

static enum err change_run(struct db *db, void *input)
{
    const struct serial_change *c = input;
    return c->key_hex[0] ? db_serial_put(db, c->serial, c->key_hex) : db_serial_remove(db, c->serial);
}

static void change_done(void *owner, enum err err, void *input)
{
    struct serial_change *c = input;
    struct auth *a = c->auth;
    bool is_added = c->key_hex[0] != '\0';
    pthread_mutex_lock(&a->lock);
    if (!err && is_added)
        is_added = serial_load(a, c->serial, c->key_hex, "");
    else if (!err)
        mem_free(map_remove(&a->serials, slice_of(c->serial)));
    pthread_mutex_unlock(&a->lock);
    if (!err)
        LOGI(NULL, "auth.serial", "serial=%s op=%s", c->serial, is_added ? "added" : "removed");
    c->done(c->user, err);
}

static const struct store_op_class change_class = { .name = "auth.serial", .run = change_run, .done = change_done,
                                                    .free_input = mem_free };

static void change_start(struct auth *a, struct loop *l, struct serial_change *c)
{
    c->auth = a;
    enum err e = store_start(NULL, a->store, l, &change_class, c, NULL);
    if (e) {
        c->done(c->user, e);
        mem_free(c);
    }
}

void auth_serial_add(struct auth *a, struct loop *l, struct slice serial, struct slice key_hex,
                     void (*done)(void *user, enum err err), void *user)
{
    struct serial s;
    pthread_mutex_lock(&a->lock);
    bool is_full = a->serials.count >= AUTH_SERIALS_MAX && !map_get(&a->serials, serial);
    pthread_mutex_unlock(&a->lock);
    bool is_good = serial_ok(serial) && key_read(&s, key_hex);
    if (!is_good || is_full) {
        done(user, is_good ? ERR_LIMIT : ERR_INVALID);
        return;
    }
    struct serial_change *c = xnew(struct serial_change);
    c->done = done;
    c->user = user;
    snprintf(c->serial, sizeof c->serial, SLICE_FMT, SLICE_ARG(serial));
    snprintf(c->key_hex, sizeof c->key_hex, SLICE_FMT, SLICE_ARG(key_hex));
    change_start(a, l, c);
}

void auth_serial_remove(struct auth *a, struct loop *l, struct slice serial, void (*done)(void *user, enum err err),
                        void *user)
{
    if (!serial_ok(serial)) {
        done(user, ERR_NOT_FOUND);
        return;
    }
    struct serial_change *c = xnew(struct serial_change);
    c->done = done;
    c->user = user;
    snprintf(c->serial, sizeof c->serial, SLICE_FMT, SLICE_ARG(serial));
    change_start(a, l, c);
}

/* --- the proof ---- */

static bool proof_ok(struct auth *a, const struct code *c, const struct ota_activate *proof)
{
    const struct serial *s = map_get(&a->serials, slice_of(proof->serial));
    if (!c || c->is_used || a->now_ms() >= c->expires_ms || !proof->has_hmac || !s)
        return false;
    if (s->device[0] && strcmp(s->device, c->device) != 0)
        return false;
    if (!same_secret(slice_of(proof->challenge), slice_of(c->challenge)))
        return false;
    uint8_t mac[32];
    hmac_sha256(slice_from(s->key, s->key_bytes), slice_of(c->challenge), mac);
    return same_secret(slice_from(mac, sizeof mac), slice_from(proof->hmac, sizeof proof->hmac));
}

int auth_activate(struct auth *a, struct loop *l, const struct identity *who, const struct ota_activate *proof)
{
    if (!rates_take(a->activations, slice_of(who->device), AUTH_ACTIVATE_PER_MIN, MINUTE_MS, clock_mono_us() / 1000,
                    NULL))
        return 429;
    if (proof->has_proof && !proof->is_algorithm_known)
        return 400;
    pthread_mutex_lock(&a->lock);
    struct device *d = table_device(a, who->device);
    struct pair *p = table_pair(d, who->client);
    bool is_active = p && p->state == PAIR_ACTIVE;
    struct code *c = p && p->code[0] ? table_code(a, p->code) : NULL;
    struct auth_save *s = NULL;
    if (!is_active && d && !table_was_revoked(d) && proof_ok(a, c, proof)) {
        c->is_used = true;
        s = auth_save_new(a, d, p, who->peer.text);
        s->how = "serial";
        s->state = 1;
        snprintf(s->serial, sizeof s->serial, "%s", proof->serial);
        s->is_activating = s->is_code_used = true;
        memcpy(s->code, c->text, sizeof s->code);
    }
    pthread_mutex_unlock(&a->lock);
    if (s && auth_save_start(s, l) == OK)
        LOGI(NULL, "auth.paired", "dev=%s how=serial serial=%s", who->device, proof->serial);
    else if (!s && !is_active && proof->has_proof)
        LOGI(NULL, "auth.serial_refused", "dev=%s serial=\"%s\"", who->device, proof->serial);
    return is_active ? 200 : 202;
}
