/* SPDX-License-Identifier: MIT
 * handle_modes.c -- messages that belong to modes go to the modes of the session. */
#include "gateway/session.h"

static void to_modes(struct session *s, const struct msg *m)
{
    auto_buf struct buf out = { 0 };

    if (s->modes) {
        modes_handle(s->modes, m);
        return;
    }
    msg_reply_error(&out, msg_type_name(m->type), CODE_INVALID_REQUEST, "this server has no modes", m->req_id);
    session_send(s, &out);
}

#define MODE_MESSAGES(X) \
    X(mode) X(meeting) X(coding) X(workflow) X(peer) X(ui_ack) X(ui_error) X(ui_render) X(device_control)
#define X(name)                                             \
    void handle_msg_##name(struct session *s, const struct msg *m) \
    {                                                       \
        to_modes(s, m);                                     \
    }
MODE_MESSAGES(X)
#undef X
