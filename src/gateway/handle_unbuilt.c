/* SPDX-License-Identifier: MIT
 * handle_unbuilt.c -- messages of modes and services this build does not have: a plain refusal each. */
#include "gateway/session.h"

static void refuse(struct session *s, const struct msg *m, enum msg_code code, const char *message)
{
    auto_buf struct buf out = { 0 };

    msg_reply_error(&out, msg_type_name(m->type), code, message, m->req_id);
    session_send(s, &out);
}

void handle_msg_meeting(struct session *s, const struct msg *m)
{
    refuse(s, m, CODE_NOT_IN_MEETING, "no meeting is open");
}

void handle_msg_coding(struct session *s, const struct msg *m)
{
    refuse(s, m, CODE_INVALID_REQUEST, "not available");
}

void handle_msg_workflow(struct session *s, const struct msg *m)
{
    refuse(s, m, CODE_INVALID_REQUEST, "not available");
}

void handle_msg_peer(struct session *s, const struct msg *m)
{
    refuse(s, m, CODE_INVALID_REQUEST, "not available");
}

void handle_msg_ui_render(struct session *s, const struct msg *m)
{
    refuse(s, m, CODE_INVALID_REQUEST, "not available");
}

void handle_msg_device_control(struct session *s, const struct msg *m)
{
    refuse(s, m, CODE_INVALID_REQUEST, "not available");
}

void handle_msg_ui_ack(struct session *s, const struct msg *m)
{
    (void)s; /* nothing was drawn, so nothing waits for it */
    (void)m;
}

void handle_msg_ui_error(struct session *s, const struct msg *m)
{
    (void)s;
    (void)m;
}
