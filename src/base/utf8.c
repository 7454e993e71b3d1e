/* SPDX-License-Identifier: MIT
 * utf8.c -- one table row per lead byte class; the state of a check is "how many bytes must follow
 * and within which bounds the next one lies". */
#include "base/utf8.h"

#define REPLACEMENT 0xFFFD

/* What must follow a lead byte: count of continuation bytes and bounds of the first of them. */
struct lead {
    uint8_t from, to, more, low, high;
};

static const struct lead leads[] = {
    { 0xC2, 0xDF, 1, 0x80, 0xBF }, { 0xE0, 0xE0, 2, 0xA0, 0xBF }, { 0xE1, 0xEC, 2, 0x80, 0xBF },
    { 0xED, 0xED, 2, 0x80, 0x9F }, { 0xEE, 0xEF, 2, 0x80, 0xBF }, { 0xF0, 0xF0, 3, 0x90, 0xBF },
    { 0xF1, 0xF3, 3, 0x80, 0xBF }, { 0xF4, 0xF4, 3, 0x80, 0x8F },
};

static const struct lead *lead_of(uint8_t byte)
{
    for (size_t i = 0; i < COUNT(leads); i++)
        if (byte >= leads[i].from && byte <= leads[i].to)
            return &leads[i];
    return NULL;
}

static uint32_t pack(unsigned more, unsigned low, unsigned high)
{
    return more ? more | low << 8 | high << 16 : 0;
}

static size_t ascii_run(const char *data, size_t len)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, data + i, sizeof(word));
        if (word & 0x8080808080808080u)
            break;
    }
    while (i < len && (uint8_t)data[i] < 0x80)
        i++;
    return i;
}

bool utf8_feed(uint32_t *state, struct slice s)
{
    for (size_t i = 0; i < s.len;) {
        if (*state == 0) {
            i += ascii_run(s.data + i, s.len - i);
            if (i == s.len)
                break;
            const struct lead *lead = lead_of((uint8_t)s.data[i++]);
            if (!lead)
                return false;
            *state = pack(lead->more, lead->low, lead->high);
        } else {
            uint8_t byte = (uint8_t)s.data[i++];
            if (byte < (*state >> 8 & 0xFF) || byte > (*state >> 16 & 0xFF))
                return false;
            *state = pack((*state & 0xFF) - 1, 0x80, 0xBF);
        }
    }
    return true;
}

bool utf8_valid(struct slice s)
{
    uint32_t state = 0;
    return utf8_feed(&state, s) && state == 0;
}

size_t utf8_cut(struct slice s, size_t bytes_max)
{
    if (s.len <= bytes_max)
        return s.len;
    size_t at = bytes_max;
    while (at > 0 && bytes_max - at < 3 && ((uint8_t)s.data[at] & 0xC0) == 0x80)
        at--;
    return ((uint8_t)s.data[at] & 0xC0) == 0x80 ? bytes_max : at; /* not UTF-8: cut anywhere */
}

int32_t utf8_next(struct slice s, size_t *at)
{
    if (*at >= s.len)
        return -1;
    uint8_t first = (uint8_t)s.data[(*at)++];
    if (first < 0x80)
        return first;
    const struct lead *lead = lead_of(first);
    if (!lead || s.len - *at < lead->more)
        return REPLACEMENT;
    uint32_t code_point = first & (0x3Fu >> lead->more);
    for (size_t i = 0; i < lead->more; i++) {
        uint8_t byte = (uint8_t)s.data[*at + i];
        if (byte < (i ? 0x80 : lead->low) || byte > (i ? 0xBF : lead->high))
            return REPLACEMENT;
        code_point = code_point << 6 | (byte & 0x3F);
    }
    *at += lead->more;
    return (int32_t)code_point;
}

size_t utf8_chars(struct slice s)
{
    size_t count = 0;
    for (size_t at = 0; utf8_next(s, &at) >= 0;)
        count++;
    return count;
}

size_t utf8_encode(uint32_t c, char out[4])
{
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        c = REPLACEMENT;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t marks[] = { 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = more; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(marks[more] | c);
    return more + 1;
}

struct range {
    uint32_t from, to;
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return true;
    return false;
}

bool utf8_is_emoji(uint32_t c)
{
    static const struct range ranges[] = {
        { 0x1F000, 0x1FAFF }, { 0x2600, 0x27BF },   { 0x2B05, 0x2B07 },   { 0x2B1B, 0x2B1C },
        { 0x2B50, 0x2B55 },   { 0x231A, 0x231B },   { 0x23E9, 0x23FA },   { 0x25AA, 0x25AB },
        { 0x25FB, 0x25FE },   { 0x2194, 0x2199 },   { 0x21A9, 0x21AA },   { 0x3297, 0x3299 },
        { 0xFE0E, 0xFE0F },   { 0x200D, 0x200D },   { 0x20E3, 0x20E3 },   { 0xE0020, 0xE007F },
    };
    return c >= 0x200D && in_ranges(ranges, COUNT(ranges), c);
}

bool utf8_is_cjk(uint32_t c)
{
    static const struct range ranges[] = {
        { 0x4E00, 0x9FFF }, { 0x3400, 0x4DBF }, { 0x3040, 0x30FF }, { 0xAC00, 0xD7AF }, { 0xF900, 0xFAFF },
        { 0x3005, 0x3007 }, { 0x3100, 0x312F }, { 0x31A0, 0x31BF }, { 0x31F0, 0x31FF }, { 0x20000, 0x323AF },
    };
    return c >= 0x3005 && in_ranges(ranges, COUNT(ranges), c);
}

bool utf8_is_punct(uint32_t c)
{
    static const struct range ranges[] = {
        { 0x21, 0x2F },     { 0x3A, 0x40 },     { 0x5B, 0x60 },     { 0x7B, 0x7E },     { 0xA1, 0xA1 },
        { 0xAB, 0xAB },     { 0xB7, 0xB7 },     { 0xBB, 0xBB },     { 0xBF, 0xBF },     { 0x2010, 0x2027 },
        { 0x2030, 0x205E }, { 0x3001, 0x3004 }, { 0x3008, 0x303F }, { 0xFE30, 0xFE6F }, { 0xFF01, 0xFF0F },
        { 0xFF1A, 0xFF20 }, { 0xFF3B, 0xFF40 }, { 0xFF5B, 0xFF65 },
    };
    return in_ranges(ranges, COUNT(ranges), c);
}
