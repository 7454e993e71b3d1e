/* SPDX-License-Identifier: MIT
 * handle_mode.c -- mode: the form is checked; modes beside chat are not part of this build. */
#include "gateway/session.h"

void handle_msg_mode(struct session *s, const struct msg *m)
{
    struct msg_mode mode;
    const char *why = NULL;
    auto_buf struct buf out = { 0 };

    if (msg_mode_read(&mode, m->root, &why))
        msg_reply_error(&out, "mode", CODE_SCHEMA_INVALID, why, m->req_id);
    else if (!mode.is_start) /* ending what is not active is fine */
        msg_mode_ok(&out, &mode, "end", false, m->req_id);
    else
        msg_reply_error(&out, "mode", CODE_INVALID_REQUEST, "this mode is not available", m->req_id);
    session_send(s, &out);
}
