/* SPDX-License-Identifier: MIT
 * auth_activate.c -- serial numbers: a device that has a key burnt in confirms its pair by itself. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "devices/auth_save.h"
#include "protocol/ota.h"
#include "store/device.h"

#define LOG_TOPIC "devices"
#define SERIAL_KEY_MAX_BYTES 64

struct serial {
    const char *serial, *key_hex;
};

static enum err serial_run(struct db *db, void *input)
{
    const struct serial *s = input;
    return db_serial_put(db, s->serial, s->key_hex);
}

enum err auth_serial_add(struct auth *a, const char *serial, const char *key_hex)
{
    uint8_t key[SERIAL_KEY_MAX_BYTES];
    size_t bytes = strlen(key_hex) / 2;
    if (bytes == 0 || bytes > sizeof key || !hex_decode(slice_of(key_hex), key, bytes))
        return ERR_INVALID;
    struct serial s = { serial, key_hex };
    enum err e = store_run(a->store, serial_run, &s);
    if (e)
        return e;
    pthread_mutex_lock(&a->lock);
    mem_free(map_set(&a->serials, slice_of(serial), xstrdup(key_hex)));
    pthread_mutex_unlock(&a->lock);
    return OK;
}

static bool proof_ok(struct auth *a, const struct code *c, const struct ota_activate *proof)
{
    const char *key_hex = map_get(&a->serials, slice_of(proof->serial));
    if (!c || c->is_used || a->now_ms() >= c->expires_ms || !proof->has_hmac || !key_hex)
        return false;
    if (!same_secret(slice_of(proof->challenge), slice_of(c->challenge)))
        return false;
    uint8_t key[SERIAL_KEY_MAX_BYTES], mac[32];
    size_t bytes = strlen(key_hex) / 2;
    if (bytes == 0 || bytes > sizeof key || !hex_decode(slice_of(key_hex), key, bytes))
        return false;
    hmac_sha256(slice_from(key, bytes), slice_of(c->challenge), mac);
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
    if (!is_active && c && proof_ok(a, c, proof)) {
        c->is_used = true;
        p->how = "serial";
        s = auth_save_new(a, d, p, who->peer.text);
        s->state = 1;
        s->is_activating = s->is_code_used = true;
        memcpy(s->code, c->text, sizeof s->code);
    }
    pthread_mutex_unlock(&a->lock);
    if (s && auth_save_start(s, l) == OK)
        LOGI(NULL, "auth.paired", "dev=%s how=serial", who->device);
    return is_active ? 200 : 202;
}
