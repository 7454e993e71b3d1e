/* SPDX-License-Identifier: MIT
 * test_intake.c -- what a meeting lets in. */
#include "tests/support/test.h"

#include "base/utf8.h"
#include "modes/intake.h"

static void texts_are_cleaned(void **state)
{
    static const struct {
        const char *raw, *clean;
    } rows[] = {
        {"  hello   world \n", "hello world"},
        {"你 好，， 世 界！！！", "你好，世界！"},
        {"wait... what??", "wait. what?"},
        {"...", ""},
        {"。！，", ""},
        {"", ""},
        {" \t\n", ""},
        {"，先说 Parley 项目", "先说 Parley 项目"},
        {"a\x01"
         "b\x7f"
         "c",
         "abc"},
        {"end .", "end."},
    };
    struct intake in;
    struct buf out = {0};
    intake_init(&in, 60000);
    for (size_t i = 0; i < COUNT(rows); i++) {
        intake_clean(&in, slice_of(rows[i].raw), &out);
        assert_slice_is(buf_slice(&out), rows[i].clean);
    }
    buf_done(&out);
    intake_done(&in);
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    char raw[2050];
    for (size_t i = 0; i + 3 <= 2049; i += 3)
        memcpy(raw + i, "\xe5\xad\x97", 3);
    struct intake in;
    struct buf out = {0};
    intake_init(&in, 60000);
    intake_clean(&in, slice_from(raw, 2049), &out);
    assert_int_equal(out.len, 2046);
    assert_true(utf8_valid(buf_slice(&out)));
    buf_done(&out);
    intake_done(&in);
}

static void the_same_text_counts_once_in_a_minute(void **state)
{
    struct intake in;
    intake_init(&in, 60000);
    assert_int_equal(intake_take(&in, 0, SLICE("we ship on Friday")), INTAKE_KEPT);
    assert_int_equal(intake_take(&in, 59000, SLICE("we ship on Friday")), INTAKE_REPEAT);
    assert_int_equal(intake_take(&in, 118000, SLICE("we ship on Friday")),
                     INTAKE_REPEAT); /* from the last time */
    assert_int_equal(intake_take(&in, 118000 + 61000, SLICE("we ship on Friday")), INTAKE_KEPT);
    assert_int_equal(intake_take(&in, 0, SLICE("")), INTAKE_EMPTY);
    intake_done(&in);

    intake_init(&in, 0); /* off */
    assert_int_equal(intake_take(&in, 0, SLICE("a")), INTAKE_KEPT);
    assert_int_equal(intake_take(&in, 1, SLICE("a")), INTAKE_KEPT);
    intake_done(&in);
}

static void the_201st_pending_text_is_dropped(void **state)
{
    struct intake in;
    char text[16];
    intake_init(&in, 60000);
    for (int i = 0; i < INTAKE_PENDING_MAX; i++) {
        snprintf(text, sizeof(text), "text %d", i);
        assert_int_equal(intake_take(&in, 5, slice_of(text)), INTAKE_KEPT);
    }
    assert_int_equal(intake_take(&in, 5, SLICE("one more")), INTAKE_FULL);
    intake_merged(&in);
    assert_int_equal(intake_take(&in, 5, SLICE("one more")), INTAKE_KEPT);
    intake_done(&in);
}

static void the_eleventh_message_in_a_second_is_refused(void **state)
{
    struct intake in;
    intake_init(&in, 60000);
    for (uint64_t i = 0; i < 10; i++)
        assert_true(intake_message(&in, 100 + i * 10));
    assert_false(intake_message(&in, 1099));
    assert_true(intake_message(&in, 1100));
    assert_false(intake_message(&in, 1105));
    assert_true(intake_message(&in, 1110));
    intake_done(&in);
}

static void memory_of_repeats_is_bounded_and_the_oldest_goes(void **state)
{
    struct intake in;
    char text[24];
    intake_init(&in, 600000);
    for (unsigned i = 0; i < INTAKE_SEEN_MAX + 1; i++) {
        snprintf(text, sizeof(text), "text %u", i);
        intake_merged(&in);
        assert_int_equal(intake_take(&in, i, slice_of(text)), INTAKE_KEPT);
    }
    assert_int_equal(in.seen_count, INTAKE_SEEN_MAX);
    assert_int_equal(intake_take(&in, 2000, SLICE("text 0")), INTAKE_KEPT);
    assert_int_equal(intake_take(&in, 2000, SLICE("text 1000")), INTAKE_REPEAT);
    assert_true(intake_bytes(&in) < 64 * 1024);
    intake_done(&in);
}

static void terms_are_replaced_and_the_last_wins(void **state)
{
    struct intake in;
    struct buf out = {0};
    intake_init(&in, 60000);
    assert_true(intake_add_term(&in, SLICE("parlay"), SLICE("Paris")));
    assert_true(intake_add_term(&in, SLICE("parlay"), SLICE("Parley")));
    assert_true(intake_add_term(&in, SLICE("爱思批"), SLICE("ESP")));
    assert_true(intake_add_term(&in, SLICE("爱思"), SLICE("x")));
    intake_clean(&in, SLICE("Parlay and parlays, 爱思批32"), &out);
    assert_slice_is(buf_slice(&out), "Parley and parlays, ESP32");
    assert_false(intake_add_term(&in, SLICE(""), SLICE("x")));
    char longest[80];
    memset(longest, 'a', sizeof(longest));
    assert_false(intake_add_term(&in, slice_from(longest, sizeof(longest)), SLICE("x")));
    buf_done(&out);
    intake_done(&in);
}

static void the_language_is_told_from_the_letters(void **state)
{
    assert_string_equal(intake_language(SLICE("我们用 Parley 开会")), "zh");
    assert_string_equal(intake_language(SLICE("hello 你")), "en");
    assert_string_equal(intake_language(SLICE("")), "en");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cleaned),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(the_same_text_counts_once_in_a_minute),
        cmocka_unit_test(the_201st_pending_text_is_dropped),
        cmocka_unit_test(the_eleventh_message_in_a_second_is_refused),
        cmocka_unit_test(memory_of_repeats_is_bounded_and_the_oldest_goes),
        cmocka_unit_test(terms_are_replaced_and_the_last_wins),
        cmocka_unit_test(the_language_is_told_from_the_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
