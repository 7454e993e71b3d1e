/* SPDX-License-Identifier: MIT
 * list.c -- the list of modes. */
#include "modes/list.h"

const struct mode_class *const modes[] = {&mode_chat, NULL};

const struct mode_class *mode_named(struct slice name)
{
    for (size_t i = 0; modes[i]; i++) {
        if (slice_is(name, modes[i]->name))
            return modes[i];
    }
    return NULL;
}
