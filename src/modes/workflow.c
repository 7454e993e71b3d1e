/* SPDX-License-Identifier: MIT
 * workflow.c -- the shared tasks of a group, by message and (in working mode: working.c) by voice. One message
 * is one transaction; it is on disk before the ok; then the sender gets its snapshot, and every online device
 * of each changed group makes its own.
 *
 *   message (workflow_read.c) or utterance -> plan (workflow_plan.c): all or nothing -> ok, snapshot, others told */
#include "modes/groups.h"
#include "modes/workflow_inside.h"

#define LOG_TOPIC            "workflow"
#define SNAPSHOT_DEBOUNCE_MS 1500
#define REQ_ID_ROOM          512 /* of a snapshot's bytes, for the reqId it may carry */

void workflow_unref(void *arg)
{
    struct workflow *f = arg;
    if (--f->refs)
        return;
    for (unsigned i = 0; i < f->asked_count; i++)
        mem_free(f->asked[i]);
    mem_free(f);
}

struct workflow *workflow_of(struct modes *m)
{
    if (!m->workflow) {
        m->workflow = xnew(struct workflow);
        m->workflow->modes = m;
        m->workflow->refs = 1;
    }
    return m->workflow;
}

void workflow_close(struct modes *m)
{
    struct workflow *f = m->workflow;
    if (!f)
        return;
    timer_stop(&f->delayed);
    f->modes = NULL;
    m->workflow = NULL;
    loop_later(m->loop, &f->grave, workflow_unref, f);
}

/* ---- snapshots ---- */

static void send_with_id(struct modes *m, struct slice json, const char *req_id)
{
    auto_buf struct buf out = {0};
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "reqId", req_id);
    jw_end(&w);
    out.data[out.len - 1] = ','; /* {"reqId":"..", and the rest of the snapshot behind its brace */
    buf_put(&out, slice_sub(json, 1, json.len));
    (void)m->out->send(m->user, buf_slice(&out), true);
}

/* One message for all that was asked without an id, one for each list that had one. */
static void answer(struct workflow *f, struct slice json)
{
    if (!f->answering)
        (void)f->modes->out->send(f->modes->user, json, true);
    for (unsigned i = 0; i < f->answering && f->modes; i++)
        send_with_id(f->modes, json, f->asked[i]);
}

static void answered(struct workflow *f)
{
    for (unsigned i = 0; i < f->answering; i++)
        mem_free(f->asked[i]);
    f->asked_count -= f->answering;
    memmove(f->asked, f->asked + f->answering, f->asked_count * sizeof(f->asked[0]));
    f->answering = 0;
}

static void on_snapshot(struct snapshot_wish *w, enum err err, const struct snapshot *s)
{
    struct workflow *f = container_of(w, struct workflow, wish);
    struct modes *m = f->modes;
    f->is_reading = false;
    if (m && err) {
        LOGE(m->log, "workflow.read", "err=%s", err_name(err));
        for (unsigned i = 0; i < f->answering && f->modes; i++)
            modes_error(m, "workflow", msg_code_of(err), "the tasks could not be read, try again",
                        slice_of(f->asked[i]));
    } else if (m) {
        LOGI(m->log, "workflow.snapshot", "[Workflow] op=snapshot to=%s count=%zu total=%lld", m->device_id,
             s->count, (long long)s->total);
        answer(f, s->json);
    }
    answered(f);
    if (f->modes && f->is_dirty) {
        f->is_dirty = false;
        workflow_snapshot(f->modes);
    }
    workflow_unref(f);
}

/* One at a time: changes that come while one is read give one more. */
void workflow_snapshot(struct modes *m)
{
    struct workflow *f = workflow_of(m);
    if (f->is_reading) {
        f->is_dirty = true;
        return;
    }
    auto_buf struct buf group = {0};
    group_of(m->shared, m->config, m->device_id, &group);
    f->wish.on_done = on_snapshot;
    if (snapshots_ask(m->snapshots, group.data, m->json_max_bytes - REQ_ID_ROOM, &f->wish))
        return;
    f->answering = f->asked_count;
    f->is_reading = true;
    f->refs++;
}

static void on_delayed(void *arg)
{
    struct workflow *f = arg;
    f->sent_ms = loop_now_ms(f->modes->loop) + 1;
    workflow_snapshot(f->modes);
}

/* Hello and the start of working mode share one debounce. */
void workflow_snapshot_once(struct modes *m, uint64_t delay_ms)
{
    struct workflow *f = workflow_of(m);
    if (timer_armed(&f->delayed) ||
        (f->sent_ms && loop_now_ms(m->loop) + 1 - f->sent_ms < SNAPSHOT_DEBOUNCE_MS))
        return;
    if (delay_ms)
        timer_start(&f->delayed, m->loop, delay_ms, on_delayed, f);
    else
        on_delayed(f);
}

void workflow_hello(struct modes *m)
{
    if (m->wants_snapshot)
        workflow_snapshot_once(m, (uint64_t)m->config->workflow_snapshot_on_register_delay_ms);
}

void workflow_changed(struct modes *m)
{
    if (modes_wants(m, MSG_workflow))
        workflow_snapshot(m);
}

/* ---- messages ---- */

/* May this device change tasks of that group at all? */
static bool group_is_allowed(const struct modes *m, const struct plan *p, const char *group)
{
    if (strcmp(group, p->own_group) == 0 || m->is_operator ||
        strcmp(m->config->workflow_cross_group, "allow") == 0)
        return true;
    if (strcmp(m->config->workflow_cross_group, "acl") != 0)
        return false;
    const struct conf *list = conf_get(m->config->workflow_group_acl, p->own_group);
    for (size_t i = 0; i < conf_count(list); i++) {
        if (strcmp(conf_text(conf_at(list, i)), group) == 0)
            return true;
    }
    return false;
}

static void handle_change(struct modes *m, const struct msg *msg, enum op_kind kind)
{
    struct plan *p = plan_make(m, kind, msg->req_id);
    const char *why = plan_read(p, msg->root);
    if (why) {
        modes_error(m, "workflow", CODE_SCHEMA_INVALID, why, msg->req_id);
        plan_free(p);
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (!group_is_allowed(m, p, p->changes[i].group_key)) {
            plan_refuse(m, p, ERR_FORBIDDEN);
            plan_free(p);
            return;
        }
    }
    plan_start(m, p);
}

static void handle_list(struct modes *m, const struct msg *msg)
{
    struct workflow *f = workflow_of(m);
    if (msg->req_id.len && f->asked_count == ASKED_MAX) {
        modes_error(m, "workflow", CODE_BUSY, "too many lists at once, try again", msg->req_id);
        return;
    }
    if (msg->req_id.len)
        f->asked[f->asked_count++] = xslicedup(msg->req_id);
    workflow_snapshot(m);
}

void handle_workflow_message(struct modes *m, const struct msg *msg)
{
    struct slice event = json_get_text(msg->root, "event");
    const struct json *tasks = json_get(msg->root, "tasks");
    if (slice_is(event, "list") ||
        (slice_is(event, "update") && json_is(tasks, JSON_ARRAY) && !json_len(tasks))) {
        handle_list(m, msg);
        return;
    }
    for (size_t k = 0; k < COUNT(op_names); k++) {
        if (slice_is(event, op_names[k])) {
            handle_change(m, msg, (enum op_kind)k);
            return;
        }
    }
    modes_error(m, "workflow", CODE_SCHEMA_INVALID, "event must be list, update, assign, complete or delete",
                msg->req_id);
}
