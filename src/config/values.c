/* SPDX-License-Identifier: MIT
 * values.c -- from the text of a scalar to a typed value, by the rules of the house: integer-looking
 * text is an integer, 4.0 too; booleans in every usual spelling; sizes and days with a unit. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "config/inner.h"

#define PLACEHOLDER "\xE4\xBD\xA0" /* U+4F60, as in "put your key here" */
#define SHOWN_BYTES_MAX 60
#define SECRET_FILE_BYTES_MAX 65536
#define GUESSED_SECRET_BYTES_MIN 8 /* a shorter value under such a name is more likely a switch or a count */

static struct slice text_of(const struct conf *n)
{
    return n->kind == CONF_SCALAR ? slice_trim(slice_of(n->text)) : (struct slice){ 0 };
}

bool value_num(const struct conf *n, double *out)
{
    struct slice s = text_of(n);
    char text[64], *end;
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = 0;
    if (strspn(text, "+-.0123456789eE") != s.len)
        return false; /* no hex, no inf, no nan */
    double number = strtod(text, &end);
    if (*end || !isfinite(number))
        return false;
    *out = number;
    return true;
}

/* An integer too big for 64 bits is the biggest one: it then is out of range, not of a wrong type. */
bool value_int(const struct conf *n, int64_t *out)
{
    double number;
    if (slice_to_i64(text_of(n), out))
        return true;
    if (!value_num(n, &number) || number != floor(number))
        return false;
    *out = number >= 9.2e18 ? INT64_MAX : number <= -9.2e18 ? INT64_MIN : (int64_t)number;
    return true;
}

bool value_bool(const struct conf *n, bool *out)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_eq_nocase(text_of(n), slice_of(words[i]))) {
            *out = i % 2;
            return true;
        }
    return false;
}

struct unit {
    const char *name;
    double factor;
};

static bool with_unit(const struct conf *n, const struct unit *units, size_t count, int64_t *out)
{
    struct slice s = text_of(n);
    size_t digits = 0;
    double number;
    while (digits < s.len && (strchr("0123456789.", s.data[digits]) && s.data[digits]))
        digits++;
    char head[32];
    if (digits == 0 || digits >= sizeof(head))
        return false;
    snprintf(head, sizeof(head), "%.*s", (int)digits, s.data);
    const struct conf plain = { .kind = CONF_SCALAR, .text = head };
    if (!value_num(&plain, &number))
        return false;
    struct slice unit = slice_trim(slice_sub(s, digits, s.len));
    for (size_t i = 0; i < count; i++)
        if (slice_eq_nocase(unit, slice_of(units[i].name))) {
            double value = number * units[i].factor;
            *out = value >= 9.2e18 ? INT64_MAX : (int64_t)value;
            return true;
        }
    return false;
}

bool value_size(const struct conf *n, int64_t *out)
{
    static const struct unit units[] = { { "", 1 },           { "B", 1 },
                                         { "KB", 1000 },      { "MB", 1e6 },
                                         { "GB", 1e9 },       { "KiB", 1024 },
                                         { "MiB", 1 << 20 },  { "GiB", 1 << 30 } };
    return with_unit(n, units, COUNT(units), out);
}

bool value_days(const struct conf *n, int64_t *out)
{
    static const struct unit units[] = { { "", 1 },      { "day", 1 },   { "days", 1 },    { "week", 7 },
                                         { "weeks", 7 }, { "month", 30 }, { "months", 30 }, { "year", 365 },
                                         { "years", 365 } };
    return with_unit(n, units, COUNT(units), out);
}

bool value_is_placeholder(const char *text)
{
    return strstr(text, PLACEHOLDER) != NULL;
}

bool value_is_secret(const char *key)
{
    static const char *const words[] = { "secret",     "password",    "passwd",      "api_key",  "apikey",
                                         "api-key",    "access_key",  "accesskey",   "auth_key", "private_key",
                                         "app_key",    "appkey",      "authorization", "cookie", "signature_key",
                                         "credential" };
    struct slice name = slice_of(key);
    for (size_t at = 0; at < name.len; at++) {
        for (size_t i = 0; i < COUNT(words); i++)
            if (slice_eq_nocase(slice_sub(name, at, strlen(words[i])), slice_of(words[i])))
                return true;
        if (slice_eq_nocase(slice_sub(name, at, 5), SLICE("token")))
            return !slice_eq_nocase(slice_sub(name, at, 6), SLICE("tokens")); /* max_tokens is a count */
    }
    return false;
}

void value_show(struct buf *out, const struct conf *n)
{
    if (n->kind == CONF_LIST || n->kind == CONF_MAP) {
        buf_puts(out, n->kind == CONF_LIST ? "a list" : "a map");
        return;
    }
    const char *last = strrchr(n->path, '.');
    bool is_secret = value_is_secret(last ? last + 1 : n->path) || strncmp(n->path, "server.auth.tokens", 18) == 0;
    buf_puts(out, "\"");
    if (is_secret)
        buf_puts(out, "***");
    else
        log_clean(out, slice_of(n->text), SHOWN_BYTES_MAX);
    buf_puts(out, "\"");
}

/* ---- secrets ---- */

/* Heap; NULL when it cannot be read. */
static char *read_secret_file(const char *path)
{
    auto_buf struct buf text = { .max = SECRET_FILE_BYTES_MAX };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    ssize_t got = -1;
    for (char *at; (at = buf_reserve(&text, 4096)) && ((got = read(fd, at, 4096)) > 0 || (got < 0 && errno == EINTR));)
        text.len += got > 0 ? (size_t)got : 0;
    close(fd);
    struct slice trimmed = slice_trim(buf_slice(&text));
    if (got < 0 || (trimmed.len && memchr(trimmed.data, 0, trimmed.len)))
        return NULL;
    return xslicedup(trimmed);
}

static char *resolve(const struct conf *n)
{
    const char *text = n->text;
    char *value = NULL;
    if (strncmp(text, "file:", 5) == 0)
        value = read_secret_file(text + 5);
    else if (strncmp(text, "env:", 4) == 0)
        value = xstrdup(getenv(text + 4));
    else
        return value_is_placeholder(text) ? xstrdup("") : xslicedup(slice_trim(slice_of(text)));
    if (!value && n->tree->inner) /* the name of a file or variable is no secret */
        config_warn(n->tree->inner, n->path, "config.secret",
                    "key=%s line=%u from=%s used=unset why=\"cannot be read\"", n->path, n->line, text);
    return value ? value : xstrdup("");
}

const char *value_secret(const struct conf *n)
{
    if (n->kind != CONF_SCALAR)
        return NULL;
    struct config_inner *in = n->tree->inner;
    struct slice address = slice_from(&n, sizeof(n));
    pthread_mutex_lock(&in->lock);
    char *value = map_get(&in->secrets, address);
    pthread_mutex_unlock(&in->lock);
    if (!value) {
        char *fresh = resolve(n);
        pthread_mutex_lock(&in->lock);
        value = map_get(&in->secrets, address); /* another thread may have been first */
        if (!value) {
            map_set(&in->secrets, address, fresh);
            value = take_ptr(&fresh);
        }
        pthread_mutex_unlock(&in->lock);
        mem_free(fresh);
        log_hide(slice_of(value));
    }
    return *value ? value : NULL;
}

void value_hide_secrets(const struct conf *n)
{
    if (n->kind == CONF_SCALAR && value_is_secret(n->key) && strlen(n->text) >= GUESSED_SECRET_BYTES_MIN)
        value_secret(n);
    for (size_t i = 0; i < n->count; i++)
        value_hide_secrets(n->items[i]);
}
