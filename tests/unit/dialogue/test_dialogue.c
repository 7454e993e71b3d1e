/* SPDX-License-Identifier: MIT
 * test_dialogue.c -- whole conversations between fakes, on a hand-moved clock. */
#include "base/mem.h"
#include "dialogue/history.h"
#include "dialogue/mode.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "tests/support/stage.h"
#include "tools/toolbox.h"

static struct stage w;

static void script(const char *heard, const char *answer)
{
    fake_asr_script("")->texts[0] = heard;
    fake_llm_script("")->replies[0].text = answer;
}

/* ---- turns that go well -------------------------------------------------------------------------------- */

static void a_spoken_question_gets_a_spoken_answer(void **state)
{
    script("what time is it", "\xF0\x9F\x98\x86 It is ten o'clock. Time for tea!");
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, 8000);
    assert_string_equal(stage_story(&w), "T(e[][]).");
    assert_string_equal(stage_find(&w, 'T', 0)->text, "what time is it");
    assert_string_equal(stage_find(&w, 'e', 0)->text, "laughing");
    assert_string_equal(stage_find(&w, '[', 0)->text, "It is ten o'clock.");
    assert_string_equal(stage_find(&w, '[', 1)->text, "Time for tea!");
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    assert_int_equal(w.starts, 1);
    assert_int_equal(w.stops, 1);
    stage_close(&w);
}

static void times_of_a_turn_stand_in_order(void **state)
{
    script("hello", "Good morning. How are you?");
    fake_llm_script("")->plan.first_ms = 200;
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, 6000);
    const struct turn_times *t = &w.last_times;
    assert_true(t->t0_us > 0 && t->t0_us < t->decided_us);
    assert_in_range(t->decided_us - t->t0_us, 400000, 700000); /* half a second of silence */
    assert_true(t->decided_us <= t->heard_us && t->heard_us < t->first_token_us);
    assert_true(t->first_token_us <= t->first_sentence_us && t->first_sentence_us <= t->first_audio_us);
    assert_true(t->first_audio_us < t->stop_us);
    stage_close(&w);
}

static void a_turn_is_measured_once(void **state)
{
    static const enum metric spans[] = {
        METRIC_turn_end_of_turn_delay_seconds, METRIC_turn_transcription_delay_seconds, METRIC_turn_llm_ttft_seconds,
        METRIC_turn_llm_ttfs_seconds, METRIC_turn_tts_ttfb_seconds, METRIC_turn_tts_leading_silence_seconds,
        METRIC_turn_server_added_seconds, METRIC_turn_e2e_seconds,
    };
    script("hello", "Good morning. How are you?");
    stage_open(&w, NULL, NULL);
    metrics_reset();
    stage_ask(&w);
    stage_run(&w, 6000);
    for (size_t i = 0; i < COUNT(spans); i++)
        assert_int_equal(metric_count(spans[i]), 1);
    assert_int_equal(metric_label_value(METRIC_turns_total, "completed"), 1);
    stage_ask(&w); /* and one whose device vanishes while it is spoken to */
    stage_run(&w, 500);
    stage_close(&w);
    assert_int_equal(metric_label_value(METRIC_turns_total, "aborted"), 1);
    assert_int_equal(metric_count(METRIC_turn_e2e_seconds), 2);
}

static void the_microphone_is_closed_before_the_model_has_answered(void **state)
{
    script("hello", "Well.");
    fake_llm_script("")->plan.first_ms = 1000;
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    assert_non_null(stage_find(&w, '(', 0));
    assert_int_equal(w.frames, 0);
    assert_int_equal(stage_find(&w, '(', 0)->at_ms, stage_find(&w, 'T', 0)->at_ms);
    stage_run(&w, 5000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    stage_close(&w);
}

static void ten_turns_in_a_row_are_heard(void **state)
{
    stage_open(&w, NULL, NULL);
    fake_asr_script("")->texts[0] = "again";
    for (unsigned i = 0; i < 10; i++) {
        stage_ask(&w);
        stage_run(&w, 4000);
        assert_int_equal(w.turns, i + 1);
    }
    assert_int_equal(w.outcomes[OUTCOME_completed], 10);
    assert_int_equal(w.starts, 10);
    stage_close(&w);
}

static void silence_after_listen_start_makes_no_utterance(void **state)
{
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_pause(&w, 20000);
    assert_string_equal(stage_story(&w), "");
    assert_int_equal(fake_asr_script("")->seen.opens, 0);
    stage_close(&w);
}

static void words_that_are_none_are_ignored_and_the_device_keeps_listening(void **state)
{
    fake_asr_script("")->texts[0] = "";
    fake_asr_script("")->texts[1] = "now there are some";
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, 500);
    assert_string_equal(stage_story(&w), ".");
    assert_int_equal(w.last_outcome, OUTCOME_no_speech);
    stage_speak(&w, 900); /* no new listen start */
    stage_pause(&w, 720);
    stage_run(&w, 4000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    stage_close(&w);
}

static void manual_listening_hears_everything_until_stop(void **state)
{
    script("all of it", "Yes.");
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_MANUAL);
    stage_speak(&w, 1200);
    stage_pause(&w, 3000);
    stage_speak(&w, 600);
    assert_string_equal(stage_story(&w), "");
    assert_int_equal(fake_asr_script("")->samples / 16, 4800);
    dialogue_listen_stop(w.dialogue);
    stage_run(&w, 4000);
    assert_string_equal(stage_story(&w), "T(e[]).");
    stage_close(&w);
}

static void a_manual_press_of_more_than_a_minute_is_recognised_in_pieces(void **state)
{
    script("a long speech", "Yes.");
    stage_open(&w, "limits: {utterance_seconds: 5}\n", NULL);
    dialogue_listen_start(w.dialogue, LISTEN_MANUAL);
    stage_speak(&w, 5200);
    stage_run(&w, 100);
    assert_int_equal(stage_story(&w)[0], 'T');
    stage_close(&w);
}

static void a_recogniser_that_takes_opus_gets_the_devices_packets(void **state)
{
    script(NULL, "Yes.");
    fake_asr_script("")->texts[0] = "as it is";
    stage_open(&w, "ASR: {o: {type: fake_opus}}\n", NULL);
    stage_close(&w);
    fake_asr_script("")->texts[0] = "as it is";
    stage_open(&w, NULL, NULL);
    config_unref(w.config);
    struct err_note why;
    assert_ok(config_parse(&w.config, SLICE("selected_module: {VAD: f, ASR: o, LLM: f, TTS: f, Memory: f}\n"
                                            "VAD: {f: {type: fake}}\nASR: {o: {type: fake_opus}}\n"
                                            "LLM: {f: {type: fake}}\nTTS: {f: {type: fake}}\n"
                                            "Memory: {f: {type: fake}}\n"), "o", &why));
    dialogue_config(w.dialogue, w.config);
    dialogue_detect(w.dialogue, SLICE("typed")); /* a turn takes the new configuration */
    stage_run(&w, 6000);
    stage_ask(&w);
    stage_run(&w, 6000);
    assert_int_equal(w.outcomes[OUTCOME_completed], 2);
    assert_true(fake_asr_script("")->packets >= 20);
    stage_close(&w);
}

static void typed_text_is_an_utterance(void **state)
{
    stage_open(&w, NULL, NULL);
    dialogue_detect(w.dialogue, SLICE("how are you"));
    dialogue_listen_start(w.dialogue, LISTEN_AUTO); /* browsers send both at once: the answer is not cut */
    stage_run(&w, 6000);
    assert_string_equal(stage_find(&w, 'T', 0)->text, "how are you");
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    assert_true(w.frames > 10);
    stage_close(&w);
}

static void a_client_of_pcm_is_heard_and_answered_in_pcm(void **state)
{
    static int16_t loud[720], quiet[720]; /* 30 ms at 24 kHz */
    script("raw", "Fine.");
    stage_open(&w, NULL, NULL);
    struct dialogue_audio audio = { .format = AUDIO_PCM, .in_rate_hz = 24000, .in_frame_us = 30000,
                                    .out_rate_hz = 16000, .out_frame_us = 60000 };
    dialogue_hello(w.dialogue, &audio);
    for (size_t i = 0; i < COUNT(loud); i++)
        loud[i] = i % 60 < 30 ? 6000 : -6000;
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    dialogue_audio_in(w.dialogue, slice_from(loud, 7), 0); /* half a sample */
    for (int i = 0; i < 80; i++) {
        dialogue_audio_in(w.dialogue, slice_from(i >= 20 && i < 50 ? loud : quiet, sizeof loud), 0);
        stage_run(&w, 30);
    }
    stage_run(&w, 5000);
    assert_string_equal(stage_story(&w), "T(e[]).");
    assert_true(w.frames >= 4);
    stage_close(&w);
}

static void packets_of_silence_are_time_that_passes(void **state)
{
    script("then nothing", "Fine.");
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_pause(&w, 600);
    stage_speak(&w, 900);
    stage_pause(&w, 120);
    for (int i = 0; i < 14; i++) { /* DTX: the TOC byte alone, SILK at 16 kHz, 60 ms */
        dialogue_audio_in(w.dialogue, SLICE("\x58"), 0);
        stage_run(&w, 60);
    }
    assert_non_null(stage_find(&w, 'T', 0));
    stage_run(&w, 4000);
    stage_close(&w);
}

static void an_idle_dialogue_is_small(void **state)
{
    stage_open(&w, NULL, NULL);
    assert_true(dialogue_bytes(w.dialogue) < 1024);
    stage_close(&w);
}

/* What only a conversation needs is given back 30 s after it; what was said and how it listens stays. */
static void a_dialogue_that_rests_is_as_small_as_before(void **state)
{
    static const struct { bool stops; size_t more_bytes; } rows[] = {
        { true, 8 * sizeof(struct history_entry) }, { false, 8 * sizeof(struct history_entry) + 576 }, /* the ear */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        script("tell me", "A first sentence. Then a second one.");
        stage_open(&w, NULL, NULL);
        size_t fresh = dialogue_bytes(w.dialogue);
        stage_ask(&w);
        stage_run(&w, 6000);
        assert_int_equal(w.turns, 1);
        if (rows[i].stops)
            dialogue_listen_stop(w.dialogue);
        auto_buf struct buf said = { 0 };
        assert_true(dialogue_turns_json(w.dialogue, &said));
        assert_true(dialogue_bytes(w.dialogue) > fresh + 2048);
        stage_run(&w, 20000);
        assert_true(dialogue_bytes(w.dialogue) > fresh + 2048); /* the next question may come any moment */
        stage_run(&w, 20000);
        assert_true(dialogue_bytes(w.dialogue) <= fresh + said.len + rows[i].more_bytes);
        assert_int_equal(fakes_live(), 0); /* no detector either */
        assert_int_equal(loop_timers_armed(w.loop), 0);
        if (rows[i].stops)
            dialogue_listen_start(w.dialogue, LISTEN_AUTO);
        stage_pause(&w, 600); /* and it listens as it did */
        stage_speak(&w, 900);
        stage_pause(&w, 6000);
        assert_int_equal(w.turns, 2);
        assert_int_equal(w.last_outcome, OUTCOME_completed);
        assert_int_equal(fake_llm_script("")->seen.opens, 2);
        stage_close(&w);
    }
}

/* Audio without a word keeps the ear and nothing else. */
static void an_ear_that_hears_silence_does_not_rest(void **state)
{
    script("tell me", "Fine.");
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_pause(&w, 6000);
    size_t talking = dialogue_bytes(w.dialogue);
    stage_pause(&w, 70000);
    assert_true(dialogue_bytes(w.dialogue) + 512 < talking); /* exchange and speaker went */
    assert_int_equal(fakes_live(), 1); /* the detector did not */
    stage_close(&w);
}

static void a_dialogue_of_any_length_stays_within_its_memory(void **state)
{
    auto_mem char *text = xalloc(6001);
    fake_llm_script("")->replies[0].text = "Fine.";
    stage_open(&w, "limits: {dialogue_tokens: 1000000, session_bytes: 65536}\nenable_greeting: false\n", NULL);
    memset(text, 'y', 6000);
    for (unsigned i = 0; i < 40; i++) {
        dialogue_detect(w.dialogue, slice_of(text));
        stage_run(&w, 6000);
    }
    assert_int_equal(w.turns, 40);
    assert_true(dialogue_bytes(w.dialogue) > 65536 / 4); /* some of it is there */
    assert_true(dialogue_bytes(w.dialogue) < 65536);
    stage_close(&w);
}

static void under_load_who_talks_goes_on_and_who_begins_is_told_busy(void **state)
{
    fake_asr_script("")->texts[0] = fake_asr_script("")->texts[1] = fake_asr_script("")->texts[2] = "and now";
    fake_asr_script("")->texts[3] = "still there";
    fake_llm_script("")->replies[0].text = fake_llm_script("")->replies[1].text = "Fine.";
    stage_open(&w, NULL, NULL);
    static const struct { unsigned load, pause_ms; enum outcome outcome; } rows[] = {
        { 95, 0, OUTCOME_busy }, { 20, 0, OUTCOME_completed }, { 95, 0, OUTCOME_completed }, { 95, 61000, OUTCOME_busy },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        stage_run(&w, rows[i].pause_ms);
        loop_pretend_load(w.loop, rows[i].load);
        stage_ask(&w);
        stage_run(&w, 8000);
        if (w.turns != i + 1 || w.last_outcome != rows[i].outcome)
            fail_msg("row %zu: %u turns, %s", i, w.turns, outcome_name(w.last_outcome));
    }
    assert_int_equal(fake_llm_script("")->seen.opens, 2);
    stage_close(&w);
}

static void who_is_told_busy_is_not_recognised_first(void **state)
{
    fake_asr_script("")->texts[0] = "and now";
    stage_open(&w, NULL, NULL);
    loop_pretend_load(w.loop, 95);
    stage_ask(&w);
    stage_run(&w, 8000);
    assert_string_equal(stage_story(&w), "(e[]).");
    assert_string_equal(stage_find(&w, '[', 0)->text, "The server is busy, please try again later");
    assert_int_equal(w.last_outcome, OUTCOME_busy);
    assert_int_equal(fake_asr_script("")->seen.finishes, 0);
    assert_int_equal(fake_asr_script("")->seen.closes, fake_asr_script("")->seen.opens);
    stage_close(&w);
}

static void who_cuts_busy_off_has_no_conversation_by_that(void **state)
{
    stage_open(&w, NULL, NULL);
    loop_pretend_load(w.loop, 95);
    dialogue_detect(w.dialogue, SLICE("what time is it"));
    assert_true(stage_until(&w, 'a', 2000));
    dialogue_abort(w.dialogue, false);
    assert_int_equal(w.last_outcome, OUTCOME_aborted);
    stage_run(&w, 4000);
    dialogue_detect(w.dialogue, SLICE("what time is it"));
    stage_run(&w, 8000);
    assert_int_equal(w.last_outcome, OUTCOME_busy);
    stage_close(&w);
}

static void under_load_a_greeting_does_not_count_as_a_conversation(void **state)
{
    stage_open(&w, NULL, NULL);
    loop_pretend_load(w.loop, 95);
    assert_ok(dialogue_say(w.dialogue, SLICE("Hello."), &(struct say_opts){ 0 }));
    stage_run(&w, 6000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    dialogue_detect(w.dialogue, SLICE("what time is it"));
    stage_run(&w, 8000);
    assert_int_equal(w.last_outcome, OUTCOME_busy);
    stage_close(&w);
}

/* ---- realtime ------------------------------------------------------------------------------------------ */

static void recognised_words_interrupt_in_realtime(void **state)
{
    fake_asr_script("")->texts[0] = "tell me a story";
    fake_asr_script("")->texts[1] = "stop that";
    fake_llm_script("")->replies[0].text = "Once upon a time there was a very long story about a king and his horse.";
    fake_llm_script("")->replies[1].text = "All right.";
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_REALTIME);
    stage_pause(&w, 600);
    stage_speak(&w, 900);
    stage_pause(&w, 1500); /* the answer begins */
    assert_true(dialogue_is_speaking(w.dialogue));
    dialogue_listen_start(w.dialogue, LISTEN_REALTIME); /* harmless */
    stage_speak(&w, 900);
    assert_int_equal(w.turns, 0); /* voice alone does not: it may be an echo */
    stage_pause(&w, 6000);
    assert_string_equal(stage_story(&w), "T(e[).T(e[]).");
    assert_int_equal(w.outcomes[OUTCOME_interrupted], 1);
    assert_int_equal(w.outcomes[OUTCOME_completed], 1);
    stage_close(&w);
}

static void realtime_resumes_after_stop_and_start(void **state)
{
    script("again", "Fine.");
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_REALTIME);
    stage_pause(&w, 600);
    dialogue_listen_stop(w.dialogue);
    stage_speak(&w, 900); /* nobody listens */
    stage_pause(&w, 900);
    assert_string_equal(stage_story(&w), "");
    dialogue_listen_start(w.dialogue, LISTEN_REALTIME);
    stage_pause(&w, 600);
    stage_speak(&w, 900);
    stage_pause(&w, 4000);
    assert_string_equal(stage_story(&w), "T(e[]).");
    stage_close(&w);
}

static void voice_alone_interrupts_a_device_that_cancels_echo(void **state)
{
    script("tell me", "Once upon a time there was a very long story about a king and his horse.");
    stage_open(&w, NULL, NULL);
    struct dialogue_audio audio = { .in_rate_hz = 16000, .in_frame_us = 60000, .out_rate_hz = 24000,
                                    .out_frame_us = 60000, .has_aec = true };
    dialogue_hello(w.dialogue, &audio);
    dialogue_listen_start(w.dialogue, LISTEN_REALTIME);
    stage_pause(&w, 600);
    stage_speak(&w, 900);
    stage_pause(&w, 1500);
    assert_true(dialogue_is_speaking(w.dialogue));
    uint64_t onset = loop_now_ms(w.loop);
    stage_speak(&w, 480);
    assert_int_equal(w.last_outcome, OUTCOME_interrupted);
    assert_in_range(stage_find(&w, ')', 0)->at_ms - onset, 0, 500);
    stage_pause(&w, 6000);
    stage_close(&w);
}

/* ---- silence on demand --------------------------------------------------------------------------------- */

static void an_abort_in_any_state_stops_at_once_and_for_good(void **state)
{
    static const struct { const char *name; unsigned asr_ms, llm_ms, tts_ms, wait_ms; } rows[] = {
        { "while listening", 0, 0, 0, 0 },         { "while recognising", 3000, 0, 0, 100 },
        { "while thinking", 0, 3000, 0, 300 },     { "while the synthesiser thinks", 0, 0, 3000, 300 },
        { "while speaking", 0, 0, 0, 700 },        { "near the end", 0, 0, 0, 2200 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        script("tell me", "A first sentence. Then a second one. And a third to end it.");
        fake_asr_script("")->plan.first_ms = rows[i].asr_ms;
        fake_llm_script("")->plan.first_ms = rows[i].llm_ms;
        fake_tts_script("")->plan.first_ms = rows[i].tts_ms;
        stage_open(&w, NULL, NULL);
        stage_ask(&w);
        stage_run(&w, rows[i].wait_ms);
        dialogue_abort(w.dialogue, i & 1);
        assert_int_equal(w.starts, w.stops);
        assert_false(dialogue_is_busy(w.dialogue));
        size_t told = w.told_count;
        stage_run(&w, 6000);
        if (w.told_count != told)
            fail_msg("%s: told %c after the abort", rows[i].name, w.told[told].what);
        fake_asr_script("")->plan.first_ms = fake_llm_script("")->plan.first_ms = 0;
        fake_tts_script("")->plan.first_ms = 0;
        unsigned turns = w.turns;
        stage_ask(&w);
        stage_run(&w, 9000);
        assert_int_equal(w.turns, turns + 1);
        assert_int_equal(w.last_outcome, OUTCOME_completed);
        stage_close(&w);
    }
}

static void a_device_may_vanish_at_any_moment(void **state)
{
    for (unsigned at = 0; at < 4500; at += 45) {
        script("tell me", "A first sentence. Then a second one.");
        fake_asr_script("")->plan.first_ms = 200;
        fake_llm_script("")->plan.first_ms = 200;
        fake_llm_script("")->plan.each_ms = 20;
        fake_tts_script("")->plan.first_ms = 200;
        stage_open(&w, NULL, NULL);
        dialogue_listen_start(w.dialogue, LISTEN_AUTO);
        unsigned spoken = MIN(at, 1500u);
        stage_speak(&w, spoken);
        stage_pause(&w, MIN(at - spoken, 780u));
        stage_run(&w, at > 2280 ? at - 2280 : 0);
        stage_close(&w);
    }
}

static void a_device_may_vanish_inside_any_event(void **state)
{
    static const char kinds[] = "T(e[a]).";
    for (size_t i = 0; kinds[i]; i++) {
        script("tell me", "A first sentence. Then a second one.");
        stage_open(&w, NULL, NULL);
        w.close_at = kinds[i];
        stage_ask(&w);
        stage_run(&w, 9000);
        assert_null(w.dialogue);
        stage_close(&w);
    }
}

/* ---- failures: never silent ---------------------------------------------------------------------------- */

/* One turn with a fault, then one without: the first ends with a sound or an alert and as many stops as
 * starts, the second works. */
static void check_fault(const char *what, unsigned nth, unsigned limit_ms)
{
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, limit_ms);
    if (w.turns != 1)
        fail_msg("%s %u: the turn hangs (%s)", what, nth, stage_story(&w));
    assert_int_equal(w.starts, w.stops);
    if (!w.frames && !w.alerts && w.last_outcome != OUTCOME_no_speech)
        fail_msg("%s %u: nothing was heard or seen (%s)", what, nth, stage_story(&w));
    stage_ask(&w);
    stage_run(&w, 9000);
    if (w.turns != 2 || w.last_outcome != OUTCOME_completed)
        fail_msg("%s %u: the next turn fails: %s (%s)", what, nth, outcome_name(w.last_outcome), stage_story(&w));
    stage_close(&w);
}

static struct fake_plan *plan_of(int stage)
{
    return stage == 0 ? &fake_asr_script("")->plan : stage == 1 ? &fake_llm_script("")->plan :
                                                                  &fake_tts_script("")->plan;
}

static const char *const stages[] = { "asr", "llm", "tts" };

static void a_provider_that_fails_at_its_nth_event_is_survived(void **state)
{
    for (int stage = 0; stage < 3; stage++) {
        for (unsigned nth = 0; nth < 14; nth++) {
            script("tell me", "A first sentence. Then a second one.");
            *plan_of(stage) = (struct fake_plan){ .error = ERR_UPSTREAM, .error_at = nth, .bad_streams = 1 };
            check_fault(stages[stage], nth, 9000);
        }
    }
}

static void a_provider_that_hangs_at_its_nth_event_is_survived(void **state)
{
    for (int stage = 0; stage < 3; stage++) {
        for (unsigned nth = 0; nth < 8; nth++) {
            script("tell me", "A first sentence. Then a second one.");
            *plan_of(stage) = (struct fake_plan){ .hangs = true, .error_at = nth, .bad_streams = 1 };
            check_fault(stages[stage], nth, 45000);
        }
    }
}

static void a_provider_that_cannot_be_opened_is_survived(void **state)
{
    for (int stage = 0; stage < 3; stage++) {
        script("tell me", "A first sentence. Then a second one.");
        *plan_of(stage) = (struct fake_plan){ .open_error = ERR_CONNECT, .bad_streams = 1 };
        check_fault(stages[stage], 0, 9000);
    }
}

static void an_apology_comes_within_three_seconds_of_the_failure(void **state)
{
    static const struct { int stage; enum outcome outcome; bool tts_works; } rows[] = {
        { 0, OUTCOME_asr_error, true },
        { 1, OUTCOME_llm_error, true },
        { 1, OUTCOME_llm_error, false },
        { 2, OUTCOME_tts_error, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        script("tell me", "A first sentence.");
        *plan_of(rows[i].stage) = (struct fake_plan){ .error = ERR_UPSTREAM };
        if (!rows[i].tts_works)
            *plan_of(2) = (struct fake_plan){ .error = rows[i].stage == 2 ? ERR_UPSTREAM : OK,
                                              .hangs = rows[i].stage != 2 };
        stage_open(&w, NULL, NULL);
        stage_ask(&w);
        uint64_t failed = loop_now_ms(w.loop);
        stage_run(&w, 9000);
        const struct told *sign = stage_find(&w, rows[i].tts_works ? 'a' : '!', 0);
        assert_non_null(sign);
        assert_true(sign->at_ms < failed + 3000);
        assert_int_equal(w.last_outcome, rows[i].outcome);
        assert_int_equal(w.starts, w.stops);
        stage_close(&w);
    }
}

static void an_empty_answer_is_a_failure_that_is_heard(void **state)
{
    script("tell me", "");
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, 9000);
    assert_int_equal(w.last_outcome, OUTCOME_llm_error);
    assert_true(w.frames > 0);
    assert_string_equal(stage_story(&w), "T(e[]).");
    stage_close(&w);
}

static void an_apology_heard_once_is_there_when_the_voice_fails_later(void **state)
{
    script("tell me", "A first sentence.");
    stage_open(&w, NULL, NULL);
    fake_llm_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM };
    stage_ask(&w);
    stage_run(&w, 9000);
    fake_llm_script("")->plan = (struct fake_plan){ 0 };
    fake_tts_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM };
    unsigned frames = w.frames;
    stage_ask(&w);
    stage_run(&w, 12000);
    assert_int_equal(w.last_outcome, OUTCOME_tts_error);
    assert_true(w.frames > frames);
    assert_int_equal(w.alerts, 0);
    stage_close(&w);
}

static void a_device_that_takes_nothing_for_a_second_loses_the_rest(void **state)
{
    script("tell me", "A long sentence that takes a good while to be spoken by anybody at all, be it man or machine.");
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    assert_true(stage_until(&w, 'a', 1000));
    w.audio_answer = ERR_LIMIT;
    assert_true(stage_until(&w, ')', 1500));
    stage_run(&w, 100);
    assert_int_equal(w.turns, 1);
    assert_int_equal(w.last_outcome, OUTCOME_timeout);
    stage_close(&w);
}

/* ---- history ------------------------------------------------------------------------------------------- */

static void history_holds_what_was_heard(void **state)
{
    script("tell me", "One two three four five six. Seven eight nine ten eleven twelve. Thirteen fourteen fifteen.");
    fake_tts_script("")->sentence_ms = 3000;
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, 5000); /* some 1.6 s into the second sentence */
    dialogue_abort(w.dialogue, false);
    auto_buf struct buf json = { 0 };
    assert_true(dialogue_turns_json(w.dialogue, &json));
    assert_non_null(strstr(json.data, "four five six. Seven"));
    assert_null(strstr(json.data, "twelve"));
    assert_null(strstr(json.data, "Thirteen"));
    stage_close(&w);
}

static void an_answer_nobody_heard_is_not_remembered(void **state)
{
    script("tell me", "One two three.");
    fake_tts_script("")->plan.first_ms = 2000;
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    stage_run(&w, 500);
    dialogue_abort(w.dialogue, false);
    auto_buf struct buf json = { 0 };
    assert_true(dialogue_turns_json(w.dialogue, &json));
    assert_null(strstr(json.data, "One"));
    assert_non_null(strstr(json.data, "tell me"));
    stage_close(&w);
}

/* ---- words that do something --------------------------------------------------------------------------- */

static void a_wake_word_is_greeted_and_the_second_time_from_the_cache(void **state)
{
    stage_open(&w, "wakeup_words: [\"hi parley\"]\n", NULL);
    for (int i = 0; i < 2; i++) {
        dialogue_detect(w.dialogue, SLICE("Hi, Parley!"));
        dialogue_listen_start(w.dialogue, LISTEN_AUTO);
        stage_run(&w, 5000);
        assert_string_equal(stage_story(&w), "T(e[]).");
        assert_int_equal(w.last_outcome, OUTCOME_completed);
        stage_forget(&w);
    }
    assert_int_equal(fake_tts_script("")->says, 1);
    assert_true(w.frames > 20);
    stage_close(&w);
}

static void a_wake_word_without_greeting_gets_stt_and_stop(void **state)
{
    stage_open(&w, "wakeup_words: [\"hi parley\"]\nenable_greeting: false\n", NULL);
    dialogue_detect(w.dialogue, SLICE("hi parley"));
    stage_run(&w, 1000);
    assert_string_equal(stage_story(&w), "T)");
    stage_close(&w);
}

static void wake_audio_is_not_recognised(void **state)
{
    stage_open(&w, "wakeup_words: [\"hi parley\"]\nenable_greeting: false\n", NULL);
    stage_speak(&w, 1200); /* comes before detect */
    dialogue_detect(w.dialogue, SLICE("hi parley"));
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_speak(&w, 900);
    stage_pause(&w, 2000);
    assert_int_equal(fake_asr_script("")->seen.opens, 0);
    stage_close(&w);
}

static void exit_words_end_the_conversation_without_a_sound(void **state)
{
    fake_asr_script("")->texts[0] = "Good-bye, then.";
    stage_open(&w, "exit_commands: [\"goodbye then\"]\n", NULL);
    stage_ask(&w);
    stage_run(&w, 1000);
    assert_string_equal(stage_story(&w), "T.x");
    assert_int_equal(w.frames, 0);
    stage_close(&w);
}

static void the_daily_limit_is_told_and_then_the_line_is_closed(void **state)
{
    script("tell me", "Twenty characters or more.");
    stage_open(&w, "device_max_output_size: 20\n", NULL);
    stage_ask(&w);
    stage_run(&w, 6000);
    assert_int_equal(w.closes, 0);
    stage_ask(&w);
    stage_run(&w, 9000);
    assert_int_equal(w.last_outcome, OUTCOME_limit);
    assert_int_equal(w.closes, 1);
    stage_close(&w);
}

/* ---- what we say by ourselves -------------------------------------------------------------------------- */

static unsigned done_count;
static enum outcome done_outcome;

static void on_done(void *user, enum outcome o)
{
    done_count++;
    done_outcome = o;
}

static void sentences_of_others_wait_for_the_turn_to_end(void **state)
{
    script("tell me", "A first sentence.");
    done_count = 0;
    stage_open(&w, NULL, NULL);
    stage_ask(&w);
    struct say_opts now = { .on_done = on_done }, later = { .is_queued = true, .on_done = on_done };
    assert_int_equal(dialogue_say(w.dialogue, SLICE("A message."), &now), ERR_BUSY);
    assert_ok(dialogue_say(w.dialogue, SLICE("A message."), &later));
    stage_run(&w, 9000);
    assert_string_equal(stage_story(&w), "T(e[]).(e[]).");
    assert_string_equal(stage_find(&w, '[', 1)->text, "A message.");
    assert_int_equal(done_count, 1);
    assert_int_equal(done_outcome, OUTCOME_completed);
    stage_close(&w);
}

static void the_queue_of_sentences_is_bounded(void **state)
{
    fake_tts_script("")->plan.hangs = true;
    stage_open(&w, NULL, NULL);
    struct say_opts later = { .is_queued = true };
    unsigned taken = 0;
    for (int i = 0; i < 20; i++)
        taken += dialogue_say(w.dialogue, SLICE("x"), &later) == OK;
    assert_int_equal(taken, 9); /* one is being said */
    stage_close(&w);
}

static void a_farewell_closes_when_it_was_played_unless_somebody_speaks(void **state)
{
    struct say_opts bye = { .is_farewell = true };
    stage_open(&w, NULL, NULL);
    assert_ok(dialogue_say(w.dialogue, SLICE("I will rest now."), &bye));
    stage_run(&w, 200);
    assert_int_equal(w.closes, 0);
    stage_run(&w, 4000);
    assert_string_equal(stage_story(&w), "(e[]).x");
    stage_forget(&w);
    assert_ok(dialogue_say(w.dialogue, SLICE("I will rest now."), &bye));
    stage_run(&w, 200);
    dialogue_detect(w.dialogue, SLICE("wait"));
    stage_run(&w, 6000);
    assert_int_equal(w.closes, 1);
    stage_close(&w);
}

static void a_farewell_of_the_model_falls_back_to_fixed_words(void **state)
{
    static const struct { struct fake_plan plan; const char *said; } rows[] = {
        { { 0 }, "So long!" },
        { { .hangs = true }, "Good night." },
        { { .error = ERR_UPSTREAM }, "Good night." },
        { { .open_error = ERR_CONNECT }, "Good night." },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_llm_script("")->replies[0].text = "So long!";
        fake_llm_script("")->plan = rows[i].plan;
        stage_open(&w, NULL, NULL);
        struct say_opts bye = { .is_farewell = true, .is_prompt = true, .otherwise = SLICE("Good night.") };
        assert_ok(dialogue_say(w.dialogue, SLICE("Say good-bye."), &bye));
        stage_run(&w, 9000);
        assert_string_equal(stage_find(&w, '[', 0)->text, rows[i].said);
        assert_int_equal(w.closes, 1);
        stage_close(&w);
    }
}

/* ---- small print of listening -------------------------------------------------------------------------- */

static void first_words_before_listen_start_are_kept(void **state)
{
    fake_asr_script("")->texts[0] = "early bird";
    stage_open(&w, NULL, NULL);
    stage_pause(&w, 300);
    stage_speak(&w, 900);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_pause(&w, 900);
    assert_non_null(stage_find(&w, 'T', 0));
    stage_run(&w, 5000);
    stage_close(&w);
}

static void a_new_start_forgets_what_was_buffered(void **state)
{
    script("forgotten", "Yes.");
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_speak(&w, 900);
    stage_run(&w, 400);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_pause(&w, 2000);
    assert_string_equal(stage_story(&w), "");
    stage_close(&w);
}

static void a_start_repeated_at_once_forgets_nothing(void **state)
{
    script("once", "Yes.");
    stage_open(&w, NULL, NULL);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_speak(&w, 180);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    stage_speak(&w, 900);
    stage_pause(&w, 900);
    assert_non_null(stage_find(&w, 'T', 0));
    assert_true(fake_asr_script("")->samples / 16 >= 1500);
    stage_run(&w, 5000);
    stage_close(&w);
}

static void garbage_packets_are_dropped_and_the_next_one_is_heard(void **state)
{
    stage_open(&w, NULL, NULL);
    fake_asr_script("")->texts[0] = "through the noise";
    dialogue_listen_start(w.dialogue, LISTEN_AUTO);
    for (int i = 0; i < 200; i++) {
        char junk[40];
        for (size_t k = 0; k < sizeof junk; k++)
            junk[k] = (char)(i * 37 + (int)k * 101);
        dialogue_audio_in(w.dialogue, slice_from(junk, (size_t)i % sizeof junk), 0);
    }
    stage_pause(&w, 3000);
    stage_run(&w, 9000);
    stage_forget(&w);
    dialogue_abort(w.dialogue, false);
    stage_ask(&w);
    stage_run(&w, 5000);
    assert_non_null(stage_find(&w, 'T', 0));
    stage_close(&w);
}

static void nothing_starts_before_hello(void **state)
{
    stage_open(&w, NULL, NULL);
    struct dialogue *d;
    assert_ok(dialogue_create(&d, &w.opts));
    dialogue_listen_start(d, LISTEN_MANUAL);
    dialogue_audio_in(d, slice_from(w.loud, w.loud_len), 0);
    dialogue_detect(d, SLICE("hello"));
    dialogue_listen_stop(d);
    dialogue_abort(d, false);
    assert_int_equal(dialogue_say(d, SLICE("x"), &(struct say_opts){ 0 }), ERR_STATE);
    stage_run(&w, 3000);
    assert_string_equal(stage_story(&w), "");
    dialogue_close(d);
    stage_close(&w);
}

/* ---- modes --------------------------------------------------------------------------------------------- */

struct mode {
    struct dialogue *dialogue;
};
static uint32_t heard_turn;
static unsigned left;

static enum err slow_enter(struct mode **out, struct dialogue *d, const struct json *args)
{
    *out = xnew(struct mode);
    (*out)->dialogue = d;
    return OK;
}

static void slow_heard(struct mode *m, uint32_t turn, struct slice text)
{
    heard_turn = turn;
}

static void slow_leave(struct mode *m, enum err why)
{
    left++;
    mem_free(m);
}

static const struct mode_class slow_mode = {
    .name = "slow", .purpose = "chat", .enter = slow_enter, .on_heard = slow_heard, .leave = slow_leave,
};

static void a_mode_answers_later_and_a_stale_answer_is_dropped(void **state)
{
    left = 0;
    stage_open(&w, NULL, &(struct dialogue_opts){ .mode = &slow_mode });
    dialogue_detect(w.dialogue, SLICE("first"));
    uint32_t first = heard_turn;
    stage_run(&w, 1000);
    dialogue_detect(w.dialogue, SLICE("second"));
    assert_int_not_equal(heard_turn, first);
    turn_speak(w.dialogue, first, SLICE("Too late."));
    stage_run(&w, 500);
    assert_int_equal(w.frames, 0);
    turn_speak(w.dialogue, heard_turn, SLICE("In time."));
    turn_speak(w.dialogue, heard_turn, SLICE("Twice."));
    stage_run(&w, 4000);
    assert_string_equal(stage_story(&w), "T.T(e[]).");
    assert_string_equal(stage_find(&w, '[', 0)->text, "In time.");
    dialogue_detect(w.dialogue, SLICE("third"));
    turn_silence(w.dialogue, heard_turn);
    stage_run(&w, 500);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    assert_int_equal(w.starts, 1);
    stage_close(&w);
    assert_int_equal(left, 1);
}

static void a_mode_that_never_answers_does_not_hang_the_turn(void **state)
{
    stage_open(&w, NULL, &(struct dialogue_opts){ .mode = &slow_mode });
    dialogue_detect(w.dialogue, SLICE("first"));
    stage_run(&w, 70000);
    assert_int_equal(w.last_outcome, OUTCOME_timeout);
    assert_true(w.frames > 0);
    stage_close(&w);
}

/* What is said in a meeting is taken under any load; chat is chat, also where a mode decides about it. */
static void under_load_only_chat_is_refused(void **state)
{
    struct mode_class meeting = slow_mode;
    meeting.purpose = "meeting";
    const struct {
        const struct mode_class *mode;
        bool is_heard;
    } rows[] = { { &slow_mode, false }, { &meeting, true } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        heard_turn = 0;
        stage_open(&w, NULL, &(struct dialogue_opts){ .mode = rows[i].mode });
        loop_pretend_load(w.loop, 95);
        dialogue_detect(w.dialogue, SLICE("first"));
        stage_run(&w, 8000);
        assert_int_equal(heard_turn != 0, rows[i].is_heard);
        assert_int_equal(w.outcomes[OUTCOME_busy], !rows[i].is_heard);
        stage_close(&w);
    }
}

/* ---- tools --------------------------------------------------------------------------------------------- */

static struct tool_call *waiting;
static unsigned tool_calls;

static enum err lamp_call(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args)
{
    tool_calls++;
    if (slice_is(tool, "wait"))
        waiting = c;
    else if (slice_is(tool, "say"))
        tool_call_end(c, &(struct tool_result){ .then = TOOL_SAY, .text = SLICE("The lamp is on.") });
    else if (slice_is(tool, "bye"))
        tool_call_end(c, &(struct tool_result){ .then = TOOL_SAY_CLOSE, .text = SLICE("Bye.") });
    else if (slice_is(tool, "quiet"))
        tool_call_end(c, &(struct tool_result){ .then = TOOL_SILENT });
    else
        tool_call_text(c, SLICE("on"));
    return OK;
}

static void lamp_cancel(struct tool_source *s, struct tool_call *c)
{
    waiting = NULL;
}

static struct toolbox *open_with_tools(void)
{
    static struct tool_source lamp = { .name = "lamp", .call = lamp_call, .cancel = lamp_cancel };
    static const char *const names[] = { "wait", "say", "bye", "quiet", "set" };
    struct toolbox *box;
    tool_calls = 0;
    stage_open(&w, NULL, NULL);
    dialogue_close(w.dialogue);
    loop_step(w.loop, 0);
    assert_ok(toolbox_create(&box, &(struct toolbox_opts){ .loop = w.loop, .log = &w.log, .is_bare = true }));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_ok(toolbox_add(box, &lamp, &(struct tool_offer){ .name = slice_of(names[i]),
                                                                .description = SLICE("d") }));
    w.opts.tools = box;
    assert_ok(dialogue_create(&w.dialogue, &w.opts));
    struct dialogue_audio audio = { .in_rate_hz = 16000, .out_rate_hz = 24000, .out_frame_us = 60000 };
    dialogue_hello(w.dialogue, &audio);
    stage_run(&w, 10);
    return box;
}

static void close_with_tools(struct toolbox *box)
{
    dialogue_close(w.dialogue);
    w.dialogue = NULL;
    w.is_closed = true;
    loop_step(w.loop, 0);
    toolbox_free(box);
    stage_close(&w);
}

static void a_tools_result_goes_back_to_the_model(void **state)
{
    fake_llm_script("")->replies[0] = (struct fake_reply){ .tool = "set", .tool_args = "{}" };
    fake_llm_script("")->replies[1].text = "It is done.";
    struct toolbox *box = open_with_tools();
    dialogue_detect(w.dialogue, SLICE("light"));
    stage_run(&w, 5000);
    assert_int_equal(tool_calls, 1);
    assert_string_equal(stage_find(&w, '[', 0)->text, "It is done.");
    char asked[400];
    fakes_asked(asked, sizeof asked);
    assert_non_null(strstr(asked, "on"));
    close_with_tools(box);
}

static void what_a_tool_leads_to(void **state)
{
    static const struct { const char *tool, *story, *said; } rows[] = {
        { "say", "T(e[]).", "The lamp is on." },
        { "bye", "T(e[]).x", "Bye." },
        { "quiet", "T().", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_llm_script("")->replies[0] = (struct fake_reply){ .tool = rows[i].tool, .tool_args = "{}" };
        struct toolbox *box = open_with_tools();
        dialogue_detect(w.dialogue, SLICE("light"));
        stage_run(&w, 5000);
        assert_string_equal(stage_story(&w), rows[i].story);
        if (rows[i].said)
            assert_string_equal(stage_find(&w, '[', 0)->text, rows[i].said);
        assert_int_equal(w.last_outcome, OUTCOME_completed);
        close_with_tools(box);
    }
}

static void a_model_that_calls_tools_for_ever_is_stopped(void **state)
{
    fake_llm_script("")->replies[0] = (struct fake_reply){ .tool = "set", .tool_args = "{}" };
    struct toolbox *box = open_with_tools();
    dialogue_detect(w.dialogue, SLICE("light"));
    stage_run(&w, 9000);
    assert_int_equal(tool_calls, 5);
    assert_int_equal(w.turns, 1);
    assert_true(w.frames > 0); /* an apology */
    close_with_tools(box);
}

static void an_unknown_tool_is_told_to_the_model(void **state)
{
    fake_llm_script("")->replies[0] = (struct fake_reply){ .tool = "rocket", .tool_args = "{}" };
    fake_llm_script("")->replies[1].text = "I have no rocket.";
    struct toolbox *box = open_with_tools();
    dialogue_detect(w.dialogue, SLICE("fly"));
    stage_run(&w, 5000);
    assert_string_equal(stage_find(&w, '[', 0)->text, "I have no rocket.");
    close_with_tools(box);
}

static void an_abort_while_a_tool_runs_cancels_it(void **state)
{
    fake_llm_script("")->replies[0] = (struct fake_reply){ .tool = "wait", .tool_args = "{}" };
    fake_llm_script("")->replies[1].text = "Fine.";
    struct toolbox *box = open_with_tools();
    dialogue_detect(w.dialogue, SLICE("light"));
    stage_run(&w, 500);
    assert_non_null(waiting);
    dialogue_abort(w.dialogue, false);
    assert_null(waiting);
    assert_int_equal(w.last_outcome, OUTCOME_aborted);
    dialogue_detect(w.dialogue, SLICE("again"));
    stage_run(&w, 5000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    close_with_tools(box);
}

/* After a test that failed half way. */
static int tidy_up(void **state)
{
    stage_abandon(&w);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_spoken_question_gets_a_spoken_answer, tidy_up),
        cmocka_unit_test_teardown(times_of_a_turn_stand_in_order, tidy_up),
        cmocka_unit_test_teardown(a_turn_is_measured_once, tidy_up),
        cmocka_unit_test_teardown(the_microphone_is_closed_before_the_model_has_answered, tidy_up),
        cmocka_unit_test_teardown(ten_turns_in_a_row_are_heard, tidy_up),
        cmocka_unit_test_teardown(silence_after_listen_start_makes_no_utterance, tidy_up),
        cmocka_unit_test_teardown(words_that_are_none_are_ignored_and_the_device_keeps_listening, tidy_up),
        cmocka_unit_test_teardown(manual_listening_hears_everything_until_stop, tidy_up),
        cmocka_unit_test_teardown(a_manual_press_of_more_than_a_minute_is_recognised_in_pieces, tidy_up),
        cmocka_unit_test_teardown(a_recogniser_that_takes_opus_gets_the_devices_packets, tidy_up),
        cmocka_unit_test_teardown(typed_text_is_an_utterance, tidy_up),
        cmocka_unit_test_teardown(a_client_of_pcm_is_heard_and_answered_in_pcm, tidy_up),
        cmocka_unit_test_teardown(packets_of_silence_are_time_that_passes, tidy_up),
        cmocka_unit_test_teardown(an_idle_dialogue_is_small, tidy_up),
        cmocka_unit_test_teardown(a_dialogue_that_rests_is_as_small_as_before, tidy_up),
        cmocka_unit_test_teardown(an_ear_that_hears_silence_does_not_rest, tidy_up),
        cmocka_unit_test_teardown(a_dialogue_of_any_length_stays_within_its_memory, tidy_up),
        cmocka_unit_test_teardown(under_load_who_talks_goes_on_and_who_begins_is_told_busy, tidy_up),
        cmocka_unit_test_teardown(who_is_told_busy_is_not_recognised_first, tidy_up),
        cmocka_unit_test_teardown(who_cuts_busy_off_has_no_conversation_by_that, tidy_up),
        cmocka_unit_test_teardown(under_load_a_greeting_does_not_count_as_a_conversation, tidy_up),
        cmocka_unit_test_teardown(under_load_only_chat_is_refused, tidy_up),
        cmocka_unit_test_teardown(realtime_resumes_after_stop_and_start, tidy_up),
        cmocka_unit_test_teardown(recognised_words_interrupt_in_realtime, tidy_up),
        cmocka_unit_test_teardown(voice_alone_interrupts_a_device_that_cancels_echo, tidy_up),
        cmocka_unit_test_teardown(an_abort_in_any_state_stops_at_once_and_for_good, tidy_up),
        cmocka_unit_test_teardown(a_device_may_vanish_at_any_moment, tidy_up),
        cmocka_unit_test_teardown(a_device_may_vanish_inside_any_event, tidy_up),
        cmocka_unit_test_teardown(a_provider_that_fails_at_its_nth_event_is_survived, tidy_up),
        cmocka_unit_test_teardown(a_provider_that_hangs_at_its_nth_event_is_survived, tidy_up),
        cmocka_unit_test_teardown(a_provider_that_cannot_be_opened_is_survived, tidy_up),
        cmocka_unit_test_teardown(an_apology_comes_within_three_seconds_of_the_failure, tidy_up),
        cmocka_unit_test_teardown(an_empty_answer_is_a_failure_that_is_heard, tidy_up),
        cmocka_unit_test_teardown(an_apology_heard_once_is_there_when_the_voice_fails_later, tidy_up),
        cmocka_unit_test_teardown(a_device_that_takes_nothing_for_a_second_loses_the_rest, tidy_up),
        cmocka_unit_test_teardown(history_holds_what_was_heard, tidy_up),
        cmocka_unit_test_teardown(an_answer_nobody_heard_is_not_remembered, tidy_up),
        cmocka_unit_test_teardown(a_wake_word_is_greeted_and_the_second_time_from_the_cache, tidy_up),
        cmocka_unit_test_teardown(a_wake_word_without_greeting_gets_stt_and_stop, tidy_up),
        cmocka_unit_test_teardown(wake_audio_is_not_recognised, tidy_up),
        cmocka_unit_test_teardown(exit_words_end_the_conversation_without_a_sound, tidy_up),
        cmocka_unit_test_teardown(the_daily_limit_is_told_and_then_the_line_is_closed, tidy_up),
        cmocka_unit_test_teardown(sentences_of_others_wait_for_the_turn_to_end, tidy_up),
        cmocka_unit_test_teardown(the_queue_of_sentences_is_bounded, tidy_up),
        cmocka_unit_test_teardown(a_farewell_closes_when_it_was_played_unless_somebody_speaks, tidy_up),
        cmocka_unit_test_teardown(a_farewell_of_the_model_falls_back_to_fixed_words, tidy_up),
        cmocka_unit_test_teardown(first_words_before_listen_start_are_kept, tidy_up),
        cmocka_unit_test_teardown(a_new_start_forgets_what_was_buffered, tidy_up),
        cmocka_unit_test_teardown(a_start_repeated_at_once_forgets_nothing, tidy_up),
        cmocka_unit_test_teardown(garbage_packets_are_dropped_and_the_next_one_is_heard, tidy_up),
        cmocka_unit_test_teardown(nothing_starts_before_hello, tidy_up),
        cmocka_unit_test_teardown(a_mode_answers_later_and_a_stale_answer_is_dropped, tidy_up),
        cmocka_unit_test_teardown(a_mode_that_never_answers_does_not_hang_the_turn, tidy_up),
        cmocka_unit_test_teardown(a_tools_result_goes_back_to_the_model, tidy_up),
        cmocka_unit_test_teardown(what_a_tool_leads_to, tidy_up),
        cmocka_unit_test_teardown(a_model_that_calls_tools_for_ever_is_stopped, tidy_up),
        cmocka_unit_test_teardown(an_unknown_tool_is_told_to_the_model, tidy_up),
        cmocka_unit_test_teardown(an_abort_while_a_tool_runs_cancels_it, tidy_up),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
