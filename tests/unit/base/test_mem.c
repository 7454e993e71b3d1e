/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include "base/buf.h"
#include "base/list.h"
#include "tests/support/test.h"

static void memory_of_our_own_comes_zeroed(void **state)
{
    char *bytes = xalloc(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bytes[i], 0);
    mem_free(bytes);
    mem_free(NULL);
    assert_null(xstrdup(NULL));
    auto_mem char *text = xprintf("%d-%s", 7, "x");
    assert_string_equal(text, "7-x");
    auto_mem char *copy = xslicedup(slice_from("abc", 2));
    assert_string_equal(copy, "ab");
}

static void several_texts_share_one_block(void **state)
{
    char first[] = "one", third[] = "three";
    const char *a = first, *b = "", *c = third;
    auto_mem char *block = xpack(&a, &b, &c);
    first[0] = third[0] = '?';
    assert_string_equal(a, "one");
    assert_string_equal(b, "");
    assert_string_equal(c, "three");
    assert_ptr_equal(a, block);
    assert_ptr_equal(c, block + 5);
}

static void the_nth_attempt_fails_when_told_so(void **state)
{
    mem_fail_nth(2);
    void *first = try_alloc(10), *second = try_alloc(10), *third = try_alloc(10);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    mem_fail_nth(1);
    assert_null(try_realloc(first, 20));
    first = try_realloc(first, 20);
    assert_non_null(first);
    mem_fail_nth(0);
    mem_free(first);
    mem_free(third);
}

static void an_arena_gives_aligned_zeroed_memory(void **state)
{
    struct arena a = { 0 };
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 1; i < 300; i += 7) {
            char *at = arena_alloc(&a, i);
            assert_int_equal((uintptr_t)at % 16, 0);
            for (size_t b = 0; b < i; b++)
                assert_int_equal(at[b], 0);
            memset(at, 0xAA, i);
        }
        assert_non_null(arena_alloc(&a, 100000));
        assert_string_equal(arena_strdup(&a, slice_from("hello", 4)), "hell");
        arena_reset(&a);
    }
    arena_done(&a);
    arena_done(&a);
    arena_reset(&a);
}

static void a_taken_pointer_is_null_afterwards(void **state)
{
    char *text = xstrdup("x");
    char *mine = take_ptr(&text);
    assert_null(text);
    mem_free(mine);
}

struct item {
    struct node node;
    int number;
};

static void a_list_keeps_order_and_survives_unlinking(void **state)
{
    struct list l;
    struct item items[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 } };
    list_init(&l);
    assert_true(list_empty(&l));
    assert_null(list_shift(&l));
    for (size_t i = 0; i < COUNT(items); i++)
        list_push(&l, &items[i].node);
    list_unlink(&items[1].node);
    list_unlink(&items[1].node);
    assert_false(node_in_list(&items[1].node));
    int seen = 0;
    list_each(&l, n)
    {
        struct item *it = container_of(n, struct item, node);
        seen = seen * 10 + it->number;
        list_unlink(n);
    }
    assert_int_equal(seen, 23); /* 0, 2, 3 */
    assert_true(list_empty(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_our_own_comes_zeroed),
        cmocka_unit_test(several_texts_share_one_block),
        cmocka_unit_test(the_nth_attempt_fails_when_told_so),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_memory),
        cmocka_unit_test(a_taken_pointer_is_null_afterwards),
        cmocka_unit_test(a_list_keeps_order_and_survives_unlinking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
