/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include "tests/support/test.h"

static struct slice key_of(int i, char text[16])
{
    return slice_from(text, (size_t)snprintf(text, 16, "key-%d", i));
}

static void *value_of(int i)
{
    return (void *)(intptr_t)(i + 1);
}

static void an_empty_map_answers_nothing(void **state)
{
    struct map m = { 0 };
    size_t at = 0;
    assert_null(map_get(&m, SLICE("a")));
    assert_null(map_remove(&m, SLICE("a")));
    assert_false(map_next(&m, &at, NULL, NULL));
    map_done(&m);
}

static void thousands_of_keys_are_found_replaced_and_removed(void **state)
{
    struct map m = { 0 };
    char text[16];
    for (int i = 0; i < 5000; i++)
        assert_null(map_set(&m, key_of(i, text), value_of(i)));
    assert_int_equal(m.count, 5000);
    for (int i = 0; i < 5000; i++)
        assert_ptr_equal(map_get(&m, key_of(i, text)), value_of(i));
    assert_ptr_equal(map_set(&m, key_of(7, text), value_of(70)), value_of(7));
    for (int i = 0; i < 5000; i += 2)
        assert_ptr_equal(map_remove(&m, key_of(i, text)), value_of(i));
    assert_int_equal(m.count, 2500);
    for (int i = 0; i < 5000; i++)
        assert_ptr_equal(map_get(&m, key_of(i, text)), i % 2 == 0 ? NULL : value_of(i == 7 ? 70 : i));
    map_done(&m);
}

static void coming_and_going_does_not_make_it_grow(void **state)
{
    struct map m = { 0 };
    char text[16];
    for (int i = 0; i < 100000; i++) {
        map_set(&m, key_of(i, text), value_of(i));
        if (i >= 10)
            map_remove(&m, key_of(i - 10, text));
    }
    assert_int_equal(m.count, 10);
    assert_true(m.cap <= 64);
    map_done(&m);
}

static void keys_may_hold_any_bytes(void **state)
{
    struct map m = { 0 };
    map_set(&m, slice_from("a\0b", 3), value_of(1));
    map_set(&m, slice_from("a\0c", 3), value_of(2));
    map_set(&m, (struct slice){ 0 }, value_of(3));
    assert_ptr_equal(map_get(&m, slice_from("a\0b", 3)), value_of(1));
    assert_ptr_equal(map_get(&m, slice_from("a\0c", 3)), value_of(2));
    assert_ptr_equal(map_get(&m, SLICE("")), value_of(3));
    assert_null(map_get(&m, SLICE("a")));
    map_done(&m);
}

static void a_walk_sees_each_once_and_may_remove_it(void **state)
{
    struct map m = { 0 };
    char text[16];
    for (int i = 0; i < 200; i++)
        map_set(&m, key_of(i, text), value_of(i));
    bool seen[200] = { 0 };
    struct slice key;
    void *value;
    for (size_t at = 0; map_next(&m, &at, &key, &value);) {
        intptr_t i = (intptr_t)value - 1;
        assert_false(seen[i]);
        seen[i] = true;
        if (i % 3 == 0)
            assert_ptr_equal(map_remove(&m, key), value);
    }
    for (int i = 0; i < 200; i++) {
        assert_true(seen[i]);
        assert_ptr_equal(map_get(&m, key_of(i, text)), i % 3 ? value_of(i) : NULL);
    }
    map_done(&m);
}

static void two_maps_do_not_share_a_key_of_the_hash(void **state)
{
    struct map a = { 0 }, b = { 0 };
    map_set(&a, SLICE("x"), value_of(1));
    map_set(&b, SLICE("x"), value_of(1));
    assert_memory_not_equal(a.key, b.key, sizeof(a.key));
    map_done(&a);
    map_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_answers_nothing),
        cmocka_unit_test(thousands_of_keys_are_found_replaced_and_removed),
        cmocka_unit_test(coming_and_going_does_not_make_it_grow),
        cmocka_unit_test(keys_may_hold_any_bytes),
        cmocka_unit_test(a_walk_sees_each_once_and_may_remove_it),
        cmocka_unit_test(two_maps_do_not_share_a_key_of_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
