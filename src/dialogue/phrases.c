/* SPDX-License-Identifier: MIT
 * phrases.c -- two texts walked side by side, skipping what is not said. */
#include "dialogue/phrases.h"

#include "base/utf8.h"

/* The next code point that counts; -1 at the end. */
static int32_t next_said(struct slice s, size_t *at)
{
    for (;;) {
        int32_t c = utf8_next(s, at);
        if (c < 0)
            return -1;
        if (c >= 'A' && c <= 'Z')
            return c - 'A' + 'a';
        bool is_skipped = c <= ' ' || c == 0x3000 || c == 0xA0 || utf8_is_punct((uint32_t)c) ||
                          utf8_is_emoji((uint32_t)c);
        if (!is_skipped)
            return c;
    }
}

static bool same_words(struct slice a, struct slice b)
{
    size_t at_a = 0, at_b = 0;
    bool has_any = false;
    for (;;) {
        int32_t ca = next_said(a, &at_a), cb = next_said(b, &at_b);
        if (ca != cb)
            return false;
        if (ca < 0)
            return has_any;
        has_any = true;
    }
}

bool phrase_is(struct slice text, const struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (same_words(text, slice_of(list->items[i])))
            return true;
    }
    return false;
}
