/* SPDX-License-Identifier: MIT
 * task.c -- see task.h. */
#include "store/task.h"

#include "base/mem.h"

static enum err add(struct db *db, const struct task_change *c, int64_t now_ms)
{
    int64_t have = 0;
    enum err e = db_number(&have, db, "SELECT count(*) FROM task WHERE group_key = ?1", db_s(c->group_key));
    if (!e && have >= TASKS_PER_GROUP_MAX)
        e = ERR_LIMIT;
    if (e)
        return e;
    return db_run(db,
                  "INSERT INTO task (group_key, id, title, priority, is_done, owner, extra, created_ms, updated_ms)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
                  db_s(c->group_key), db_s(c->id), db_s(c->title && c->title[0] ? c->title : c->id),
                  db_i(c->priority < 0 ? 0 : c->priority), db_i(c->is_done > 0), db_s(c->owner),
                  db_s(c->extra ? c->extra : "{}"), db_i(now_ms));
}

static struct db_arg text_or_null(const char *text)
{
    return text ? db_s(text) : (struct db_arg){ .kind = DB_NULL };
}

static struct db_arg number_or_null(int number)
{
    return number >= 0 ? db_i(number) : (struct db_arg){ .kind = DB_NULL };
}

enum err db_task_merge(struct db *db, const struct task_change *c, int64_t now_ms, struct task_outcome *out)
{
    if (c->extra && strlen(c->extra) > TASK_EXTRA_MAX_BYTES)
        return ERR_LIMIT;
    int64_t n = 0;
    enum err e = db_number(&n, db, "SELECT n FROM task WHERE group_key = ?1 AND id = ?2", db_s(c->group_key),
                           db_s(c->id));
    if (e == ERR_NOT_FOUND) {
        *out = (struct task_outcome){ true, true };
        return add(db, c, now_ms);
    }
    if (e)
        return e;
    e = db_run(db,
               "UPDATE task SET title = coalesce(?2, title), priority = coalesce(?3, priority),"
               " is_done = coalesce(?4, is_done), owner = coalesce(?5, owner),"
               " extra = iif(?6 IS NULL, extra, json_patch(extra, ?6)), updated_ms = ?7 WHERE n = ?1 AND"
               " (title <> coalesce(?2, title) OR priority <> coalesce(?3, priority)"
               " OR is_done <> coalesce(?4, is_done) OR owner <> coalesce(?5, owner)"
               " OR (?6 IS NOT NULL AND json_patch(extra, ?6) <> extra))",
               db_i(n), text_or_null(c->title && c->title[0] ? c->title : NULL), number_or_null(c->priority),
               number_or_null(c->is_done), text_or_null(c->owner), text_or_null(c->extra), db_i(now_ms));
    if (e)
        return e;
    *out = (struct task_outcome){ false, db_changes(db) > 0 };
    int64_t bytes = 0;
    e = db_number(&bytes, db, "SELECT length(CAST(extra AS BLOB)) FROM task WHERE n = ?1", db_i(n));
    return !e && bytes > TASK_EXTRA_MAX_BYTES ? ERR_LIMIT : e;
}

#define TASK_COLUMNS "group_key, id, title, owner, extra, priority, created_ms, updated_ms, is_done"

static struct task_row task_read(const struct query *q, struct arena *a)
{
    return (struct task_row){
        .group_key = query_keep(q, 0, a), .id = query_keep(q, 1, a), .title = query_keep(q, 2, a),
        .owner = query_keep(q, 3, a), .extra = query_keep(q, 4, a), .priority = query_i64(q, 5),
        .created_ms = query_i64(q, 6), .updated_ms = query_i64(q, 7), .is_done = query_i64(q, 8) != 0,
    };
}

enum err db_task_get(struct db *db, const char *group_key, const char *id, struct arena *a, struct task_row *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " TASK_COLUMNS " FROM task WHERE group_key = ?1 AND id = ?2", db_s(group_key),
             db_s(id));
    if (query_next(&q)) {
        *out = task_read(&q, a);
        return query_end(&q);
    }
    enum err e = query_end(&q);
    return e ? e : ERR_NOT_FOUND;
}

enum err db_task_count(struct db *db, const struct task_filter *f, int64_t *count)
{
    return db_number(count, db, "SELECT count(*) FROM task WHERE group_key = ?1 AND is_done <= ?2",
                     db_s(f->group_key), db_i(!f->is_open));
}

enum err db_task_list(struct db *db, const struct task_filter *f, struct arena *a, struct task_row **out,
                      size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT " TASK_COLUMNS " FROM task WHERE group_key = ?1 AND is_done <= ?2 ORDER BY n LIMIT ?3",
             db_s(f->group_key), db_i(!f->is_open), db_i((int64_t)MIN(f->limit, TASKS_PER_GROUP_MAX)));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = task_read(&q, a);
    }
    return query_end(&q);
}

/* After an UPDATE that touches only what is different: was the task there at all? */
static enum err changed_or_there(struct db *db, const char *group_key, const char *id, bool *changed)
{
    *changed = db_changes(db) > 0;
    int64_t n;
    return *changed ? OK
                    : db_number(&n, db, "SELECT n FROM task WHERE group_key = ?1 AND id = ?2", db_s(group_key),
                                db_s(id));
}

enum err db_task_assign(struct db *db, const char *group_key, const char *id, const char *owner, int64_t now_ms,
                        bool *changed)
{
    enum err e = db_run(db, "UPDATE task SET owner = ?3, updated_ms = ?4 WHERE group_key = ?1 AND id = ?2"
                            " AND owner <> ?3", db_s(group_key), db_s(id), db_s(owner), db_i(now_ms));
    return e ? e : changed_or_there(db, group_key, id, changed);
}

enum err db_task_complete(struct db *db, const char *group_key, const char *id, int64_t now_ms, bool *changed)
{
    enum err e = db_run(db, "UPDATE task SET is_done = 1, updated_ms = ?3 WHERE group_key = ?1 AND id = ?2"
                            " AND is_done = 0", db_s(group_key), db_s(id), db_i(now_ms));
    return e ? e : changed_or_there(db, group_key, id, changed);
}

enum err db_task_delete(struct db *db, const char *group_key, const char *id)
{
    enum err e = db_run(db, "DELETE FROM task WHERE group_key = ?1 AND id = ?2", db_s(group_key), db_s(id));
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

void task_write(struct jw *w, const struct task_row *t, bool has_time)
{
    auto_json struct json *extra = NULL;
    jw_object(w);
    jw_cstr(w, "id", t->id);
    jw_cstr(w, "title", t->title);
    jw_i64(w, "priority", t->priority);
    jw_cstr(w, "status", t->is_done ? "done" : "open");
    if (t->owner[0])
        jw_cstr(w, "owner", t->owner);
    jw_cstr(w, "groupKey", t->group_key);
    if (has_time)
        jw_i64(w, "updatedAt", t->updated_ms);
    if (json_parse(&extra, slice_of(t->extra), NULL) == OK) {
        struct slice key;
        const struct json *value;
        for (size_t i = 0; json_member(extra, i, &key, &value); i++) {
            auto_mem char *name = xslicedup(key);
            jw_json(w, name, value);
        }
    }
    jw_end(w);
}
