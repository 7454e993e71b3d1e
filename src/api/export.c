/* SPDX-License-Identifier: MIT
 * export.c -- GET meetings/{id}/export: the whole meeting is read and written on the store's reading
 * thread, and goes out in pieces. */
#include "api/export.h"

#include "api/private.h"
#include "base/clock.h"

static enum err segments_all(struct db *db, struct work *w, const char *meeting, struct segment_row **out,
                             size_t *count)
{
    struct segment_row *all = NULL, *page;
    size_t n;
    *count = 0;
    struct segment_filter f = { .meeting = meeting, .limit = DB_ROWS_MAX };
    do {
        enum err e = db_segment_list(db, &f, &w->arena, &page, &n);
        if (e)
            return e;
        for (size_t i = 0; i < n; i++) {
            all = db_list_grow(&w->arena, all, *count, sizeof *all);
            all[(*count)++] = page[i];
        }
        f.after_id = n ? page[n - 1].id : f.after_id;
    } while (n == DB_ROWS_MAX);
    *out = all;
    return OK;
}

static enum err export_run(struct db *db, struct work *w)
{
    const struct export_format *format = w->state;
    struct meeting_row m;
    struct segment_row *segments = NULL;
    struct checkpoint_row *checkpoints = NULL;
    struct export_input in = { .meeting = &m, .zone_minutes = (int)w->n[0] };
    enum err e = db_meeting_get(db, w->id, &w->arena, &m);
    if (!e)
        e = segments_all(db, w, m.id, &segments, &in.segment_count);
    if (!e)
        e = db_checkpoint_list(db, m.id, &w->arena, &checkpoints, &in.checkpoint_count);
    if (e)
        return e;
    in.segments = segments;
    in.checkpoints = checkpoints;
    format->write(&w->out, &in);
    return OK;
}

void serve_meeting_export(struct api_call *c)
{
    struct slice name = query_of(c, "format");
    const struct export_format *format = export_find(name.len ? name : SLICE("md"));
    if (!meeting_id_ok(slice_of(c->params[0])) || !format) {
        call_reply_error(c, 400, format ? "this is no meeting id" : "format must be md, srt, vtt, json or txt");
        return;
    }
    struct work *w = work_new(export_run);
    w->id = work_text(w, slice_of(c->params[0]));
    w->state = (void *)(uintptr_t)format;
    w->type = format->type;
    auto_mem char *file = xprintf("%s.%s", c->params[0], format->name);
    w->name = work_text(w, slice_of(file));
    w->n[0] = clock_zone_offset_minutes();
    work_start(c, w, true);
}
