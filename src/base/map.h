/* SPDX-License-Identifier: MIT
 * map.h -- string keys (any bytes) to pointers; keys are copied, values borrowed. Keyed hash, so
 * a peer cannot choose collisions. Zero is valid and empty. Not for two threads at once. */
#ifndef PARLEY_BASE_MAP_H
#define PARLEY_BASE_MAP_H

#include "base/base.h"

struct map {
    struct map_slot *slots;
    size_t count, cap;
    size_t used;     /* slots that are taken or were: probing passes over them */
    uint64_t key[2]; /* of the hash, drawn with the first entry */
};

void map_done(struct map *m);
void *map_get(const struct map *m, struct slice key);            /* NULL: not there */
void *map_set(struct map *m, struct slice key, void *value);     /* returns the old value or NULL */
void *map_remove(struct map *m, struct slice key);               /* returns the value or NULL */
/* Walks in no order: *at starts at 0; false at the end. The map must not change meanwhile, except
 * that the entry just returned may be removed. */
bool map_next(const struct map *m, size_t *at, struct slice *key, void **value);

#endif
