/* SPDX-License-Identifier: MIT
 * intake.h -- what a meeting lets in: each text is cut, cleaned, freed of repeats and counted before it is
 * stored. State of one meeting; told the time. Pure.
 *
 *     raw text -> intake_clean -> intake_take -> KEPT (store it) | EMPTY | REPEAT | FULL
 */
#ifndef PARLEY_MODES_INTAKE_H
#define PARLEY_MODES_INTAKE_H

#include "base/buf.h"

#define INTAKE_TEXT_BYTES 2048    /* longer texts are cut at a character */
#define INTAKE_SEEN_MAX 1000      /* texts remembered; the oldest goes */
#define INTAKE_PENDING_MAX 200    /* kept since the last merge */
#define INTAKE_MESSAGES_PER_S 10
#define INTAKE_TERM_BYTES 64
#define INTAKE_TERMS_MAX 256

struct intake_term {
    char from[INTAKE_TERM_BYTES], to[INTAKE_TERM_BYTES];
};

struct intake_seen {
    uint8_t digest[16];
    uint64_t last_ms;
};

struct intake {
    unsigned dedupe_ms;          /* 0: repeats are kept */
    unsigned pending;            /* kept since intake_merged */
    struct intake_seen *seen;    /* INTAKE_SEEN_MAX, made on the first text */
    size_t seen_count;
    struct intake_term *terms;
    size_t term_count;
    uint64_t message_ms[INTAKE_MESSAGES_PER_S];
    unsigned message_at, messages;
};

enum intake_result { INTAKE_KEPT, INTAKE_EMPTY, INTAKE_REPEAT, INTAKE_FULL };

void intake_init(struct intake *in, unsigned dedupe_ms);
void intake_done(struct intake *in);
/* A replacement; a later one for the same `from` wins. False: too long, empty, or too many. */
bool intake_add_term(struct intake *in, struct slice from, struct slice to);
/* Counts one snippet message: false when it is the 11th within a second. */
bool intake_message(struct intake *in, uint64_t now_ms);
void intake_clear_terms(struct intake *in);
/* Cuts and cleans into out (cleared first): white space and runs of one punctuation mark collapse, spaces
 * between Chinese characters go, terms are replaced. Nothing but punctuation gives an empty text. True: it was
 * longer than INTAKE_TEXT_BYTES. */
bool intake_clean(const struct intake *in, struct slice raw, struct buf *out);
/* Judges a cleaned text and remembers it. */
enum intake_result intake_take(struct intake *in, uint64_t now_ms, struct slice cleaned);
/* It could not be kept after all: its next coming is no repeat. */
void intake_forget(struct intake *in, struct slice cleaned);
void intake_merged(struct intake *in); /* what was pending became segments */
size_t intake_bytes(const struct intake *in);
/* "zh" when a third of the letters are CJK, else "en". */
const char *intake_language(struct slice text);

#endif
