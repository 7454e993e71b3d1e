/* SPDX-License-Identifier: MIT
 * force.c -- see force.h. Those that wait are in memory, so that OTA asks the store only when there is one. */
#include "devices/force.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "protocol/ids.h"
#include "protocol/ota.h"
#include "store/device.h"
#include "store/store.h"

#define LOG_TOPIC "devices"

struct force {
    pthread_mutex_t lock;
    struct store *store;
    struct map waiting; /* device -> version */
};

static void set_waiting(struct force *f, const char *device, const char *version)
{
    pthread_mutex_lock(&f->lock);
    if (version[0])
        mem_free(map_set(&f->waiting, slice_of(device), xstrdup(version)));
    else
        mem_free(map_remove(&f->waiting, slice_of(device)));
    pthread_mutex_unlock(&f->lock);
}

static void load_row(void *user, const char *device, const char *version)
{
    set_waiting(user, device, version);
}

static enum err load(struct db *db, void *input)
{
    return db_force_each(db, load_row, input);
}

enum err force_open(struct force **out, struct store *s)
{
    struct force *f = xnew(struct force);
    pthread_mutex_init(&f->lock, NULL);
    f->store = s;
    enum err e = store_run(s, load, f);
    if (e)
        force_close(f);
    else
        *out = f;
    return e;
}

void force_close(struct force *f)
{
    size_t at = 0;
    struct slice key;
    void *version;
    if (!f)
        return;
    while (map_next(&f->waiting, &at, &key, &version))
        mem_free(version);
    map_done(&f->waiting);
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

bool force_waiting(struct force *f, const char *device, char version[FORCE_VERSION_TEXT])
{
    pthread_mutex_lock(&f->lock);
    const char *waits = map_get(&f->waiting, slice_of(device));
    if (waits)
        snprintf(version, FORCE_VERSION_TEXT, "%s", waits);
    pthread_mutex_unlock(&f->lock);
    return waits != NULL;
}

/* --- a change on its way to the store ---- */

struct force_taking {
    struct force *force;
    char device[ID_TEXT], version[FORCE_VERSION_TEXT];
    int64_t now_ms;
    void (*done)(void *user, enum err err); /* NULL: cancelled */
    void *user;
};

static struct force_taking *change_make(struct force *f, const char *device, struct slice version)
{
    struct force_taking *t = xnew(struct force_taking);
    t->force = f;
    t->now_ms = clock_wall_ms();
    snprintf(t->device, sizeof t->device, "%s", device);
    snprintf(t->version, sizeof t->version, SLICE_FMT, SLICE_ARG(version));
    return t;
}

static enum err ask_run(struct db *db, void *input)
{
    const struct force_taking *t = input;
    return db_force_put(db, t->device, t->version);
}

static void ask_done(void *owner, enum err err, void *input)
{
    struct force_taking *t = input;
    if (!err) {
        set_waiting(t->force, t->device, t->version);
        LOGI(NULL, "firmware.force", "dev=%s version=%s", t->device, t->version[0] ? t->version : "none");
    }
    t->done(t->user, err);
}

static const struct store_op_class ask_class = { .name = "force.ask", .run = ask_run, .done = ask_done,
                                                 .free_input = mem_free };

void force_ask(struct force *f, struct loop *l, const char *device, struct slice version,
               void (*done)(void *user, enum err err), void *user)
{
    pthread_mutex_lock(&f->lock);
    bool is_full = f->waiting.count >= FORCE_WAITING_MAX && !map_get(&f->waiting, slice_of(device));
    pthread_mutex_unlock(&f->lock);
    bool is_good = version.len == 0 || (version.len < FORCE_VERSION_TEXT && version_is_plain(version));
    if (!is_good || (is_full && version.len)) {
        done(user, is_good ? ERR_LIMIT : ERR_INVALID);
        return;
    }
    struct force_taking *t = change_make(f, device, version);
    t->done = done;
    t->user = user;
    enum err e = store_start(NULL, f->store, l, &ask_class, t, NULL);
    if (e) {
        mem_free(t);
        done(user, e);
    }
}

static enum err take_run(struct db *db, void *input)
{
    const struct force_taking *t = input;
    return db_force_sent(db, t->device, t->version, t->now_ms);
}

static enum err give_back_run(struct db *db, void *input)
{
    const struct force_taking *t = input;
    return db_force_unsent(db, t->device, t->version);
}

static const struct store_op_class give_back_class = { .name = "force.give_back", .run = give_back_run,
                                                       .free_input = mem_free };

static void give_back(const struct force_taking *t)
{
    struct force_taking *back = change_make(t->force, t->device, slice_of(t->version));
    if (store_start(NULL, t->force->store, NULL, &give_back_class, back, NULL))
        mem_free(back);
}

/* What an operator asked meanwhile stays. */
static void taken(struct force *f, const char *device, const char *version)
{
    pthread_mutex_lock(&f->lock);
    const char *waits = map_get(&f->waiting, slice_of(device));
    if (waits && strcmp(waits, version) == 0)
        mem_free(map_remove(&f->waiting, slice_of(device)));
    pthread_mutex_unlock(&f->lock);
}

static void take_done(void *owner, enum err err, void *input)
{
    struct force_taking *t = input;
    if (!t->done && !err) {
        give_back(t);
        return;
    }
    if (!err)
        taken(t->force, t->device, t->version);
    if (t->done)
        t->done(t->user, err);
}

static const struct store_op_class take_class = { .name = "force.take", .run = take_run, .done = take_done,
                                                  .free_input = mem_free };

struct force_taking *force_take(struct force *f, struct loop *l, const char *device, const char *version,
                                void (*done)(void *user, enum err err), void *user)
{
    struct force_taking *t = change_make(f, device, slice_of(version));
    t->done = done;
    t->user = user;
    if (store_start(NULL, f->store, l, &take_class, t, NULL) == OK)
        return t;
    mem_free(t);
    return NULL;
}

void force_take_cancel(struct force_taking *t)
{
    if (t)
        t->done = NULL;
}
