/* SPDX-License-Identifier: MIT
 * emotion.h -- the faces a device can show, and emoji in texts. Pure. */
#ifndef PARLEY_PROTOCOL_EMOTION_H
#define PARLEY_PROTOCOL_EMOTION_H

#include "base/buf.h"

struct emotion {
    const char *name, *emoji;
};
extern const struct emotion emotions[];
extern const size_t emotion_count;              /* 21 */

const struct emotion *emotion_default(void);    /* happy */
const struct emotion *emotion_named(struct slice name); /* NULL: not in the table */
/* The first emoji of the text that the table has; NULL: none. */
const struct emotion *emotion_in(struct slice text);
/* The text without emoji, their joiners and variation marks; newlines become spaces. Spaces left double
 * by a removed emoji are joined, those at the ends go. */
void emotion_strip(struct buf *out, struct slice text);

#endif
