/* SPDX-License-Identifier: MIT
 * test_upkeep.c -- a running server forgets by itself what its time has come for, piece by piece. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/say.h"
#include "store/store.h"
#include "store/turn.h"
#include "store/upkeep.h"

#define OLD_ROWS (UPKEEP_ROWS + 50) /* more than one piece */

static enum err put_old(struct db *db, void *input)
{
    struct arena a = { 0 };
    struct say_row out;
    int64_t now_ms = clock_wall_ms(), old_ms = now_ms - UPKEEP_TURNS_MS - 1000;
    enum err e = db_say_put(db, &(struct say_row){ .id = "s1", .device = "dev1", .text = "Too late.",
                                                   .created_ms = now_ms - 2000, .expires_ms = now_ms - 1000 },
                            &a, &out);

    for (int i = 0; i < OLD_ROWS + 1 && !e; i++) {
        int64_t at_ms = i < OLD_ROWS ? old_ms : now_ms;
        e = db_turn_add(db, &(struct turn_row){ .device = "dev1", .session = "x", .number = i, .role = "user",
                                                .mode = "chat", .text = "hello", .outcome = "completed",
                                                .started_ms = at_ms, .ended_ms = at_ms, .details = "" }, NULL);
    }
    arena_done(&a);
    return e;
}

struct left {
    size_t turns;
    bool is_expired;
};

static enum err count(struct db *db, void *input)
{
    struct left *left = input;
    struct arena a = { 0 };
    struct turn_row *rows;
    struct say_row say;
    const struct turn_filter all = { .device = "dev1", .limit = OLD_ROWS + 1 };
    enum err e = db_turn_last(db, &all, &a, &rows, &left->turns);
    if (!e)
        e = db_say_get(db, "s1", &a, &say);
    left->is_expired = !e && strcmp(say.state, "expired") == 0;
    arena_done(&a);
    return e;
}

static struct left look(struct world *w)
{
    struct left left = { 0 };
    assert_ok(store_run(server_store(w->server), count, &left));
    return left;
}

static bool timer_is_set(void *arg)
{
    struct world *w = arg;
    return loop_timers_armed(w->loop) > 0;
}

static void what_is_old_goes_in_pieces_and_what_is_new_stays(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_old, NULL));
    world_advance(&w, 30000); /* not at once: the start belongs to the devices */
    assert_int_equal(look(&w).turns, OLD_ROWS + 1);
    world_advance(&w, 30500); /* after a minute; a second later the next piece goes */
    struct left left = look(&w); /* behind the first piece in the store's queue */
    assert_int_equal(left.turns, OLD_ROWS + 1 - UPKEEP_ROWS);
    assert_true(left.is_expired);
    assert_true(world_until(&w, timer_is_set, &w));
    world_settle(&w);
    world_advance(&w, 1500);
    assert_int_equal(look(&w).turns, 1);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_old_goes_in_pieces_and_what_is_new_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
