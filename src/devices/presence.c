/* SPDX-License-Identifier: MIT
 * presence.c -- see presence.h. */
#include "devices/presence.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/map.h"

#define TAKEOVER_WINDOW_MS 60000
#define TAKEOVERS_REMEMBERED 8

struct takeovers {
    uint64_t at_ms[TAKEOVERS_REMEMBERED]; /* ring of the last ones */
    unsigned count;
};

/* An entry as it is kept: one for each device that is online, so its texts are as long as they are. */
struct row {
    const char *device, *client, *session, *proof;
    char *texts; /* the block of the four */
    char mode[sizeof(((struct presence_entry *)0)->mode)];
    struct loop *loop;
    void *opaque;
    uint64_t number;
    int64_t since_ms;
    bool has_ui, has_peer;
    struct takeovers *takeovers; /* NULL: none yet */
};

struct presence {
    pthread_mutex_t lock;
    struct map rows; /* device -> struct row, online ones only */
    uint64_t last_number, version;
    unsigned count;
};

static void row_fill(struct row *row, const struct presence_entry *e)
{
    mem_free(row->texts);
    *row = (struct row){ .device = e->device, .client = e->client, .session = e->session, .proof = e->proof,
                         .loop = e->loop, .opaque = e->opaque, .number = e->number, .since_ms = e->since_ms,
                         .has_ui = e->has_ui, .has_peer = e->has_peer, .takeovers = row->takeovers };
    memcpy(row->mode, e->mode, sizeof row->mode);
    row->texts = xpack(&row->device, &row->client, &row->session, &row->proof);
}

static void row_tell(const struct row *row, struct presence_entry *e)
{
    *e = (struct presence_entry){ .loop = row->loop, .opaque = row->opaque, .number = row->number,
                                  .since_ms = row->since_ms, .has_ui = row->has_ui, .has_peer = row->has_peer };
    snprintf(e->device, sizeof e->device, "%s", row->device);
    snprintf(e->client, sizeof e->client, "%s", row->client);
    snprintf(e->session, sizeof e->session, "%s", row->session);
    snprintf(e->proof, sizeof e->proof, "%s", row->proof);
    memcpy(e->mode, row->mode, sizeof e->mode);
}

static void row_free(struct row *row)
{
    if (!row)
        return;
    mem_free(row->texts);
    mem_free(row->takeovers);
    mem_free(row);
}

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
        row_free(value);
    map_done(&p->rows);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

static struct row *row_of(struct presence *p, const char *device, uint64_t number)
{
    struct row *row = map_get(&p->rows, slice_of(device));
    return row && row->number == number ? row : NULL;
}

/* One more; how many there were within the window. */
static unsigned count_takeover(struct row *row)
{
    uint64_t now_ms = clock_mono_us() / 1000;
    unsigned within = 0;
    if (!row->takeovers)
        row->takeovers = xnew(struct takeovers);
    struct takeovers *t = row->takeovers;
    t->at_ms[t->count++ % TAKEOVERS_REMEMBERED] = now_ms;
    for (unsigned i = 0; i < MIN(t->count, TAKEOVERS_REMEMBERED); i++)
        within += now_ms - t->at_ms[i] < TAKEOVER_WINDOW_MS;
    return within;
}

bool presence_add(struct presence *p, struct presence_entry *e, struct presence_entry *old, unsigned *takeovers)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = map_get(&p->rows, slice_of(e->device));
    bool had = row != NULL;
    unsigned count = had ? count_takeover(row) : 0;
    e->number = ++p->last_number;
    p->version++;
    if (had && old)
        row_tell(row, old);
    if (!had) {
        row = xnew(struct row);
        map_set(&p->rows, slice_of(e->device), row);
        p->count++;
    }
    row_fill(row, e);
    if (takeovers)
        *takeovers = count;
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
        row_fill(row, e);
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
    row_free(row);
    return row != NULL;
}

bool presence_get(struct presence *p, const char *device, struct presence_entry *out)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = map_get(&p->rows, slice_of(device));
    if (row)
        row_tell(row, out);
    pthread_mutex_unlock(&p->lock);
    return row != NULL;
}

bool presence_mode(struct presence *p, const char *device, uint64_t number, const char *mode)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = row_of(p, device, number);
    if (row) {
        size_t n = MIN(strlen(mode), sizeof row->mode - 1);
        memcpy(row->mode, mode, n);
        row->mode[n] = '\0';
    }
    pthread_mutex_unlock(&p->lock);
    return row != NULL;
}

bool presence_features(struct presence *p, const char *device, uint64_t number, bool has_ui, bool has_peer)
{
    pthread_mutex_lock(&p->lock);
    struct row *row = row_of(p, device, number);
    if (row) {
        row->has_ui = has_ui;
        row->has_peer = has_peer;
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
        row_tell(value, &(*out)[n++]);
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
