/* SPDX-License-Identifier: MIT
 * test_tell.c -- which utterances are messages for somebody, and what they say. */
#include "tests/support/test.h"

#include "modes/tell.h"

static void a_message_is_found_behind_the_name(void **state)
{
    static const struct {
        const char *utterance, *name, *text; /* text NULL: no message for that name */
    } rows[] = {
        { "Tell Ben that dinner is ready.", "Ben", "dinner is ready." },
        { "tell ben dinner is ready", "Ben", "dinner is ready" },
        { "Please tell Ben, I am late", "Ben", "I am late" },
        { "send a message to Anna: come down", "Anna", "come down" },
        { "Leave a message for Anna saying the key is under the mat", "anna", "the key is under the mat" },
        { "message Anna on my way", "Anna", "on my way" },
        { "tell living room lights out", "living room", "lights out" },
        { "告诉小明，晚饭好了", "小明", "晚饭好了" },
        { "请告诉小明晚饭好了", "小明", "晚饭好了" },
        { "给小明发消息说晚饭好了", "小明", "晚饭好了" },
        { "给小明留言：钥匙在门口", "小明", "钥匙在门口" },
        { "跟小明说我马上到", "小明", "我马上到" },
        { "转告Ben我马上到", "Ben", "我马上到" },
        { "tell Benjamin dinner is ready", "Ben", NULL }, /* somebody else */
        { "tell me about Ben", "Ben", NULL },
        { "Ben tell me a story", "Ben", NULL },
        { "tell Ben", "Ben", NULL }, /* what? */
        { "tell Ben that ...", "Ben", NULL },
        { "给小明买一个蛋糕", "小明", NULL },
        { "跟小明一起去", "小明", NULL },
        { "what did Ben tell you", "Ben", NULL },
        { "tell Ben something", "", NULL },
        { "", "Ben", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = { 0 };
        bool is_one = tell_read(slice_of(rows[i].utterance), rows[i].name, &text);
        if (is_one != (rows[i].text != NULL))
            fail_msg("%s", rows[i].utterance);
        if (is_one)
            assert_slice_is(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_found_behind_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
