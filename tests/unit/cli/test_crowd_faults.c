/* SPDX-License-Identifier: MIT
 * test_crowd_faults.c -- a server with known faults is measured as what it is: wrong gaps, missing stops, refusals,
 * silence. */
#include "cli/load.h"
#include "tests/support/crowd_world.h"
#include "tests/support/test.h"

static void every_tenth_gap_is_late_when_every_tenth_frame_is(void **state)
{
    struct cworld *w = *state;
    w->script.frames = 101;
    w->script.slow_frame = 10;
    w->script.slow_ms = 60;
    w->script.is_slow_again = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 7200);
    assert_int_equal(s->turns_good, 1);
    assert_int_equal(s->gaps, 100);
    assert_int_equal(s->gaps_late, 10);
    assert_int_equal(s->underruns, 10);
    cworld_near(histogram_at(&s->gap, 0.9), 60);
    cworld_near(histogram_at(&s->gap, 0.91), 120);
    cworld_near(s->gap.max, 120);
}

static void one_slow_frame_is_a_late_gap_and_an_underrun(void **state)
{
    struct cworld *w = *state;
    w->script.slow_frame = 3;
    w->script.slow_ms = 140;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000 }, 900);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->gaps, 5);
    assert_int_equal(s->gaps_late, 1);
    assert_int_equal(s->underruns, 1);
    cworld_near(s->gap.max, 200);
}

static void a_missing_stop_is_an_answer_that_did_not_come(void **state)
{
    struct cworld *w = *state;
    w->script.forgets_stop = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .turn_timeout_ms = 1000 }, 1300);
    assert_int_equal(s->errors[CROWD_NO_ANSWER], 1);
    assert_int_equal(s->turns_good, 0);
    assert_int_equal(crowd_alive(w->crowd), 0);
}

static void a_server_that_hangs_up_or_says_nothing_is_an_error(void **state)
{
    struct cworld *w = *state;
    w->script.hangs_up = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY }, 300);
    assert_int_equal(s->errors[CROWD_CLOSED], 1);
    crowd_close(w->crowd);
    w->script = (struct cworld_script){ .ignores_hello = true };
    s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .hello_timeout_ms = 400 }, 600);
    assert_int_equal(s->errors[CROWD_NO_HELLO], 1);
}

static void a_dropped_frame_is_a_late_gap(void **state)
{
    struct cworld *w = *state;
    w->script.skipped_frame = 3;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000 }, 900);
    assert_int_equal(s->packets_in, 5);
    assert_int_equal(s->bytes_in, 5 * 8);
    assert_int_equal(s->gaps, 4);
    assert_int_equal(s->gaps_late, 1);
    cworld_near(s->gap.max, 120);
    assert_int_equal(s->underruns, 1);
    assert_int_equal(s->turns_good, 1);
}

static void frames_sent_all_at_once_fill_the_device_queue_and_are_lost(void **state)
{
    struct cworld *w = *state;
    w->script.bursts = true;
    w->script.frames = 60;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 600);
    assert_int_equal(s->packets_in, 60);
    assert_in_range(s->lost_packets, 15, 18); /* 42 wait, one plays, and meanwhile another */
    assert_int_equal(s->violations[VIOLATION_overfull], s->lost_packets);
    assert_true(s->violations[VIOLATION_burst] > 40);
    assert_true(s->violations[VIOLATION_too_far_ahead] > 20);
    assert_int_equal(s->gaps_late, 0);
    assert_int_equal(s->underruns, 0);
}

static void audio_after_the_stop_is_a_fault(void **state)
{
    struct cworld *w = *state;
    w->script.speaks_after_stop = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->violations[VIOLATION_audio_after_stop], 1);
    assert_int_equal(s->lost_packets, 1);
    assert_int_equal(s->turns_good, 1);
}

static void a_second_start_or_stop_is_a_fault_and_one_answer(void **state)
{
    struct cworld *w = *state;
    w->script.starts_twice = w->script.stops_twice = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->violations[VIOLATION_double_start], 1);
    assert_int_equal(s->violations[VIOLATION_stop_without_start], 1);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->turns_good, 1);
    assert_int_equal(s->audio.count, 1);
    assert_int_equal(s->start.count, 1);
}

static void what_a_device_throws_away_is_not_its_first_audio(void **state)
{
    struct cworld *w = *state;
    w->script.speaks_before_start = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->violations[VIOLATION_audio_before_start], 1);
    assert_int_equal(s->lost_packets, 1);
    cworld_near(s->audio.max, 100); /* not 40 */
}

static void an_answer_without_text_or_without_audio_is_not_good(void **state)
{
    struct cworld *w = *state;
    w->script.is_deaf = true;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_MANUAL, .pause_ms = 1 }, 1800);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->errors[CROWD_NOTHING_HEARD], 1);
    assert_int_equal(s->turns_good, 0);
    crowd_close(w->crowd);
    w->script.is_deaf = false;
    w->script.is_mute = true;
    s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 800);
    assert_int_equal(s->turns, 1);
    assert_int_equal(s->turns_good, 0);
    assert_int_equal(s->packets_in, 0);
}

static void an_answer_that_ends_with_its_connection_is_lost(void **state)
{
    struct cworld *w = *state;
    w->script.hangs_up_speaking = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 3 }, 500);
    assert_int_equal(s->turns_lost, 3);
    assert_int_equal(s->turns, 0);
    assert_int_equal(s->errors[CROWD_CLOSED], 3);
    assert_int_equal(s->violations[VIOLATION_missing_stop], 3);
    assert_int_equal(crowd_speaking(w->crowd), 0);
}

/* What is not answered is no error before its time is over, but it is told. */
static void who_waits_at_the_end_is_counted_by_what_for(void **state)
{
    struct cworld *w = *state;
    struct crowd_waiting waiting;
    w->script.ignores_hello = true;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 3 }, 500);
    assert_int_equal(load_errors(s), 0);
    crowd_waiting(w->crowd, &waiting);
    assert_int_equal(waiting.count[CROWD_WAIT_HELLO], 3);
    assert_in_range(waiting.longest_us[CROWD_WAIT_HELLO], 450000, 500000);
    crowd_close(take_ptr(&w->crowd));
    cworld_pass(w, 5);

    w->script = (struct cworld_script){ .answer_ms = 60000 };
    s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 2 }, 400);
    crowd_waiting(w->crowd, &waiting);
    assert_int_equal(waiting.count[CROWD_WAIT_ANSWER], 2);
    assert_int_equal(waiting.count[CROWD_WAIT_HELLO] + waiting.count[CROWD_WAIT_CONNECT] + waiting.count[CROWD_WAIT_OTA], 0);
    struct load_result r = { .stats = s, .waiting = waiting };
    assert_false(load_is_good(&r)); /* greeted, but no question was answered */
}

static void of_the_first_error_the_reason_is_kept(void **state)
{
    static const struct {
        struct cworld_script script;
        enum crowd_error error;
        const char *why;
    } rows[] = {
        { { .refuses_with = 404 }, CROWD_REFUSED, "HTTP 404" },
        { { .refuses_with = 401 }, CROWD_REFUSED, "HTTP 401: no token? --ota gets one for each device" },
        { { .frames = 9, .frame_ms = 20, .closes_with = 1011 }, CROWD_CLOSED, "closed with 1011 oops" },
        { { .frames = 9, .frame_ms = 20, .hangs_up_speaking = true }, CROWD_CLOSED, "the connection ended without a close" },
    };
    struct cworld *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->script = rows[i].script;
        const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY }, 300);
        assert_int_equal(s->errors[rows[i].error], 1);
        assert_string_equal(s->why[rows[i].error], rows[i].why);
        crowd_close(take_ptr(&w->crowd));
        cworld_pass(w, 5);
    }
}

static void every_way_to_say_no_is_told_apart_and_timed(void **state)
{
    static const struct {
        unsigned status, busy_ms;
        enum crowd_error error;
    } rows[] = { { 503, 0, CROWD_BUSY }, { 429, 0, CROWD_BUSY }, { 401, 0, CROWD_REFUSED }, { 0, 70, CROWD_BUSY } };
    struct cworld *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->script = (struct cworld_script){ .refuses_with = rows[i].status, .busy_ms = rows[i].busy_ms };
        const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 4 }, 300);
        assert_int_equal(s->errors[rows[i].error], 4);
        assert_int_equal(load_errors(s), 4);
        assert_int_equal(s->greeted, 0);
        assert_int_equal(s->refuse.count, 4);
        if (rows[i].busy_ms)
            cworld_near(histogram_at(&s->refuse, 0.5), rows[i].busy_ms);
        crowd_close(take_ptr(&w->crowd));
        cworld_pass(w, 5);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cworld_setup, cworld_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_tenth_gap_is_late_when_every_tenth_frame_is),
        CASE(one_slow_frame_is_a_late_gap_and_an_underrun),
        CASE(a_missing_stop_is_an_answer_that_did_not_come),
        CASE(a_server_that_hangs_up_or_says_nothing_is_an_error),
        CASE(a_dropped_frame_is_a_late_gap),
        CASE(frames_sent_all_at_once_fill_the_device_queue_and_are_lost),
        CASE(audio_after_the_stop_is_a_fault),
        CASE(a_second_start_or_stop_is_a_fault_and_one_answer),
        CASE(what_a_device_throws_away_is_not_its_first_audio),
        CASE(an_answer_without_text_or_without_audio_is_not_good),
        CASE(an_answer_that_ends_with_its_connection_is_lost),
        CASE(who_waits_at_the_end_is_counted_by_what_for),
        CASE(of_the_first_error_the_reason_is_kept),
        CASE(every_way_to_say_no_is_told_apart_and_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
