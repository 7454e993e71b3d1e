/* SPDX-License-Identifier: MIT
 * emotion.c -- the table of faces; finding and removing emoji. */
#include "protocol/emotion.h"

#include "base/utf8.h"

const struct emotion emotions[] = {
    { "neutral", "😶" },     { "happy", "🙂" },     { "laughing", "😆" }, { "funny", "😂" },   { "sad", "😔" },
    { "angry", "😠" },       { "crying", "😭" },    { "loving", "😍" },   { "embarrassed", "😳" },
    { "surprised", "😲" },   { "shocked", "😱" },   { "thinking", "🤔" }, { "winking", "😉" }, { "cool", "😎" },
    { "relaxed", "😌" },     { "delicious", "🤤" }, { "kissy", "😘" },    { "confident", "😏" },
    { "sleepy", "😴" },      { "silly", "😜" },     { "confused", "🙄" },
};
const size_t emotion_count = COUNT(emotions);

enum { HAPPY_AT = 1, ZERO_WIDTH_JOINER = 0x200D, VARIATION_TEXT = 0xFE0E, VARIATION_EMOJI = 0xFE0F,
       KEYCAP = 0x20E3 };

const struct emotion *emotion_default(void)
{
    return &emotions[HAPPY_AT];
}

const struct emotion *emotion_named(struct slice name)
{
    for (size_t i = 0; i < emotion_count; i++)
        if (slice_is(name, emotions[i].name))
            return &emotions[i];
    return NULL;
}

static const struct emotion *emotion_of(struct slice emoji)
{
    for (size_t i = 0; i < emotion_count; i++)
        if (slice_is(emoji, emotions[i].emoji))
            return &emotions[i];
    return NULL;
}

const struct emotion *emotion_in(struct slice text)
{
    size_t at = 0, from = 0;
    for (int32_t c = utf8_next(text, &at); c >= 0; from = at, c = utf8_next(text, &at)) {
        const struct emotion *e = c > 0x7f ? emotion_of(slice_sub(text, from, at - from)) : NULL;
        if (e)
            return e;
    }
    return NULL;
}

static bool is_joiner(uint32_t c)
{
    return c == ZERO_WIDTH_JOINER || c == VARIATION_EMOJI || c == VARIATION_TEXT || c == KEYCAP;
}

void emotion_strip(struct buf *out, struct slice text)
{
    size_t at = 0, from = 0, start = out->len;
    bool gap = false; /* a space is due before the next character */

    for (int32_t c = utf8_next(text, &at); c >= 0; from = at, c = utf8_next(text, &at)) {
        uint32_t point = (uint32_t)c;
        if (utf8_is_emoji(point) || is_joiner(point))
            continue;
        if (point == ' ' || point == '\n' || point == '\r' || point == '\t') {
            gap = true;
            continue;
        }
        if (gap && out->len > start)
            buf_put_byte(out, ' ');
        gap = false;
        buf_put(out, slice_sub(text, from, at - from));
    }
}
