/* SPDX-License-Identifier: MIT
 * test_insight.c -- a build's log, read for a person. */
#include "tests/support/test.h"

#include "modes/insight.h"

static void the_ring_keeps_the_newest_lines(void **state)
{
    struct insight_log g;
    char text[32];
    insight_log_init(&g, 10, 512);
    for (int i = 0; i < 25; i++) {
        snprintf(text, sizeof(text), "line %d", i);
        assert_false(insight_log_put(&g, LEVEL_INFO, slice_of(text)));
    }
    struct buf out = {0};
    insight_log_prompt(&g, 1000, &out);
    assert_non_null(strstr(out.data, "line 24"));
    assert_non_null(strstr(out.data, "line 15"));
    assert_null(strstr(out.data, "line 14"));
    buf_clear(&out);
    insight_log_prompt(&g, 40, &out);
    assert_non_null(strstr(out.data, "line 24"));
    assert_null(strstr(out.data, "line 21"));
    insight_log_clear(&g);
    assert_int_equal(g.count, 0);
    buf_done(&out);
    insight_log_done(&g);
}

static void lines_are_cleaned_and_cut(void **state)
{
    struct insight_log g;
    insight_log_init(&g, 10, 64);
    assert_false(insight_log_put(&g, LEVEL_WARN, SLICE("  ```c\n int   x;\t``` ")));
    assert_string_equal(g.lines[0].text, "c int x;");
    char text[200];
    memset(text, 'e', sizeof(text));
    assert_true(insight_log_put(&g, LEVEL_ERROR, slice_from(text, sizeof(text))));
    assert_int_equal(strlen(g.lines[1].text), 64);
    assert_int_equal(g.errors, 1);
    assert_int_equal(g.warnings, 1);
    insight_log_done(&g);
}

static void heuristics_name_what_went_wrong(void **state)
{
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"ImportError: no module named x", "missing"},
        {"ld: undefined reference to `f'", "symbol"},
        {"c++: fatal error: Killed, out of memory", "memory"},
        {"request timed out after 30 s", "too long"},
        {"connect: connection refused", "reachable"},
        {"write: No space left on device", "disk"},
        {"main.c:3: syntax error before x", "syntax"},
        {"3 tests failed", "Tests failed"},
        {"ninja: build stopped: subcommand failed", "build failed"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct insight_log g;
        struct insight s;
        insight_log_init(&g, 10, 512);
        insight_init(&s, 5, 6);
        insight_log_put(&g, LEVEL_ERROR, slice_of(rows[i].line));
        insight_guess(&s, &g);
        bool found = false;
        for (unsigned k = 0; k < s.counts[INSIGHT_INSIGHTS]; k++)
            found = found || strstr(s.items[INSIGHT_INSIGHTS][k], rows[i].want);
        if (!found)
            fail_msg("%s", rows[i].line);
        insight_done(&s);
        insight_log_done(&g);
    }
}

static void nothing_to_say_is_empty(void **state)
{
    struct insight_log g;
    struct insight s;
    insight_log_init(&g, 10, 512);
    insight_init(&s, 5, 6);
    insight_log_put(&g, LEVEL_INFO, SLICE("compiling a.c"));
    insight_log_put(&g, LEVEL_INFO, SLICE("tests: 12 passed, 0 failed"));
    insight_guess(&s, &g);
    assert_true(insight_is_empty(&s));
    insight_log_done(&g);
}

static void a_models_answer_is_read_and_capped(void **state)
{
    struct insight s;
    insight_init(&s, 5, 6);
    assert_true(insight_read(
        &s,
        SLICE("ok "
              "{\"insights\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],\"risks\":[\"1\",\"2\",\"3\",\"4\",\"5\"],"
              "\"actions\":\"x\",\"nextSteps\":[7,null]} bye")));
    assert_int_equal(s.counts[INSIGHT_INSIGHTS], 5);
    assert_int_equal(s.counts[INSIGHT_RISKS], 4);
    assert_int_equal(s.counts[INSIGHT_ACTIONS], 1);
    assert_int_equal(s.counts[INSIGHT_NEXT], 0);
    insight_done(&s);
    assert_false(insight_read(&s, SLICE("sorry")));
    assert_false(insight_read(&s, SLICE("")));
    assert_true(insight_is_empty(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ring_keeps_the_newest_lines),    cmocka_unit_test(lines_are_cleaned_and_cut),
        cmocka_unit_test(heuristics_name_what_went_wrong),    cmocka_unit_test(nothing_to_say_is_empty),
        cmocka_unit_test(a_models_answer_is_read_and_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
