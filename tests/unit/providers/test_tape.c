/* SPDX-License-Identifier: MIT
 * test_tape.c -- what a provider told is written down and told again alike. */
#include "tests/support/test.h"

#include <unistd.h>

#include "base/mem.h"
#include "loop/loop.h"
#include "providers/registry.h"
#include "providers/tape.h"
#include "tests/support/temp.h"

struct world {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct use_opts use;
    struct buf text;
    unsigned ends, marks, pcms;
    struct err_note why;
};

static void on_end(void *user, const struct err_note *why)
{
    struct world *w = user;
    w->ends++;
    w->why = *why;
}

static void on_delta(void *user, struct slice text)
{
    buf_put(&((struct world *)user)->text, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
}

static void on_text(void *user, const struct asr_text *t)
{
    if (t->final)
        buf_put(&((struct world *)user)->text, t->text);
}

static void on_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    ((struct world *)user)->pcms++;
}

static void on_mark(void *user, uint32_t sentence)
{
    ((struct world *)user)->marks++;
}

static void open_world(struct world *w, const char *selected)
{
    struct err_note note = { 0 };
    auto_mem char *yaml = xprintf("LLM: {rec: {type: record, of: Rules, file: %s}, play: {type: replay, file: %s}}\n"
                                  "ASR: {play: {type: replay, file: %s}}\nTTS: {play: {type: replay, file: %s}}\n"
                                  "selected_module: {LLM: %s, ASR: play, TTS: play}\n",
                                  temp_path("tape"), temp_path("tape"), temp_path("tape"), temp_path("tape"), selected);
    *w = (struct world){ 0 };
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(registry_create(&w->registry));
    if (config_parse(&w->config, slice_of(yaml), "test", &note))
        fail_msg("%s", note.text);
    w->env.loop = w->loop;
    w->use = (struct use_opts){ .env = &w->env, .config = w->config, .language = "en-US" };
}

static void close_world(struct world *w)
{
    for (int i = 0; i < 5; i++)
        loop_step(w->loop, 0);
    config_unref(w->config);
    registry_free(w->registry);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    buf_done(&w->text);
}

static void wait_end(struct world *w)
{
    for (int i = 0; i < 200 && !w->ends; i++)
        loop_step(w->loop, 0);
    assert_int_equal(w->ends, 1);
    w->ends = 0;
}

static void ask(struct world *w, const char *question)
{
    static const struct llm_events events = { .on_delta = on_delta, .on_tool_call = on_tool_call, .on_end = on_end };
    struct llm_message m = { .role = LLM_USER, .text = slice_of(question) };
    struct llm_request rq = { .messages = &m, .message_count = 1, .purpose = "chat" };
    struct llm_use use;
    buf_clear(&w->text);
    assert_ok(llm_open_for(&use, w->registry, &w->use, &rq, &events, w));
    wait_end(w);
    use.cls->close(use.llm);
    loop_step(w->loop, 0);
}

static void write_tape(const char *text)
{
    FILE *f = fopen(temp_path("tape"), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void what_was_recorded_is_played_alike(void **state)
{
    struct world w;
    (void)unlink(temp_path("tape"));
    open_world(&w, "rec");
    ask(&w, "thanks");
    assert_slice_is(buf_slice(&w.text), "You are welcome.");
    ask(&w, "two plus three");
    close_world(&w);
    open_world(&w, "play");
    ask(&w, "two plus three"); /* found by the question */
    assert_slice_is(buf_slice(&w.text), "two plus three is 5.");
    ask(&w, "something never asked"); /* the first of the file */
    assert_slice_is(buf_slice(&w.text), "You are welcome.");
    close_world(&w);
    temp_remove();
}

static void a_file_cut_at_any_byte_still_ends_once(void **state)
{
    static const char tape[] = "{\"at\":0,\"on\":\"open\",\"text\":\"q\"}\n"
                               "{\"at\":5,\"on\":\"delta\",\"text\":\"one \"}\n"
                               "{\"at\":9,\"on\":\"delta\",\"text\":\"two\"}\n"
                               "{\"at\":9,\"on\":\"end\",\"name\":\"OK\"}\n";
    for (size_t cut = sizeof(tape) - 1; cut > 0; cut--) {
        struct world w;
        auto_mem char *part = xslicedup(slice_from(tape, cut));
        write_tape(part);
        open_world(&w, "play");
        ask(&w, "q");
        if (!w.why.err)
            assert_slice_is(buf_slice(&w.text), "one two");
        else
            assert_true(cut < sizeof(tape) - 2);
        close_world(&w);
    }
    temp_remove();
}

static void an_error_is_played_as_well(void **state)
{
    struct world w;
    write_tape("{\"on\":\"open\"}\n{\"on\":\"delta\",\"text\":\"x\"}\n"
               "{\"on\":\"end\",\"name\":\"TIMEOUT\",\"text\":\"late\"}\n");
    open_world(&w, "play");
    ask(&w, "q");
    assert_int_equal(w.why.err, ERR_TIMEOUT);
    assert_string_equal(w.why.text, "late");
    close_world(&w);
    temp_remove();
}

static void a_voice_and_a_recogniser_are_played(void **state)
{
    static const struct tts_events tts_events = { .on_pcm = on_pcm, .on_mark = on_mark, .on_end = on_end };
    static const struct asr_events asr_events = { .on_text = on_text, .on_end = on_end };
    struct world w;
    struct tts_use tts;
    struct asr_use asr;
    write_tape("{\"on\":\"open\"}\n{\"on\":\"pcm\",\"number\":16000,\"data\":\"AAAAAAAA\"}\n"
               "{\"on\":\"text\",\"text\":\"heard\"}\n{\"on\":\"end\",\"name\":\"OK\"}\n");
    open_world(&w, "play");
    assert_ok(tts_open_for(&tts, w.registry, &w.use, &tts_events, &w));
    assert_ok(tts.cls->say(tts.tts, SLICE("one")));
    for (int i = 0; i < 20; i++)
        loop_step(w.loop, 0);
    assert_ok(tts.cls->say(tts.tts, SLICE("two")));
    tts.cls->finish(tts.tts);
    wait_end(&w);
    assert_int_equal(w.why.err, OK);
    assert_int_equal(w.pcms, 1);
    assert_int_equal(w.marks, 2);
    tts.cls->close(tts.tts);
    assert_ok(asr_open_for(&asr, w.registry, &w.use, &asr_events, &w));
    asr.cls->finish(asr.asr);
    wait_end(&w);
    assert_slice_is(buf_slice(&w.text), "heard");
    asr.cls->close(asr.asr);
    close_world(&w);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_is_played_alike),
        cmocka_unit_test(a_file_cut_at_any_byte_still_ends_once),
        cmocka_unit_test(an_error_is_played_as_well),
        cmocka_unit_test(a_voice_and_a_recogniser_are_played),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
