/* SPDX-License-Identifier: MIT
 * table.h -- rows of text in columns that line up, for people. Chinese counts two columns; control
 * characters (an escape sequence in somebody's meeting) never reach the terminal. */
#ifndef PARLEY_CLI_TABLE_H
#define PARLEY_CLI_TABLE_H

#include "base/buf.h"

#define TABLE_COLUMNS_MAX 10
#define TABLE_CELL_COLUMNS 60 /* longer cells are cut, but for the last of a row */

struct table {
    unsigned columns, widths[TABLE_COLUMNS_MAX];
    struct buf cells; /* each ended by NUL */
    size_t cell_count;
};

void table_begin(struct table *t, const char *const *heads, unsigned columns);
void table_cell(struct table *t, struct slice text);
void table_number(struct table *t, int64_t n);
void table_time(struct table *t, int64_t wall_ms);  /* this machine's zone; 0: "-" */
void table_print(struct table *t);                  /* on standard output; the table is empty after it */

unsigned text_columns(struct slice s);              /* as a terminal shows it */
void text_clean(struct buf *out, struct slice s);   /* control characters become blanks */
void text_print(struct slice s);                    /* cleaned, on standard output */

#endif
