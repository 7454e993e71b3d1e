/* SPDX-License-Identifier: MIT
 * words.h -- text as the full-text index sees it: each CJK character is a word of its own, so that any
 * run of one or more Chinese characters is found; everything else is split by FTS5's own tokenizer. */
#ifndef PARLEY_STORE_WORDS_H
#define PARLEY_STORE_WORDS_H

#include "base/buf.h"

struct sqlite3;

void words_put(struct buf *out, struct slice text);
/* What people type, as an FTS5 query: blank-separated pieces, each a phrase, all of them wanted.
 * False when there is nothing to look for (punctuation only). */
bool words_query(struct buf *out, struct slice typed);
/* The piece of text around the first place that matches, at most bytes_max, cut at characters. */
struct slice words_excerpt(struct slice text, struct slice typed, size_t bytes_max);
void words_register(struct sqlite3 *sql); /* the SQL function words(text) */

#endif
