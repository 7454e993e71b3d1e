/* SPDX-License-Identifier: MIT
 * past_chats.h -- a line each for the last chats of a device, at the foot of its chat page. Read once for a session;
 * until then, and when nothing is known, there are none. One loop. */
#ifndef PARLEY_MODES_PAST_CHATS_H
#define PARLEY_MODES_PAST_CHATS_H

#include "base/base.h"

struct loop;
struct store;
struct store_op;

#define PAST_CHAT_CHARS 24 /* of each line */

struct past_chats { /* zero: nothing was read */
    struct store_op *op;
    char *lines; /* each after a line end; NULL: none */
    bool is_asked;
};
void past_chats_read(struct past_chats *p, struct loop *l, struct store *store, const char *device);
void past_chats_done(struct past_chats *p);

#endif
