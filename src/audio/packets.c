/* SPDX-License-Identifier: MIT
 * packets.c -- bytes and entries each in a block that slides: live parts move to the front when the end
 * is reached, and the block grows only when they do not fit. */
#include "audio/packets.h"

#include "base/mem.h"

#define BYTES_FIRST 2048
#define ENTRIES_FIRST 16
#define KEEP_BYTES 16384 /* a cleared list keeps no more than this */

void packets_init(struct packets *p, size_t bytes_max)
{
    *p = (struct packets){ .bytes_max = bytes_max };
}

void packets_done(struct packets *p)
{
    size_t bytes_max = p->bytes_max;
    mem_free(p->bytes);
    mem_free(p->entries);
    *p = (struct packets){ .bytes_max = bytes_max };
}

void packets_clear(struct packets *p)
{
    if (p->bytes_cap > KEEP_BYTES) {
        packets_done(p);
        return;
    }
    p->bytes_start = p->bytes_end = p->first = p->end = 0;
    p->duration_us = 0;
}

static size_t grown(size_t cap, size_t first, size_t need, size_t max)
{
    size_t next = MAX(cap + cap / 2, first);
    return MAX(need, MIN(next, max));
}

static enum err room_bytes(struct packets *p, size_t len)
{
    size_t live = p->bytes_end - p->bytes_start;
    if (p->bytes_end + len <= p->bytes_cap)
        return OK;
    if (live + len > p->bytes_cap - p->bytes_cap / 4) { /* sliding alone would come again too soon */
        size_t cap = grown(p->bytes_cap, BYTES_FIRST, live + len, p->bytes_max);
        if (cap > p->bytes_cap) {
            char *bytes = try_realloc(p->bytes, cap);
            if (!bytes)
                return ERR_NO_MEMORY;
            p->bytes = bytes;
            p->bytes_cap = cap;
        }
    }
    if (p->bytes_start > 0) {
        memmove(p->bytes, p->bytes + p->bytes_start, live);
        for (size_t i = p->first; i < p->end; i++)
            p->entries[i].at -= (uint32_t)p->bytes_start;
        p->bytes_start = 0;
        p->bytes_end = live;
    }
    return OK;
}

static enum err room_entry(struct packets *p)
{
    size_t live = p->end - p->first;
    if (p->end < p->cap)
        return OK;
    if (live >= p->cap - p->cap / 4) {
        size_t cap = MAX((size_t)ENTRIES_FIRST, p->cap + p->cap / 2);
        struct packet_entry *entries = try_realloc(p->entries, cap * sizeof(*entries));
        if (!entries)
            return ERR_NO_MEMORY;
        p->entries = entries;
        p->cap = cap;
    }
    if (p->first > 0) {
        memmove(p->entries, p->entries + p->first, live * sizeof(*p->entries));
        p->first = 0;
        p->end = live;
    }
    return OK;
}

enum err packets_put(struct packets *p, struct slice packet, uint32_t duration_us)
{
    size_t live = p->bytes_end - p->bytes_start + packets_count(p) * sizeof(struct packet_entry);
    if (packet.len + sizeof(struct packet_entry) > p->bytes_max ||
        live > p->bytes_max - packet.len - sizeof(struct packet_entry))
        return ERR_LIMIT;

    enum err e = room_bytes(p, packet.len);
    if (!e)
        e = room_entry(p);
    if (e)
        return e;

    if (packet.len)
        memcpy(p->bytes + p->bytes_end, packet.data, packet.len);
    p->entries[p->end++] = (struct packet_entry){ (uint32_t)p->bytes_end, (uint32_t)packet.len, duration_us };
    p->bytes_end += packet.len;
    p->duration_us += duration_us;
    return OK;
}

void packets_shift(struct packets *p)
{
    if (p->first == p->end)
        return;
    p->duration_us -= p->entries[p->first].duration_us;
    p->bytes_start += p->entries[p->first].len;
    p->first++;
    if (p->first == p->end)
        p->first = p->end = p->bytes_start = p->bytes_end = 0;
}

struct slice packets_at(const struct packets *p, size_t i, uint32_t *duration_us)
{
    assert(i < packets_count(p));
    const struct packet_entry *entry = &p->entries[p->first + i];
    if (duration_us)
        *duration_us = entry->duration_us;
    return slice_from(p->bytes + entry->at, entry->len);
}

size_t packets_memory(const struct packets *p)
{
    return p->bytes_cap + p->cap * sizeof(*p->entries);
}
