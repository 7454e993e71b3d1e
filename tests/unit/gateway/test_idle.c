/* SPDX-License-Identifier: MIT
 * test_idle.c -- both idle clocks and the keepalive, on a clock moved by hand. */
#include "tests/support/test.h"

#include "gateway/idle.h"

#define S 1000ull

struct world {
    struct loop *loop;
    struct idle idle;
    struct idle_limits limits;
    uint64_t start_ms, sent_ms;
    uint64_t voice_warned_at, voice_ended_at, message_warned_at, message_ended_at; /* since start; 0: not yet */
    unsigned voice_warnings, message_warnings, keepalives;
    uint64_t announced_ms;
};

static uint64_t since(struct world *w)
{
    return loop_now_ms(w->loop) - w->start_ms;
}
static struct idle_limits limits(void *user)
{
    return ((struct world *)user)->limits;
}
static void voice_warning(void *user, uint64_t close_in_ms)
{
    struct world *w = user;
    w->voice_warnings++;
    w->voice_warned_at = since(w);
    w->announced_ms = close_in_ms;
}
static void voice_end(void *user)
{
    struct world *w = user;
    w->voice_ended_at = since(w);
}
static void message_warning(void *user, uint64_t close_in_ms)
{
    struct world *w = user;
    w->message_warnings++;
    w->message_warned_at = since(w);
    w->announced_ms = close_in_ms;
}
static void message_end(void *user)
{
    struct world *w = user;
    w->message_ended_at = since(w);
    idle_stop(&w->idle);
}
static uint64_t sent(void *user)
{
    return ((struct world *)user)->sent_ms;
}
static void keepalive(void *user)
{
    struct world *w = user;
    w->keepalives++;
    w->sent_ms = loop_now_ms(w->loop);
}

static const struct idle_events events = { limits, voice_warning, voice_end, message_warning, message_end, sent,
                                           keepalive };

static int setup(void **state)
{
    struct world *w = test_calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .has_manual_clock = true }));
    w->limits = (struct idle_limits){ .voice_ms = 600 * S, .grace_ms = 15 * S };
    w->start_ms = w->sent_ms = loop_now_ms(w->loop);
    idle_start(&w->idle, w->loop, &events, w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    idle_stop(&w->idle);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    test_free(w);
    return 0;
}

/* Frames every 60 ms for that long; each is an inbound message too. */
static void stream(struct world *w, uint64_t ms)
{
    for (uint64_t t = 0; t < ms && w->idle.loop; t += 60) {
        loop_advance(w->loop, 60);
        if (!w->idle.loop)
            return;
        idle_message(&w->idle);
        idle_audio_in(&w->idle);
    }
}

static void silence_without_messages_warns_at_660_and_closes_at_670_seconds(void **state)
{
    struct world *w = *state;
    loop_advance(w->loop, 3600 * S);
    assert_int_equal(w->message_warned_at, 660 * S);
    assert_int_equal(w->message_ended_at, 670 * S);
    assert_int_equal(w->announced_ms, 10 * S);
    assert_int_equal(w->voice_ended_at, 0);
}

static void a_message_in_the_last_moment_cancels_and_re_arms(void **state)
{
    struct world *w = *state;
    loop_advance(w->loop, 669900);
    assert_int_equal(w->message_warnings, 1);
    idle_message(&w->idle);
    loop_advance(w->loop, 659 * S);
    assert_int_equal(w->message_ended_at, 0);
    assert_int_equal(w->message_warnings, 1);
    loop_advance(w->loop, 3600 * S);
    assert_int_equal(w->message_ended_at, 669900 + 670 * S);
}

static void a_ping_every_20_seconds_holds_a_silent_session_for_a_day(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 24 * 3600 / 20; i++) {
        loop_advance(w->loop, 20 * S);
        idle_message(&w->idle);
    }
    assert_int_equal(w->message_warnings, 0);
    assert_int_equal(w->voice_warnings, 0);
    assert_int_equal(w->message_ended_at + w->voice_ended_at, 0);
}

static void audio_without_voice_is_warned_and_ended_whatever_else_comes(void **state)
{
    struct world *w = *state;
    stream(w, 620 * S);
    assert_in_range(w->voice_warned_at, 585 * S, 585 * S + 120);
    assert_int_equal(w->announced_ms / 100, 150);
    assert_in_range(w->voice_ended_at, 600 * S, 600 * S + 200);
    assert_int_equal(w->voice_warnings, 1);
    assert_int_equal(w->message_warnings, 0);
}

static void voice_clears_the_warning_and_begins_anew(void **state)
{
    struct world *w = *state;
    stream(w, 590 * S);
    assert_int_equal(w->voice_warnings, 1);
    idle_touch(&w->idle);
    stream(w, 580 * S);
    assert_int_equal(w->voice_warnings, 1);
    assert_int_equal(w->voice_ended_at, 0);
    stream(w, 30 * S);
    assert_int_equal(w->voice_warnings, 2);
    assert_true(w->voice_ended_at > 1180 * S);
}

static void five_minutes_of_speech_are_not_cut(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 20; i++) {
        stream(w, 300 * S);
        idle_touch(&w->idle);
    }
    assert_int_equal(w->voice_warnings, 0);
}

static void time_without_audio_does_not_count_for_the_voice_clock(void **state)
{
    struct world *w = *state;
    stream(w, 300 * S);
    for (unsigned i = 0; i < 600; i++) { /* push-to-talk: pings only, then a new press */
        loop_advance(w->loop, 10 * S);
        idle_message(&w->idle);
    }
    stream(w, 100 * S);
    assert_int_equal(w->voice_warnings, 0);
    stream(w, 250 * S);
    assert_int_not_equal(w->voice_ended_at, 0);
}

static void a_farewell_interrupted_by_speech_is_forgotten(void **state)
{
    struct world *w = *state;
    stream(w, 605 * S);
    assert_int_not_equal(w->voice_ended_at, 0);
    w->voice_ended_at = 0;
    stream(w, 60 * S); /* asked once only */
    assert_int_equal(w->voice_ended_at, 0);
    idle_touch(&w->idle);
    stream(w, 580 * S);
    assert_int_equal(w->voice_ended_at, 0);
    stream(w, 30 * S);
    assert_int_not_equal(w->voice_ended_at, 0);
}

static void a_meeting_has_three_times_the_patience(void **state)
{
    struct world *w = *state;
    w->limits.voice_ms *= 3;
    idle_recheck(&w->idle);
    loop_advance(w->loop, 3600 * S);
    assert_int_equal(w->message_warned_at, 1860 * S);
    assert_int_equal(w->message_ended_at, 1870 * S);
}

static void a_meeting_is_ended_by_voice_after_1800_seconds(void **state)
{
    struct world *w = *state;
    w->limits.voice_ms *= 3;
    stream(w, 1810 * S);
    assert_in_range(w->voice_ended_at, 1800 * S, 1800 * S + 200);
}

static void new_limits_count_from_the_next_look(void **state)
{
    struct world *w = *state;
    stream(w, 100 * S);
    w->limits.voice_ms = 50 * S;
    idle_recheck(&w->idle);
    assert_int_not_equal(w->voice_ended_at, 0);
}

static void a_silent_channel_is_kept_alive_after_its_time(void **state)
{
    struct world *w = *state;
    w->limits.keepalive_ms = 100 * S;
    idle_recheck(&w->idle);
    loop_advance(w->loop, 99 * S);
    assert_int_equal(w->keepalives, 0);
    w->sent_ms = loop_now_ms(w->loop); /* something else was sent */
    loop_advance(w->loop, 99 * S);
    assert_int_equal(w->keepalives, 0);
    loop_advance(w->loop, 1 * S);
    assert_int_equal(w->keepalives, 1);
    loop_advance(w->loop, 300 * S);
    assert_int_equal(w->keepalives, 4);
}

static void frames_start_no_timer(void **state)
{
    struct world *w = *state;
    size_t armed = loop_timers_armed(w->loop);
    uint64_t due = w->idle.timer.due_ms;
    stream(w, 120 * S);
    idle_touch(&w->idle);
    assert_int_equal(loop_timers_armed(w->loop), armed);
    assert_int_equal(w->idle.timer.due_ms, due);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(silence_without_messages_warns_at_660_and_closes_at_670_seconds),
        T(a_message_in_the_last_moment_cancels_and_re_arms),
        T(a_ping_every_20_seconds_holds_a_silent_session_for_a_day),
        T(audio_without_voice_is_warned_and_ended_whatever_else_comes),
        T(voice_clears_the_warning_and_begins_anew),
        T(five_minutes_of_speech_are_not_cut),
        T(time_without_audio_does_not_count_for_the_voice_clock),
        T(a_farewell_interrupted_by_speech_is_forgotten),
        T(a_meeting_has_three_times_the_patience),
        T(a_meeting_is_ended_by_voice_after_1800_seconds),
        T(new_limits_count_from_the_next_look),
        T(a_silent_channel_is_kept_alive_after_its_time),
        T(frames_start_no_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
