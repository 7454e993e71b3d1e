/* SPDX-License-Identifier: MIT
 * TSAN: adds from several threads. */
#include "metrics/metrics.h"

#include <pthread.h>

#include "tests/support/test.h"

static int clean(void **state)
{
    metrics_reset();
    return 0;
}

static bool has_line(const struct buf *text, const char *line)
{
    auto_buf struct buf wanted = { 0 };
    buf_printf(&wanted, "\n%s\n", line);
    return strstr(text->data, wanted.data) != NULL;
}

static void counters_gauges_and_histograms_add_up(void **state)
{
    metric_add(METRIC_bytes_in_total, 100);
    metric_add(METRIC_bytes_in_total, 23);
    metric_add(METRIC_sessions, 3);
    metric_add(METRIC_sessions, -1);
    metric_set(METRIC_workers, 2);
    metric_seconds(METRIC_turn_e2e_seconds, 0.7);
    metric_seconds(METRIC_turn_e2e_seconds, 100);
    metric_seconds(METRIC_turn_e2e_seconds, -1);
    metric_seconds(METRIC_turn_e2e_seconds, 0.0 / 0.0);
    assert_int_equal(metric_value(METRIC_bytes_in_total), 123);
    assert_int_equal(metric_value(METRIC_sessions), 2);
    assert_int_equal(metric_value(METRIC_workers), 2);
    assert_int_equal(metric_count(METRIC_turn_e2e_seconds), 4);
}

static void the_text_is_in_prometheus_form(void **state)
{
    auto_buf struct buf out = { 0 };
    metric_add(METRIC_bytes_in_total, 7);
    metric_add_label(METRIC_turns_total, "completed", 2);
    metric_add_label(METRIC_turns_total, "a\"b\\c\nd", 1);
    metric_seconds(METRIC_turn_e2e_seconds, 0.25);
    metrics_print(&out);
    assert_true(has_line(&out, "# TYPE parley_bytes_in_total counter"));
    assert_true(has_line(&out, "parley_bytes_in_total 7"));
    assert_true(has_line(&out, "parley_turns_total{outcome=\"completed\"} 2"));
    assert_true(has_line(&out, "parley_turns_total{outcome=\"a\\\"b\\\\c\\nd\"} 1"));
    assert_true(has_line(&out, "parley_turn_e2e_seconds_bucket{le=\"0.2\"} 0"));
    assert_true(has_line(&out, "parley_turn_e2e_seconds_bucket{le=\"0.3\"} 1"));
    assert_true(has_line(&out, "parley_turn_e2e_seconds_bucket{le=\"+Inf\"} 1"));
    assert_true(has_line(&out, "parley_turn_e2e_seconds_sum 0.25"));
    assert_true(has_line(&out, "parley_turn_e2e_seconds_count 1"));
    assert_null(strstr(out.data, "nan"));
}

static void labels_beyond_the_limit_go_to_other(void **state)
{
    char text[32];
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "reason-%d", i);
        metric_add_label(METRIC_audio_dropped_total, text, 1);
    }
    assert_int_equal(metric_label_value(METRIC_audio_dropped_total, "reason-0"), 1);
    assert_int_equal(metric_label_value(METRIC_audio_dropped_total, "reason-62"), 1);
    assert_int_equal(metric_label_value(METRIC_audio_dropped_total, "reason-63"), 0);
    assert_int_equal(metric_label_value(METRIC_audio_dropped_total, "other"), 137);
    metric_add_label(METRIC_audio_dropped_total, NULL, 5);
    assert_int_equal(metric_label_value(METRIC_audio_dropped_total, "other"), 142);
}

#define ROUNDS 2000

static void *adder(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(METRIC_frames_in_total, 1);
        metric_add(METRIC_sessions, i % 2 ? 1 : -1);
        metric_seconds(METRIC_queue_stay_seconds, 0.001 * (i % 10));
        metric_add_label(METRIC_turns_total, i % 3 ? "completed" : "aborted", 1);
        metric_add_label(METRIC_rate_limited_total, i % 2 ? "text" : "connect", 1);
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, adder, NULL), 0);
    for (int i = 0; i < 20; i++) {
        auto_buf struct buf out = { 0 };
        metrics_print(&out);
        assert_true(out.len > 1000);
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric_value(METRIC_frames_in_total), 4 * ROUNDS);
    assert_int_equal(metric_value(METRIC_sessions), 0);
    assert_int_equal(metric_count(METRIC_queue_stay_seconds), 4 * ROUNDS);
    assert_int_equal(metric_label_value(METRIC_turns_total, "completed") +
                         metric_label_value(METRIC_turns_total, "aborted"),
                     4 * ROUNDS);
}

static void the_process_knows_its_size(void **state)
{
    metrics_sample_process();
    assert_true(metric_value(METRIC_process_resident_bytes) > 100000);
    assert_true(metric_value(METRIC_process_open_fds) >= 3);
    assert_true(metric_value(METRIC_process_threads) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counters_gauges_and_histograms_add_up, clean),
        cmocka_unit_test_setup(the_text_is_in_prometheus_form, clean),
        cmocka_unit_test_setup(labels_beyond_the_limit_go_to_other, clean),
        cmocka_unit_test_setup(threads_lose_nothing, clean),
        cmocka_unit_test_setup(the_process_knows_its_size, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
