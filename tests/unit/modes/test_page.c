/* SPDX-License-Identifier: MIT
 * test_page.c -- pages and controls as data: what passes, what is cut, what is refused. */
#include "tests/support/test.h"

#include "base/utf8.h"
#include "modes/page.h"

#define WATER "\xe6\xb0\xb4" /* one full-width character */

static struct json *parsed(const char *text)
{
    struct json *j = NULL;
    if (json_parse(&j, slice_of(text), NULL))
        fail_msg("not JSON: %s", text);
    return j;
}

static void texts_are_cut_at_characters_and_at_columns(void **state)
{
    static const struct {
        const char *text;
        size_t limit;
        const char *chars, *wide;
    } rows[] = {
        { "", 4, "", "" },
        { "abc", 0, "", "" },
        { "abcdef", 3, "abc", "abcdef" }, /* two narrow ones are one wide */
        { "abcdefg", 3, "abc", "abcdef" },
        { WATER WATER WATER, 2, WATER WATER, WATER WATER },
        { "a" WATER WATER, 2, "a" WATER, "a" WATER }, /* half a character is none */
        { WATER, 9, WATER, WATER },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_slice_is(page_clip(slice_of(rows[i].text), rows[i].limit), rows[i].chars);
        assert_slice_is(page_clip_wide(slice_of(rows[i].text), rows[i].limit), rows[i].wide);
    }
}

static void what_is_no_page_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum page_verdict verdict;
    } rows[] = {
        { "{}", PAGE_UNKNOWN },
        { "[]", PAGE_UNKNOWN },
        { "{\"page\":7,\"body\":{}}", PAGE_UNKNOWN },
        { "{\"page\":\"dialog.chats\",\"body\":{\"kind\":\"text\"}}", PAGE_UNKNOWN },
        { "{\"page\":\"welcome\"}", PAGE_MALFORMED },
        { "{\"page\":\"welcome\",\"body\":\"hello\"}", PAGE_MALFORMED },
        { "{\"page\":\"welcome\",\"body\":{}}", PAGE_BAD_BODY },
        { "{\"page\":\"welcome\",\"body\":{\"kind\":\"film\"}}", PAGE_BAD_BODY },
        { "{\"page\":\"working.list\",\"body\":{\"kind\":\"list\"}}", PAGE_BAD_BODY },
        { "{\"page\":\"working.list\",\"body\":{\"kind\":\"list\",\"items\":\"a\"}}", PAGE_BAD_BODY },
        { "{\"page\":\"coding.log\",\"body\":{\"kind\":\"logs\",\"items\":[]}}", PAGE_BAD_BODY },
        { "{\"page\":\"coding.log\",\"body\":{\"kind\":\"logs\",\"lines\":[]}}", PAGE_OK },
        { "{\"page\":\"meeting.summary\",\"body\":{\"kind\":\"bullets\",\"items\":[\"a\"]}}", PAGE_OK },
        { "{\"page\":\"dialog.chat\",\"body\":{\"kind\":\"text\",\"text\":\"a\"}}", PAGE_OK },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *j = parsed(rows[i].text);
        auto_buf struct buf out = { 0 };
        if (page_clean(&out, j, NULL, NULL, 0) != rows[i].verdict)
            fail_msg("%s", rows[i].text);
    }
}

static void a_page_is_written_with_known_fields_only(void **state)
{
    static const struct {
        const char *text, *title, *id, *clean;
    } rows[] = {
        { "{\"type\":\"x\",\"to\":[\"dev2\"],\"page\":\"welcome\",\"script\":\"rm\",\"header\":{\"title\":\"T\",\"icons\":"
          "{\"net\":\"ok\",\"rec\":true,\"battery\":100,\"sun\":1},\"x\":1},\"body\":{\"kind\":\"text\",\"text\":\"hi\","
          "\"font\":9},\"footer\":{\"hint\":\"h\",\"page\":{\"index\":2,\"total\":3}}}",
          NULL, "7",
          "{\"type\":\"ui.render\",\"page\":\"welcome\",\"header\":{\"title\":\"T\",\"icons\":{\"net\":\"ok\",\"rec\":true,"
          "\"battery\":100}},\"body\":{\"kind\":\"text\",\"text\":\"hi\"},\"footer\":{\"hint\":\"h\",\"page\":{\"index\":2,"
          "\"total\":3}},\"id\":\"7\"}" },
        { "{\"page\":\"welcome\",\"header\":{\"title\":\"T\",\"icons\":{\"net\":\"great\",\"rec\":1,\"battery\":101}},"
          "\"body\":{\"kind\":\"list\",\"items\":[\"a\",7,\"b\"]}}",
          "Mine", NULL,
          "{\"type\":\"ui.render\",\"page\":\"welcome\",\"header\":{\"title\":\"Mine\",\"icons\":{}},"
          "\"body\":{\"kind\":\"list\",\"items\":[\"a\",\"b\"]}}" },
        { "{\"page\":\"working.detail\",\"body\":{\"kind\":\"kv\",\"items\":[{\"k\":\"who\",\"v\":\"Anna\",\"z\":1}]}}",
          NULL, NULL,
          "{\"type\":\"ui.render\",\"page\":\"working.detail\",\"header\":{\"title\":\"\"},"
          "\"body\":{\"kind\":\"kv\",\"items\":[{\"k\":\"who\",\"v\":\"Anna\"}]}}" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *j = parsed(rows[i].text);
        auto_buf struct buf out = { 0 };
        assert_int_equal(page_clean(&out, j, rows[i].title, rows[i].id, 0), PAGE_OK);
        assert_slice_is(buf_slice(&out), rows[i].clean);
    }
}

static void a_page_keeps_ten_items_of_fifty_characters(void **state)
{
    auto_buf struct buf text = { 0 }, out = { 0 };
    buf_puts(&text, "{\"page\":\"working.list\",\"body\":{\"kind\":\"list\",\"items\":[");
    for (unsigned i = 0; i < 12; i++) {
        buf_puts(&text, i ? ",\"" : "\"");
        for (unsigned k = 0; k < 60; k++)
            buf_puts(&text, WATER);
        buf_puts(&text, "\"");
    }
    buf_puts(&text, "]}}");
    auto_json struct json *j = parsed(text.data);
    assert_int_equal(page_clean(&out, j, NULL, NULL, 0), PAGE_OK);
    auto_json struct json *clean = parsed(out.data);
    const struct json *items = json_get(json_get(clean, "body"), "items");
    assert_int_equal(json_len(items), PAGE_ITEMS_MAX);
    assert_int_equal(utf8_chars(json_text(json_at(items, 9))), PAGE_ITEM_CHARS);
}

static void controls_are_a_short_list_and_a_tone_keeps_its_name(void **state)
{
    static const struct {
        const char *text;
        enum page_verdict verdict;
        const char *clean;
    } rows[] = {
        { "{\"action\":\"play.tone\",\"name\":\"ok-1.x_y\",\"volume\":11}", PAGE_OK,
          "{\"type\":\"device.control\",\"action\":\"play.tone\",\"name\":\"ok-1.x_y\"}" },
        { "{\"action\":\"net.banner\",\"text\":\"t\"}", PAGE_OK,
          "{\"type\":\"device.control\",\"action\":\"net.banner\",\"text\":\"t\",\"level\":\"info\",\"duration_ms\":3000}" },
        { "{\"action\":\"net.banner\",\"text\":\"t\",\"level\":\"error\",\"duration_ms\":99999999}", PAGE_OK,
          "{\"type\":\"device.control\",\"action\":\"net.banner\",\"text\":\"t\",\"level\":\"error\",\"duration_ms\":60000}" },
        { "{\"action\":\"net.banner\",\"text\":\"t\",\"level\":\"loud\",\"duration_ms\":-1}", PAGE_OK,
          "{\"type\":\"device.control\",\"action\":\"net.banner\",\"text\":\"t\",\"level\":\"info\",\"duration_ms\":0}" },
        { "{\"action\":\"net.banner\"}", PAGE_MALFORMED, NULL },
        { "{\"action\":\"play.tone\"}", PAGE_MALFORMED, NULL },
        { "{\"action\":\"play.tone\",\"name\":\"Loud\"}", PAGE_MALFORMED, NULL },
        { "{\"action\":\"play.tone\",\"name\":\"../x\"}", PAGE_MALFORMED, NULL },
        { "{\"action\":\"play.tone\",\"name\":\"a23456789012345678901234567890123\"}", PAGE_MALFORMED, NULL },
        { "{\"action\":\"reboot\"}", PAGE_UNKNOWN, NULL },
        { "{}", PAGE_UNKNOWN, NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *j = parsed(rows[i].text);
        auto_buf struct buf out = { 0 };
        if (control_clean(&out, j) != rows[i].verdict)
            fail_msg("%s", rows[i].text);
        if (rows[i].clean)
            assert_slice_is(buf_slice(&out), rows[i].clean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cut_at_characters_and_at_columns),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(a_page_is_written_with_known_fields_only),
        cmocka_unit_test(a_page_keeps_ten_items_of_fifty_characters),
        cmocka_unit_test(controls_are_a_short_list_and_a_tone_keeps_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
