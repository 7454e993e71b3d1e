/* SPDX-License-Identifier: MIT
 * auth_person.c -- what a person does about pairs: types a code, revokes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "devices/auth_save.h"
#include "store/device.h"

#define LOG_TOPIC "devices"

void auth_confirm(struct auth *a, struct loop *l, const struct typed_code *code, char *device,
                  void (*done)(void *user, enum err err), void *user)
{
    uint64_t mono_ms = clock_mono_us() / 1000;
    struct slice from = slice_of(code->peer.text);
    if (!rates_has(a->wrong_codes, from, AUTH_WRONG_CODES_PER_MIN, MINUTE_MS, mono_ms)) {
        done(user, ERR_LIMIT);
        return;
    }
    char text[8];
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(slice_sub(code->text, 0, 7)));
    pthread_mutex_lock(&a->lock);
    struct code *c = table_code(a, text);
    struct device *d = c ? table_device(a, c->device) : NULL;
    struct pair *p = c ? table_pair(d, c->client) : NULL;
    struct auth_save *s = NULL;
    if (p && !c->is_used && a->now_ms() < c->expires_ms) {
        c->is_used = true;
        s = auth_save_new(a, d, p, "");
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
    enum err e = auth_save_start(s, l);
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
