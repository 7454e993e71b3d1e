/* SPDX-License-Identifier: MIT
 * clip.c -- clips are counted, not copied; the cache is a map over a list in order of use. */
#include "audio/clip.h"

#include <stdatomic.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct clip {
    atomic_uint refs;
    uint64_t made_ms;
    struct packets packets;
};

enum err clip_create(struct clip **out, const struct packets *p)
{
    struct clip *c = xnew(struct clip);
    atomic_init(&c->refs, 1);
    packets_init(&c->packets, CLIP_BYTES_MAX);
    for (size_t i = 0; i < packets_count(p); i++) {
        uint32_t us = 0;
        struct slice packet = packets_at(p, i, &us);
        enum err e = packets_put(&c->packets, packet, us);
        if (e) {
            clip_unref(c);
            return e;
        }
    }
    *out = c;
    return OK;
}

void clip_set_made_ms(struct clip *c, uint64_t ms)
{
    c->made_ms = ms;
}

uint64_t clip_made_ms(const struct clip *c)
{
    return c->made_ms;
}

struct clip *clip_ref(struct clip *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void clip_unref(struct clip *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    packets_done(&c->packets);
    mem_free(c);
}

size_t clip_count(const struct clip *c)
{
    return packets_count(&c->packets);
}

struct slice clip_at(const struct clip *c, size_t i, uint32_t *duration_us)
{
    return packets_at(&c->packets, i, duration_us);
}

uint64_t clip_us(const struct clip *c)
{
    return c->packets.duration_us;
}

struct cached {
    struct node node; /* most recently used at the end */
    struct clip *clip;
    char *key;
    size_t key_len, bytes;
};

struct clip_cache {
    struct map by_key;
    struct list by_use;
    size_t bytes, bytes_max, count;
};

void clip_cache_create(struct clip_cache **out, size_t bytes_max)
{
    struct clip_cache *c = xnew(struct clip_cache);
    c->bytes_max = bytes_max;
    list_init(&c->by_use);
    *out = c;
}

static void drop(struct clip_cache *c, struct cached *entry)
{
    map_remove(&c->by_key, slice_from(entry->key, entry->key_len));
    list_unlink(&entry->node);
    c->bytes -= entry->bytes;
    c->count--;
    clip_unref(entry->clip);
    mem_free(entry->key);
    mem_free(entry);
}

void clip_cache_free(struct clip_cache *c)
{
    if (!c)
        return;
    while (!list_empty(&c->by_use))
        drop(c, container_of(c->by_use.head.next, struct cached, node));
    map_done(&c->by_key);
    mem_free(c);
}

static void key_make(struct buf *out, const struct clip_key *k)
{
    buf_printf(out, "%u %u %zu ", k->rate_hz, k->frame_us, k->voice.len);
    buf_put(out, k->voice);
    buf_put(out, k->text);
}

struct clip *clip_cache_get(struct clip_cache *c, const struct clip_key *k)
{
    auto_buf struct buf key = { 0 };
    key_make(&key, k);
    struct cached *entry = map_get(&c->by_key, buf_slice(&key));
    if (!entry)
        return NULL;
    list_unlink(&entry->node);
    list_push(&c->by_use, &entry->node);
    return clip_ref(entry->clip);
}

void clip_cache_put(struct clip_cache *c, const struct clip_key *k, struct clip *clip)
{
    auto_buf struct buf key = { 0 };
    key_make(&key, k);
    struct cached *old = map_get(&c->by_key, buf_slice(&key));
    if (old)
        drop(c, old);

    size_t bytes = sizeof(struct cached) + sizeof(struct clip) + 2 * key.len + packets_memory(&clip->packets);
    if (bytes > c->bytes_max / 4)
        return;
    while (c->bytes + bytes > c->bytes_max)
        drop(c, container_of(c->by_use.head.next, struct cached, node));

    struct cached *entry = xnew(struct cached);
    entry->clip = clip_ref(clip);
    entry->key = xmemdup(key.data, key.len);
    entry->key_len = key.len;
    entry->bytes = bytes;
    map_set(&c->by_key, buf_slice(&key), entry);
    list_push(&c->by_use, &entry->node);
    c->bytes += bytes;
    c->count++;
}

size_t clip_cache_bytes(const struct clip_cache *c)
{
    return c->bytes;
}

size_t clip_cache_count(const struct clip_cache *c)
{
    return c->count;
}
