/* SPDX-License-Identifier: MIT
 * handle_listen.c -- listen start, stop, detect. */
#include "gateway/session.h"

/* Some clients send three starts in a row: the same message again within SESSION_REPEAT_MS, with no
 * other text between, says nothing new. */
static bool is_repeat(struct session *s, const struct msg_listen *l)
{
    uint64_t now_ms = loop_now_ms(s->loop);
    struct last_listen *last = &s->last_listen;
    bool is_same = l->state != MSG_LISTEN_DETECT && last->message > 0 && last->message + 1 == s->messages &&
                   last->state == l->state && last->mode == l->mode && now_ms - last->at_ms <= SESSION_REPEAT_MS;

    *last = (struct last_listen){ l->state, l->mode, is_same ? last->at_ms : now_ms, s->messages };
    return is_same;
}

void handle_msg_listen(struct session *s, const struct msg *m)
{
    static const enum listen_mode modes[] = { [MSG_LISTEN_AUTO] = LISTEN_AUTO, [MSG_LISTEN_MANUAL] = LISTEN_MANUAL,
                                              [MSG_LISTEN_REALTIME] = LISTEN_REALTIME };
    struct msg_listen l = { 0 };
    const char *why = NULL;

    if (msg_listen_read(&l, m->root, &why)) {
        session_error(s, m, CODE_SCHEMA_INVALID, why);
        return;
    }
    if (is_repeat(s, &l))
        return;
    switch (l.state) {
    case MSG_LISTEN_START:
        dialogue_listen_start(s->dialogue, modes[l.mode]);
        if (s->modes)
            modes_on_listen(s->modes);
        break;
    case MSG_LISTEN_STOP:
        dialogue_listen_stop(s->dialogue);
        break;
    case MSG_LISTEN_DETECT:
        idle_touch(&s->idle);
        dialogue_detect(s->dialogue, l.text);
        break;
    }
}
