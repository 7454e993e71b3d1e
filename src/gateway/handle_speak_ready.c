/* SPDX-License-Identifier: MIT
 * handle_speak_ready.c -- speak_ready: only MQTT devices were ever asked; over WebSocket it means nothing. */
#include "gateway/session.h"

void handle_msg_speak_ready(struct session *s, const struct msg *m)
{
    (void)s;
    (void)m;
}
