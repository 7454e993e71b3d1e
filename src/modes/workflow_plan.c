/* SPDX-License-Identifier: MIT
 * workflow_plan.c -- a plan on its way through the store: which task a voice means, who may take what from whom,
 * all changes or none; then the answer, the snapshot, and the groups that are told. */
#include "base/clock.h"
#include "modes/groups.h"
#include "modes/workflow_inside.h"

#define LOG_TOPIC "workflow"

const char *const op_names[OP_KINDS] = {"update", "assign", "complete", "delete"};

void plan_free(void *input)
{
    struct plan *p = input;
    workflow_unref(p->workflow);
    arena_done(&p->arena);
    mem_free(p->req_id);
    mem_free(p);
}

struct plan *plan_make(struct modes *m, enum op_kind kind, struct slice req_id)
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

void plan_refuse(struct modes *m, const struct plan *p, enum err err)
{
    enum msg_code code = p->code ? p->code : err == ERR_FORBIDDEN ? CODE_FORBIDDEN_GROUP : msg_code_of(err);
    const char *message = code == CODE_NOT_FOUND ? "there is no such task"
                          : code == CODE_NO_TASK ? "there is no open task for that"
                          : err == ERR_FORBIDDEN ? "the task belongs to another group"
                          : err == ERR_LIMIT     ? "too many tasks or too much text in one"
                                                 : "the tasks could not be stored, try again";
    if (err == ERR_FORBIDDEN)
        LOGW(m->log, "workflow.refused", "forbidden_group_override op=%s by=%s", op_names[p->kind],
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
                   op_names[p->kind]);
        (void)modes_send(m, &out);
    }
    if (err) {
        plan_refuse(m, p, err);
        return;
    }
    bool is_idempotent = !p->is_changed && (p->kind == OP_ASSIGN || p->kind == OP_COMPLETE);
    auto_buf struct buf out = {0};
    struct jw w;
    msg_reply_begin(&w, &out, "workflow", true, slice_of(p->req_id));
    jw_cstr(&w, "event", op_names[p->kind]);
    if (is_idempotent)
        jw_bool(&w, "idempotent", true);
    msg_reply_end(&w);
    (void)modes_send(m, &out);
    LOGI(m->log, "workflow.change", "[Workflow] op=%s groups=[%s%s] count=%zu by=%s%s", op_names[p->kind],
         p->count ? p->changes[0].group_key : "", p->count > 1 ? ",.." : "", p->count, m->device_id,
         is_idempotent ? " idempotent:true" : "");
    if (is_idempotent)
        return;
    workflow_snapshot(m);
    if (p->is_changed)
        tell_groups(m, p);
}

static const struct store_op_class plan_class = {
    .name = "task_change", .run = plan_run, .done = on_plan, .free_input = plan_free};

void plan_start(struct modes *m, struct plan *p)
{
    enum err e = m->shared->store ? store_start(NULL, m->shared->store, m->loop, &plan_class, p, p->workflow)
                                  : ERR_STORE;
    if (e) {
        plan_refuse(m, p, e);
        plan_free(p);
    }
}
