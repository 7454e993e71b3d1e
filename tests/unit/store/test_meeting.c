/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "store/meeting.h"
#include "tests/support/db_world.h"

static void start(struct world *w, const char *id, const char *device, int64_t at_ms)
{
    assert_ok(db_meeting_open(w->db, &(struct meeting_row){ .id = id, .session = "s", .device = device,
                                                            .started_ms = at_ms }));
}

static enum err add(struct world *w, const char *meeting, const char *text, int64_t at_ms)
{
    return db_pending_add(w->db, &(struct segment_row){ .meeting = meeting, .text = text, .speaker = "p",
                                                        .ts_ms = at_ms });
}

static void finish(struct world *w, const char *id, int64_t at_ms)
{
    enum meeting_state was;
    assert_ok(db_meeting_finalize(w->db, id, at_ms, &was));
    assert_ok(db_meeting_done(w->db, id, &(struct meeting_result){ .title = "t", .summary = "{}", .metrics = "{}" }));
}

static void a_device_has_one_open_meeting_and_many_done(void **state)
{
    struct world *w = *state;
    start(w, "m1", "a", 1);
    assert_int_equal(db_meeting_open(w->db, &(struct meeting_row){ .id = "m2", .session = "s", .device = "a" }),
                     ERR_EXISTS);
    finish(w, "m1", 5);
    start(w, "m2", "a", 6);
    finish(w, "m2", 7);
}

static void pending_texts_become_segments_in_order(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 1000);
    for (int i = 0; i < 5; i++) {
        char text[20];
        snprintf(text, sizeof text, "text %d", i);
        assert_ok(add(w, "m", text, 1000 + i));
    }
    int64_t merged, waiting;
    assert_ok(db_pending_merge(w->db, "m", &merged));
    assert_int_equal(merged, 5);
    assert_ok(db_pending_merge(w->db, "m", &merged));
    assert_int_equal(merged, 0);
    assert_ok(db_pending_count(w->db, "m", &waiting));
    assert_int_equal(waiting, 0);
    struct segment_row *rows;
    size_t count;
    const struct segment_filter f = { .meeting = "m", .offset = 1, .limit = 3 };
    assert_ok(db_segment_list(w->db, &f, &w->arena, &rows, &count));
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].text, "text 1");
    assert_ok(db_segment_last(w->db, "m", 2, &w->arena, &rows, &count));
    assert_int_equal(count, 2);
    assert_string_equal(rows[1].text, "text 4");
    struct meeting_row m;
    assert_ok(db_meeting_get(w->db, "m", &w->arena, &m));
    assert_int_equal(m.segments, 5);
    assert_int_equal(m.last_text_ms, 1004);
}

static void pending_texts_are_bounded(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 1);
    for (int i = 0; i < MEETING_PENDING_MAX; i++)
        assert_ok(add(w, "m", "x", i));
    assert_int_equal(add(w, "m", "x", 999), ERR_LIMIT);
    assert_int_equal(add(w, "none", "x", 1), ERR_NOT_FOUND);
}

static void a_full_meeting_takes_no_more_segments(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 1);
    assert_ok(db_run(w->db, "UPDATE meeting SET segments = ?1", db_i(MEETING_SEGMENTS_MAX - 1)));
    assert_ok(add(w, "m", "last", 1));
    assert_ok(add(w, "m", "too many", 2));
    int64_t merged;
    assert_ok(db_pending_merge(w->db, "m", &merged));
    assert_int_equal(merged, 1);
    assert_int_equal(db_pending_merge(w->db, "m", &merged), ERR_LIMIT);
}

static void finalize_keeps_what_waits_and_refuses_what_comes(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 100);
    assert_ok(add(w, "m", "one second before", 900));
    enum meeting_state was;
    assert_ok(db_meeting_finalize(w->db, "m", 800, &was));
    assert_int_equal(was, MEETING_OPEN);
    assert_ok(db_meeting_finalize(w->db, "m", 2000, &was));
    assert_int_equal(was, MEETING_FINALIZING);
    assert_int_equal(add(w, "m", "late", 2000), ERR_STATE);
    struct meeting_row m;
    assert_ok(db_meeting_get(w->db, "m", &w->arena, &m));
    assert_int_equal(m.ended_ms, 900);
    assert_int_equal(m.segments, 1);
    assert_int_equal(db_meeting_delete(w->db, "none"), ERR_NOT_FOUND);
}

static void a_meeting_is_resumed_within_its_time(void **state)
{
    struct world *w = *state;
    struct meeting_row m;
    start(w, "m", "a", 100);
    assert_int_equal(db_meeting_left(w->db, "m", "another session", 400), ERR_NOT_FOUND);
    assert_ok(db_meeting_resumable(w->db, "a", 9999, &w->arena, &m)); /* its device is there */
    assert_ok(db_meeting_left(w->db, "m", "s", 500));
    assert_int_equal(db_meeting_resumable(w->db, "b", 0, &w->arena, &m), ERR_NOT_FOUND);
    assert_int_equal(db_meeting_resumable(w->db, "a", 501, &w->arena, &m), ERR_NOT_FOUND);
    assert_ok(db_meeting_resumable(w->db, "a", 500, &w->arena, &m));
    assert_int_equal(m.left_ms, 500);
    assert_ok(db_meeting_attach(w->db, "m", "s2"));
    assert_ok(db_meeting_get(w->db, "s2", &w->arena, &m)); /* by session */
    assert_string_equal(m.id, "m");
    assert_int_equal(m.left_ms, 0);
}

static void unfinished_meetings_are_found_at_the_start(void **state)
{
    struct world *w = *state;
    start(w, "fresh", "a", 1000);
    start(w, "old", "b", 10);
    start(w, "cut", "c", 1000);
    enum meeting_state was;
    assert_ok(db_meeting_finalize(w->db, "cut", 1001, &was));
    start(w, "done", "d", 10);
    finish(w, "done", 20);
    struct meeting_row *rows;
    size_t count;
    assert_ok(db_meeting_unfinished(w->db, 500, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].id, "old");
    assert_string_equal(rows[1].id, "cut");
}

static void recent_meetings_are_filtered(void **state)
{
    struct world *w = *state;
    static const char *const ids[] = { "m0", "m1", "m2", "m3" }, *const devices[] = { "aa:1", "aa:2", "b%", "b_" };
    for (int i = 0; i < 4; i++)
        start(w, ids[i], devices[i], 100 + i);
    static const struct {
        struct meeting_filter f;
        size_t count;
        const char *first;
    } rows[] = {
        { { .limit = 10 }, 4, "m3" },
        { { .limit = 2, .offset = 1 }, 2, "m2" },
        { { .limit = 10, .device_prefix = "aa:" }, 2, "m1" },
        { { .limit = 10, .device_prefix = "b_" }, 1, "m3" },
        { { .limit = 10, .device_prefix = "%" }, 0, NULL },
        { { .limit = 10, .device = "aa:1" }, 1, "m0" },
        { { .limit = 10, .device = "aa:" }, 0, NULL },
        { { .limit = 10, .from_ms = 102 }, 2, "m3" },
        { { .limit = 10, .to_ms = 101 }, 2, "m1" },
        { { .limit = 10, .offset = 50 }, 0, NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct meeting_row *got;
        size_t count;
        assert_ok(db_meeting_recent(w->db, &rows[i].f, &w->arena, &got, &count));
        assert_int_equal(count, rows[i].count);
        if (rows[i].first)
            assert_string_equal(got[0].id, rows[i].first);
    }
}

static size_t found(struct world *w, const char *typed)
{
    struct search_hit *hits;
    size_t count;
    const struct search_filter f = { .typed = slice_of(typed), .limit = 50 };
    assert_ok(db_segment_search(w->db, &f, &w->arena, &hits, &count));
    return count;
}

static void search_finds_any_chinese_substring_and_words_without_case(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 1);
    static const char *const texts[] = { "我们明天讨论预算问题，然后开会", "The Budget was APPROVED by Anna", "版本3发布了beta测试",
                                         "𠮷野家", "Straße über Ärger" };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_ok(add(w, "m", texts[i], (int64_t)i));
    int64_t merged;
    assert_ok(db_pending_merge(w->db, "m", &merged));
    static const struct {
        const char *typed;
        size_t count;
    } rows[] = {
        { "预", 1 }, { "预算", 1 }, { "论预算问", 1 }, { "算预", 0 }, { "开会", 1 }, { "budget", 1 }, { "BUDGET anna", 1 },
        { "budge", 0 }, { "明天 开会", 1 }, { "明天 beta", 0 }, { "版本3", 1 }, { "beta测", 1 }, { "𠮷", 1 },
        { "\"", 0 }, { "*", 0 }, { "budget OR nothing", 0 }, { "NEAR(budget)", 0 }, { "了", 1 }, { "über", 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (found(w, rows[i].typed) != rows[i].count)
            fail_msg("%s: %zu instead of %zu", rows[i].typed, found(w, rows[i].typed), rows[i].count);
}

static void a_deleted_meeting_leaves_nothing_to_find(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 1);
    assert_ok(add(w, "m", "秘密 secret", 1));
    assert_int_equal(db_meeting_delete(w->db, "m"), ERR_STATE);
    finish(w, "m", 2);
    assert_ok(db_webhook_put(w->db, "m", SLICE("{}"), 1));
    assert_ok(db_checkpoint_add(w->db, "m", &(struct checkpoint_row){ .summary = "{}" }));
    assert_int_equal(found(w, "秘"), 1);
    assert_ok(db_meeting_delete(w->db, "m"));
    assert_int_equal(found(w, "秘"), 0);
    assert_int_equal(found(w, "secret"), 0);
    int64_t left;
    assert_ok(db_number(&left, w->db, "SELECT (SELECT count(*) FROM segment) + (SELECT count(*) FROM webhook_job)"
                                      " + (SELECT count(*) FROM checkpoint)"));
    assert_int_equal(left, 0);
    bool more = true;
    for (int i = 0; i < 10 && more; i++)
        assert_ok(db_search_tidy(w->db, &more));
    assert_false(more);
}

static void retention_keeps_the_newest_and_never_touches_open_ones(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 6; i++) {
        char id[4];
        snprintf(id, sizeof id, "m%d", i);
        start(w, id, "a", i * 10 + 1);
        finish(w, id, i * 10 + 5);
    }
    start(w, "open", "a", 0);
    int64_t removed, left;
    assert_ok(db_meeting_retain(w->db, 0, 0, 100, &removed));
    assert_int_equal(removed, 0);
    assert_ok(db_meeting_retain(w->db, 4, 0, 1, &removed));
    assert_int_equal(removed, 1);
    assert_ok(db_meeting_retain(w->db, 4, 0, 100, &removed));
    assert_int_equal(removed, 1);
    assert_ok(db_meeting_retain(w->db, 0, 40, 100, &removed)); /* by age */
    assert_int_equal(removed, 2);
    assert_ok(db_number(&left, w->db, "SELECT count(*) FROM meeting"));
    assert_int_equal(left, 3);
}

static void webhook_jobs_wait_for_their_time(void **state)
{
    struct world *w = *state;
    start(w, "m", "a", 1);
    assert_ok(db_webhook_put(w->db, "m", SLICE("{\"a\":1}"), 100));
    struct webhook_row *rows;
    size_t count;
    assert_ok(db_webhook_due(w->db, 99, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 0);
    assert_ok(db_webhook_due(w->db, 100, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].body, "{\"a\":1}");
    assert_ok(db_webhook_failed(w->db, rows[0].id, 500));
    int64_t next;
    assert_ok(db_webhook_next(w->db, &next));
    assert_int_equal(next, 500);
    assert_ok(db_webhook_failed(w->db, rows[0].id, 0));
    assert_int_equal(db_webhook_next(w->db, &next), ERR_NOT_FOUND);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_device_has_one_open_meeting_and_many_done), IN_WORLD(pending_texts_become_segments_in_order),
        IN_WORLD(pending_texts_are_bounded), IN_WORLD(a_full_meeting_takes_no_more_segments),
        IN_WORLD(finalize_keeps_what_waits_and_refuses_what_comes), IN_WORLD(a_meeting_is_resumed_within_its_time),
        IN_WORLD(unfinished_meetings_are_found_at_the_start), IN_WORLD(recent_meetings_are_filtered),
        IN_WORLD(search_finds_any_chinese_substring_and_words_without_case),
        IN_WORLD(a_deleted_meeting_leaves_nothing_to_find),
        IN_WORLD(retention_keeps_the_newest_and_never_touches_open_ones), IN_WORLD(webhook_jobs_wait_for_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
