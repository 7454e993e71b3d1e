/* SPDX-License-Identifier: MIT
 * summary.h -- the summary of a meeting: seven fields that are always there and always valid, whatever a
 * model answered. Read from the model's text, from nothing (skeleton) or from what was said (heuristic);
 * written as JSON. Pure. */
#ifndef PARLEY_MODES_SUMMARY_H
#define PARLEY_MODES_SUMMARY_H

#include "base/json.h"

#define SUMMARY_TITLE_CHARS 30
#define SUMMARY_BULLETS_MAX 6
#define SUMMARY_LIST_MAX 4
#define SUMMARY_ITEM_BYTES 400 /* a longer item is cut */

enum summary_list { SUMMARY_BULLETS, SUMMARY_DECISIONS, SUMMARY_ACTIONS, SUMMARY_RISKS, SUMMARY_NEXT, SUMMARY_LISTS };

struct summary {
    char *title;                                           /* NULL: take the default */
    char *items[SUMMARY_LISTS][SUMMARY_BULLETS_MAX];
    unsigned counts[SUMMARY_LISTS];
    uint64_t duration_ms;
};

void summary_done(struct summary *s); /* zero is valid; empty afterwards */
/* Takes what a model answered: JSON, or the outermost {...} inside prose. Wrong types are skipped, lists
 * trimmed, freed of repeats in order, and capped. False: nothing usable in it (s is unchanged). */
bool summary_read(struct summary *s, struct slice reply);
/* Adds one item; repeats, empties and what is over the cap are dropped. */
void summary_add(struct summary *s, enum summary_list list, struct slice text);
void summary_clip(struct summary *s, size_t max_bytes); /* every item, at a character */
/* Bullets out of what was said, when a model gave none: the longest distinct utterances, in order. */
void summary_guess(struct summary *s, const struct slice *said, size_t count);
/* max(last segment, now) - start, at least min_ms. */
uint64_t summary_duration_ms(int64_t start_ms, int64_t last_segment_ms, int64_t now_ms, uint64_t min_ms);
void summary_clock(uint64_t duration_ms, char out[16]); /* "HH:MM:SS", capped at 999:59:59 */
const char *summary_key(enum summary_list list);        /* "bullets" ... */
/* The object with its seven fields under `key`. */
void summary_write(const struct summary *s, const char *default_title, struct jw *w, const char *key);

#endif
