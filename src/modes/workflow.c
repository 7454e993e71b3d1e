/* SPDX-License-Identifier: MIT
 * workflow.c -- the shared tasks of a group, by message and (in working mode) by voice. One message is one
 * transaction; it is on disk before the ok; then the sender gets its snapshot, and every online device of
 * each changed group makes its own.
 *
 *   message or utterance -> plan (changes) -> store: apply all or nothing -> ok, snapshot, others told */
#include "base/clock.h"
#include "base/utf8.h"
#include "modes/command.h"
#include "modes/groups.h"
#include "modes/inside.h"
#include "modes/snapshot.h"
#include "store/task.h"

#define LOG_TOPIC            "workflow"
#define TASKS_IN_MESSAGE_MAX 100
#define TASK_ID_BYTES        64
#define TASK_TITLE_BYTES     800 /* 200 characters */
#define TASK_TITLE_CHARS     200
#define OWNER_BYTES          64
#define SNAPSHOT_DEBOUNCE_MS 1500
#define ASKED_MAX            8   /* lists with a reqId that wait for a reading: BUSY beyond */
#define REQ_ID_ROOM          512 /* of a snapshot's bytes, for the reqId it may carry */

enum op_kind { OP_UPDATE, OP_ASSIGN, OP_COMPLETE, OP_DELETE };

struct workflow {
    struct modes *modes; /* NULL: closed */
    struct timer delayed;
    uint64_t sent_ms; /* the last snapshot that hello or working start caused; 0: none */
    struct snapshot_wish wish;
    bool is_reading, is_dirty;
    char *asked[ASKED_MAX]; /* reqIds of lists; the first `answering` get the snapshot that is being read */
    unsigned asked_count, answering;
    unsigned refs;
    struct grave grave;
};

static void workflow_unref(void *arg)
{
    struct workflow *f = arg;
    if (--f->refs)
        return;
    for (unsigned i = 0; i < f->asked_count; i++)
        mem_free(f->asked[i]);
    mem_free(f);
}

static struct workflow *workflow_of(struct modes *m)
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

static void snapshot(struct modes *m);

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
        snapshot(f->modes);
    }
    workflow_unref(f);
}

/* One at a time: changes that come while one is read give one more. */
static void snapshot(struct modes *m)
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
    snapshot(f->modes);
}

/* Hello and the start of working mode share one debounce. */
static void snapshot_once(struct modes *m, uint64_t delay_ms)
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
        snapshot_once(m, (uint64_t)m->config->workflow_snapshot_on_register_delay_ms);
}

void workflow_changed(struct modes *m)
{
    if (modes_wants(m, MSG_workflow))
        snapshot(m);
}

/* ---- plans ---- */

struct plan {
    struct workflow *workflow;
    struct arena arena;
    enum op_kind kind;
    struct task_change *changes; /* UPDATE: all; others: group and id, owner for ASSIGN */
    size_t count;
    bool *changed; /* each */
    struct command command;  /* by voice: which one is decided in the store */
    bool is_voice, may_take; /* may_take: reassign and delete what belongs to others in another group */
    const char *own_group, *own_id, *own_alias;
    char *req_id;
    int64_t now_ms;
    bool is_changed;
    enum msg_code code; /* why not */
};

static void plan_free(void *input)
{
    struct plan *p = input;
    workflow_unref(p->workflow);
    arena_done(&p->arena);
    mem_free(p->req_id);
    mem_free(p);
}

static struct plan *plan_make(struct modes *m, enum op_kind kind, struct slice req_id)
{
    auto_buf struct buf group = {0};
    struct plan *p = xnew(struct plan);
    const char *alias = group_alias(m->config, m->device_id);
    group_of(m->shared, m->config, m->device_id, &group);
    p->workflow = workflow_of(m);
    p->workflow->refs++;
    p->kind = kind;
    p->req_id = xslicedup(req_id);
    p->own_group = arena_strdup(&p->arena, buf_slice(&group));
    p->own_id = arena_strdup(&p->arena, slice_of(m->device_id));
    p->own_alias = alias ? arena_strdup(&p->arena, slice_of(alias)) : p->own_id;
    p->may_take = m->is_operator;
    p->now_ms = clock_wall_ms();
    return p;
}

static const char *const kind_names[] = {"update", "assign", "complete", "delete"};

static bool is_mine(const struct plan *p, const char *owner)
{
    return strcmp(owner, p->own_id) == 0 || strcmp(owner, p->own_alias) == 0;
}

/* In another group only an operator takes away what belongs to somebody, or deletes. */
static enum err guard(struct db *db, struct plan *p, const struct task_change *c)
{
    struct task_row row;
    if (p->may_take || strcmp(c->group_key, p->own_group) == 0)
        return OK;
    enum err e = db_task_get(db, c->group_key, c->id, &p->arena, &row);
    if (e == ERR_NOT_FOUND)
        return OK; /* the change itself says so */
    if (!e && (p->kind == OP_DELETE || (c->owner && row.owner[0] && strcmp(row.owner, c->owner) != 0)))
        return ERR_FORBIDDEN;
    return e;
}

static enum err apply(struct db *db, struct plan *p, const struct task_change *c, bool *changed)
{
    struct task_outcome outcome = {0};
    enum err e = guard(db, p, c);
    if (e)
        return e;
    switch (p->kind) {
    case OP_UPDATE:
        e = db_task_merge(db, c, p->now_ms, &outcome);
        *changed = outcome.is_new || outcome.is_changed;
        break;
    case OP_ASSIGN: {
        struct task_row row;
        e = db_task_get(db, c->group_key, c->id, &p->arena, &row);
        if (!e && is_mine(p, c->owner) && is_mine(p, row.owner))
            break;
        if (!e)
            e = db_task_assign(db, c->group_key, c->id, c->owner, p->now_ms, changed);
        break;
    }
    case OP_COMPLETE:
        e = db_task_complete(db, c->group_key, c->id, p->now_ms, changed);
        break;
    case OP_DELETE:
        e = db_task_delete(db, c->group_key, c->id);
        *changed = true;
        break;
    }
    return e;
}

/* Which task a voice command means: over the open ones of the group. */
static enum err choose(struct db *db, struct plan *p)
{
    struct task_row *open;
    size_t count, at = SIZE_MAX;
    const struct task_filter open_ones = {.group_key = p->own_group, .is_open = true, .limit = DB_ROWS_MAX};
    enum err e = db_task_list(db, &open_ones, &p->arena, &open, &count);
    if (e)
        return e;
    if (p->command.ordinal) {
        at = p->command.ordinal - 1;
        p->code = count ? CODE_NOT_FOUND : CODE_NO_TASK;
    } else {
        p->code = CODE_NO_TASK;
        for (size_t i = 0; i < count && at == SIZE_MAX; i++) {
            if (p->kind == OP_COMPLETE || !is_mine(p, open[i].owner))
                at = i;
        }
    }
    if (at >= count)
        return ERR_NOT_FOUND;
    p->code = CODE_NONE;
    p->changes = arena_alloc(&p->arena, sizeof(*p->changes));
    p->changes[0] = (struct task_change){.group_key = p->own_group, .id = open[at].id, .owner = p->own_alias};
    p->count = 1;
    return OK;
}

static enum err plan_run(struct db *db, void *input)
{
    struct plan *p = input;
    enum err e = p->is_voice ? choose(db, p) : OK;
    p->changed = arena_alloc(&p->arena, p->count + 1);
    for (size_t i = 0; i < p->count && !e; i++) {
        p->changed[i] = false;
        e = apply(db, p, &p->changes[i], &p->changed[i]);
        p->is_changed = p->is_changed || p->changed[i];
    }
    return e;
}

static void refuse(struct modes *m, const struct plan *p, enum err err)
{
    enum msg_code code = p->code ? p->code : err == ERR_FORBIDDEN ? CODE_FORBIDDEN_GROUP : msg_code_of(err);
    const char *message = code == CODE_NOT_FOUND ? "there is no such task"
                          : code == CODE_NO_TASK ? "there is no open task for that"
                          : err == ERR_FORBIDDEN ? "the task belongs to another group"
                          : err == ERR_LIMIT     ? "too many tasks or too much text in one"
                                                 : "the tasks could not be stored, try again";
    if (err == ERR_FORBIDDEN)
        LOGW(m->log, "workflow.refused", "forbidden_group_override op=%s by=%s", kind_names[p->kind],
             m->device_id);
    modes_error(m, "workflow", code, message, slice_of(p->req_id));
}

static void tell_groups(struct modes *m, const struct plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        bool is_told = !p->changed[i];
        for (size_t k = 0; k < i; k++)
            is_told = is_told || (p->changed[k] && strcmp(p->changes[k].group_key, p->changes[i].group_key) == 0);
        if (!is_told)
            group_tell_changed(m->shared, m->config, m->loop, slice_of(p->changes[i].group_key),
                               m->device_id);
    }
}

static void on_plan(void *owner, enum err err, void *input)
{
    struct workflow *f = owner;
    struct plan *p = input;
    struct modes *m = f->modes;
    if (!m)
        return;
    if (p->is_voice) {
        auto_buf struct buf out = {0};
        buf_printf(&out, "{\"type\":\"workflow\",\"event\":\"command\",\"intent\":\"%s\"}",
                   kind_names[p->kind]);
        (void)modes_send(m, &out);
    }
    if (err) {
        refuse(m, p, err);
        return;
    }
    bool is_idempotent = !p->is_changed && (p->kind == OP_ASSIGN || p->kind == OP_COMPLETE);
    auto_buf struct buf out = {0};
    struct jw w;
    msg_reply_begin(&w, &out, "workflow", true, slice_of(p->req_id));
    jw_cstr(&w, "event", kind_names[p->kind]);
    if (is_idempotent)
        jw_bool(&w, "idempotent", true);
    msg_reply_end(&w);
    (void)modes_send(m, &out);
    LOGI(m->log, "workflow.change", "[Workflow] op=%s groups=[%s%s] count=%zu by=%s%s", kind_names[p->kind],
         p->count ? p->changes[0].group_key : "", p->count > 1 ? ",.." : "", p->count, m->device_id,
         is_idempotent ? " idempotent:true" : "");
    if (is_idempotent)
        return;
    snapshot(m);
    if (p->is_changed)
        tell_groups(m, p);
}

static const struct store_op_class plan_class = {
    .name = "task_change", .run = plan_run, .done = on_plan, .free_input = plan_free};

static void plan_start(struct modes *m, struct plan *p)
{
    enum err e = m->shared->store ? store_start(NULL, m->shared->store, m->loop, &plan_class, p, p->workflow)
                                  : ERR_STORE;
    if (e) {
        refuse(m, p, e);
        plan_free(p);
    }
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

/* task.groupKey > message groupKey > the sender's own. NULL and *why: not valid. */
static const char *group_for(struct plan *p, const struct json *message, const struct json *task,
                             const char **why)
{
    struct slice key = json_get_text(task, "groupKey");
    if (!key.len)
        key = json_get_text(message, "groupKey");
    if (!key.len)
        return p->own_group;
    if (!group_key_is_valid(key)) {
        *why = "groupKey must be 1..64 characters without spaces";
        return NULL;
    }
    return arena_strdup(&p->arena, key);
}

static bool id_is_valid(struct slice id)
{
    if (!id.len || id.len > TASK_ID_BYTES)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if ((unsigned char)id.data[i] < ' ' || id.data[i] == 127)
            return false;
    }
    return true;
}

static bool is_known_field(struct slice key)
{
    static const char *const known[] = {"id", "title", "priority", "status", "owner", "groupKey"};
    for (size_t i = 0; i < COUNT(known); i++) {
        if (slice_is(key, known[i]))
            return true;
    }
    return false;
}

static char *read_extra(struct plan *p, const struct json *task)
{
    auto_buf struct buf out = {0};
    struct jw w;
    struct slice key;
    const struct json *value;
    size_t count = 0;
    jw_init(&w, &out);
    jw_object(&w);
    for (size_t i = 0; json_member(task, i, &key, &value); i++) {
        if (is_known_field(key))
            continue;
        auto_mem char *name = xslicedup(key);
        jw_json(&w, name, value);
        count++;
    }
    jw_end(&w);
    return count ? arena_strdup(&p->arena, buf_slice(&out)) : NULL;
}

/* Only fields that are there are checked. */
static const char *read_task(struct plan *p, const struct json *task, struct task_change *c)
{
    const struct json *v;
    struct slice text = json_get_text(task, "id");
    *c = (struct task_change){.priority = -1, .is_done = -1};
    if (!id_is_valid(text))
        return "tasks need an id of 1..64 characters: missing id";
    c->id = arena_strdup(&p->arena, text);
    if ((v = json_get(task, "title"))) {
        text = slice_trim(json_text(v));
        if (!text.len || text.len > TASK_TITLE_BYTES || utf8_chars(text) > TASK_TITLE_CHARS)
            return "title must be text of 1..200 characters";
        c->title = arena_strdup(&p->arena, text);
    }
    if ((v = json_get(task, "priority"))) {
        int64_t n = json_is(v, JSON_INT) ? json_i64(v, -1) : -1;
        if (n < 0 || n > 3)
            return "priority must be integer 0..3";
        c->priority = (int)n;
    }
    if ((v = json_get(task, "status"))) {
        text = json_text(v);
        if (!slice_is(text, "open") && !slice_is(text, "done"))
            return "status must be open or done";
        c->is_done = slice_is(text, "done");
    }
    if ((v = json_get(task, "owner"))) {
        text = json_text(v);
        if (!json_is(v, JSON_STRING) || text.len > OWNER_BYTES)
            return "owner must be text of at most 64 bytes";
        c->owner = arena_strdup(&p->arena, text);
    }
    c->extra = read_extra(p, task);
    return NULL;
}

static const char *read_update(struct plan *p, const struct json *message)
{
    const struct json *tasks = json_get(message, "tasks");
    const char *why = NULL;
    if (!json_is(tasks, JSON_ARRAY) || json_len(tasks) > TASKS_IN_MESSAGE_MAX)
        return "tasks must be array of at most 100 tasks";
    p->count = json_len(tasks);
    p->changes = arena_alloc(&p->arena, (p->count + 1) * sizeof(*p->changes));
    for (size_t i = 0; i < p->count && !why; i++) {
        const struct json *task = json_at(tasks, i);
        why = read_task(p, task, &p->changes[i]);
        if (!why)
            p->changes[i].group_key = group_for(p, message, task, &why);
    }
    return why;
}

static const char *read_ids(struct plan *p, const struct json *message)
{
    const struct json *ids = json_get(message, "ids");
    const char *why = NULL;
    const char *group = group_for(p, message, NULL, &why);
    if (why)
        return why;
    if (!json_is(ids, JSON_ARRAY) || !json_len(ids) || json_len(ids) > TASKS_IN_MESSAGE_MAX)
        return "ids must be array of 1..100 ids: missing ids";
    p->count = json_len(ids);
    p->changes = arena_alloc(&p->arena, p->count * sizeof(*p->changes));
    for (size_t i = 0; i < p->count; i++) {
        struct slice id = json_text(json_at(ids, i));
        if (!id_is_valid(id))
            return "ids must be array of 1..100 ids";
        p->changes[i] = (struct task_change){.group_key = group, .id = arena_strdup(&p->arena, id)};
    }
    return NULL;
}

static const char *read_assign(struct plan *p, const struct json *message)
{
    struct slice id = json_get_text(message, "id"), owner = json_get_text(message, "owner");
    const char *why = NULL;
    const char *group = group_for(p, message, NULL, &why);
    if (why)
        return why;
    if (!id_is_valid(id))
        return "assign needs an id: missing id";
    if (owner.len > OWNER_BYTES)
        return "owner must be text of at most 64 bytes";
    p->count = 1;
    p->changes = arena_alloc(&p->arena, sizeof(*p->changes));
    p->changes[0] = (struct task_change){.group_key = group,
                                         .id = arena_strdup(&p->arena, id),
                                         .owner = owner.len ? arena_strdup(&p->arena, owner) : p->own_alias};
    return NULL;
}

static void handle_change(struct modes *m, const struct msg *msg, enum op_kind kind)
{
    struct plan *p = plan_make(m, kind, msg->req_id);
    const char *why = kind == OP_UPDATE   ? read_update(p, msg->root)
                      : kind == OP_ASSIGN ? read_assign(p, msg->root)
                                          : read_ids(p, msg->root);
    if (why) {
        modes_error(m, "workflow", CODE_SCHEMA_INVALID, why, msg->req_id);
        plan_free(p);
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (!group_is_allowed(m, p, p->changes[i].group_key)) {
            refuse(m, p, ERR_FORBIDDEN);
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
    snapshot(m);
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
    for (size_t k = 0; k < COUNT(kind_names); k++) {
        if (slice_is(event, kind_names[k])) {
            handle_change(m, msg, (enum op_kind)k);
            return;
        }
    }
    modes_error(m, "workflow", CODE_SCHEMA_INVALID, "event must be list, update, assign, complete or delete",
                msg->req_id);
}

/* ---- working mode ---- */

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
        snapshot_once(m, 0);
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
        snapshot(m);
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
