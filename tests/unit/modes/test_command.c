/* SPDX-License-Identifier: MIT
 * test_command.c -- what utterances order, in both languages. */
#include "tests/support/test.h"

#include "modes/command.h"

static void modes_are_entered_and_left_by_voice(void **state)
{
    static const struct {
        const char *text;
        enum command_kind kind;
        const char *mode;
    } rows[] = {
        {"进入工作模式", COMMAND_ENTER, "working"},
        {"工作模式", COMMAND_ENTER, "working"},
        {"请切到工作模式。", COMMAND_ENTER, "working"},
        {"切换到工作模式吧", COMMAND_ENTER, "working"},
        {"Workflow mode", COMMAND_ENTER, "working"},
        {"switch to working mode please", COMMAND_ENTER, "working"},
        {"Enter working mode!", COMMAND_ENTER, "working"},
        {"退出工作模式", COMMAND_LEAVE, "working"},
        {"离开工作模式", COMMAND_LEAVE, "working"},
        {"不要进入工作模式", COMMAND_LEAVE, "working"},
        {"别切到工作模式", COMMAND_LEAVE, "working"},
        {"leave working mode", COMMAND_LEAVE, "working"},
        {"don't switch to working mode", COMMAND_LEAVE, "working"},
        {"don\xe2\x80\x99t enter working mode", COMMAND_LEAVE, "working"},
        {"stop working mode", COMMAND_LEAVE, "working"},
        {"开始会议", COMMAND_ENTER, "meeting"},
        {"进入会议模式", COMMAND_ENTER, "meeting"},
        {"start the meeting", COMMAND_ENTER, "meeting"},
        {"特别想进入工作模式", COMMAND_ENTER, "working"},
        {"今天天气怎么样", COMMAND_NONE, NULL},
        {"I am working", COMMAND_NONE, NULL},
        {"", COMMAND_NONE, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command c = command_mode(slice_of(rows[i].text));
        if (c.kind != rows[i].kind)
            fail_msg("%s: %s", rows[i].text, command_name(c.kind));
        if (rows[i].mode)
            assert_string_equal(c.mode, rows[i].mode);
    }
}

static void task_commands_with_and_without_a_number(void **state)
{
    static const struct {
        const char *text;
        enum command_kind kind;
        unsigned ordinal;
    } rows[] = {
        {"认领任务", COMMAND_ASSIGN, 0},
        {"领取第一个任务", COMMAND_ASSIGN, 1},
        {"第二条我来做", COMMAND_ASSIGN, 2},
        {"接手第十二个", COMMAND_ASSIGN, 12},
        {"没问题，我来做", COMMAND_ASSIGN, 0},
        {"assign task three to me", COMMAND_ASSIGN, 3},
        {"claim the second task", COMMAND_ASSIGN, 2},
        {"Claim task 7.", COMMAND_ASSIGN, 7},
        {"完成任务", COMMAND_COMPLETE, 0},
        {"完成第二个任务", COMMAND_COMPLETE, 2},
        {"任务一完成了", COMMAND_COMPLETE, 1},
        {"第二十三条搞定了", COMMAND_COMPLETE, 23},
        {"第3个做完了", COMMAND_COMPLETE, 3},
        {"办完工作", COMMAND_COMPLETE, 0},
        {"mark done", COMMAND_COMPLETE, 0},
        {"mark task 2 done", COMMAND_COMPLETE, 2},
        {"mark the first one done", COMMAND_NONE, 0},
        {"mark the 3rd task as done", COMMAND_COMPLETE, 3},
        {"刷新列表", COMMAND_REFRESH, 0},
        {"刷新", COMMAND_REFRESH, 0},
        {"拉取任务", COMMAND_REFRESH, 0},
        {"refresh please", COMMAND_REFRESH, 0},
        {"update the list", COMMAND_REFRESH, 0},
        {"pull", COMMAND_REFRESH, 0},
        /* what must not be a command */
        {"我接受不了", COMMAND_NONE, 0},
        {"还没做完了", COMMAND_NONE, 0},
        {"我不接受第一个任务", COMMAND_NONE, 0},
        {"do not mark it done", COMMAND_NONE, 0},
        {"don't claim task two", COMMAND_NONE, 0},
        {"the pull request is open", COMMAND_NONE, 0},
        {"wait ten seconds", COMMAND_NONE, 0},
        {"refreshing drinks", COMMAND_NONE, 0},
        {"今天星期几", COMMAND_NONE, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command c = command_task(slice_of(rows[i].text));
        if (c.kind != rows[i].kind || c.ordinal != rows[i].ordinal)
            fail_msg("%s: %s %u", rows[i].text, command_name(c.kind), c.ordinal);
    }
}

static void ordinals_in_both_languages(void **state)
{
    static const struct {
        const char *text;
        unsigned n;
    } rows[] = {
        {"第一个", 1}, {"第两条", 2},  {"第十", 10},   {"第十一", 11},    {"第二十", 20}, {"第九十九个", 99},
        {"任务三", 3}, {"任务12", 12}, {"first", 1},   {"the tenth", 10}, {"task 4", 4},  {"task four", 4},
        {"5", 5},      {"42", 42},     {"123", 0},     {"seconds", 0},    {"第", 0},      {"任务", 0},
        {"", 0},       {"0", 0},       {"第100个", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned n = command_ordinal(slice_of(rows[i].text));
        if (n != rows[i].n)
            fail_msg("%s: %u", rows[i].text, n);
    }
}

static void a_meeting_ends_by_its_words(void **state)
{
    assert_true(command_finalizes(SLICE("好，结束会议。"), NULL, 0));
    assert_true(command_finalizes(SLICE("出个纪要吧"), NULL, 0));
    assert_true(command_finalizes(SLICE("Please end the meeting"), NULL, 0));
    assert_true(command_finalizes(SLICE("stop recording"), NULL, 0));
    assert_false(command_finalizes(SLICE("先不要结束会议"), NULL, 0));
    assert_false(command_finalizes(SLICE("don't end the meeting yet"), NULL, 0));
    assert_false(command_finalizes(SLICE("the meeting ends at five"), NULL, 0));
    struct slice own[] = {SLICE("that is all"), SLICE("散会")};
    assert_true(command_finalizes(SLICE("That is all."), own, 2));
    assert_true(command_finalizes(SLICE("散会"), own, 2));
    assert_false(command_finalizes(SLICE("结束会议"), own, 2));
}

static void a_long_or_broken_text_is_no_command(void **state)
{
    char text[COMMAND_TEXT_MAX + 2];
    memset(text, 'a', sizeof(text));
    assert_int_equal(command_task(slice_from(text, sizeof(text))).kind, COMMAND_NONE);
    assert_int_equal(command_task(SLICE("\xff\xfe\xe5\xae")).kind, COMMAND_NONE);
    for (size_t i = 0; i < COMMAND_TEXT_MAX; i++)
        text[i] = i % 2 ? ' ' : 'a';
    assert_int_equal(command_task(slice_from(text, COMMAND_TEXT_MAX)).kind, COMMAND_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_entered_and_left_by_voice),
        cmocka_unit_test(task_commands_with_and_without_a_number),
        cmocka_unit_test(ordinals_in_both_languages),
        cmocka_unit_test(a_meeting_ends_by_its_words),
        cmocka_unit_test(a_long_or_broken_text_is_no_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
