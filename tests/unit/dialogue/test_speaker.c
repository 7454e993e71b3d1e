/* SPDX-License-Identifier: MIT
 * test_speaker.c -- when packets leave, on a hand-moved clock, with a scripted synthesiser. */
#include "audio/ogg_crc.h"
#include "audio/packet.h"
#include "base/utf8.h"
#include "dialogue/speaker.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "tests/support/stage.h"

static struct stage w; /* for its loop, registry and configuration; its own dialogue stays idle */

struct heard {
    struct speaker *speaker;
    uint64_t start_ms, stop_ms, frame_ms[2048];
    unsigned frames, starts, stops, firsts, played, failed;
    char order[4096];
    size_t order_len;
    uint32_t duration_us; /* of every packet; 0: PCM */
    size_t bytes;
    enum err answer;
    bool cancel_in_audio;
    uint32_t timestamp_ms; /* of the last frame */
    unsigned backwards;    /* time stamps that did not grow */
    uint32_t sum;          /* of all packets */
};
static struct heard h;

static void put(char c)
{
    if (h.order_len + 1 < sizeof h.order && !(c == 'a' && h.order_len && h.order[h.order_len - 1] == 'a'))
        h.order[h.order_len++] = c;
}

static void on_start(void *user)
{
    h.starts++;
    h.start_ms = loop_now_ms(w.loop);
    put('(');
}

static void on_stop(void *user)
{
    h.stops++;
    h.stop_ms = loop_now_ms(w.loop);
    put(')');
}

static void on_sentence_start(void *user, struct slice text)
{
    put('[');
}

static void on_sentence_end(void *user, struct slice text)
{
    put(']');
}

static enum err on_audio(void *user, struct slice packet, uint32_t timestamp_ms)
{
    h.frame_ms[h.frames++ % COUNT(h.frame_ms)] = loop_now_ms(w.loop);
    h.bytes += packet.len;
    h.sum = ogg_crc(h.sum, packet);
    h.backwards += timestamp_ms <= h.timestamp_ms;
    h.timestamp_ms = timestamp_ms;
    uint32_t us = packet_duration_us(packet);
    h.duration_us = h.frames == 1 || h.duration_us == us ? us : 1;
    put('a');
    if (h.cancel_in_audio)
        speaker_cancel(h.speaker);
    return h.answer;
}

static void on_first(void *user)
{
    h.firsts++;
}

static void on_played(void *user)
{
    h.played++;
}

static void on_failed(void *user, const struct err_note *why)
{
    h.failed++;
}

static const struct speaker_events events = {
    .tts_start = on_start, .tts_stop = on_stop, .sentence_start = on_sentence_start,
    .sentence_end = on_sentence_end, .audio = on_audio, .on_first = on_first, .on_played = on_played,
    .on_failed = on_failed,
};

static const struct speaker_format usual = {
    .format = AUDIO_OPUS, .rate_hz = 24000, .frame_us = 60000, .lead_frames = 4, .start_gap_ms = 80,
    .timeout_ms = 10000,
};

static void open_speaker(const struct speaker_format *f, const char *yaml)
{
    stage_open(&w, yaml, NULL);
    h = (struct heard){ 0 };
    speaker_create(&h.speaker, w.loop, w.registry, &events, NULL);
    speaker_set_format(h.speaker, f);
}

static void begin(void)
{
    struct use_opts use = { .env = &w.env, .config = w.config, .language = "en-US", .log = &w.log };
    speaker_begin(h.speaker, &use);
}

/* A whole reply of so many equal sentences. */
static void say_all(unsigned sentences)
{
    begin();
    for (unsigned i = 0; i < sentences; i++)
        assert_ok(speaker_say(h.speaker, SLICE("One sentence.")));
    speaker_finish(h.speaker);
}

static void close_speaker(void)
{
    assert_int_equal(h.starts, h.stops);
    speaker_free(h.speaker);
    h.speaker = NULL;
    stage_close(&w);
}

static int tidy_up(void **state)
{
    speaker_free(h.speaker);
    h.speaker = NULL;
    stage_abandon(&w);
    return 0;
}

static void run(unsigned ms) /* to the millisecond */
{
    for (unsigned i = 0; i < ms; i++) {
        loop_step(w.loop, 0);
        loop_advance(w.loop, 1);
    }
    loop_step(w.loop, 0);
}

static void frames_ramp_up_to_the_lead_and_then_keep_time(void **state)
{
    fake_tts_script("")->sentence_ms = 1800;
    open_speaker(&usual, NULL);
    say_all(1);
    run(3000);
    assert_int_equal(h.frames, 30);
    assert_true(h.frame_ms[0] - h.start_ms >= 80);
    assert_true(h.frame_ms[0] - h.start_ms <= 100);
    for (unsigned i = 1; i < h.frames; i++) {
        uint64_t gap = h.frame_ms[i] - h.frame_ms[i - 1];
        assert_true(gap >= 25 && gap <= 61);
        uint64_t played = h.frame_ms[0] + i * 60; /* when the device comes to frame i */
        assert_true(h.frame_ms[i] <= played);
        assert_true(played - h.frame_ms[i] <= 240);
        if (i >= 8)
            assert_in_range(played - h.frame_ms[i], 175, 240); /* the lead holds */
    }
    uint64_t end = h.frame_ms[0] + 30 * 60;
    assert_in_range(h.stop_ms, end + 55, end + 125);
    assert_string_equal(h.order, "([a])");
    assert_int_equal(h.duration_us, 60000);
    assert_int_equal(h.firsts, 1);
    assert_int_equal(h.played, 1);
    close_speaker();
}

static void time_stamps_grow_also_when_the_settings_change(void **state)
{
    struct speaker_format patient = usual;
    patient.lead_frames = 8;
    fake_tts_script("")->sentence_ms = 600;
    open_speaker(&usual, NULL);
    for (unsigned i = 0; i < 3; i++) {
        say_all(1);
        run(2000);
        assert_int_equal(h.stops, i + 1);
        speaker_set_format(h.speaker, &patient);
    }
    assert_int_equal(h.frames, 30);
    assert_int_equal(h.backwards, 0);
    assert_int_equal(h.timestamp_ms, 1800);
    close_speaker();
}

static void sentences_are_marked_in_step_with_their_sound(void **state)
{
    fake_tts_script("")->sentence_ms = 600;
    open_speaker(&usual, NULL);
    say_all(3);
    run(4000);
    assert_string_equal(h.order, "([a][a][a])");
    close_speaker();
}

static void late_sentences_continue_the_same_reply(void **state)
{
    fake_tts_script("")->sentence_ms = 300;
    open_speaker(&usual, NULL);
    begin();
    assert_ok(speaker_say(h.speaker, SLICE("One.")));
    run(3000); /* the device has run dry */
    assert_int_equal(h.stops, 0);
    uint64_t again = loop_now_ms(w.loop);
    assert_ok(speaker_say(h.speaker, SLICE("Two.")));
    speaker_finish(h.speaker);
    run(2000);
    assert_string_equal(h.order, "([a][a])");
    assert_true(h.frame_ms[5] - again <= 20);
    assert_true(h.frame_ms[6] - h.frame_ms[5] >= 25);
    close_speaker();
}

static void a_reply_of_nothing_is_start_and_stop(void **state)
{
    open_speaker(&usual, NULL);
    begin();
    speaker_finish(h.speaker);
    run(500);
    assert_string_equal(h.order, "()");
    assert_int_equal(h.played, 1);
    close_speaker();
}

static void cancel_stops_at_once_and_for_good(void **state)
{
    for (unsigned at = 0; at < 1500; at += 37) {
        fake_tts_script("")->sentence_ms = 900;
        open_speaker(&usual, NULL);
        say_all(1);
        run(at);
        unsigned stops = h.stops, frames = h.frames;
        speaker_cancel(h.speaker);
        assert_int_equal(h.stops, 1);
        run(2000);
        assert_int_equal(h.frames, frames);
        assert_int_equal(h.played, stops);
        close_speaker();
    }
}

static void a_cancel_inside_an_event_is_final(void **state)
{
    open_speaker(&usual, NULL);
    h.cancel_in_audio = true;
    say_all(1);
    run(2000);
    assert_string_equal(h.order, "([a)");
    assert_int_equal(h.played, 0);
    close_speaker();
}

static void every_synthesiser_rate_and_form_arrives_as_announced(void **state)
{
    static const struct { const char *yaml; struct speaker_format f; uint32_t duration_us; } forms[] = {
        { NULL, { AUDIO_OPUS, 24000, 60000, 4, 80, 0, 0, 9000, false }, 60000 },
        { NULL, { AUDIO_OPUS, 16000, 20000, 4, 80, 0, 0, 9000, false }, 20000 },
        { NULL, { AUDIO_PCM, 16000, 60000, 4, 80, 0, 0, 9000, false }, 0 },
        { "o", { AUDIO_OPUS, 24000, 60000, 4, 80, 0, 0, 9000, false }, 60000 }, /* 3 x 20 ms joined */
        { "o", { AUDIO_OPUS, 24000, 20000, 4, 80, 0, 0, 9000, false }, 20000 }, /* passed on */
        { "o", { AUDIO_OPUS, 24000, 10000, 4, 80, 0, 0, 9000, false }, 10000 }, /* decoded and coded anew */
        { "o", { AUDIO_PCM, 24000, 60000, 4, 80, 0, 0, 9000, false }, 0 },
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        fake_tts_script("")->sentence_ms = 1230;
        open_speaker(&forms[i].f, NULL);
        if (forms[i].yaml) {
            struct err_note why;
            config_unref(w.config);
            assert_ok(config_parse(&w.config, SLICE("selected_module: {TTS: o}\nTTS: {o: {type: fake_opus}}\n"),
                                   "o", &why));
        }
        say_all(1);
        run(3000);
        unsigned want = (1230000 + forms[i].f.frame_us - 1) / forms[i].f.frame_us;
        if (h.frames < want || h.frames > want + 2)
            fail_msg("form %zu: %u frames, want %u", i, h.frames, want);
        if (forms[i].duration_us)
            assert_int_equal(h.duration_us, forms[i].duration_us);
        else
            assert_int_equal(h.bytes, h.frames * (forms[i].f.rate_hz / 1000 * forms[i].f.frame_us / 1000) * 2);
        close_speaker();
    }
}

static void a_busy_synthesiser_is_asked_again(void **state)
{
    fake_tts_script("")->sentence_ms = 300;
    fake_tts_script("")->busy_at = 2;
    open_speaker(&usual, NULL);
    say_all(3);
    run(4000);
    assert_string_equal(h.order, "([a][a][a])");
    close_speaker();
}

static void much_audio_holds_the_synthesiser_back(void **state)
{
    fake_tts_script("")->sentence_ms = 6000;
    open_speaker(&usual, NULL);
    say_all(20);
    size_t most = 0;
    for (int i = 0; i < 125; i++) {
        run(1000);
        most = MAX(most, speaker_bytes(h.speaker));
    }
    assert_int_equal(h.frames, 2000);
    assert_int_equal(h.played, 1);
    assert_true(most < 400000);
    close_speaker();
}

static void a_failure_before_a_sound_is_told_and_after_one_is_played_out(void **state)
{
    for (unsigned nth = 0; nth < 12; nth++) {
        fake_tts_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM, .error_at = nth };
        fake_tts_script("")->sentence_ms = 300;
        open_speaker(&usual, NULL);
        begin();
        assert_ok(speaker_say(h.speaker, SLICE("One sentence.")));
        assert_ok(speaker_say(h.speaker, SLICE("Two sentences.")));
        speaker_finish(h.speaker);
        run(3000);
        assert_int_equal(h.failed, nth == 0);
        assert_int_equal(h.played, nth != 0);
        if (h.failed)
            speaker_cancel(h.speaker);
        else
            assert_int_equal(speaker_error(h.speaker), ERR_UPSTREAM);
        close_speaker();
    }
}

static void what_was_heard_grows_with_what_was_played(void **state)
{
    fake_tts_script("")->sentence_ms = 1200;
    open_speaker(&usual, NULL);
    begin();
    assert_ok(speaker_say(h.speaker, SLICE("One two three four.")));
    assert_ok(speaker_say(h.speaker, SLICE("\xE4\xBD\xA0\xE5\xA5\xBD\xE4\xB8\x96\xE7\x95\x8C\xE3\x80\x82")));
    speaker_finish(h.speaker);
    size_t before = 0;
    for (int i = 0; i < 30; i++) {
        auto_buf struct buf text = { 0 };
        run(100);
        speaker_heard(h.speaker, &text);
        assert_true(text.len >= before);
        assert_true(utf8_valid(buf_slice(&text)));
        before = text.len;
        if (i == 7) { /* 0.8 s: some two thirds of the first sentence less the start gap, at a word */
            assert_true(text.len == 4 - 1 || text.len == 8 - 1 || text.len == 14 - 1 || text.len == 8);
            assert_memory_equal(text.data, "One", 3);
        }
    }
    assert_int_equal(before, 19 + 15);
    close_speaker();
}

static void a_tone_ends_the_reply_when_wanted(void **state)
{
    struct speaker_format f = usual;
    f.has_end_tone = true;
    fake_tts_script("")->sentence_ms = 600;
    open_speaker(&f, NULL);
    say_all(1);
    run(3000);
    assert_true(h.frames > 10);
    assert_string_equal(h.order, "([a]a)");
    close_speaker();
}

static void a_gap_inside_a_sentence_is_counted_and_one_between_two_is_not(void **state)
{
    metrics_reset();
    fake_tts_script("")->sentence_ms = 1200;
    open_speaker(&usual, NULL);
    begin();
    assert_ok(speaker_say(h.speaker, SLICE("Said in time.")));
    speaker_finish(h.speaker);
    run(3500);
    assert_int_equal(metric_value(METRIC_underruns_total), 0);
    assert_int_equal(metric_count(METRIC_turn_tts_leading_silence_seconds), 1);

    fake_tts_script("")->plan.each_ms = 400; /* 60 ms of sound each time: the device runs dry */
    fake_tts_script("")->sentence_ms = 240;
    begin();
    assert_ok(speaker_say(h.speaker, SLICE("In pieces.")));
    assert_ok(speaker_say(h.speaker, SLICE("And this.")));
    speaker_finish(h.speaker);
    run(6000);
    assert_int_equal(metric_value(METRIC_underruns_total), 6); /* the gap between the two is none */
    assert_int_equal(metric_value(METRIC_frames_late_total), 0); /* they left as soon as they were made */
    assert_int_equal(metric_count(METRIC_turn_tts_leading_silence_seconds), 2);
    close_speaker();
}

static uint32_t sum_at_load(unsigned percent)
{
    fake_tts_script("")->sentence_ms = 600;
    open_speaker(&usual, NULL);
    loop_pretend_load(w.loop, percent);
    begin();
    assert_ok(speaker_say(h.speaker, SLICE("Hello there.")));
    speaker_finish(h.speaker);
    stage_run(&w, 3000);
    assert_int_equal(h.played, 1);
    uint32_t sum = h.sum;
    close_speaker();
    return sum;
}

static void replies_that_begin_under_load_are_coded_at_less_cost(void **state)
{
    uint32_t usual_sum = sum_at_load(0);
    assert_int_equal(sum_at_load(SPEAKER_BUSY_PERCENT), usual_sum);
    assert_int_not_equal(sum_at_load(SPEAKER_BUSY_PERCENT + 1), usual_sum);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(frames_ramp_up_to_the_lead_and_then_keep_time, tidy_up),
        cmocka_unit_test_teardown(time_stamps_grow_also_when_the_settings_change, tidy_up),
        cmocka_unit_test_teardown(sentences_are_marked_in_step_with_their_sound, tidy_up),
        cmocka_unit_test_teardown(late_sentences_continue_the_same_reply, tidy_up),
        cmocka_unit_test_teardown(a_reply_of_nothing_is_start_and_stop, tidy_up),
        cmocka_unit_test_teardown(cancel_stops_at_once_and_for_good, tidy_up),
        cmocka_unit_test_teardown(a_cancel_inside_an_event_is_final, tidy_up),
        cmocka_unit_test_teardown(every_synthesiser_rate_and_form_arrives_as_announced, tidy_up),
        cmocka_unit_test_teardown(a_busy_synthesiser_is_asked_again, tidy_up),
        cmocka_unit_test_teardown(much_audio_holds_the_synthesiser_back, tidy_up),
        cmocka_unit_test_teardown(a_failure_before_a_sound_is_told_and_after_one_is_played_out, tidy_up),
        cmocka_unit_test_teardown(what_was_heard_grows_with_what_was_played, tidy_up),
        cmocka_unit_test_teardown(a_tone_ends_the_reply_when_wanted, tidy_up),
        cmocka_unit_test_teardown(replies_that_begin_under_load_are_coded_at_less_cost, tidy_up),
        cmocka_unit_test_teardown(a_gap_inside_a_sentence_is_counted_and_one_between_two_is_not, tidy_up),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
