/* SPDX-License-Identifier: MIT
 * snapshot.c -- see snapshot.h. The message is written where the tasks are read: the loop only sends it. */
#include "modes/snapshot.h"

#include "base/json.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "store/store.h"
#include "store/task.h"

#define TASK_JSON_MIN_BYTES 64 /* no task is written shorter */
#define TOLD_AT_ONCE 8         /* then whoever has audio to send may */
#define TELL_GAP_MS 1

struct snapshots {
    struct loop *loop;
    struct store *store;
    struct list flights;
};

/* Those who want the same: the same group, cut to the same size. */
struct flight {
    struct node node;
    struct snapshots *owner;
    char *group;
    size_t max_bytes;
    struct store_op *op;
    struct list now, next; /* wishes: of this reading, of the one after it */
    struct buf json;       /* what those of `now` are being told */
    struct snapshot told;
    struct timer more;
};

struct read {
    char *group;
    size_t max_bytes, count;
    int64_t total;
    struct buf json;
};

/* ---- store thread ---- */

/* The first tasks that fit, and how many there are. */
static void write_snapshot(struct read *r, const struct task_row *tasks, size_t count)
{
    auto_buf struct buf tail = {0};
    struct jw w;
    jw_init(&w, &tail);
    jw_object(&w);
    jw_i64(&w, "total", r->total);
    jw_cstr(&w, "groupKey", r->group);
    jw_end(&w);
    jw_init(&w, &r->json);
    jw_object(&w);
    jw_cstr(&w, "type", "workflow");
    jw_cstr(&w, "event", "update");
    jw_array_as(&w, "tasks");
    for (r->count = 0; r->count < count; r->count++) {
        size_t before = r->json.len;
        task_write(&w, &tasks[r->count], false);
        if (r->json.len + tail.len + 1 > r->max_bytes) {
            r->json.len = before;
            break;
        }
    }
    jw_end(&w);
    jw_i64(&w, "total", r->total);
    jw_cstr(&w, "groupKey", r->group);
    jw_end(&w);
}

static enum err read_run(struct db *db, void *input)
{
    struct read *r = input;
    struct arena arena = {0};
    struct task_row *tasks;
    size_t count, fitting = r->max_bytes / TASK_JSON_MIN_BYTES + 1;
    const struct task_filter all = {.group_key = r->group, .limit = MIN(fitting, (size_t)DB_ROWS_MAX)};
    enum err e = db_task_count(db, &all, &r->total);
    if (!e)
        e = db_task_list(db, &all, &arena, &tasks, &count);
    if (!e)
        write_snapshot(r, tasks, count);
    arena_done(&arena);
    return e;
}

static void read_free(void *input)
{
    struct read *r = input;
    buf_done(&r->json);
    mem_free(r->group);
    mem_free(r);
}

/* ---- loop ---- */

static void tell(struct list *wishes, enum err err, const struct snapshot *s)
{
    struct node *n;
    while ((n = list_shift(wishes))) {
        struct snapshot_wish *w = container_of(n, struct snapshot_wish, node);
        w->on_done(w, err, s);
    }
}

/* Nobody finds it any more; then who waits is told. */
static void flight_end(struct flight *f, enum err err)
{
    list_unlink(&f->node);
    timer_stop(&f->more);
    tell(&f->now, err, NULL);
    tell(&f->next, err, NULL);
    buf_done(&f->json);
    mem_free(f->group);
    mem_free(f);
}

static enum err start(struct flight *f);

/* All have been told: on with those who came meanwhile. */
static void go_on(struct flight *f)
{
    struct node *n;
    while ((n = list_shift(&f->next)))
        list_push(&f->now, n);
    enum err err = list_empty(&f->now) ? ERR_CLOSED : start(f);
    if (err)
        flight_end(f, err);
}

/* A few in each round: a hundred messages of 8 KB in one would hold up speech. Who asks again meanwhile waits in
 * `next`. */
static void tell_some(void *arg)
{
    struct flight *f = arg;
    for (unsigned i = 0; i < TOLD_AT_ONCE && !list_empty(&f->now); i++) {
        struct snapshot_wish *w = container_of(list_shift(&f->now), struct snapshot_wish, node);
        w->on_done(w, OK, &f->told);
    }
    if (!list_empty(&f->now))
        timer_start(&f->more, f->owner->loop, TELL_GAP_MS, tell_some, f);
    else
        go_on(f);
}

static void on_read(void *owner, enum err err, void *input)
{
    struct flight *f = owner;
    struct read *r = input;
    f->op = NULL;
    if (err) {
        tell(&f->now, err, NULL);
        go_on(f);
        return;
    }
    buf_done(&f->json);
    f->json = r->json;
    r->json = (struct buf){0};
    f->told = (struct snapshot){buf_slice(&f->json), r->count, r->total};
    tell_some(f);
}

static const struct store_op_class read_class = {
    .name = "task_list", .run = read_run, .done = on_read, .free_input = read_free, .is_read_only = true};

static enum err start(struct flight *f)
{
    struct read *r = xnew(struct read);
    r->group = xstrdup(f->group);
    r->max_bytes = f->max_bytes;
    enum err e = f->owner->store
                     ? store_start(&f->op, f->owner->store, f->owner->loop, &read_class, r, f)
                     : ERR_STORE;
    if (e)
        read_free(r);
    return e;
}

enum err snapshots_ask(struct snapshots *s, const char *group, size_t max_bytes, struct snapshot_wish *w)
{
    list_each(&s->flights, n) {
        struct flight *f = container_of(n, struct flight, node);
        if (f->max_bytes == max_bytes && strcmp(f->group, group) == 0) {
            list_push(&f->next, &w->node);
            return OK;
        }
    }
    struct flight *f = xnew(struct flight);
    f->owner = s;
    f->group = xstrdup(group);
    f->max_bytes = max_bytes;
    list_init(&f->now);
    list_init(&f->next);
    list_push(&s->flights, &f->node);
    enum err e = start(f);
    if (e)
        flight_end(f, e);
    else
        list_push(&f->now, &w->node);
    return e;
}

void snapshots_create(struct snapshots **out, struct loop *l, struct store *store)
{
    struct snapshots *s = xnew(struct snapshots);
    s->loop = l;
    s->store = store;
    list_init(&s->flights);
    *out = s;
}

void snapshots_close(struct snapshots *s)
{
    if (!s)
        return;
    list_each(&s->flights, n) {
        struct flight *f = container_of(n, struct flight, node);
        store_cancel(f->op);
        flight_end(f, ERR_CLOSED);
    }
    mem_free(s);
}
