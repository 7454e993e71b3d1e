/* SPDX-License-Identifier: MIT
 * test_pcm.c -- samples: queue, frames, rates, tones, loudness. */
#include "tests/support/test.h"

#include <math.h>

#include "audio/energy.h"
#include "audio/framer.h"
#include "audio/resample.h"
#include "audio/tone.h"
#include "base/mem.h"

static void a_queue_keeps_order_and_its_limit(void **state)
{
    struct pcm_queue q;
    pcm_queue_init(&q, 1000);
    int16_t in = 0, out = 0, block[97];
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < COUNT(block); i++)
            block[i] = (int16_t)(in + (int16_t)i);
        if (pcm_queue_put(&q, (struct pcm){ block, COUNT(block) }) == OK)
            in = (int16_t)(in + 97);
        struct pcm got = pcm_queue_peek(&q);
        size_t take = MIN(got.count, (size_t)(round % 150));
        for (size_t i = 0; i < take; i++)
            assert_int_equal(got.samples[i], (int16_t)(out + (int16_t)i));
        out = (int16_t)(out + (int16_t)take);
        pcm_queue_eat(&q, take);
        assert_true(q.count <= 1000);
        assert_true(q.cap <= 1000);
    }
    pcm_queue_clear(&q);
    int16_t many[1500] = { [1499] = 7 };
    assert_int_equal(pcm_queue_put(&q, (struct pcm){ many, 1001 }), ERR_LIMIT);
    assert_int_equal(q.count, 0);
    assert_int_equal(pcm_queue_push(&q, (struct pcm){ many, 1500 }), 500);
    assert_int_equal(pcm_queue_peek(&q).samples[999], 7);
    assert_int_equal(pcm_queue_push(&q, (struct pcm){ many, 10 }), 10);
    assert_int_equal(pcm_queue_peek(&q).samples[989], 7);
    pcm_queue_done(&q);
    mem_fail_nth(1);
    assert_int_equal(pcm_queue_put(&q, (struct pcm){ many, 10 }), ERR_NO_MEMORY);
    mem_fail_nth(0);
    pcm_queue_done(&q);
}

static void frames_are_cut_and_the_tail_is_padded(void **state)
{
    static const size_t pieces[] = { 1, 7, 100, 959, 960, 961, 5000 };
    int16_t samples[5000];
    for (size_t i = 0; i < COUNT(samples); i++)
        samples[i] = (int16_t)(i + 1);
    for (size_t p = 0; p < COUNT(pieces); p++) {
        struct framer f;
        struct pcm frame;
        size_t frames = 0, at = 0;
        assert_ok(framer_init(&f, 960));
        while (at < 5000) {
            struct pcm in = { samples + at, MIN(pieces[p], 5000 - at) };
            at += in.count;
            while (framer_next(&f, &in, &frame)) {
                assert_int_equal(frame.count, 960);
                assert_int_equal(frame.samples[0], (int16_t)(frames * 960 + 1));
                assert_int_equal(frame.samples[959], (int16_t)(frames * 960 + 960));
                frames++;
            }
            assert_int_equal(in.count, 0);
        }
        assert_int_equal(frames, 5);
        assert_true(framer_flush(&f, &frame));
        assert_int_equal(frame.samples[199], 5000);
        for (size_t i = 200; i < 960; i++)
            assert_int_equal(frame.samples[i], 0);
        assert_false(framer_flush(&f, &frame));
        framer_done(&f);
    }
    struct framer f;
    assert_int_equal(framer_init(&f, 0), ERR_INVALID);
    assert_int_equal(framer_init(&f, FRAMER_SAMPLES_MAX + 1), ERR_INVALID);
}

static double level_at(struct pcm pcm, double hz, double rate_hz)
{
    double re = 0, im = 0;
    for (size_t i = 0; i < pcm.count; i++) {
        re += pcm.samples[i] * cos(2 * M_PI * hz * (double)i / rate_hz);
        im += pcm.samples[i] * sin(2 * M_PI * hz * (double)i / rate_hz);
    }
    return 2 * sqrt(re * re + im * im) / (double)pcm.count;
}

static void a_tone_stays_a_tone_at_another_rate(void **state)
{
    static const uint32_t rates[][2] = { { 22050, 24000 }, { 24000, 16000 }, { 16000, 24000 }, { 48000, 16000 },
                                         { 44100, 16000 }, { 16000, 16000 }, { 8000, 48000 } };
    static int16_t in[48000];
    for (size_t r = 0; r < COUNT(rates); r++) {
        uint32_t from = rates[r][0], to = rates[r][1];
        for (uint32_t i = 0; i < from; i++)
            in[i] = (int16_t)(10000 * sin(2 * M_PI * 1000 * i / from));
        struct resample *s = NULL;
        struct pcm_queue pieces = { 0 }, once = { 0 };
        assert_ok(resample_create(&s, from, to));
        for (int pass = 0; pass < 2; pass++) { /* the second time it must be as new */
            pcm_queue_clear(&pieces);
            for (size_t at = 0; at < from; at += 777)
                assert_ok(resample_feed(s, (struct pcm){ in + at, MIN((size_t)777, from - at) }, &pieces));
            assert_ok(resample_flush(s, &pieces));
            assert_in_range(pieces.count, to - 1, to + 1);
            assert_true(fabs(level_at(pcm_queue_peek(&pieces), 1000, to) - 10000) < 200);
        }
        assert_ok(resample_once((struct pcm){ in, from }, from, to, &once));
        assert_int_equal(once.count, pieces.count);
        for (size_t i = 0; i < once.count; i++) /* but for the dither of the last bit */
            assert_in_range(once.samples[i] - pieces.samples[i] + 2, 0, 4);
        resample_free(s);
        pcm_queue_done(&pieces);
        pcm_queue_done(&once);
    }
}

static void odd_rates_and_full_queues_are_errors(void **state)
{
    struct resample *s = NULL;
    assert_int_equal(resample_create(&s, 0, 16000), ERR_UNSUPPORTED);
    assert_int_equal(resample_create(&s, 16000, 1000000), ERR_UNSUPPORTED);
    static int16_t in[24000];
    struct pcm_queue small;
    pcm_queue_init(&small, 1000);
    assert_int_equal(resample_once((struct pcm){ in, 24000 }, 24000, 16000, &small), ERR_LIMIT);
    pcm_queue_done(&small);
    pcm_queue_init(&small, 16000);
    assert_ok(resample_once((struct pcm){ in, 12000 }, 24000, 16000, &small));
    assert_int_equal(small.count, 8000);
    pcm_queue_done(&small);
}

static void tones_have_soft_edges_and_bounds(void **state)
{
    struct pcm_queue q = { 0 };
    assert_ok(tone_make(tone_entry, COUNT(tone_entry), 24000, &q));
    struct pcm all = pcm_queue_peek(&q);
    assert_int_equal(all.count, 24000 * 270 / 1000);
    assert_int_equal(all.samples[0], 0);
    assert_int_equal(all.samples[all.count - 1], 0);
    assert_in_range(energy_peak(all), 7000, 8300);
    struct pcm first = { all.samples, 2640 };
    assert_true(level_at(first, 660, 24000) > 10 * level_at(first, 880, 24000));
    pcm_queue_done(&q);
    struct note endless = { 440, TONE_MS_MAX + 1, 50 };
    assert_int_equal(tone_make(&endless, 1, 24000, &q), ERR_LIMIT);
    struct note rest = { 0, 100, 50 };
    assert_ok(tone_make(&rest, 1, 24000, &q));
    assert_true(energy_is_silent(pcm_queue_peek(&q)));
    pcm_queue_done(&q);
}

static void loudness_is_measured_against_full_scale(void **state)
{
    int16_t full[100], faint[100] = { [50] = ENERGY_SILENT_PEAK }, low[100] = { [3] = INT16_MIN };
    for (size_t i = 0; i < COUNT(full); i++)
        full[i] = i % 2 ? INT16_MAX : INT16_MIN;
    assert_true(fabsf(energy_dbfs((struct pcm){ full, 100 })) < 0.01f);
    assert_true(energy_dbfs((struct pcm){ full, 0 }) <= -100);
    assert_int_equal(energy_peak((struct pcm){ low, 100 }), 32768);
    assert_true(energy_is_silent((struct pcm){ faint, 100 }));
    assert_false(energy_is_silent((struct pcm){ full, 100 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_keeps_order_and_its_limit),
        cmocka_unit_test(frames_are_cut_and_the_tail_is_padded),
        cmocka_unit_test(a_tone_stays_a_tone_at_another_rate),
        cmocka_unit_test(odd_rates_and_full_queues_are_errors),
        cmocka_unit_test(tones_have_soft_edges_and_bounds),
        cmocka_unit_test(loudness_is_measured_against_full_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
