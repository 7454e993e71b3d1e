/* SPDX-License-Identifier: MIT
 * test_version.c -- versions compared by numbers; names of firmware files. */
#include "protocol/ota.h"
#include "tests/support/test.h"

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void versions_compare_by_numbers(void **state)
{
    static const struct {
        const char *a, *b;
        int want;
    } rows[] = {
        { "1.0.0", "1.0.0", 0 },  { "1.10.0", "1.9.9", 1 }, { "2.0", "1.99.99", 1 }, { "1.0", "1.0.0", -1 },
        { "1.0.1", "1.0", 1 },    { "", "0", -1 },          { "", "", 0 },           { "2.4.2-rc1", "2.4.2", 0 },
        { "01.2", "1.02", 0 },    { "x.1", "0.1", 0 },      { "99999999999999999999", "1", 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(sign(version_compare(slice_of(rows[i].a), slice_of(rows[i].b))), rows[i].want);
        assert_int_equal(sign(version_compare(slice_of(rows[i].b), slice_of(rows[i].a))), -rows[i].want);
    }
}

static void only_plain_versions_reach_a_device(void **state)
{
    static const char *const good[] = { "1", "2.4.2", "0.0.0.1", "10.20" };
    static const char *const bad[] = { "", ".", "v1.2.0", "1..2", "1.", ".1", "1.2-rc1", "1.2 ", "1,2",
                                       "1111111111.1111111111.1111111111.1111111111.1111111111.1111111111.1" };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(version_is_plain(slice_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(version_is_plain(slice_of(bad[i])));
}

static void firmware_names_split_at_the_underscore_before_a_digit(void **state)
{
    static const struct {
        const char *file, *model, *version; /* model NULL: refused */
    } rows[] = {
        { "bread-compact-wifi_2.4.2.bin", "bread-compact-wifi", "2.4.2" },
        { "my_board_v2_1.0.bin", "my_board_v2", "1.0" },
        { "board_2_1.0.bin", NULL, NULL },   /* the first such underscore splits: "2_1.0" is no version */
        { "default_1.bin", "default", "1" },
        { "_1.0.bin", NULL, NULL },
        { "board.bin", NULL, NULL },
        { "board_x.bin", NULL, NULL },
        { "board_1.0.BIN", NULL, NULL },
        { "board_1.0.bin.txt", NULL, NULL },
        { "../board_1.0.bin", NULL, NULL },
        { ".board_1.0.bin", NULL, NULL },
        { "board_1.0-rc.bin", NULL, NULL },
        { "", NULL, NULL },
        { ".bin", NULL, NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice model, version;
        bool fine = firmware_name_split(slice_of(rows[i].file), &model, &version);
        if (fine != (rows[i].model != NULL))
            print_error("row %zu: %s\n", i, rows[i].file);
        assert_int_equal(fine, rows[i].model != NULL);
        if (fine) {
            assert_slice_is(model, rows[i].model);
            assert_slice_is(version, rows[i].version);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_compare_by_numbers),
        cmocka_unit_test(only_plain_versions_reach_a_device),
        cmocka_unit_test(firmware_names_split_at_the_underscore_before_a_digit),
    };
    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
