/* SPDX-License-Identifier: MIT
 * test_presence.c -- who is online where. TSAN */
#include "tests/support/test.h"

#include <pthread.h>

#include "devices/presence.h"

static struct presence_entry entry(const char *device, const char *session)
{
    struct presence_entry e = { .since_ms = 1 };
    snprintf(e.device, sizeof e.device, "%s", device);
    snprintf(e.session, sizeof e.session, "%s", session);
    return e;
}

static void the_newest_session_has_the_device(void **state)
{
    struct presence *p = presence_create();
    struct presence_entry a = entry("d", "a"), b = entry("d", "b"), old, got;
    unsigned takeovers = 9;
    assert_false(presence_add(p, &a, &old, &takeovers));
    assert_int_equal(takeovers, 0);
    assert_true(presence_add(p, &b, &old, &takeovers));
    assert_string_equal(old.session, "a");
    assert_int_equal(old.number, a.number);
    assert_int_equal(takeovers, 1);
    assert_true(presence_get(p, "d", &got));
    assert_string_equal(got.session, "b");
    assert_int_equal(presence_count(p), 1);
    presence_free(p);
}

static void a_late_clean_up_of_the_old_session_leaves_the_new_entry(void **state)
{
    struct presence *p = presence_create();
    struct presence_entry a = entry("d", "a"), b = entry("d", "b"), got;
    presence_add(p, &a, NULL, NULL);
    presence_add(p, &b, NULL, NULL);
    assert_false(presence_remove(p, "d", a.number));
    assert_true(presence_get(p, "d", &got));
    assert_false(presence_mode(p, "d", a.number, "meeting"));
    assert_true(presence_mode(p, "d", b.number, "meeting"));
    assert_true(presence_get(p, "d", &got));
    assert_string_equal(got.mode, "meeting");
    assert_true(presence_remove(p, "d", b.number));
    assert_false(presence_get(p, "d", &got));
    assert_false(presence_remove(p, "d", b.number));
    presence_free(p);
}

static void reject_keeps_the_one_that_is_there(void **state)
{
    struct presence *p = presence_create();
    struct presence_entry a = entry("d", "a"), b = entry("d", "b");
    assert_ok(presence_add_if_free(p, &a));
    assert_int_equal(presence_add_if_free(p, &b), ERR_EXISTS);
    assert_true(presence_remove(p, "d", a.number));
    assert_ok(presence_add_if_free(p, &b));
    presence_free(p);
}

static void take_overs_within_a_minute_are_counted(void **state)
{
    struct presence *p = presence_create();
    unsigned takeovers = 0;
    for (int i = 0; i < 4; i++) {
        struct presence_entry e = entry("d", "x");
        presence_add(p, &e, NULL, &takeovers);
        assert_int_equal(takeovers, i);
    }
    presence_free(p);
}

static void the_list_is_one_snapshot_without_doubles(void **state)
{
    struct presence *p = presence_create();
    struct arena a = { 0 };
    struct presence_entry *rows;
    assert_int_equal(presence_list(p, &a, &rows), 0);
    uint64_t version = presence_version(p);
    for (int i = 0; i < 50; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%d", i % 25);
        struct presence_entry e = entry(id, "s");
        presence_add(p, &e, NULL, NULL);
    }
    assert_int_equal(presence_list(p, &a, &rows), 25);
    assert_int_equal(presence_version(p), version + 50);
    arena_done(&a);
    presence_free(p);
}

enum { THREADS = 4, ROUNDS = 400, DEVICES = 7 };
static void *storm(void *arg)
{
    struct presence *p = arg;
    struct arena a = { 0 };
    for (int i = 0; i < ROUNDS; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%d", i % DEVICES);
        struct presence_entry e = entry(id, "s"), got, *rows;
        presence_add(p, &e, &got, NULL);
        presence_get(p, id, &got);
        if (presence_list(p, &a, &rows) > DEVICES)
            return p;
        arena_reset(&a);
        presence_remove(p, id, e.number);
    }
    arena_done(&a);
    return NULL;
}

static void many_threads_come_and_go(void **state)
{
    struct presence *p = presence_create();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, storm, p);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(presence_count(p), 0);
    presence_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_session_has_the_device),
        cmocka_unit_test(a_late_clean_up_of_the_old_session_leaves_the_new_entry),
        cmocka_unit_test(reject_keeps_the_one_that_is_there),
        cmocka_unit_test(take_overs_within_a_minute_are_counted),
        cmocka_unit_test(the_list_is_one_snapshot_without_doubles),
        cmocka_unit_test(many_threads_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
