/* SPDX-License-Identifier: MIT
 * test_crowd.c -- what a crowd measures of a server whose delays are known, and how its devices come, live and go. */
#include "cli/load.h"
#include "tests/support/crowd_world.h"
#include "tests/support/test.h"

static void hellos_are_counted_and_timed(void **state)
{
    struct cworld *w = *state;
    w->script.hello_ms = 25;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 10 }, 100);
    assert_int_equal(s->greeted, 10);
    assert_int_equal(crowd_alive(w->crowd), 10);
    cworld_near(histogram_at(&s->hello, 0.5), 25);
    assert_true(s->complete_us > 0);
    assert_int_equal(load_errors(s), 0);
}

static void devices_come_at_the_rate_that_was_asked_for(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 40, .per_second = 50 }, 420);
    assert_true(s->greeted >= 18);
    assert_true(s->greeted <= 22);
}

static void a_server_that_keeps_time_has_no_late_gap(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 1 }, 1500);
    assert_true(s->turns_good >= 2);
    assert_true(s->gaps >= 10);
    cworld_near(histogram_at(&s->gap, 0.5), 60);
    assert_int_equal(s->gaps_late, 0);
    assert_int_equal(s->underruns, 0);
    cworld_near(histogram_at(&s->audio, 0.5), 100);
    for (int v = 0; v < VIOLATIONS; v++)
        assert_int_equal(s->violations[v], 0);
}

static void what_is_known_is_taken_off_the_latency(void **state)
{
    struct cworld *w = *state;
    w->script.answer_ms = 250;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_MANUAL,
                                   .known_us_before_audio = (230 + 60) * 1000 }, 2500);
    assert_true(s->turns_good >= 1);
    cworld_near(histogram_at(&s->text, 0.5), 250);
    cworld_near(histogram_at(&s->start, 0.5), 250);
    cworld_near(histogram_at(&s->audio, 0.5), 310);
    cworld_near(histogram_at(&s->added, 0.5), 20);
    assert_true(s->packets_out >= 10);
    assert_true(w->audio_in >= 10);
}

/* Of a typed question neither recogniser nor silence is known. */
static void a_typed_question_has_its_own_known_delay(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000,
                                                             .known_us_before_audio = 900000, .known_us_typed = 90000 }, 800);
    assert_int_equal(s->turns_good, 1);
    cworld_near(histogram_at(&s->added, 0.5), 10);
    assert_int_equal(s->sooner, 0);
}

static void an_answer_sooner_than_what_is_known_is_counted(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 5000, .known_us_typed = 150000 }, 800);
    assert_int_equal(s->sooner, 1);
    assert_int_equal(s->added.max, 0);
    cworld_near(s->audio.max, 100);
}

static void an_answer_before_the_question_is_over_is_early_and_in_no_latency(void **state)
{
    struct cworld *w = *state;
    w->script.answers_after = 3;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_AUTO, .pause_ms = 60 }, 2000);
    assert_true(s->turns >= 1);
    assert_true(s->early >= 1);
    assert_int_equal(s->audio.count + s->early, s->turns_good);
    assert_int_equal(s->added.count, s->audio.count);
}

static void the_rest_of_a_question_that_was_answered_is_not_said(void **state)
{
    struct cworld *w = *state;
    static int16_t tone[32000];
    for (size_t i = 0; i < COUNT(tone); i++)
        tone[i] = (int16_t)(i / 20 % 2 ? 8000 : -8000);
    uplink_done(&w->uplink);
    assert_ok(uplink_build(&w->uplink, (struct pcm){ tone, COUNT(tone) }, 60, true));
    w->script.answers_after = 8;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .spread_ms = 1, .pause_ms = 60000 }, 3000);
    assert_int_equal(s->early, 1);
    assert_in_range(w->loud_in, 3, 5);
    assert_true(w->audio_in > 20); /* it listens on, to silence */
    assert_int_equal(s->bytes_out, s->packets_out * 1920);
}

static void a_pause_between_sentences_is_no_gap(void **state)
{
    struct cworld *w = *state;
    w->script.slow_frame = 3;
    w->script.slow_ms = 140;
    w->script.sentence_frame = 4;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 60000 }, 900);
    assert_int_equal(s->turns_good, 1);
    assert_int_equal(s->gaps, 4);
    assert_int_equal(s->gaps_late, 0);
    assert_int_equal(s->underruns, 0);
    cworld_near(s->gap.max, 60);
}

static void the_upgrade_is_timed(void **state)
{
    struct cworld *w = *state;
    w->script.accept_ms = 120;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE }, 300);
    assert_int_equal(s->greeted, 1);
    cworld_near(s->connect.max, 120);
    cworld_near(s->hello.max, 3);
}

static void the_button_is_timed_until_the_stop(void **state)
{
    struct cworld *w = *state;
    w->script.frames = 40;
    w->script.stop_ms = 33;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .abort_percent = 100,
                                                             .abort_after_ms = 200, .pause_ms = 5000 }, 900);
    assert_int_equal(s->aborts, 1);
    assert_int_equal(s->abort.count, 1);
    cworld_near(s->abort.max, 33);
    assert_int_equal(s->turns_good, 1);
}

/* They are turns of a kind of their own, and no latency of answers. */
static void questions_answered_by_busy_are_counted_apart(void **state)
{
    static const struct {
        const char *told, *known;
        bool is_busy;
    } rows[] = {
        { "The server is busy, please try again later", NULL, true },
        { "服务器繁忙，请稍后再试", NULL, true },
        { "Come back", "Come back", true },
        { "Come back", NULL, false },
        { "The server is busy, please try again later", "Come back", false },
    };
    struct cworld *w = *state;
    w->script.is_deaf = true; /* nothing is recognised of who is refused */
    w->script.answer_ms = 30;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->script.busy_text = rows[i].told;
        const struct crowd_stats *s =
            cworld_go(w, (struct crowd_opts){ .profile = PROFILE_TALK, .mode = MSG_LISTEN_MANUAL, .busy_text = rows[i].known,
                                       .pause_ms = 1, .abort_percent = 100, .abort_after_ms = 60 }, 1800);
        assert_int_equal(s->turns_busy > 0, rows[i].is_busy);
        assert_int_equal(s->turns > 0, !rows[i].is_busy);
        assert_int_equal(s->errors[CROWD_NOTHING_HEARD] > 0, !rows[i].is_busy);
        assert_int_equal(s->aborts > 0, !rows[i].is_busy);
        assert_int_equal(s->added.count + s->audio.count + s->start.count > 0, !rows[i].is_busy);
        assert_in_range(s->busy.count, s->turns_busy, rows[i].is_busy ? s->turns_busy + 1 : 0);
        if (rows[i].is_busy)
            cworld_near(histogram_at(&s->busy, 0.5), 30);
        assert_int_equal(s->turns_good, 0);
        assert_int_equal(s->turns_lost, 0);
        crowd_close(take_ptr(&w->crowd));
        cworld_pass(w, 5);
    }
}

static void questions_are_spread_over_the_time_that_was_asked_for(void **state)
{
    struct cworld *w = *state;
    w->script.frames = 2000; /* nobody comes to an end */
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 40, .spread_ms = 2000 }, 1000);
    assert_int_equal(s->greeted, 40);
    assert_in_range(w->asked, 8, 32); /* half of them, by chance */
    cworld_pass(w, 1100);
    assert_int_equal(w->asked, 40);
}

static void a_device_asks_at_boot_and_shows_what_it_was_given(void **state)
{
    struct cworld *w = *state;
    w->script.ota_url = w->url;
    w->script.ota_token = "t0ken";
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .devices = 2, .ota = w->ota }, 0);
    for (int i = 0; i < 200 && s->greeted < 2; i++) {
        loop_step(w->loop, 5);
        cworld_pass(w, 1);
    }
    assert_int_equal(s->greeted, 2);
    assert_int_equal(w->boots, 2);
    assert_int_equal(s->ota.count, 2);
    assert_string_equal(w->first_bearer, "Bearer t0ken");
}

static void the_boot_request_is_timed(void **state)
{
    struct cworld *w = *state;
    w->script.boot_ms = 150;
    w->script.ota_url = w->url;
    w->script.ota_token = "";
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .ota = w->ota }, 0);
    for (int i = 0; i < 300 && !w->boots; i++) {
        loop_step(w->loop, w->late ? 0 : 5); /* it comes over a real socket */
        if (w->late)
            cworld_pass(w, 1);
    }
    for (int i = 0; i < 200 && s->greeted < 1; i++) {
        loop_step(w->loop, 5);
        if (s->connected)
            cworld_pass(w, 1);
    }
    assert_int_equal(s->greeted, 1);
    cworld_near(s->ota.max, 150);
}

static void an_ota_answer_that_points_elsewhere_is_not_followed(void **state)
{
    struct cworld *w = *state;
    w->script.ota_url = "ws://192.0.2.1/xiaozhi/v1/";
    w->script.ota_token = "";
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .ota = w->ota }, 0);
    for (int i = 0; i < 200 && load_errors(s) == 0; i++) {
        loop_step(w->loop, 5);
        cworld_pass(w, 1);
    }
    assert_int_equal(s->errors[CROWD_OTA], 1);
    assert_int_equal(s->connected, 0);
}

static void of_a_hundred_mixed_devices_seventy_are_idle(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s =
        cworld_go(w, (struct crowd_opts){ .profile = PROFILE_MIXED, .mode = MSG_LISTEN_MANUAL, .devices = 60, .pause_ms = 100 }, 10500);
    assert_true(s->greeted >= 60);
    assert_true(s->turns_good > 0);       /* those that talk and play */
    assert_true(w->audio_in > 0);         /* those that listen */
    assert_true(s->left > 0);             /* those that come and go */
    assert_int_equal(load_errors(s), 0);
    assert_in_range(crowd_alive(w->crowd), 57, 60);
    struct histogram recent;
    crowd_recent(w->crowd, &recent);
    assert_true(recent.count > 0);
    assert_true(recent.count < s->gaps / 2); /* latencies of answers, not the gaps of what is played */
}

static void a_storm_comes_and_goes_as_new_devices(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_STORM, .devices = 2 }, 120);
    assert_true(s->greeted >= 8);
    assert_true(s->left >= 8);
    assert_int_equal(load_errors(s), 0);
    assert_string_not_equal(w->last_id, "02:00:00:00:00:00");
    assert_string_not_equal(w->last_id, "02:00:00:00:00:01");
}

static void the_identity_can_be_in_the_query(void **state)
{
    struct cworld *w = *state;
    cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .identity = IDENTITY_QUERY, .first_number = 258 }, 50);
    assert_string_equal(w->first_target, "/xiaozhi/v1/?device-id=02:00:00:00:01:02&"
                                         "client-id=00000000-0000-4000-8000-020000000102|");
}

static void so_can_the_token_and_then_it_is_no_header(void **state)
{
    struct cworld *w = *state;
    cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .identity = IDENTITY_QUERY, .token = "a+b/c=" }, 50);
    assert_string_equal(w->first_target, "/xiaozhi/v1/?device-id=02:00:00:00:00:00&client-id=00000000-0000-4000-8000-020000000000"
                                         "&authorization=Bearer%20a%2Bb%2Fc%3D|");
    assert_string_equal(w->first_bearer, "");
    crowd_close(take_ptr(&w->crowd));
    w->first_target[0] = '\0';
    cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE, .identity = IDENTITY_BOTH, .token = "t" }, 50);
    assert_string_equal(w->first_bearer, "Bearer t");
    assert_non_null(strstr(w->first_target, "&authorization=Bearer%20t|02:00:00:00:00:00"));
}

static void only_this_machine_is_connected_to(void **state)
{
    static const struct {
        const char *url;
        bool is_local;
    } rows[] = {
        { "ws://127.0.0.1:8000/x", true },     { "ws://127.9.9.9/", true },  { "ws://localhost:1/", true },
        { "http://[::1]:80/", true },          { "ws://192.168.1.2/", false }, { "ws://127.0.0.1.example/", false },
        { "ws://example.org/127.0.0.1", false }, { "ws://127.0.0.1@example.org/", false },
        { "ws://[fe80::1]/", false },          { "ws://localhost.example/", false },
    };
    struct cworld *w = *state;
    struct crowd *c = NULL;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(crowd_is_local(rows[i].url), rows[i].is_local);
    assert_int_equal(crowd_open(&c, &(struct crowd_opts){ .loop = w->loop, .url = "ws://192.0.2.1/", .devices = 1 }),
                     ERR_FORBIDDEN);
    assert_int_equal(crowd_open(&c, &(struct crowd_opts){ .loop = w->loop, .url = w->url, .devices = 19501 }),
                     ERR_INVALID);
    assert_null(c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cworld_setup, cworld_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(hellos_are_counted_and_timed),
        CASE(devices_come_at_the_rate_that_was_asked_for),
        CASE(a_server_that_keeps_time_has_no_late_gap),
        CASE(what_is_known_is_taken_off_the_latency),
        CASE(a_typed_question_has_its_own_known_delay),
        CASE(an_answer_sooner_than_what_is_known_is_counted),
        CASE(an_answer_before_the_question_is_over_is_early_and_in_no_latency),
        CASE(the_rest_of_a_question_that_was_answered_is_not_said),
        CASE(a_pause_between_sentences_is_no_gap),
        CASE(the_upgrade_is_timed),
        CASE(the_boot_request_is_timed),
        CASE(the_button_is_timed_until_the_stop),
        CASE(questions_answered_by_busy_are_counted_apart),
        CASE(questions_are_spread_over_the_time_that_was_asked_for),
        CASE(a_device_asks_at_boot_and_shows_what_it_was_given),
        CASE(an_ota_answer_that_points_elsewhere_is_not_followed),
        CASE(of_a_hundred_mixed_devices_seventy_are_idle),
        CASE(a_storm_comes_and_goes_as_new_devices),
        CASE(the_identity_can_be_in_the_query),
        CASE(so_can_the_token_and_then_it_is_no_header),
        CASE(only_this_machine_is_connected_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
