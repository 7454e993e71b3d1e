/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "devices/limits.h"

static const struct limits_opts opts = { .connections = 10, .per_ip = 3, .per_ip_new_per_s = 2,
                                         .device_connects_per_min = 6 };

static struct net_addr address(const char *text)
{
    struct net_addr a;
    assert_true(net_addr_parse(slice_of(text), &a));
    return a;
}

static void connections_of_one_address_are_counted(void **state)
{
    struct limits *l = limits_create(&opts);
    struct net_addr a = address("203.0.113.5"), b = address("203.0.113.6");
    assert_ok(limits_connect(l, &a, 0));
    assert_ok(limits_connect(l, &a, 600));
    assert_ok(limits_connect(l, &a, 1200));
    assert_int_equal(limits_connect(l, &a, 2400), ERR_LIMIT);
    assert_ok(limits_connect(l, &b, 2400));
    limits_disconnect(l, &a);
    assert_ok(limits_connect(l, &a, 3600));
    assert_int_equal(limits_connections(l), 4);
    limits_free(l);
}

static void new_connections_per_second_are_bounded(void **state)
{
    struct limits *l = limits_create(&opts);
    struct net_addr a = address("203.0.113.5");
    assert_ok(limits_connect(l, &a, 1000));
    assert_ok(limits_connect(l, &a, 1000));
    limits_disconnect(l, &a);
    limits_disconnect(l, &a);
    assert_int_equal(limits_connect(l, &a, 1100), ERR_LIMIT);
    assert_ok(limits_connect(l, &a, 1600));
    limits_free(l);
}

static void all_together_are_bounded_and_loopback_has_no_limit_of_its_own(void **state)
{
    struct limits *l = limits_create(&opts);
    struct net_addr a = address("127.0.0.1");
    for (int i = 0; i < 10; i++)
        assert_ok(limits_connect(l, &a, 0));
    assert_int_equal(limits_connect(l, &a, 0), ERR_BUSY);
    for (int i = 0; i < 10; i++)
        limits_disconnect(l, &a);
    assert_int_equal(limits_connections(l), 0);
    limits_disconnect(l, &a); /* one too many harms nobody */
    assert_int_equal(limits_connections(l), 0);
    limits_free(l);
}

static void a_device_may_connect_six_times_a_minute(void **state)
{
    struct limits *l = limits_create(&opts);
    for (int i = 0; i < 6; i++)
        assert_ok(limits_device(l, "d", 1000));
    assert_int_equal(limits_device(l, "d", 1000), ERR_LIMIT);
    assert_ok(limits_device(l, "e", 1000));
    assert_ok(limits_device(l, "d", 11000)); /* one every 10 s again */
    assert_int_equal(limits_device(l, "d", 11000), ERR_LIMIT);
    limits_free(l);
}

static void a_bucket_says_when_to_come_again(void **state)
{
    struct rates *r = rates_create();
    uint64_t retry = 0;
    struct slice k = SLICE("k");
    assert_true(rates_has(r, k, 2, 1000, 0));
    assert_true(rates_take(r, k, 2, 1000, 0, NULL));
    assert_true(rates_take(r, k, 2, 1000, 0, NULL));
    assert_false(rates_has(r, k, 2, 1000, 0));
    assert_false(rates_take(r, k, 2, 1000, 0, &retry));
    assert_int_equal(retry, 500);
    assert_true(rates_take(r, k, 2, 1000, 500, NULL));
    assert_false(rates_take(r, k, 2, 1000, 500, NULL));
    assert_true(rates_take(r, k, 5, 1000, 500, NULL)); /* a new setting starts anew */
    assert_false(rates_take(r, SLICE("none"), 0, 1000, 0, &retry));
    rates_free(r);
}

static void forgotten_keys_do_not_fill_the_memory(void **state)
{
    struct rates *r = rates_create();
    for (unsigned i = 0; i < LIMITS_KEYS_MAX + 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i);
        assert_true(rates_take(r, slice_of(key), 1, 1000, i, NULL));
    }
    rates_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_of_one_address_are_counted),
        cmocka_unit_test(new_connections_per_second_are_bounded),
        cmocka_unit_test(all_together_are_bounded_and_loopback_has_no_limit_of_its_own),
        cmocka_unit_test(a_device_may_connect_six_times_a_minute),
        cmocka_unit_test(a_bucket_says_when_to_come_again),
        cmocka_unit_test(forgotten_keys_do_not_fill_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
