/* SPDX-License-Identifier: MIT
 * test_rules.c -- the table of local answers: form, patterns, numbers, sums. */
#include "tests/support/test.h"

#include "providers/rules.h"

static struct rules *table(void)
{
    struct rules *r = NULL;
    struct err_note note = { 0 };
    if (rules_parse(&r, slice_of(rules_default_yaml), &note))
        fail_msg("%s", note.text);
    return r;
}

static void the_built_in_table_is_the_shipped_file(void **state)
{
    const char *source = getenv("PARLEY_SOURCE");
    char path[512];
    snprintf(path, sizeof(path), "%s/share/rules.yaml", source ? source : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, RULES_BYTES_MAX);
    assert_true(fread(text, 1, RULES_BYTES_MAX - 1, f) > 0);
    fclose(f);
    assert_string_equal(text, rules_default_yaml); /* else: tools/embed.py share/rules.yaml rules_default */
    free(text);
}

static void what_people_say_finds_its_rule(void **state)
{
    static const struct {
        const char *heard, *rule;
    } rows[] = {
        { "what time is it", "time" }, { "What time is it?", "time" }, { "What's the time, please?", "time" },
        { "tell me the time", "time" }, { "现在几点了？", "time" }, { "几点", "time" },
        { "what day is it today", "date" }, { "what is the date", "date" }, { "今天几号", "date" },
        { "今天星期几？", "date" }, { "two plus three", "sum" }, { "what is 12*7", "sum" },
        { "How much is 12 times 7?", "sum" }, { "三加五", "sum" }, { "十二乘以三等于多少", "sum" },
        { "repeat after me the sky is blue", "repeat" }, { "跟我说今天天气真好", "repeat" },
        { "goodbye", "goodbye" }, { "Good bye!", "goodbye" }, { "再见", "goodbye" }, { "bye", "goodbye" },
        { "stop", "stop" }, { "Stop!", "stop" }, { "be quiet please", "stop" }, { "别说了", "stop" },
        { "set the volume to fifty", "volume_set" }, { "volume 30", "volume_set" }, { "音量调到六十", "volume_set" },
        { "louder please", "volume_up" }, { "turn it up", "volume_up" }, { "声音大一点", "volume_up" },
        { "quieter", "volume_down" }, { "turn the volume down", "volume_down" }, { "小声点", "volume_down" },
        { "who are you", "who" }, { "what's your name", "who" }, { "你叫什么名字", "who" },
        { "help", "help" }, { "what can you do", "help" }, { "你会做什么呀", "help" },
        { "tell me a joke", "joke" }, { "讲个笑话", "joke" }, { "thank you very much", "thanks" },
        { "谢谢你", "thanks" }, { "hello", "greeting" }, { "Hello there", "greeting" }, { "你好", "greeting" },
        { "good morning", "greeting" }, { "how are you", "how_are_you" },
        { "explain quantum field theory", "otherwise" }, { "量子力学是什么", "otherwise" },
        { "", "otherwise" }, { "the bus stop is near", "otherwise" }, { "timeless", "otherwise" },
    };
    struct rules *r = table();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h;
        struct match m;
        heard_read(&h, slice_of(rows[i].heard));
        assert_true(rules_match(r, &h, &m));
        if (strcmp(m.rule->name, rows[i].rule) != 0)
            fail_msg("\"%s\": %s, not %s", rows[i].heard, m.rule->name, rows[i].rule);
    }
    rules_free(r);
}

static void sums_are_understood_in_words_signs_and_digits(void **state)
{
    static const struct {
        const char *heard, *result;
    } rows[] = {
        { "two plus three", "5" }, { "12*7", "84" }, { "12 * 7", "84" }, { "12x7", "84" }, { "三加五", "8" },
        { "what is 2 + 3 * 4", "14" }, { "ten minus four minus three", "3" }, { "7 divided by 2", "3.5" },
        { "10 / 4", "2.5" }, { "twenty one times two", "42" }, { "twenty-one times two", "42" },
        { "one hundred and five plus one", "106" }, { "a thousand minus one", "999" }, { "三百零五减五", "300" },
        { "十二乘以三等于多少", "36" }, { "一百除以四", "25" }, { "两百加一", "201" }, { "一万二千减一", "11999" },
        { "3.5 plus 1.25", "4.75" }, { "three point five times two", "7" }, { "三点五加一", "4.5" },
        { "5 - 8", "-3" }, { "1 / 3", "0.3333" }, { "6 ÷ 3", "2" }, { "6 × 3", "18" },
        { "two thousand three hundred plus seven", "2307" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h;
        double result = 0;
        unsigned used = 0;
        auto_buf struct buf text = { 0 };
        heard_read(&h, slice_of(rows[i].heard));
        for (unsigned at = 0; at < h.count && !used; at++)
            used = sum_read(&h, at, &result);
        if (!used)
            fail_msg("\"%s\" is no sum", rows[i].heard);
        number_print(&text, result);
        if (!slice_is(buf_slice(&text), rows[i].result))
            fail_msg("\"%s\": %s, not %s", rows[i].heard, text.data, rows[i].result);
    }
}

static void what_is_no_sum_is_none(void **state)
{
    static const char *const rows[] = { "five", "5 / 0", "plus", "one two three", "3 +", "+ 3", "chapter 5 section 2" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h;
        double result;
        heard_read(&h, slice_of(rows[i]));
        for (unsigned at = 0; at < h.count; at++)
            assert_int_equal(sum_read(&h, at, &result), 0);
    }
}

static void the_rest_keeps_its_own_spelling(void **state)
{
    struct rules *r = table();
    struct heard h;
    struct match m;
    heard_read(&h, SLICE("Repeat after me: The Sky, it is BLUE!"));
    assert_true(rules_match(r, &h, &m));
    assert_slice_is(m.rest, "The Sky, it is BLUE!");
    rules_free(r);
}

static void a_broken_table_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *yaml, *reason;
    } rows[] = {
        { "", "line 1" }, { "rules: 5", "rules" }, { "rules:\n  - 5\n", "line 2: a rule is a map" },
        { "rules:\n  - {name: a, say: {en: [x]}}\n", "without `when`" },
        { "rules:\n  - {name: a, when: [x]}\n", "nothing to say" },
        { "rules:\n  - {when: [[x]], say: {en: y}}\n", "a text is wanted" },
        { "rules:\n  - {when: x, say: {en: y}, step: many}\n", "step" },
        { "rules: [", "line" }, { "a: &x [1]\nb: *x\n", "aliases" },
        { "[[[[[[[[[[[[1]]]]]]]]]]]]", "too deep" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rules *r = NULL;
        struct err_note note = { 0 };
        assert_int_equal(rules_parse(&r, slice_of(rows[i].yaml), &note), ERR_INVALID);
        assert_null(r);
        if (!strstr(note.text, rows[i].reason))
            fail_msg("row %zu says: %s", i, note.text);
    }
}

static void language_is_that_of_the_words(void **state)
{
    assert_int_equal(rules_language_of(SLICE("hello"), RULES_ZH), RULES_EN);
    assert_int_equal(rules_language_of(SLICE("播放 hello"), RULES_EN), RULES_ZH);
    assert_int_equal(rules_language_of(SLICE("12 + 7"), RULES_ZH), RULES_ZH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_table_is_the_shipped_file),
        cmocka_unit_test(what_people_say_finds_its_rule),
        cmocka_unit_test(sums_are_understood_in_words_signs_and_digits),
        cmocka_unit_test(what_is_no_sum_is_none),
        cmocka_unit_test(the_rest_keeps_its_own_spelling),
        cmocka_unit_test(a_broken_table_is_refused_with_its_line),
        cmocka_unit_test(language_is_that_of_the_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
