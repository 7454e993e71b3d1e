/* SPDX-License-Identifier: MIT
 * workflow_read.c -- what a workflow message asks for: tasks to merge, one to assign, ids to complete or delete.
 * What is wrong with it is said in words for whoever sent it. */
#include "base/utf8.h"
#include "modes/groups.h"
#include "modes/workflow_inside.h"

#define TASKS_IN_MESSAGE_MAX 100
#define TASK_ID_BYTES        64
#define TASK_TITLE_BYTES     800 /* 200 characters */
#define TASK_TITLE_CHARS     200
#define OWNER_BYTES          64

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

const char *plan_read(struct plan *p, const struct json *message)
{
    return p->kind == OP_UPDATE   ? read_update(p, message)
           : p->kind == OP_ASSIGN ? read_assign(p, message)
                                  : read_ids(p, message);
}
