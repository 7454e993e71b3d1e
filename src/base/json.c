/* SPDX-License-Identifier: MIT
 * json.c -- a lexical check that holds the limits and refuses what json-c would let pass, then
 * json-c's tree behind typed accessors; and a writer that needs no tree. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

#define json_bool jsonc_bool /* two of its names are ours */
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_type

#define DEPTH_DEFAULT 32
#define NODES_DEFAULT 2048
#define NUMBER_BYTES_MAX 100  /* no honest number is longer */
#define DEPTH_CAP 512         /* printing recurses */
#define INTEGER_EXACT 9.007199254740992e15 /* 2^53: beyond it a double skips integers */

static json_object *tree(const struct json *v)
{
    return (json_object *)v;
}

static const struct json *value(json_object *o)
{
    return (const struct json *)o;
}

/* ---- the lexical check ---- */

struct scan {
    const char *at, *end;
    unsigned depth, nodes;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* The opening quote is eaten. Control characters and \u0000 are refused. */
static bool scan_string(struct scan *s)
{
    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at++;
        if (c == '"')
            return true;
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (s->at == s->end || !memchr("\"\\/bfnrtu", *s->at, 9))
            return false;
        if (*s->at++ == 'u' && s->end - s->at >= 4 && memcmp(s->at, "0000", 4) == 0)
            return false;
    }
    return false;
}

static bool scan_digits(struct scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

static bool scan_exponent(struct scan *s)
{
    if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
        s->at++;
    return scan_digits(s);
}

/* Too long, or beyond what a double holds: json-c would make it infinite. */
static bool is_finite(struct slice number)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (number.len > NUMBER_BYTES_MAX)
        return false;
    memcpy(text, number.data, number.len);
    text[number.len] = 0;
    return isfinite(strtod(text, NULL));
}

static bool scan_number(struct scan *s)
{
    const char *start = s->at;
    if (*s->at == '-')
        s->at++;
    const char *from = s->at;
    if (!scan_digits(s) || (*from == '0' && s->at - from > 1))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (!scan_exponent(s))
            return false;
    }
    return is_finite(slice_from(start, (size_t)(s->at - start)));
}

static bool scan_word(struct scan *s)
{
    static const char *const words[] = { "true", "false", "null" };
    for (size_t i = 0; i < COUNT(words); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(s->end - s->at) >= len && memcmp(s->at, words[i], len) == 0) {
            s->at += len;
            return true;
        }
    }
    return false;
}

/* Tokens only; that they stand in a legal order is json-c's to say. */
static enum err scan_text(struct slice text, const struct json_limits *limits)
{
    struct scan s = { text.data, text.data + text.len, 0, 1 };
    for (skip_space(&s); s.at < s.end; skip_space(&s)) {
        char c = *s.at;
        bool fine = true;
        switch (c) {
        case '{':
        case '[':
            s.at++;
            skip_space(&s);
            if (++s.depth > limits->depth_max)
                return ERR_LIMIT;
            if (s.at < s.end && *s.at != '}' && *s.at != ']')
                s.nodes++;
            break;
        case '}':
        case ']':
            s.at++;
            fine = s.depth-- > 0;
            break;
        case ',':
            s.nodes++;
            s.at++;
            break;
        case ':':
            s.at++;
            break;
        case '"':
            s.at++;
            fine = scan_string(&s);
            break;
        default:
            fine = c == '-' || (c >= '0' && c <= '9') ? scan_number(&s) : scan_word(&s);
        }
        if (!fine)
            return ERR_PROTO;
        if (s.nodes > limits->nodes_max)
            return ERR_LIMIT;
    }
    return s.depth ? ERR_PROTO : OK;
}

enum err json_parse(struct json **out, struct slice text, const struct json_limits *limits)
{
    struct json_limits l = limits ? *limits : (struct json_limits){ 0 };
    l.depth_max = MIN(l.depth_max ? l.depth_max : DEPTH_DEFAULT, DEPTH_CAP);
    l.nodes_max = l.nodes_max ? l.nodes_max : NODES_DEFAULT;
    text = slice_trim(text);
    if (text.len == 0 || text.len > INT32_MAX / 2 || !utf8_valid(text))
        return ERR_PROTO;
    enum err e = scan_text(text, &l);
    if (e)
        return e;
    if (slice_is(text, "null"))
        return ERR_PROTO; /* json-c has no tree for it, and no message is one */

    json_tokener *t = json_tokener_new_ex((int)l.depth_max + 1);
    if (!t)
        return ERR_NO_MEMORY;
    json_tokener_set_flags(t, JSON_TOKENER_STRICT);
    json_object *root = json_tokener_parse_ex(t, text.data, (int)text.len);
    size_t used = json_tokener_get_parse_end(t);
    if (!root && json_tokener_get_error(t) == json_tokener_continue)
        root = json_tokener_parse_ex(t, " ", 1); /* a bare number ends only at what follows it */
    if (root && used != text.len) {
        json_object_put(root);
        root = NULL;
    }
    json_tokener_free(t);
    if (!root)
        return ERR_PROTO;
    *out = (struct json *)root;
    return OK;
}

void json_free(struct json *root)
{
    json_object_put(tree(root));
}

/* ---- reading ---- */

enum json_type json_type(const struct json *v)
{
    switch (json_object_get_type(tree(v))) {
    case json_type_boolean: return JSON_BOOL;
    case json_type_int: return JSON_INT;
    case json_type_double: return JSON_FLOAT;
    case json_type_string: return JSON_STRING;
    case json_type_array: return JSON_ARRAY;
    case json_type_object: return JSON_OBJECT;
    case json_type_null: break;
    }
    return JSON_NULL;
}

bool json_is(const struct json *v, enum json_type t)
{
    return json_type(v) == t;
}

const struct json *json_get(const struct json *obj, const char *key)
{
    json_object *found = NULL;
    return json_is(obj, JSON_OBJECT) && json_object_object_get_ex(tree(obj), key, &found) ? value(found) : NULL;
}

const struct json *json_at(const struct json *array, size_t i)
{
    return json_is(array, JSON_ARRAY) ? value(json_object_array_get_idx(tree(array), i)) : NULL;
}

size_t json_len(const struct json *v)
{
    if (json_is(v, JSON_ARRAY))
        return json_object_array_length(tree(v));
    return json_is(v, JSON_OBJECT) ? (size_t)json_object_object_length(tree(v)) : 0;
}

bool json_member(const struct json *obj, size_t i, struct slice *key, const struct json **v)
{
    if (!json_is(obj, JSON_OBJECT))
        return false;
    struct lh_entry *entry = json_object_get_object(tree(obj))->head;
    while (entry && i--)
        entry = entry->next;
    if (!entry)
        return false;
    if (key)
        *key = slice_of(lh_entry_k(entry));
    if (v)
        *v = value((json_object *)lh_entry_v(entry));
    return true;
}

struct slice json_text(const struct json *v)
{
    if (!json_is(v, JSON_STRING))
        return (struct slice){ 0 };
    return slice_from(json_object_get_string(tree(v)), (size_t)json_object_get_string_len(tree(v)));
}

struct slice json_get_text(const struct json *obj, const char *key)
{
    return json_text(json_get(obj, key));
}

int64_t json_i64(const struct json *v, int64_t otherwise)
{
    int64_t number;
    double real;
    switch (json_type(v)) {
    case JSON_INT: return json_object_get_int64(tree(v));
    case JSON_FLOAT:
        real = json_object_get_double(tree(v));
        return real == floor(real) && fabs(real) <= INTEGER_EXACT ? (int64_t)real : otherwise;
    case JSON_STRING: return slice_to_i64(json_text(v), &number) ? number : otherwise;
    default: return otherwise;
    }
}

double json_f64(const struct json *v, double otherwise)
{
    if (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT))
        return json_object_get_double(tree(v));
    struct slice text = json_text(v);
    if (text.len == 0 || strspn(text.data, "+-.0123456789eE") != text.len)
        return otherwise;
    char *end;
    double number = strtod(text.data, &end);
    return *end == 0 && isfinite(number) ? number : otherwise;
}

bool json_bool(const struct json *v, bool otherwise)
{
    if (json_is(v, JSON_BOOL))
        return json_object_get_boolean(tree(v));
    int64_t number = json_is(v, JSON_INT) ? json_i64(v, -1) : -1;
    if (number == 1 || slice_eq_nocase(json_text(v), SLICE("true")))
        return true;
    if (number == 0 || slice_eq_nocase(json_text(v), SLICE("false")))
        return false;
    return otherwise;
}

int64_t json_get_i64(const struct json *obj, const char *key, int64_t otherwise)
{
    return json_i64(json_get(obj, key), otherwise);
}

double json_get_f64(const struct json *obj, const char *key, double otherwise)
{
    return json_f64(json_get(obj, key), otherwise);
}

bool json_get_bool(const struct json *obj, const char *key, bool otherwise)
{
    return json_bool(json_get(obj, key), otherwise);
}

/* ---- writing ---- */

static void put(struct jw *w, struct slice s)
{
    if (buf_put(w->out, s))
        w->failed = true;
}

static void put_char(struct jw *w, struct slice s, size_t from, size_t to, int32_t c)
{
    static const char names[] = "btn\0fr"; /* 8 .. 13 */
    char escape[8];
    if (c == '"' || c == '\\') {
        put(w, slice_from((char[]){ '\\', (char)c }, 2));
    } else if (c < 0x20) {
        char name = c >= 8 && c <= 13 ? names[c - 8] : 0;
        int len = name ? snprintf(escape, sizeof(escape), "\\%c", name)
                       : snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c & 0xFF);
        put(w, slice_from(escape, (size_t)len));
    } else if (c == 0xFFFD && to - from == 1) {
        put(w, SLICE("\xEF\xBF\xBD"));
    } else {
        put(w, slice_sub(s, from, to - from));
    }
}

static void put_string(struct jw *w, struct slice s)
{
    put(w, SLICE("\""));
    size_t plain = 0, at = 0; /* s[plain..at) needs no change */
    for (;;) {
        size_t from = at;
        int32_t c = utf8_next(s, &at);
        bool ordinary = c >= 0x20 && c != '"' && c != '\\' && (c != 0xFFFD || at - from > 1);
        if (ordinary)
            continue;
        if (from > plain)
            put(w, slice_sub(s, plain, from - plain));
        if (c < 0)
            break;
        put_char(w, s, from, at, c);
        plain = at;
    }
    put(w, SLICE("\""));
}

static void put_f64(struct jw *w, double number)
{
    char text[40];
    if (!isfinite(number)) {
        put(w, SLICE("null"));
        return;
    }
    if (number == 0)
        number = 0; /* never "-0", which would read back as an integer */
    for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back the same */
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    put(w, slice_of(text));
}

static void put_i64(struct jw *w, int64_t number)
{
    char text[24];
    put(w, slice_from(text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)number)));
}

static void put_key(struct jw *w, const char *key)
{
    if (w->comma)
        put(w, SLICE(","));
    w->comma = true;
    if (key) {
        put_string(w, slice_of(key));
        put(w, SLICE(":"));
    }
}

void jw_init(struct jw *w, struct buf *out)
{
    *w = (struct jw){ .out = out };
}

static void open_as(struct jw *w, const char *key, struct slice opener, char closer)
{
    put_key(w, key);
    put(w, opener);
    assert(w->depth < JW_DEPTH_MAX);
    w->closer[w->depth++] = closer;
    w->comma = false;
}

void jw_object_as(struct jw *w, const char *key)
{
    open_as(w, key, SLICE("{"), '}');
}

void jw_array_as(struct jw *w, const char *key)
{
    open_as(w, key, SLICE("["), ']');
}

void jw_end(struct jw *w)
{
    assert(w->depth > 0);
    put(w, slice_from(&w->closer[--w->depth], 1));
    w->comma = true;
}

void jw_str(struct jw *w, const char *key, struct slice text)
{
    put_key(w, key);
    put_string(w, text);
}

void jw_str_keyed(struct jw *w, struct slice key, struct slice text)
{
    put_key(w, NULL);
    put_string(w, key);
    put(w, SLICE(":"));
    put_string(w, text);
}

void jw_cstr(struct jw *w, const char *key, const char *text)
{
    if (text)
        jw_str(w, key, slice_of(text));
    else
        jw_null(w, key);
}

void jw_i64(struct jw *w, const char *key, int64_t number)
{
    put_key(w, key);
    put_i64(w, number);
}

void jw_f64(struct jw *w, const char *key, double number)
{
    put_key(w, key);
    put_f64(w, number);
}

void jw_bool(struct jw *w, const char *key, bool truth)
{
    put_key(w, key);
    put(w, truth ? SLICE("true") : SLICE("false"));
}

void jw_null(struct jw *w, const char *key)
{
    put_key(w, key);
    put(w, SLICE("null"));
}

void jw_raw(struct jw *w, const char *key, struct slice json_text_)
{
    put_key(w, key);
    put(w, json_text_);
}

/* Recursion is bounded by the depth json_parse allowed. */
static void put_tree(struct jw *w, json_object *o)
{
    const struct json *v = value(o);
    switch (json_type(v)) {
    case JSON_NULL: put(w, SLICE("null")); break;
    case JSON_BOOL: put(w, json_object_get_boolean(o) ? SLICE("true") : SLICE("false")); break;
    case JSON_INT: put_i64(w, json_object_get_int64(o)); break;
    case JSON_FLOAT: put_f64(w, json_object_get_double(o)); break;
    case JSON_STRING: put_string(w, json_text(v)); break;
    case JSON_ARRAY:
        put(w, SLICE("["));
        for (size_t i = 0; i < json_object_array_length(o); i++) {
            if (i)
                put(w, SLICE(","));
            put_tree(w, json_object_array_get_idx(o, i));
        }
        put(w, SLICE("]"));
        break;
    case JSON_OBJECT:
        put(w, SLICE("{"));
        for (struct lh_entry *e = json_object_get_object(o)->head; e; e = e->next) {
            if (e->prev)
                put(w, SLICE(","));
            put_string(w, slice_of(lh_entry_k(e)));
            put(w, SLICE(":"));
            put_tree(w, (json_object *)lh_entry_v(e));
        }
        put(w, SLICE("}"));
        break;
    }
}

void jw_json(struct jw *w, const char *key, const struct json *v)
{
    put_key(w, key);
    put_tree(w, tree(v));
}

void json_print(struct buf *out, const struct json *v)
{
    struct jw w;
    jw_init(&w, out);
    put_tree(&w, tree(v));
}
