/* SPDX-License-Identifier: MIT
 * handle_abort.c -- abort: by the button or by the wake word. Works in every state. */
#include "gateway/session.h"

void handle_msg_abort(struct session *s, const struct msg *m)
{
    struct msg_abort a;

    msg_abort_read(&a, m->root);
    dialogue_abort(s->dialogue, a.by_wake_word);
}
