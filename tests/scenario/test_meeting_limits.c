/* SPDX-License-Identifier: MIT
 * test_meeting_limits.c -- what a meeting lets in and what it costs: repeats across meetings, what is dropped and
 * counted, a reload in the middle, ten hours. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "base/mem.h"
#include "gateway/session.h"
#include "main/private.h"
#include "metrics/metrics.h"
#include "modes/minutes.h"

#define S 1000ull
#define HOURS 10
#define TEXTS_A_MINUTE 20
#define SESSION_BYTES_WANTED (128 * 1024)
static const struct world_opts english = { .server = "  language: en-US" };

static void the_same_words_in_two_meetings_are_in_both(void **state)
{
    struct world w;
    char one[64], two[64];
    world_start(&w, &english);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    meeting_begins(a, one);
    meeting_begins(b, two);
    meeting_says(a, "we all agree", "\"status\":\"ok\"");
    meeting_says(b, "we all agree", "\"status\":\"ok\"");
    assert_string_equal(stored_texts(&w, one), "we all agree\n");
    assert_string_equal(stored_texts(&w, two), "we all agree\n");
    world_end(&w);
}

static int64_t texts(const char *result)
{
    return metric_label_value(METRIC_meeting_texts_total, result);
}

static void what_is_dropped_is_counted_by_its_reason(void **state)
{
    struct world w;
    char id[64];
    auto_buf struct buf longest = { 0 };
    struct client *c = meeting_world(&w, &english, id);
    int64_t kept = texts("kept"), repeat = texts("repeat"), empty = texts("empty"), cut = texts("cut"),
            limited = texts("limited");
    for (unsigned i = 0; i < 683; i++) /* 2049 bytes, the last character does not fit */
        buf_puts(&longest, "会");
    meeting_says(c, longest.data, "\"status\":\"ok\"");
    meeting_says(c, "hello", "\"status\":\"ok\"");
    meeting_says(c, "hello", "\"dropped\":1");
    meeting_says(c, "...", "\"dropped\":1");
    for (unsigned i = 4; i < 10; i++)
        meeting_says(c, "hello", "\"dropped\":1");
    meeting_says(c, "too fast", "RATE_LIMITED");
    assert_int_equal(texts("kept") - kept, 2);
    assert_int_equal(texts("repeat") - repeat, 7);
    assert_int_equal(texts("empty") - empty, 1);
    assert_int_equal(texts("cut") - cut, 1);
    assert_int_equal(texts("limited") - limited, 1);
    const char *stored = stored_texts(&w, id);
    assert_int_equal(strcspn(stored, "\n"), 2046);
    world_end(&w);
}

static void a_reload_counts_in_a_running_meeting(void **state)
{
    struct world w;
    char id[64];
    const struct world_opts o = { .server = "  language: en-US", .more = "meeting: {checkpoint_interval_min: 0}" };
    struct client *c = meeting_world(&w, &o, id);
    meeting_says(c, "pearly is fast", "\"status\":\"ok\"");
    meeting_says(c, "pearly is fast", "\"dropped\":1");
    const struct world_opts now = { .server = "  language: en-US",
                                    .more = "meeting: {dedupe_window_ms: 0, term_map: {'*': {pearly: Parley}}, "
                                            "checkpoint_interval_min: 1}" };
    auto_mem char *text = world_config(&now), *path = xprintf("%s/config.yaml", w.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
    assert_ok(server_reload(w.server, NULL));
    world_settle(&w);
    meeting_says(c, "pearly is fast", "\"status\":\"ok\"");
    meeting_says(c, "pearly is fast", "\"status\":\"ok\"");
    assert_string_equal(stored_texts(&w, id), "pearly is fast\nParley is fast\nParley is fast\n");
    world_advance(&w, 61 * S);
    client_sync(c);
    assert_true(client_gets(c, "\"checkpoint\":true"));
    world_end(&w);
}

/* The 20,000th segment ends it: the client is told, and what was said is summed up. */
static void a_full_meeting_is_told_and_summed_up(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, &english, id);
    stored_sql(&w, "UPDATE meeting SET segments = 19999");
    meeting_says(c, "the last that fits", "\"status\":\"ok\"");
    meeting_says(c, "one too many", "\"status\":\"ok\"");
    for (unsigned i = 0; i < 4; i++) {
        world_advance(&w, 5 * S);
        client_sync(c);
    }
    assert_true(client_gets(c, "the meeting is full"));
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    assert_true(client_gets(c, "\"stage\":\"done\""));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment"), 1);
    assert_int_equal(stored_number(&w, "SELECT state FROM meeting"), 2);
    world_end(&w);
}

static void only_the_newest_meetings_are_kept_and_open_ones_always(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = "meeting: {retention_count: 2}" });
    stored_sql(&w, "INSERT INTO meeting (id, session, device, state, started_ms, ended_ms) VALUES ('m1', 's', 'd', 2, 1, 1),"
                   " ('m2', 's', 'd', 2, 2, 2), ('m3', 's', 'd', 2, 3, 3), ('m4', 's', 'd', 2, 4, 4)");
    stored_sql(&w, "INSERT INTO segment (meeting, ts_ms, text) VALUES ('m1', 1, 'word1'), ('m4', 1, 'word4')");
    struct client *c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    meeting_says(c, "still open", "\"status\":\"ok\"");
    loop_advance(w.loop, MINUTES_LOOK_MS);
    client_sync(c);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM meeting WHERE id IN ('m3', 'm4')"), 2);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM meeting"), 3);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment_words WHERE segment_words MATCH 'word1'"), 0);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment_words WHERE segment_words MATCH 'word4'"), 1);
    world_end(&w);
}

static size_t bytes_of_session(const struct world *w)
{
    size_t bytes = 0;
    list_each(&w->server->loops[0].gateway->sessions, n)
        bytes = MAX(bytes, session_bytes(container_of(n, struct session, node)));
    return bytes;
}

static void ten_hours_of_meeting_keep_the_session_small(void **state)
{
    struct world w;
    char id[64];
    size_t most = 0;
    struct client *c = meeting_world(&w, &english, id);
    for (unsigned minute = 0; minute < HOURS * 60; minute++) {
        auto_buf struct buf text = { 0 };
        buf_puts(&text, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[");
        for (unsigned i = 0; i < TEXTS_A_MINUTE; i++)
            buf_printf(&text, "%s{\"tag\":\"t\",\"text\":\"In minute %u somebody says sentence %u of this long "
                              "meeting.\"}", i ? "," : "", minute, i);
        buf_puts(&text, "]}");
        client_forget(c);
        client_say(c, text.data);
        assert_true(client_gets(c, "\"phase\":\"snippet\""));
        most = MAX(most, bytes_of_session(&w));
        for (unsigned i = 0; i < 12; i++) {
            loop_advance(w.loop, 5 * S);
            world_settle(&w);
            most = MAX(most, bytes_of_session(&w));
        }
    }
    client_sync(c);
    client_forget(c);
    meeting_ends(c);
    assert_int_equal(stored_number(&w, "SELECT segments FROM meeting"), HOURS * 60 * TEXTS_A_MINUTE);
    auto_json struct json *m = client_json(c, "\"phase\":\"summary\"", 0);
    check_summary(m);
    assert_in_range(most, sizeof(struct session), SESSION_BYTES_WANTED);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_words_in_two_meetings_are_in_both),
        cmocka_unit_test(what_is_dropped_is_counted_by_its_reason),
        cmocka_unit_test(a_reload_counts_in_a_running_meeting),
        cmocka_unit_test(a_full_meeting_is_told_and_summed_up),
        cmocka_unit_test(only_the_newest_meetings_are_kept_and_open_ones_always),
        cmocka_unit_test(ten_hours_of_meeting_keep_the_session_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
