/* SPDX-License-Identifier: MIT
 * test_admission.c -- how many conversations begin, by what the loop says of its load. */
#include "dialogue/admission.h"
#include "loop/loop.h"
#include "tests/support/test.h"

#define LIMIT 80 /* percent */

static struct loop *loop;
static struct admission a;

static int setup(void **state)
{
    assert_ok(loop_create(&loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    loop_advance(loop, 60000);
    a = (struct admission){ .loop = loop };
    return 0;
}

static int teardown(void **state)
{
    loop_free(loop);
    return 0;
}

/* How many of those who all come now are let in; their turns are over at once. */
static unsigned let_in(unsigned come)
{
    unsigned n = 0;
    for (unsigned i = 0; i < come; i++) {
        if (!admission_enter(&a, true, LIMIT))
            continue;
        admission_leave(&a);
        n++;
    }
    return n;
}

static void turns_of_others(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_true(admission_enter(&a, false, LIMIT));
}

static void who_talks_is_never_refused(void **state)
{
    loop_pretend_load(loop, 100);
    turns_of_others(100);
    assert_int_equal(a.turns, 100);
    assert_int_equal(let_in(10), 0);
}

static void without_a_limit_everybody_may_begin(void **state)
{
    loop_pretend_load(loop, 100);
    for (unsigned i = 0; i < 5000; i++)
        assert_true(admission_enter(&a, true, 0));
    assert_true(admission_enter(NULL, true, LIMIT));
    admission_leave(NULL);
}

/* 80 percent of room at 0.1 each are 800 places: a quarter at once, then all of them in 8 s. */
static void at_rest_a_crowd_may_begin_at_once_and_then_at_a_pace(void **state)
{
    assert_int_equal(let_in(5000), 200);
    assert_int_equal(let_in(5000), 0);
    loop_advance(loop, 1000);
    assert_in_range(let_in(5000), 99, 100);
    loop_advance(loop, 60000);
    assert_int_equal(let_in(5000), 200);
}

static void the_pace_falls_with_the_room_and_the_cost_of_a_turn(void **state)
{
    static const struct {
        unsigned load, turns, at_once, in_a_second;
    } rows[] = {
        { 40, 200, 50, 25 }, /* 0.2 each, room for 200 */
        { 40, 400, 100, 50 },
        { 70, 350, 12, 6 },
        { 79, 395, 1, 0 },   /* room for 5 */
        { 40, 0, 8, 4 },     /* other work: as if 32 turns made it */
        { 80, 400, 0, 0 },
        { 81, 400, 0, 0 },
        { 100, 1, 0, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        a = (struct admission){ .loop = loop };
        loop_pretend_load(loop, rows[i].load);
        turns_of_others(rows[i].turns);
        unsigned at_once = let_in(1000);
        loop_advance(loop, 1000);
        unsigned later = let_in(1000);
        if (at_once != rows[i].at_once || later + 1 < rows[i].in_a_second || later > rows[i].in_a_second + 1)
            fail_msg("row %zu: %u at once, %u a second later", i, at_once, later);
    }
}

/* A crowd whose every turn costs 0.2 percent, which shows after 2 s: the load comes near the limit and not over it. */
static void a_crowd_fills_the_room_and_no_more(void **state)
{
    unsigned begun[100] = { 0 }, most = 0;
    for (unsigned second = 2; second < COUNT(begun); second++) {
        unsigned load = MIN(100, begun[second - 2] / 5);
        most = MAX(most, load);
        loop_pretend_load(loop, load);
        loop_advance(loop, 1000);
        begun[second] = begun[second - 1];
        for (unsigned i = 0; i < 300; i++)
            begun[second] += admission_enter(&a, true, LIMIT);
    }
    assert_in_range(most, 76, LIMIT + 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_talks_is_never_refused),
        CASE(without_a_limit_everybody_may_begin),
        CASE(at_rest_a_crowd_may_begin_at_once_and_then_at_a_pace),
        CASE(the_pace_falls_with_the_room_and_the_cost_of_a_turn),
        CASE(a_crowd_fills_the_room_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
