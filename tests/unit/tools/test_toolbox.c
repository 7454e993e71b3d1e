/* SPDX-License-Identifier: MIT
 * test_toolbox.c -- names for the model, calls that end once, whatever happens to their source. */
#include "tests/support/test.h"
#include "tools/tool.h"
#include "tools/toolbox.h"

struct world {
    struct loop *loop;
    struct toolbox *box;
    struct tool_source source;
    struct tool_call *seen;  /* handed to the source */
    unsigned cancelled;
    bool answers_at_once;
    enum err refuses;
    char tool[80], args[200];
    /* what came back */
    unsigned ends;
    enum err err;
    enum tool_then then;
    bool is_error;
    char text[300];
};

static enum err source_call(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args)
{
    struct world *w = container_of(s, struct world, source);
    auto_buf struct buf text = { 0 };
    json_print(&text, args);
    snprintf(w->args, sizeof(w->args), "%s", text.data);
    snprintf(w->tool, sizeof(w->tool), SLICE_FMT, SLICE_ARG(tool));
    if (w->refuses)
        return w->refuses;
    w->seen = c;
    if (w->answers_at_once)
        tool_call_text(c, SLICE("at once"));
    return OK;
}

static void source_cancel(struct tool_source *s, struct tool_call *c)
{
    struct world *w = container_of(s, struct world, source);
    assert_ptr_equal(w->seen, c);
    w->seen = NULL;
    w->cancelled++;
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
    assert_ok(toolbox_create(&w->box, &(struct toolbox_opts){ .loop = w->loop, .timeout_ms = 500, .is_bare = true }));
    w->source = (struct tool_source){ "test", true, source_call, source_cancel };
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    toolbox_free(w->box);
    loop_step(w->loop, 0);
    loop_free(w->loop);
    free(w);
    return 0;
}

static enum err add(struct world *w, const char *name)
{
    return toolbox_add(w->box, &w->source, &(struct tool_offer){ slice_of(name), SLICE("what it does"), SLICE("") });
}

static struct tool_call *call(struct world *w, const char *name, const char *args)
{
    struct tool_call *c = NULL;
    assert_ok(toolbox_call(&c, w->box, slice_of(name), slice_of(args), on_done, w));
    assert_non_null(c);
    assert_int_equal(w->ends, 0); /* never from inside */
    return c;
}

static void names_are_made_fit_and_unique(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *offered;
    } rows[] = {
        { "self.audio_speaker.set_volume", "self_audio_speaker_set_volume" },
        { "self.audio-speaker.set_volume", "self_audio-speaker_set_volume" },
        { "self_audio_speaker_set_volume", "self_audio_speaker_set_volume_2" },
        { "self audio speaker set volume", "self_audio_speaker_set_volume_3" },
        { "灯", "___" },
        { "0123456789012345678901234567890123456789012345678901234567890123456789",
          "0123456789012345678901234567890123456789012345678901234567890123" },
        { "0123456789012345678901234567890123456789012345678901234567890123456780",
          "0123456789012345678901234567890123456789012345678901234567890_2" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tool_info info;
        assert_ok(add(w, rows[i].name));
        assert_true(toolbox_at(w->box, i, &info));
        assert_slice_is(info.name, rows[i].offered);
        assert_slice_is(info.schema_json, "{\"type\":\"object\",\"properties\":{}}");
        assert_true(toolbox_has(w->box, slice_of(rows[i].offered)));
    }
    assert_int_equal(add(w, "灯"), ERR_EXISTS);
    assert_int_equal(add(w, ""), ERR_INVALID);
    struct tool_info info;
    assert_false(toolbox_at(w->box, COUNT(rows), &info));
}

static void the_source_hears_its_own_name_and_the_arguments(void **state)
{
    struct world *w = *state;
    assert_ok(add(w, "self.set"));
    call(w, "self_set", "{\"volume\":50}");
    assert_string_equal(w->tool, "self.set");
    assert_string_equal(w->args, "{\"volume\":50}");
    tool_call_text(w->seen, SLICE("true"));
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->err, OK);
    assert_int_equal(w->then, TOOL_ASK);
    assert_false(w->is_error);
    assert_string_equal(w->text, "true");
}

static void an_answer_inside_the_call_comes_later(void **state)
{
    struct world *w = *state;
    assert_ok(add(w, "t"));
    w->answers_at_once = true;
    call(w, "t", "");
    assert_string_equal(w->args, "{}");
    loop_step(w->loop, 0);
    assert_int_equal(w->ends, 1);
    assert_string_equal(w->text, "at once");
}

static void a_refusal_of_the_source_is_an_error_for_the_model(void **state)
{
    struct world *w = *state;
    assert_ok(add(w, "t"));
    w->refuses = ERR_BUSY;
    call(w, "t", " ");
    loop_step(w->loop, 0);
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->err, ERR_BUSY);
    assert_true(w->is_error);
    assert_true(strlen(w->text) > 0);
}

static void arguments_that_would_hurt_a_device_do_not_reach_it(void **state)
{
    struct world *w = *state;
    struct tool_call *c = NULL;
    static char text[7000];

    assert_ok(add(w, "t"));
    (void)call(w, "t", "{\"a\":{\"b\":{\"c\":{}}}}");
    assert_int_equal(toolbox_call(&c, w->box, SLICE("t"), SLICE("{\"a\":{\"b\":{\"c\":{\"d\":[]}}}}"), on_done, w),
                     ERR_INVALID);
    snprintf(text, sizeof(text), "{\"a\":\"%*s\"}", 6500, "x");
    assert_int_equal(toolbox_call(&c, w->box, SLICE("t"), slice_of(text), on_done, w), ERR_INVALID);
    assert_null(c);
}

static void calls_that_cannot_be_made_call_nobody_back(void **state)
{
    struct world *w = *state;
    struct tool_call *c;
    assert_ok(add(w, "t"));
    assert_int_equal(toolbox_call(&c, w->box, SLICE("nope"), SLICE("{}"), on_done, w), ERR_NOT_FOUND);
    assert_int_equal(toolbox_call(&c, w->box, SLICE("t"), SLICE("[1]"), on_done, w), ERR_INVALID);
    assert_int_equal(toolbox_call(&c, w->box, SLICE("t"), SLICE("{\"a\":"), on_done, w), ERR_INVALID);
    for (int i = 0; i < TOOLBOX_CALLS_MAX; i++)
        assert_ok(toolbox_call(&c, w->box, SLICE("t"), SLICE("{}"), on_done, w));
    assert_int_equal(toolbox_call(&c, w->box, SLICE("t"), SLICE("{}"), on_done, w), ERR_BUSY);
    assert_int_equal(w->ends, 0);
    w->source.cancel = NULL; /* eight at once: only the last is remembered */
}

static void a_slow_tool_times_out_once(void **state)
{
    struct world *w = *state;
    assert_ok(add(w, "t"));
    call(w, "t", "{}");
    loop_advance(w->loop, 499);
    assert_int_equal(w->ends, 0);
    loop_advance(w->loop, 2);
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->err, ERR_TIMEOUT);
    assert_true(w->is_error);
    assert_int_equal(w->cancelled, 1);
    loop_advance(w->loop, 5000);
    assert_int_equal(w->ends, 1);
}

static void a_cancelled_call_is_silent(void **state)
{
    struct world *w = *state;
    assert_ok(add(w, "t"));
    tool_call_cancel(call(w, "t", "{}"));
    assert_int_equal(w->cancelled, 1);
    loop_advance(w->loop, 5000);
    assert_int_equal(w->ends, 0);

    w->answers_at_once = true;
    tool_call_cancel(call(w, "t", "{}")); /* with its answer under way */
    loop_step(w->loop, 0);
    assert_int_equal(w->ends, 0);
    tool_call_cancel(NULL);
}

static void a_source_that_goes_ends_its_calls(void **state)
{
    struct world *w = *state;
    unsigned generation = toolbox_generation(w->box);
    assert_ok(add(w, "t"));
    assert_int_not_equal(toolbox_generation(w->box), generation);
    call(w, "t", "{}");
    toolbox_remove_all(w->box, &w->source);
    assert_int_equal(w->ends, 0);
    loop_step(w->loop, 0);
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->err, ERR_CLOSED);
    assert_int_equal(toolbox_count(w->box), 0);
}

static void freeing_the_box_ends_calls_silently(void **state)
{
    struct world *w = *state;
    assert_ok(add(w, "t"));
    call(w, "t", "{}");
    w->answers_at_once = true;
    call(w, "t", "{}");
    w->source.cancel = NULL;
    toolbox_free(w->box);
    w->box = NULL;
    loop_step(w->loop, 0);
    assert_int_equal(w->ends, 0);
}

static void server_tools_come_before_a_devices(void **state)
{
    struct world *w = *state;
    struct tool_source server = { .name = "server", .call = source_call };
    struct tool_info info;
    assert_ok(add(w, "device_tool"));
    assert_ok(toolbox_add(w->box, &server, &(struct tool_offer){ SLICE("server_tool"), SLICE(""), SLICE("") }));
    assert_true(toolbox_at(w->box, 0, &info));
    assert_slice_is(info.name, "server_tool");
    toolbox_remove_all(w->box, &server);
}

static void the_number_of_tools_is_bounded(void **state)
{
    struct world *w = *state;
    char name[16];
    for (int i = 0; i < TOOLBOX_TOOLS_MAX; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_ok(add(w, name));
    }
    assert_int_equal(add(w, "one_more"), ERR_LIMIT);
}

/* Tools of the server do not count, whoever comes first. */
static void a_device_has_its_own_limit(void **state)
{
    struct world *w = *state;
    struct toolbox *box;
    struct tool_source device = { .name = "mcp", .is_device = true, .call = source_call };
    struct tool_source server = { .name = "server", .call = source_call };
    struct tool_offer one = { SLICE("one"), SLICE(""), SLICE("") }, two = { SLICE("two"), SLICE(""), SLICE("") };
    struct tool_offer three = { SLICE("three"), SLICE(""), SLICE("") };
    assert_ok(toolbox_create(&box, &(struct toolbox_opts){ .loop = w->loop, .device_tools_max = 2 }));
    size_t built_in = toolbox_count(box);
    assert_ok(toolbox_add(box, &device, &one));
    assert_ok(toolbox_add(box, &device, &two));
    assert_int_equal(toolbox_add(box, &device, &three), ERR_LIMIT);
    assert_ok(toolbox_add(box, &server, &three));
    assert_int_equal(toolbox_count(box), built_in + 3);
    toolbox_remove_all(box, &device);
    assert_ok(toolbox_add(box, &device, &three));
    toolbox_remove_all(box, &device);
    toolbox_remove_all(box, &server);
    toolbox_free(box);
}

static void long_results_are_cut_at_a_character(void **state)
{
    struct world *w = *state;
    auto_buf struct buf text = { 0 };
    while (text.len <= TOOL_RESULT_MAX_BYTES)
        buf_puts(&text, "好");
    assert_ok(add(w, "t"));
    call(w, "t", "{}");
    tool_call_text(w->seen, buf_slice(&text));
    assert_int_equal(w->ends, 1);
    assert_true(strlen(w->text) > 0);
}

static void the_built_in_tools_are_offered_and_answer(void **state)
{
    struct world *w = *state;
    struct toolbox *box;
    struct tool_call *c;
    assert_ok(toolbox_create(&box, &(struct toolbox_opts){ .loop = w->loop }));
    for (const struct tool_class *const *at = tools_built_in; *at; at++) {
        auto_json struct json *schema = NULL;
        struct tool_info info;
        assert_true(toolbox_has(box, slice_of((*at)->name)));
        assert_true(toolbox_at(box, (size_t)(at - tools_built_in), &info));
        assert_ok(json_parse(&schema, info.schema_json, NULL));
        assert_slice_is(json_get_text(schema, "type"), "object");
    }

    assert_ok(toolbox_call(&c, box, SLICE("handle_exit_intent"), SLICE("{\"say_goodbye\":\" Bye! \"}"), on_done, w));
    loop_step(w->loop, 0);
    assert_int_equal(w->then, TOOL_SAY_CLOSE);
    assert_string_equal(w->text, "Bye!");
    assert_ok(toolbox_call(&c, box, SLICE("get_time"), SLICE(""), on_done, w));
    loop_step(w->loop, 0);
    assert_int_equal(strlen(w->text), 8);
    assert_ok(toolbox_call(&c, box, SLICE("get_date"), SLICE(""), on_done, w));
    loop_step(w->loop, 0);
    assert_int_equal(w->text[4], '-');
    assert_int_equal(w->ends, 3);
    toolbox_free(box);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(names_are_made_fit_and_unique),
        T(the_source_hears_its_own_name_and_the_arguments),
        T(an_answer_inside_the_call_comes_later),
        T(a_refusal_of_the_source_is_an_error_for_the_model),
        T(arguments_that_would_hurt_a_device_do_not_reach_it),
        T(calls_that_cannot_be_made_call_nobody_back),
        T(a_slow_tool_times_out_once),
        T(a_cancelled_call_is_silent),
        T(a_source_that_goes_ends_its_calls),
        T(freeing_the_box_ends_calls_silently),
        T(server_tools_come_before_a_devices),
        T(the_number_of_tools_is_bounded),
        T(a_device_has_its_own_limit),
        T(long_results_are_cut_at_a_character),
        T(the_built_in_tools_are_offered_and_answer),
    };
    return cmocka_run_group_tests_name("toolbox", tests, NULL, NULL);
}
