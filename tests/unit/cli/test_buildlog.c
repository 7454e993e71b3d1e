/* SPDX-License-Identifier: MIT
 * test_buildlog.c -- lines of build and test logs: level, phase, step; the queue and its limit. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "cli/buildlog.h"

static void each_line_gets_its_level(void **state)
{
    static const struct {
        const char *line;
        enum buildlog_level level;
    } rows[] = {
        { "main.c:12:5: error: expected ';' before 'return'", BUILDLOG_ERROR },
        { "main.c:3:9: warning: unused variable 'error' [-Wunused]", BUILDLOG_WARN },
        { "/usr/bin/ld: a.o: undefined reference to `f'", BUILDLOG_ERROR },
        { "error[E0308]: mismatched types", BUILDLOG_ERROR },
        { "Traceback (most recent call last):", BUILDLOG_ERROR },
        { "ModuleNotFoundError: No module named 'yaml'", BUILDLOG_ERROR },
        { "not ok 3 - parses the empty file", BUILDLOG_ERROR },
        { "ok 4 - the rest", BUILDLOG_INFO },
        { "--- FAIL: TestX (0.00s)\nfailed", BUILDLOG_ERROR },
        { "thread 'main' panicked at src/main.rs:2", BUILDLOG_ERROR },
        { "make: *** [Makefile:3: all] Error 2", BUILDLOG_ERROR },
        { "npm WARN deprecated left-pad@1.3.0", BUILDLOG_WARN },
        { "12 passed, 0 failed", BUILDLOG_INFO },
        { "0 errors, 0 warnings", BUILDLOG_INFO },
        { "12 passed, 3 failed", BUILDLOG_ERROR },
        { "[12/40] Compiling C object src/errors.c.o", BUILDLOG_INFO },
        { "gcc -Wall -Werror -c x.c", BUILDLOG_INFO },
        { "terrors and mirrors", BUILDLOG_INFO },
        { "", BUILDLOG_INFO },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (buildlog_level_of(slice_of(rows[i].line)) != rows[i].level)
            fail_msg("%s", rows[i].line);
}

static void phases_go_forwards_and_begin_again_after_tests(void **state)
{
    static const char log[] = "The Meson build system\n[1/4] Compiling C object a.o\n[2/4] Linking target a\n"
                              "[3/4] Compiling C object b.o\n[==========] Running 3 test(s).\n"
                              "[1/1] Compiling C object a.o\n";
    static const char *const want[] = { "configure", "compile", "link", "test", "compile" };
    auto_mem struct buildlog *w = xnew(struct buildlog);
    struct buildlog_item i;
    size_t n = 0;
    buildlog_feed(w, slice_of(log));
    while (buildlog_take(w, &i)) {
        if (i.phase)
            assert_string_equal(i.phase, want[n++]);
        buildlog_item_done(&i);
    }
    assert_int_equal(n, COUNT(want));
    buildlog_done(w);
}

static void lines_come_whole_however_they_are_cut(void **state)
{
    static const char log[] = "one\n\x1b[31merror:\x1b[0m two\r\n\n==> Tests\nthree";
    for (size_t step = 1; step < sizeof log; step++) {
        auto_mem struct buildlog *w = xnew(struct buildlog);
        struct buildlog_item i;
        for (size_t at = 0; at < sizeof log - 1; at += step)
            buildlog_feed(w, slice_sub(slice_of(log), at, step));
        buildlog_end(w);
        assert_int_equal(w->lines, 4);
        assert_true(buildlog_take(w, &i));
        assert_string_equal(i.text, "one");
        buildlog_item_done(&i);
        assert_true(buildlog_take(w, &i));
        assert_string_equal(i.text, "error: two");
        assert_int_equal(i.level, BUILDLOG_ERROR);
        buildlog_item_done(&i);
        assert_true(buildlog_take(w, &i));
        assert_string_equal(i.step, "Tests");
        buildlog_item_done(&i);
        assert_true(buildlog_take(w, &i));
        assert_string_equal(i.text, "==> Tests\nthree"); /* information is joined */
        buildlog_item_done(&i);
        assert_false(buildlog_take(w, &i));
        buildlog_done(w);
    }
}

static void a_log_that_is_too_fast_loses_information_but_no_errors(void **state)
{
    auto_mem struct buildlog *w = xnew(struct buildlog);
    struct buildlog_item i;
    unsigned errors = 0;
    for (int n = 0; n < 2000; n++)
        buildlog_feed(w, n % 10 ? SLICE("just a line\n") : SLICE("x.c:1: error: broken\n"));
    assert_int_equal(w->count, BUILDLOG_QUEUE_MAX);
    assert_int_equal(w->dropped, 2000 - BUILDLOG_QUEUE_MAX);
    while (buildlog_take(w, &i)) {
        errors += i.level == BUILDLOG_ERROR;
        buildlog_item_done(&i);
    }
    assert_int_equal(errors, 200);
    buildlog_done(w);
}

static void a_line_without_end_is_bounded(void **state)
{
    auto_mem struct buildlog *w = xnew(struct buildlog);
    for (int n = 0; n < 10000; n++)
        buildlog_feed(w, SLICE("0123456789"));
    assert_true(w->partial.len < 8192);
    buildlog_done(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_gets_its_level), cmocka_unit_test(phases_go_forwards_and_begin_again_after_tests),
        cmocka_unit_test(lines_come_whole_however_they_are_cut),
        cmocka_unit_test(a_log_that_is_too_fast_loses_information_but_no_errors),
        cmocka_unit_test(a_line_without_end_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
