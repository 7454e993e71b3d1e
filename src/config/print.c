/* SPDX-License-Identifier: MIT
 * print.c -- --check-config: every effective value and where it comes from, secrets masked. The form
 * is YAML's, so that an eye used to the file finds its way. */
#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "config/inner.h"

#define COMMENT_COLUMN 44
#define SHOWN_BYTES_MAX 200

static void put_text(struct buf *out, const char *text)
{
    buf_put_byte(out, '"');
    auto_buf struct buf clean = { 0 };
    log_clean(&clean, slice_of(text), SHOWN_BYTES_MAX);
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.data[i] == '"')
            buf_put_byte(out, '\\');
        buf_put_byte(out, clean.data[i]);
    }
    buf_put_byte(out, '"');
}

static void put_tree(struct buf *out, const struct conf *n)
{
    static const char *const openers[] = { [CONF_LIST] = "[", [CONF_MAP] = "{" };
    static const char *const closers[] = { [CONF_LIST] = "]", [CONF_MAP] = "}" };
    switch (n->kind) {
    case CONF_NULL: buf_puts(out, "null"); break;
    case CONF_SCALAR:
        if (value_is_secret(n->key) || strncmp(n->path, "server.auth.tokens[", 19) == 0)
            buf_puts(out, "***");
        else
            put_text(out, n->text);
        break;
    case CONF_LIST:
    case CONF_MAP:
        buf_puts(out, openers[n->kind]);
        for (size_t i = 0; i < n->count; i++) {
            buf_puts(out, i ? ", " : "");
            if (n->kind == CONF_MAP)
                buf_printf(out, "%s: ", n->items[i]->key);
            put_tree(out, n->items[i]);
        }
        buf_puts(out, closers[n->kind]);
    }
}

static void put_optional(struct buf *out, const struct setting_row *row, const char *text)
{
    if (!text)
        buf_puts(out, "null");
    else if (row->type == SETTING_SECRET)
        buf_puts(out, "***");
    else
        put_text(out, text);
}

static void put_value(struct buf *out, const struct config *c, const struct setting_row *row)
{
    const void *at = (const char *)c + row->offset;
    const struct conf_list *list = at;
    const struct conf *node;
    switch (row->type) {
    case SETTING_BOOL: buf_puts(out, *(const bool *)at ? "true" : "false"); break;
    case SETTING_INT:
    case SETTING_SIZE:
    case SETTING_DAYS: buf_printf(out, "%lld", (long long)*(const int64_t *)at); break;
    case SETTING_NUM:
        if (isnan(*(const double *)at))
            buf_puts(out, "null");
        else
            buf_printf(out, "%g", *(const double *)at);
        break;
    case SETTING_LIST:
        buf_put_byte(out, '[');
        for (size_t i = 0; i < list->count; i++) {
            buf_puts(out, i ? ", " : "");
            put_text(out, list->items[i]);
        }
        buf_put_byte(out, ']');
        break;
    case SETTING_MAP:
    case SETTING_ANY:
        node = *(const struct conf *const *)at;
        if (node)
            put_tree(out, node);
        else
            buf_puts(out, *row->initial ? row->initial : row->type == SETTING_MAP ? "{}" : "null");
        break;
    default: put_optional(out, row, *(const char *const *)at);
    }
}

static void put_comment(struct buf *out, const struct config *c, const char *key, size_t from)
{
    const struct conf *n = config_node(c, key);
    const char *remark = map_get(&c->inner->remarks, slice_of(key));
    size_t width = out->len - from;
    buf_printf(out, "%*s  # ", width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 0, "");
    if (conf_line(n))
        buf_printf(out, "line %u", conf_line(n));
    else
        buf_puts(out, "default");
    if (conf_line(n) && strcmp(conf_key(n), key) != 0)
        buf_printf(out, " as %s", conf_key(n));
    if (remark)
        buf_printf(out, ": %s", remark);
    if (setting_is_unused(slice_of(key)))
        buf_puts(out, ": not used yet");
    buf_put_byte(out, '\n');
}

/* A kind's entries get a line each. */
static void put_entries(struct buf *out, const struct config *c, const struct conf *kind)
{
    for (size_t i = 0; i < kind->count; i++) {
        char key[CONF_PATH_BYTES_MAX];
        size_t from = out->len;
        snprintf(key, sizeof(key), "%s.%s", kind->key, kind->items[i]->key);
        buf_printf(out, "%s: ", key);
        put_tree(out, kind->items[i]);
        put_comment(out, c, key, from);
    }
}

void config_print(const struct config *c, struct buf *out)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    buf_printf(out, "# %s, %u warnings\n", *config_path(c) ? config_path(c) : "no file: built-in defaults",
               config_warnings(c));
    for (size_t i = 0; i < count; i++) {
        const struct conf *node = config_node(c, rows[i].key);
        size_t from = out->len;
        if (rows[i].type == SETTING_MAP && conf_kind(node) == CONF_MAP && !strchr(rows[i].key, '.')) {
            put_entries(out, c, node);
            continue;
        }
        buf_printf(out, "%s: ", rows[i].key);
        put_value(out, c, &rows[i]);
        put_comment(out, c, rows[i].key, from);
    }
}
