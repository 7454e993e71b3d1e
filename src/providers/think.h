/* SPDX-License-Identifier: MIT
 * think.h -- takes <think>...</think> out of a stream of text, also when the tags come in pieces. */
#ifndef PARLEY_PROVIDERS_THINK_H
#define PARLEY_PROVIDERS_THINK_H

#include "base/buf.h"

struct think {
    bool is_inside, has_left; /* left: white space after the closing tag is dropped */
    char held[8];             /* the beginning of what may be a tag */
    unsigned held_len;
};
/* Appends what is to be said. Zero is a valid filter. */
void think_feed(struct think *t, struct slice text, struct buf *out);
void think_end(struct think *t, struct buf *out); /* what was held and is no tag after all */

#endif
