/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "api/private.h"

static void times_are_milliseconds_or_iso(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        { "0", 0 }, { "1700000000000", 1700000000000 }, { " 5 ", 5 }, { "-1", -1 }, { "", -1 }, { "soon", -1 },
        { "1970-01-01", 0 }, { "2023-11-14T22:13:20Z", 1700000000000 }, { "2023-11-14T22:13:20.5Z", 1700000000500 },
        { "2023-11-14T22:13:20.123456Z", 1700000000123 }, { "2023-11-15T06:13:20+08:00", 1700000000000 },
        { "2023-11-15 06:13:20+0800", 1700000000000 }, { "2023-11-14T22:13", 1699999980000 },
        { "2023-11-15T06:13:20 08:00", 1700000000000 }, /* a '+' of a query that became a blank */
        { "2024-02-29", 1709164800000 }, { "2023-02-29", -1 }, { "2100-02-29", -1 }, { "2023-13-01", -1 },
        { "2023-00-10", -1 }, { "2023-04-31", -1 }, { "2023-1-1", -1 },
        { "2023-11-14T25:00:00Z", -1 }, { "2023-11-14T22:13:20X", -1 }, { "2023-11-14T22:13:20.Z", -1 },
        { "2023-11-14T", -1 }, { "1969-12-31", -1 }, { "2023-11-14T22:13:20+99:00", -1 },
        { "99999999999999999999", -1 }, { "2023-11-14T22:13:20Z ", 1700000000000 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -1;
        bool ok = time_read(slice_of(rows[i].text), &ms);
        if (ok != (rows[i].ms >= 0) || (ok && ms != rows[i].ms))
            fail_msg("%s: %d %lld", rows[i].text, ok, (long long)ms);
    }
}

static void numbers_are_clamped(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } rows[] = { { "394", 20 }, { "7", 7 }, { "0", 1 }, { "-5", 1 }, { "x", 5 }, { "", 5 },
                 { "1e3", 5 }, { "3.5", 5 } };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(number_clamped(slice_of(rows[i].text), 5, 1, 20), rows[i].want);
}

static void meeting_ids_have_a_form(void **state)
{
    assert_true(meeting_id_ok(SLICE("a-B_9")));
    assert_false(meeting_id_ok(SLICE("")));
    assert_false(meeting_id_ok(SLICE("a b")));
    assert_false(meeting_id_ok(SLICE("a/b")));
    assert_false(meeting_id_ok(SLICE("a.b")));
    assert_true(meeting_id_ok(SLICE("0123456789012345678901234567890123456789012345678901234567890123")));
    assert_false(meeting_id_ok(SLICE("01234567890123456789012345678901234567890123456789012345678901234")));
}

static void patterns_match_whole_paths(void **state)
{
    static const struct {
        const char *pattern, *path, *param; /* param NULL: no match; "": none */
    } rows[] = {
        { "/a", "/a", "" }, { "/a", "/a/", "" }, { "/a", "/ab", NULL }, { "/a", "/a/b", NULL }, { "/a", "/", NULL },
        { "/m/{id}", "/m/x1", "x1" }, { "/m/{id}", "/m/x1/", "x1" }, { "/m/{id}", "/m/", NULL },
        { "/m/{id}", "/m/x/y", NULL }, { "/m/{id}/t", "/m/x/t", "x" }, { "/m/{id}/t", "/m//t", NULL },
        { "/a", "", NULL }, { "/a", "/a//", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice params[CALL_PARAMS_MAX];
        unsigned count = 0;
        bool ok = pattern_match(rows[i].pattern, slice_of(rows[i].path), params, &count);
        if (ok != (rows[i].param != NULL))
            fail_msg("%s %s", rows[i].pattern, rows[i].path);
        if (ok && rows[i].param[0])
            assert_slice_is(params[0], rows[i].param);
    }
}

static void every_route_is_complete(void **state)
{
    for (size_t i = 0; i < api_route_count; i++) {
        assert_non_null(api_routes[i].handle);
        assert_true(strlen(api_routes[i].summary) > 5);
        assert_int_equal(api_routes[i].pattern[0], '/');
        assert_true(api_routes[i].method <= HTTP_DELETE);
        for (size_t k = 0; k < i; k++)
            assert_false(api_routes[k].method == api_routes[i].method && api_routes[k].kind == api_routes[i].kind &&
                         strcmp(api_routes[k].pattern, api_routes[i].pattern) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_milliseconds_or_iso), cmocka_unit_test(numbers_are_clamped),
        cmocka_unit_test(meeting_ids_have_a_form), cmocka_unit_test(patterns_match_whole_paths),
        cmocka_unit_test(every_route_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
