/* SPDX-License-Identifier: MIT
 * meeting_again.c -- a device that lost its connection after it had asked for the end of its meeting asks again, in a
 * new session: the meeting is found in the store, and its summary comes (again). */
#include "base/clock.h"
#include "modes/meeting_inside.h"
#include "modes/minutes.h"

#define LOG_TOPIC "meeting"

struct again {
    struct modes *modes;
    struct arena arena;
    const char *device, *req_id;
    int64_t since_ms;
    struct meeting_row row;
};

static void again_free(void *input)
{
    struct again *a = input;
    modes_unref(a->modes);
    arena_done(&a->arena);
    mem_free(a);
}

static enum err newest_run(struct db *db, void *input)
{
    struct again *a = input;
    struct meeting_row *rows;
    size_t count;
    struct meeting_filter f = {.device = a->device, .limit = 1};
    enum err e = db_meeting_recent(db, &f, &a->arena, &rows, &count);
    if (e)
        return e;
    bool is_it = count && rows[0].state != MEETING_OPEN && rows[0].ended_ms >= a->since_ms;
    a->row = is_it ? rows[0] : (struct meeting_row){0};
    return is_it ? OK : ERR_NOT_FOUND;
}

static void on_newest(void *owner, enum err err, void *input)
{
    struct again *a = input;
    struct modes *m = a->modes;
    if (!modes_alive(m))
        return;
    if (err || m->meeting) {
        meeting_is_missing(m, slice_of(a->req_id));
        return;
    }
    mem_free(m->last_meeting);
    m->last_meeting = xstrdup(a->row.id);
    m->last_meeting_started_ms = a->row.started_ms;
    meeting_finalize_again(m, slice_of(a->req_id));
}

static const struct store_op_class newest_class = {
    .name = "meeting_again", .run = newest_run, .done = on_newest, .free_input = again_free, .is_read_only = true};

void meeting_look_back(struct modes *m, struct slice req_id)
{
    struct again *a = xnew(struct again);
    a->modes = modes_ref(m);
    a->device = arena_strdup(&a->arena, slice_of(m->device_id));
    a->req_id = arena_strdup(&a->arena, req_id);
    a->since_ms = clock_wall_ms() - m->config->meeting_resume_hours * 3600000;
    if (m->shared->store && m->shared->minutes &&
        store_start(NULL, m->shared->store, m->loop, &newest_class, a, m) == OK)
        return;
    again_free(a);
    meeting_is_missing(m, req_id);
}
