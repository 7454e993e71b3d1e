/* SPDX-License-Identifier: MIT
 * test_job.c -- the worker pool: order, bounds, cancelling. TSAN */
#include "tests/support/test.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/job.h"
#include "metrics/metrics.h"

struct gate { /* a job that runs until it is let go */
    atomic_bool is_open, was_stopped, has_begun;
    atomic_uint freed;
    unsigned number;
};
struct owner {
    unsigned done, parts, order[16];
    enum err err;
    struct job *cancels; /* in part() */
};

static enum err hold(struct job *job, void *input)
{
    struct gate *g = input;
    atomic_store(&g->has_begun, true);
    while (!atomic_load(&g->is_open) && !job_stopped(job))
        usleep(200);
    atomic_store(&g->was_stopped, job_stopped(job));
    return OK;
}

static void count_done(void *user, enum err err, void *input)
{
    struct owner *o = user;
    struct gate *g = input;
    if (o->done < COUNT(o->order))
        o->order[o->done] = g->number;
    o->done++;
    o->err = err;
}

static void count_free(void *input)
{
    atomic_fetch_add(&((struct gate *)input)->freed, 1);
}

static const struct job_class holding = { .name = "hold", .work = hold, .done = count_done, .free_input = count_free };
static const struct job_class background = { .name = "back", .work = hold, .done = count_done, .free_input = count_free,
                                             .is_background = true };
static const struct job_class lane_holding = { .name = "hold", .work = hold, .done = count_done,
                                               .free_input = count_free, .lane = 77 };
static const struct job_class lane_background = { .name = "back", .work = hold, .done = count_done,
                                                  .free_input = count_free, .is_background = true, .lane = 77 };

struct world {
    struct loop *loop;
    struct workers *workers;
};

static struct world world_of(unsigned threads, unsigned queue_max)
{
    struct world w;
    assert_ok(loop_create(&w.loop, NULL));
    assert_ok(workers_create(&w.workers, &(struct workers_opts){ threads, queue_max }));
    return w;
}

static void end_world(struct world *w)
{
    workers_free(w->workers);
    loop_free(w->loop);
}

static void until_done(struct world *w, struct owner *o, unsigned count)
{
    for (unsigned i = 0; o->done < count && i < 2000; i++)
        loop_step(w->loop, 5);
    assert_int_equal(o->done, count);
}

static void until_begun(struct gate *g)
{
    for (unsigned i = 0; !atomic_load(&g->has_begun) && i < 10000; i++)
        usleep(200);
    assert_true(atomic_load(&g->has_begun));
}

static void a_full_queue_refuses_and_leaves_the_input_with_its_owner(void **state)
{
    struct world w = world_of(1, 2);
    struct gate g[4] = { 0 };
    struct owner o = { 0 };
    int64_t refused = metric_value(METRIC_jobs_refused_total);
    uint64_t waited = metric_count(METRIC_queue_stay_seconds);

    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &g[0], &o));
    until_begun(&g[0]);
    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &g[1], &o));
    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &g[2], &o));
    assert_int_equal(job_start(NULL, w.workers, w.loop, &holding, &g[3], &o), ERR_BUSY);
    assert_int_equal(workers_queued(w.workers), 2);
    assert_int_equal(workers_busy(w.workers), 1);
    for (unsigned i = 0; i < 3; i++)
        atomic_store(&g[i].is_open, true);
    until_done(&w, &o, 3);
    assert_int_equal(g[3].freed, 0);
    assert_int_equal(g[0].freed + g[1].freed + g[2].freed, 3);
    assert_int_equal(metric_value(METRIC_jobs_refused_total) - refused, 1);
    assert_int_equal(metric_count(METRIC_queue_stay_seconds) - waited, 3);
    end_world(&w);
}

static void jobs_of_one_lane_keep_their_order_and_run_one_at_a_time(void **state)
{
    struct world w = world_of(4, 64);
    struct gate g[8] = { 0 };
    struct owner o = { 0 };

    for (unsigned i = 0; i < 8; i++) {
        g[i].number = i;
        /* Mixed kinds: a later chat job of the lane must not overtake a background one. */
        assert_ok(job_start(NULL, w.workers, w.loop, i % 3 == 1 ? &lane_background : &lane_holding, &g[i], &o));
    }
    for (unsigned i = 0; i < 8; i++) {
        until_begun(&g[i]);
        if (i < 7)
            assert_false(atomic_load(&g[i + 1].has_begun));
        atomic_store(&g[i].is_open, true);
    }
    until_done(&w, &o, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(o.order[i], i);
    end_world(&w);
}

static void background_jobs_leave_one_worker_free(void **state)
{
    struct world w = world_of(2, 64);
    struct gate summary[2] = { 0 }, chat = { 0 };
    struct owner o = { 0 };

    assert_ok(job_start(NULL, w.workers, w.loop, &background, &summary[0], &o));
    assert_ok(job_start(NULL, w.workers, w.loop, &background, &summary[1], &o));
    until_begun(&summary[0]);
    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &chat, &o));
    until_begun(&chat);
    assert_false(atomic_load(&summary[1].has_begun));
    atomic_store(&chat.is_open, true);
    until_done(&w, &o, 1);
    assert_false(atomic_load(&summary[1].has_begun));
    atomic_store(&summary[0].is_open, true);
    atomic_store(&summary[1].is_open, true);
    until_done(&w, &o, 3);
    end_world(&w);
}

static void a_pool_of_one_runs_background_jobs_when_nothing_else_waits(void **state)
{
    struct world w = world_of(1, 64);
    struct gate first = { 0 }, back = { 0, .number = 2 }, chat = { 0, .number = 1 };
    struct owner o = { 0 };

    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &first, &o));
    until_begun(&first);
    assert_ok(job_start(NULL, w.workers, w.loop, &background, &back, &o));
    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &chat, &o));
    atomic_store(&chat.is_open, true);
    atomic_store(&back.is_open, true);
    atomic_store(&first.is_open, true);
    until_done(&w, &o, 3);
    assert_int_equal(o.order[1], 1);
    assert_int_equal(o.order[2], 2);
    end_world(&w);
}

static void after_cancelling_the_owner_hears_nothing_and_the_worker_is_told(void **state)
{
    struct world w = world_of(1, 64);
    struct gate running = { 0 }, queued = { 0 };
    struct owner *o = xnew(struct owner);
    struct job *a, *b;

    assert_ok(job_start(&a, w.workers, w.loop, &holding, &running, o));
    assert_ok(job_start(&b, w.workers, w.loop, &holding, &queued, o));
    until_begun(&running);
    job_cancel(b);
    assert_int_equal(queued.freed, 1);
    job_cancel(a);
    job_cancel(NULL);
    mem_free(o); /* ASan sees it if anybody still speaks to it */
    for (unsigned i = 0; !atomic_load(&running.freed) && i < 2000; i++)
        loop_step(w.loop, 5);
    assert_true(atomic_load(&running.was_stopped));
    assert_int_equal(running.freed, 1);
    assert_false(atomic_load(&queued.has_begun));
    assert_int_equal(workers_busy(w.workers), 0);
    end_world(&w);
}

static void a_pool_that_ends_drops_what_waits_and_stops_what_runs(void **state)
{
    struct world w = world_of(1, 64);
    struct gate running = { 0 }, queued = { 0 };
    struct owner o = { 0 };

    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &running, &o));
    assert_ok(job_start(NULL, w.workers, w.loop, &holding, &queued, &o));
    until_begun(&running);
    workers_free(w.workers);
    until_done(&w, &o, 2);
    assert_true(atomic_load(&running.was_stopped));
    assert_int_equal(running.freed + queued.freed, 2);
    loop_free(w.loop);
}

#define PART_COUNT 300
static enum err emit_many(struct job *job, void *input)
{
    for (uintptr_t i = 1; i <= PART_COUNT; i++) {
        unsigned *value = xnew(unsigned);
        *value = (unsigned)i;
        job_emit(job, value);
    }
    return ERR_UPSTREAM;
}

static void take_part(void *user, void *part)
{
    struct owner *o = user;
    assert_int_equal(*(unsigned *)part, ++o->parts);
    mem_free(part);
    if (o->cancels && o->parts == 70)
        job_cancel(o->cancels);
}

static const struct job_class emitting = { .name = "emit", .work = emit_many, .part = take_part, .done = count_done,
                                           .free_part = mem_free, .free_input = count_free };

static void parts_arrive_in_order_and_a_slow_reader_holds_the_worker(void **state)
{
    struct world w = world_of(1, 8);
    struct gate g = { 0 };
    struct owner o = { 0 };

    assert_ok(job_start(NULL, w.workers, w.loop, &emitting, &g, &o));
    loop_step(w.loop, 5);
    assert_true(o.parts <= 64);
    until_done(&w, &o, 1);
    assert_int_equal(o.parts, PART_COUNT);
    assert_int_equal(o.err, ERR_UPSTREAM);
    end_world(&w);
}

static void a_job_may_be_cancelled_in_the_middle_of_its_own_part(void **state)
{
    struct world w = world_of(1, 8);
    struct gate g = { 0 };
    struct owner o = { 0 };

    assert_ok(job_start(&o.cancels, w.workers, w.loop, &emitting, &g, &o));
    for (unsigned i = 0; !atomic_load(&g.freed) && i < 2000; i++)
        loop_step(w.loop, 5);
    assert_int_equal(o.parts, 70);
    assert_int_equal(o.done, 0);
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_refuses_and_leaves_the_input_with_its_owner),
        cmocka_unit_test(jobs_of_one_lane_keep_their_order_and_run_one_at_a_time),
        cmocka_unit_test(background_jobs_leave_one_worker_free),
        cmocka_unit_test(a_pool_of_one_runs_background_jobs_when_nothing_else_waits),
        cmocka_unit_test(after_cancelling_the_owner_hears_nothing_and_the_worker_is_told),
        cmocka_unit_test(a_pool_that_ends_drops_what_waits_and_stops_what_runs),
        cmocka_unit_test(parts_arrive_in_order_and_a_slow_reader_holds_the_worker),
        cmocka_unit_test(a_job_may_be_cancelled_in_the_middle_of_its_own_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
