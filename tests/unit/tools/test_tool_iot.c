/* SPDX-License-Identifier: MIT
 * test_tool_iot.c -- descriptors, states and commands of devices without MCP. */
#include "tests/support/test.h"
#include "tools/tool_iot.h"

struct world {
    struct loop *loop;
    struct toolbox *box;
    struct tool_iot *iot;
    char sent[300];
    char text[200];
    unsigned ends;
};

static void on_send(void *user, struct slice device, struct slice method, const struct json *parameters)
{
    struct world *w = user;
    auto_buf struct buf args = { 0 };
    json_print(&args, parameters);
    snprintf(w->sent, sizeof(w->sent), SLICE_FMT "." SLICE_FMT " %s", SLICE_ARG(device), SLICE_ARG(method),
             args.data);
}

static void on_done(void *user, enum err e, const struct tool_result *r)
{
    struct world *w = user;
    w->ends++;
    snprintf(w->text, sizeof(w->text), SLICE_FMT, SLICE_ARG(r->text));
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(toolbox_create(&w->box, &(struct toolbox_opts){ .loop = w->loop, .is_bare = true }));
    assert_ok(tool_iot_create(&w->iot, &(struct tool_iot_opts){ w->box, on_send, w }));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    tool_iot_free(w->iot);
    toolbox_free(w->box);
    loop_step(w->loop, 0);
    loop_free(w->loop);
    free(w);
    return 0;
}

static void descriptors(struct world *w, const char *text)
{
    auto_json struct json *root = NULL;
    assert_ok(json_parse(&root, slice_of(text), &(struct json_limits){ .nodes_max = 10000 }));
    tool_iot_descriptors(w->iot, root);
}

static void states(struct world *w, const char *text)
{
    auto_json struct json *root = NULL;
    assert_ok(json_parse(&root, slice_of(text), NULL));
    tool_iot_states(w->iot, root);
}

static const char *call(struct world *w, const char *tool, const char *args)
{
    struct tool_call *c;
    assert_ok(toolbox_call(&c, w->box, slice_of(tool), slice_of(args), on_done, w));
    loop_step(w->loop, 0);
    return w->text;
}

#define SPEAKER                                                                                          \
    "[{\"name\":\"Speaker\",\"description\":\"the speaker\",\"properties\":{\"volume\":{\"description\":" \
    "\"how loud\",\"type\":\"number\"},\"odd\":{\"type\":\"colour\"}},\"methods\":{\"SetVolume\":"        \
    "{\"description\":\"sets it\",\"parameters\":{\"volume\":{\"description\":\"0-100\",\"type\":\"number\"}}}}}]"

static void properties_and_methods_become_tools(void **state)
{
    struct world *w = *state;
    struct tool_info info;
    descriptors(w, SPEAKER);
    assert_int_equal(toolbox_count(w->box), 3);
    assert_true(toolbox_has(w->box, SLICE("get_Speaker_volume")));
    assert_true(toolbox_at(w->box, 2, &info));
    assert_slice_is(info.name, "Speaker_SetVolume");
    assert_slice_is(info.description, "sets it");
    assert_slice_is(info.schema_json, "{\"type\":\"object\",\"properties\":{\"volume\":{\"type\":\"number\","
                                      "\"description\":\"0-100\"}}}");
    descriptors(w, SPEAKER); /* again: nothing new */
    assert_int_equal(toolbox_count(w->box), 3);
}

static void a_method_sends_its_command(void **state)
{
    struct world *w = *state;
    descriptors(w, SPEAKER);
    assert_string_equal(call(w, "Speaker_SetVolume", "{\"volume\":50}"), "done");
    assert_string_equal(w->sent, "Speaker.SetVolume {\"volume\":50}");
}

static void a_property_is_answered_from_the_last_states(void **state)
{
    struct world *w = *state;
    descriptors(w, SPEAKER);
    assert_string_equal(call(w, "get_Speaker_volume", ""), "not reported yet");
    states(w, "[{\"name\":\"Speaker\",\"state\":{\"volume\":70,\"unknown\":1}},{\"name\":\"Lamp\",\"state\":{"
              "\"on\":true}},7]");
    assert_string_equal(call(w, "get_Speaker_volume", ""), "70");
    states(w, "[{\"name\":\"Speaker\",\"state\":{\"volume\":\"80\"}}]");
    assert_string_equal(call(w, "get_Speaker_volume", ""), "\"80\"");
}

static void what_is_missing_or_wrong_is_left_out(void **state)
{
    struct world *w = *state;
    descriptors(w, "[{},{\"name\":\"\"},{\"name\":\"A\"},{\"name\":\"B\",\"properties\":[1],\"methods\":\"x\"},3,"
                   "{\"name\":\"C\",\"methods\":{\"Go\":{}}}]");
    assert_int_equal(toolbox_count(w->box), 1);
    states(w, "[{\"name\":\"C\",\"state\":5},{\"state\":{}}]");
    assert_string_equal(call(w, "C_Go", ""), "done");
    assert_string_equal(w->sent, "C.Go {}");
}

static void devices_and_tools_are_bounded(void **state)
{
    struct world *w = *state;
    auto_buf struct buf text = { 0 };
    buf_puts(&text, "[");
    for (int i = 0; i < 30; i++)
        buf_printf(&text, "%s{\"name\":\"d%d\",\"methods\":{\"m\":{}}}", i ? "," : "", i);
    buf_puts(&text, "]");
    descriptors(w, text.data);
    assert_int_equal(toolbox_count(w->box), TOOL_IOT_DESCRIPTORS_MAX);

    teardown(state);
    setup(state);
    w = *state;
    buf_clear(&text);
    buf_puts(&text, "[{\"name\":\"d\",\"methods\":{\"x\":{}");
    for (int i = 0; i < 100; i++)
        buf_printf(&text, ",\"m%d\":{}", i);
    buf_puts(&text, "}}]");
    descriptors(w, text.data);
    assert_int_equal(toolbox_count(w->box), TOOL_IOT_TOOLS_MAX);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(properties_and_methods_become_tools),
        T(a_method_sends_its_command),
        T(a_property_is_answered_from_the_last_states),
        T(what_is_missing_or_wrong_is_left_out),
        T(devices_and_tools_are_bounded),
    };
    return cmocka_run_group_tests_name("tool_iot", tests, NULL, NULL);
}
