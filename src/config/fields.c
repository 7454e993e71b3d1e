/* SPDX-License-Identifier: MIT
 * fields.c -- fills the fields of a snapshot, row by row of the table. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/inner.h"

const struct setting_row *setting_rows(size_t *count)
{
    static const struct setting_row rows[] = {
#define X(field_, key_, type_, initial_, min_, max_, applies_, help_)                                          \
    { .key = key_, .initial = initial_, .help = help_, .min = min_, .max = max_,                                \
      .offset = offsetof(struct config, field_), .type = SETTING_##type_, .applies = APPLIES_##applies_ },
        SETTINGS(X)
#undef X
    };
    *count = COUNT(rows);
    return rows;
}

bool conf_list_has(const struct conf_list *l, struct slice text)
{
    for (size_t i = 0; i < l->count; i++)
        if (slice_eq_nocase(slice_of(l->items[i]), text))
            return true;
    return false;
}

/* Where the row's value stands in the file. A list or text where a map belongs is warned of. */
static const struct conf *find(const struct config *c, const struct setting_row *row)
{
    const struct conf *n = c->inner->root;
    struct slice rest = slice_of(row->key);
    while (n && rest.data) {
        if (n->kind != CONF_MAP && n->kind != CONF_NULL)
            config_warn_value(n, "not a map", "defaults");
        n = tree_child(n, slice_cut(&rest, '.'));
    }
    return conf_kind(n) == CONF_NULL ? NULL : n;
}

static struct conf scalar(const char *text)
{
    return (struct conf){ .kind = CONF_SCALAR, .text = text };
}

static bool read_number(const struct setting_row *row, const struct conf *n, int64_t *out)
{
    return row->type == SETTING_SIZE ? value_size(n, out)
                                     : row->type == SETTING_DAYS ? value_days(n, out) : value_int(n, out);
}

static void fill_integer(const struct setting_row *row, const struct conf *n, int64_t *to)
{
    static const char *const wrong[] = { [SETTING_INT] = "not an integer",
                                         [SETTING_SIZE] = "not a size such as 10 MB",
                                         [SETTING_DAYS] = "not a number of days" };
    const struct conf initial_node = scalar(row->initial);
    int64_t initial = 0, value = 0;
    const char *why = NULL;
    bool has_initial = read_number(row, &initial_node, &initial);
    assert(has_initial);
    *to = initial;
    if (!n)
        return;
    if (read_number(row, n, &value))
        *to = rule_int(row, value, initial, &why);
    else
        why = wrong[row->type];
    char used[32];
    snprintf(used, sizeof(used), "%lld", (long long)*to);
    if (why)
        config_warn_value(n, why, used);
}

static void fill_num(const struct setting_row *row, const struct conf *n, double *to)
{
    const struct conf initial_node = scalar(row->initial);
    double initial = NAN, value;
    const char *why = NULL;
    if (*row->initial && !value_num(&initial_node, &initial))
        abort();
    *to = initial;
    if (!n)
        return;
    if (!value_num(n, &value)) {
        why = "not a number";
    } else {
        *to = fmin(fmax(value, row->min), row->max);
        why = *to != value ? "out of range" : NULL;
    }
    char used[40] = "unset";
    if (!isnan(*to))
        snprintf(used, sizeof(used), "%g", *to);
    if (why)
        config_warn_value(n, why, used);
}

static void fill_bool(const struct setting_row *row, const struct conf *n, bool *to)
{
    *to = row->initial[0] == 't';
    if (n && !value_bool(n, to))
        config_warn_value(n, "not true or false", row->initial);
}

/* The choice n names, as the row spells it; NULL: none. A boolean may be spelled in any way. */
static const char *choice_of(struct config *c, const struct setting_row *row, const struct conf *n)
{
    struct slice rest = slice_of(row->initial), given = slice_trim(slice_of(conf_text(n)));
    bool truth = false, is_bool = n && value_bool(n, &truth);
    while (rest.data) {
        struct slice choice = slice_cut(&rest, '|');
        bool same_truth = is_bool && slice_is(choice, truth ? "true" : "false");
        if (!n || same_truth || slice_eq_nocase(choice, given))
            return arena_strdup(&c->inner->tree.arena, choice);
    }
    return NULL;
}

static void fill_enum(struct config *c, const struct setting_row *row, const struct conf *n, const char **to)
{
    char why[200];
    *to = choice_of(c, row, n);
    if (*to)
        return;
    *to = choice_of(c, row, NULL);
    snprintf(why, sizeof(why), "not one of %s", row->initial);
    config_warn_value(n, why, *to);
}

static void fill_text(const struct setting_row *row, const struct conf *n, const char **to)
{
    bool can_be_unset = row->type == SETTING_ID || row->type == SETTING_URL || row->type == SETTING_SECRET;
    *to = can_be_unset && !*row->initial ? NULL : row->initial;
    if (!n)
        return;
    if (n->kind != CONF_SCALAR)
        config_warn_value(n, "not a text", *to && **to ? *to : "unset");
    else if (row->type == SETTING_SECRET)
        *to = value_secret(n);
    else if (!can_be_unset)
        *to = n->text;
    else if (*n->text && !value_is_placeholder(n->text))
        *to = n->text;
}

static void fill_list(struct config *c, const struct setting_row *row, const struct conf *n, struct conf_list *to)
{
    struct conf *initial = NULL;
    if (!n || n->kind == CONF_MAP) {
        if (n)
            config_warn_value(n, "not a list", row->initial);
        if (tree_read(&c->inner->tree, &initial, slice_of(row->initial), row->key, true, NULL))
            abort();
        n = initial;
    }
    size_t most = n->kind == CONF_LIST ? n->count : 1;
    const char **items = arena_alloc(&c->inner->tree.arena, (most + 1) * sizeof(*items));
    for (size_t i = 0; i < most; i++) {
        const struct conf *item = n->kind == CONF_LIST ? n->items[i] : n;
        if (item->kind == CONF_SCALAR)
            items[to->count++] = item->text;
        else if (item->kind != CONF_NULL)
            config_warn_value(item, "not a text", "nothing");
    }
    to->items = items;
}

static void fill_row(struct config *c, const struct setting_row *row)
{
    const struct conf *n = find(c, row);
    void *to = (char *)c + row->offset;
    switch (row->type) {
    case SETTING_BOOL: fill_bool(row, n, to); break;
    case SETTING_INT:
    case SETTING_SIZE:
    case SETTING_DAYS: fill_integer(row, n, to); break;
    case SETTING_NUM: fill_num(row, n, to); break;
    case SETTING_ENUM: fill_enum(c, row, n, to); break;
    case SETTING_STR:
    case SETTING_PATH:
    case SETTING_ID:
    case SETTING_URL:
    case SETTING_SECRET: fill_text(row, n, to); break;
    case SETTING_LIST: fill_list(c, row, n, to); break;
    case SETTING_MAP:
        if (n && n->kind != CONF_MAP)
            config_warn_value(n, "not a map", "nothing");
        *(const struct conf **)to = n && n->kind == CONF_MAP ? n : NULL;
        break;
    case SETTING_ANY: *(const struct conf **)to = n; break;
    }
}

void fields_fill(struct config *c)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++)
        fill_row(c, &rows[i]);
}

/* ---- what needs a restart ---- */

static void put_value(struct buf *out, const struct config *c, const struct setting_row *row)
{
    const void *at = (const char *)c + row->offset;
    const struct conf_list *list = at;
    const char *text;
    switch (row->type) {
    case SETTING_BOOL: buf_puts(out, *(const bool *)at ? "true" : "false"); break;
    case SETTING_INT:
    case SETTING_SIZE:
    case SETTING_DAYS: buf_printf(out, "%lld", (long long)*(const int64_t *)at); break;
    case SETTING_NUM: buf_printf(out, "%.17g", *(const double *)at); break;
    case SETTING_LIST:
        for (size_t i = 0; i < list->count; i++)
            buf_printf(out, "%s\n", list->items[i]);
        break;
    case SETTING_MAP:
    case SETTING_ANY: conf_canonical(*(const struct conf *const *)at, NULL, out); break;
    default:
        text = *(const char *const *)at;
        buf_puts(out, text ? text : "\n");
    }
}

size_t config_restart_keys(const struct config *before, const struct config *after, struct buf *out)
{
    size_t count, changed = 0;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++) {
        auto_buf struct buf old_text = { 0 }, new_text = { 0 };
        if (rows[i].applies != APPLIES_RESTART)
            continue;
        put_value(&old_text, before, &rows[i]);
        put_value(&new_text, after, &rows[i]);
        if (slice_eq(buf_slice(&old_text), buf_slice(&new_text)))
            continue;
        buf_printf(out, "%s%s", changed++ ? ", " : "", rows[i].key);
    }
    return changed;
}
