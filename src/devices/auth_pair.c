/* SPDX-License-Identifier: MIT
 * auth_pair.c -- a device asks at OTA: its pair is made, or found, and confirmed where no person is needed. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/settings.h"
#include "devices/auth_save.h"

#define LOG_TOPIC "devices"
#define NEW_CODES_PER_MIN 30 /* per address */
#define SWEEP_MS 60000
#define OPEN_DEVICES_MAX 100000 /* with auth off: devices whose facts are remembered */

static const char *const placeholder_macs[] = { "11:22:33:44:55:66", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff" };

void auth_warn_of_samples(const struct config *cfg)
{
    for (size_t i = 0; i < COUNT(placeholder_macs); i++)
        if (conf_list_has(&cfg->server_auth_allowed_devices, slice_of(placeholder_macs[i])))
            LOGW(NULL, "auth.placeholder", "key=server.auth.allowed_devices ignored=%s", placeholder_macs[i]);
    unsigned samples = auth_sample_tokens(cfg);
    if (samples && cfg->server_auth_enabled)
        LOGW(NULL, "auth.placeholder", "key=server.auth.tokens ignored=%u of a sample file", samples);
}

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
    struct auth_save *s = auth_save_new(a, d, p, who->peer.text);
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
static struct auth_save *seen_step(struct auth *a, const struct pair_ask *ask, struct pair_answer *answer)
{
    const struct identity *who = ask->who;
    answer->state = PAIR_ACTIVE;
    if (!table_device(a, who->device) && a->devices.count >= OPEN_DEVICES_MAX)
        return NULL;
    struct device *d = table_device_make(a, who->device);
    facts_put(d, &ask->facts);
    struct pair nobody = { .how = "" };
    struct auth_save *s = auth_save_new(a, d, &nobody, who->peer.text);
    s->is_seen = true;
    return s;
}

/* With the lock. What must be saved, or NULL. */
static struct auth_save *pair_step(struct auth *a, const struct config *cfg, const struct pair_ask *ask,
                                   struct pair_answer *answer)
{
    const struct identity *who = ask->who;
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
    facts_put(d, &ask->facts);
    if (p->state != PAIR_ACTIVE) /* pending, or revoked and asking again */
        return strcmp(cfg->server_auth_pairing, "closed") == 0 ? NULL : pair_by_code(a, d, p, who, answer);
    answer->state = PAIR_ACTIVE;
    struct auth_save *s = auth_save_new(a, d, p, who->peer.text);
    s->state = 1;
    return s;
}

struct auth_save *auth_pair(struct auth *a, struct loop *l, const struct pair_ask *ask, struct pair_answer *answer,
                            void (*done)(void *user, enum err err), void *user)
{
    const struct identity *who = ask->who;
    *answer = (struct pair_answer){ .state = PAIR_NONE };
    struct config *cfg = config_now(a->config);
    if (who->source == ID_AUTO && cfg->server_auth_enabled) {
        config_unref(cfg);
        return NULL;
    }
    pthread_mutex_lock(&a->lock);
    struct auth_save *s = cfg->server_auth_enabled ? pair_step(a, cfg, ask, answer) : seen_step(a, ask, answer);
    struct pair *p = table_pair(table_device(a, who->device), who->client);
    bool is_news = s && (s->is_code_new || (p && !p->is_saved));
    pthread_mutex_unlock(&a->lock);
    config_unref(cfg);
    if (!s)
        return NULL;
    if (is_news && s->state == 1)
        LOGI(NULL, "auth.paired", "dev=%s how=%s", s->device, s->how);
    if (auth_save_start(s, l) || !is_news) /* no news, only "seen again": nobody waits */
        return NULL;
    s->done = done;
    s->user = user;
    return s;
}
