/* SPDX-License-Identifier: MIT
 * script_match.c -- does a message fit a pattern; variables. */
#include "cli/script.h"

const char *script_var(const struct script_vars *v, struct slice name)
{
    for (size_t i = 0; i < v->count; i++)
        if (slice_is(name, v->list[i].name))
            return v->list[i].value;
    return NULL;
}

bool script_var_set(struct script_vars *v, struct slice name, struct slice value)
{
    if (v->count == SCRIPT_VARS_MAX || name.len >= sizeof(v->list[0].name) || value.len >= SCRIPT_VAR_BYTES)
        return false;
    memset(&v->list[v->count], 0, sizeof(v->list[0]));
    memcpy(v->list[v->count].name, name.data, name.len);
    memcpy(v->list[v->count].value, value.len ? value.data : "", value.len);
    v->count++;
    return true;
}

static bool differs(struct buf *why, const char *key, const struct json *want, const struct json *got)
{
    if (!why)
        return false;
    buf_printf(why, "%s: want ", key);
    json_print(why, want);
    buf_puts(why, ", got ");
    if (got)
        json_print(why, got);
    else
        buf_puts(why, "nothing");
    return false;
}

static bool match(const struct json *want, const struct json *got, const char *key, struct script_vars *v,
                  struct buf *why);

static bool match_var(struct slice name, const struct json *got, struct script_vars *v)
{
    auto_buf struct buf text = { 0 };
    if (json_is(got, JSON_STRING))
        buf_put(&text, json_text(got));
    else
        json_print(&text, got);
    if (slice_is(name, "_"))
        return true;
    const char *known = script_var(v, name);
    return known ? slice_is(buf_slice(&text), known) : script_var_set(v, name, buf_slice(&text));
}

static bool match_object(const struct json *want, const struct json *got, struct script_vars *v, struct buf *why)
{
    struct slice key;
    const struct json *value;
    size_t named = 0;
    for (size_t i = 0; json_member(want, i, &key, &value); i++) {
        if (slice_is(key, "..."))
            continue;
        char name[64] = "";
        memcpy(name, key.data, MIN(key.len, sizeof(name) - 1));
        if (!match(value, json_get(got, name), name, v, why))
            return false;
        named++;
    }
    if (json_get(want, "...") || json_len(got) == named)
        return true;
    if (why)
        buf_puts(why, "more fields than expected");
    return false;
}

static bool match_array(const struct json *want, const struct json *got, struct script_vars *v, struct buf *why)
{
    if (json_len(want) != json_len(got))
        return differs(why, "array", want, got);
    for (size_t i = 0; i < json_len(want); i++)
        if (!match(json_at(want, i), json_at(got, i), "element", v, why))
            return false;
    return true;
}

static bool match_plain(const struct json *want, const struct json *got)
{
    auto_buf struct buf a = { 0 }, b = { 0 };
    json_print(&a, want);
    json_print(&b, got);
    return slice_eq(buf_slice(&a), buf_slice(&b));
}

static bool match(const struct json *want, const struct json *got, const char *key, struct script_vars *v,
                  struct buf *why)
{
    struct slice text = json_text(want);
    if (!got && json_is(want, JSON_NULL))
        return true;
    if (!got)
        return differs(why, key, want, got);
    if (text.len > 1 && text.data[0] == '$')
        return match_var(slice_sub(text, 1, text.len - 1), got, v) || differs(why, key, want, got);
    if (json_type(want) != json_type(got) && json_type(want) >= JSON_STRING)
        return differs(why, key, want, got);
    if (json_is(want, JSON_OBJECT))
        return match_object(want, got, v, why);
    if (json_is(want, JSON_ARRAY))
        return match_array(want, got, v, why);
    return match_plain(want, got) || differs(why, key, want, got);
}

bool script_match(const struct json *pattern, const struct json *message, struct script_vars *v, struct buf *why)
{
    struct script_vars before = *v;
    if (match(pattern, message, "message", v, why))
        return true;
    *v = before;
    return false;
}

enum err script_fill(struct buf *out, struct slice text, const struct script_vars *v)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '$') {
            buf_put_byte(out, text.data[i]);
            continue;
        }
        size_t n = 0;
        while (i + 1 + n < text.len && (text.data[i + 1 + n] == '_' ||
                                        (text.data[i + 1 + n] >= 'a' && text.data[i + 1 + n] <= 'z')))
            n++;
        const char *value = script_var(v, slice_sub(text, i + 1, n));
        if (!value)
            return ERR_NOT_FOUND;
        buf_puts(out, value);
        i += n;
    }
    return OK;
}
