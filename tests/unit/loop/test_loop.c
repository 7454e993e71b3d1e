/* SPDX-License-Identifier: MIT
 * test_loop.c -- mail between threads, graves, hooks. TSAN */
#include "tests/support/test.h"

#include <pthread.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "loop/timer.h"

#define POSTERS 4
#define LETTERS 500

struct letter {
    struct mail mail;
    unsigned poster, number;
    struct inbox *inbox;
};
struct inbox {
    struct loop *loop;
    unsigned next[POSTERS], count, wrong;
};

static void read_letter(struct mail *m)
{
    struct letter *letter = container_of(m, struct letter, mail);
    struct inbox *in = letter->inbox;

    if (!loop_is_here(in->loop) || in->next[letter->poster]++ != letter->number)
        in->wrong++;
    if (++in->count == POSTERS * LETTERS)
        loop_stop(in->loop);
    mem_free(letter);
}

struct poster {
    struct inbox *inbox;
    unsigned number;
};

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (unsigned i = 0; i < LETTERS; i++) {
        struct letter *letter = xnew(struct letter);
        *letter = (struct letter){ { .run = read_letter }, p->number, i, p->inbox };
        loop_post(p->inbox->loop, &letter->mail);
    }
    return NULL;
}

static void letters_of_many_threads_arrive_in_order_on_the_loop(void **state)
{
    struct inbox in = { 0 };
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];

    assert_ok(loop_create(&in.loop, &(struct loop_opts){ .name = "mail" }));
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){ &in, i };
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    loop_run(in.loop);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(in.count, POSTERS * LETTERS);
    assert_int_equal(in.wrong, 0);
    loop_free(in.loop);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void a_loop_stops_from_another_thread_and_is_nobody_elses_while_it_runs(void **state)
{
    struct loop *l;
    pthread_t thread;

    assert_ok(loop_create(&l, NULL));
    assert_true(loop_is_here(l));
    assert_int_equal(pthread_create(&thread, NULL, run_loop, l), 0);
    loop_stop(l);
    pthread_join(thread, NULL);
    assert_true(loop_is_here(l));
    loop_free(l);
}

struct plot {
    struct grave grave;
    struct loop *loop;
    unsigned buried, again;
};

static void bury(void *arg)
{
    struct plot *p = arg;
    p->buried++;
    if (p->again-- > 0)
        loop_later(p->loop, &p->grave, bury, p);
}

static void graves_are_filled_after_the_callback_not_in_it(void **state)
{
    struct plot p = { .again = 2 };
    assert_ok(loop_create(&p.loop, &(struct loop_opts){ .has_manual_clock = true }));

    loop_later(p.loop, &p.grave, bury, &p);
    assert_int_equal(p.buried, 0);
    loop_step(p.loop, 0);
    assert_int_equal(p.buried, 3);
    loop_free(p.loop);
}

struct shift { /* one worker of the test below */
    struct grave grave;
    struct loop *loop;
    char name, *diary;
};

static void note(struct shift *s, char what)
{
    s->diary[strlen(s->diary)] = what;
}

static void ring(void *arg)
{
    note(arg, 't');
}

static void toil(void *arg)
{
    struct shift *s = arg;
    uint64_t end_us = loop_now_us(s->loop) + LOOP_WORK_US;
    while (loop_now_us(s->loop) < end_us)
        continue;
    note(s, s->name);
}

static void long_work_lets_what_is_due_go_first(void **state)
{
    char diary[8] = "";
    struct loop *l;
    struct timer timer = { 0 };
    assert_ok(loop_create(&l, NULL));
    struct shift a = { .loop = l, .name = 'a', .diary = diary }, b = { .loop = l, .name = 'b', .diary = diary };
    loop_work(l, &a.grave, toil, &a);
    loop_work(l, &b.grave, toil, &b);
    timer_start(&timer, l, 0, ring, &b);
    loop_step(l, 1000); /* does not wait while work is left */
    loop_step(l, 0);
    assert_string_equal(diary, "atb");
    loop_free(l);
}

static void work_is_done_when_a_loop_ends(void **state)
{
    char diary[8] = "";
    struct shift a = { .name = 'a', .diary = diary }, b = { .name = 'b', .diary = diary };
    assert_ok(loop_create(&a.loop, NULL));
    b.loop = a.loop;
    loop_work(a.loop, &a.grave, toil, &a);
    loop_work(a.loop, &b.grave, toil, &b);
    loop_free(a.loop);
    assert_string_equal(diary, "ab");
}

static void count_up(void *arg)
{
    ++*(unsigned *)arg;
}

static void a_hook_runs_in_every_round_until_it_is_removed(void **state)
{
    unsigned rounds = 0;
    struct loop *l;
    struct loop_hook h = { .fn = count_up, .arg = &rounds };

    assert_ok(loop_create(&l, &(struct loop_opts){ .has_manual_clock = true }));
    loop_hook_add(l, &h);
    loop_step(l, 0);
    assert_true(rounds > 0);
    loop_hook_remove(l, &h);
    rounds = 0;
    loop_step(l, 0);
    assert_int_equal(rounds, 0);
    loop_free(l);
}

static void dawdle(struct mail *m)
{
    usleep(15000);
    mem_free(m);
}

static void a_slow_callback_shows_as_a_stall(void **state)
{
    struct loop *l;
    struct mail *m = xnew(struct mail);

    assert_ok(loop_create(&l, NULL));
    loop_step(l, 0);
    loop_stall_us(l);
    m->run = dawdle;
    loop_post(l, m);
    loop_step(l, 10);
    loop_step(l, 0);
    assert_true(loop_stall_us(l) >= 14000);
    assert_int_equal(loop_stall_us(l), 0);
    loop_free(l);
}

static void on_wake(uv_timer_t *wake)
{
    (void)wake;
}

static void load_is_the_share_of_time_that_was_worked(void **state)
{
    struct loop *l;
    assert_ok(loop_create(&l, NULL));
    loop_step(l, 0);
    for (uint64_t end_us = loop_now_us(l) + 1200000; loop_now_us(l) < end_us;)
        loop_step(l, 0);
    assert_true(loop_load_percent(l) >= 60); /* from nothing, in so short a time */
    uv_timer_t wake; /* waits as a loop at rest does */
    uv_timer_init(loop_uv(l), &wake);
    uv_timer_start(&wake, on_wake, 1300, 0);
    uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(loop_load_percent(l) <= 20); /* asked before the round has ended */
    assert_true(loop_load_peak_percent(l) >= 50); /* what it was comes again, perhaps */
    uv_close((uv_handle_t *)&wake, NULL);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_many_threads_arrive_in_order_on_the_loop),
        cmocka_unit_test(a_loop_stops_from_another_thread_and_is_nobody_elses_while_it_runs),
        cmocka_unit_test(graves_are_filled_after_the_callback_not_in_it),
        cmocka_unit_test(long_work_lets_what_is_due_go_first),
        cmocka_unit_test(work_is_done_when_a_loop_ends),
        cmocka_unit_test(a_hook_runs_in_every_round_until_it_is_removed),
        cmocka_unit_test(a_slow_callback_shows_as_a_stall),
        cmocka_unit_test(load_is_the_share_of_time_that_was_worked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
