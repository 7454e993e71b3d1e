/* SPDX-License-Identifier: MIT
 * test_pacer.c -- the schedule of a reply, told the time millisecond by millisecond. */
#include "tests/support/test.h"

#include "audio/pacer.h"

#define SENT_MAX 512

struct log {
    uint64_t frame_ms[SENT_MAX];
    uint32_t timestamps[SENT_MAX];
    size_t frames;
    uint64_t stop_ms;
    unsigned stops;
    char order[SENT_MAX * 2]; /* F frame, < start, > end, . stop */
    char texts[SENT_MAX];
};

static struct pacer *new_pacer(unsigned lead, unsigned tail_ms)
{
    struct pacer *p = NULL;
    struct pacer_opts o = { .frame_us = 60000, .lead_frames = lead, .tail_ms = tail_ms };
    pacer_create(&p, &o);
    return p;
}

static void put(struct pacer *p, unsigned frames)
{
    for (unsigned i = 0; i < frames; i++)
        assert_ok(pacer_put_frame(p, SLICE("packet")));
}

static void take(struct pacer *p, uint64_t now_ms, struct log *l)
{
    struct pacer_item item;
    while (pacer_due(p, now_ms, &item)) {
        size_t at = strlen(l->order);
        l->order[at] = "F<>."[item.kind];
        if (item.kind == PACER_FRAME) {
            assert_slice_is(item.bytes, "packet");
            l->timestamps[l->frames] = item.timestamp_ms;
            l->frame_ms[l->frames++] = now_ms;
        } else if (item.kind == PACER_STOP) {
            l->stop_ms = now_ms;
            l->stops++;
        } else {
            strncat(l->texts, item.bytes.data, 20);
        }
    }
}

/* Lets time pass as a timer would: only at the moments asked for. */
static void run(struct pacer *p, uint64_t from_ms, uint64_t to_ms, struct log *l)
{
    uint64_t now = from_ms;
    for (;;) {
        take(p, now, l);
        uint64_t next = pacer_next_ms(p);
        if (next > to_ms)
            return;
        assert_true(next > now); /* no busy loop */
        now = next;
    }
}

static void frames_ramp_up_to_the_lead_and_then_keep_time(void **state)
{
    static const uint64_t expected[] = { 0, 25, 50, 75, 100, 125, 180, 240, 300, 360 };
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    put(p, 100);
    pacer_finish(p);
    run(p, 1000, 20000, &l);
    assert_int_equal(l.frames, 100);
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_int_equal(l.frame_ms[i], 1000 + expected[i]);
    assert_int_equal(l.frame_ms[99], 1000 + 99 * 60 - 180); /* no drift */
    assert_int_equal(l.stop_ms, 1000 + 100 * 60 + 60);
    assert_int_equal(l.stops, 1);
    assert_true(pacer_idle(p));
    pacer_free(p);
}

static void never_too_close_and_never_too_far_ahead(void **state)
{
    static const struct {
        uint32_t frame_us;
        unsigned lead, ahead_max_ms;
    } rows[] = { { 60000, 4, 240 }, { 60000, 2, 120 }, { 60000, 10, 600 }, { 60000, 99, 600 },
                 { 20000, 10, 200 }, { 100000, 10, 600 }, { 60000, 1, 120 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pacer *p = NULL;
        struct pacer_opts o = { .frame_us = rows[i].frame_us, .lead_frames = rows[i].lead };
        struct log l = { 0 };
        pacer_create(&p, &o);
        put(p, 200);
        run(p, 500, 9000, &l);
        uint64_t furthest = 0;
        for (size_t n = 0; n < l.frames; n++) {
            uint64_t end_ms = 500 + (n + 1) * rows[i].frame_us / 1000; /* this frame is played until then */
            furthest = MAX(furthest, end_ms - l.frame_ms[n]);
            if (n)
                assert_true(l.frame_ms[n] - l.frame_ms[n - 1] >= MIN(25u, rows[i].frame_us / 2000));
            assert_true(end_ms - l.frame_ms[n] <= rows[i].ahead_max_ms);
        }
        assert_int_equal(furthest, rows[i].ahead_max_ms); /* and the lead is reached */
        pacer_free(p);
    }
}

static void a_late_loop_catches_up_without_a_burst_or_drift(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    put(p, 60);
    run(p, 0, 1000, &l);
    size_t before = l.frames;
    run(p, 1200, 3000, &l); /* 180 ms too late: the device still plays */
    assert_int_equal(pacer_rebased(p), 0);
    for (size_t n = before + 1; n < l.frames; n++)
        assert_true(l.frame_ms[n] - l.frame_ms[n - 1] >= 25);
    assert_int_equal(l.frame_ms[45], 45 * 60 - 180);
    pacer_free(p);
}

static void after_running_dry_the_clock_starts_anew(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    put(p, 10);
    run(p, 0, 2000, &l);
    assert_int_equal(pacer_next_ms(p), PACER_NEVER);
    put(p, 10);
    pacer_finish(p);
    run(p, 5000, 9000, &l);
    assert_int_equal(pacer_rebased(p), 1);
    assert_int_equal(l.frame_ms[10], 5000);
    assert_int_equal(l.frame_ms[11], 5025);
    assert_int_equal(l.stop_ms, 5000 + 600 + 60);
    pacer_free(p);
}

static void stop_waits_for_the_tail_of_old_firmware(void **state)
{
    struct pacer *p = new_pacer(4, PACER_TAIL_OLD_MS);
    struct log l = { 0 };
    put(p, 5);
    pacer_finish(p);
    run(p, 0, 5000, &l);
    assert_int_equal(l.stop_ms, 300 + 180);
    pacer_free(p);
}

static void marks_stand_between_the_frames_they_were_put_between(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_START, SLICE("one")));
    assert_int_equal(pacer_next_ms(p), PACER_NEVER); /* nothing to hear yet */
    put(p, 2);
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_END, SLICE("one")));
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_START, SLICE("two")));
    put(p, 1);
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_END, SLICE("two")));
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_START, SLICE("mute")));
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_END, SLICE("mute")));
    pacer_finish(p);
    run(p, 10, 5000, &l);
    assert_string_equal(l.order, "<FF><F><>.");
    assert_string_equal(l.texts, "oneonetwotwomutemute");
    assert_int_equal(l.stop_ms, 10 + 180 + 60);
    pacer_free(p);
}

static void an_empty_reply_stops_at_once(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    pacer_finish(p);
    run(p, 700, 1000, &l);
    assert_int_equal(l.stop_ms, 700);
    assert_string_equal(l.order, ".");
    pacer_free(p);
}

static void a_hold_delays_the_first_frame(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    pacer_hold(p, 180);
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_START, SLICE("a")));
    put(p, 2);
    run(p, 100, 1000, &l);
    assert_int_equal(l.frame_ms[0], 180);
    assert_int_equal(l.frame_ms[1], 205);
    pacer_free(p);
}

static void clear_drops_everything_and_timestamps_still_grow(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    assert_ok(pacer_put_mark(p, PACER_SENTENCE_START, SLICE("a")));
    put(p, 50);
    pacer_finish(p);
    run(p, 0, 200, &l);
    size_t sent = l.frames;
    pacer_clear(p);
    assert_true(pacer_idle(p));
    assert_int_equal(pacer_queued_us(p), 0);
    run(p, 201, 9000, &l);
    assert_int_equal(l.frames, sent);
    assert_int_equal(l.stops, 0);

    put(p, 3);
    run(p, 10000, 11000, &l);
    assert_int_equal(l.frames, sent + 3);
    for (size_t n = 0; n < l.frames; n++) {
        assert_true(l.timestamps[n] > 0);
        if (n)
            assert_true(l.timestamps[n] > l.timestamps[n - 1]);
    }
    pacer_free(p);
}

static void a_new_reply_right_after_an_abort_keeps_the_gap(void **state)
{
    struct pacer *p = new_pacer(4, 0);
    struct log l = { 0 };
    put(p, 5);
    take(p, 100, &l);
    pacer_clear(p);
    put(p, 5);
    take(p, 101, &l);
    assert_int_equal(l.frames, 1); /* two frames are never back to back */
    run(p, 125, 130, &l);
    assert_int_equal(l.frames, 2);
    pacer_free(p);
}

static void the_queue_is_bounded(void **state)
{
    struct pacer *p = NULL;
    struct pacer_opts o = { .frame_us = 60000, .queue_us = 600000, .queue_bytes = 4096 };
    pacer_create(&p, &o);
    put(p, 10);
    assert_int_equal(pacer_put_frame(p, SLICE("packet")), ERR_BUSY);
    assert_int_equal(pacer_queued_us(p), 600000);
    pacer_clear(p);
    char big[3000] = { 0 };
    assert_ok(pacer_put_frame(p, slice_from(big, sizeof(big))));
    assert_int_equal(pacer_put_frame(p, slice_from(big, sizeof(big))), ERR_BUSY);
    for (unsigned i = 0; i < PACER_MARKS_MAX; i++)
        assert_ok(pacer_put_mark(p, PACER_SENTENCE_END, SLICE("m")));
    assert_int_equal(pacer_put_mark(p, PACER_SENTENCE_END, SLICE("m")), ERR_BUSY);
    pacer_finish(p);
    assert_int_equal(pacer_put_frame(p, SLICE("packet")), ERR_STATE);
    assert_int_equal(pacer_put_mark(p, PACER_SENTENCE_END, SLICE("m")), ERR_STATE);
    pacer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_ramp_up_to_the_lead_and_then_keep_time),
        cmocka_unit_test(never_too_close_and_never_too_far_ahead),
        cmocka_unit_test(a_late_loop_catches_up_without_a_burst_or_drift),
        cmocka_unit_test(after_running_dry_the_clock_starts_anew),
        cmocka_unit_test(stop_waits_for_the_tail_of_old_firmware),
        cmocka_unit_test(marks_stand_between_the_frames_they_were_put_between),
        cmocka_unit_test(an_empty_reply_stops_at_once),
        cmocka_unit_test(a_hold_delays_the_first_frame),
        cmocka_unit_test(clear_drops_everything_and_timestamps_still_grow),
        cmocka_unit_test(a_new_reply_right_after_an_abort_keeps_the_gap),
        cmocka_unit_test(the_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
