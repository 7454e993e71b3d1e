/* SPDX-License-Identifier: MIT
 * access.c -- the conf_* accessors: they take NULL, never fail, and warn once per key. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "config/inner.h"

#define LOG_TOPIC "config"

/* ---- warnings ---- */

void config_warn(struct config_inner *in, const char *key, const char *event, const char *fmt, ...)
{
    pthread_mutex_lock(&in->lock);
    bool fresh = !map_set(&in->warned, slice_of(key), in);
    pthread_mutex_unlock(&in->lock);
    if (!fresh)
        return;
    atomic_fetch_add(&in->warnings, 1);
    auto_buf struct buf text = { 0 };
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    LOGW(NULL, event, SLICE_FMT, SLICE_ARG(buf_slice(&text)));
}

void config_warn_value(const struct conf *n, const char *why, const char *used)
{
    auto_buf struct buf given = { 0 };
    value_show(&given, n);
    config_warn(n->tree->inner, n->path, "config.value", "key=%s line=%u given=%s used=%s why=\"%s\"", n->path, n->line,
                given.data, used, why);
}

/* ---- the tree ---- */

enum conf_kind conf_kind(const struct conf *n)
{
    return n ? n->kind : CONF_NULL;
}

unsigned conf_line(const struct conf *n)
{
    return n ? n->line : 0;
}

const struct conf *conf_get(const struct conf *map, const char *key)
{
    return tree_child(map, slice_of(key));
}

size_t conf_count(const struct conf *n)
{
    return n ? n->count : 0;
}

const struct conf *conf_at(const struct conf *n, size_t i)
{
    return i < conf_count(n) ? n->items[i] : NULL;
}

const char *conf_key_at(const struct conf *map, size_t i)
{
    return i < conf_count(map) ? map->items[i]->key : "";
}

const char *conf_key(const struct conf *n)
{
    return n ? n->path : "";
}

const char *conf_text(const struct conf *n)
{
    return n && n->kind == CONF_SCALAR ? n->text : "";
}

const struct conf *config_node(const struct config *c, const char *path)
{
    const struct conf *n = c->inner->root;
    struct slice rest = slice_of(path);
    while (n && rest.data)
        n = tree_child(n, slice_cut(&rest, '.'));
    return conf_kind(n) == CONF_NULL ? NULL : n;
}

const struct conf *config_entry(const struct config *c, const char *kind, const char *alias)
{
    const struct conf *n = conf_get(conf_get(c->inner->root, kind), alias);
    return conf_kind(n) == CONF_MAP ? n : NULL;
}

/* ---- typed reads of a child ---- */

/* NULL: absent or null. */
static const struct conf *present(const struct conf *map, const char *key)
{
    const struct conf *n = conf_get(map, key);
    return conf_kind(n) == CONF_NULL ? NULL : n;
}

const char *conf_str(const struct conf *map, const char *key, const char *otherwise)
{
    const struct conf *n = present(map, key);
    if (!n)
        return otherwise;
    if (n->kind == CONF_SCALAR)
        return n->text;
    config_warn_value(n, "not a text", otherwise ? otherwise : "unset");
    return otherwise;
}

int64_t conf_int(const struct conf *map, const char *key, int64_t otherwise, int64_t min, int64_t max)
{
    const struct conf *n = present(map, key);
    int64_t value = otherwise;
    char used[32];
    const char *why = NULL;
    if (!n)
        return otherwise;
    if (!value_int(n, &value)) {
        why = "not an integer";
        value = otherwise;
    } else if (value < min || value > max) {
        why = "out of range";
        value = value < min ? min : max;
    }
    snprintf(used, sizeof(used), "%lld", (long long)value);
    if (why)
        config_warn_value(n, why, used);
    return value;
}

double conf_num(const struct conf *map, const char *key, double otherwise, double min, double max)
{
    const struct conf *n = present(map, key);
    double value = otherwise;
    char used[40];
    const char *why = NULL;
    if (!n)
        return otherwise;
    if (!value_num(n, &value)) {
        why = "not a number";
        value = otherwise;
    } else if (value < min || value > max) {
        why = "out of range";
        value = value < min ? min : max;
    }
    snprintf(used, sizeof(used), "%g", value);
    if (why)
        config_warn_value(n, why, used);
    return value;
}

bool conf_bool(const struct conf *map, const char *key, bool otherwise)
{
    const struct conf *n = present(map, key);
    bool value = otherwise;
    if (n && !value_bool(n, &value)) {
        config_warn_value(n, "not true or false", otherwise ? "true" : "false");
        value = otherwise;
    }
    return value;
}

const char *conf_secret(const struct conf *map, const char *key)
{
    const struct conf *n = present(map, key);
    if (!n)
        return NULL;
    if (n->kind == CONF_SCALAR)
        return value_secret(n);
    config_warn_value(n, "not a text", "unset");
    return NULL;
}

const char *conf_url(const struct conf *map, const char *key, const char *otherwise)
{
    const char *text = conf_str(map, key, NULL);
    return text && *text && !value_is_placeholder(text) ? text : otherwise;
}

/* ---- canonical text: sorted keys, JSON-like quoting ---- */

static void put_quoted(struct buf *out, const char *text)
{
    buf_put_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_put_byte(out, '\\');
        buf_put_byte(out, *text);
    }
    buf_put_byte(out, '"');
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const struct conf *const *)a)->key, (*(const struct conf *const *)b)->key);
}

static void put_node(struct buf *out, const struct conf *n);

static void put_map(struct buf *out, const struct conf **items, size_t count)
{
    if (count)
        qsort(items, count, sizeof(*items), by_key);
    buf_put_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_byte(out, ',');
        put_quoted(out, items[i]->key);
        buf_put_byte(out, ':');
        put_node(out, items[i]);
    }
    buf_put_byte(out, '}');
}

static void put_node(struct buf *out, const struct conf *n)
{
    switch (n->kind) {
    case CONF_NULL: buf_puts(out, "null"); break;
    case CONF_SCALAR: put_quoted(out, n->text); break;
    case CONF_LIST:
        buf_put_byte(out, '[');
        for (size_t i = 0; i < n->count; i++) {
            if (i)
                buf_put_byte(out, ',');
            put_node(out, n->items[i]);
        }
        buf_put_byte(out, ']');
        break;
    case CONF_MAP:
        conf_canonical(n, NULL, out);
        break;
    }
}

void conf_canonical(const struct conf *base, const struct conf *overrides, struct buf *out)
{
    size_t count = 0, most = conf_count(base) + conf_count(overrides);
    if (conf_kind(base) != CONF_MAP && conf_kind(overrides) != CONF_MAP) {
        if (base)
            put_node(out, base);
        return;
    }
    const struct conf **items = xalloc((most + 1) * sizeof(*items));
    for (size_t i = 0; conf_kind(overrides) == CONF_MAP && i < overrides->count; i++)
        if (overrides->items[i]->kind != CONF_NULL)
            items[count++] = overrides->items[i];
    for (size_t i = 0; conf_kind(base) == CONF_MAP && i < base->count; i++)
        if (base->items[i]->kind != CONF_NULL && !present(overrides, base->items[i]->key))
            items[count++] = base->items[i];
    put_map(out, items, count);
    mem_free(items);
}
