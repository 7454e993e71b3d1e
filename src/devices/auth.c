/* SPDX-License-Identifier: MIT
 * auth.c -- pairs: loaded at the start, made at OTA, confirmed by a person, revoked. The rules who is
 * believed at an upgrade are in auth_check.c. Contract in auth.h. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/rand.h"
#include "config/settings.h"
#include "devices/auth_table.h"
#include "protocol/ota.h"
#include "protocol/token.h"
#include "store/device.h"
#include "store/setting.h"
#include "store/store.h"

#define LOG_TOPIC "devices"
#define KEY_BYTES 32
#define SERIAL_KEY_MAX_BYTES 64
#define MINUTE_MS 60000
#define NEW_CODES_PER_MIN 30 /* per address */
#define SWEEP_MS 60000
#define OPEN_DEVICES_MAX 100000 /* with auth off: devices whose facts are remembered */

static const char *const placeholder_macs[] = { "11:22:33:44:55:66", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff" };

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

static void load_serial(void *user, const char *serial, const char *key_hex)
{
    struct auth *a = user;
    mem_free(map_set(&a->serials, slice_of(serial), xstrdup(key_hex)));
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

void auth_warn_of_samples(const struct config *cfg)
{
    for (size_t i = 0; i < COUNT(placeholder_macs); i++)
        if (conf_list_has(&cfg->server_auth_allowed_devices, slice_of(placeholder_macs[i])))
            LOGW(NULL, "auth.placeholder", "key=server.auth.allowed_devices ignored=%s", placeholder_macs[i]);
    unsigned samples = auth_sample_tokens(cfg);
    if (samples && cfg->server_auth_enabled)
        LOGW(NULL, "auth.placeholder", "key=server.auth.tokens ignored=%u of a sample file", samples);
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

/* --- saving: one op for all changes of a pair ---- */

struct auth_save {
    struct auth *auth;
    struct store_op *op;
    char device[ID_TEXT], client[ID_TEXT], language[16], board[64], firmware[64], chip[24], address[48];
    const char *how;
    int state;              /* of the pair, as stored; -1: no pair to write */
    char code[8], challenge[ID_TEXT];
    bool is_code_new, is_code_used, is_seen; /* is_seen: the device's row, without a pair */
    int64_t now_ms, expires_ms;
    void (*done)(void *user, enum err err);
    void *user;
    bool is_activating;     /* the pair is active in memory only after it was saved */
};

static enum err save_run(struct db *db, void *input)
{
    struct auth_save *s = input;
    enum err e = OK;
    if (s->state >= 0 || s->is_seen)
        e = db_device_seen(db, &(struct device_row){ .id = s->device, .language = s->language, .board = s->board,
                                                     .firmware = s->firmware, .address = s->address,
                                                     .chip = s->chip, .last_seen_ms = s->now_ms });
    if (!e && s->state >= 0)
        e = db_pair_put(db, &(struct pair_row){ .device = s->device, .client = s->client, .how = s->how,
                                                .state = s->state, .created_ms = s->now_ms,
                                                .changed_ms = s->now_ms });
    if (!e && s->is_code_new)
        e = db_code_put(db, &(struct code_row){ .code = s->code, .device = s->device, .client = s->client,
                                                .challenge = s->challenge, .created_ms = s->now_ms,
                                                .expires_ms = s->expires_ms });
    if (!e && s->is_code_used)
        e = db_code_used(db, s->code, s->now_ms);
    return e == ERR_NOT_FOUND ? OK : e; /* a code made before the last crash may be unknown on disk */
}

static void save_settle(struct auth_save *s, enum err err)
{
    struct auth *a = s->auth;
    pthread_mutex_lock(&a->lock);
    struct pair *p = table_pair(table_device(a, s->device), s->client);
    if (p && !err && s->state >= 0)
        p->is_saved = true;
    if (p && !err && s->is_activating) {
        p->state = PAIR_ACTIVE;
        p->how = s->how;
        p->code[0] = '\0';
    }
    struct code *c = s->is_code_used ? table_code(a, s->code) : NULL;
    if (c) {
        c->is_used = !err; /* after a failure it can be typed again */
        a->open_codes -= !err && a->open_codes > 0;
    }
    pthread_mutex_unlock(&a->lock);
    if (err)
        LOGE(NULL, "auth.save_failed", "dev=%s err=%s", s->device, err_name(err));
}

/* Also after auth_save_cancel: then only nobody hears of it. */
static void save_done(void *owner, enum err err, void *input)
{
    struct auth_save *s = input;
    save_settle(s, err);
    if (s->done)
        s->done(s->user, err);
}

static const struct store_op_class save_class = { .name = "auth.save", .run = save_run, .done = save_done,
                                                  .free_input = mem_free };

static struct auth_save *save_new(struct auth *a, const char *device, const char *client)
{
    struct auth_save *s = xnew(struct auth_save);
    s->auth = a;
    s->state = -1;
    s->how = "";
    s->now_ms = a->now_ms();
    snprintf(s->device, sizeof s->device, "%s", device);
    snprintf(s->client, sizeof s->client, "%s", client);
    return s;
}

/* The save is taken in any case; on an error done is called here. */
static enum err save_start(struct auth_save *s, struct loop *l)
{
    enum err e = store_start(&s->op, s->auth->store, l, &save_class, s, NULL);
    if (e) {
        save_done(NULL, e, s);
        mem_free(s);
    }
    return e;
}

void auth_save_cancel(struct auth_save *save)
{
    if (save)
        save->done = NULL;
}

/* --- pairing ---- */

static bool is_placeholder(const char *device)
{
    for (size_t i = 0; i < COUNT(placeholder_macs); i++)
        if (strcmp(device, placeholder_macs[i]) == 0)
            return true;
    return false;
}

/* How a new pair is confirmed without a person; NULL: by code. */
static const char *confirmed_by(const struct config *cfg, const struct device *d, const struct identity *who)
{
    if (table_was_confirmed(d))
        return NULL;
    if (!is_placeholder(who->device) && conf_list_has(&cfg->server_auth_allowed_devices, slice_of(who->device)))
        return "allowed";
    bool is_near = who->peer.is_private || who->peer.is_loopback;
    if (strcmp(cfg->server_auth_pairing, "lan") == 0 && is_near && !who->is_forwarded && !who->is_public_origin)
        return "lan";
    return NULL;
}

static void facts_put(struct device *d, const struct device_facts *f)
{
    if (f->language && f->language[0])
        snprintf(d->known.language, sizeof d->known.language, "%s", f->language);
    if (f->board && f->board[0])
        snprintf(d->known.board, sizeof d->known.board, "%s", f->board);
    if (f->firmware && f->firmware[0])
        snprintf(d->known.firmware, sizeof d->known.firmware, "%s", f->firmware);
    if (f->chip && f->chip[0])
        snprintf(d->known.chip, sizeof d->known.chip, "%s", f->chip);
}

static struct auth_save *save_of(struct auth *a, const struct device *d, const struct pair *p,
                                 const struct identity *who)
{
    struct auth_save *s = save_new(a, d->id, p->client);
    memcpy(s->language, d->known.language, sizeof s->language);
    memcpy(s->board, d->known.board, sizeof s->board);
    memcpy(s->firmware, d->known.firmware, sizeof s->firmware);
    memcpy(s->chip, d->known.chip, sizeof s->chip);
    snprintf(s->address, sizeof s->address, "%s", who->peer.text);
    s->how = p->how;
    return s;
}

/* A pair that waits for its code. */
static struct auth_save *pair_by_code(struct auth *a, struct device *d, struct pair *p, const struct identity *who,
                                      struct pair_answer *answer)
{
    bool is_new;
    struct code *c = table_code_for(a, d, p, &is_new);
    if (!c) {
        answer->state = PAIR_NONE;
        table_pair_drop(a, d, p->client);
        return NULL;
    }
    answer->state = PAIR_PENDING;
    memcpy(answer->code, c->text, sizeof answer->code);
    memcpy(answer->challenge, c->challenge, sizeof answer->challenge);
    if (!is_new)
        return NULL;
    struct auth_save *s = save_of(a, d, p, who);
    s->is_code_new = true;
    s->expires_ms = c->expires_ms;
    memcpy(s->code, c->text, sizeof s->code);
    memcpy(s->challenge, c->challenge, sizeof s->challenge);
    return s;
}

static bool may_make_pair(struct auth *a, const struct config *cfg, const struct identity *who)
{
    if (strcmp(cfg->server_auth_pairing, "closed") == 0)
        return false;
    bool is_near = who->peer.is_loopback || who->peer.is_private;
    return is_near || rates_take(a->new_codes, slice_of(who->peer.text), NEW_CODES_PER_MIN, MINUTE_MS,
                                 clock_mono_us() / 1000, NULL);
}

/* With auth off everybody is in, and nothing is paired by it. */
static struct auth_save *seen_step(struct auth *a, const struct identity *who, const struct device_facts *facts,
                                   struct pair_answer *answer)
{
    answer->state = PAIR_ACTIVE;
    if (!table_device(a, who->device) && a->devices.count >= OPEN_DEVICES_MAX)
        return NULL;
    struct device *d = table_device_make(a, who->device);
    facts_put(d, facts);
    struct pair nobody = { .how = "" };
    struct auth_save *s = save_of(a, d, &nobody, who);
    s->is_seen = true;
    return s;
}

/* With the lock. What must be saved, or NULL. */
static struct auth_save *pair_step(struct auth *a, const struct config *cfg, const struct identity *who,
                                   const struct device_facts *facts, struct pair_answer *answer)
{
    if (a->now_ms() - a->swept_ms >= SWEEP_MS)
        table_sweep(a, a->now_ms());
    struct device *d = table_device(a, who->device);
    struct pair *p = table_pair(d, who->client);
    if (!p && !may_make_pair(a, cfg, who))
        return NULL;
    if (!p) {
        d = table_device_make(a, who->device);
        const char *how = confirmed_by(cfg, d, who);
        p = table_pair_make(d, who->client);
        if (!p)
            return NULL;
        p->created_ms = a->now_ms();
        p->state = how ? PAIR_ACTIVE : PAIR_PENDING;
        p->how = how ? how : "";
    } else if (p->state == PAIR_PENDING) {
        const char *how = confirmed_by(cfg, d, who); /* the owner may have listed it, or opened the house, since */
        if (how) {
            p->state = PAIR_ACTIVE;
            p->how = how;
            p->code[0] = '\0';
        }
    }
    facts_put(d, facts);
    if (p->state != PAIR_ACTIVE) /* pending, or revoked and asking again */
        return strcmp(cfg->server_auth_pairing, "closed") == 0 ? NULL : pair_by_code(a, d, p, who, answer);
    answer->state = PAIR_ACTIVE;
    struct auth_save *s = save_of(a, d, p, who);
    s->state = 1;
    return s;
}

void auth_pair(struct auth_save **save, struct auth *a, struct loop *l, const struct identity *who,
               const struct device_facts *facts, struct pair_answer *answer, void (*done)(void *user, enum err err),
               void *user)
{
    *save = NULL;
    *answer = (struct pair_answer){ .state = PAIR_NONE };
    struct config *cfg = config_now(a->config);
    if (who->source == ID_AUTO && cfg->server_auth_enabled) {
        config_unref(cfg);
        return;
    }
    pthread_mutex_lock(&a->lock);
    struct auth_save *s = cfg->server_auth_enabled ? pair_step(a, cfg, who, facts, answer)
                                                   : seen_step(a, who, facts, answer);
    struct pair *p = table_pair(table_device(a, who->device), who->client);
    bool is_news = s && (s->is_code_new || (p && !p->is_saved));
    pthread_mutex_unlock(&a->lock);
    config_unref(cfg);
    if (!s)
        return;
    if (is_news && s->state == 1)
        LOGI(NULL, "auth.paired", "dev=%s how=%s", s->device, s->how);
    if (is_news) { /* otherwise it is only "seen again": nobody waits */
        s->done = done;
        s->user = user;
    }
    enum err e = save_start(s, l);
    if (!e && is_news)
        *save = s;
}

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

/* --- activation ---- */

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
        s = save_of(a, d, p, who);
        s->state = 1;
        s->is_activating = s->is_code_used = true;
        memcpy(s->code, c->text, sizeof s->code);
    }
    pthread_mutex_unlock(&a->lock);
    if (s && save_start(s, l) == OK)
        LOGI(NULL, "auth.paired", "dev=%s how=serial", who->device);
    return is_active ? 200 : 202;
}

/* --- by a person ---- */

void auth_confirm(struct auth *a, struct loop *l, struct slice code, const struct net_addr *peer, char *device,
                  void (*done)(void *user, enum err err), void *user)
{
    uint64_t mono_ms = clock_mono_us() / 1000;
    struct slice from = slice_of(peer->text);
    if (!rates_has(a->wrong_codes, from, AUTH_WRONG_CODES_PER_MIN, MINUTE_MS, mono_ms)) {
        done(user, ERR_LIMIT);
        return;
    }
    char text[8];
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(slice_sub(code, 0, 7)));
    pthread_mutex_lock(&a->lock);
    struct code *c = table_code(a, text);
    struct device *d = c ? table_device(a, c->device) : NULL;
    struct pair *p = c ? table_pair(d, c->client) : NULL;
    struct auth_save *s = NULL;
    if (p && !c->is_used && a->now_ms() < c->expires_ms) {
        c->is_used = true;
        s = save_new(a, d->id, p->client);
        memcpy(s->language, d->known.language, sizeof s->language);
        memcpy(s->board, d->known.board, sizeof s->board);
        memcpy(s->firmware, d->known.firmware, sizeof s->firmware);
        memcpy(s->chip, d->known.chip, sizeof s->chip);
        memcpy(s->code, c->text, sizeof s->code);
        s->how = "code";
        s->state = 1;
        s->is_activating = s->is_code_used = true;
        s->done = done;
        s->user = user;
        if (device)
            memcpy(device, d->id, ID_TEXT);
    }
    pthread_mutex_unlock(&a->lock);
    if (!s) {
        rates_take(a->wrong_codes, from, AUTH_WRONG_CODES_PER_MIN, MINUTE_MS, mono_ms, NULL);
        done(user, ERR_NOT_FOUND);
        return;
    }
    LOGI(NULL, "auth.paired", "dev=%s how=code", s->device);
    enum err e = save_start(s, l);
    (void)e; /* done was told */
}

struct revocation {
    struct auth *auth;
    char device[ID_TEXT];
    char (*clients)[ID_TEXT];
    unsigned count;
    int64_t now_ms;
    void (*done)(void *user, enum err err);
    void *user;
};

static enum err revoke_run(struct db *db, void *input)
{
    struct revocation *r = input;
    enum err e = OK;
    for (unsigned i = 0; i < r->count && !e; i++) {
        e = db_device_seen(db, &(struct device_row){ .id = r->device });
        if (!e)
            e = db_pair_put(db, &(struct pair_row){ .device = r->device, .client = r->clients[i], .state = 2,
                                                    .how = "revoked", .created_ms = r->now_ms,
                                                    .changed_ms = r->now_ms });
    }
    return e;
}

static void revoke_done(void *owner, enum err err, void *input)
{
    struct revocation *r = input;
    if (err)
        LOGE(NULL, "auth.revoke_failed", "dev=%s err=%s", r->device, err_name(err));
    r->done(r->user, err);
}

static void revoke_free(void *input)
{
    struct revocation *r = input;
    mem_free(r->clients);
    mem_free(r);
}

static const struct store_op_class revoke_class = { .name = "auth.revoke", .run = revoke_run, .done = revoke_done,
                                                    .free_input = revoke_free };

void auth_revoke(struct auth *a, struct loop *l, const char *device, const char *client,
                 void (*done)(void *user, enum err err), void *user)
{
    struct revocation *r = xnew(struct revocation);
    *r = (struct revocation){ .auth = a, .now_ms = a->now_ms(), .done = done, .user = user };
    snprintf(r->device, sizeof r->device, "%s", device);
    pthread_mutex_lock(&a->lock);
    struct device *d = table_device(a, device);
    r->clients = xalloc((d ? d->count + 1 : 1) * sizeof r->clients[0]);
    for (unsigned i = 0; d && i < d->count; i++) {
        struct pair *p = &d->pairs[i];
        if ((client && strcmp(client, p->client) != 0) || (p->state == PAIR_PENDING && !p->code[0]))
            continue;
        p->state = PAIR_REVOKED;
        struct code *c = p->code[0] ? table_code(a, p->code) : NULL;
        if (c)
            c->is_used = true;
        p->code[0] = '\0';
        memcpy(r->clients[r->count++], p->client, ID_TEXT);
    }
    pthread_mutex_unlock(&a->lock);
    enum err e = r->count ? store_start(NULL, a->store, l, &revoke_class, r, NULL) : ERR_NOT_FOUND;
    if (e) {
        revoke_free(r);
        done(user, e);
        return;
    }
    LOGI(NULL, "auth.revoked", "dev=%s pairs=%u", device, r->count);
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
