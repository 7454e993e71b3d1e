/* SPDX-License-Identifier: MIT
 * handle_goodbye.c -- goodbye over WebSocket: the turn ends, the socket stays, nothing is echoed. */
#include "gateway/session.h"

void handle_msg_goodbye(struct session *s, const struct msg *m)
{
    (void)m;
    dialogue_abort(s->dialogue, false);
}
