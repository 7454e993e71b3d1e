/* SPDX-License-Identifier: MIT
 * log_clean.c -- what a line may not contain: redact, then cut, then escape.
 *
 * Redaction masks (1) every value registered with log_hide, also percent-encoded and in base64,
 * (2) the value behind a word like token= or "api_key": or after Bearer, (3) user:password@ of a
 * URL, (4) runs of base64 over 64 characters. It works on one piece of memory of bounded size and
 * answers false when it could not; the caller then writes LOG_UNPRINTABLE and nothing of the text. */
#include <pthread.h>
#include <stdio.h>

#include "base/crypto.h"
#include "base/log_parts.h"
#include "base/mem.h"
#include "base/utf8.h"

#define HIDE_BYTES_MIN 4     /* a shorter secret would mask half of every line */
#define HIDE_MAX 1024        /* values; each has up to three forms */
#define BASE64_RUN_MAX 64
#define KEY_REST_BYTES_MAX 64 /* of a name behind the word that tells; keeps the whole linear */
#define BETWEEN_BYTES_MAX 32  /* blanks and quotes between name and value */
#define CLEAN_BYTES_MAX (4 << 20)

static struct {
    pthread_rwlock_t lock;
    char *forms[HIDE_MAX * 3];
    size_t count;
} hidden = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static void hide_form(struct slice form)
{
    if (form.len < HIDE_BYTES_MIN || hidden.count == COUNT(hidden.forms))
        return;
    for (size_t i = 0; i < hidden.count; i++)
        if (slice_is(form, hidden.forms[i]))
            return;
    /* Longest first, so that a secret that contains another is masked as a whole. */
    size_t at = hidden.count++;
    for (; at > 0 && strlen(hidden.forms[at - 1]) < form.len; at--)
        hidden.forms[at] = hidden.forms[at - 1];
    hidden.forms[at] = xslicedup(form);
}

static void percent_encode(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c && strchr("-._~", c));
        if (plain)
            buf_put_byte(out, c);
        else
            buf_printf(out, "%%%02X", (uint8_t)c);
    }
}

void log_hide(struct slice secret)
{
    secret = slice_trim(secret);
    if (secret.len < HIDE_BYTES_MIN || memchr(secret.data, 0, secret.len))
        return;
    auto_buf struct buf percent = { 0 }, base64 = { 0 };
    percent_encode(&percent, secret);
    base64_put(&base64, secret);
    pthread_rwlock_wrlock(&hidden.lock);
    hide_form(secret);
    hide_form(buf_slice(&percent));
    hide_form(buf_slice(&base64));
    pthread_rwlock_unlock(&hidden.lock);
}

/* ---- redact ---- */

static enum err mask_hidden(struct buf *text)
{
    enum err e = OK;
    auto_buf struct buf work = { .max = CLEAN_BYTES_MAX };
    pthread_rwlock_rdlock(&hidden.lock);
    for (size_t i = 0; i < hidden.count && !e; i++) {
        size_t len = strlen(hidden.forms[i]), from = 0;
        const char *hit;
        if (text->len < len || !memmem(text->data, text->len, hidden.forms[i], len))
            continue;
        buf_clear(&work);
        while (!e && (hit = memmem(text->data + from, text->len - from, hidden.forms[i], len))) {
            size_t at = (size_t)(hit - text->data);
            e = buf_put(&work, slice_from(text->data + from, at - from));
            e = e ? e : buf_puts(&work, LOG_MASK);
            from = at + len;
        }
        e = e ? e : buf_put(&work, slice_from(text->data + from, text->len - from));
        if (!e) {
            struct buf other = *text;
            *text = work;
            work = other;
        }
    }
    pthread_rwlock_unlock(&hidden.lock);
    return e;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static bool is_base64(char c)
{
    return is_word(c) || c == '+' || c == '/' || c == '=';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where a value that starts at `at` ends. */
static size_t value_end(struct slice s, size_t at, bool whole_line)
{
    char quote = at < s.len && (s.data[at] == '"' || s.data[at] == '\'') ? s.data[at] : 0;
    bool quote_escaped = at + 1 < s.len && s.data[at] == '\\' && (s.data[at + 1] == '"' || s.data[at + 1] == '\'');
    if (quote || quote_escaped) {
        for (size_t i = at + (quote_escaped ? 2 : 1); i < s.len; i++) {
            bool escape = s.data[i] == '\\' && i + 1 < s.len;
            if (quote_escaped && escape && (s.data[i + 1] == '"' || s.data[i + 1] == '\''))
                return i;
            if (quote && s.data[i] == quote)
                return i;
            i += escape && quote;
        }
        return s.len;
    }
    while (at < s.len && !strchr(whole_line ? "\r\n\"'" : " \t\r\n\"',;&}])>", s.data[at]) && s.data[at])
        at++;
    return at;
}

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return s.len > 0 && s.len < 10;
}

/* A word that names a secret starts at `at` (case ignored): its length, 0 otherwise. */
static size_t secret_word(struct slice s, size_t at, bool *whole_line)
{
    static const char *const words[] = { "authorization", "api_key", "apikey",  "api-key", "secret", "password",
                                         "passwd",        "token",   "cookie", "auth_key", "access_key",
                                         "sec-websocket-key" };
    for (size_t i = 0; i < COUNT(words); i++) {
        if ((s.data[at] | 0x20) != words[i][0])
            continue;
        struct slice word = slice_of(words[i]);
        if (slice_eq_nocase(slice_sub(s, at, word.len), word)) {
            *whole_line = i == 0 || words[i][0] == 'c'; /* their values have blanks */
            return word.len;
        }
    }
    return 0;
}

/* key = value, with quotes and blanks where people put them. Finds the value; false: none here. */
static bool keyed_value(struct slice s, size_t at, size_t *from, size_t *to)
{
    bool whole_line = false, separated = false;
    size_t word = secret_word(s, at, &whole_line);
    if (word == 0)
        return false;
    size_t key_end = at + word, key_max = MIN(s.len, key_end + KEY_REST_BYTES_MAX);
    while (key_end < key_max && is_word(s.data[key_end]))
        key_end++;
    size_t i = key_end, between_max = MIN(s.len, key_end + BETWEEN_BYTES_MAX);
    while (i < between_max && (is_blank(s.data[i]) || strchr("\"'\\", s.data[i])) && s.data[i])
        i++;
    for (; i < between_max && (s.data[i] == ':' || s.data[i] == '='); i++)
        separated = true;
    if (!separated)
        return false;
    while (i < s.len && is_blank(s.data[i]))
        i++;
    *from = i;
    *to = value_end(s, i, whole_line);
    if (*from < s.len && s.data[*from] == '\\' && *to > *from)
        *from += 2;
    else if (*from < s.len && (s.data[*from] == '"' || s.data[*from] == '\'') && *to > *from)
        *from += 1;
    if (*to <= *from)
        return false;
    bool counts_tokens = slice_ends(slice_from(s.data + at, key_end - at), SLICE("tokens"));
    return !(counts_tokens && all_digits(slice_sub(s, *from, *to - *from)));
}

static bool bearer_value(struct slice s, size_t at, size_t *from, size_t *to)
{
    struct slice word = slice_sub(s, at, 7);
    if (!slice_eq_nocase(word, SLICE("bearer ")) && !slice_eq_nocase(word, SLICE("bearer%")))
        return false;
    *from = at + 7;
    while (*from < s.len && is_blank(s.data[*from]))
        (*from)++;
    *to = value_end(s, *from, false);
    return *to > *from;
}

static bool url_user(struct slice s, size_t at, size_t *from, size_t *to)
{
    if (!slice_starts(slice_sub(s, at, 3), SLICE("://")))
        return false;
    *from = at + 3;
    *to = 0;
    for (size_t i = *from; i < s.len && s.data[i] && !strchr("/?# \t\r\n\"'<>", s.data[i]); i++)
        if (s.data[i] == '@')
            *to = i;
    return *to > *from;
}

static bool base64_run(struct slice s, size_t at, size_t *from, size_t *to)
{
    *from = *to = at;
    while (*to < s.len && is_base64(s.data[*to]))
        (*to)++;
    return *to - *from > BASE64_RUN_MAX;
}

/* One pass; each rule looks only forward from where it stands, runs are skipped as a whole. */
static enum err mask_shapes(struct buf *out, struct slice s)
{
    size_t at = 0, done = 0, run_end = 0, from = 0, to = 0;
    while (at < s.len) {
        bool hit = false;
        if (at >= run_end) {
            hit = base64_run(s, at, &from, &to);
            run_end = MAX(to, at + 1);
        }
        char c = s.data[at] | 0x20;
        if (!hit && s.data[at] == ':')
            hit = url_user(s, at, &from, &to);
        if (!hit && c == 'b')
            hit = bearer_value(s, at, &from, &to);
        if (!hit && c >= 'a' && c <= 't')
            hit = keyed_value(s, at, &from, &to);
        if (!hit) {
            at++;
            continue;
        }
        enum err e = buf_put(out, slice_from(s.data + done, from - done));
        e = e ? e : buf_puts(out, LOG_MASK);
        if (e)
            return e;
        at = done = MAX(to, at + 1);
    }
    return buf_put(out, slice_from(s.data + done, s.len - done));
}

static enum err redact(struct buf *out, struct slice text)
{
    auto_buf struct buf copy = { .max = CLEAN_BYTES_MAX };
    enum err e = buf_put(&copy, text);
    e = e ? e : mask_hidden(&copy);
    return e ? e : mask_shapes(out, buf_slice(&copy));
}

/* ---- cut, escape ---- */

/* Head half, marker, tail half; never inside a character. */
static enum err cut(struct buf *text, size_t bytes_max)
{
    size_t marker = sizeof(LOG_MARKER) - 1;
    if (text->len <= bytes_max)
        return OK;
    if (bytes_max <= marker) {
        text->len = utf8_cut(buf_slice(text), bytes_max);
        return OK;
    }
    size_t head = utf8_cut(buf_slice(text), (bytes_max - marker + 1) / 2);
    size_t tail = text->len - (bytes_max - marker) / 2;
    for (int i = 0; i < 3 && tail < text->len && ((uint8_t)text->data[tail] & 0xC0) == 0x80; i++)
        tail++;
    memcpy(text->data + head, LOG_MARKER, marker); /* the gap is wider than the marker */
    memmove(text->data + head + marker, text->data + tail, text->len - tail);
    text->len = head + marker + (text->len - tail);
    return OK;
}

static bool needs_escape(int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static enum err escape(struct buf *out, struct slice s)
{
    size_t at = 0, done = 0;
    for (;;) {
        size_t from = at;
        int32_t c = utf8_next(s, &at);
        bool invalid = c == 0xFFFD && at - from == 1;
        if (c >= 0 && !invalid && !needs_escape(c))
            continue;
        enum err e = from > done ? buf_put(out, slice_sub(s, done, from - done)) : OK;
        if (e || c < 0)
            return e;
        char name = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
        if (name)
            e = buf_printf(out, "\\%c", name);
        else if (invalid || c < 0x80)
            e = buf_printf(out, "\\x%02x", (uint8_t)s.data[from]);
        else
            e = buf_printf(out, "\\u%04x", (unsigned)c);
        if (e)
            return e;
        done = at;
    }
}

void log_clean(struct buf *out, struct slice text, size_t bytes_max)
{
    auto_buf struct buf safe = { .max = CLEAN_BYTES_MAX }, line = { .max = CLEAN_BYTES_MAX };
    if (text.len == 0)
        return;
    enum err e = redact(&safe, text);
    e = e ? e : cut(&safe, bytes_max);
    e = e ? e : escape(&line, buf_slice(&safe));
    buf_put(out, e ? SLICE(LOG_UNPRINTABLE) : buf_slice(&line));
}
