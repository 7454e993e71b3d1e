/* SPDX-License-Identifier: MIT
 * tasks.c -- one task made or changed field by field, or removed, by a program. With an id and no title the
 * task must be there; without an id a new one is made. The group's devices are told. */
#include "api/private.h"
#include "base/clock.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "store/task.h"

#define TASK_ID_BYTES 64
#define TITLE_CHARS 200
#define OWNER_BYTES 64
#define PRIORITY_MAX 3

static enum err put_run(struct db *db, struct work *w)
{
    const struct task_change *change = w->state;
    struct task_outcome o;
    struct task_row row;
    enum err e = OK;
    if (!change->title)
        e = db_task_get(db, change->group_key, change->id, &w->arena, &row);
    if (!e)
        e = db_task_merge(db, change, clock_wall_ms(), &o);
    if (!e)
        e = db_task_get(db, change->group_key, change->id, &w->arena, &row);
    if (e) {
        w->why = e == ERR_NOT_FOUND ? "no such task" : e == ERR_LIMIT ? "this group has too many tasks" : NULL;
        return e;
    }
    w->n[0] = o.is_new || o.is_changed;
    struct jw j;
    jw_init(&j, &w->out);
    task_write(&j, &row, true);
    return OK;
}

static void put_then(struct api_call *c, struct work *w, enum err e)
{
    const struct task_change *change = w->state;
    const struct api_env *env = &c->api->env;
    if (e) {
        call_reply_error(c, err_http(e), w->why ? w->why : err_text(e));
        return;
    }
    if (w->n[0] && env->tasks_changed)
        env->tasks_changed(env->user, change->group_key);
    call_reply_data(c, buf_slice(&w->out));
}

/* A text of the body: NULL when absent; *ok false when it is no text or too long. */
static const char *field(struct work *w, const struct json *v, const char *name, size_t bytes_max, bool *ok)
{
    const struct json *given = json_get(v, name);
    struct slice text = slice_trim(json_text(given));
    if (!given || json_is(given, JSON_NULL))
        return NULL;
    *ok = *ok && json_is(given, JSON_STRING) && text.len <= bytes_max;
    return work_text(w, text);
}

/* What is wrong with the body, or NULL. */
static const char *change_read(struct work *w, const struct json *v, struct task_change *change)
{
    bool ok = true;
    const char *status = field(w, v, "status", 8, &ok);
    *change = (struct task_change){ .group_key = field(w, v, "groupKey", GROUP_MAX_BYTES, &ok),
                                    .id = field(w, v, "id", TASK_ID_BYTES, &ok),
                                    .title = field(w, v, "title", TITLE_CHARS * 4, &ok),
                                    .owner = field(w, v, "owner", OWNER_BYTES, &ok) };
    if (!change->group_key || !change->group_key[0])
        change->group_key = DEFAULT_GROUP;
    if (change->title && !change->title[0])
        change->title = NULL;
    if (change->id && !change->id[0])
        change->id = NULL;
    const struct json *priority = json_get(v, "priority");
    int64_t urgency = json_i64(priority, -1);
    change->priority = priority ? (int)MIN(MAX(urgency, -1), PRIORITY_MAX + 1) : -1;
    if (priority && (urgency < 0 || urgency > PRIORITY_MAX))
        return "priority must be 0 to 3";
    if (!ok || (change->title && utf8_chars(slice_of(change->title)) > TITLE_CHARS))
        return "groupKey, id, title, owner and status are texts: 64 bytes, a title 200 characters";
    change->is_done = status ? strcmp(status, "done") == 0 : -1;
    if (status && strcmp(status, "done") != 0 && strcmp(status, "open") != 0)
        return "status must be open or done";
    return change->id || change->title ? NULL : "a new task needs a title, a known one its id";
}

static void put_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    auto_json struct json *v = NULL;
    if (json_parse(&v, body, NULL) || !json_is(v, JSON_OBJECT)) {
        call_reply_error(c, 400, "the body must be a JSON object");
        return;
    }
    struct work *w = work_new(put_run);
    struct task_change *change = arena_alloc(&w->arena, sizeof *change);
    const char *wrong = change_read(w, v, change);
    if (wrong) {
        work_free(w);
        call_reply_error(c, 400, wrong);
        return;
    }
    if (!change->id) {
        char uuid[UUID_TEXT];
        rand_uuid(uuid);
        change->id = work_text(w, slice_from(uuid, 8));
    }
    w->state = change;
    w->then = put_then;
    work_start(c, w, false);
}

void serve_task_put(struct api_call *c)
{
    http_read_body(c->r, BODY_MAX_BYTES, put_body, c);
}

/* --- removing ---- */

static enum err delete_run(struct db *db, struct work *w)
{
    enum err e = db_task_delete(db, w->text, w->id);
    w->why = e == ERR_NOT_FOUND ? "no such task" : NULL;
    if (!e)
        buf_puts(&w->out, "{\"deleted\":true}");
    return e;
}

static void delete_then(struct api_call *c, struct work *w, enum err e)
{
    const struct api_env *env = &c->api->env;
    if (e) {
        call_reply_error(c, err_http(e), w->why ? w->why : err_text(e));
        return;
    }
    if (env->tasks_changed)
        env->tasks_changed(env->user, w->text);
    call_reply_data(c, buf_slice(&w->out));
}

void serve_task_delete(struct api_call *c)
{
    struct slice group = query_of(c, "groupKey");
    group = group.len ? group : SLICE(DEFAULT_GROUP);
    if (!group_ok(group)) {
        call_reply_error(c, 400, "groupKey must have 1 to 64 bytes");
        return;
    }
    struct work *w = work_new(delete_run);
    w->then = delete_then;
    w->id = work_text(w, slice_of(c->params[0]));
    w->text = work_text(w, group);
    work_start(c, w, false);
}
