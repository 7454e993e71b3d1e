/* SPDX-License-Identifier: MIT
 * unknown.c -- keys nobody reads are warned of, with the nearest key that is known. */
#include <stdio.h>

#include "config/inner.h"

#define DISTANCE_MAX 3
#define NAME_BYTES_MAX 64

/* ---- edit distance ---- */

static unsigned distance(struct slice a, struct slice b)
{
    unsigned row[NAME_BYTES_MAX + 1];
    if (a.len > NAME_BYTES_MAX || b.len > NAME_BYTES_MAX)
        return DISTANCE_MAX + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned change = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

/* Near enough to be meant: and not just any other short word. */
static bool is_nearer(struct slice given, struct slice known, unsigned *best)
{
    unsigned d = distance(given, known);
    if (d > DISTANCE_MAX || d >= given.len || d * 2 > MAX(given.len, known.len) || d >= *best)
        return false;
    *best = d;
    return true;
}

const char *nearest_of(const char *given, const char *(*candidate)(const void *user, size_t i), const void *user)
{
    const char *found = NULL, *name;
    unsigned best = DISTANCE_MAX + 1;
    for (size_t i = 0; (name = candidate(user, i)); i++)
        if (is_nearer(slice_of(given), slice_of(name), &best))
            found = name;
    return found;
}

/* ---- all keys that are known, one after the other ---- */

struct known {
    const char *key;
    bool is_free; /* anything may stand below */
};

static const char *const accepted[] = {
#define X(key) key,
    SETTINGS_ACCEPTED(X)
#undef X
};

static const char *const aliases[] = {
#define X(other, key) other,
    SETTING_ALIASES(X)
#undef X
};

static bool known_at(size_t i, struct known *out)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    if (i < count) {
        *out = (struct known){ rows[i].key, rows[i].type == SETTING_MAP || rows[i].type == SETTING_ANY };
        return true;
    }
    i -= count;
    if (i < COUNT(accepted)) {
        *out = (struct known){ accepted[i], false };
        return true;
    }
    i -= COUNT(accepted);
    if (i < COUNT(aliases)) {
        *out = (struct known){ aliases[i], true };
        return true;
    }
    return false;
}

enum verdict { UNKNOWN, IS_SECTION, IS_KNOWN };

static enum verdict judge(struct slice path)
{
    enum verdict verdict = UNKNOWN;
    struct known k;
    for (size_t i = 0; known_at(i, &k); i++) {
        struct slice key = slice_of(k.key);
        if (slice_ends(key, SLICE(".*"))) {
            key.len -= 2;
            if (slice_eq(path, key) || (slice_starts(path, key) && path.data[key.len] == '.'))
                return IS_KNOWN;
            continue;
        }
        if (slice_eq(path, key))
            return IS_KNOWN;
        if (slice_starts(key, path) && key.len > path.len && key.data[path.len] == '.')
            verdict = IS_SECTION;
    }
    return verdict;
}

static struct slice last_part(struct slice path)
{
    const char *dot = path.len ? memrchr(path.data, '.', path.len) : NULL;
    return dot ? slice_from(dot + 1, path.len - (size_t)(dot + 1 - path.data)) : path;
}

/* Same level: known keys and sections below the same parent. Otherwise the last name of any key. */
static void suggest(struct slice path, char *out, size_t out_bytes)
{
    struct slice name = last_part(path), parent = slice_sub(path, 0, path.len - name.len);
    unsigned best = DISTANCE_MAX + 1;
    struct known k;
    *out = 0;
    for (size_t i = 0; known_at(i, &k); i++) {
        struct slice key = slice_of(k.key);
        if (!slice_starts(key, parent))
            continue;
        struct slice rest = slice_sub(key, parent.len, key.len);
        struct slice here = slice_cut(&rest, '.');
        if (is_nearer(name, here, &best))
            snprintf(out, out_bytes, "%.*s", (int)(parent.len + here.len), k.key);
    }
    bool none_here = !*out;
    for (size_t i = 0; none_here && known_at(i, &k); i++)
        if (is_nearer(name, last_part(slice_of(k.key)), &best))
            snprintf(out, out_bytes, "%s", k.key);
}

static void check(struct config_inner *in, const struct conf *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct conf *n = map->items[i];
        char nearest[CONF_PATH_BYTES_MAX];
        switch (judge(slice_of(n->path))) {
        case IS_KNOWN: break;
        case IS_SECTION:
            if (n->kind == CONF_MAP)
                check(in, n);
            break;
        case UNKNOWN:
            suggest(slice_of(n->path), nearest, sizeof(nearest));
            config_warn(in, n->path, "config.unknown", "key=%s line=%u%s%s", n->path, n->line,
                        *nearest ? " nearest=" : "", nearest);
        }
    }
}

void unknown_check(struct config_inner *in)
{
    if (in->root->kind == CONF_MAP)
        check(in, in->root);
}
