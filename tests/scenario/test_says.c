/* SPDX-License-Identifier: MIT
 * test_says.c -- what was left for a device that was away: said once each when it comes, never again. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/gateway.h"
#include "store/say.h"
#include "store/store.h"

static enum err put_two(struct db *db, void *input)
{
    struct arena a = { 0 };
    struct say_row out;
    int64_t now_ms = clock_wall_ms();
    enum err e = db_say_put(db, &(struct say_row){ .id = "s1", .device = "dev1", .text = "First thing.",
                                                   .created_ms = now_ms, .expires_ms = now_ms + 60000 }, &a, &out);
    if (!e)
        e = db_say_put(db, &(struct say_row){ .id = "s2", .device = "dev1", .text = "Second thing.",
                                              .created_ms = now_ms + 1, .expires_ms = now_ms + 60000 }, &a, &out);
    if (!e)
        e = db_say_put(db, &(struct say_row){ .id = "s3", .device = "dev1", .text = "Too old.",
                                              .created_ms = now_ms - 9000, .expires_ms = now_ms - 1000 }, &a, &out);
    arena_done(&a);
    return e;
}

struct asked {
    const char *id;
    char state[16];
};

static enum err read_state(struct db *db, void *input)
{
    struct asked *q = input;
    struct arena a = { 0 };
    struct say_row row;
    enum err e = db_say_get(db, q->id, &a, &row);
    if (!e)
        snprintf(q->state, sizeof q->state, "%s", row.state);
    arena_done(&a);
    return e;
}

static bool is_state(struct world *w, const char *id, const char *state)
{
    struct asked q = { .id = id };
    assert_ok(store_run(server_store(w->server), read_state, &q));
    return strcmp(q.state, state) == 0;
}

/* Moves the clock until both were played, for 30 s at most. */
static void until_played(struct world *w)
{
    for (int i = 0; i < 300 && !is_state(w, "s2", "played"); i++)
        world_advance(w, 100);
}

static void what_was_left_is_said_once_in_order(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    struct client *c = world_client(&w, "dev1");
    client_say(c, HELLO);
    until_played(&w);
    assert_true(is_state(&w, "s1", "played"));
    assert_true(is_state(&w, "s2", "played"));
    assert_false(is_state(&w, "s3", "played"));
    const char *first = strstr(c->log.data, "First thing."), *second = strstr(c->log.data, "Second thing.");
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first < second);
    assert_int_equal(client_count(c, "Too old."), 0);
    client_vanish(c);
    world_settle(&w);

    c = world_client(&w, "dev1");
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    world_advance(&w, 2000);
    assert_int_equal(client_count(c, "thing."), 0);
    world_end(&w);
}

static void a_device_that_leaves_at_once_loses_at_most_the_one_begun(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    struct client *c = world_client(&w, "dev1");
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"state\":\"start\""));
    client_vanish(c);
    world_advance(&w, 200);
    assert_false(is_state(&w, "s1", "queued"));
    assert_true(is_state(&w, "s2", "queued"));
    world_end(&w);
}

static void somebody_elses_words_are_not_said(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    struct client *c = world_talker(&w, "dev2");
    world_advance(&w, 2000);
    assert_int_equal(client_count(c, "thing."), 0);
    assert_true(is_state(&w, "s1", "queued"));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_left_is_said_once_in_order),
        cmocka_unit_test(a_device_that_leaves_at_once_loses_at_most_the_one_begun),
        cmocka_unit_test(somebody_elses_words_are_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
