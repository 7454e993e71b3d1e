/* SPDX-License-Identifier: MIT
 * working.c -- working mode: the screen shows the group's tasks, and a voice takes or finishes them. The tasks
 * themselves: workflow.c. */
#include "modes/workflow_inside.h"

static void working_start(struct modes *m, struct slice req_id)
{
    bool is_new = m->active != &mode_working;
    if (is_new) {
        modes_set_active(m, &mode_working);
        dialogue_mute(m->dialogue, m->config->working_disable_tts);
        dialogue_boundaries(m->dialogue, (unsigned)m->config->meeting_manual_listen_fallback_ms);
        auto_buf struct buf out = {0};
        buf_puts(&out, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
        (void)modes_send(m, &out);
        workflow_snapshot_once(m, 0);
    }
    modes_mode_ok(m, true, "working", req_id, NULL, false);
}

static void working_end(struct modes *m, bool has_reply, struct slice req_id)
{
    dialogue_mute(m->dialogue, false);
    dialogue_boundaries(m->dialogue, 0);
    modes_set_active(m, NULL);
    if (has_reply)
        modes_mode_ok(m, false, "working", req_id, NULL, false);
}

static void working_heard(struct modes *m, uint32_t turn, struct slice text)
{
    struct command c = command_task(text);
    if (c.kind == COMMAND_NONE) {
        turn_ask(m->dialogue, turn, text);
        return;
    }
    turn_silence(m->dialogue, turn);
    if (c.kind == COMMAND_REFRESH) {
        auto_buf struct buf out = {0};
        buf_puts(&out, "{\"type\":\"workflow\",\"event\":\"command\",\"intent\":\"refresh\"}");
        (void)modes_send(m, &out);
        workflow_snapshot(m);
        return;
    }
    struct plan *p = plan_make(m, c.kind == COMMAND_ASSIGN ? OP_ASSIGN : OP_COMPLETE, (struct slice){0});
    p->is_voice = true;
    p->command = c;
    plan_start(m, p);
}

static void working_on_close(struct modes *m)
{
}

const struct mode_row mode_working = {
    .name = "working",
    .type = MSG_workflow,
    .idle_factor = 3,
    .start = working_start,
    .end = working_end,
    .on_heard = working_heard,
    .on_close = working_on_close,
};
