/* SPDX-License-Identifier: MIT
 * test_script.c -- .talk files read; patterns matched. */
#include "cli/script.h"
#include "tests/support/test.h"

static struct script script; /* large; one test at a time */

static enum err parse(const char *text)
{
    struct err_note note = { 0 };
    script_done(&script);
    enum err e = script_parse(&script, slice_of(text), &note);
    assert_int_equal(e != OK, note.text[0] != '\0');
    return e;
}

static int teardown(void **state)
{
    script_done(&script);
    return 0;
}

static void every_kind_of_line_is_read(void **state)
{
    static const struct {
        const char *line;
        enum script_op op;
        uint64_t ms, within_ms;
    } rows[] = {
        { "given asr \"hi there\"", OP_GIVEN, 0, 0 },
        { "open", OP_OPEN, 0, 0 },
        { "> {\"type\":\"hello\"}", OP_SEND, 0, 0 },
        { "> text hello there", OP_SEND, 0, 0 },
        { "> audio 1200ms tone", OP_SEND_AUDIO, 1200, 0 },
        { "> packet 0a0b", OP_SEND_PACKET, 0, 0 },
        { "> binary 0a0b", OP_SEND_BINARY, 0, 0 },
        { "> close", OP_CLOSE, 0, 0 },
        { "< {\"type\":\"stt\", ...} within 500ms", OP_EXPECT, 0, 500 },
        { "< {\"type\":\"stt\",\"text\":\" within 5ms\"}", OP_EXPECT, 0, 0 },
        { "< some {\"type\":\"tts\", ...}", OP_EXPECT_SOME, 0, 0 },
        { "< audio", OP_EXPECT_AUDIO, 1, 0 },
        { "< audio within 300ms", OP_EXPECT_AUDIO, 1, 300 },
        { "< audio >= 2s within 4s", OP_EXPECT_AUDIO, 2000, 4000 },
        { "< no audio for 500ms", OP_NO_AUDIO, 500, 0 },
        { "< no {\"type\":\"stt\", ...} for 1s", OP_EXPECT_NO, 1000, 0 },
        { "< nothing for 50ms", OP_NOTHING, 50, 0 },
        { "< close", OP_EXPECT_CLOSE, 0, 0 },
        { "< close 1008 within 1s", OP_EXPECT_CLOSE, 0, 1000 },
        { "advance 5s", OP_ADVANCE, 5000, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_ok(parse(rows[i].line));
        assert_int_equal(script.count, 1);
        assert_int_equal(script.lines[0].op, rows[i].op);
        assert_int_equal(script.lines[0].ms, rows[i].ms);
        assert_int_equal(script.lines[0].within_ms, rows[i].within_ms);
    }
}

static void comments_and_empty_lines_count_as_lines(void **state)
{
    assert_ok(parse("# one\n\n  \nopen\n"));
    assert_int_equal(script.count, 1);
    assert_int_equal(script.lines[0].number, 4);
}

static void mistakes_name_their_line(void **state)
{
    static const char *const rows[] = {
        "hello",        "<",           "< what",         "< {\"a\":}",  "< [1]", "> audio fast tone", "< audio > 5",
        "< no audio",   "advance",     "advance soon",   "given",       ">",     "< close now",       "< nothing",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err_note note = { 0 };
        auto_buf struct buf text = { 0 };
        buf_printf(&text, "open\n%s\n", rows[i]);
        script_done(&script);
        if (script_parse(&script, buf_slice(&text), &note) != ERR_INVALID)
            fail_msg("row %zu was understood", i);
        assert_true(strncmp(note.text, "line 2: ", 8) == 0);
    }
}

static void patterns_match_as_told(void **state)
{
    static const struct {
        const char *pattern, *message;
        bool is_match;
    } rows[] = {
        { "{\"type\":\"a\"}", "{\"type\":\"a\"}", true },
        { "{\"type\":\"a\"}", "{\"type\":\"a\",\"b\":1}", false },
        { "{\"type\":\"a\",...}", "{\"type\":\"a\",\"b\":1}", true },
        { "{\"type\":\"a\",\"b\":1}", "{\"type\":\"a\"}", false },
        { "{\"a\":{\"b\":2,...}}", "{\"a\":{\"b\":2,\"c\":3}}", true },
        { "{\"a\":[1,2]}", "{\"a\":[1,2]}", true },
        { "{\"a\":[1,2]}", "{\"a\":[1]}", false },
        { "{\"a\":true}", "{\"a\":false}", false },
        { "{\"a\":\"1\"}", "{\"a\":1}", false },
        { "{\"a\":null}", "{\"a\":null}", true },
        { "{\"a\":$_}", "{\"a\":{\"any\":1}}", true },
        { "{\"a\":$_}", "{}", false },
        { "{\"a\":$x,\"b\":$x}", "{\"a\":\"s\",\"b\":\"s\"}", true },
        { "{\"a\":$x,\"b\":$x}", "{\"a\":\"s\",\"b\":\"t\"}", false },
        { "{\"a\":$known}", "{\"a\":\"old\"}", true },
        { "{\"a\":$known}", "{\"a\":\"new\"}", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf line = { 0 };
        auto_json struct json *message = NULL;
        struct script_vars vars = { 0 };
        buf_printf(&line, "< %s", rows[i].pattern);
        assert_ok(parse(line.data));
        assert_ok(json_parse(&message, slice_of(rows[i].message), NULL));
        assert_true(script_var_set(&vars, SLICE("known"), SLICE("old")));
        if (script_match(script.lines[0].pattern, message, &vars, NULL) != rows[i].is_match)
            fail_msg("row %zu", i);
        if (!rows[i].is_match)
            assert_int_equal(vars.count, 1); /* nothing is captured by a failure */
    }
}

static void captured_values_are_filled_in(void **state)
{
    struct script_vars vars = { 0 };
    auto_buf struct buf out = { 0 };
    assert_true(script_var_set(&vars, SLICE("sid"), SLICE("5f0c")));
    assert_ok(script_fill(&out, SLICE("{\"session_id\":\"$sid\"}"), &vars));
    assert_string_equal(out.data, "{\"session_id\":\"5f0c\"}");
    assert_int_equal(script_fill(&out, SLICE("$nope"), &vars), ERR_NOT_FOUND);
}

static void words_may_be_quoted(void **state)
{
    struct slice rest = SLICE("asr \"what time\" plain \"a \\\"b\\\"\\n\"");
    static const char *const want[] = { "asr", "what time", "plain", "a \"b\"\n" };
    for (size_t i = 0; i < COUNT(want); i++) {
        auto_buf struct buf word = { 0 };
        assert_true(script_word(&rest, &word));
        assert_string_equal(word.data, want[i]);
    }
    auto_buf struct buf none = { 0 };
    assert_false(script_word(&rest, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_kind_of_line_is_read, teardown),
        cmocka_unit_test_teardown(comments_and_empty_lines_count_as_lines, teardown),
        cmocka_unit_test_teardown(mistakes_name_their_line, teardown),
        cmocka_unit_test_teardown(patterns_match_as_told, teardown),
        cmocka_unit_test_teardown(captured_values_are_filled_in, teardown),
        cmocka_unit_test_teardown(words_may_be_quoted, teardown),
    };
    return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
