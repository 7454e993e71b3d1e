/* SPDX-License-Identifier: MIT
 * auth_save.c -- a change of a pair goes to the store, and counts in memory when it is there. */
#include <stdio.h>

#include "base/log.h"
#include "devices/auth_save.h"
#include "store/device.h"

#define LOG_TOPIC "devices"

static enum err save_run(struct db *db, void *input)
{
    struct auth_save *s = input;
    enum err e = OK;
    if (s->state >= 0 || s->is_seen)
        e = db_device_seen(db, &(struct device_row){ .id = s->device, .language = s->known.language,
                                                     .board = s->known.board, .firmware = s->known.firmware,
                                                     .address = s->address, .chip = s->known.chip,
                                                     .last_seen_ms = s->now_ms });
    if (!e && s->state >= 0)
        e = db_pair_put(db, &(struct pair_row){ .device = s->device, .client = s->client, .how = s->how,
                                                .serial = s->serial, .state = s->state, .created_ms = s->now_ms,
                                                .changed_ms = s->now_ms });
    if (!e && s->is_code_new)
        e = db_code_put(db, &(struct code_row){ .code = s->code, .device = s->device, .client = s->client,
                                                .challenge = s->challenge, .created_ms = s->now_ms,
                                                .expires_ms = s->expires_ms });
    if (!e && s->serial[0])
        e = db_serial_bind(db, s->serial, s->device);
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
    if (p && !err && s->is_activating && strcmp(p->code, s->code) == 0) { /* else it was revoked meanwhile */
        p->state = PAIR_ACTIVE;
        p->how = s->how;
        p->code[0] = '\0';
    }
    struct serial *serial = !err && s->serial[0] ? map_get(&a->serials, slice_of(s->serial)) : NULL;
    if (serial)
        memcpy(serial->device, s->device, sizeof serial->device);
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

struct auth_save *auth_save_new(struct auth *a, const struct device *d, const struct pair *p, const char *address)
{
    struct auth_save *s = xnew(struct auth_save);
    *s = (struct auth_save){ .auth = a, .known = d->known, .how = p->how, .state = -1, .now_ms = a->now_ms() };
    memcpy(s->device, d->id, sizeof s->device);
    memcpy(s->client, p->client, sizeof s->client);
    snprintf(s->address, sizeof s->address, "%s", address);
    return s;
}

enum err auth_save_start(struct auth_save *s, struct loop *l)
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
