/* SPDX-License-Identifier: MIT
 * kinds.c -- provider entries: the embedded ones, and whether what is selected can be used. */
#include <stdio.h>
#include <stdlib.h>

#include "config/embedded.h"
#include "config/inner.h"

#define TESTS_TYPE_PREFIX "fake" /* scripted providers of the tests */

struct kind {
    const char *name, *initial, *nearest;
};

struct type {
    const char *kind, *name, *keys, *help;
};

static const struct kind kinds[] = {
#define X(name, initial, nearest) { name, initial, nearest },
    PROVIDER_KINDS(X)
#undef X
};

static const struct type types[] = {
#define X(kind, name, keys, help) { kind, name, keys, help },
    PROVIDER_TYPES(X)
#undef X
};

/* ---- the embedded entries below those of the file ---- */

static struct conf *relabel(struct conf_tree *t, const struct conf *from, const char *key, const char *path)
{
    struct conf *n = tree_node(t, from->kind, key, path);
    const char *own_path = n->path;
    *n = *from;
    n->key = key;
    n->path = own_path;
    return n;
}

/* Keys the file's entry does not have come from the embedded one of the same type. */
static void merge_entry(struct conf *entry, const struct conf *embedded)
{
    const struct conf *type = tree_child(entry, SLICE("type"));
    if (conf_kind(type) != CONF_NULL && strcmp(conf_text(type), conf_text(conf_get(embedded, "type"))) != 0)
        return;
    for (size_t i = 0; i < embedded->count; i++)
        if (conf_kind(tree_child(entry, slice_of(embedded->items[i]->key))) == CONF_NULL)
            tree_add(entry, embedded->items[i]);
}

static void merge_kind(struct config_inner *in, const struct conf *embedded)
{
    struct conf *section = tree_child(in->root, slice_of(embedded->key));
    if (section && section->kind != CONF_MAP && section->kind != CONF_NULL)
        config_warn_value(section, "not a map", "the embedded providers");
    if (!section || section->kind != CONF_MAP) {
        tree_add(in->root, relabel(&in->tree, embedded, embedded->key, embedded->key));
        return;
    }
    for (size_t i = 0; i < embedded->count; i++) {
        struct conf *entry = tree_child(section, slice_of(embedded->items[i]->key));
        if (entry && entry->kind == CONF_MAP)
            merge_entry(entry, embedded->items[i]);
        else
            tree_add(section, embedded->items[i]);
    }
}

void kinds_merge_embedded(struct config_inner *in)
{
    struct conf *embedded = NULL;
    if (tree_read(&in->tree, &embedded, slice_of(embedded_yaml), "built-in", true, NULL))
        abort();
    for (size_t i = 0; i < embedded->count; i++)
        merge_kind(in, embedded->items[i]);
}

/* ---- is what is selected there? ---- */

static const struct type *find_type(const char *kind, const char *name)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(types[i].kind, kind) == 0 && strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static const char *type_at(const void *kind, size_t i)
{
    for (size_t t = 0; t < COUNT(types); t++)
        if (strcmp(types[t].kind, kind) == 0 && i-- == 0)
            return types[t].name;
    return NULL;
}

static bool has_word(const char *words, const char *word)
{
    struct slice rest = slice_of(words);
    while (rest.data)
        if (slice_is(slice_cut(&rest, ' '), word))
            return true;
    return false;
}

struct words {
    const char *list;
    struct conf_tree *tree;
};

static const char *word_at(const void *user, size_t i)
{
    const struct words *w = user;
    struct slice rest = slice_of(w->list), word = { 0 };
    for (size_t at = 0; at <= i; at++) {
        if (!rest.data)
            return NULL;
        word = slice_cut(&rest, ' ');
    }
    return arena_strdup(&w->tree->arena, word);
}

static void check_keys(struct config_inner *in, const struct conf *entry, const struct type *type)
{
    if (strcmp(type->keys, "*") == 0)
        return;
    for (size_t i = 0; i < entry->count; i++) {
        const struct conf *n = entry->items[i];
        if (n->line == 0 || strcmp(n->key, "type") == 0 || has_word(type->keys, n->key))
            continue;
        struct words words = { type->keys, &in->tree };
        const char *nearest = nearest_of(n->key, word_at, &words);
        config_warn(in, n->path, "config.unknown", "key=%s line=%u%s%s", n->path, n->line,
                    nearest ? " nearest=" : "", nearest ? nearest : "");
    }
}

/* A secret of an entry in use that still is the text of a sample. */
static void check_filled_in(struct config_inner *in, const struct conf *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        const struct conf *n = entry->items[i];
        if (n->line && n->kind == CONF_SCALAR && value_is_secret(n->key) && value_is_placeholder(n->text))
            config_warn(in, n->path, "config.placeholder", "key=%s line=%u is not filled in, used=unset", n->path,
                        n->line);
    }
}

static const char **selected_field(struct config *c, const char *kind)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strncmp(rows[i].key, "selected_module.", 16) == 0 && strcmp(rows[i].key + 16, kind) == 0)
            return (const char **)(void *)((char *)c + rows[i].offset);
    abort(); /* each kind has its row */
}

/* In the tree too, so that config_node() and the field say the same. */
static void select_instead(struct config *c, const struct kind *kind, const char *alias)
{
    struct config_inner *in = c->inner;
    *selected_field(c, kind->name) = alias;
    struct conf *section = tree_child(in->root, SLICE("selected_module"));
    struct conf *n = section ? tree_child(section, slice_of(kind->name)) : NULL;
    if (n) {
        n->kind = *alias ? CONF_SCALAR : CONF_NULL;
        n->text = alias;
    }
}

static const char *alias_at(const void *section, size_t i)
{
    const struct conf *n = section;
    return n && n->kind == CONF_MAP && i < n->count ? n->items[i]->key : NULL;
}

/* A name that no entry has, and that looks like one that an entry has. */
static bool is_misspelt(struct config *c, const struct kind *kind, const char *alias)
{
    char key[64];
    if (config_entry(c, kind->name, alias) || nearest_of(alias, type_at, kind->name))
        return false;
    const char *nearest = nearest_of(alias, alias_at, config_node(c, kind->name));
    if (!nearest)
        return false;
    snprintf(key, sizeof(key), "selected_module.%s", kind->name);
    const char *used = *kind->initial ? kind->initial : "none";
    config_warn(c->inner, key, "config.no_entry", "key=%s alias=\"%s\" line=%u nearest=%s used=%s", key, alias,
                conf_line(config_node(c, key)), nearest, used);
    config_remark(c->inner, key, "there is no entry %s.%s; the nearest is %s", kind->name, alias, nearest);
    select_instead(c, kind, kind->initial);
    return true;
}

static void refuse(struct config *c, const struct kind *kind, const char *alias, const char *type)
{
    char key[64];
    snprintf(key, sizeof(key), "selected_module.%s", kind->name);
    const char *nearest = nearest_of(type, type_at, kind->name);
    nearest = nearest ? nearest : kind->nearest;
    const char *used = *kind->initial ? kind->initial : "none";
    config_warn(c->inner, key, "config.unsupported", "key=%s alias=\"%s\" line=%u type=\"%s\" nearest=%s used=%s",
                key, alias,
                conf_line(config_node(c, key)), type, nearest, used);
    config_remark(c->inner, key, "\"%s\" has type \"%s\", which Parley does not have; the nearest is %s", alias, type,
                  nearest);
    select_instead(c, kind, kind->initial);
}

static void check_kind(struct config *c, const struct kind *kind)
{
    const char *alias = *selected_field(c, kind->name);
    if (!*alias) {
        select_instead(c, kind, kind->initial);
        return;
    }
    const struct conf *entry = config_entry(c, kind->name, alias);
    const char *type = conf_text(conf_get(entry, "type"));
    type = *type ? type : alias;
    const struct type *known = find_type(kind->name, type);
    if (!known && is_misspelt(c, kind, alias))
        return;
    if (!known && strncmp(type, TESTS_TYPE_PREFIX, strlen(TESTS_TYPE_PREFIX)) != 0) {
        refuse(c, kind, alias, type);
    } else if (known && entry) {
        check_keys(c->inner, entry, known);
        check_filled_in(c->inner, entry);
    }
}

void kinds_check_selected(struct config *c)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        check_kind(c, &kinds[i]);
}

void kinds_docs(struct buf *out)
{
    buf_puts(out, "| kind | `type` | what it is |\n|---|---|---|\n");
    for (size_t i = 0; i < COUNT(types); i++)
        buf_printf(out, "| %s | %s | %s |\n", types[i].kind, types[i].name, types[i].help);
}
