/* SPDX-License-Identifier: MIT
 * test_load_report.c -- what is told of a run: JSON, words about the generator itself, a plot. */
#include "base/json.h"
#include "cli/load.h"
#include "tests/support/crowd_world.h"
#include "tests/support/test.h"

static void a_report_can_be_read_by_machines_and_plotted(void **state)
{
    struct cworld *w = *state;
    auto_buf struct buf out = { 0 }, svg = { 0 };
    auto_json struct json *j = NULL;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .pause_ms = 1 }, 1000);
    const struct load_sample samples[] = {
        { .alive = 10, .latencies = 5, .p50_us = 60000, .p99_us = 61000, .cpu = -1 },
        { .alive = 20, .latencies = 5, .p50_us = 60000, .p99_us = 80000, .cpu = -1 },
    };
    struct load_result r = { .profile = "play", .url = w->url, .devices = 1, .seconds = 1, .stats = s,
                             .samples = samples, .sample_count = 2 };
    load_json(&r, &out);
    assert_ok(json_parse(&j, buf_slice(&out), NULL));
    assert_int_equal(json_get_i64(j, "gaps_late", -1), 0);
    load_plot(&r, &svg);
    assert_true(slice_starts(buf_slice(&svg), SLICE("<svg ")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("devices connected")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("<text x='740.0' y='390' text-anchor='middle'>20</text>")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("<text x='405.0' y='390' text-anchor='middle'>10</text>")));
    assert_true(slice_contains(buf_slice(&svg), SLICE("<circle cx='740.0'")));
    assert_true(slice_ends(buf_slice(&svg), SLICE("</svg>\n")));
}

/* What is told of a run with faults that are known: every number. */
static void the_report_says_exactly_what_the_server_did(void **state)
{
    static const struct {
        const char *object, *name;
        int64_t value;
    } rows[] = {
        { NULL, "opened", 2 },       { NULL, "connected", 2 },     { NULL, "greeted", 2 },   { NULL, "alive", 2 },
        { NULL, "turns", 2 },        { NULL, "turns_good", 2 },    { NULL, "turns_lost", 0 }, { NULL, "aborts", 0 },
        { NULL, "turns_busy", 0 },   { "busy", "count", -1 },
        { NULL, "packets_in", 12 },  { NULL, "bytes_in", 96 },     { NULL, "gaps", 10 },     { NULL, "gaps_late", 2 },
        { NULL, "underruns", 2 },    { NULL, "lost_packets", 0 },  { "violations", "starved", 2 },
        { "violations", "burst", -1 }, { "errors", "busy", -1 },   { "gap", "count", 10 },   { "gap", "max_ms", 200 },
        { "gap", "p50_ms", 60 },     { "hello", "count", 2 },      { "hello", "p50_ms", 3 }, { "text", "count", 2 },
        { "text", "p50_ms", 40 },    { "start", "p50_ms", 40 },    { "audio", "p99_ms", 100 },
        { "added", "p99_ms", 30 },   { "abort", "count", -1 },
    };
    struct cworld *w = *state;
    auto_buf struct buf out = { 0 };
    auto_json struct json *j = NULL;
    w->script.slow_frame = 3;
    w->script.slow_ms = 140;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_PLAY, .devices = 2, .pause_ms = 60000,
                                                             .known_us_typed = 70000 }, 900);
    struct load_result r = { .profile = "play", .url = w->url, .devices = 2, .seconds = 1, .stats = s,
                             .alive = crowd_alive(w->crowd), .own_cpu_s = 0.2 };
    load_json(&r, &out);
    assert_ok(json_parse(&j, buf_slice(&out), NULL));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct json *at = rows[i].object ? json_get(j, rows[i].object) : j;
        int64_t got = (int64_t)json_get_f64(at, rows[i].name, -1);
        bool is_time = slice_ends(slice_of(rows[i].name), SLICE("_ms")); /* buckets are 1.6 % wide */
        int64_t slack = is_time ? 2 + rows[i].value / 50 : 0;
        if (got < rows[i].value - slack || got > rows[i].value + slack)
            fail_msg("%s.%s: %lld instead of %lld", rows[i].object ? rows[i].object : "", rows[i].name, (long long)got,
                     (long long)rows[i].value);
    }
    assert_false(json_get_bool(j, "generator_is_limit", true));
}

static void a_generator_that_is_the_limit_says_so(void **state)
{
    struct cworld *w = *state;
    const struct crowd_stats *s = cworld_go(w, (struct crowd_opts){ .profile = PROFILE_IDLE }, 50);
    struct crowd_stats *late = calloc(1, sizeof(*late));
    *late = *s;
    for (int i = 0; i < 5; i++)
        histogram_add(&late->late, 20000);
    const struct {
        const struct crowd_stats *stats;
        double own_cpu_s;
        bool is_limit;
    } rows[] = { { s, 0.5, false }, { s, 0.95, true }, { late, 0.5, true } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        auto_json struct json *j = NULL;
        struct load_result r = { .profile = "idle", .url = w->url, .devices = 1, .seconds = 1, .stats = rows[i].stats,
                                 .own_cpu_s = rows[i].own_cpu_s };
        load_json(&r, &out);
        assert_ok(json_parse(&j, buf_slice(&out), NULL));
        assert_int_equal(json_get_bool(j, "generator_is_limit", !rows[i].is_limit), rows[i].is_limit);
    }
    free(late);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, cworld_setup, cworld_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_report_can_be_read_by_machines_and_plotted),
        CASE(the_report_says_exactly_what_the_server_did),
        CASE(a_generator_that_is_the_limit_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
