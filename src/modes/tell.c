/* SPDX-License-Identifier: MIT
 * tell.c -- see tell.h. One table: what stands before the name, what may (or must) stand after it. */
#include "modes/tell.h"

#include <ctype.h>

#include "base/utf8.h"

#define TEXT_MAX_BYTES 2000
#define AFTER_MAX 6

static const struct form {
    const char *before;
    bool needs_after;
    const char *after[AFTER_MAX]; /* the longer ones first */
} forms[] = {
    {"tell ", false, {"that "}},
    {"send a message to ", false, {"that ", "saying "}},
    {"send message to ", false, {"that ", "saying "}},
    {"leave a message for ", false, {"that ", "saying "}},
    {"message ", false, {"that "}},
    {"告诉", false, {"说"}},
    {"转告", false, {"说"}},
    {"给", true, {"发个消息说", "发消息说", "发个消息", "发消息", "留言说", "留言"}},
    {"跟", true, {"说"}},
};

static bool starts(struct slice *rest, const char *with)
{
    size_t len = strlen(with);
    if (rest->len < len || !slice_eq_nocase(slice_sub(*rest, 0, len), slice_from(with, len)))
        return false;
    *rest = slice_sub(*rest, len, rest->len);
    return true;
}

/* White space and punctuation go; what is left begins with a word. */
static struct slice to_word(struct slice text)
{
    for (;;) {
        size_t at = 0;
        int32_t c = utf8_next(text, &at);
        bool is_between = c >= 0 && (c == ' ' || (c < 128 ? ispunct(c) != 0 : utf8_is_punct((uint32_t)c)));
        if (!is_between)
            return text;
        text = slice_sub(text, at, text.len);
    }
}

static bool form_fits(const struct form *f, struct slice rest, const char *name, struct slice *text)
{
    if (!starts(&rest, f->before))
        return false;
    rest = to_word(rest);
    if (!starts(&rest, name))
        return false;
    unsigned char last = (unsigned char)name[strlen(name) - 1];
    if (last < 128 && rest.len && isalnum((unsigned char)rest.data[0]))
        return false; /* a longer name */
    rest = to_word(rest);
    bool has_after = false;
    for (size_t i = 0; i < AFTER_MAX && f->after[i] && !has_after; i++)
        has_after = starts(&rest, f->after[i]);
    if (f->needs_after && !has_after)
        return false;
    rest = to_word(rest);
    *text = slice_sub(rest, 0, utf8_cut(rest, TEXT_MAX_BYTES));
    return text->len > 0;
}

bool tell_read(struct slice utterance, const char *name, struct slice *text)
{
    utterance = to_word(utterance);
    (void)(starts(&utterance, "please ") || starts(&utterance, "请"));
    for (size_t i = 0; *name && i < COUNT(forms); i++) {
        if (form_fits(&forms[i], utterance, name, text))
            return true;
    }
    return false;
}
