/* SPDX-License-Identifier: MIT
 * tree.c -- libyaml's events become nodes. Recursion is as deep as the file, which has a limit; an
 * alias copies what it names, so that a small file cannot unfold into a huge one unnoticed. */
#include "config/tree.h"

#include <stdio.h>
#include <yaml.h>

#include "config/inner.h"

struct anchor {
    const char *name;
    struct conf *node;
    bool open; /* still being read: an alias to it would have no end */
};

struct reader {
    yaml_parser_t parser;
    struct conf_tree *tree;
    const char *name;
    struct err_note *note;
    bool is_builtin;
    struct anchor anchors[CONF_ANCHORS_MAX];
    size_t anchor_count;
};

static enum err fail(struct reader *r, enum err e, size_t line, const char *why)
{
    r->note->err = e;
    if (line)
        snprintf(r->note->text, sizeof(r->note->text), "%s:%zu: %s", r->name, line, why);
    else
        snprintf(r->note->text, sizeof(r->note->text), "%s: %s", r->name, why);
    return e;
}

/* ---- nodes ---- */

struct conf *tree_node(struct conf_tree *t, enum conf_kind kind, const char *key, const char *path)
{
    struct conf *n = arena_alloc(&t->arena, sizeof(*n));
    n->kind = kind;
    n->key = key;
    n->path = path;
    n->text = "";
    n->tree = t;
    t->nodes++;
    return n;
}

struct conf *tree_child(const struct conf *map, struct slice key)
{
    if (!map || map->kind != CONF_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (slice_is(key, map->items[i]->key))
            return map->items[i];
    return NULL;
}

void tree_add(struct conf *parent, struct conf *child)
{
    if (parent->kind == CONF_MAP)
        for (size_t i = 0; i < parent->count; i++)
            if (strcmp(parent->items[i]->key, child->key) == 0) {
                parent->items[i] = child;
                return;
            }
    if (parent->count == parent->cap) {
        size_t cap = parent->cap ? parent->cap * 2 : 8;
        struct conf **items = arena_alloc(&parent->tree->arena, cap * sizeof(struct conf *));
        if (parent->count)
            memcpy(items, parent->items, parent->count * sizeof(struct conf *));
        parent->items = items;
        parent->cap = cap;
    }
    parent->items[parent->count++] = child;
}

const char *tree_join(struct conf_tree *t, const char *path, const char *key)
{
    char text[CONF_PATH_BYTES_MAX];
    if (!*path)
        return key;
    snprintf(text, sizeof(text), "%s.%s", path, key);
    return arena_strdup(&t->arena, slice_of(text));
}

static const char *element_path(struct conf_tree *t, const char *path, size_t index)
{
    char text[CONF_PATH_BYTES_MAX];
    snprintf(text, sizeof(text), "%s[%zu]", path, index);
    return arena_strdup(&t->arena, slice_of(text));
}

/* NULL: over the limit of nodes. */
static struct conf *copy(struct conf_tree *t, const struct conf *from, const char *key, const char *path)
{
    if (t->nodes >= CONF_NODES_MAX)
        return NULL;
    struct conf *n = tree_node(t, from->kind, key, path);
    n->quoted = from->quoted;
    n->line = from->line;
    n->text = from->text;
    for (size_t i = 0; i < from->count; i++) {
        const struct conf *child = from->items[i];
        bool in_map = from->kind == CONF_MAP;
        struct conf *twin = copy(t, child, child->key,
                                 in_map ? tree_join(t, path, child->key) : element_path(t, path, i));
        if (!twin)
            return NULL;
        tree_add(n, twin);
    }
    return n;
}

/* ---- events ---- */

static bool is_null(const char *text)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static enum err next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return OK;
    char why[160];
    const yaml_parser_t *p = &r->parser;
    bool is_tab = p->problem && strstr(p->problem, "cannot start any token"); /* mostly that; or @ and ` */
    snprintf(why, sizeof(why), "%s%s%s%s", p->problem ? p->problem : "cannot be read", p->context ? ", " : "",
             p->context ? p->context : "", is_tab ? " (a tab? YAML wants spaces; or a text that wants quotes)" : "");
    size_t line = p->error == YAML_READER_ERROR ? 0 : p->problem_mark.line + 1;
    return fail(r, p->error == YAML_MEMORY_ERROR ? ERR_NO_MEMORY : ERR_PROTO, line, why);
}

static const char *anchor_of(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return (const char *)e->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *)e->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *)e->data.mapping_start.anchor;
    default: return NULL;
    }
}

static enum err read_node(struct reader *r, yaml_event_t *event, const char *key, const char *path,
                          unsigned depth, struct conf **out);

static enum err read_list(struct reader *r, struct conf *list, unsigned depth)
{
    for (;;) {
        yaml_event_t event;
        struct conf *item = NULL;
        enum err e = next_event(r, &event);
        if (e)
            return e;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return OK;
        }
        e = read_node(r, &event, "", element_path(r->tree, list->path, list->count), depth, &item);
        if (e)
            return e;
        tree_add(list, item);
    }
}

static enum err read_key(struct reader *r, const yaml_event_t *event, struct conf *map, const char **key)
{
    size_t line = event->start_mark.line + 1;
    if (event->type != YAML_SCALAR_EVENT)
        return fail(r, ERR_PROTO, line, "a key must be a plain text");
    struct slice text = slice_from(event->data.scalar.value, event->data.scalar.length);
    if (text.len > CONF_KEY_BYTES_MAX || memchr(text.data, 0, text.len))
        return fail(r, ERR_PROTO, line, "this key is too long or not a text");
    const struct conf *twin = tree_child(map, text);
    if (twin && r->tree->inner)
        config_warn(r->tree->inner, twin->path, "config.duplicate", "key=%s line=%zu before=%u used=the last",
                    twin->path, line, twin->line);
    *key = arena_strdup(&r->tree->arena, text);
    return OK;
}

/* `<<: *base`: what the map does not have itself comes from there. */
static enum err unfold_merge(struct reader *r, struct conf *map)
{
    struct conf *merge = tree_child(map, SLICE("<<"));
    if (!merge || merge->quoted)
        return OK;
    size_t sources = merge->kind == CONF_LIST ? merge->count : 1;
    for (size_t s = 0; s < sources; s++) {
        const struct conf *from = merge->kind == CONF_LIST ? merge->items[s] : merge;
        if (from->kind != CONF_MAP)
            return fail(r, ERR_PROTO, merge->line, "<< needs a map");
        for (size_t i = 0; i < from->count; i++) {
            const struct conf *child = from->items[i];
            if (tree_child(map, slice_of(child->key)))
                continue;
            struct conf *twin = copy(r->tree, child, child->key, tree_join(r->tree, map->path, child->key));
            if (!twin)
                return fail(r, ERR_LIMIT, merge->line, "too many values");
            tree_add(map, twin);
        }
    }
    for (size_t i = 0; i < map->count; i++)
        if (map->items[i] == merge) {
            memmove(&map->items[i], &map->items[i + 1], (map->count - i - 1) * sizeof(map->items[0]));
            map->count--;
            break;
        }
    return OK;
}

static enum err read_map(struct reader *r, struct conf *map, unsigned depth)
{
    for (;;) {
        yaml_event_t event;
        struct conf *value = NULL;
        const char *key = NULL;
        enum err e = next_event(r, &event);
        if (e)
            return e;
        bool ended = event.type == YAML_MAPPING_END_EVENT;
        if (!ended)
            e = read_key(r, &event, map, &key);
        yaml_event_delete(&event);
        if (e)
            return e;
        if (ended)
            return unfold_merge(r, map);
        e = next_event(r, &event);
        if (!e)
            e = read_node(r, &event, key, tree_join(r->tree, map->path, key), depth, &value);
        if (e)
            return e;
        tree_add(map, value);
    }
}

static enum err read_alias(struct reader *r, const yaml_event_t *event, const char *key, const char *path,
                           struct conf **out)
{
    size_t line = event->start_mark.line + 1;
    for (size_t i = r->anchor_count; i-- > 0;) {
        struct anchor *a = &r->anchors[i];
        if (strcmp(a->name, (const char *)event->data.alias.anchor) != 0)
            continue;
        if (a->open)
            return fail(r, ERR_PROTO, line, "an alias inside of what it names");
        *out = copy(r->tree, a->node, key, path);
        return *out ? OK : fail(r, ERR_LIMIT, line, "too many values");
    }
    return fail(r, ERR_PROTO, line, "an alias of nothing");
}

/* Eats the event. */
static enum err read_node(struct reader *r, yaml_event_t *event, const char *key, const char *path,
                          unsigned depth, struct conf **out)
{
    size_t line = event->start_mark.line + 1;
    enum err e = OK;
    if (event->type == YAML_ALIAS_EVENT) {
        e = read_alias(r, event, key, path, out);
        yaml_event_delete(event);
        return e;
    }
    struct conf *n = tree_node(r->tree, CONF_SCALAR, key, path);
    n->line = r->is_builtin ? 0 : (unsigned)line;
    size_t anchor = SIZE_MAX;
    const char *anchor_name = anchor_of(event);
    if (anchor_name && r->anchor_count < CONF_ANCHORS_MAX) {
        anchor = r->anchor_count++;
        const char *name = arena_strdup(&r->tree->arena, slice_of(anchor_name));
        r->anchors[anchor] = (struct anchor){ name, n, true };
    } else if (anchor_name) {
        e = fail(r, ERR_LIMIT, line, "too many anchors");
    }
    yaml_event_type_t type = event->type;
    if (!e && type == YAML_SCALAR_EVENT) {
        struct slice text = slice_from(event->data.scalar.value, event->data.scalar.length);
        n->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        n->text = arena_strdup(&r->tree->arena, text);
        if (text.len != strlen(n->text))
            e = fail(r, ERR_PROTO, line, "a NUL inside a text");
        else if (!n->quoted && is_null(n->text))
            n->kind = CONF_NULL;
    }
    yaml_event_delete(event);
    if (!e && (depth >= CONF_DEPTH_MAX || r->tree->nodes > CONF_NODES_MAX))
        e = fail(r, ERR_LIMIT, line, depth >= CONF_DEPTH_MAX ? "nested too deeply" : "too many values");
    if (!e && type == YAML_SEQUENCE_START_EVENT) {
        n->kind = CONF_LIST;
        e = read_list(r, n, depth + 1);
    } else if (!e && type == YAML_MAPPING_START_EVENT) {
        n->kind = CONF_MAP;
        e = read_map(r, n, depth + 1);
    } else if (!e && type != YAML_SCALAR_EVENT) {
        e = fail(r, ERR_PROTO, line, "a value was expected");
    }
    if (anchor != SIZE_MAX)
        r->anchors[anchor].open = false;
    *out = n;
    return e;
}

static enum err expect(struct reader *r, yaml_event_type_t type, yaml_event_type_t other, yaml_event_type_t *got)
{
    yaml_event_t event;
    enum err e = next_event(r, &event);
    if (e)
        return e;
    *got = event.type;
    size_t line = event.start_mark.line + 1;
    yaml_event_delete(&event);
    return *got == type || *got == other ? OK : fail(r, ERR_PROTO, line, "more than one document");
}

static enum err read_document(struct reader *r, struct conf **root)
{
    yaml_event_t event;
    yaml_event_type_t got;
    enum err e = expect(r, YAML_STREAM_START_EVENT, YAML_STREAM_START_EVENT, &got);
    e = e ? e : expect(r, YAML_DOCUMENT_START_EVENT, YAML_STREAM_END_EVENT, &got);
    if (e)
        return e;
    if (got == YAML_STREAM_END_EVENT) {
        *root = tree_node(r->tree, CONF_NULL, "", "");
        return OK;
    }
    e = next_event(r, &event);
    e = e ? e : read_node(r, &event, "", "", 0, root);
    e = e ? e : expect(r, YAML_DOCUMENT_END_EVENT, YAML_DOCUMENT_END_EVENT, &got);
    return e ? e : expect(r, YAML_STREAM_END_EVENT, YAML_STREAM_END_EVENT, &got);
}

enum err tree_read(struct conf_tree *t, struct conf **root, struct slice yaml, const char *name, bool is_builtin,
                   struct err_note *note)
{
    struct err_note unread;
    struct reader r = { .tree = t, .name = name, .note = note ? note : &unread, .is_builtin = is_builtin };
    if (yaml.len > CONF_FILE_BYTES_MAX)
        return fail(&r, ERR_LIMIT, 0, "the file is too big");
    if (!yaml_parser_initialize(&r.parser))
        return fail(&r, ERR_NO_MEMORY, 0, "not enough memory");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(yaml.data ? yaml.data : ""), yaml.len);
    enum err e = read_document(&r, root);
    yaml_parser_delete(&r.parser);
    return e;
}
