/* SPDX-License-Identifier: MIT
 * registry_pick.c -- selected_module, llm_by_mode and fallback, as files spell them (one purpose may be
 * an alias, or a map with alias|name|module|llm and overrides), become entries to try. */
#include "providers/registry_pick.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/settings.h"

enum { KEYS_MAX = 64, DEPTH_MAX = 8, DISTANCE_CHARS = 64, PURPOSE_CHARS = 40 };

static const char *const alias_keys[] = { "alias", "name", "module", "llm" };

static bool is_alias_key(const char *key)
{
    for (size_t i = 0; i < COUNT(alias_keys); i++) {
        if (strcmp(key, alias_keys[i]) == 0)
            return true;
    }
    return false;
}

bool pick_alias(const struct pick_ctx *ctx, const char *alias, const char *where, struct pick *out)
{
    if (!alias || !*alias)
        return false;
    const struct conf *entry = config_entry(ctx->config, kind_name(ctx->kind), alias);
    if (!entry && !ctx->is_class(ctx, alias)) {
        auto_mem char *which = xprintf("%s: %s", where, alias);
        pick_warn(ctx, "unknown alias", which);
        return false;
    }
    *out = (struct pick){ .alias = alias, .settings = entry };
    return true;
}

static const char *selected_path(enum provider_kind kind, char path[40])
{
    snprintf(path, 40, "selected_module.%s", kind_name(kind));
    return path;
}

static bool pick_selected(const struct pick_ctx *ctx, struct pick *out)
{
    char path[40];
    const struct conf *node = config_node(ctx->config, selected_path(ctx->kind, path));
    return conf_kind(node) == CONF_SCALAR && pick_alias(ctx, conf_text(node), path, out);
}

static bool is_number(const char *text)
{
    char *end = NULL;
    if (!*text)
        return false;
    (void)strtod(text, &end);
    return *end == 0;
}

/* {alias|name|module|llm, overrides{}}; without `overrides` all other keys are the overrides. */
static bool pick_map(const struct pick_ctx *ctx, const struct conf *map, const char *where, struct pick *out)
{
    const char *alias = NULL;
    for (size_t i = 0; i < COUNT(alias_keys) && !alias; i++) {
        const struct conf *n = conf_get(map, alias_keys[i]);
        if (conf_kind(n) == CONF_SCALAR && conf_text(n)[0])
            alias = conf_text(n);
    }
    if (!alias) {
        pick_warn(ctx, "names no alias", where);
        return false;
    }
    if (!pick_alias(ctx, alias, where, out))
        return false;
    const struct conf *overrides = conf_get(map, "overrides");
    if (conf_kind(overrides) == CONF_MAP) {
        out->overrides = overrides;
    } else if (conf_kind(overrides) != CONF_NULL) {
        pick_warn(ctx, "overrides are no map", where);
    } else if (conf_count(map) > 1) {
        out->overrides = map;
        out->has_plain_overrides = true;
    }
    return true;
}

enum found { FOUND_NOTHING, FOUND_USELESS, FOUND };

/* One value of llm_by_mode. USELESS: a number, a list, an unknown alias ... (warned of). */
static enum found pick_purpose(const struct pick_ctx *ctx, const struct conf *by_mode, const char *purpose,
                               struct pick *out)
{
    auto_mem char *where = xprintf("llm_by_mode.%s", purpose);
    const struct conf *node = conf_get(by_mode, purpose);
    switch (conf_kind(node)) {
    case CONF_NULL:
        return FOUND_NOTHING;
    case CONF_MAP:
        return pick_map(ctx, node, where, out) ? FOUND : FOUND_USELESS;
    case CONF_LIST:
        pick_warn(ctx, "is a list", where);
        return FOUND_USELESS;
    case CONF_SCALAR:
        break;
    }
    const char *alias = conf_text(node);
    if (!*alias)
        return FOUND_NOTHING;
    if (is_number(alias) && !config_entry(ctx->config, "LLM", alias)) {
        pick_warn(ctx, "is a number", where);
        return FOUND_USELESS;
    }
    return pick_alias(ctx, alias, where, out) ? FOUND : FOUND_USELESS;
}

static void lower(const char *purpose, char out[PURPOSE_CHARS])
{
    size_t n = 0;
    for (; purpose && purpose[n] && n + 1 < PURPOSE_CHARS; n++)
        out[n] = (char)(purpose[n] >= 'A' && purpose[n] <= 'Z' ? purpose[n] + 32 : purpose[n]);
    out[n] = 0;
    if (!n)
        snprintf(out, PURPOSE_CHARS, "chat");
}

static unsigned pick_by_mode(const struct pick_ctx *ctx, const char *purpose, struct pick *out)
{
    static const char fallback_purpose[] = "default";
    unsigned n = 0;
    char name[PURPOSE_CHARS];
    lower(purpose, name);
    const struct conf *by_mode = config_node(ctx->config, "llm_by_mode");
    if (conf_kind(by_mode) == CONF_NULL || (conf_kind(by_mode) == CONF_MAP && !conf_count(by_mode)))
        return 0;
    if (conf_kind(by_mode) != CONF_MAP) {
        pick_warn(ctx, "is no map", "llm_by_mode");
        return 0;
    }
    enum found found = pick_purpose(ctx, by_mode, name, &out[n]);
    if (found == FOUND) {
        out[n++].purpose = purpose;
    } else if (found == FOUND_NOTHING) {
        auto_mem char *where = xprintf("llm_by_mode.%s", name);
        pick_warn(ctx, "missing, the default is used", where);
    }
    if (strcmp(name, fallback_purpose) != 0 && pick_purpose(ctx, by_mode, fallback_purpose, &out[n]) == FOUND)
        out[n++].purpose = purpose;
    return n;
}

/* Existing files name the model of the intent pass in the Intent entry. */
static bool pick_intent(const struct pick_ctx *ctx, const char *purpose, struct pick *out)
{
    if (!purpose || strcmp(purpose, "intent") != 0 || config_node(ctx->config, "llm_by_mode.intent"))
        return false;
    const struct conf *entry = config_entry(ctx->config, "Intent", ctx->config->selected_module_Intent);
    const char *alias = conf_str(entry, "llm", "");
    return *alias && pick_alias(ctx, alias, "Intent.llm", out);
}

unsigned pick_candidates(const struct pick_ctx *ctx, const char *purpose, struct pick out[PICK_CANDIDATES])
{
    unsigned n = 0;
    if (ctx->kind == KIND_LLM && pick_intent(ctx, purpose, out))
        out[n++].purpose = purpose;
    else if (ctx->kind == KIND_LLM)
        n = pick_by_mode(ctx, purpose, out);
    if (pick_selected(ctx, &out[n]))
        out[n++].purpose = purpose;
    out[n++] = (struct pick){ .alias = ctx->embedded, .purpose = purpose };
    return n;
}

/* ---- the resolved map ---- */

static const struct conf *override_of(const struct pick *p, const char *key)
{
    if (!p->overrides || (p->has_plain_overrides && is_alias_key(key)))
        return NULL;
    const struct conf *n = conf_get(p->overrides, key);
    return conf_kind(n) == CONF_NULL ? NULL : n;
}

const char *pick_type(const struct pick *p)
{
    const struct conf *n = override_of(p, "type");
    if (!n)
        n = conf_get(p->settings, "type");
    return conf_kind(n) == CONF_SCALAR && conf_text(n)[0] ? conf_text(n) : p->alias;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_text(struct buf *out, const char *text)
{
    buf_printf(out, "%zu:%s", strlen(text), text); /* the length keeps values from running together */
}

static void print_node(const struct conf *n, struct buf *out, unsigned depth);

static void print_map(const char **keys, size_t count, const struct pick *p, const struct conf *map, struct buf *out,
                      unsigned depth)
{
    qsort(keys, count, sizeof(*keys), by_name);
    buf_puts(out, "{");
    for (size_t i = 0; i < count; i++) {
        if (i && strcmp(keys[i], keys[i - 1]) == 0)
            continue;
        const struct conf *over = p ? override_of(p, keys[i]) : NULL;
        print_text(out, keys[i]);
        buf_puts(out, "=");
        print_node(over ? over : conf_get(map, keys[i]), out, depth + 1);
    }
    buf_puts(out, "}");
}

static void print_node(const struct conf *n, struct buf *out, unsigned depth)
{
    const char *keys[KEYS_MAX];
    size_t count = MIN(conf_count(n), (size_t)KEYS_MAX);
    if (depth > DEPTH_MAX)
        return;
    switch (conf_kind(n)) {
    case CONF_NULL:
        buf_puts(out, "~");
        break;
    case CONF_SCALAR:
        print_text(out, conf_text(n));
        break;
    case CONF_LIST:
        buf_puts(out, "[");
        for (size_t i = 0; i < conf_count(n); i++)
            print_node(conf_at(n, i), out, depth + 1);
        buf_puts(out, "]");
        break;
    case CONF_MAP:
        for (size_t i = 0; i < count; i++)
            keys[i] = conf_key_at(n, i);
        print_map(keys, count, NULL, n, out, depth);
        break;
    }
}

void pick_canonical(const struct pick *p, struct buf *out)
{
    const char *keys[2 * KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < conf_count(p->settings) && i < KEYS_MAX; i++)
        keys[count++] = conf_key_at(p->settings, i);
    for (size_t i = 0; p->overrides && i < conf_count(p->overrides) && i < KEYS_MAX; i++) {
        const char *key = conf_key_at(p->overrides, i);
        if (override_of(p, key))
            keys[count++] = key;
    }
    print_map(keys, count, p, p->settings, out, 0);
}

unsigned pick_distance(const char *a, const char *b)
{
    unsigned row[DISTANCE_CHARS + 1];
    size_t a_len = strnlen(a, DISTANCE_CHARS), b_len = strnlen(b, DISTANCE_CHARS);
    for (unsigned j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned above = row[j];
            unsigned best = MIN(row[j - 1], above) + 1;
            row[j] = MIN(best, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}
