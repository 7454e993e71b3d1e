/* SPDX-License-Identifier: MIT
 * Slices and UTF-8. */
#include "base/utf8.h"

#include "tests/support/test.h"

static void slices_compare_trim_and_split(void **state)
{
    assert_true(slice_eq_nocase(SLICE("Host"), SLICE("hOST")));
    assert_false(slice_eq_nocase(SLICE("Host"), SLICE("Hos")));
    assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
    assert_false(slice_starts(SLICE("a"), SLICE("ab")));
    assert_true(slice_ends(SLICE("abc"), SLICE("bc")));
    assert_true(slice_ends(SLICE("abc"), SLICE("")));
    assert_true(slice_contains(SLICE("hello"), SLICE("ell")));
    assert_false(slice_contains(SLICE("he"), SLICE("ell")));
    assert_slice_is(slice_trim(SLICE(" \t a b\r\n ")), "a b");
    assert_int_equal(slice_trim(SLICE("  ")).len, 0);
    assert_slice_is(slice_sub(SLICE("hello"), 1, 3), "ell");
    assert_slice_is(slice_sub(SLICE("hello"), 3, SIZE_MAX), "lo");
    assert_int_equal(slice_sub(SLICE("hello"), 9, 1).len, 0);
    struct slice rest = SLICE("a,,b");
    assert_slice_is(slice_cut(&rest, ','), "a");
    assert_slice_is(slice_cut(&rest, ','), "");
    assert_slice_is(slice_cut(&rest, ','), "b");
    assert_null(rest.data);
    rest = SLICE("a,");
    slice_cut(&rest, ',');
    assert_non_null(rest.data);
    assert_slice_is(slice_cut(&rest, ','), "");
    assert_null(rest.data);
    assert_true(slice_eq((struct slice){ 0 }, SLICE("")));
}

static void integers_are_taken_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *text;
        bool fine;
        int64_t value;
    } rows[] = {
        { "0", true, 0 }, { "-1", true, -1 }, { "+7", true, 7 }, { "007", true, 7 },
        { "9223372036854775807", true, INT64_MAX }, { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 }, { "-9223372036854775809", false, 0 }, { "", false, 0 },
        { "-", false, 0 }, { "1x", false, 0 }, { " 1", false, 0 }, { "1.0", false, 0 }, { "--1", false, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 55;
        assert_int_equal(slice_to_i64(slice_of(rows[i].text), &value), rows[i].fine);
        assert_int_equal(value, rows[i].fine ? rows[i].value : 55);
    }
}

static const struct {
    struct slice text;
    bool valid;
} utf8_rows[] = {
    { { "", 0 }, true },
    { { "plain ascii that is longer than a word", 38 }, true },
    { { "\xC3\xA9", 2 }, true },
    { { "\xE4\xBD\xA0\xE5\xA5\xBD", 6 }, true },
    { { "\xF0\x9F\x98\x80", 4 }, true },
    { { "\xF4\x8F\xBF\xBF", 4 }, true },
    { { "\xEF\xBF\xBF", 3 }, true },
    { { "a\0b", 3 }, true },
    { { "\xC0\x80", 2 }, false },          /* overlong NUL */
    { { "\xC1\xBF", 2 }, false },
    { { "\xE0\x9F\xBF", 3 }, false },      /* overlong */
    { { "\xED\xA0\x80", 3 }, false },      /* surrogate */
    { { "\xF0\x8F\xBF\xBF", 4 }, false },
    { { "\xF4\x90\x80\x80", 4 }, false },  /* over U+10FFFF */
    { { "\xF5\x80\x80\x80", 4 }, false },
    { { "\x80", 1 }, false },
    { { "\xE4\xBD", 2 }, false },
    { { "\xE4\xBD" "a", 3 }, false },
    { { "aaaaaaaaaaaaaaaa\xFF", 17 }, false },
};

static void utf8_is_checked_whole_and_in_pieces(void **state)
{
    for (size_t i = 0; i < COUNT(utf8_rows); i++) {
        struct slice s = utf8_rows[i].text;
        assert_int_equal(utf8_valid(s), utf8_rows[i].valid);
        for (size_t cut = 0; cut <= s.len; cut++) {
            uint32_t piece_state = 0;
            bool fine = utf8_feed(&piece_state, slice_sub(s, 0, cut)) &&
                        utf8_feed(&piece_state, slice_sub(s, cut, s.len)) && piece_state == 0;
            assert_int_equal(fine, utf8_rows[i].valid);
        }
    }
}

static void a_cut_never_splits_a_character(void **state)
{
    struct slice s = SLICE("a\xE4\xBD\xA0\xF0\x9F\x98\x80z");
    static const size_t wanted[] = { 0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9 };
    for (size_t max = 0; max < COUNT(wanted); max++)
        assert_int_equal(utf8_cut(s, max), wanted[max]);
    assert_int_equal(utf8_cut(SLICE("\x80\x80\x80\x80\x80\x80"), 5), 5);
    assert_int_equal(utf8_chars(s), 4);
}

static void code_points_go_there_and_back(void **state)
{
    static const uint32_t points[] = { 1, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF };
    for (size_t i = 0; i < COUNT(points); i++) {
        char bytes[4];
        size_t at = 0, len = utf8_encode(points[i], bytes);
        assert_int_equal(utf8_next(slice_from(bytes, len), &at), points[i]);
        assert_int_equal(at, len);
        assert_int_equal(utf8_next(slice_from(bytes, len), &at), -1);
    }
    char bytes[4];
    assert_int_equal(utf8_encode(0xD800, bytes), 3);
    assert_memory_equal(bytes, "\xEF\xBF\xBD", 3);
    size_t at = 0;
    struct slice bad = SLICE("\xFF\xE4\xBD");
    assert_int_equal(utf8_next(bad, &at), 0xFFFD);
    assert_int_equal(at, 1);
    assert_int_equal(utf8_next(bad, &at), 0xFFFD);
    assert_int_equal(utf8_next(bad, &at), 0xFFFD);
    assert_int_equal(utf8_next(bad, &at), -1);
}

static void characters_are_classed(void **state)
{
    assert_true(utf8_is_emoji(0x1F600));
    assert_true(utf8_is_emoji(0x2764));
    assert_true(utf8_is_emoji(0xFE0F));
    assert_false(utf8_is_emoji('a'));
    assert_false(utf8_is_emoji(0x4F60));
    assert_true(utf8_is_cjk(0x4F60));
    assert_true(utf8_is_cjk(0x3042));
    assert_true(utf8_is_cjk(0xAC00));
    assert_false(utf8_is_cjk(0x3002));
    assert_false(utf8_is_cjk('x'));
    assert_true(utf8_is_punct('.'));
    assert_true(utf8_is_punct(0x3002));
    assert_true(utf8_is_punct(0xFF0C));
    assert_true(utf8_is_punct(0x2026));
    assert_false(utf8_is_punct('a'));
    assert_false(utf8_is_punct(' '));
    assert_false(utf8_is_punct(0xFF11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_trim_and_split),
        cmocka_unit_test(integers_are_taken_whole_or_not_at_all),
        cmocka_unit_test(utf8_is_checked_whole_and_in_pieces),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(code_points_go_there_and_back),
        cmocka_unit_test(characters_are_classed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
