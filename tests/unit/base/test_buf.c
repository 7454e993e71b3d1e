/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/mem.h"
#include "tests/support/test.h"

static void what_is_put_stands_there_terminated(void **state)
{
    auto_buf struct buf b = { 0 };
    assert_null(b.data);
    assert_ok(buf_puts(&b, "ab"));
    assert_ok(buf_put_byte(&b, 'c'));
    assert_ok(buf_printf(&b, "%05d", 42));
    assert_ok(buf_put(&b, (struct slice){ 0 }));
    assert_string_equal(b.data, "abc00042");
    assert_int_equal(b.len, 8);
    buf_eat(&b, 3);
    assert_string_equal(b.data, "00042");
    buf_eat(&b, 5);
    assert_string_equal(b.data, "");
    char long_text[2000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = 0;
    assert_ok(buf_printf(&b, "%s!", long_text));
    assert_int_equal(b.len, 2000);
    assert_int_equal(b.data[1999], '!');
    buf_clear(&b);
    assert_string_equal(b.data, "");
}

static void beyond_the_limit_nothing_is_put(void **state)
{
    auto_buf struct buf b = { .max = 4 };
    assert_ok(buf_puts(&b, "abc"));
    assert_int_equal(buf_puts(&b, "de"), ERR_LIMIT);
    assert_int_equal(buf_printf(&b, "%d", 12), ERR_LIMIT);
    assert_null(buf_reserve(&b, 2));
    assert_null(buf_reserve(&b, SIZE_MAX - 1));
    assert_string_equal(b.data, "abc");
    assert_ok(buf_puts(&b, "d"));
    assert_int_equal(buf_put_byte(&b, 'e'), ERR_LIMIT);
    assert_string_equal(b.data, "abcd");
}

static void a_bounded_buf_tells_of_missing_memory(void **state)
{
    auto_buf struct buf b = { .max = 1000 };
    mem_fail_nth(1);
    assert_int_equal(buf_puts(&b, "abc"), ERR_NO_MEMORY);
    mem_fail_nth(0);
    assert_int_equal(b.len, 0);
    assert_ok(buf_puts(&b, "abc"));
    assert_string_equal(b.data, "abc");
}

static void taking_leaves_it_empty(void **state)
{
    struct buf b = { .max = 10 };
    char *text = buf_take(&b);
    assert_string_equal(text, "");
    mem_free(text);
    buf_puts(&b, "abc");
    text = buf_take(&b);
    assert_string_equal(text, "abc");
    mem_free(text);
    assert_null(b.data);
    assert_int_equal(b.max, 10);
    buf_done(&b);
}

static void reserved_room_can_be_filled(void **state)
{
    auto_buf struct buf b = { 0 };
    buf_puts(&b, "x");
    memcpy(buf_reserve(&b, 3), "abc", 3);
    b.len += 3;
    assert_string_equal(b.data, "xabc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_stands_there_terminated),
        cmocka_unit_test(beyond_the_limit_nothing_is_put),
        cmocka_unit_test(a_bounded_buf_tells_of_missing_memory),
        cmocka_unit_test(taking_leaves_it_empty),
        cmocka_unit_test(reserved_room_can_be_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
