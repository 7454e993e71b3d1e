/* SPDX-License-Identifier: MIT
 * test_emotion.c -- the table of faces; emoji found and removed. */
#include "protocol/emotion.h"
#include "tests/support/test.h"

static void the_table_has_21_different_rows(void **state)
{
    assert_int_equal(emotion_count, 21);
    for (size_t i = 0; i < emotion_count; i++) {
        assert_ptr_equal(emotion_named(slice_of(emotions[i].name)), &emotions[i]);
        assert_ptr_equal(emotion_in(slice_of(emotions[i].emoji)), &emotions[i]);
    }
    assert_null(emotion_named(SLICE("ecstatic")));
    assert_string_equal(emotion_default()->name, "happy");
}

static void the_first_mapped_emoji_counts(void **state)
{
    static const struct {
        const char *text, *name; /* NULL: none */
    } rows[] = {
        { "", NULL },
        { "plain words", NULL },
        { "你好", NULL },
        { "Hi 😎 there 😭", "cool" },
        { "🚀 and 🤔", "thinking" },
        { "😔", "sad" },
        { "broken \xff\xfe 😴", "sleepy" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct emotion *e = emotion_in(slice_of(rows[i].text));
        if (rows[i].name)
            assert_string_equal(e->name, rows[i].name);
        else
            assert_null(e);
    }
}

static void emoji_and_newlines_go(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "" },
        { "Hello.", "Hello." },
        { "😀", "" },
        { "😊 Hello there 👍🏽!", "Hello there !" },
        { "one 😀 two", "one two" },
        { "line one\nline two\r\n", "line one line two" },
        { "好的😊，没问题", "好的，没问题" },
        { "family 👨‍👩‍👧 here", "family here" },
        { "heart ❤️ red", "heart red" },
        { "5 degrees, 3 * 4 = 12 # ok", "5 degrees, 3 * 4 = 12 # ok" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        emotion_strip(&out, slice_of(rows[i].text));
        assert_slice_is(buf_slice(&out), rows[i].want);
    }
}

static void stripping_appends_to_what_is_there(void **state)
{
    auto_buf struct buf out = { 0 };
    buf_puts(&out, "> ");
    emotion_strip(&out, SLICE(" \n hi"));
    assert_string_equal(out.data, "> hi");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_21_different_rows),
        cmocka_unit_test(the_first_mapped_emoji_counts),
        cmocka_unit_test(emoji_and_newlines_go),
        cmocka_unit_test(stripping_appends_to_what_is_there),
    };
    return cmocka_run_group_tests_name("emotion", tests, NULL, NULL);
}
