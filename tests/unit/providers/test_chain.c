/* SPDX-License-Identifier: MIT
 * test_chain.c -- fallback behind one object: what fails before anything was given is hidden, what fails
 * after it is told; every stream ends once and in time. Scripted providers, clock moved by hand. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "providers/registry.h"
#include "providers/resolve.h"
#include "tests/support/fake_providers.h"

struct world {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct use_opts use;
    struct asr_use asr;
    struct llm_use llm;
    struct tts_use tts;
    struct buf text;             /* all that was given */
    unsigned ends, marks, tools, partials;
    uint64_t samples, packets;
    struct err_note why;
    enum { CLOSE_NEVER, CLOSE_AT_DATA, CLOSE_AT_MARK } close_at;
};

static const char yaml[] =
    "ASR: {a: {type: fake, n: 1}, b: {type: fake, n: 2}, oa: {type: fake_opus, n: 1}, ob: {type: fake_opus, n: 2}}\n"
    "LLM: {a: {type: fake, n: 1}, b: {type: fake, n: 2}}\n"
    "TTS: {a: {type: fake, n: 1}, b: {type: fake, n: 2}}\n";

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    fakes_reset();
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(registry_create(&w->registry));
    fakes_add(NULL, w->registry);
    w->env.loop = w->loop;
    w->use = (struct use_opts){ .env = &w->env, .language = "en-US" };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->asr.asr)
        w->asr.cls->close(w->asr.asr);
    if (w->llm.llm)
        w->llm.cls->close(w->llm.llm);
    if (w->tts.tts)
        w->tts.cls->close(w->tts.tts);
    loop_step(w->loop, 0);
    assert_int_equal(fakes_live(), 0);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    config_unref(w->config);
    registry_free(w->registry);
    loop_free(w->loop);
    buf_done(&w->text);
    fakes_reset();
    mem_free(w);
    return 0;
}

static void configure(struct world *w, const char *selected)
{
    struct err_note note = { 0 };
    auto_mem char *whole = xprintf("%s%s", yaml, selected);
    if (config_parse(&w->config, slice_of(whole), "test", &note))
        fail_msg("%s", note.text);
    w->use.config = w->config;
}

#define BOTH "selected_module: {ASR: a, LLM: a, TTS: a}\nfallback: {ASR: [b], LLM: [b], TTS: [b]}\n"
#define ONE "selected_module: {ASR: a, LLM: a, TTS: a}\n"

/* Steps through `ms` of time, in pieces, with the loop run in between. */
static void pass(struct world *w, unsigned ms)
{
    for (int i = 0; i < 200; i++)
        loop_step(w->loop, 0);
    for (unsigned done = 0; done < ms; done += 50) {
        loop_advance(w->loop, MIN(50u, ms - done));
        for (int i = 0; i < 20; i++)
            loop_step(w->loop, 0);
    }
}

static void on_end(void *user, const struct err_note *why)
{
    struct world *w = user;
    w->ends++;
    w->why = *why;
}

static void on_text(void *user, const struct asr_text *t)
{
    struct world *w = user;
    if (!t->final) {
        w->partials++;
        return;
    }
    buf_put(&w->text, t->text);
    if (w->close_at == CLOSE_AT_DATA)
        w->asr.cls->close(take_ptr(&w->asr.asr));
}

static void on_delta(void *user, struct slice text)
{
    struct world *w = user;
    buf_put(&w->text, text);
    if (w->close_at == CLOSE_AT_DATA)
        w->llm.cls->close(take_ptr(&w->llm.llm));
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    ((struct world *)user)->tools++;
}

static void on_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    struct world *w = user;
    w->samples += pcm.count;
    if (w->close_at == CLOSE_AT_DATA)
        w->tts.cls->close(take_ptr(&w->tts.tts));
}

static void on_mark(void *user, uint32_t sentence)
{
    struct world *w = user;
    assert_int_equal(sentence, w->marks);
    w->marks++;
    if (w->close_at == CLOSE_AT_MARK)
        w->tts.cls->close(take_ptr(&w->tts.tts));
}

static const struct asr_events asr_events = { .on_text = on_text, .on_end = on_end };
static const struct llm_events llm_events = { .on_delta = on_delta, .on_tool_call = on_tool_call, .on_end = on_end };
static const struct tts_events tts_events = { .on_pcm = on_pcm, .on_mark = on_mark, .on_end = on_end };

static void ask(struct world *w)
{
    char question[] = "hello";
    struct llm_message m = { .role = LLM_USER, .text = slice_of(question) };
    struct llm_request rq = { .messages = &m, .message_count = 1, .purpose = "chat" };
    assert_ok(llm_open_for(&w->llm, w->registry, &w->use, &rq, &llm_events, w));
    memset(question, 'x', sizeof(question) - 1); /* borrowed until open returned */
    assert_int_equal(w->ends, 0);
}

static void ended(struct world *w, enum err e, const char *text)
{
    assert_int_equal(w->ends, 1);
    if (w->why.err != e)
        fail_msg("ended with %s (%s)", err_name(w->why.err), w->why.text);
    assert_slice_is(buf_slice(&w->text), text);
}

/* ---- language model ---- */

static void a_good_answer_passes_unchanged(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->replies[0] = (struct fake_reply){ .text = "It is ten o'clock.", .tool = "f" };
    ask(w);
    pass(w, 0);
    ended(w, OK, "It is ten o'clock.");
    assert_int_equal(w->tools, 1);
    assert_int_equal(fake_llm_script("b")->seen.opens, 0);
}

static void each_early_failure_goes_on_to_the_next_alias(void **state)
{
    static const struct {
        struct fake_plan plan;
        unsigned wait_ms;
    } rows[] = {
        { { .open_error = ERR_CONNECT }, 0 }, { { .error = ERR_UPSTREAM }, 0 }, { { .error = ERR_AUTH }, 0 },
        { { .hangs = true }, FIRST_BYTE_CHAIN_MS + 50 }, { { .first_ms = FIRST_BYTE_CHAIN_MS + 10 }, 3100 },
    };
    tear_down(state);
    for (size_t i = 0; i < COUNT(rows); i++) {
        set_up(state);
        struct world *w = *state;
        configure(w, BOTH);
        fake_llm_script("a")->plan = rows[i].plan;
        fake_llm_script("a")->replies[0].text = "wrong";
        fake_llm_script("b")->replies[0].text = NULL; /* repeats the question: it got the same request */
        ask(w);
        pass(w, rows[i].wait_ms);
        ended(w, OK, "You said: hello");
        tear_down(state);
    }
    set_up(state);
}

static void an_empty_answer_goes_on_too(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->replies[0].text = "";
    fake_llm_script("b")->replies[0].text = "something";
    ask(w);
    pass(w, 0);
    ended(w, OK, "something");
}

static void a_failure_after_the_first_words_is_told(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->plan = (struct fake_plan){ .error = ERR_CLOSED, .error_at = 1, .error_text = "cut" };
    fake_llm_script("a")->replies[0].text = "12345678 and more";
    ask(w);
    pass(w, 0);
    ended(w, ERR_CLOSED, "12345678");
    assert_string_equal(w->why.text, "cut");
    assert_int_equal(fake_llm_script("b")->seen.opens, 0);
}

static void a_stream_that_stalls_ends_after_the_idle_time(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->plan = (struct fake_plan){ .hangs = true, .error_at = 1 };
    fake_llm_script("a")->replies[0].text = "12345678 and more";
    ask(w);
    pass(w, IDLE_MS - 100);
    assert_int_equal(w->ends, 0);
    pass(w, 200);
    ended(w, ERR_TIMEOUT, "12345678");
}

static void a_drip_ends_after_the_total_time(void **state)
{
    struct world *w = *state;
    configure(w, ONE);
    fake_llm_script("a")->plan = (struct fake_plan){ .each_ms = 10000 };
    fake_llm_script("a")->delta_chars = 1;
    fake_llm_script("a")->replies[0].text = "this takes for ever and ever and ever";
    ask(w);
    pass(w, TOTAL_MS + 100);
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->why.err, ERR_TIMEOUT);
}

static void the_last_alias_has_fifteen_seconds(void **state)
{
    struct world *w = *state;
    configure(w, ONE);
    fake_llm_script("a")->plan.hangs = true;
    ask(w);
    pass(w, FIRST_BYTE_MS - 100);
    assert_int_equal(w->ends, 0);
    pass(w, 200);
    ended(w, ERR_TIMEOUT, "");
}

static void when_all_fail_the_last_reason_is_told(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->plan.open_error = ERR_CONNECT;
    fake_llm_script("b")->plan.open_error = ERR_LIMIT;
    ask(w);
    pass(w, 0);
    ended(w, ERR_LIMIT, "");
}

static void after_three_failures_the_alias_is_left_out_for_a_while(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->plan.error = ERR_UPSTREAM;
    fake_llm_script("b")->replies[0].text = "well";
    for (int i = 0; i < 5; i++) {
        ask(w);
        pass(w, 0);
        assert_int_equal(w->why.err, OK);
        w->llm.cls->close(take_ptr(&w->llm.llm));
        w->ends = 0;
    }
    assert_int_equal(fake_llm_script("a")->seen.opens, 3);
    assert_int_equal(fake_llm_script("b")->seen.opens, 5);
    fake_llm_script("a")->plan.error = OK;
    pass(w, BREAKER_PAUSE_MS);
    ask(w);
    pass(w, 0);
    assert_int_equal(fake_llm_script("a")->seen.opens, 4);
    assert_int_equal(fake_llm_script("b")->seen.opens, 5);
}

static void closing_inside_an_event_is_silent(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    w->close_at = CLOSE_AT_DATA;
    ask(w);
    pass(w, 100);
    assert_int_equal(w->ends, 0);
    assert_int_equal(fake_llm_script("a")->seen.live, 0);
}

static void closing_while_another_is_tried_is_silent(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_llm_script("a")->plan.open_error = ERR_CONNECT;
    ask(w);
    w->llm.cls->close(take_ptr(&w->llm.llm));
    pass(w, 20000);
    assert_int_equal(w->ends, 0);
}

/* ---- voice ---- */

static void open_tts(struct world *w)
{
    assert_ok(tts_open_for(&w->tts, w->registry, &w->use, &tts_events, w));
}

static void speak(struct world *w)
{
    open_tts(w);
    assert_ok(w->tts.cls->say(w->tts.tts, SLICE("one")));
    assert_ok(w->tts.cls->say(w->tts.tts, SLICE("two")));
    w->tts.cls->finish(w->tts.tts);
    assert_int_equal(w->ends, 0);
}

static void the_next_voice_says_all_of_it(void **state)
{
    static const struct fake_plan plans[] = {
        { .open_error = ERR_CONNECT }, { .error = ERR_UPSTREAM }, { .hangs = true },
        { .first_ms = FIRST_BYTE_CHAIN_MS + 10 },
    };
    tear_down(state);
    for (size_t i = 0; i < COUNT(plans); i++) {
        set_up(state);
        struct world *w = *state;
        configure(w, BOTH);
        fake_tts_script("a")->plan = plans[i];
        fake_tts_script("b")->sentence_ms = 120;
        speak(w);
        pass(w, FIRST_BYTE_CHAIN_MS + 100);
        ended(w, OK, "");
        assert_int_equal(w->marks, 2);
        assert_int_equal(w->samples, 2 * 120 * 24);
        tear_down(state);
    }
    set_up(state);
}

static void a_voice_that_fails_mid_way_is_told(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_tts_script("a")->plan = (struct fake_plan){ .error = ERR_CLOSED, .error_at = 1 };
    speak(w);
    pass(w, 0);
    ended(w, ERR_CLOSED, "");
    assert_int_equal(w->samples, 60 * 24);
}

static void sentences_that_are_refused_for_now_are_said_later(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_tts_script("a")->busy_at = 2;
    speak(w);
    pass(w, 0);
    ended(w, OK, "");
    assert_int_equal(w->marks, 2);
}

static void a_paused_voice_is_not_late(void **state)
{
    struct world *w = *state;
    configure(w, ONE);
    speak(w);
    w->tts.cls->pause(w->tts.tts, true);
    pass(w, 60000);
    assert_int_equal(w->ends, 0);
    assert_int_equal(w->samples, 0);
    w->tts.cls->pause(w->tts.tts, false);
    pass(w, 0);
    ended(w, OK, "");
}

static void an_idle_voice_may_wait_for_ever(void **state)
{
    struct world *w = *state;
    configure(w, ONE);
    open_tts(w);
    assert_ok(w->tts.cls->say(w->tts.tts, SLICE("one")));
    pass(w, 200000);
    assert_int_equal(w->marks, 1);
    assert_int_equal(w->ends, 0);
    assert_ok(w->tts.cls->say(w->tts.tts, SLICE("two")));
    w->tts.cls->finish(w->tts.tts);
    pass(w, 0);
    ended(w, OK, "");
    assert_int_equal(w->marks, 2);
}

static void closing_a_voice_inside_its_events_is_silent(void **state)
{
    tear_down(state);
    for (int at = CLOSE_AT_DATA; at <= CLOSE_AT_MARK; at++) {
        set_up(state);
        struct world *w = *state;
        configure(w, BOTH);
        w->close_at = at;
        speak(w);
        pass(w, 100);
        assert_int_equal(w->ends, 0);
        assert_null(w->tts.tts);
        tear_down(state);
    }
    set_up(state);
}

static void too_many_sentences_are_refused(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_tts_script("a")->plan.hangs = true;
    open_tts(w);
    enum err e = OK;
    unsigned said = 0;
    while (!e && said < 1000) {
        e = w->tts.cls->say(w->tts.tts, SLICE("again"));
        said += !e;
    }
    assert_int_equal(e, ERR_BUSY);
    assert_true(said >= 32);
}

/* ---- recogniser ---- */

static void hear(struct world *w)
{
    int16_t samples[960] = { 0 };
    assert_ok(asr_open_for(&w->asr, w->registry, &w->use, &asr_events, w));
    for (int i = 0; i < 10; i++) {
        if (w->asr.cls->caps & ASR_TAKES_OPUS)
            assert_ok(w->asr.cls->feed_opus(w->asr.asr, SLICE("\x58opus"), 60000));
        else
            assert_ok(w->asr.cls->feed(w->asr.asr, (struct pcm){ samples, 960 }));
    }
    w->asr.cls->finish(w->asr.asr);
    assert_int_equal(w->ends, 0);
}

static void the_next_recogniser_hears_all_of_it(void **state)
{
    static const struct fake_plan plans[] = {
        { .open_error = ERR_CONNECT }, { .error = ERR_UPSTREAM }, { .hangs = true },
        { .first_ms = FIRST_BYTE_CHAIN_ASR_MS + 10 },
    };
    tear_down(state);
    for (size_t i = 0; i < COUNT(plans); i++) {
        set_up(state);
        struct world *w = *state;
        configure(w, BOTH);
        fake_asr_script("a")->plan = plans[i];
        fake_asr_script("a")->texts[0] = "wrong";
        fake_asr_script("b")->texts[0] = "right";
        hear(w);
        pass(w, FIRST_BYTE_CHAIN_ASR_MS + 100);
        ended(w, OK, "right");
        assert_int_equal(fake_asr_script("b")->samples, 9600);
        tear_down(state);
    }
    set_up(state);
}

static void packets_are_kept_for_recognisers_that_take_them(void **state)
{
    struct world *w = *state;
    configure(w, "selected_module: {ASR: oa}\nfallback: {ASR: [ob]}\n");
    fake_asr_script("oa")->plan.error = ERR_UPSTREAM;
    fake_asr_script("ob")->texts[0] = "right";
    hear(w);
    pass(w, 0);
    ended(w, OK, "right");
    assert_int_equal(fake_asr_script("ob")->packets, 10);
}

static void a_mixed_chain_takes_pcm(void **state)
{
    struct world *w = *state;
    configure(w, "selected_module: {ASR: oa}\nfallback: {ASR: [b]}\n");
    fake_asr_script("oa")->plan.error = ERR_UPSTREAM;
    fake_asr_script("b")->texts[0] = "right";
    hear(w);
    assert_int_equal(w->asr.cls->caps & ASR_TAKES_OPUS, 0);
    pass(w, 0);
    ended(w, OK, "right");
}

static void a_recogniser_that_is_full_says_so(void **state)
{
    struct world *w = *state;
    int16_t samples[960] = { 0 };
    configure(w, BOTH);
    fake_asr_script("a")->busy_at = 2;
    assert_ok(asr_open_for(&w->asr, w->registry, &w->use, &asr_events, w));
    assert_ok(w->asr.cls->feed(w->asr.asr, (struct pcm){ samples, 960 }));
    assert_int_equal(w->asr.cls->feed(w->asr.asr, (struct pcm){ samples, 960 }), ERR_BUSY);
    assert_ok(w->asr.cls->feed(w->asr.asr, (struct pcm){ samples, 960 }));
}

static void partial_texts_do_not_bind(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_asr_script("a")->texts[0] = "one two three";
    fake_asr_script("a")->has_partials = true;
    fake_asr_script("a")->plan = (struct fake_plan){ .error = ERR_CLOSED, .error_at = 1 };
    fake_asr_script("b")->texts[0] = "right";
    hear(w);
    pass(w, 0);
    ended(w, OK, "right");
    assert_true(w->partials > 0);
}

static void nothing_said_is_no_failure(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    hear(w);
    pass(w, 0);
    ended(w, OK, "");
    assert_int_equal(fake_asr_script("b")->seen.opens, 0);
}

static void closing_a_recogniser_inside_its_event_is_silent(void **state)
{
    struct world *w = *state;
    configure(w, BOTH);
    fake_asr_script("a")->texts[0] = "one two";
    w->close_at = CLOSE_AT_DATA;
    hear(w);
    pass(w, 100);
    assert_int_equal(w->ends, 0);
}

static void audio_beyond_a_minute_is_not_kept(void **state)
{
    struct world *w = *state;
    int16_t *second = xalloc(16000 * sizeof(int16_t));
    configure(w, BOTH);
    fake_asr_script("a")->texts[0] = "long";
    fake_asr_script("b")->texts[0] = "never";
    assert_ok(asr_open_for(&w->asr, w->registry, &w->use, &asr_events, w));
    for (int i = 0; i < 70; i++)
        assert_ok(w->asr.cls->feed(w->asr.asr, (struct pcm){ second, 16000 }));
    fake_asr_script("a")->plan.error = ERR_CLOSED;
    w->asr.cls->finish(w->asr.asr);
    pass(w, 0);
    ended(w, ERR_CLOSED, "");
    mem_free(second);
}

/* ---- what is counted ---- */

static void calls_are_counted_for_the_alias_that_did_them(void **state)
{
    struct world *w = *state;
    int16_t silence[1600] = { 0 };
    metrics_reset();
    configure(w, BOTH);
    fake_llm_script("a")->plan.error = ERR_UPSTREAM;
    fake_llm_script("b")->replies[0].text = "yes";
    ask(w);
    pass(w, 0);
    ended(w, OK, "yes");
    assert_int_equal(metric_label_value(METRIC_provider_errors_total, "a"), 1);
    assert_int_equal(metric_label_value(METRIC_provider_fallbacks_total, "a"), 1);
    assert_int_equal(metric_label_value(METRIC_provider_fallbacks_total, "b"), 0);
    assert_int_equal(metric_label_value(METRIC_llm_tokens_in_total, "a"), 0);
    assert_int_equal(metric_label_value(METRIC_llm_tokens_in_total, "b"), 10);
    assert_int_equal(metric_label_value(METRIC_llm_tokens_out_total, "b"), 1);
    for (unsigned i = 1; i < BREAKER_FAILURES; i++) {
        w->llm.cls->close(take_ptr(&w->llm.llm));
        w->ends = 0;
        ask(w);
        pass(w, 0);
    }
    assert_int_equal(metric_label_value(METRIC_provider_breaks_total, "a"), 1);
    assert_int_equal(metric_label_value(METRIC_provider_errors_total, "a"), BREAKER_FAILURES);

    fake_tts_script("b")->sentence_ms = 600;
    fake_tts_script("a")->plan.open_error = ERR_CONNECT;
    assert_ok(tts_open_for(&w->tts, w->registry, &w->use, &tts_events, w));
    assert_ok(w->tts.cls->say(w->tts.tts, SLICE("h\xC3\xA9.")));
    w->tts.cls->finish(w->tts.tts);
    pass(w, 0);
    assert_int_equal(metric_label_value(METRIC_tts_characters_total, "a"), 0);
    assert_int_equal(metric_label_value(METRIC_tts_characters_total, "b"), 3);
    assert_int_equal(metric_label_value(METRIC_tts_audio_ms_total, "b"), 600);
    assert_int_equal(metric_label_value(METRIC_provider_fallbacks_total, "a"), BREAKER_FAILURES + 1);

    fake_asr_script("a")->plan.error = ERR_UPSTREAM;
    fake_asr_script("a")->plan.error_at = 1;
    fake_asr_script("b")->texts[0] = "heard";
    assert_ok(asr_open_for(&w->asr, w->registry, &w->use, &asr_events, w));
    assert_ok(w->asr.cls->feed(w->asr.asr, (struct pcm){ silence, COUNT(silence) }));
    assert_ok(w->asr.cls->feed(w->asr.asr, (struct pcm){ silence, COUNT(silence) }));
    w->asr.cls->close(take_ptr(&w->asr.asr));
    assert_int_equal(metric_label_value(METRIC_asr_audio_ms_total, "a"), 200);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_good_answer_passes_unchanged), CASE(each_early_failure_goes_on_to_the_next_alias),
        CASE(an_empty_answer_goes_on_too), CASE(a_failure_after_the_first_words_is_told),
        CASE(a_stream_that_stalls_ends_after_the_idle_time), CASE(a_drip_ends_after_the_total_time),
        CASE(the_last_alias_has_fifteen_seconds), CASE(when_all_fail_the_last_reason_is_told),
        CASE(after_three_failures_the_alias_is_left_out_for_a_while),
        CASE(closing_inside_an_event_is_silent), CASE(closing_while_another_is_tried_is_silent),
        CASE(the_next_voice_says_all_of_it), CASE(a_voice_that_fails_mid_way_is_told),
        CASE(sentences_that_are_refused_for_now_are_said_later), CASE(a_paused_voice_is_not_late),
        CASE(an_idle_voice_may_wait_for_ever), CASE(closing_a_voice_inside_its_events_is_silent),
        CASE(too_many_sentences_are_refused), CASE(the_next_recogniser_hears_all_of_it),
        CASE(packets_are_kept_for_recognisers_that_take_them), CASE(a_mixed_chain_takes_pcm),
        CASE(a_recogniser_that_is_full_says_so), CASE(partial_texts_do_not_bind),
        CASE(nothing_said_is_no_failure), CASE(closing_a_recogniser_inside_its_event_is_silent),
        CASE(audio_beyond_a_minute_is_not_kept), CASE(calls_are_counted_for_the_alias_that_did_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
