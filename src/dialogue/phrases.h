/* SPDX-License-Identifier: MIT
 * phrases.h -- is a text one of a list of phrases (wake words, exit commands)? Compared without
 * punctuation, spaces and emoji, ASCII case ignored. Pure. */
#ifndef PARLEY_DIALOGUE_PHRASES_H
#define PARLEY_DIALOGUE_PHRASES_H

#include "config/settings.h"

bool phrase_is(struct slice text, const struct conf_list *list); /* a text of nothing but marks is none */

#endif
