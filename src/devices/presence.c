/* SPDX-License-Identifier: MIT
 * presence.c -- see presence.h. */
#include "devices/presence.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/map.h"

#define TAKEOVER_WINDOW_MS 60000
#define TAKEOVERS_REMEMBERED 8

struct row {
    struct presence_entry e;
    uint64_t takeover_ms[TAKEOVERS_REMEMBERED]; /* ring of the last ones */
    unsigned takeovers;
};

struct presence {
    pthread_mutex_t lock;
    struct map rows; /* device -> struct row, online ones only */
    uint64_t last_number, version;
    unsigned count;
};

struct presence *presence_create(void)
{
    struct presence *p = xnew(struct presence);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void presence_free(struct presence *p)
{
    if (!p)
        return;
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(&p->rows, &at, &key, &value))
        mem_free(value);
    map_done(&p->rows);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

static struct row *row_of(struct presence *p, const char *device, uint64_t number)
{
    struct row *row = map_get(&p->rows, slice_of(device));
    return row && row->e.number == number ? row : NULL;
}

static void count_takeover(struct row *row, unsigned *takeovers)
{
    uint64_t now_ms = clock_mono_us() / 1000;
    row->takeover_ms[row->takeovers++ % TAKEOVERS_REMEMBERED] = now_ms;
    *takeovers = 0;
    for (unsigned i = 0; i < MIN(row->takeovers, TAKEOVERS_REMEMBERED); i++)
        *takeovers += now_ms - row->takeover_ms[i] < TAKEOVER_WINDOW_MS;
}

bool presence_add(struct presence *p, struct presence_entry *e, struct presence_entry *old, unsigned *takeovers)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = map_get(&p->rows, slice_of(e->device));
    bool had = row != NULL;
    e->number = ++p->last_number;
    p->version++;
    if (had) {
        if (old)
            *old = row->e;
        unsigned n;
        count_takeover(row, takeovers ? takeovers : &n);
    } else {
        row = xnew(struct row);
        map_set(&p->rows, slice_of(e->device), row);
        p->count++;
        if (takeovers)
            *takeovers = 0;
    }
    row->e = *e;
    pthread_mutex_unlock(&p->lock);
    return had;
}

enum err presence_add_if_free(struct presence *p, struct presence_entry *e)
{
    pthread_mutex_lock(&p->lock);
    bool is_taken = map_get(&p->rows, slice_of(e->device)) != NULL;
    if (!is_taken) {
        struct row *row = xnew(struct row);
        e->number = ++p->last_number;
        p->version++;
        p->count++;
        row->e = *e;
        map_set(&p->rows, slice_of(e->device), row);
    }
    pthread_mutex_unlock(&p->lock);
    return is_taken ? ERR_EXISTS : OK;
}

bool presence_remove(struct presence *p, const char *device, uint64_t number)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = row_of(p, device, number);
    if (row) {
        map_remove(&p->rows, slice_of(device));
        p->count--;
        p->version++;
    }
    pthread_mutex_unlock(&p->lock);
    mem_free(row);
    return row != NULL;
}

bool presence_get(struct presence *p, const char *device, struct presence_entry *out)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = map_get(&p->rows, slice_of(device));
    if (row)
        *out = row->e;
    pthread_mutex_unlock(&p->lock);
    return row != NULL;
}

bool presence_mode(struct presence *p, const char *device, uint64_t number, const char *mode)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = row_of(p, device, number);
    if (row) {
        size_t n = MIN(strlen(mode), sizeof row->e.mode - 1);
        memcpy(row->e.mode, mode, n);
        row->e.mode[n] = '\0';
    }
    pthread_mutex_unlock(&p->lock);
    return row != NULL;
}

bool presence_features(struct presence *p, const char *device, uint64_t number, bool has_ui, bool has_peer)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = row_of(p, device, number);
    if (row) {
        row->e.has_ui = has_ui;
        row->e.has_peer = has_peer;
    }
    pthread_mutex_unlock(&p->lock);
    return row != NULL;
}

size_t presence_list(struct presence *p, struct arena *a, struct presence_entry **out)
{
    pthread_mutex_lock(&p->lock);
    size_t n = 0, at = 0;
    *out = p->count ? arena_alloc(a, p->count * sizeof **out) : NULL;
    struct slice key;
    void *value;
    while (map_next(&p->rows, &at, &key, &value))
        (*out)[n++] = ((struct row *)value)->e;
    pthread_mutex_unlock(&p->lock);
    return n;
}

unsigned presence_count(struct presence *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned n = p->count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

uint64_t presence_version(struct presence *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t v = p->version;
    pthread_mutex_unlock(&p->lock);
    return v;
}
