/* SPDX-License-Identifier: MIT */
#include "dialogue/phrases.h"
#include "dialogue/prompt.h"
#include "tests/support/test.h"

static const struct prompt_facts facts = {
    .base = { "You are P.", 10 }, .device_id = "aa:bb", .board = "box", .language = "en-US",
    .wall_ms = 1769860800000, /* 2026-01-31T12:00:00Z, a Saturday */ .zone_minutes = 60,
};

static void variables_are_filled_in(void **state)
{
    static const struct { const char *text, *want; } rows[] = {
        { "{{base_prompt}}", "You are P." },
        { "{{ base_prompt }}!", "You are P.!" },
        { "{{today_date}} {{today_weekday}} {{current_time}}", "2026-01-31 Saturday 13:00" },
        { "{{device_id}} {{board}} {{language}}", "aa:bb box en-US" },
        { "a{{unknown}}b", "ab" },
        { "a{{b", "a{{b" },
        { "a}}b", "a}}b" },
        { "{{}}x", "x" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        struct prompt_facts f = facts;
        f.template_text = slice_of(rows[i].text);
        prompt_put(&out, &f);
        assert_string_equal(out.data, rows[i].want);
    }
}

static void the_base_may_have_variables_but_not_itself(void **state)
{
    auto_buf struct buf out = { 0 };
    struct prompt_facts f = facts;
    f.base = SLICE("In {{language}} {{base_prompt}}.");
    f.template_text = SLICE("[{{base_prompt}}]");
    prompt_put(&out, &f);
    assert_string_equal(out.data, "[In en-US .]");
}

static void what_is_remembered_is_put_as_it_is_and_once(void **state)
{
    auto_buf struct buf out = { 0 };
    struct prompt_facts f = facts;
    f.memory = SLICE("likes {{device_id}}");
    f.template_text = SLICE("x");
    prompt_put(&out, &f);
    assert_non_null(strstr(out.data, "likes {{device_id}}"));
    buf_clear(&out);
    f.template_text = SLICE("<{{memory}}>");
    prompt_put(&out, &f);
    assert_string_equal(out.data, "<likes {{device_id}}>");
}

static void the_built_in_template_speaks_the_devices_language(void **state)
{
    auto_buf struct buf out = { 0 };
    struct prompt_facts f = facts;
    prompt_put(&out, &f);
    assert_non_null(strstr(out.data, "Saturday"));
    buf_clear(&out);
    f.language = "zh-CN";
    prompt_put(&out, &f);
    assert_non_null(strstr(out.data, "星期六"));
}

static void phrases_are_compared_by_what_is_said(void **state)
{
    static const char *const words[] = { "退出", "good bye", "你好小智" };
    const struct conf_list list = { words, COUNT(words) };
    static const struct { const char *text; bool is; } rows[] = {
        { "退出", true }, { "退出。", true }, { " 退 出！", true }, { "退出吧", false }, { "Good-bye!", true },
        { "GOODBYE", true }, { "goodby", false }, { "你好，小智", true }, { "", false }, { "。。。", false },
        { "\xF0\x9F\x98\x8A退出", true },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (phrase_is(slice_of(rows[i].text), &list) != rows[i].is)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_filled_in),
        cmocka_unit_test(the_base_may_have_variables_but_not_itself),
        cmocka_unit_test(what_is_remembered_is_put_as_it_is_and_once),
        cmocka_unit_test(the_built_in_template_speaks_the_devices_language),
        cmocka_unit_test(phrases_are_compared_by_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
