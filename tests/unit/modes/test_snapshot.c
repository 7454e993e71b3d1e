/* SPDX-License-Identifier: MIT
 * test_snapshot.c -- the tasks of a group for many sessions of a loop: read twice however many ask, cut to size. TSAN */
#include "tests/support/test.h"

#include "base/json.h"
#include "loop/loop.h"
#include "modes/snapshot.h"
#include "store/store.h"
#include "store/task.h"

#define ASKERS 100
#define SMALL 8192
#define LARGE 65536

struct asker {
    struct snapshot_wish wish;
    const char *data; /* where the message stood: the same place, the same reading */
    struct snapshot got;
    struct json *json;
    unsigned told;
    enum err err;
    struct snapshots *again; /* asks once more from inside */
};

struct world {
    struct store *store;
    struct loop *loop;
    struct snapshots *snapshots;
    struct asker askers[ASKERS];
};

static void on_done(struct snapshot_wish *w, enum err err, const struct snapshot *s)
{
    struct asker *a = container_of(w, struct asker, wish);
    a->told++;
    a->err = err;
    json_free(a->json);
    a->json = NULL;
    if (!err) {
        a->data = s->json.data;
        a->got = *s;
        assert_ok(json_parse(&a->json, s->json, &(struct json_limits){ .nodes_max = 65536 }));
    }
    struct snapshots *again = a->again;
    a->again = NULL;
    if (again)
        (void)!snapshots_ask(again, "team", SMALL, w);
}

static enum err fill(struct db *db, void *input)
{
    for (unsigned i = 0; i < *(unsigned *)input; i++) {
        char id[16];
        struct task_outcome o;
        snprintf(id, sizeof id, "T%u", i);
        enum err e = db_task_merge(db, &(struct task_change){ .group_key = "team", .id = id, .priority = 1, .is_done = -1,
                                                              .title = "Look through what was agreed" },
                                   1, &o);
        if (e)
            return e;
    }
    return OK;
}

static void begin(struct world *w, unsigned tasks)
{
    *w = (struct world){ 0 };
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test" }));
    assert_ok(store_open(&w->store, &(struct store_opts){ .path = ":memory:" }, NULL));
    assert_ok(store_run(w->store, fill, &tasks));
    snapshots_create(&w->snapshots, w->loop, w->store);
    for (unsigned i = 0; i < ASKERS; i++)
        w->askers[i].wish.on_done = on_done;
}

/* Until everybody who asked was told. */
static void settle(struct world *w)
{
    bool is_waiting = true;
    for (int i = 0; i < 2000 && is_waiting; i++) {
        is_waiting = false;
        for (unsigned k = 0; k < ASKERS; k++)
            is_waiting = is_waiting || node_in_list(&w->askers[k].wish.node);
        loop_step(w->loop, 5);
    }
}

static void end(struct world *w)
{
    snapshots_close(w->snapshots);
    store_close(w->store);
    loop_step(w->loop, 1);
    loop_free(w->loop);
    for (unsigned i = 0; i < ASKERS; i++)
        json_free(w->askers[i].json);
}

static void a_hundred_who_ask_at_once_cost_two_readings(void **state)
{
    struct world w;
    begin(&w, 500);
    for (unsigned i = 0; i < ASKERS; i++)
        assert_ok(snapshots_ask(w.snapshots, "team", SMALL, &w.askers[i].wish));
    settle(&w);
    for (unsigned i = 0; i < ASKERS; i++) {
        assert_int_equal(w.askers[i].told, 1);
        assert_ok(w.askers[i].err);
        assert_ptr_equal(w.askers[i].data, w.askers[i ? 1 : 0].data);
    }
    end(&w);
}

static void a_list_is_cut_to_the_first_tasks_that_fit_and_says_how_many_there_are(void **state)
{
    struct world w;
    begin(&w, 500);
    assert_ok(snapshots_ask(w.snapshots, "team", SMALL, &w.askers[0].wish));
    assert_ok(snapshots_ask(w.snapshots, "team", LARGE, &w.askers[1].wish));
    assert_ok(snapshots_ask(w.snapshots, "nobody", SMALL, &w.askers[2].wish));
    settle(&w);
    for (unsigned i = 0; i < 2; i++) {
        const struct asker *a = &w.askers[i];
        const struct json *tasks = json_get(a->json, "tasks");
        size_t one = a->got.json.len / a->got.count, max = i ? LARGE : SMALL;
        assert_int_equal(json_get_i64(a->json, "total", -1), 500);
        assert_int_equal(json_len(tasks), a->got.count);
        assert_slice_is(json_get_text(json_at(tasks, 0), "id"), "T0");
        assert_true(a->got.json.len <= max);
        assert_true(a->got.count == 500 || a->got.json.len + 2 * one > max); /* as many as fit */
    }
    assert_int_equal(json_len(json_get(w.askers[2].json, "tasks")), 0);
    assert_int_equal(json_get_i64(w.askers[2].json, "total", -1), 0);
    end(&w);
}

static void who_asks_from_inside_an_answer_gets_a_newer_one(void **state)
{
    struct world w;
    begin(&w, 3);
    w.askers[0].again = w.snapshots;
    assert_ok(snapshots_ask(w.snapshots, "team", SMALL, &w.askers[0].wish));
    settle(&w);
    assert_int_equal(w.askers[0].told, 2);
    assert_ok(w.askers[0].err);
    end(&w);
}

static void who_waits_when_the_store_fails_or_the_loop_ends_is_told(void **state)
{
    struct world w;
    begin(&w, 3);
    store_fail_nth(w.store, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(snapshots_ask(w.snapshots, "team", SMALL, &w.askers[i].wish));
    settle(&w);
    assert_int_equal(w.askers[0].err, ERR_STORE);
    assert_ok(w.askers[2].err); /* the second reading worked */
    assert_ok(snapshots_ask(w.snapshots, "team", SMALL, &w.askers[5].wish));
    assert_ok(snapshots_ask(w.snapshots, "team", SMALL, &w.askers[6].wish));
    end(&w);
    assert_int_equal(w.askers[5].err, ERR_CLOSED);
    assert_int_equal(w.askers[6].err, ERR_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_who_ask_at_once_cost_two_readings),
        cmocka_unit_test(a_list_is_cut_to_the_first_tasks_that_fit_and_says_how_many_there_are),
        cmocka_unit_test(who_asks_from_inside_an_answer_gets_a_newer_one),
        cmocka_unit_test(who_waits_when_the_store_fails_or_the_loop_ends_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
