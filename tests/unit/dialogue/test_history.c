/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/mem.h"
#include "dialogue/history.h"
#include "tests/support/test.h"

static void tokens_are_estimated_by_script(void **state)
{
    assert_int_equal(history_tokens_of(SLICE("")), 0);
    assert_int_equal(history_tokens_of(SLICE("abcd")), 1);
    assert_int_equal(history_tokens_of(SLICE("abcde")), 2);
    assert_int_equal(history_tokens_of(SLICE("你好世界")), 4);
}

static void messages_stand_in_order_behind_the_system_prompt(void **state)
{
    struct history h = { 0 };
    size_t n;
    history_add(&h, LLM_USER, SLICE("question"));
    history_add_calls(&h, SLICE(""), SLICE("[{\"id\":\"1\",\"name\":\"t\",\"arguments\":\"{}\"}]"));
    history_add_result(&h, SLICE("1"), SLICE("result"));
    history_add(&h, LLM_ASSISTANT, SLICE("answer"));
    auto_mem struct llm_message *m = history_messages(&h, SLICE("system"), &n);
    static const enum llm_role roles[] = { LLM_SYSTEM, LLM_USER, LLM_ASSISTANT, LLM_TOOL, LLM_ASSISTANT };
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(m[i].role, roles[i]);
    assert_slice_is(m[3].tool_call_id, "1");
    assert_slice_is(m[4].text, "answer");
    auto_mem struct llm_message *bare = history_messages(&h, (struct slice){ 0 }, &n);
    assert_int_equal(n, 4);
    assert_int_equal(bare[0].role, LLM_USER);
    history_done(&h);
}

static void the_oldest_turns_go_when_the_budget_is_used_up(void **state)
{
    struct history h = { .tokens_max = 100 };
    for (int i = 0; i < 50; i++) {
        auto_mem char *text = xprintf("question number %d", i);
        history_add(&h, LLM_USER, slice_of(text));
        history_add(&h, LLM_ASSISTANT, SLICE("an answer"));
        history_trim(&h);
        assert_true(h.tokens <= 100);
        assert_int_equal(h.entries[0].role, LLM_USER);
    }
    assert_string_equal(h.entries[h.count - 2].text, "question number 49");
    assert_true(h.count >= 6);
    history_done(&h);
    assert_int_equal(h.tokens, 0);
}

static void one_turn_larger_than_the_budget_stays(void **state)
{
    struct history h = { .tokens_max = 10 };
    auto_mem char *text = xalloc(5001);
    memset(text, 'x', 5000);
    history_add(&h, LLM_USER, slice_of(text));
    history_trim(&h);
    assert_int_equal(h.count, 1);
    history_done(&h);
}

static void results_of_earlier_turns_are_shortened(void **state)
{
    struct history h = { 0 };
    auto_mem char *text = xalloc(5001);
    memset(text, 'x', 5000);
    history_add(&h, LLM_USER, SLICE("q"));
    history_add_result(&h, SLICE("1"), slice_of(text));
    unsigned before = h.tokens;
    history_trim(&h);
    assert_true(strlen(h.entries[1].text) <= HISTORY_RESULT_OLD_BYTES + 4);
    assert_true(h.tokens < before / 5);
    history_done(&h);
}

static void entries_and_their_length_are_bounded(void **state)
{
    struct history h = { .tokens_max = 1000000 };
    auto_mem char *text = xalloc(100001);
    memset(text, 'x', 100000);
    history_add(&h, LLM_USER, slice_of(text));
    assert_int_equal(strlen(h.entries[0].text), HISTORY_ENTRY_MAX_BYTES);
    for (int i = 0; i < 1000; i++)
        history_add(&h, i % 7 ? LLM_ASSISTANT : LLM_USER, SLICE("x"));
    assert_true(h.count <= HISTORY_ENTRIES_MAX);
    for (int i = 0; i < 1000; i++)
        history_add(&h, LLM_ASSISTANT, SLICE("x"));
    assert_true(h.count <= HISTORY_ENTRIES_MAX);
    history_done(&h);
}

static void the_memory_gets_what_both_said_and_no_tools(void **state)
{
    struct history h = { 0 };
    auto_buf struct buf out = { 0 };
    assert_false(history_json(&h, &out));
    buf_clear(&out);
    history_add(&h, LLM_ASSISTANT, SLICE("hello"));
    assert_false(history_json(&h, &out));
    buf_clear(&out);
    history_add(&h, LLM_USER, SLICE("say \"hi\""));
    history_add_calls(&h, SLICE(""), SLICE("[]"));
    history_add_result(&h, SLICE("1"), SLICE("secret"));
    assert_true(history_json(&h, &out));
    assert_string_equal(out.data, "[{\"role\":\"assistant\",\"content\":\"hello\"},"
                                  "{\"role\":\"user\",\"content\":\"say \\\"hi\\\"\"}]");
    history_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_estimated_by_script),
        cmocka_unit_test(messages_stand_in_order_behind_the_system_prompt),
        cmocka_unit_test(the_oldest_turns_go_when_the_budget_is_used_up),
        cmocka_unit_test(one_turn_larger_than_the_budget_stays),
        cmocka_unit_test(results_of_earlier_turns_are_shortened),
        cmocka_unit_test(entries_and_their_length_are_bounded),
        cmocka_unit_test(the_memory_gets_what_both_said_and_no_tools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
