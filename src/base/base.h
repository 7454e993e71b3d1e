/* SPDX-License-Identifier: MIT
 * base.h -- the types every room shares: errors, slices, a few macros. No services. */
#ifndef PARLEY_BASE_BASE_H
#define PARLEY_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
/* Gives the value of a pointer away and leaves NULL behind, for auto_ variables. */
#define take_ptr(ptr_at)                      \
    ({                                        \
        __typeof__(*(ptr_at)) taken_ = *(ptr_at); \
        *(ptr_at) = NULL;                     \
        taken_;                               \
    })

/* Bytes that belong to somebody else; text is UTF-8, not terminated. {NULL, 0} is empty. */
struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })
#define SLICE_FMT "%.*s" /* with SLICE_ARG(s) */
#define SLICE_ARG(s) (int)(s).len, (s).data ? (s).data : ""

static inline struct slice slice_of(const char *text)
{
    return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline struct slice slice_from(const void *data, size_t len)
{
    return (struct slice){ data, len };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_eq(a, slice_of(text));
}

bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII case folding */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
bool slice_contains(struct slice s, struct slice needle); /* byte-wise */
struct slice slice_trim(struct slice s);                  /* ASCII white space */
struct slice slice_sub(struct slice s, size_t from, size_t len); /* clipped to s */
/* Splits s at the first `sep`: returns what stands before it and leaves the rest in *s;
 * without a separator returns all of it and leaves *s empty with data NULL. */
struct slice slice_cut(struct slice *s, char sep);
/* Decimal integer with optional sign and nothing else. False (out untouched) otherwise. */
must_check bool slice_to_i64(struct slice s, int64_t *out);

/* Mono PCM, signed 16 bit, native endian. */
struct pcm {
    const int16_t *samples;
    size_t count;
};

#endif
