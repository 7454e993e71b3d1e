/* SPDX-License-Identifier: MIT
 * test_intent.c -- how commands are recognised: the rules first, a separate pass, tools for the chat model, or
 * none of it. */
#include "dialogue/intent.h"
#include "config/settings.h"
#include "loop/loop.h"
#include "tests/support/stage.h"
#include "tools/toolbox.h"

static struct stage w;
static struct toolbox *box;
static char called[200];

static enum err device_call(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args)
{
    auto_buf struct buf text = { 0 };
    json_print(&text, args);
    snprintf(called + strlen(called), sizeof called - strlen(called), SLICE_FMT " " SLICE_FMT, SLICE_ARG(tool),
             SLICE_ARG(buf_slice(&text)));
    tool_call_text(c, SLICE("true"));
    return OK;
}

static void open_stage(const char *yaml)
{
    static struct tool_source device = { .name = "device", .call = device_call, .is_device = true };
    stage_open(&w, yaml, NULL);
    dialogue_close(w.dialogue);
    loop_step(w.loop, 0);
    called[0] = 0;
    assert_ok(toolbox_create(&box, &(struct toolbox_opts){ .loop = w.loop, .log = &w.log }));
    assert_ok(toolbox_add(box, &device, &(struct tool_offer){ .name = SLICE("self_audio_speaker_set_volume"),
                                                              .description = SLICE("Sets the volume") }));
    w.opts.tools = box;
    assert_ok(dialogue_create(&w.dialogue, &w.opts));
    struct dialogue_audio audio = { .in_rate_hz = 16000, .out_rate_hz = 24000, .out_frame_us = 60000 };
    dialogue_hello(w.dialogue, &audio);
    stage_run(&w, 10);
}

static void close_stage(void)
{
    dialogue_close(w.dialogue);
    w.dialogue = NULL;
    w.is_closed = true;
    loop_step(w.loop, 0);
    toolbox_free(box);
    box = NULL;
    stage_close(&w);
}

static int tidy_up(void **state)
{
    if (w.dialogue) {
        w.is_closed = true;
        dialogue_close(w.dialogue);
        w.dialogue = NULL;
        loop_step(w.loop, 0);
    }
    toolbox_free(box);
    box = NULL;
    stage_abandon(&w);
    return 0;
}

#define FUNCTION NULL
#define NONE "Intent: {function_call: {type: nointent}}\n"
#define NONE_LOCAL "Intent: {function_call: {type: nointent, local: all}}\n"
#define PASS "Intent: {function_call: {type: intent_llm}}\n"
#define OFF "Intent: {function_call: {type: function_call, local: false}}\n"
#define ALL "Intent: {function_call: {type: function_call, local: true}}\n"
#define VOLUME "{\"function_call\":{\"name\":\"self_audio_speaker_set_volume\",\"arguments\":{\"volume\":7}}}"
#define CHAT "{\"function_call\":{\"name\":\"continue_chat\"}}"

struct row {
    const char *yaml, *heard;
    const char *replies[2];  /* of the models, in order; NULL: none is asked for it */
    unsigned asked;          /* requests to models */
    const char *called;      /* tool and arguments */
    const char *said;        /* the first sentence */
};

static const struct row rows[] = {
    /* the rules answer whole commands only */
    { FUNCTION, "stop", { NULL }, 0, "", "All right." },
    { FUNCTION, "Stop!", { NULL }, 0, "", "All right." },
    { FUNCTION, "停下", { NULL }, 0, "", "好的。" },
    { FUNCTION, "别说了。", { NULL }, 0, "", "好的。" },
    { FUNCTION, "set the volume to fifty", { NULL }, 0, "self_audio_speaker_set_volume {\"volume\":50}",
      "The volume is 50 now." },
    { FUNCTION, "音量调到六十", { NULL }, 0, "self_audio_speaker_set_volume {\"volume\":60}", "音量已调到60。" },
    { FUNCTION, "louder", { NULL }, 0, "self_audio_speaker_set_volume {\"volume\":65}", "Louder now:" },
    { FUNCTION, "声音小一点", { NULL }, 0, "self_audio_speaker_set_volume {\"volume\":35}", "好的，" },
    { FUNCTION, "goodbye", { NULL }, 0, "", "Goodbye!" },
    { FUNCTION, "再见", { NULL }, 0, "", "再见，" },
    /* and rob nobody of a question */
    { FUNCTION, "why did the bus stop", { "It broke." }, 1, "", "It broke." },
    { FUNCTION, "turn the lights up", { "Done." }, 1, "", "Done." },
    { FUNCTION, "what time is it", { "Ten." }, 1, "", "Ten." },
    { FUNCTION, "how loud is volume 50", { "Half." }, 1, "", "Half." },
    { FUNCTION, "现在几点", { "十点。" }, 1, "", "十点。" },
    { FUNCTION, "他为什么停下", { "累了。" }, 1, "", "累了。" },
    /* unless wanted, or not at all */
    { ALL, "two plus three", { NULL }, 0, "", "two plus three is 5." },
    { ALL, "三加五", { NULL }, 0, "", "三加五等于8。" },
    { ALL, "explain the tides", { "The moon." }, 1, "", "The moon." },
    { OFF, "stop", { "Why?" }, 1, "", "Why?" },
    { NONE, "stop", { "Why?" }, 1, "", "Why?" },
    { NONE, "louder", { "Sing!" }, 1, "", "Sing!" },
    { NONE_LOCAL, "stop", { NULL }, 0, "", "All right." },
    { NONE_LOCAL, "louder", { "Sing!" }, 1, "", "Sing!" }, /* without tools there is no volume */
    /* the separate pass */
    { PASS, "stop", { NULL }, 0, "", "All right." },
    { PASS, "make it really quiet", { VOLUME, "Quiet now." }, 2, "self_audio_speaker_set_volume {\"volume\":7}",
      "Quiet now." },
    { PASS, "弄得特别轻", { "好的：```json\n" VOLUME "\n```", "很轻了。" }, 2,
      "self_audio_speaker_set_volume {\"volume\":7}", "很轻了。" },
    { PASS, "tell me of the sea", { CHAT, "It is wet." }, 2, "", "It is wet." },
    { PASS, "讲讲大海", { CHAT, "海很大。" }, 2, "", "海很大。" },
    { PASS, "prose instead", { "I think it is chat.", "So it is." }, 2, "", "So it is." },
    { PASS, "half an object", { "{\"function_call\":{\"na", "So it is." }, 2, "", "So it is." },
    { PASS, "a tool that is not there", { "{\"name\":\"fly\",\"arguments\":{}}", "I cannot." }, 2, "", "I cannot." },
    { PASS, "arguments as text",
      { "{\"name\":\"self_audio_speaker_set_volume\",\"arguments\":\"{\\\"volume\\\":9}\"}", "Nine." }, 2,
      "self_audio_speaker_set_volume {\"volume\":9}", "Nine." },
    { PASS, "arguments that are none", { "{\"name\":\"self_audio_speaker_set_volume\",\"arguments\":[1]}", "Well." },
      2, "", "Well." },
};

static void each_kind_of_intent_differs(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        for (unsigned n = 0; n < COUNT(r->replies); n++)
            fake_llm_script("")->replies[n].text = r->replies[n];
        open_stage(r->yaml);
        dialogue_detect(w.dialogue, slice_of(r->heard));
        stage_run(&w, 6000);
        const struct told *said = stage_find(&w, '[', 0);
        if (!said || strcmp(said->text, r->said) != 0)
            fail_msg("%zu \"%s\": said \"%s\", not \"%s\"", i, r->heard, said ? said->text : "", r->said);
        if (fake_llm_script("")->seen.opens != r->asked)
            fail_msg("%zu \"%s\": %u requests, not %u", i, r->heard, fake_llm_script("")->seen.opens, r->asked);
        if (strcmp(called, r->called) != 0)
            fail_msg("%zu \"%s\": called \"%s\", not \"%s\"", i, r->heard, called, r->called);
        assert_int_equal(w.last_outcome, OUTCOME_completed);
        close_stage();
    }
}

static void a_goodbye_closes_the_conversation_without_a_model(void **state)
{
    open_stage(NULL);
    dialogue_detect(w.dialogue, SLICE("goodbye"));
    stage_run(&w, 6000);
    assert_int_equal(w.closes, 1);
    assert_int_equal(fake_llm_script("")->seen.opens, 0);
    close_stage();
}

static void a_tool_of_the_pass_may_answer_by_itself(void **state)
{
    fake_llm_script("")->replies[0].text = "{\"function_call\":{\"name\":\"handle_exit_intent\",\"arguments\":"
                                           "{\"say_goodbye\":\"See you.\"}}}";
    open_stage(PASS);
    dialogue_detect(w.dialogue, SLICE("I have to go now, so long"));
    stage_run(&w, 6000);
    assert_string_equal(stage_find(&w, '[', 0)->text, "See you.");
    assert_int_equal(w.closes, 1);
    assert_int_equal(fake_llm_script("")->seen.opens, 1);
    close_stage();
}

static void a_pass_that_fails_hangs_or_cannot_be_opened_is_plain_chat(void **state)
{
    static const struct fake_plan plans[] = {
        { .error = ERR_UPSTREAM, .bad_streams = 1 }, { .hangs = true, .bad_streams = 1 },
        { .open_error = ERR_CONNECT, .bad_streams = 1 }, { .error = ERR_CLOSED, .error_at = 1, .bad_streams = 1 },
    };
    for (size_t i = 0; i < COUNT(plans); i++) {
        fake_llm_script("")->plan = plans[i];
        fake_llm_script("")->replies[0].text = VOLUME;
        fake_llm_script("")->replies[1].text = "Here I am.";
        open_stage(PASS);
        uint64_t begun_ms = loop_now_ms(w.loop);
        dialogue_detect(w.dialogue, SLICE("are you there"));
        stage_run(&w, INTENT_MS + 5000);
        assert_non_null(stage_find(&w, '[', 0));
        assert_string_equal(stage_find(&w, '[', 0)->text, "Here I am.");
        assert_in_range(stage_find(&w, '[', 0)->at_ms, begun_ms, begun_ms + INTENT_MS + 200);
        assert_string_equal(called, "");
        assert_int_equal(fake_llm_script("")->seen.opens, 2);
        close_stage();
    }
}

static void an_abort_during_the_pass_ends_it(void **state)
{
    fake_llm_script("")->plan.first_ms = 1000;
    fake_llm_script("")->replies[0].text = VOLUME;
    open_stage(PASS);
    dialogue_detect(w.dialogue, SLICE("make it quiet"));
    stage_run(&w, 300);
    dialogue_abort(w.dialogue, false);
    stage_run(&w, 5000);
    assert_int_equal(w.last_outcome, OUTCOME_aborted);
    assert_string_equal(called, "");
    assert_int_equal(fake_llm_script("")->seen.opens, 1);
    close_stage();
}

static void the_file_says_which_kind_and_what_is_local(void **state)
{
    static const struct {
        const char *yaml;
        enum intent_kind kind;
        enum llm_scope local;
    } kinds[] = {
        { "", INTENT_FUNCTION_CALL, LLM_COMMANDS },
        { "selected_module: {Intent: intent_llm}\n", INTENT_LLM, LLM_COMMANDS },
        { "selected_module: {Intent: nointent}\n", INTENT_NONE, LLM_ANYTHING },
        { "selected_module: {Intent: nointent}\nIntent: {nointent: {type: nointent, local: commands}}\n", INTENT_NONE,
          LLM_COMMANDS },
        { "selected_module: {Intent: i}\nIntent: {i: {type: intent_llm, local: no}}\n", INTENT_LLM, LLM_ANYTHING },
        { "selected_module: {Intent: i}\nIntent: {i: {type: function_call, local: yes, functions: [a]}}\n",
          INTENT_FUNCTION_CALL, LLM_KNOWN },
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct config *c;
        struct err_note why;
        struct intent intent;
        assert_ok(config_parse(&c, slice_of(kinds[i].yaml), "test", &why));
        intent_of(c, &intent);
        assert_int_equal(intent.kind, kinds[i].kind);
        assert_int_equal(intent.local, kinds[i].local);
        config_unref(c);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_kind_of_intent_differs, tidy_up),
        cmocka_unit_test_teardown(a_goodbye_closes_the_conversation_without_a_model, tidy_up),
        cmocka_unit_test_teardown(a_tool_of_the_pass_may_answer_by_itself, tidy_up),
        cmocka_unit_test_teardown(a_pass_that_fails_hangs_or_cannot_be_opened_is_plain_chat, tidy_up),
        cmocka_unit_test_teardown(an_abort_during_the_pass_ends_it, tidy_up),
        cmocka_unit_test_teardown(the_file_says_which_kind_and_what_is_local, tidy_up),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
