/* SPDX-License-Identifier: MIT
 * script.c -- reading .talk files. */
#include "cli/script.h"

#include "base/mem.h"

#include <stdio.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A bare word from the front, as it stands. */
static struct slice take_word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t n = 0;
    while (n < rest->len && !is_blank(rest->data[n]))
        n++;
    struct slice word = slice_sub(*rest, 0, n);
    *rest = slice_trim(slice_sub(*rest, n, rest->len - n));
    return word;
}

bool script_word(struct slice *rest, struct buf *out)
{
    *rest = slice_trim(*rest);
    if (rest->len == 0)
        return false;
    if (rest->data[0] != '"') {
        buf_put(out, take_word(rest));
        return true;
    }
    size_t i = 1;
    for (; i < rest->len && rest->data[i] != '"'; i++) {
        bool is_escape = rest->data[i] == '\\' && i + 1 < rest->len;
        i += is_escape;
        buf_put_byte(out, is_escape && rest->data[i] == 'n' ? '\n' : rest->data[i]);
    }
    *rest = i < rest->len ? slice_sub(*rest, i + 1, rest->len - i - 1) : (struct slice){ 0 };
    return true;
}

/* "1200ms" or "3s" */
static bool read_ms(struct slice word, uint64_t *ms)
{
    int64_t n, unit = 1;
    if (slice_ends(word, SLICE("ms"))) {
        word.len -= 2;
    } else if (slice_ends(word, SLICE("s"))) {
        word.len -= 1;
        unit = 1000;
    }
    if (!slice_to_i64(word, &n) || n < 0 || n > 100000000)
        return false;
    *ms = (uint64_t)(n * unit);
    return true;
}

/* Takes "within Nms" off the end. */
static bool cut_within(struct slice *text, uint64_t *within_ms)
{
    static const char word[] = "within ";
    const char *end = text->data + text->len,
               *at = text->len ? memmem(text->data, text->len, word, sizeof(word) - 1) : NULL;
    bool is_in_json = at && memchr(at, '}', (size_t)(end - at));
    if (!at || is_in_json)
        return true;
    struct slice ms = slice_trim(slice_from(at + sizeof(word) - 1, (size_t)(end - at) - (sizeof(word) - 1)));
    *text = slice_trim(slice_sub(*text, 0, (size_t)(at - text->data)));
    return read_ms(ms, within_ms);
}

/* Makes JSON of a pattern: ... becomes "...":0 and a bare $name becomes "$name". */
static void to_json(struct buf *out, struct slice text)
{
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"' && (i == 0 || text.data[i - 1] != '\\'))
            in_string = !in_string;
        if (!in_string && slice_starts(slice_sub(text, i, 3), SLICE("..."))) {
            buf_puts(out, "\"...\":0");
            i += 2;
        } else if (!in_string && c == '$') {
            buf_puts(out, "\"$");
            while (i + 1 < text.len &&
                   (text.data[i + 1] == '_' || (text.data[i + 1] >= 'a' && text.data[i + 1] <= 'z')))
                buf_put_byte(out, text.data[++i]);
            buf_puts(out, "\"");
        } else {
            buf_put_byte(out, c);
        }
    }
}

static bool read_pattern(struct script_line *l, struct slice text)
{
    auto_buf struct buf json = { 0 };
    if (!cut_within(&text, &l->within_ms))
        return false;
    to_json(&json, text);
    l->text = xslicedup(text);
    return json_parse(&l->pattern, buf_slice(&json), NULL) == OK && json_is(l->pattern, JSON_OBJECT);
}

/* "no audio for Nms", "no {...} for Nms", "nothing for Nms" */
static bool read_absence(struct script_line *l, struct slice rest)
{
    struct slice what = rest;
    const char *at = memmem(rest.data, rest.len, " for ", 5);
    if (!at || !read_ms(slice_trim(slice_from(at + 5, (size_t)(rest.data + rest.len - at - 5))), &l->ms))
        return false;
    what = slice_trim(slice_sub(rest, 0, (size_t)(at - rest.data)));
    if (slice_is(what, "audio")) {
        l->op = OP_NO_AUDIO;
        return true;
    }
    l->op = OP_EXPECT_NO;
    return read_pattern(l, what);
}

static bool read_close(struct script_line *l, struct slice rest)
{
    int64_t code = 0;
    l->op = OP_EXPECT_CLOSE;
    if (!cut_within(&rest, &l->within_ms))
        return false;
    bool is_number = rest.len == 0 || slice_to_i64(rest, &code);
    l->code = (int)code;
    return is_number;
}

static bool read_expect_audio(struct script_line *l, struct slice rest)
{
    l->op = OP_EXPECT_AUDIO;
    l->ms = 1;
    if (!cut_within(&rest, &l->within_ms))
        return false;
    if (slice_starts(rest, SLICE(">=")))
        return read_ms(slice_trim(slice_sub(rest, 2, rest.len - 2)), &l->ms);
    return rest.len == 0;
}

static bool read_expect(struct script_line *l, struct slice rest)
{
    struct slice after = rest, word = take_word(&after);
    l->op = OP_EXPECT;
    if (rest.len > 0 && rest.data[0] == '{')
        return read_pattern(l, rest);
    if (slice_is(word, "audio"))
        return read_expect_audio(l, after);
    if (slice_is(word, "no"))
        return read_absence(l, after);
    if (slice_is(word, "close"))
        return read_close(l, after);
    if (slice_is(word, "some")) {
        l->op = OP_EXPECT_SOME;
        return read_pattern(l, after);
    }
    if (slice_is(word, "nothing")) {
        l->op = OP_NOTHING;
        return slice_is(take_word(&after), "for") && read_ms(after, &l->ms);
    }
    return false;
}

static bool read_send(struct script_line *l, struct slice rest)
{
    static const struct {
        const char *word;
        enum script_op op;
    } words[] = {
        { "packet", OP_SEND_PACKET }, { "binary", OP_SEND_BINARY }, { "text", OP_SEND }, { "close", OP_CLOSE },
    };
    struct slice after = rest, word = take_word(&after);
    l->op = OP_SEND;
    if (slice_is(word, "audio")) {
        l->op = OP_SEND_AUDIO;
        struct slice ms = take_word(&after);
        l->text = xslicedup(after);
        return read_ms(ms, &l->ms);
    }
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!slice_is(word, words[i].word))
            continue;
        l->op = words[i].op;
        l->text = xslicedup(after);
        return true;
    }
    l->text = xslicedup(rest);
    return rest.len > 0;
}

static bool read_line(struct script_line *l, struct slice text)
{
    struct slice rest = text, word = take_word(&rest);
    if (slice_is(word, ">"))
        return read_send(l, rest);
    if (slice_is(word, "<"))
        return read_expect(l, rest);
    if (slice_is(word, "given")) {
        l->op = OP_GIVEN;
        l->text = xslicedup(rest);
        return rest.len > 0;
    }
    if (slice_is(word, "advance")) {
        l->op = OP_ADVANCE;
        return read_ms(rest, &l->ms);
    }
    if (slice_is(word, "open")) {
        l->op = OP_OPEN;
        return true;
    }
    return false;
}

enum err script_parse(struct script *s, struct slice text, struct err_note *note)
{
    unsigned number = 0;
    memset(s, 0, sizeof(*s));
    while (text.data) {
        struct slice line = slice_trim(slice_cut(&text, '\n'));
        number++;
        if (line.len == 0 || line.data[0] == '#')
            continue;
        if (s->count == SCRIPT_LINES_MAX)
            return ERR_LIMIT;
        struct script_line *l = &s->lines[s->count++];
        l->number = number;
        if (!read_line(l, line)) {
            note->err = ERR_INVALID;
            snprintf(note->text, sizeof(note->text), "line %u: not understood: %.*s", number,
                     (int)MIN(line.len, (size_t)100), line.data);
            return ERR_INVALID;
        }
    }
    return OK;
}

void script_done(struct script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->lines[i].text);
        json_free(s->lines[i].pattern);
    }
    s->count = 0;
}
