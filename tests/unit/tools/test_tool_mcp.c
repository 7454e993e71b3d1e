/* SPDX-License-Identifier: MIT
 * test_tool_mcp.c -- listing and calling the tools of devices, good and bad ones. */
#include "tests/support/test.h"
#include "tools/tool_mcp.h"

#define SENT_MAX 40
struct world {
    struct loop *loop;
    struct toolbox *box;
    struct tool_mcp *mcp;
    char sent[SENT_MAX][400];
    unsigned sent_count;
    unsigned ends;
    enum err err;
    enum tool_then then;
    bool is_error;
    char text[200];
};

static void on_send(void *user, struct slice payload)
{
    struct world *w = user;
    assert_true(w->sent_count < SENT_MAX);
    snprintf(w->sent[w->sent_count++], sizeof(w->sent[0]), SLICE_FMT, SLICE_ARG(payload));
}

static void on_done(void *user, enum err e, const struct tool_result *r)
{
    struct world *w = user;
    w->ends++;
    w->err = e;
    w->then = r->then;
    w->is_error = r->is_error;
    snprintf(w->text, sizeof(w->text), SLICE_FMT, SLICE_ARG(r->text));
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(toolbox_create(&w->box,
                             &(struct toolbox_opts){.loop = w->loop, .timeout_ms = 30000, .is_bare = true}));
    assert_ok(tool_mcp_create(&w->mcp, &(struct tool_mcp_opts){ w->box, on_send, w, "http://h/v", "tok" }));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    tool_mcp_free(w->mcp);
    toolbox_free(w->box);
    loop_step(w->loop, 0);
    loop_free(w->loop);
    free(w);
    return 0;
}

static void receive(struct world *w, const char *payload)
{
    auto_json struct json *root = NULL;
    assert_ok(json_parse(&root, slice_of(payload), NULL));
    tool_mcp_receive(w->mcp, root);
}

static bool was_sent(const struct world *w, unsigned at, const char *words)
{
    return at < w->sent_count && strstr(w->sent[at], words);
}

#define TWO_TOOLS                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"self.set\",\"description\":\"d\","   \
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"}}}},"             \
    "{\"name\":\"self.reboot\",\"annotations\":{\"audience\":[\"user\"]}}]}}"

static void the_list_is_asked_for_right_after_initialize(void **state)
{
    struct world *w = *state;
    tool_mcp_start(w->mcp);
    tool_mcp_start(w->mcp);
    assert_int_equal(w->sent_count, 2);
    assert_true(was_sent(w, 0, "\"id\":1,\"method\":\"initialize\""));
    assert_true(was_sent(w, 0, "\"vision\":{\"url\":\"http://h/v\",\"token\":\"tok\"}"));
    assert_true(was_sent(w, 1, "\"id\":2,\"method\":\"tools/list\""));
    assert_false(tool_mcp_is_ready(w->mcp));
}

static void tools_for_users_only_are_not_offered(void **state)
{
    struct world *w = *state;
    struct tool_info info;
    tool_mcp_start(w->mcp);
    receive(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    receive(w, TWO_TOOLS);
    assert_true(tool_mcp_is_ready(w->mcp));
    assert_int_equal(toolbox_count(w->box), 1);
    assert_true(toolbox_at(w->box, 0, &info));
    assert_slice_is(info.name, "self_set");
    assert_slice_is(info.schema_json, "{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"}}}");
}

static void pages_are_followed_until_there_are_no_more(void **state)
{
    struct world *w = *state;
    tool_mcp_start(w->mcp);
    receive(w, "{\"id\":2,\"result\":{\"tools\":[{\"name\":\"a\"}],\"nextCursor\":\"b\"}}");
    assert_true(was_sent(w, 2, "\"id\":3,\"method\":\"tools/list\",\"params\":{\"cursor\":\"b\""));
    receive(w, "{\"id\":3,\"result\":{\"tools\":[{\"name\":\"b\"}]}}");
    assert_true(tool_mcp_is_ready(w->mcp));
    assert_int_equal(toolbox_count(w->box), 2);
}

static void a_cursor_that_repeats_ends_the_list(void **state)
{
    struct world *w = *state;
    tool_mcp_start(w->mcp);
    receive(w, "{\"id\":2,\"result\":{\"tools\":[{\"name\":\"a\"}],\"nextCursor\":\"b\"}}");
    receive(w, "{\"id\":3,\"result\":{\"tools\":[{\"name\":\"b\"}],\"nextCursor\":\"b\"}}");
    assert_true(tool_mcp_is_ready(w->mcp));
    assert_int_equal(w->sent_count, 3);
}

static void pages_and_tools_are_bounded(void **state)
{
    struct world *w = *state;
    char page[200];
    tool_mcp_start(w->mcp);
    for (int id = 2; !tool_mcp_is_ready(w->mcp) && id < 100; id++) {
        snprintf(page, sizeof(page),
                 "{\"id\":%d,\"result\":{\"tools\":[{\"name\":\"t%d\"}],\"nextCursor\":\"c%d\"}}", id, id,
                 id);
        receive(w, page);
    }
    assert_int_equal(w->sent_count, 1 + TOOL_MCP_PAGES_MAX);
    assert_int_equal(toolbox_count(w->box), TOOL_MCP_PAGES_MAX);
}

static void one_page_of_a_hundred_tools_gives_64(void **state)
{
    struct world *w = *state;
    auto_buf struct buf page = { 0 };
    buf_puts(&page, "{\"id\":2,\"result\":{\"tools\":[{\"name\":\"x\"}");
    for (int i = 0; i < 99; i++)
        buf_printf(&page, ",{\"name\":\"t%d\"}", i);
    buf_puts(&page, "],\"nextCursor\":\"more\"}}");
    tool_mcp_start(w->mcp);
    receive(w, page.data);
    assert_int_equal(toolbox_count(w->box), TOOL_MCP_TOOLS_MAX);
    assert_true(tool_mcp_is_ready(w->mcp));
    assert_int_equal(w->sent_count, 2);
}

static void a_device_that_never_answers_ends_the_list_by_time(void **state)
{
    struct world *w = *state;
    tool_mcp_start(w->mcp);
    loop_advance(w->loop, 11000);
    assert_true(tool_mcp_is_ready(w->mcp));
    receive(w, TWO_TOOLS); /* too late */
    assert_int_equal(toolbox_count(w->box), 0);
}

static void start_call(struct world *w)
{
    struct tool_call *c;
    tool_mcp_start(w->mcp);
    receive(w, TWO_TOOLS);
    assert_ok(toolbox_call(&c, w->box, SLICE("self_set"), SLICE("{\"v\":5}"), on_done, w));
    assert_true(was_sent(
        w, 2,
        "\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"self.set\",\"arguments\":{\"v\":5}}"));
}

static void answers_end_the_call_they_belong_to(void **state)
{
    static const struct {
        const char *payload;
        bool is_error;
        enum tool_then then;
        const char *text;
    } rows[] = {
        {"{\"id\":3,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"true\"}],\"isError\":false}}",
         false, TOOL_ASK, "true"},
        {"{\"id\":3,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"no\"}],\"isError\":true}}", true,
         TOOL_ASK, "no"},
        {"{\"id\":3,\"error\":{\"message\":\"out of range\"}}", true, TOOL_ASK, "out of range"},
        {"{\"id\":3,\"error\":{}}", true, TOOL_ASK, "The device reported an error."},
        {"{\"id\":3,\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
         "\"{\\\"action\\\":\\\"RESPONSE\\\",\\\"response\\\":\\\"A cat.\\\"}\"}]}}",
         false, TOOL_SAY, "A cat."},
        {"{\"id\":3,\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
         "\"{\\\"action\\\":\\\"REQLLM\\\",\\\"response\\\":\\\"x\\\"}\"}]}}",
         false, TOOL_ASK, "{\"action\":\"REQLLM\",\"response\":\"x\"}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        teardown(state);
        setup(state);
        struct world *w = *state;
        start_call(w);
        receive(w, "{\"id\":99,\"result\":{}}");
        receive(w, "{\"id\":-1,\"result\":{}}");
        receive(w, "{\"method\":\"notifications/x\"}");
        assert_int_equal(w->ends, 0);
        receive(w, rows[i].payload);
        assert_int_equal(w->ends, 1);
        assert_int_equal(w->then, rows[i].then);
        assert_int_equal(w->is_error, rows[i].is_error);
        assert_string_equal(w->text, rows[i].text);
        receive(w, rows[i].payload); /* once is enough */
        assert_int_equal(w->ends, 1);
    }
}

static void broken_json_fails_only_the_call_it_answers(void **state)
{
    struct world *w = *state;
    start_call(w);
    assert_false(tool_mcp_broken(
        w->mcp, SLICE("{\"type\":\"mcp\",\"payload\":{\"id\":77,\"error\":{\"message\":\"a \"b\"\"}}}")));
    assert_false(tool_mcp_broken(w->mcp, SLICE("rubbish")));
    assert_true(tool_mcp_broken(
        w->mcp, SLICE("{\"type\":\"mcp\",\"payload\":{\"id\":3,\"error\":{\"message\":\"a \"b\"\"}}}")));
    assert_int_equal(w->ends, 1);
    assert_true(w->is_error);
}

static void a_device_that_goes_ends_its_calls(void **state)
{
    struct world *w = *state;
    start_call(w);
    tool_mcp_free(w->mcp);
    w->mcp = NULL;
    loop_step(w->loop, 0);
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->err, ERR_CLOSED);
    assert_int_equal(toolbox_count(w->box), 0);
}

static void a_slow_answer_comes_after_the_time_out_for_nothing(void **state)
{
    struct world *w = *state;
    start_call(w);
    loop_advance(w->loop, 30001);
    assert_int_equal(w->err, ERR_TIMEOUT);
    receive(w, "{\"id\":3,\"result\":{\"content\":[]}}");
    assert_int_equal(w->ends, 1);
}

static void a_new_place_for_photos_initializes_again(void **state)
{
    struct world *w = *state;
    tool_mcp_vision(w->mcp, "http://a/", "1");
    assert_int_equal(w->sent_count, 0);
    tool_mcp_start(w->mcp);
    tool_mcp_vision(w->mcp, "http://b/", "2");
    assert_true(was_sent(w, 0, "http://a/"));
    assert_true(was_sent(w, 2, "\"id\":3,\"method\":\"initialize\""));
    assert_true(was_sent(w, 2, "http://b/"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_list_is_asked_for_right_after_initialize),
        T(tools_for_users_only_are_not_offered),
        T(pages_are_followed_until_there_are_no_more),
        T(a_cursor_that_repeats_ends_the_list),
        T(pages_and_tools_are_bounded),
        T(one_page_of_a_hundred_tools_gives_64),
        T(a_device_that_never_answers_ends_the_list_by_time),
        T(answers_end_the_call_they_belong_to),
        T(broken_json_fails_only_the_call_it_answers),
        T(a_device_that_goes_ends_its_calls),
        T(a_slow_answer_comes_after_the_time_out_for_nothing),
        T(a_new_place_for_photos_initializes_again),
    };
    return cmocka_run_group_tests_name("tool_mcp", tests, NULL, NULL);
}
