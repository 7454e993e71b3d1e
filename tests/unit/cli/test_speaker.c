/* SPDX-License-Identifier: MIT
 * test_speaker.c -- the playback model: what is played, what is lost, which faults are found. */
#include "cli/speaker.h"
#include "tests/support/test.h"

enum { MS = 1000, FRAME = 60 * MS, BEGIN = 1000 * MS };

struct heard {
    unsigned count[VIOLATIONS];
};

static void on_violation(void *user, enum violation v)
{
    ((struct heard *)user)->count[v]++;
}

static unsigned total(const struct heard *h)
{
    unsigned n = 0;
    for (enum violation v = 0; v < VIOLATIONS; v++)
        n += h->count[v];
    return n;
}

static void start(struct speaker *s, struct heard *h)
{
    memset(h, 0, sizeof(*h));
    speaker_init(s, on_violation, h);
    speaker_format(s, FRAME);
    speaker_start(s, BEGIN);
}

/* A server that paces well: 4 frames ahead, 25 ms apart at first, stop when all was played. */
static void a_well_paced_reply_has_no_fault(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    uint64_t t0 = BEGIN + 80 * MS, last = 0;
    for (unsigned n = 0; n < 50; n++) {
        uint64_t due = t0 + (uint64_t)n * FRAME > 4 * FRAME + t0 ? t0 + (n - 4) * (uint64_t)FRAME : t0;
        last = MAX(due, last + 25 * MS);
        assert_true(speaker_packet(&s, last, FRAME, NULL));
    }
    assert_int_equal(s.packets, 50);
    speaker_stop(&s, s.play_end_us + 60 * MS);
    speaker_end(&s);
    assert_int_equal(total(&h), 0);
    assert_int_equal(s.play_end_us, t0 + 50 * FRAME);
}

static void audio_outside_start_and_stop_is_lost(void **state)
{
    struct speaker s;
    struct heard h = { 0 };
    speaker_init(&s, on_violation, &h);
    assert_false(speaker_packet(&s, BEGIN, FRAME, NULL));
    assert_int_equal(h.count[VIOLATION_audio_before_start], 1);
    speaker_start(&s, BEGIN);
    speaker_stop(&s, BEGIN + 1);
    assert_false(speaker_packet(&s, BEGIN + 2, FRAME, NULL));
    assert_int_equal(h.count[VIOLATION_audio_after_stop], 1);
    assert_int_equal(total(&h), 2);
}

static void starts_and_stops_must_pair(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    speaker_start(&s, BEGIN + 1);
    assert_int_equal(h.count[VIOLATION_double_start], 1);
    speaker_stop(&s, BEGIN + 2);
    speaker_stop(&s, BEGIN + 3);
    assert_int_equal(h.count[VIOLATION_stop_without_start], 1);
    speaker_start(&s, BEGIN + 4);
    speaker_end(&s);
    assert_int_equal(h.count[VIOLATION_missing_stop], 1);
    assert_int_equal(total(&h), 3);
}

static void the_queue_holds_42_packets(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    for (unsigned n = 0; n < 60; n++)
        speaker_packet(&s, BEGIN + 100 * MS + n * MS, FRAME, NULL);
    assert_int_equal(s.packets, 43); /* 42 wait, one is being played */
    assert_int_equal(h.count[VIOLATION_overfull], 17);
    assert_true(h.count[VIOLATION_too_far_ahead] > 0);
    assert_true(h.count[VIOLATION_burst] > 0);
}

static void the_first_packet_must_not_come_within_60_ms(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    speaker_packet(&s, BEGIN + 59 * MS, FRAME, NULL);
    assert_int_equal(h.count[VIOLATION_too_soon], 1);
    start(&s, &h);
    speaker_packet(&s, BEGIN + 60 * MS, FRAME, NULL);
    assert_int_equal(total(&h), 0);
}

static void five_packets_within_10_ms_are_a_burst(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    for (unsigned n = 0; n < 4; n++)
        speaker_packet(&s, BEGIN + 100 * MS + n, FRAME, NULL);
    assert_int_equal(h.count[VIOLATION_burst], 0);
    speaker_packet(&s, BEGIN + 100 * MS + 10 * MS, FRAME, NULL);
    assert_int_equal(h.count[VIOLATION_burst], 1);
}

static void running_dry_within_a_sentence_is_a_fault_and_between_two_a_pause(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    speaker_packet(&s, BEGIN + 100 * MS, FRAME, NULL);
    speaker_packet(&s, BEGIN + 200 * MS, FRAME, NULL); /* 40 ms of silence */
    assert_int_equal(h.count[VIOLATION_starved], 1);
    assert_int_equal(s.gap_us, 40 * MS);
    speaker_sentence(&s);
    speaker_packet(&s, BEGIN + 400 * MS, FRAME, NULL);
    assert_int_equal(h.count[VIOLATION_starved], 1);
    assert_int_equal(s.pause_us, 140 * MS);
}

static void a_stop_is_judged_by_what_is_left_to_play(void **state)
{
    static const struct {
        int64_t after_end_ms;
        bool is_aborted;
        enum violation want; /* VIOLATIONS: none */
    } rows[] = {
        { -300, false, VIOLATION_stop_too_early }, { -100, false, VIOLATIONS }, { 60, false, VIOLATIONS },
        { 2500, false, VIOLATION_stop_late },      { -500, true, VIOLATIONS },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct speaker s;
        struct heard h;
        start(&s, &h);
        for (unsigned n = 0; n < 9; n++)
            speaker_packet(&s, BEGIN + 100 * MS + n * 25 * MS, FRAME, NULL);
        if (rows[i].is_aborted)
            speaker_abort(&s);
        speaker_stop(&s, (uint64_t)((int64_t)s.play_end_us + rows[i].after_end_ms * MS));
        assert_int_equal(total(&h), rows[i].want != VIOLATIONS);
        if (rows[i].want != VIOLATIONS)
            assert_int_equal(h.count[rows[i].want], 1);
    }
}

static void durations_and_timestamps_are_checked(void **state)
{
    struct speaker s;
    struct heard h;
    uint32_t zero = 0, one = 1, two = 2;
    start(&s, &h);
    speaker_packet(&s, BEGIN + 100 * MS, 20 * MS, &one);
    assert_int_equal(h.count[VIOLATION_wrong_duration], 1);
    speaker_packet(&s, BEGIN + 110 * MS, FRAME, &two);
    assert_int_equal(h.count[VIOLATION_bad_timestamp], 0);
    speaker_packet(&s, BEGIN + 120 * MS, FRAME, &two);
    speaker_packet(&s, BEGIN + 130 * MS, FRAME, &zero);
    assert_int_equal(h.count[VIOLATION_bad_timestamp], 2);
}

static void entering_speaking_clears_the_queue(void **state)
{
    struct speaker s;
    struct heard h;
    start(&s, &h);
    speaker_packet(&s, BEGIN + 100 * MS, FRAME, NULL);
    speaker_packet(&s, BEGIN + 130 * MS, FRAME, NULL);
    assert_int_equal(speaker_left_us(&s, BEGIN + 130 * MS), 90 * MS);
    speaker_stop(&s, BEGIN + 130 * MS);
    speaker_start(&s, BEGIN + 140 * MS);
    assert_int_equal(speaker_left_us(&s, BEGIN + 140 * MS), 0);
}

static void every_fault_has_words(void **state)
{
    for (enum violation v = 0; v < VIOLATIONS; v++) {
        assert_true(strlen(violation_name(v)) > 3);
        assert_true(strlen(violation_text(v)) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_well_paced_reply_has_no_fault),
        cmocka_unit_test(audio_outside_start_and_stop_is_lost),
        cmocka_unit_test(starts_and_stops_must_pair),
        cmocka_unit_test(the_queue_holds_42_packets),
        cmocka_unit_test(the_first_packet_must_not_come_within_60_ms),
        cmocka_unit_test(five_packets_within_10_ms_are_a_burst),
        cmocka_unit_test(running_dry_within_a_sentence_is_a_fault_and_between_two_a_pause),
        cmocka_unit_test(a_stop_is_judged_by_what_is_left_to_play),
        cmocka_unit_test(durations_and_timestamps_are_checked),
        cmocka_unit_test(entering_speaking_clears_the_queue),
        cmocka_unit_test(every_fault_has_words),
    };
    return cmocka_run_group_tests_name("speaker", tests, NULL, NULL);
}
