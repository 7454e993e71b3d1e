/* SPDX-License-Identifier: MIT
 * test_msg.c -- names, codes, and reading of client messages. */
#include "protocol/msg.h"
#include "tests/support/test.h"

static void every_type_has_its_name_and_back(void **state)
{
    static const char *const wire[] = { "hello", "abort", "listen", "iot", "mcp", "goodbye", "ping", "keepalive",
                                        "speak_ready", "mode", "meeting", "coding", "workflow", "peer", "server",
                                        "config_update", "ui.ack", "ui.error", "ui.render", "device.control" };
    assert_int_equal(COUNT(wire), MSG_TYPES - 1);
    for (size_t i = 0; i < COUNT(wire); i++) {
        assert_int_equal(msg_type(slice_of(wire[i])), i + 1);
        assert_string_equal(msg_type_name((enum msg_type)(i + 1)), wire[i]);
    }
    assert_int_equal(msg_type(SLICE("Hello")), MSG_UNKNOWN);
    assert_int_equal(msg_type(SLICE("")), MSG_UNKNOWN);
    assert_string_equal(msg_type_name(MSG_UNKNOWN), "");
}

static void every_error_of_ours_has_a_code(void **state)
{
    assert_string_equal(msg_code_name(CODE_SCHEMA_INVALID), "SCHEMA_INVALID");
    assert_string_equal(msg_code_name(CODE_INTERNAL_ERROR), "INTERNAL_ERROR");
    assert_int_equal(msg_code_of(OK), CODE_NONE);
    for (enum err e = OK + 1; e < ERR_COUNT; e++)
        assert_int_not_equal(msg_code_of(e), CODE_NONE);
    assert_int_equal(msg_code_of(ERR_BUSY), CODE_BUSY);
    assert_int_equal(msg_code_of(ERR_AUTH), CODE_UNAUTHORIZED);
}

static void parsing_tells_json_from_objects_from_known_types(void **state)
{
    static const struct {
        const char *text;
        enum msg_code code;
        enum msg_type type;
    } rows[] = {
        { "{\"type\":\"ping\"}", CODE_NONE, MSG_ping },
        { "{\"type\":\"ui.ack\"}", CODE_NONE, MSG_ui_ack },
        { "{\"type\":\"dance\"}", CODE_UNKNOWN_TYPE, MSG_UNKNOWN },
        { "{}", CODE_UNKNOWN_TYPE, MSG_UNKNOWN },
        { "{\"type\":7}", CODE_UNKNOWN_TYPE, MSG_UNKNOWN },
        { "{\"type\":null}", CODE_UNKNOWN_TYPE, MSG_UNKNOWN },
        { "", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "hello", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "42", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "null", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "[{\"type\":\"ping\"}]", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "\"ping\"", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "{\"type\":\"ping\"", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "{\"type\":\"ping\"}x", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "{'type':'ping'}", CODE_INVALID_JSON, MSG_UNKNOWN },
        { "{\"type\":\"\xff\"}", CODE_INVALID_JSON, MSG_UNKNOWN },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_msg struct msg m;
        enum msg_code code = msg_parse(&m, slice_of(rows[i].text));
        if (code != rows[i].code)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(code, rows[i].code);
        assert_int_equal(m.type, rows[i].type);
        assert_int_equal(m.root != NULL, code != CODE_INVALID_JSON);
    }
}

static void messages_too_deep_or_too_wide_are_invalid_json(void **state)
{
    auto_buf struct buf deep = { 0 }, wide = { 0 };
    buf_puts(&deep, "{\"type\":\"ping\",\"x\":");
    for (int i = 0; i < 40; i++)
        buf_puts(&deep, "[");
    for (int i = 0; i < 40; i++)
        buf_puts(&deep, "]");
    buf_puts(&deep, "}");
    buf_puts(&wide, "{\"type\":\"ping\",\"x\":[0");
    for (int i = 0; i < 3000; i++)
        buf_puts(&wide, ",0");
    buf_puts(&wide, "]}");

    struct msg m;
    assert_int_equal(msg_parse(&m, buf_slice(&deep)), CODE_INVALID_JSON);
    assert_int_equal(msg_parse(&m, buf_slice(&wide)), CODE_INVALID_JSON);
}

static void long_type_names_and_request_ids_are_bounded(void **state)
{
    auto_buf struct buf text = { 0 };
    buf_puts(&text, "{\"reqId\":\"r1\",\"type\":\"");
    for (int i = 0; i < 1000; i++)
        buf_puts(&text, "x");
    buf_puts(&text, "\"}");
    auto_msg struct msg m;
    assert_int_equal(msg_parse(&m, buf_slice(&text)), CODE_UNKNOWN_TYPE);
    assert_int_equal(m.type_text.len, MSG_TYPE_MAX_BYTES);
    assert_slice_is(m.req_id, "r1");

    auto_msg struct msg n;
    assert_int_equal(msg_parse(&n, SLICE("{\"type\":\"ping\",\"reqId\":\"0123456789012345678901234567890123456789"
                                         "012345678901234567890123x\"}")), CODE_NONE);
    assert_int_equal(n.req_id.len, 0);
}

static struct json *parsed(const char *text)
{
    struct json *root;
    assert_ok(json_parse(&root, slice_of(text), NULL));
    return root;
}

static void listen_needs_a_state_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        enum msg_listen_state want;
        enum msg_listen_mode mode;
        const char *heard;
    } rows[] = {
        { "{\"state\":\"start\",\"mode\":\"auto\"}", OK, MSG_LISTEN_START, MSG_LISTEN_AUTO, "" },
        { "{\"state\":\"start\",\"mode\":\"manual\"}", OK, MSG_LISTEN_START, MSG_LISTEN_MANUAL, "" },
        { "{\"state\":\"start\",\"mode\":\"realtime\"}", OK, MSG_LISTEN_START, MSG_LISTEN_REALTIME, "" },
        { "{\"state\":\"start\"}", OK, MSG_LISTEN_START, MSG_LISTEN_AUTO, "" },
        { "{\"state\":\"start\",\"mode\":5}", OK, MSG_LISTEN_START, MSG_LISTEN_AUTO, "" },
        { "{\"state\":\"start\",\"mode\":\"x\"}", OK, MSG_LISTEN_START, MSG_LISTEN_AUTO, "" },
        { "{\"state\":\"stop\"}", OK, MSG_LISTEN_STOP, MSG_LISTEN_AUTO, "" },
        { "{\"state\":\"detect\",\"text\":\"你好小智\"}", OK, MSG_LISTEN_DETECT, MSG_LISTEN_AUTO, "你好小智" },
        { "{\"state\":\"detect\"}", OK, MSG_LISTEN_DETECT, MSG_LISTEN_AUTO, "" },
        { "{\"state\":\"detect\",\"text\":[1]}", OK, MSG_LISTEN_DETECT, MSG_LISTEN_AUTO, "" },
        { "{}", ERR_INVALID, 0, 0, "" },
        { "{\"state\":\"pause\"}", ERR_INVALID, 0, 0, "" },
        { "{\"state\":1}", ERR_INVALID, 0, 0, "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *root = parsed(rows[i].text);
        struct msg_listen l = { 0 };
        const char *why = NULL;
        assert_int_equal(msg_listen_read(&l, root, &why), rows[i].err);
        assert_int_equal(why != NULL, rows[i].err != OK);
        assert_int_equal(l.state, rows[i].want);
        assert_int_equal(l.mode, rows[i].mode);
        if (rows[i].err == OK)
            assert_slice_is(l.text, rows[i].heard);
    }
}

static void an_abort_knows_whether_a_wake_word_caused_it(void **state)
{
    auto_json struct json *button = parsed("{}"), *wake = parsed("{\"reason\":\"wake_word_detected\"}");
    auto_json struct json *odd = parsed("{\"reason\":{\"a\":1}}");
    struct msg_abort a;
    msg_abort_read(&a, button);
    assert_false(a.by_wake_word);
    msg_abort_read(&a, wake);
    assert_true(a.by_wake_word);
    msg_abort_read(&a, odd);
    assert_false(a.by_wake_word);
}

static void iot_text_counts_only_without_descriptors_and_states(void **state)
{
    auto_json struct json *echo = parsed("{\"text\":\"hi\"}");
    auto_json struct json *both = parsed("{\"text\":\"hi\",\"states\":[]}");
    auto_json struct json *odd = parsed("{\"descriptors\":{},\"states\":\"x\",\"text\":4}");
    struct msg_iot i;
    msg_iot_read(&i, echo);
    assert_slice_is(i.text, "hi");
    assert_null(i.states);
    msg_iot_read(&i, both);
    assert_int_equal(i.text.len, 0);
    assert_non_null(i.states);
    msg_iot_read(&i, odd);
    assert_null(i.descriptors);
    assert_null(i.states);
    assert_int_equal(i.text.len, 0);
}

static void mcp_needs_an_object(void **state)
{
    auto_json struct json *good = parsed("{\"payload\":{}}"), *bad = parsed("{\"payload\":\"{}\"}");
    struct msg_mcp m;
    const char *why = NULL;
    assert_ok(msg_mcp_read(&m, good, &why));
    assert_int_equal(msg_mcp_read(&m, bad, &why), ERR_INVALID);
    assert_non_null(why);
}

static void server_actions_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        int action;
        const char *secret;
    } rows[] = {
        { "{\"action\":\"update_config\",\"content\":{\"secret\":\"s\"}}", OK, MSG_SERVER_UPDATE_CONFIG, "s" },
        { "{\"action\":\"restart\"}", OK, MSG_SERVER_RESTART, "" },
        { "{\"action\":\"subscribe_stats\",\"content\":7}", OK, MSG_SERVER_SUBSCRIBE_STATS, "" },
        { "{\"action\":\"explode\"}", OK, MSG_SERVER_OTHER, "" },
        { "{}", ERR_INVALID, 0, "" },
        { "{\"action\":\"\"}", ERR_INVALID, 0, "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *root = parsed(rows[i].text);
        struct msg_server s = { 0 };
        const char *why = NULL;
        assert_int_equal(msg_server_read(&s, root, &why), rows[i].err);
        assert_int_equal(s.action, rows[i].action);
        if (rows[i].err == OK)
            assert_slice_is(s.secret, rows[i].secret);
        else
            assert_non_null(why);
    }
}

static void a_mode_needs_state_and_mode(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        bool is_start;
    } rows[] = {
        { "{\"state\":\"start\",\"mode\":\"meeting\"}", OK, true },
        { "{\"state\":\"end\",\"mode\":\"working\"}", OK, false },
        { "{\"state\":\"end\",\"mode\":\"coding\"}", OK, false },
        { "{\"state\":\"start\",\"mode\":\"chat\"}", ERR_INVALID, false },
        { "{\"state\":\"begin\",\"mode\":\"meeting\"}", ERR_INVALID, false },
        { "{\"mode\":\"meeting\"}", ERR_INVALID, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *root = parsed(rows[i].text);
        struct msg_mode m = { 0 };
        const char *why = NULL;
        assert_int_equal(msg_mode_read(&m, root, &why), rows[i].err);
        assert_int_equal(m.is_start, rows[i].is_start);
        if (rows[i].err)
            assert_string_equal(why, "invalid state or mode");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_name_and_back),
        cmocka_unit_test(every_error_of_ours_has_a_code),
        cmocka_unit_test(parsing_tells_json_from_objects_from_known_types),
        cmocka_unit_test(messages_too_deep_or_too_wide_are_invalid_json),
        cmocka_unit_test(long_type_names_and_request_ids_are_bounded),
        cmocka_unit_test(listen_needs_a_state_and_nothing_else),
        cmocka_unit_test(an_abort_knows_whether_a_wake_word_caused_it),
        cmocka_unit_test(iot_text_counts_only_without_descriptors_and_states),
        cmocka_unit_test(mcp_needs_an_object),
        cmocka_unit_test(server_actions_are_told_apart),
        cmocka_unit_test(a_mode_needs_state_and_mode),
    };
    return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
