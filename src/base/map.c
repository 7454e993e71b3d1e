/* SPDX-License-Identifier: MIT
 * map.c -- open addressing with linear probing, SipHash-1-3 under a key of the map's own. A removed
 * entry leaves a grave behind until the next growth, so that walking and removing go together. */
#include "base/map.h"

#include "base/mem.h"
#include "base/rand.h"

#define FIRST_CAP 16 /* a power of two, as every capacity */

struct map_slot {
    char *key; /* NULL: free; `grave`: removed */
    size_t key_len;
    uint64_t hash;
    void *value;
};

static char grave[1];

static uint64_t rotl(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint64_t hash_of(const uint64_t key[2], struct slice s)
{
    uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                      key[1] ^ 0x7465646279746573u };
    uint64_t word, last = (uint64_t)s.len << 56;
    size_t at = 0;
    for (; at + sizeof(word) <= s.len; at += sizeof(word)) {
        memcpy(&word, s.data + at, sizeof(word));
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = 0; at + i < s.len; i++)
        last |= (uint64_t)(uint8_t)s.data[at + i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_slot *find(const struct map *m, struct slice key, uint64_t hash)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *slot = &m->slots[i];
        if (!slot->key)
            return NULL;
        if (slot->key != grave && slot->hash == hash && slice_eq(slice_from(slot->key, slot->key_len), key))
            return slot;
    }
}

static struct map_slot *free_slot(struct map *m, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].key)
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

static void grow(struct map *m)
{
    struct map_slot *old = m->slots;
    size_t old_cap = m->cap;
    if (!old)
        rand_bytes(m->key, sizeof(m->key));
    m->cap = FIRST_CAP;
    while (m->cap * 2 < m->count * 5) /* 40 % full at most after growing */
        m->cap *= 2;
    m->slots = xalloc(m->cap * sizeof(*m->slots));
    m->used = m->count;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].key && old[i].key != grave)
            *free_slot(m, old[i].hash) = old[i];
    mem_free(old);
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key != grave)
            mem_free(m->slots[i].key);
    mem_free(m->slots);
    *m = (struct map){ 0 };
}

void *map_get(const struct map *m, struct slice key)
{
    if (m->count == 0)
        return NULL;
    const struct map_slot *slot = find(m, key, hash_of(m->key, key));
    return slot ? slot->value : NULL;
}

void *map_set(struct map *m, struct slice key, void *value)
{
    if ((m->used + 1) * 4 > m->cap * 3)
        grow(m);
    uint64_t hash = hash_of(m->key, key);
    struct map_slot *slot = find(m, key, hash);
    if (slot) {
        void *old = slot->value;
        slot->value = value;
        return old;
    }
    *free_slot(m, hash) = (struct map_slot){ xslicedup(key), key.len, hash, value };
    m->count++;
    m->used++;
    return NULL;
}

void *map_remove(struct map *m, struct slice key)
{
    struct map_slot *slot = m->count ? find(m, key, hash_of(m->key, key)) : NULL;
    if (!slot)
        return NULL;
    void *value = slot->value;
    char *old_key = slot->key;
    *slot = (struct map_slot){ .key = grave };
    m->count--;
    mem_free(old_key); /* last: `key` may be this very copy, from map_next */
    return value;
}

bool map_next(const struct map *m, size_t *at, struct slice *key, void **value)
{
    for (; *at < m->cap; (*at)++) {
        const struct map_slot *slot = &m->slots[*at];
        if (!slot->key || slot->key == grave)
            continue;
        if (key)
            *key = slice_from(slot->key, slot->key_len);
        if (value)
            *value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}
