/* SPDX-License-Identifier: MIT
 * words.c -- see words.h. */
#include "store/words.h"

#include <sqlite3.h>

#include "base/utf8.h"

#define EXCERPT_BEFORE_BYTES 40

void words_put(struct buf *out, struct slice text)
{
    size_t at = 0, from;
    int32_t c;
    for (from = at; (c = utf8_next(text, &at)) >= 0; from = at) {
        bool is_cjk = utf8_is_cjk((uint32_t)c);
        if (is_cjk)
            buf_put_byte(out, ' ');
        buf_put(out, slice_sub(text, from, at - from));
        if (is_cjk)
            buf_put_byte(out, ' ');
    }
}

/* Does the piece hold anything the tokenizer keeps? */
static bool has_word(struct slice piece)
{
    size_t at = 0;
    int32_t c;
    while ((c = utf8_next(piece, &at)) >= 0) {
        bool is_ascii_word = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (is_ascii_word || utf8_is_cjk((uint32_t)c) || (c > 0xbf && !utf8_is_punct((uint32_t)c)))
            return true;
    }
    return false;
}

static struct slice next_piece(struct slice *rest)
{
    while (rest->len && (unsigned char)rest->data[0] <= ' ')
        *rest = slice_sub(*rest, 1, rest->len);
    size_t n = 0;
    while (n < rest->len && (unsigned char)rest->data[n] > ' ')
        n++;
    struct slice piece = slice_sub(*rest, 0, n);
    *rest = slice_sub(*rest, n, rest->len);
    return piece;
}

bool words_query(struct buf *out, struct slice typed)
{
    bool any = false;
    struct slice piece;
    while ((piece = next_piece(&typed)).len > 0) {
        if (!has_word(piece))
            continue;
        auto_buf struct buf spaced = { 0 };
        words_put(&spaced, piece);
        if (any)
            buf_put_byte(out, ' ');
        buf_put_byte(out, '"');
        for (size_t i = 0; i < spaced.len; i++)
            buf_put_byte(out, spaced.data[i] == '"' || spaced.data[i] == '\0' ? ' ' : spaced.data[i]);
        buf_put_byte(out, '"');
        any = true;
    }
    return any;
}

static size_t find_nocase(struct slice text, struct slice needle)
{
    for (size_t i = 0; needle.len && i + needle.len <= text.len; i++)
        if (slice_eq_nocase(slice_sub(text, i, needle.len), needle))
            return i;
    return 0;
}

struct slice words_excerpt(struct slice text, struct slice typed, size_t bytes_max)
{
    if (text.len <= bytes_max)
        return text;
    size_t hit = find_nocase(text, next_piece(&typed));
    size_t from = hit > EXCERPT_BEFORE_BYTES ? utf8_cut(text, hit - EXCERPT_BEFORE_BYTES) : 0;
    struct slice rest = slice_sub(text, from, text.len);
    return slice_sub(rest, 0, utf8_cut(rest, bytes_max));
}

static void sql_words(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *text = (const char *)sqlite3_value_text(values[0]);
    auto_buf struct buf out = { 0 };
    if (text)
        words_put(&out, slice_from(text, (size_t)sqlite3_value_bytes(values[0])));
    sqlite3_result_text64(context, out.data ? out.data : "", out.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void words_register(struct sqlite3 *sql)
{
    sqlite3_create_function(sql, "words", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL, sql_words,
                            NULL, NULL);
}
