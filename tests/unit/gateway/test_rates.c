/* SPDX-License-Identifier: MIT
 * test_rates.c -- how much one session may ask. */
#include "tests/support/test.h"

#include "gateway/rates.h"

static unsigned second_of(struct rates_of_session *r, uint64_t second, unsigned messages)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < messages; i++)
        refused += !rates_text(r, second * 1000 + i);
    return refused;
}

static void fifty_messages_a_second_may_go_on_for_ever(void **state)
{
    struct rates_of_session r = { 0 };
    for (unsigned s = 10; s < 100; s++)
        assert_int_equal(second_of(&r, s, 50), 0);
}

static void one_burst_is_forgiven_two_seconds_of_it_are_not(void **state)
{
    struct rates_of_session r = { 0 };
    assert_int_equal(second_of(&r, 10, 400), 0);
    assert_int_equal(second_of(&r, 11, 50), 0);
    assert_int_equal(second_of(&r, 12, 400), 0);
    assert_int_equal(second_of(&r, 13, 51), 1);
}

static void a_pause_between_bursts_counts(void **state)
{
    struct rates_of_session r = { 0 };
    for (unsigned s = 10; s < 40; s += 2)
        assert_int_equal(second_of(&r, s, 200), 0);
}

static void the_fifty_first_broken_frame_in_ten_seconds_is_too_many(void **state)
{
    struct rates_of_session r = { 0 };
    for (unsigned i = 0; i < 50; i++)
        assert_true(rates_bad_frame(&r, 1000 + i * 100));
    assert_false(rates_bad_frame(&r, 10900));
    assert_true(rates_bad_frame(&r, 11001)); /* a new ten seconds */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_messages_a_second_may_go_on_for_ever),
        cmocka_unit_test(one_burst_is_forgiven_two_seconds_of_it_are_not),
        cmocka_unit_test(a_pause_between_bursts_counts),
        cmocka_unit_test(the_fifty_first_broken_frame_in_ten_seconds_is_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
