/* SPDX-License-Identifier: MIT
 * test_llm_rules.c -- the offline model in a conversation: answers, tools step by step, what it refuses. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "loop/loop.h"
#include "providers/llm.h"

extern const struct llm_class llm_rules;

struct answer {
    struct loop *loop;
    struct buf text;
    char id[40], tool[80], args[160];
    unsigned ends, tools;
};

static void on_delta(void *user, struct slice text)
{
    buf_put(&((struct answer *)user)->text, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    struct answer *a = user;
    a->tools++;
    snprintf(a->id, sizeof(a->id), SLICE_FMT, SLICE_ARG(id));
    snprintf(a->tool, sizeof(a->tool), SLICE_FMT, SLICE_ARG(name));
    snprintf(a->args, sizeof(a->args), SLICE_FMT, SLICE_ARG(args_json));
}

static void on_end(void *user, const struct err_note *why)
{
    ((struct answer *)user)->ends++;
    assert_int_equal(why->err, OK);
}

static const struct llm_events events = { .on_delta = on_delta, .on_tool_call = on_tool_call, .on_end = on_end };

static const struct llm_tool device_tools[] = {
    { SLICE("self.get_device_status"), SLICE("status"), SLICE("{}") },
    { SLICE("self.audio_speaker.set_volume"), SLICE("volume"), SLICE("{}") },
    { SLICE("handle_exit_intent"), SLICE("leave"), SLICE("{}") },
};

/* said: the user's words; results: what tools answered since. */
static void ask(struct answer *a, const char *said, const char *const *results, const struct llm_tool *tools,
                size_t tool_count)
{
    struct llm_message messages[8] = {
        { .role = LLM_SYSTEM, .text = SLICE("You are kind.") }, { .role = LLM_USER, .text = slice_of(said) },
    };
    struct llm_request rq = { .messages = messages, .message_count = 2, .tools = tools, .tool_count = tool_count,
                              .purpose = "chat" };
    struct provider_env env = { .loop = a->loop };
    struct provider_opts o = { .env = &env, .alias = "rules", .language = "en-US" };
    struct llm *m = NULL;
    for (; results && *results; results++) {
        messages[rq.message_count++] = (struct llm_message){ .role = LLM_ASSISTANT };
        messages[rq.message_count++] = (struct llm_message){ .role = LLM_TOOL, .text = slice_of(*results) };
    }
    buf_clear(&a->text);
    a->ends = a->tools = 0;
    a->tool[0] = a->args[0] = 0;
    assert_ok(llm_rules.open(&m, &o, &rq, &events, a));
    for (int i = 0; i < 10; i++)
        loop_step(a->loop, 0);
    assert_int_equal(a->ends, 1);
    llm_rules.close(m);
    loop_step(a->loop, 0);
}

static int set_up(void **state)
{
    struct answer *a = xnew(struct answer);
    assert_ok(loop_create(&a->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    struct answer *a = *state;
    loop_step(a->loop, 0);
    loop_free(a->loop);
    buf_done(&a->text);
    mem_free(a);
    return 0;
}

static void it_answers_in_the_language_it_was_asked(void **state)
{
    static const struct {
        const char *said, *answer;
    } rows[] = {
        { "what is two plus three", "two plus three is 5." }, { "12*7", "12*7 is 84." },
        { "三加五等于几", "三加五等于8。" }, { "repeat after me I like tea", "I like tea" },
        { "what time is it", "It is " }, { "现在几点", "现在是" }, { "what day is it", "Today is " },
        { "今天几号", "今天是" }, { "who are you", "Parley" }, { "你是谁", "Parley" }, { "thanks", "welcome" },
        { "hello", "Hello!" }, { "你好", "你好" }, { "goodbye", "Goodbye" }, { "what do you think of art", "Sorry" },
        { "你喜欢艺术吗", "抱歉" }, { "set the volume to 30", "cannot change the volume" },
        { "louder", "cannot change the volume" },
    };
    struct answer *a = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        ask(a, rows[i].said, NULL, NULL, 0);
        if (!a->text.data || !strstr(a->text.data, rows[i].answer) || a->tools)
            fail_msg("\"%s\": \"%s\"", rows[i].said, a->text.data ? a->text.data : "");
    }
}

static void the_volume_is_set_by_the_device_s_tool(void **state)
{
    struct answer *a = *state;
    ask(a, "set the volume to fifty", NULL, device_tools, 3);
    assert_string_equal(a->tool, "self.audio_speaker.set_volume");
    assert_string_equal(a->args, "{\"volume\":50}");
    assert_int_equal(a->text.len, 0);
    ask(a, "set the volume to fifty", (const char *[]){ "true", NULL }, device_tools, 3);
    assert_slice_is(buf_slice(&a->text), "The volume is 50 now.");
    assert_int_equal(a->tools, 0);
    ask(a, "音量调到六十", (const char *[]){ "{\"isError\":true}", NULL }, device_tools, 3);
    assert_slice_is(buf_slice(&a->text), "这台设备的音量我调不了。");
}

static void louder_asks_how_loud_it_is_first(void **state)
{
    static const char status[] = "{\"audio_speaker\":{\"volume\":70},\"screen\":{}}";
    struct answer *a = *state;
    ask(a, "louder please", NULL, device_tools, 3);
    assert_string_equal(a->tool, "self.get_device_status");
    ask(a, "louder please", (const char *[]){ status, NULL }, device_tools, 3);
    assert_string_equal(a->tool, "self.audio_speaker.set_volume");
    assert_string_equal(a->args, "{\"volume\":85}");
    ask(a, "louder please", (const char *[]){ status, "true", NULL }, device_tools, 3);
    assert_slice_is(buf_slice(&a->text), "Louder now: 85.");
    ask(a, "quieter", (const char *[]){ "{\\\"volume\\\": 5}", NULL }, device_tools, 3);
    assert_string_equal(a->args, "{\"volume\":0}"); /* as text within text, and never below nothing */
    ask(a, "louder", NULL, &device_tools[1], 1); /* no status to be had: from the middle */
    assert_string_equal(a->args, "{\"volume\":65}");
}

static void goodbye_calls_the_tool_that_leaves(void **state)
{
    struct answer *a = *state;
    ask(a, "goodbye", NULL, device_tools, 3);
    assert_string_equal(a->tool, "handle_exit_intent");
    assert_non_null(strstr(a->args, "\"say_goodbye\":\"Goodbye"));
    assert_int_equal(a->text.len, 0);
}

static void what_machines_ask_is_refused(void **state)
{
    static const struct llm_request requests[] = {
        { .purpose = "meeting" }, { .purpose = "memory" }, { .purpose = "intent" }, { .purpose = "chat", .is_json =
          true },
    };
    struct answer *a = *state;
    struct provider_env env = { .loop = a->loop };
    struct provider_opts o = { .env = &env, .alias = "rules", .language = "en-US" };
    struct llm *m = NULL;
    for (size_t i = 0; i < COUNT(requests); i++)
        assert_int_equal(llm_rules.open(&m, &o, &requests[i], &events, a), ERR_UNSUPPORTED);
    assert_null(m);
}

static void no_message_at_all_is_answered_politely(void **state)
{
    struct answer *a = *state;
    ask(a, "", NULL, NULL, 0);
    assert_true(a->text.len > 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(it_answers_in_the_language_it_was_asked), CASE(the_volume_is_set_by_the_device_s_tool),
        CASE(louder_asks_how_loud_it_is_first), CASE(goodbye_calls_the_tool_that_leaves),
        CASE(what_machines_ask_is_refused), CASE(no_message_at_all_is_answered_politely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
