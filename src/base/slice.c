/* SPDX-License-Identifier: MIT
 * slice.c -- looking at bytes that belong to somebody else. */
#include "base/base.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_from(s.data, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len && slice_eq(slice_sub(s, s.len - suffix.len, suffix.len), suffix);
}

bool slice_contains(struct slice s, struct slice needle)
{
    if (needle.len == 0)
        return true;
    return s.len >= needle.len && memmem(s.data, s.len, needle.data, needle.len) != NULL;
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_space(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len && is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

struct slice slice_sub(struct slice s, size_t from, size_t len)
{
    if (from >= s.len)
        return (struct slice){ s.data ? s.data + s.len : NULL, 0 };
    return (struct slice){ s.data + from, MIN(len, s.len - from) };
}

struct slice slice_cut(struct slice *s, char sep)
{
    struct slice head = *s;
    const char *at = s->len ? memchr(s->data, sep, s->len) : NULL;
    if (!at) {
        *s = (struct slice){ NULL, 0 };
        return head;
    }
    head.len = (size_t)(at - s->data);
    *s = (struct slice){ at + 1, s->len - head.len - 1 };
    return head;
}

bool slice_to_i64(struct slice s, int64_t *out)
{
    bool negative = false;
    if (s.len && (s.data[0] == '-' || s.data[0] == '+')) {
        negative = s.data[0] == '-';
        s.data++;
        s.len--;
    }
    if (s.len == 0)
        return false;
    int64_t value = 0; /* counted downwards, because INT64_MIN has no positive twin */
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, s.data[i] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *out = value;
    return true;
}
