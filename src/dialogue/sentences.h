/* SPDX-License-Identifier: MIT
 * sentences.h -- the words of a model as they come, cut into pieces worth speaking.
 *
 *     "**Sure**, it is" " 3.14. Next" --> "Sure," | "it is 3.14." | "Next"
 *
 * The first piece ends at the first clause mark, so that speech can begin early; later ones only at ends
 * of sentences. Markdown, emoji, code blocks and <think> parts are not spoken. Pure, one owner. */
#ifndef PARLEY_DIALOGUE_SENTENCES_H
#define PARLEY_DIALOGUE_SENTENCES_H

#include "base/buf.h"

#define SENTENCE_BYTES_MAX 360      /* a longer run is cut at a clause mark, a space or a character */
#define SENTENCES_FEED_MAX_BYTES 512 /* of one feed; take the pieces out between feeds */

struct emotion;

struct sentences {
    struct buf raw;      /* not yet cut */
    size_t scanned;      /* raw before this holds no place to cut */
    unsigned given;      /* pieces so far */
    bool in_code, in_thought;
    bool at_line_start;  /* raw begins a line */
    const struct emotion *emotion; /* of the first piece that had words or a face; NULL: none yet */
};

void sentences_done(struct sentences *s);
void sentences_reset(struct sentences *s);
/* At most SENTENCES_FEED_MAX_BYTES, whole code points. */
void sentences_feed(struct sentences *s, struct slice text);
/* The next piece, cleaned, appended to out; false: more text is needed (at the end: none is left). */
bool sentences_next(struct sentences *s, bool is_end, struct buf *out);
/* What would be said of a finished text: Markdown and emoji removed. Appends. */
void sentence_clean(struct buf *out, struct slice text);
/* Is there anything in it a voice can say: a letter, a digit, an ideograph? */
bool sentence_is_speakable(struct slice text);

#endif
