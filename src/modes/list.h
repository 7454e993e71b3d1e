/* SPDX-License-Identifier: MIT
 * list.h -- every mode there is, by name. A new one: its file and one line in list.c. */
#ifndef PARLEY_MODES_LIST_H
#define PARLEY_MODES_LIST_H

#include "dialogue/mode.h"

extern const struct mode_class mode_chat;

extern const struct mode_class *const modes[]; /* NULL-terminated; the first one is where sessions begin */
const struct mode_class *mode_named(struct slice name); /* NULL: there is none */

#endif
