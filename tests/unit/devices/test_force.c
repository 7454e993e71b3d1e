/* SPDX-License-Identifier: MIT
 * test_force.c -- a firmware forced on a device: asked for, taken once, given back, over a restart. */
#include "tests/support/test.h"

#include "devices/force.h"
#include "tests/support/dworld.h"
#include "tests/support/temp.h"

static struct dworld w;
static struct force *f;

static int set_up(void **state)
{
    dworld_open(&w, "");
    f = NULL;
    return force_open(&f, w.store) != OK;
}

static int tear_down(void **state)
{
    dworld_settle(&w);
    force_close(f);
    dworld_close(&w);
    return 0;
}

static enum err ask(const char *device, const char *version)
{
    struct dworld_answer h = { 0 };
    force_ask(f, w.loop, device, slice_of(version), dworld_hear, &h);
    return dworld_heard(&w, &h);
}

static enum err take(const char *device, const char *version)
{
    struct dworld_answer h = { 0 };
    assert_non_null(force_take(f, w.loop, device, version, dworld_hear, &h));
    return dworld_heard(&w, &h);
}

/* What waits for the device, "" nothing. */
static const char *waiting(const char *device)
{
    static char version[FORCE_VERSION_TEXT];
    return force_waiting(f, device, version) ? version : "";
}

static void reopen(void)
{
    force_close(f);
    assert_ok(force_open(&f, w.store));
}

static void what_was_asked_for_waits_until_it_is_taken_once(void **state)
{
    assert_ok(ask("a", "2.0"));
    assert_ok(ask("b", "1.0.3"));
    assert_ok(ask("a", "2.1"));
    assert_string_equal(waiting("a"), "2.1");
    reopen();
    assert_string_equal(waiting("a"), "2.1");
    assert_string_equal(waiting("b"), "1.0.3");
    assert_string_equal(waiting("c"), "");
    assert_ok(take("a", "2.1"));
    assert_int_equal(take("a", "2.1"), ERR_NOT_FOUND);
    assert_string_equal(waiting("a"), "");
    assert_int_equal(ask("a", "2.1"), ERR_STATE);
    assert_ok(ask("b", ""));
    reopen();
    assert_string_equal(waiting("a"), "");
    assert_string_equal(waiting("b"), "");
}

static void what_was_taken_and_not_sent_waits_again(void **state)
{
    struct dworld_answer h = { 0 };
    assert_ok(ask("a", "2.0"));
    force_take_cancel(force_take(f, w.loop, "a", "2.0", dworld_hear, &h));
    dworld_settle(&w);
    assert_false(h.is_done);
    reopen();
    assert_string_equal(waiting("a"), "2.0");
    assert_ok(take("a", "2.0"));
}

static void odd_versions_are_refused(void **state)
{
    static const char *const bad[] = { "v1", "1..2", "1.", "a", "1.2.3-rc1", " 1", "1234567890.1234567890.1234567890" };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(ask("a", bad[i]), ERR_INVALID);
    assert_string_equal(waiting("a"), "");
}

#define WITH_FORCE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FORCE(what_was_asked_for_waits_until_it_is_taken_once),
        WITH_FORCE(what_was_taken_and_not_sent_waits_again),
        WITH_FORCE(odd_versions_are_refused),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
