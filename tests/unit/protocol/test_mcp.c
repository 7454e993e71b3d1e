/* SPDX-License-Identifier: MIT
 * test_mcp.c -- JSON-RPC payloads as devices write and break them. */
#include "protocol/mcp.h"
#include "tests/support/test.h"

static struct json *parsed(struct slice text)
{
    struct json *root;
    assert_ok(json_parse(&root, text, NULL));
    return root;
}

static void requests_are_what_devices_accept(void **state)
{
    auto_buf struct buf out = { 0 };
    mcp_initialize(&out, 1, &(struct mcp_vision){ "http://h/v", "tok" });
    assert_string_equal(
        out.data,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"2024-11-05\",\"capabilities\":{\"roots\":{\"listChanged\":true},\"sampling\":{},\"vision\":"
        "{\"url\":\"http://h/"
        "v\",\"token\":\"tok\"}},\"clientInfo\":{\"name\":\"parley\",\"version\":\"1\"}}}");
    buf_clear(&out);
    mcp_initialize(&out, 1, NULL);
    assert_false(slice_contains(buf_slice(&out), SLICE("vision")));
    buf_clear(&out);
    mcp_list(&out, 2, SLICE("self.x"));
    assert_string_equal(out.data, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\",\"params\":"
                                  "{\"cursor\":\"self.x\",\"withUserTools\":false}}");
    buf_clear(&out);
    auto_json struct json *args = parsed(SLICE("{\"volume\":50}"));
    mcp_call(&out, 3, SLICE("self.audio_speaker.set_volume"), args);
    assert_string_equal(out.data, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":"
                                  "{\"name\":\"self.audio_speaker.set_volume\",\"arguments\":{\"volume\":50}}}");
    buf_clear(&out);
    mcp_call(&out, 4, SLICE("t"), NULL);
    assert_true(slice_contains(buf_slice(&out), SLICE("\"arguments\":{}")));
}

static void payloads_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        enum mcp_kind kind;
        int64_t id;
        const char *words; /* method or error */
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", OK, MCP_RESULT, 1, ""},
        {"{\"id\":\"7\",\"result\":true}", OK, MCP_RESULT, 7, ""},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"message\":\"no such tool\"}}", OK, MCP_ERROR, 2,
         "no such tool"},
        {"{\"id\":2,\"error\":\"plain\"}", OK, MCP_ERROR, 2, "plain"},
        {"{\"id\":2,\"error\":{\"code\":-1}}", OK, MCP_ERROR, 2, ""},
        {"{\"id\":2,\"error\":null,\"result\":{}}", OK, MCP_RESULT, 2, ""},
        {"{\"id\":3,\"method\":\"ping\"}", OK, MCP_REQUEST, 3, "ping"},
        {"{\"method\":\"notifications/x\"}", OK, MCP_NOTIFICATION, -1, "notifications/x"},
        {"{\"result\":{}}", OK, MCP_RESULT, -1, ""},
        {"{\"id\":1}", ERR_PROTO, 0, 0, ""},
        {"{}", ERR_PROTO, 0, 0, ""},
        {"[]", ERR_PROTO, 0, 0, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *root = parsed(slice_of(rows[i].text));
        struct mcp_in in = { 0 };
        assert_int_equal(mcp_read(&in, root), rows[i].err);
        if (rows[i].err)
            continue;
        assert_int_equal(in.kind, rows[i].kind);
        assert_int_equal(in.id, rows[i].id);
        assert_slice_is(in.kind == MCP_ERROR ? in.error : in.method, rows[i].words);
    }
}

static void the_id_of_a_broken_answer_is_salvaged(void **state)
{
    static const struct {
        const char *text;
        int64_t id; /* -1: none */
    } rows[] = {
        {"{\"session_id\":\"s\",\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":12,\"error\":{"
         "\"message\":\"a \"b\" c\"}}}",
         12},
        {"{\"type\": \"mcp\",\"payload\":{\"id\" : 3,\"error", 3},
        {"{\"type\":\"listen\",\"id\":3", -1},
        {"{\"type\":\"mcp\",\"payload\":{\"id\":\"x\"", -1},
        {"{\"type\":\"mcp\",\"payload\":{\"id\":", -1},
        {"{\"type\":\"mc", -1},
        {"{\"type\":", -1},
        {"{\"type\":\"mcp\",\"id\":99999999999999999999}", 9999999999},
        {"", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t id = -1;
        assert_int_equal(mcp_salvage_id(slice_of(rows[i].text), &id), rows[i].id >= 0);
        assert_int_equal(id, rows[i].id);
    }
}

static void tools_are_read_with_their_audience(void **state)
{
    auto_json struct json *page = parsed(SLICE(
        "{\"tools\":[{\"name\":\"a\",\"description\":\"d\",\"inputSchema\":{\"type\":\"object\"}},"
        "{\"name\":\"self.reboot\",\"annotations\":{\"audience\":[\"user\"]}},"
        "{\"name\":\"both\",\"annotations\":{\"audience\":[\"user\",\"assistant\"]}},"
        "{\"name\":\"none\",\"annotations\":{\"audience\":[]},\"inputSchema\":5},"
        "{\"description\":\"nameless\"},\"text\",{\"name\":\"\"}],\"nextCursor\":\"next\"}"));
    struct mcp_tool t;
    assert_int_equal(mcp_tool_count(page), 7);
    assert_true(mcp_tool_at(page, 0, &t));
    assert_slice_is(t.name, "a");
    assert_slice_is(t.description, "d");
    assert_non_null(t.schema);
    assert_false(t.is_user_only);
    assert_true(mcp_tool_at(page, 1, &t));
    assert_true(t.is_user_only);
    assert_true(mcp_tool_at(page, 2, &t));
    assert_false(t.is_user_only);
    assert_true(mcp_tool_at(page, 3, &t));
    assert_false(t.is_user_only);
    assert_null(t.schema);
    for (size_t i = 4; i < 9; i++)
        assert_false(mcp_tool_at(page, i, &t));
    assert_slice_is(mcp_next_cursor(page), "next");

    auto_json struct json *odd = parsed(SLICE("{\"tools\":{}}"));
    assert_int_equal(mcp_tool_count(odd), 0);
    assert_int_equal(mcp_next_cursor(odd).len, 0);
}

static void results_become_text(void **state)
{
    static const struct {
        const char *result, *text;
        bool is_error;
    } rows[] = {
        {"{\"content\":[{\"type\":\"text\",\"text\":\"true\"}],\"isError\":false}", "true", false},
        {"{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\",\"image\":\"..\"}]}",
         "a\n[image]", false},
        {"{\"content\":[{\"type\":\"text\",\"text\":\"no\"}],\"isError\":true}", "no", true},
        {"{\"content\":[]}", "{\"content\":[]}", false},
        {"\"plain\"", "plain", false},
        {"true", "true", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        auto_json struct json *root = parsed(slice_of(rows[i].result));
        bool is_error;
        mcp_result_text(&out, root, &is_error);
        assert_slice_is(buf_slice(&out), rows[i].text);
        assert_int_equal(is_error, rows[i].is_error);
    }
}

static void the_devices_side_is_read_by_ours(void **state)
{
    auto_buf struct buf out = { 0 };
    struct mcp_in in;
    mcp_reply_tools(&out, 5, SLICE("[{\"name\":\"t\"}]"), SLICE("more"));
    auto_json struct json *tools = parsed(buf_slice(&out));
    assert_ok(mcp_read(&in, tools));
    assert_int_equal(mcp_tool_count(in.result), 1);
    assert_slice_is(mcp_next_cursor(in.result), "more");

    buf_clear(&out);
    mcp_reply_text(&out, 6, SLICE("done"), false);
    auto_json struct json *text = parsed(buf_slice(&out));
    assert_ok(mcp_read(&in, text));
    assert_int_equal(in.kind, MCP_RESULT);

    buf_clear(&out);
    mcp_reply_error(&out, 7, SLICE("unknown tool"));
    auto_json struct json *error = parsed(buf_slice(&out));
    assert_ok(mcp_read(&in, error));
    assert_slice_is(in.error, "unknown tool");

    buf_clear(&out);
    mcp_reply_initialize(&out, 8, &(struct mcp_peer){ "board", "1.0" });
    auto_json struct json *init = parsed(buf_slice(&out));
    assert_ok(mcp_read(&in, init));
    assert_int_equal(in.id, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_what_devices_accept),
        cmocka_unit_test(payloads_are_told_apart),
        cmocka_unit_test(the_id_of_a_broken_answer_is_salvaged),
        cmocka_unit_test(tools_are_read_with_their_audience),
        cmocka_unit_test(results_become_text),
        cmocka_unit_test(the_devices_side_is_read_by_ours),
    };
    return cmocka_run_group_tests_name("mcp", tests, NULL, NULL);
}
