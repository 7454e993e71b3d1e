/* SPDX-License-Identifier: MIT
 * test_histogram.c -- percentiles that are exact where it matters and close where it does not. */
#include "cli/histogram.h"
#include "tests/support/test.h"

static struct histogram h;

static int clear(void **state)
{
    histogram_clear(&h);
    return 0;
}

static void an_empty_one_says_zero(void **state)
{
    assert_int_equal(histogram_at(&h, 0.5), 0);
    assert_true(histogram_mean(&h) == 0);
}

static void small_values_are_exact(void **state)
{
    for (uint64_t v = 1; v <= 60; v++)
        histogram_add(&h, v);
    assert_int_equal(histogram_at(&h, 0.5), 30);
    assert_int_equal(histogram_at(&h, 0.99), 60);
    assert_int_equal(histogram_at(&h, 0), 1);
    assert_int_equal(histogram_at(&h, 1), 60);
}

static void large_values_are_within_two_percent_and_never_beyond_the_largest(void **state)
{
    for (uint64_t v = 1; v <= 100000; v++)
        histogram_add(&h, v);
    static const double shares[] = { 0.1, 0.5, 0.9, 0.99, 0.999 };
    for (size_t i = 0; i < COUNT(shares); i++) {
        double exact = shares[i] * 100000, got = (double)histogram_at(&h, shares[i]);
        assert_true(got >= exact);
        assert_true(got <= exact * 1.017);
    }
    assert_int_equal(histogram_at(&h, 1), 100000);
    assert_int_equal(h.min, 1);
    assert_int_equal(h.max, 100000);
    assert_true(histogram_mean(&h) == 50000.5);
}

static void one_value_is_all_percentiles(void **state)
{
    histogram_add(&h, 123457);
    assert_int_equal(histogram_at(&h, 0.01), 123457);
    assert_int_equal(histogram_at(&h, 0.99), 123457);
}

static void values_beyond_the_range_are_kept_as_the_largest(void **state)
{
    histogram_add(&h, 10);
    histogram_add(&h, UINT64_MAX / 4);
    assert_int_equal(histogram_at(&h, 0.4), 10);
    assert_true(histogram_at(&h, 1) == UINT64_MAX / 4);
}

static void two_become_one(void **state)
{
    static struct histogram other;
    histogram_clear(&other);
    histogram_add(&h, 5);
    histogram_add(&other, 2);
    histogram_add(&other, 900);
    histogram_merge(&h, &other);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.min, 2);
    assert_int_equal(h.max, 900);
    assert_int_equal(h.sum, 907);
    histogram_clear(&other);
    histogram_merge(&h, &other);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.min, 2);
}

static void a_stall_stands_for_all_it_made_late(void **state)
{
    for (int i = 0; i < 90; i++)
        histogram_add_late(&h, 1, 10);
    histogram_add_late(&h, 100, 10); /* 100, 90, ... 10: as if each had been asked when it was due */
    assert_int_equal(h.count, 100);
    assert_int_equal(h.max, 100);
    assert_int_equal(histogram_at(&h, 0.5), 1);
    assert_in_range(histogram_at(&h, 0.95), 50, 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_says_zero, clear),
        cmocka_unit_test_setup(small_values_are_exact, clear),
        cmocka_unit_test_setup(large_values_are_within_two_percent_and_never_beyond_the_largest, clear),
        cmocka_unit_test_setup(one_value_is_all_percentiles, clear),
        cmocka_unit_test_setup(values_beyond_the_range_are_kept_as_the_largest, clear),
        cmocka_unit_test_setup(two_become_one, clear),
        cmocka_unit_test_setup(a_stall_stands_for_all_it_made_late, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
