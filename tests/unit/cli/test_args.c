/* SPDX-License-Identifier: MIT
 * test_args.c -- command-line options from a table. */
#include "cli/args.h"
#include "tests/support/test.h"

struct values {
    bool flag;
    const char *text;
    int64_t number;
    unsigned choice;
    size_t rest_count;
};

static int parse(struct values *v, const char *const *words)
{
    char *argv[12];
    const char *rest[2];
    int argc = 0;
    *v = (struct values){ .number = 7 };
    const struct arg list[] = {
        { "--flag", ARG_FLAG, NULL, "a flag", .flag = &v->flag },
        { "--text", ARG_TEXT, "TEXT", "a text", .text = &v->text },
        { "--number", ARG_NUMBER, "N", "a number", .number = &v->number, .min = 1, .max = 9 },
        { "--mode", ARG_CHOICE, "auto|manual|realtime", "one of three", .choice = &v->choice },
    };
    struct args a = { "test", list, COUNT(list), rest, COUNT(rest), 0 };
    argv[argc++] = (char *)(uintptr_t) "test";
    while (*words)
        argv[argc++] = (char *)(uintptr_t)*words++;
    int e = args_parse(&a, argc, argv);
    v->rest_count = a.rest_count;
    return e;
}
#define PARSE(v, ...) parse(v, (const char *const[]){ __VA_ARGS__, NULL })

static void options_are_read_by_kind(void **state)
{
    struct values v;
    assert_int_equal(PARSE(&v, "--flag", "--text", "hi", "--number", "9", "--mode", "realtime", "file"), 0);
    assert_true(v.flag);
    assert_string_equal(v.text, "hi");
    assert_int_equal(v.number, 9);
    assert_int_equal(v.choice, 2);
    assert_int_equal(v.rest_count, 1);
    assert_int_equal(PARSE(&v, "--mode", "auto"), 0);
    assert_int_equal(v.choice, 0);
    assert_int_equal(v.number, 7); /* what was not given stays */
}

static void mistakes_end_with_a_usage_error(void **state)
{
    struct values v;
    assert_int_equal(PARSE(&v, "--nope"), 3);
    assert_int_equal(PARSE(&v, "--text"), 3);
    assert_int_equal(PARSE(&v, "--number", "0"), 3);
    assert_int_equal(PARSE(&v, "--number", "10"), 3);
    assert_int_equal(PARSE(&v, "--number", "x"), 3);
    assert_int_equal(PARSE(&v, "--mode", "loud"), 3);
    assert_int_equal(PARSE(&v, "--mode", "real"), 3);
    assert_int_equal(PARSE(&v, "a", "b", "c"), 3);
}

static void help_ends_well(void **state)
{
    struct values v;
    assert_int_equal(PARSE(&v, "--flag", "--help", "--nope"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_by_kind),
        cmocka_unit_test(mistakes_end_with_a_usage_error),
        cmocka_unit_test(help_ends_well),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
