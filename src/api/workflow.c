/* SPDX-License-Identifier: MIT
 * workflow.c -- tasks of a group, and a meeting's actions and next steps made tasks. Their ids name the
 * meeting and the place, so an import can be repeated: what is known keeps its status. */
#include "api/private.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "store/meeting.h"
#include "store/task.h"

#define TITLE_MAX_CHARS 200

static enum err list_run(struct db *db, struct work *w)
{
    struct task_row *rows;
    size_t count;
    const struct task_filter all = { .group_key = w->id, .limit = TASKS_PER_GROUP_MAX };
    enum err e = db_task_list(db, &all, &w->arena, &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    jw_array_as(&j, "items");
    for (size_t i = 0; i < count; i++)
        task_write(&j, &rows[i], true);
    jw_end(&j);
    jw_cstr(&j, "groupKey", w->id);
    jw_end(&j);
    return OK;
}

bool group_ok(struct slice group)
{
    return group.len >= 1 && group.len <= GROUP_MAX_BYTES && utf8_valid(group) && !memchr(group.data, 0, group.len);
}

void serve_workflow(struct api_call *c)
{
    struct slice group = query_of(c, "groupKey");
    if (!group.len)
        group = SLICE(DEFAULT_GROUP);
    if (!group_ok(group)) {
        call_reply_error(c, 400, "groupKey must have 1 to 64 bytes");
        return;
    }
    struct work *w = work_new(list_run);
    w->id = work_text(w, group);
    work_start(c, w, true);
}

/* --- import ---- */

struct import {
    const char *group, *meeting; /* meeting "": the newest; then the id of the one that was found */
    int64_t now_ms;
    int64_t count;               /* tasks its summary names */
    bool is_changed;
};

static enum err import_list(struct db *db, struct import *in, const struct json *list, char kind, struct jw *j)
{
    for (size_t i = 0; i < json_len(list); i++) {
        struct slice title = slice_trim(json_text(json_at(list, i)));
        if (!title.len)
            continue;
        while (utf8_chars(title) > TITLE_MAX_CHARS)
            title.len = utf8_cut(title, title.len - 1);
        auto_mem char *id = xprintf("MEET-%s-%c%zu", in->meeting, kind, i + 1);
        auto_mem char *text = xslicedup(title);
        auto_buf struct buf extra = { 0 };
        struct jw x;
        jw_init(&x, &extra);
        jw_object(&x);
        jw_cstr(&x, "meetingId", in->meeting);
        jw_end(&x);
        struct task_outcome o;
        enum err e = db_task_merge(db,
                                   &(struct task_change){ .group_key = in->group, .id = id, .title = text,
                                                          .extra = extra.data, .priority = -1, .is_done = -1 },
                                   in->now_ms, &o);
        if (e)
            return e;
        in->is_changed = in->is_changed || o.is_changed;
        jw_cstr(j, NULL, id);
        in->count++;
    }
    return OK;
}

static enum err newest_id(struct db *db, struct work *w, const char **id)
{
    struct meeting_row *rows;
    size_t count;
    enum err e = db_meeting_recent(db, &(struct meeting_filter){ .limit = 1 }, &w->arena, &rows, &count);
    if (e)
        return e;
    *id = count ? rows[0].id : "";
    return count ? OK : ERR_NOT_FOUND;
}

static enum err import_run(struct db *db, struct work *w)
{
    struct import *in = w->state;
    struct meeting_row m;
    enum err e = in->meeting[0] ? OK : newest_id(db, w, &in->meeting);
    if (!e)
        e = db_meeting_get(db, in->meeting, &w->arena, &m);
    if (e) {
        w->why = e == ERR_NOT_FOUND ? "no such meeting" : NULL;
        return e;
    }
    in->meeting = m.id; /* it may have been a session's */
    auto_json struct json *summary = NULL;
    if (m.summary[0] && json_parse(&summary, slice_of(m.summary), NULL))
        summary = NULL;
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    jw_array_as(&j, "ids");
    e = import_list(db, in, json_get(summary, "actions"), 'A', &j);
    if (!e)
        e = import_list(db, in, json_get(summary, "nextSteps"), 'N', &j);
    jw_end(&j);
    jw_i64(&j, "imported", in->count);
    jw_cstr(&j, "meetingId", in->meeting);
    jw_cstr(&j, "groupKey", in->group);
    jw_end(&j);
    return e;
}

static void import_then(struct api_call *c, struct work *w, enum err e)
{
    const struct import *in = w->state;
    const struct api_env *env = &c->api->env;
    if (e) {
        call_reply_error(c, err_http(e), w->why ? w->why : err_text(e));
        return;
    }
    if (in->is_changed && env->tasks_changed)
        env->tasks_changed(env->user, in->group);
    call_reply_data(c, buf_slice(&w->out));
}

static void import_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    auto_json struct json *v = NULL;
    body = slice_trim(body);
    if (body.len && (json_parse(&v, body, NULL) || !json_is(v, JSON_OBJECT))) {
        call_reply_error(c, 400, "the body must be a JSON object");
        return;
    }
    struct slice group = json_get_text(v, "groupKey"), meeting = json_get_text(v, "meetingId");
    group = group.len ? group : query_of(c, "groupKey");
    group = group.len ? group : SLICE(DEFAULT_GROUP);
    meeting = meeting.len ? meeting : json_get_text(v, "sessionId");
    if (!group_ok(group) || (meeting.len && !meeting_id_ok(meeting))) {
        call_reply_error(c, 400, "groupKey or meetingId is wrong");
        return;
    }
    struct work *w = work_new(import_run);
    struct import *in = arena_alloc(&w->arena, sizeof *in);
    *in = (struct import){ .group = work_text(w, group), .meeting = work_text(w, meeting), .now_ms = clock_wall_ms() };
    w->state = in;
    w->then = import_then;
    work_start(c, w, false);
}

void serve_workflow_import(struct api_call *c)
{
    http_read_body(c->r, BODY_MAX_BYTES, import_body, c);
}
