/* SPDX-License-Identifier: MIT
 * handle_config_update.c -- config_update from a client: acknowledged, written down, never applied. */
#define LOG_TOPIC "gateway"
#include "base/log.h"
#include "gateway/session.h"

#define KEYS_MAX 16

void handle_msg_config_update(struct session *s, const struct msg *m)
{
    auto_buf struct buf out = { 0 };
    auto_buf struct buf keys = { 0 };
    struct slice key;
    const struct json *value;

    for (size_t i = 0; i < KEYS_MAX && json_member(m->root, i, &key, &value); i++)
        buf_printf(&keys, "%s" SLICE_FMT, i ? "," : "", SLICE_ARG(key));
    LOGI(&s->log, "config_update.ignored", "keys=%s", keys.data ? keys.data : "");
    msg_config_update_ok(&out, m->req_id);
    session_send(s, &out);
}
