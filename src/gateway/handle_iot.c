/* SPDX-License-Identifier: MIT
 * handle_iot.c -- iot of old firmware: descriptors become tools, states are remembered, text is echoed. */
#include "gateway/session.h"
#include "tools/tool_iot.h"

static void send_command(void *user, struct slice device, struct slice method, const struct json *parameters)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_iot_command(&out, s->who.session, device, method, parameters);
    session_send(s, &out);
}

void handle_msg_iot(struct session *s, const struct msg *m)
{
    struct msg_iot i;

    msg_iot_read(&i, m->root);
    if (!i.descriptors && !i.states) {
        if (i.text.data && s->home->config->compat_iot_echo) {
            auto_buf struct buf out = { 0 };
            msg_iot_echo(&out, s->who.session, i.text, m->req_id);
            session_send(s, &out);
        }
        return;
    }
    struct tool_iot_opts o = { .box = s->tools, .send = send_command, .user = s };
    if (!s->iot && tool_iot_create(&s->iot, &o))
        return;
    if (i.descriptors)
        tool_iot_descriptors(s->iot, i.descriptors);
    if (i.states)
        tool_iot_states(s->iot, i.states);
}
