/* SPDX-License-Identifier: MIT
 * version.c -- firmware versions compared as devices do, and the names of firmware files. */
#include "protocol/ota.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool version_is_plain(struct slice v)
{
    bool wants_digit = true;
    for (size_t i = 0; i < v.len; i++) {
        if (is_digit(v.data[i]))
            wants_digit = false;
        else if (v.data[i] == '.' && !wants_digit)
            wants_digit = true;
        else
            return false;
    }
    return !wants_digit && v.len < OTA_TEXT_BYTES;
}

/* The digits a piece begins with; beyond nine of them the number stays where it is. */
static int64_t piece_number(struct slice piece)
{
    int64_t n = 0;
    for (size_t i = 0; i < piece.len && is_digit(piece.data[i]) && n < 1000000000; i++)
        n = n * 10 + (piece.data[i] - '0');
    return n;
}

int version_compare(struct slice a, struct slice b)
{
    while (a.len > 0 && b.len > 0) {
        int64_t left = piece_number(slice_cut(&a, '.')), right = piece_number(slice_cut(&b, '.'));
        if (left != right)
            return left < right ? -1 : 1;
    }
    return (a.len > 0) - (b.len > 0);
}

bool firmware_name_ok(struct slice file)
{
    for (size_t i = 0; i < file.len; i++) {
        char c = file.data[i];
        bool fine = is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
                    c == '-';
        if (!fine)
            return false;
    }
    return file.len > 4 && file.len < 128 && file.data[0] != '.' && slice_ends(file, SLICE(".bin"));
}

bool firmware_name_split(struct slice file, struct slice *model, struct slice *version)
{
    if (!firmware_name_ok(file))
        return false;
    struct slice stem = slice_sub(file, 0, file.len - 4);
    for (size_t i = 1; i + 1 < stem.len; i++) {
        if (stem.data[i] != '_' || !is_digit(stem.data[i + 1]))
            continue;
        struct slice v = slice_sub(stem, i + 1, stem.len - i - 1);
        if (!version_is_plain(v))
            return false;
        *model = slice_sub(stem, 0, i);
        *version = v;
        return true;
    }
    return false;
}
