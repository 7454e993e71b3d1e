/* SPDX-License-Identifier: MIT
 * task.h -- the shared tasks of a group, in the order they were made. Store thread. */
#ifndef PARLEY_STORE_TASK_H
#define PARLEY_STORE_TASK_H

#include "base/json.h"
#include "store/db.h"

#define TASKS_PER_GROUP_MAX 5000
#define TASK_EXTRA_MAX_BYTES 4096

struct task_row {
    const char *group_key, *id, *title, *owner, *extra; /* extra: JSON object of unknown fields */
    int64_t priority, created_ms, updated_ms;
    bool is_done;
};
/* Field-wise: only what is set changes. NULL texts, negative numbers: absent. */
struct task_change {
    const char *group_key, *id;
    const char *title, *owner, *extra; /* extra: JSON object, merged key by key (null removes) */
    int priority, is_done;             /* -1: absent */
};
struct task_outcome {
    bool is_new, is_changed;
};
/* A new task without title is called by its id. ERR_LIMIT: too many tasks, or extra over its limit. */
must_check enum err db_task_merge(struct db *db, const struct task_change *c, int64_t now_ms,
                                  struct task_outcome *out);
must_check enum err db_task_get(struct db *db, const char *group_key, const char *id, struct arena *a,
                                struct task_row *out); /* ERR_NOT_FOUND */
struct task_filter {
    const char *group_key;
    bool is_open; /* without what is done */
    size_t limit; /* of a list; a count has none */
};
must_check enum err db_task_list(struct db *db, const struct task_filter *f, struct arena *a, struct task_row **out,
                                 size_t *count); /* in order of making */
must_check enum err db_task_count(struct db *db, const struct task_filter *f, int64_t *count);
/* ERR_NOT_FOUND. *changed false: it is so already (idempotent). */
must_check enum err db_task_assign(struct db *db, const char *group_key, const char *id, const char *owner,
                                   int64_t now_ms, bool *changed);
must_check enum err db_task_complete(struct db *db, const char *group_key, const char *id, int64_t now_ms,
                                     bool *changed);
must_check enum err db_task_delete(struct db *db, const char *group_key, const char *id);

/* As devices (without has_time) and programs see it. Any thread. */
void task_write(struct jw *w, const struct task_row *t, bool has_time);

#endif
