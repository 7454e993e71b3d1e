/* SPDX-License-Identifier: MIT
 * json.h -- JSON read into a tree (json-c, strict, bounded) and written as a stream.
 *
 * Reading: json_parse() checks UTF-8, depth and node count; all accessors take NULL and wrong
 * types and answer with the default, so a handler reads a message without checks of its own.
 * Writing: a jw appends to a buf; strings are escaped, invalid UTF-8 becomes U+FFFD.
 *
 *     jw_init(&w, &buf);  jw_object(&w);  jw_str(&w, "type", SLICE("stt"));  jw_end(&w);
 */
#ifndef PARLEY_BASE_JSON_H
#define PARLEY_BASE_JSON_H

#include "base/buf.h"

struct json; /* a value inside a tree; the root owns all of it */

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_FLOAT, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
    unsigned depth_max;  /* 0: 32 */
    unsigned nodes_max;  /* 0: 2048 */
};

/* The whole text must be one value (RFC 8259 and nothing more: no comments, no NaN). ERR_PROTO: not JSON,
 * bad UTF-8, \u0000 in a string (a C string would end there); ERR_LIMIT: too deep or big. */
must_check enum err json_parse(struct json **out, struct slice text, const struct json_limits *limits);
void json_free(struct json *root);
static inline void json_freep(struct json **at)
{
    json_free(*at);
}
#define auto_json __attribute__((cleanup(json_freep)))

enum json_type json_type(const struct json *v);           /* NULL pointer: JSON_NULL */
bool json_is(const struct json *v, enum json_type t);
const struct json *json_get(const struct json *obj, const char *key); /* NULL: not there */
const struct json *json_at(const struct json *array, size_t i);       /* NULL: beyond the end */
size_t json_len(const struct json *v);                                /* elements or members */
bool json_member(const struct json *obj, size_t i, struct slice *key, const struct json **value);
struct slice json_text(const struct json *v);              /* string value; empty otherwise */
struct slice json_get_text(const struct json *obj, const char *key); /* empty when absent or not a string */
int64_t json_get_i64(const struct json *obj, const char *key, int64_t otherwise); /* also "16000" and 2.0 */
double json_get_f64(const struct json *obj, const char *key, double otherwise);
bool json_get_bool(const struct json *obj, const char *key, bool otherwise);
int64_t json_i64(const struct json *v, int64_t otherwise);
double json_f64(const struct json *v, double otherwise);
bool json_bool(const struct json *v, bool otherwise);
void json_print(struct buf *out, const struct json *v);    /* compact */

#define JW_DEPTH_MAX 32
struct jw {
    struct buf *out;
    uint8_t depth;
    bool comma;
    bool failed; /* the buf's max was reached: what it holds is not JSON */
    char closer[JW_DEPTH_MAX];
};

void jw_init(struct jw *w, struct buf *out);
/* key NULL: an array element or the root. */
void jw_object_as(struct jw *w, const char *key);
void jw_array_as(struct jw *w, const char *key);
void jw_end(struct jw *w); /* closes the innermost object or array */
void jw_str(struct jw *w, const char *key, struct slice value);
void jw_cstr(struct jw *w, const char *key, const char *value); /* NULL: null */
void jw_i64(struct jw *w, const char *key, int64_t value);
void jw_f64(struct jw *w, const char *key, double value);
void jw_bool(struct jw *w, const char *key, bool value);
void jw_null(struct jw *w, const char *key);
void jw_json(struct jw *w, const char *key, const struct json *value);
void jw_raw(struct jw *w, const char *key, struct slice json_text); /* trusted text */
void jw_str_keyed(struct jw *w, struct slice key, struct slice value); /* key not terminated */
#define jw_object(w) jw_object_as(w, NULL)
#define jw_array(w) jw_array_as(w, NULL)

#endif
