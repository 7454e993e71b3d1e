/* SPDX-License-Identifier: MIT
 * params.c -- values that callers send, read and judged. Pure but for the query of a call. */
#include "api/private.h"

bool meeting_id_ok(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'))
            return false;
    }
    return id.len >= 1 && id.len <= 64;
}

int64_t number_clamped(struct slice s, int64_t otherwise, int64_t min, int64_t max)
{
    int64_t v;
    if (!slice_to_i64(slice_trim(s), &v))
        v = otherwise;
    return v < min ? min : v > max ? max : v;
}

/* Exactly `digits` decimal digits at *at; moves it. */
static bool digits_at(struct slice s, size_t *at, unsigned digits, int64_t *out)
{
    int64_t v = 0;
    for (unsigned i = 0; i < digits; i++, (*at)++) {
        if (*at >= s.len || s.data[*at] < '0' || s.data[*at] > '9')
            return false;
        v = v * 10 + (s.data[*at] - '0');
    }
    *out = v;
    return true;
}

static bool char_at(struct slice s, size_t *at, char c)
{
    if (*at < s.len && s.data[*at] == c) {
        (*at)++;
        return true;
    }
    return false;
}

/* Days since 1970-01-01 of a Gregorian date. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool date_read(struct slice s, size_t *at, int64_t *days)
{
    static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t y, m, d;
    if (!digits_at(s, at, 4, &y) || !char_at(s, at, '-') || !digits_at(s, at, 2, &m) || !char_at(s, at, '-') ||
        !digits_at(s, at, 2, &d))
        return false;
    if (y < 1970 || m < 1 || m > 12 || d < 1 || d > month_days[m - 1])
        return false;
    bool is_leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (m == 2 && d == 29 && !is_leap)
        return false;
    *days = days_of(y, m, d);
    return true;
}

static bool clock_read(struct slice s, size_t *at, int64_t *ms)
{
    int64_t h, m, sec = 0, milli = 0;
    if (!digits_at(s, at, 2, &h) || !char_at(s, at, ':') || !digits_at(s, at, 2, &m))
        return false;
    if (char_at(s, at, ':') && !digits_at(s, at, 2, &sec))
        return false;
    if (char_at(s, at, '.')) {
        int64_t scale = 100;
        size_t from = *at;
        while (*at < s.len && s.data[*at] >= '0' && s.data[*at] <= '9') {
            milli += (s.data[(*at)++] - '0') * scale;
            scale /= 10;
        }
        if (*at == from)
            return false;
    }
    *ms = ((h * 60 + m) * 60 + sec) * 1000 + milli;
    return h < 24 && m < 60 && sec < 61;
}

static bool zone_read(struct slice s, size_t *at, int64_t *minutes)
{
    *minutes = 0;
    if (*at == s.len || char_at(s, at, 'Z') || char_at(s, at, 'z'))
        return true;
    bool is_east = char_at(s, at, '+') || char_at(s, at, ' '); /* a '+' in a query is a blank */
    if (!is_east && !char_at(s, at, '-'))
        return false;
    int64_t h, m = 0;
    if (!digits_at(s, at, 2, &h))
        return false;
    char_at(s, at, ':');
    if (*at < s.len && !digits_at(s, at, 2, &m))
        return false;
    *minutes = (h * 60 + m) * (is_east ? 1 : -1);
    return h < 15 && m < 60;
}

bool time_read(struct slice s, int64_t *ms)
{
    s = slice_trim(s);
    int64_t plain;
    if (slice_to_i64(s, &plain)) {
        if (plain < 0)
            return false;
        *ms = plain;
        return true;
    }
    size_t at = 0;
    int64_t days, clock_ms = 0, zone = 0;
    if (!date_read(s, &at, &days))
        return false;
    if (at < s.len) {
        if (!char_at(s, &at, 'T') && !char_at(s, &at, ' '))
            return false;
        if (!clock_read(s, &at, &clock_ms) || !zone_read(s, &at, &zone) || at != s.len)
            return false;
    }
    *ms = days * 86400000 + clock_ms - zone * 60000;
    return *ms >= 0;
}

struct slice query_of(struct api_call *c, const char *name)
{
    struct slice v = { 0 };
    return http_query(c->r, name, &v) ? slice_trim(v) : (struct slice){ 0 };
}

int64_t query_number(struct api_call *c, const char *name, int64_t otherwise, int64_t min, int64_t max)
{
    return number_clamped(query_of(c, name), otherwise, min, max);
}

bool pattern_match(const char *pattern, struct slice path, struct slice *params, unsigned *count)
{
    *count = 0;
    while (*pattern) {
        if (*pattern == '{') {
            size_t n = 0;
            while (n < path.len && path.data[n] != '/')
                n++;
            if (n == 0 || *count == CALL_PARAMS_MAX)
                return false;
            params[(*count)++] = slice_sub(path, 0, n);
            path = slice_sub(path, n, path.len);
            pattern = strchr(pattern, '}') + 1;
        } else if (path.len && *path.data == *pattern) {
            path = slice_sub(path, 1, path.len);
            pattern++;
        } else {
            return false;
        }
    }
    return path.len == 0 || slice_is(path, "/"); /* a last slash means the same */
}
