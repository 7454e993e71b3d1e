/* SPDX-License-Identifier: MIT
 * test_timer.c -- the wheel, on a clock moved by hand. */
#include "tests/support/test.h"

#include "base/rand.h"
#include "loop/wheel.h"

#define MANY 4000

struct alarm_clock {
    struct timer timer;
    struct loop *loop;
    uint64_t fired_at_ms, every_ms;
    unsigned fired;
    struct alarm_clock *stops; /* another one to stop when this fires */
};

static void ring(void *arg)
{
    struct alarm_clock *a = arg;
    a->fired++;
    a->fired_at_ms = loop_now_ms(a->loop);
    if (a->stops)
        timer_stop(&a->stops->timer);
    if (a->every_ms)
        timer_start(&a->timer, a->loop, a->every_ms, ring, a);
}

static struct loop *manual_loop(void)
{
    struct loop *l;
    assert_ok(loop_create(&l, &(struct loop_opts){ .has_manual_clock = true }));
    return l;
}

static void a_timer_fires_at_its_millisecond_whatever_the_distance(void **state)
{
    static const uint64_t delays[] = { 1, 2, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 300000, 16777215, 16777217,
                                       86400000, 1073741824 };
    struct loop *l = manual_loop();

    for (unsigned shift = 0; shift < 100; shift += 7) {
        loop_advance(l, shift);
        for (size_t i = 0; i < COUNT(delays); i++) {
            struct alarm_clock a = { .loop = l };
            uint64_t began = loop_now_ms(l);
            timer_start(&a.timer, l, delays[i], ring, &a);
            loop_advance(l, delays[i] - 1);
            assert_int_equal(a.fired, 0);
            loop_advance(l, 1);
            assert_int_equal(a.fired, 1);
            assert_int_equal(a.fired_at_ms, began + delays[i]);
        }
    }
    loop_free(l);
}

static uint64_t last_fired_ms;
static void ring_in_order(void *arg)
{
    ring(arg);
    struct alarm_clock *a = arg;
    assert_true(a->fired_at_ms >= last_fired_ms);
    last_fired_ms = a->fired_at_ms;
}

static void many_timers_fire_in_order_and_stopped_ones_never(void **state)
{
    struct loop *l = manual_loop();
    struct alarm_clock *all = test_calloc(MANY, sizeof(*all));
    uint64_t *due = test_calloc(MANY, sizeof(*due));

    last_fired_ms = 0;
    for (unsigned i = 0; i < MANY; i++) {
        all[i].loop = l;
        uint64_t delay = rand_below(1u << rand_below(22)) + 1;
        due[i] = loop_now_ms(l) + delay;
        timer_start(&all[i].timer, l, delay, ring_in_order, &all[i]);
        if (i % 8 == 0)
            loop_advance(l, rand_below(50));
    }
    for (unsigned i = 0; i < MANY; i += 3)
        timer_stop(&all[i].timer);
    loop_advance(l, 1u << 22);
    for (unsigned i = 0; i < MANY; i++) {
        if (all[i].fired)
            assert_int_equal(all[i].fired_at_ms, due[i]);
        else
            assert_int_equal(i % 3, 0);
    }
    assert_int_equal(loop_timers_armed(l), 0);
    test_free(due);
    test_free(all);
    loop_free(l);
}

static void a_timer_may_restart_itself_and_stop_its_neighbours(void **state)
{
    struct loop *l = manual_loop();
    struct alarm_clock pulse = { .loop = l, .every_ms = 60 }, victim = { .loop = l }, killer = { .loop = l };

    killer.stops = &victim;
    timer_start(&pulse.timer, l, 60, ring, &pulse);
    timer_start(&killer.timer, l, 500, ring, &killer);
    timer_start(&victim.timer, l, 500, ring, &victim);
    loop_advance(l, 6000);
    assert_int_equal(pulse.fired, 100);
    assert_int_equal(killer.fired, 1);
    assert_int_equal(victim.fired, 0);
    assert_false(timer_armed(&victim.timer));
    timer_stop(&pulse.timer);
    loop_free(l);
}

static void restarting_moves_the_due_time(void **state)
{
    struct loop *l = manual_loop();
    struct alarm_clock a = { .loop = l };

    timer_start(&a.timer, l, 1000, ring, &a);
    for (unsigned i = 0; i < 10; i++) {
        loop_advance(l, 900);
        timer_start(&a.timer, l, 1000, ring, &a);
    }
    assert_int_equal(a.fired, 0);
    assert_int_equal(loop_timers_armed(l), 1);
    loop_advance(l, 1000);
    assert_int_equal(a.fired, 1);
    loop_free(l);
}

static void a_timer_without_delay_fires_in_the_next_round_and_cannot_hold_the_loop(void **state)
{
    struct loop *l = manual_loop();
    struct alarm_clock once = { .loop = l };

    timer_start(&once.timer, l, 0, ring, &once);
    assert_int_equal(once.fired, 0);
    loop_step(l, 0);
    assert_int_equal(once.fired, 1);
    loop_free(l);
}

static void a_real_clock_sleeps_until_the_next_timer(void **state)
{
    struct loop *l;
    assert_ok(loop_create(&l, NULL));
    struct alarm_clock a = { .loop = l };

    loop_step(l, 0);
    timer_start(&a.timer, l, 20, ring, &a);
    uint64_t began_us = loop_now_us(l);
    unsigned rounds = 0;
    while (!a.fired && rounds++ < 50)
        loop_step(l, 1000);
    assert_int_equal(a.fired, 1);
    assert_true(rounds < 10);
    assert_true(loop_now_us(l) - began_us >= 18000);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_fires_at_its_millisecond_whatever_the_distance),
        cmocka_unit_test(many_timers_fire_in_order_and_stopped_ones_never),
        cmocka_unit_test(a_timer_may_restart_itself_and_stop_its_neighbours),
        cmocka_unit_test(restarting_moves_the_due_time),
        cmocka_unit_test(a_timer_without_delay_fires_in_the_next_round_and_cannot_hold_the_loop),
        cmocka_unit_test(a_real_clock_sleeps_until_the_next_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
