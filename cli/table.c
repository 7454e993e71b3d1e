/* SPDX-License-Identifier: MIT
 * table.c -- aligned columns. */
#include "cli/table.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <stdio.h>

#define GAP 2

static unsigned char_columns(uint32_t c)
{
    bool is_wide = utf8_is_cjk(c) || utf8_is_emoji(c) || (c >= 0x3000 && c <= 0x303f) || (c >= 0xff00 && c <= 0xff60);
    return is_wide ? 2 : 1;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

unsigned text_columns(struct slice s)
{
    unsigned n = 0;
    for (size_t at = 0; at < s.len;)
        n += char_columns((uint32_t)utf8_next(s, &at));
    return n;
}

void text_clean(struct buf *out, struct slice s)
{
    for (size_t at = 0; at < s.len;) {
        char bytes[4];
        uint32_t c = (uint32_t)utf8_next(s, &at);
        buf_put(out, slice_from(bytes, utf8_encode(is_control(c) ? ' ' : c, bytes)));
    }
}

void text_print(struct slice s)
{
    auto_buf struct buf clean = { 0 };
    text_clean(&clean, s);
    fwrite(clean.data ? clean.data : "", 1, clean.len, stdout);
}

/* What fits into `columns`. */
static size_t cut_at(struct slice s, unsigned columns)
{
    size_t at = 0, fits = 0;
    unsigned n = 0;
    while (at < s.len) {
        n += char_columns((uint32_t)utf8_next(s, &at));
        if (n > columns)
            break;
        fits = at;
    }
    return fits;
}

void table_cell(struct table *t, struct slice text)
{
    auto_buf struct buf clean = { 0 };
    unsigned column = (unsigned)(t->cell_count % t->columns);
    text_clean(&clean, slice_trim(text));
    struct slice s = buf_slice(&clean);
    if (column + 1 < t->columns && text_columns(s) > TABLE_CELL_COLUMNS) {
        buf_put(&t->cells, slice_sub(s, 0, cut_at(s, TABLE_CELL_COLUMNS - 1)));
        buf_puts(&t->cells, "…");
        t->widths[column] = TABLE_CELL_COLUMNS;
    } else {
        s = s.len ? s : SLICE("-");
        buf_put(&t->cells, s);
        t->widths[column] = MAX(t->widths[column], text_columns(s));
    }
    buf_put_byte(&t->cells, '\0');
    t->cell_count++;
}

void table_begin(struct table *t, const char *const *heads, unsigned columns)
{
    assert(columns > 0);
    assert(columns <= TABLE_COLUMNS_MAX);
    *t = (struct table){ .columns = columns };
    for (unsigned i = 0; i < columns; i++)
        table_cell(t, slice_of(heads[i]));
}

void table_number(struct table *t, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    table_cell(t, slice_of(text));
}

void table_time(struct table *t, int64_t wall_ms)
{
    char text[20] = "";
    if (wall_ms > 0)
        clock_text(wall_ms, clock_zone_offset_minutes(), text);
    table_cell(t, slice_of(text));
}

void table_print(struct table *t)
{
    const char *at = t->cells.data;
    for (size_t i = 0; i < t->cell_count; i++) {
        unsigned column = (unsigned)(i % t->columns);
        bool is_last = column + 1 == t->columns;
        fputs(at, stdout);
        for (unsigned n = text_columns(slice_of(at)); !is_last && n < t->widths[column] + GAP; n++)
            putchar(' ');
        if (is_last)
            putchar('\n');
        at += strlen(at) + 1;
    }
    buf_done(&t->cells);
    *t = (struct table){ 0 };
}
