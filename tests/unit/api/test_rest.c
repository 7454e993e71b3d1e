/* SPDX-License-Identifier: MIT
 * test_rest.c -- the HTTP API under /api/v1 and the compat prefixes. TSAN */
#include "tests/support/test.h"

#include "api/private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/device.h"
#include "store/meeting.h"
#include "store/task.h"
#include "store/turn.h"
#include "tests/support/api_world.h"
#include "tests/support/temp.h"

#define FAR "X-Forwarded-For: 203.0.113.7\r\n"
#define TOKEN "server:\n  api_token: tok\n  trusted_proxies: [127.0.0.1]\n"

static struct api_world w;

/* Two meetings with segments, a device with turns. */
static enum err fill(struct db *db, void *input)
{
    enum err e = db_device_seen(db, &(struct device_row){ .id = "d1", .board = "box", .last_seen_ms = 5 });
    for (int i = 0; i < 15 && !e; i++)
        e = db_turn_add(db, &(struct turn_row){ .device = "d1", .session = "s", .number = i, .role = "user",
                                                .text = "hi", .details = "{\"a\":1}" }, NULL);
    for (int m = 0; m < 2 && !e; m++) {
        char id[8];
        snprintf(id, sizeof id, "m%d", m);
        e = db_meeting_open(db, &(struct meeting_row){ .id = id, .session = "sess", .device = "d1",
                                                       .started_ms = 1000 * (m + 1) });
        for (int i = 0; i < 30 && !e; i++)
            e = db_pending_add(db, &(struct segment_row){ .meeting = id, .ts_ms = 1000 * (m + 1) + i,
                                                          .text = i == 7 ? "讨论预算 Budget" : "words" });
        enum meeting_state was;
        if (!e && m == 0)
            e = db_meeting_finalize(db, id, 9000, &was);
        if (!e && m == 0)
            e = db_meeting_done(db, id,
                                &(struct meeting_result){ .title = "First", .metrics = "{\"x\":1}", .bullets = 1,
                                                          .summary = "{\"title\":\"First\",\"duration\":\"00:00:08\","
                                                                     "\"bullets\":[\"b\"],\"decisions\":[],"
                                                                     "\"actions\":[\"call Anna\",\" \"],\"risks\":[],"
                                                                     "\"nextSteps\":[\"下次会议\"]}" });
    }
    return e;
}

static void start(const char *yaml)
{
    api_world_open(&w, yaml);
    api_world_serve(&w);
    assert_ok(store_run(w.base.store, fill, NULL));
}

static int tear_down(void **state)
{
    api_world_close(&w);
    return 0;
}

static int ask(struct reply *r, const char *line, const char *headers, const char *body)
{
    api_ask(&w, API_DEVICE, r, line, headers, body);
    return r->status;
}

static int status_of(const char *line, const char *headers, const char *body)
{
    struct reply r;
    int status = ask(&r, line, headers, body);
    reply_done(&r);
    return status;
}

/* --- who may ---- */

static void without_a_token_only_programs_of_this_machine_are_served(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } rows[] = {
        { NULL, 200 },
        { "Host: 127.0.0.1:8000\r\n", 200 },
        { "Host: [::1]:8000\r\n", 200 },
        { "Host: evil.example\r\n", 403 },
        { "Host: 192.168.1.5\r\n", 403 },
        { "Origin: http://localhost:3000\r\n", 200 },
        { "Origin: http://evil.example\r\n", 403 },
        { "Origin: null\r\n", 403 },
        { "X-Forwarded-For: 127.0.0.1\r\n", 403 },
        { "Forwarded: for=127.0.0.1\r\n", 403 },
        { "Authorization: Bearer anything\r\n", 200 },
    };
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        int status = ask(&r, "GET /api/v1/meetings/recent", rows[i].headers, NULL);
        if (status != rows[i].status)
            fail_msg("%s: %d", rows[i].headers, status);
        assert_int_equal(reply_header(&r, "access-control-allow-origin").len, 0);
        reply_done(&r);
    }
}

static void a_configured_token_is_demanded_from_everybody(void **state)
{
    static const struct {
        const char *line, *headers;
        int status;
    } rows[] = {
        { "GET /api/v1/devices", NULL, 401 },
        { "GET /api/v1/devices", "Authorization: Bearer tok\r\n", 200 },
        { "GET /api/v1/devices", "authorization: bearer tok\r\n" FAR, 200 },
        { "GET /api/v1/devices", "X-API-Token: tok\r\n" FAR, 200 },
        { "GET /api/v1/devices?token=tok", FAR "Host: public.example\r\nOrigin: http://page.example\r\n", 200 },
        { "GET /api/v1/devices?token=to", NULL, 401 },
        { "GET /api/v1/devices", "Authorization: Bearer toktok\r\n", 401 },
        { "GET /api/v1/devices", "Authorization: Basic tok\r\n", 401 },
        { "GET /api/v1/devices", "X-API-Token:\r\n", 401 },
    };
    start(TOKEN "meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        int status = ask(&r, rows[i].line, rows[i].headers, NULL);
        if (status != rows[i].status)
            fail_msg("row %zu: %d", i, status);
        assert_slice_is(reply_header(&r, "access-control-allow-origin"), "*");
        reply_done(&r);
    }
}

static void an_operators_token_opens_the_api_too(void **state)
{
    start("server:\n  trusted_proxies: [127.0.0.1]\n  auth:\n    tokens:\n      - {token: boss, role: operator}\n"
          "      - {token: dev}\n");
    assert_int_equal(status_of("GET /api/v1/devices", FAR "Authorization: Bearer boss\r\n", NULL), 200);
    assert_int_equal(status_of("GET /api/v1/devices", FAR "Authorization: Bearer dev\r\n", NULL), 403);
    assert_int_equal(status_of("GET /api/v1/devices", FAR, NULL), 403);
}

static void ten_requests_a_second_and_address(void **state)
{
    start(TOKEN);
    int ok = 0, limited = 0;
    for (int i = 0; i < 14; i++) {
        struct reply r;
        int status = ask(&r, "GET /api/v1/devices?token=tok", FAR, NULL);
        ok += status == 200;
        limited += status == 429;
        if (status == 429)
            assert_slice_is(reply_header(&r, "retry-after"), "1");
        reply_done(&r);
    }
    assert_int_equal(ok + limited, 14);
    assert_true(limited >= 2);
    assert_int_equal(status_of("GET /api/v1/devices?token=tok", "X-Forwarded-For: 203.0.113.8\r\n", NULL), 200);
}

/* --- meetings ---- */

static void meetings_are_listed_under_every_prefix(void **state)
{
    static const char *const lines[] = { "GET /api/v1/meetings/recent", "GET /supie/meetings/recent",
                                         "GET /xiaozhi/meetings/recent?limit=500" };
    start("");
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct reply r;
        assert_int_equal(ask(&r, lines[i], NULL, NULL), 200);
        assert_true(json_get_bool(r.json, "success", false));
        assert_int_equal(json_len(reply_data(&r)), 2);
        const struct json *m = json_at(reply_data(&r), 1);
        assert_slice_is(json_get_text(m, "meetingId"), "m0");
        assert_slice_is(json_get_text(m, "title"), "First");
        assert_int_equal(json_get_i64(m, "bulletsLength", 0), 1);
        assert_int_equal(json_get_i64(m, "durationMs", 0), 8000);
        reply_done(&r);
    }
}

static void bad_parameters_are_clamped_or_refused(void **state)
{
    static const struct {
        const char *line;
        int status;
    } rows[] = {
        { "GET /api/v1/meetings/recent?limit=abc", 200 },
        { "GET /api/v1/meetings/recent?limit=-5", 200 },
        { "GET /api/v1/meetings/recent?fromTs=1970-01-01T00:00:01Z", 200 },
        { "GET /api/v1/meetings/recent?fromTs=yesterday", 400 },
        { "GET /api/v1/meetings/recent?deviceId=a%2Fb", 400 },
        { "GET /api/v1/meetings/search", 400 },
        { "GET /api/v1/meetings/search?q=%FF", 400 },
        { "GET /api/v1/meetings/m0.x", 400 },
        { "GET /api/v1/meetings/none", 404 },
        { "GET /api/v1/meetings/none/transcript", 404 },
        { "GET /api/v1/meetings/m0/export?format=pdf", 400 },
        { "GET /api/v1/devices/a%20b", 400 },
        { "GET /api/v1/devices/nobody", 404 },
        { "POST /api/v1/meetings/recent", 405 },
        { "GET /api/v1/none", 404 },
        { "GET /api/v1", 404 },
    };
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        int status = status_of(rows[i].line, NULL, NULL);
        if (status != rows[i].status)
            fail_msg("%s: %d", rows[i].line, status);
    }
}

static void one_meeting_with_summary_and_preview(void **state)
{
    start("");
    struct reply r;
    ask(&r, "GET /api/v1/meetings/m0?preview=394", NULL, NULL);
    const struct json *d = reply_data(&r);
    assert_int_equal(json_len(json_get(d, "transcriptPreview")), 20);
    assert_int_equal(json_get_i64(d, "segmentsCount", 0), 30);
    assert_int_equal(json_len(json_get(d, "summary")), 7);
    assert_int_equal(json_get_i64(json_get(d, "metrics"), "x", 0), 1);
    reply_done(&r);
    ask(&r, "GET /api/v1/meetings/sess", NULL, NULL); /* the session's newest: open, no summary yet */
    d = reply_data(&r);
    assert_slice_is(json_get_text(d, "meetingId"), "m1");
    assert_int_equal(json_len(json_get(d, "summary")), 7);
    assert_true(json_is(json_get(json_get(d, "summary"), "actions"), JSON_ARRAY));
    reply_done(&r);
    ask(&r, "GET /api/v1/meetings/m0/transcript?offset=28", NULL, NULL);
    assert_int_equal(json_len(json_get(reply_data(&r), "items")), 2);
    assert_int_equal(json_get_i64(reply_data(&r), "total", 0), 30);
    reply_done(&r);
    ask(&r, "GET /api/v1/meetings/m0/transcript?offset=99", NULL, NULL);
    assert_int_equal(json_len(json_get(reply_data(&r), "items")), 0);
    reply_done(&r);
}

static void search_finds_chinese_and_words(void **state)
{
    start("");
    struct reply r;
    ask(&r, "GET /api/v1/meetings/search?q=%E9%A2%84", NULL, NULL);
    assert_int_equal(json_len(reply_data(&r)), 1); /* m1's texts still wait */
    assert_slice_is(json_get_text(json_at(reply_data(&r), 0), "excerpt"), "讨论预算 Budget");
    reply_done(&r);
    ask(&r, "GET /api/v1/meetings/search?q=WORDS&limit=5&offset=27", NULL, NULL);
    assert_int_equal(json_len(reply_data(&r)), 2);
    reply_done(&r);
}

static void exports_are_files(void **state)
{
    start("");
    struct reply r;
    assert_int_equal(ask(&r, "GET /api/v1/meetings/m0/export", NULL, NULL), 200);
    assert_slice_is(reply_header(&r, "content-disposition"), "attachment; filename=\"m0.md\"");
    assert_true(slice_contains(r.body, SLICE("- call Anna\n")));
    reply_done(&r);
    assert_int_equal(ask(&r, "GET /api/v1/meetings/m0/export?format=json", NULL, NULL), 200);
    assert_int_equal(json_len(json_get(r.json, "segments")), 30);
    reply_done(&r);
}

static enum err fill_long(struct db *db, void *input)
{
    enum err e = OK;
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 2500 && !e; i++) {
        int64_t merged;
        e = db_pending_add(db, &(struct segment_row){ .meeting = "m1", .text = text, .ts_ms = 3000 + i });
        if (!e && i % 100 == 0)
            e = db_pending_merge(db, "m1", &merged);
    }
    return e;
}

static void a_long_meeting_is_exported_whole(void **state)
{
    start("");
    assert_ok(store_run(w.base.store, fill_long, NULL));
    struct reply r;
    assert_int_equal(ask(&r, "GET /api/v1/meetings/m1/export?format=txt", NULL, NULL), 200);
    int64_t length;
    assert_true(slice_to_i64(reply_header(&r, "content-length"), &length));
    assert_true(length > 900000);
    assert_int_equal(r.body.len, length);
    reply_done(&r);
    api_ask_and_leave(&w, "GET /api/v1/meetings/m1/export?format=txt", NULL, NULL, 3);
}

static void a_meeting_is_deleted_once_and_only_when_it_is_over(void **state)
{
    start("");
    assert_int_equal(status_of("DELETE /api/v1/meetings/m1", NULL, NULL), 409);
    assert_int_equal(status_of("DELETE /api/v1/meetings/m0", NULL, NULL), 200);
    assert_int_equal(status_of("DELETE /api/v1/meetings/m0", NULL, NULL), 404);
    assert_int_equal(status_of("GET /api/v1/meetings/m0", NULL, NULL), 404);
}

static void finalize_is_asked_of_the_mode(void **state)
{
    start("");
    assert_int_equal(status_of("POST /api/v1/meetings/m1/finalize", NULL, ""), 200);
    assert_string_equal(w.meeting, "m1");
    w.meeting[0] = '\0';
    assert_int_equal(status_of("POST /api/v1/meetings/sess/finalize", NULL, ""), 200);
    assert_string_equal(w.meeting, "m1"); /* the newest one of that session */
    assert_int_equal(status_of("POST /api/v1/meetings/m-none/finalize", NULL, ""), 404);
    assert_int_equal(status_of("POST /api/v1/meetings/m1/summarize", NULL, ""), 501); /* nobody does it here */
}

/* --- tasks ---- */

static enum err task_done(struct db *db, void *input)
{
    bool changed;
    return db_task_complete(db, "home", "MEET-m0-A1", 5, &changed);
}

static void a_meetings_actions_become_tasks_and_keep_their_status(void **state)
{
    start("");
    struct reply r;
    assert_int_equal(ask(&r, "POST /api/v1/workflow/import-from-meeting", NULL, "{\"meetingId\":\"m0\"}"), 200);
    assert_int_equal(json_get_i64(reply_data(&r), "imported", 0), 2);
    assert_slice_is(json_text(json_at(json_get(reply_data(&r), "ids"), 0)), "MEET-m0-A1");
    assert_slice_is(json_text(json_at(json_get(reply_data(&r), "ids"), 1)), "MEET-m0-N1");
    assert_string_equal(w.changed_group, "home");
    reply_done(&r);
    assert_ok(store_run(w.base.store, task_done, NULL));
    w.changed_group[0] = '\0';
    assert_int_equal(status_of("POST /supie/workflow/import-from-meeting", NULL, "{\"meetingId\":\"m0\"}"), 200);
    assert_string_equal(w.changed_group, ""); /* nothing new, nobody told */
    ask(&r, "GET /api/v1/workflow?groupKey=home", NULL, NULL);
    const struct json *items = json_get(reply_data(&r), "items");
    assert_int_equal(json_len(items), 2);
    assert_slice_is(json_get_text(json_at(items, 0), "status"), "done");
    assert_slice_is(json_get_text(json_at(items, 0), "meetingId"), "m0");
    assert_slice_is(json_get_text(json_at(items, 1), "title"), "下次会议");
    reply_done(&r);
    assert_int_equal(status_of("POST /api/v1/workflow/import-from-meeting", NULL, "{\"meetingId\":\"no\"}"), 404);
    assert_int_equal(status_of("POST /api/v1/workflow/import-from-meeting", NULL, "[1]"), 400);
    assert_int_equal(status_of("POST /api/v1/workflow/import-from-meeting", NULL, ""), 200); /* the newest */
}

static void a_task_is_made_changed_and_removed_by_a_program(void **state)
{
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    struct reply r;
    assert_int_equal(ask(&r, "POST /api/v1/workflow/tasks", NULL, "{\"title\":\" 浇花 \",\"priority\":2}"), 200);
    assert_slice_is(json_get_text(reply_data(&r), "title"), "浇花");
    assert_slice_is(json_get_text(reply_data(&r), "groupKey"), "home");
    assert_int_equal(json_get_i64(reply_data(&r), "priority", 0), 2);
    assert_string_equal(w.changed_group, "home");
    auto_mem char *id = xslicedup(json_get_text(reply_data(&r), "id"));
    reply_done(&r);

    auto_mem char *done = xprintf("{\"id\":\"%s\",\"status\":\"done\",\"owner\":\"anna\"}", id);
    w.changed_group[0] = '\0';
    ask(&r, "POST /api/v1/workflow/tasks", NULL, done);
    assert_slice_is(json_get_text(reply_data(&r), "status"), "done");
    assert_slice_is(json_get_text(reply_data(&r), "owner"), "anna");
    assert_slice_is(json_get_text(reply_data(&r), "title"), "浇花"); /* what was not given stays */
    assert_string_equal(w.changed_group, "home");
    reply_done(&r);
    w.changed_group[0] = '\0';
    assert_int_equal(status_of("POST /api/v1/workflow/tasks", NULL, done), 200);
    assert_string_equal(w.changed_group, ""); /* it was so already */

    auto_mem char *line = xprintf("DELETE /supie/workflow/tasks/%s", id);
    assert_int_equal(status_of(line, NULL, NULL), 200);
    assert_string_equal(w.changed_group, "home");
    assert_int_equal(status_of(line, NULL, NULL), 404);
}

static void tasks_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *body;
        int status;
    } rows[] = {
        { "", 400 }, { "[]", 400 }, { "{}", 400 }, { "{\"title\":\"  \"}", 400 }, { "{\"title\":7}", 400 },
        { "{\"title\":\"x\",\"priority\":4}", 400 }, { "{\"title\":\"x\",\"priority\":\"high\"}", 400 },
        { "{\"title\":\"x\",\"status\":\"later\"}", 400 },
        { "{\"id\":\"unknown\",\"status\":\"done\"}", 404 },
        { "{\"title\":\"x\",\"owner\":null,\"id\":null}", 200 },
        { "{\"title\":\"x\",\"groupKey\":"
          "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}", 400 },
    };
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        int status = status_of("POST /api/v1/workflow/tasks", NULL, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s: %d", rows[i].body, status);
    }
}

/* --- devices ---- */

static void devices_show_who_is_here(void **state)
{
    start("");
    struct presence_entry e = { .device = "d1", .session = "live", .mode = "chat", .since_ms = 7 };
    struct presence_entry browser = { .device = "auto-00000001", .session = "b" };
    presence_add(w.presence, &e, NULL, NULL);
    presence_add(w.presence, &browser, NULL, NULL);
    struct reply r;
    ask(&r, "GET /api/v1/devices", NULL, NULL);
    assert_int_equal(json_len(json_get(reply_data(&r), "items")), 2);
    assert_int_equal(json_get_i64(reply_data(&r), "online", 0), 2);
    reply_done(&r);
    ask(&r, "GET /api/v1/devices/D1", NULL, NULL);
    assert_true(json_get_bool(reply_data(&r), "online", false));
    assert_slice_is(json_get_text(reply_data(&r), "board"), "box");
    reply_done(&r);
    assert_int_equal(status_of("GET /api/v1/devices/auto-00000001", NULL, NULL), 200);
    ask(&r, "GET /api/v1/devices/d1/turns", NULL, NULL);
    assert_int_equal(json_len(reply_data(&r)), 10);
    assert_int_equal(json_get_i64(json_get(json_at(reply_data(&r), 9), "details"), "a", 0), 1);
    reply_done(&r);
    presence_remove(w.presence, "d1", e.number);
    ask(&r, "GET /api/v1/devices/d1", NULL, NULL);
    assert_false(json_get_bool(reply_data(&r), "online", true));
    reply_done(&r);
}

static void deleting_data_ends_the_session_and_forgets(void **state)
{
    start("");
    struct presence_entry e = { .device = "d1", .session = "live" };
    presence_add(w.presence, &e, NULL, NULL);
    assert_int_equal(status_of("DELETE /api/v1/devices/d1/data", NULL, NULL), 200);
    assert_string_equal(w.kicked, "d1");
    struct reply r;
    ask(&r, "GET /api/v1/devices/d1/turns", NULL, NULL);
    assert_int_equal(json_len(reply_data(&r)), 0);
    reply_done(&r);
    ask(&r, "GET /api/v1/meetings/recent", NULL, NULL);
    assert_int_equal(json_len(reply_data(&r)), 0);
    reply_done(&r);
}

static void speech_for_an_absent_device_waits(void **state)
{
    start("");
    struct reply r;
    assert_int_equal(ask(&r, "POST /api/v1/devices/d1/say", NULL, "{\"text\":\"hi\",\"idempotencyKey\":\"k\"}"), 200);
    assert_slice_is(json_get_text(reply_data(&r), "state"), "queued");
    char id[64];
    snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(json_get_text(reply_data(&r), "id")));
    reply_done(&r);
    ask(&r, "POST /api/v1/devices/d1/say", NULL, "{\"text\":\"hi\",\"idempotencyKey\":\"k\"}");
    assert_slice_is(json_get_text(reply_data(&r), "id"), id);
    reply_done(&r);
    assert_int_equal(w.says, 0);
    static const char *const bad[] = { "{}", "{\"text\":\"  \"}", "[]", "", "{\"text\":5}" };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(status_of("POST /api/v1/devices/d1/say", NULL, bad[i]), 400);
}

static enum err add_turn(struct db *db, void *device)
{
    return db_turn_add(db, &(struct turn_row){ .device = device, .session = "s", .role = "user", .text = "hi" }, NULL);
}

static void speech_for_an_id_never_seen_waits_and_the_receipt_says_so(void **state)
{
    static const struct {
        const char *device;
        bool is_known;
    } rows[] = { { "d1", true }, { "talked", true }, { "d2", false } };
    start("");
    assert_ok(store_run(w.base.store, add_turn, "talked"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        auto_mem char *line = xprintf("POST /api/v1/devices/%s/say", rows[i].device);
        assert_int_equal(ask(&r, line, NULL, "{\"text\":\"hi\",\"ttl\":60}"), 200);
        assert_slice_is(json_get_text(reply_data(&r), "state"), "queued");
        assert_int_equal(json_get_bool(reply_data(&r), "deviceKnown", !rows[i].is_known), rows[i].is_known);
        assert_true(json_get_i64(reply_data(&r), "expiresAt", 0) > clock_wall_ms());
        reply_done(&r);
    }
}

static void speech_for_a_live_device_is_played_once(void **state)
{
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    struct presence_entry e = { .device = "d1", .session = "live" };
    presence_add(w.presence, &e, NULL, NULL);
    static const struct {
        enum err err;
        const char *state;
    } rows[] = { { OK, "played" }, { ERR_BUSY, "busy" }, { ERR_NOT_FOUND, "queued" } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        w.say_err = rows[i].err;
        ask(&r, "POST /api/v1/devices/d1/say", NULL, "{\"text\":\"hello\"}");
        assert_slice_is(json_get_text(reply_data(&r), "state"), rows[i].state);
        reply_done(&r);
    }
    assert_string_equal(w.said, "d1:hello");
    assert_int_equal(w.says, 3);
    struct reply r;
    w.say_err = OK;
    ask(&r, "POST /api/v1/devices/d1/say", NULL, "{\"text\":\"x\",\"idempotencyKey\":\"k\"}");
    reply_done(&r);
    ask(&r, "POST /api/v1/devices/d1/say", NULL, "{\"text\":\"x\",\"idempotencyKey\":\"k\"}");
    assert_slice_is(json_get_text(reply_data(&r), "state"), "played");
    assert_int_equal(w.says, 4);
    reply_done(&r);
}

static void an_answer_that_comes_after_the_client_left_harms_nobody(void **state)
{
    start("");
    struct presence_entry e = { .device = "d1", .session = "live" };
    presence_add(w.presence, &e, NULL, NULL);
    w.is_say_silent = true;
    api_ask_and_leave(&w, "POST /api/v1/devices/d1/say", NULL, "{\"text\":\"x\"}", 40);
    assert_int_equal(w.says, 1);
    w.pending_done(w.pending_arg, OK, "played");
}

static void the_inject_path_is_off_by_default(void **state)
{
    static const char body[] = "{\"device_id\":\"d1\",\"message\":\"hi\",\"skip_llm\":true}";
    start("");
    assert_int_equal(status_of("POST /admin/inject_msg", NULL, body), 404);
    api_world_close(&w);
    start("compat:\n  inject_path: true\n");
    assert_int_equal(status_of("POST /admin/inject_msg", NULL, body), 200);
}

/* --- description, faults ---- */

static void the_description_names_every_route(void **state)
{
    start("");
    struct reply r;
    assert_int_equal(ask(&r, "GET /api/v1/openapi.json", NULL, NULL), 200);
    const struct json *paths = json_get(r.json, "paths");
    assert_true(json_len(paths) > 25);
    const struct json *say = json_get(json_get(paths, "/api/v1/devices/{id}/say"), "post");
    assert_non_null(json_get(say, "requestBody"));
    assert_slice_is(json_get_text(json_at(json_get(say, "parameters"), 0), "name"), "id");
    assert_non_null(json_get(json_get(paths, "/api/v1/meetings/{id}"), "delete"));
    assert_non_null(json_get(json_get(paths, "/api/v1/meetings/{id}"), "get"));
    assert_non_null(json_get(paths, "/xiaozhi/ota"));
    for (size_t i = 0; i < api_route_count; i++) {
        static const char *const methods[] = { "get", "post", "put", "delete" };
        static const char *const before[] = { "/api/v1", "/xiaozhi", "", "" }; /* by route_kind */
        auto_mem char *path = xprintf("%s%s", before[api_routes[i].kind], api_routes[i].pattern);
        const struct json *operation = json_get(json_get(paths, path), methods[api_routes[i].method]);
        if (json_get_text(operation, "summary").len == 0 || json_len(json_get(operation, "responses")) == 0)
            fail_msg("%s %s is not described", methods[api_routes[i].method], path);
    }
    reply_done(&r);
}

static void the_api_page_names_every_route(void **state)
{
    const char *root = getenv("PARLEY_SOURCE");
    auto_mem char *path = xprintf("%s/docs/api.md", root ? root : ".");
    static char page[65536];
    start("");
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_message("skip: PARLEY_SOURCE is not set\n");
        skip();
    }
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < api_route_count; i++) {
        static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
        auto_mem char *row = xprintf("| %s | `%s` |", methods[api_routes[i].method], api_routes[i].pattern);
        if (!strstr(page, row))
            fail_msg("docs/api.md has no row \"%s\"", row);
    }
}

/* What the interface promises about numbers, beyond their acceptance. */
static void numbers_out_of_range_are_clamped_and_old_fields_stay(void **state)
{
    static const struct {
        const char *line, *key; /* key NULL: the length of data itself */
        int64_t want;
    } rows[] = {
        { "GET /api/v1/meetings/recent?limit=0", NULL, 1 },
        { "GET /api/v1/meetings/recent?limit=9999999999999999999", NULL, 2 },
        { "GET /api/v1/meetings/m0/transcript?limit=0", "limit", 1 },
        { "GET /api/v1/meetings/m0/transcript?limit=501", "limit", 500 },
        { "GET /api/v1/meetings/m0/transcript?limit=x&offset=-3", "offset", 0 },
        { "GET /api/v1/devices?limit=0&offset=x", "limit", 1 },
        { "GET /api/v1/devices/d1/turns?limit=0", NULL, 1 },
        { "GET /api/v1/devices/d1/turns?limit=1000", NULL, 15 },
    };
    struct reply r;
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(ask(&r, rows[i].line, NULL, NULL), 200);
        int64_t got = rows[i].key ? json_get_i64(reply_data(&r), rows[i].key, -1) : (int64_t)json_len(reply_data(&r));
        if (got != rows[i].want)
            fail_msg("%s: %lld", rows[i].line, (long long)got);
        reply_done(&r);
    }
    ask(&r, "GET /api/v1/meetings/recent", NULL, NULL);
    assert_true(json_is(json_get(json_at(reply_data(&r), 0), "hasShards"), JSON_BOOL));
    assert_false(json_get_bool(json_at(reply_data(&r), 0), "hasShards", true));
    reply_done(&r);
    ask(&r, "GET /api/v1/meetings/m0?preview=0", NULL, NULL);
    assert_int_equal(json_len(json_get(reply_data(&r), "transcriptPreview")), 1);
    assert_false(json_get_bool(reply_data(&r), "hasShards", true));
    reply_done(&r);
}

static void a_store_that_fails_gives_a_clear_error_and_nothing_else(void **state)
{
    static const struct {
        const char *line, *body;
    } rows[] = {
        { "GET /api/v1/devices", NULL }, { "GET /api/v1/meetings/recent", NULL }, { "GET /api/v1/meetings/m0", NULL },
        { "GET /api/v1/meetings/m0/export", NULL }, { "GET /api/v1/workflow", NULL },
        { "POST /api/v1/devices/d1/say", "{\"text\":\"x\"}" },
        { "POST /api/v1/workflow/import-from-meeting", "{}" }, { "DELETE /api/v1/meetings/m0", NULL },
        { "DELETE /api/v1/devices/d1/data", NULL },
    };
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        dworld_settle(&w.base); /* what the last answer left to do */
        store_fail_nth(w.base.store, 1);
        assert_int_equal(ask(&r, rows[i].line, NULL, rows[i].body), 500);
        assert_false(json_get_bool(r.json, "success", true));
        assert_slice_is(json_get_text(r.json, "error"), err_text(ERR_STORE));
        reply_done(&r);
        assert_int_equal(status_of(rows[i].line, NULL, rows[i].body), 200);
    }
}

static void clients_that_leave_at_any_time_harm_nobody(void **state)
{
    start("meeting:\n  api_rate_limit:\n    enabled: false\n");
    for (int i = 0; i < 8; i++)
        api_ask_and_leave(&w, "GET /api/v1/meetings/m0/export", NULL, NULL, i);
    assert_int_equal(status_of("GET /api/v1/devices", NULL, NULL), 200);
}

#define SERVED(test) cmocka_unit_test_teardown(test, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(without_a_token_only_programs_of_this_machine_are_served),
        SERVED(a_configured_token_is_demanded_from_everybody), SERVED(an_operators_token_opens_the_api_too),
        SERVED(ten_requests_a_second_and_address), SERVED(meetings_are_listed_under_every_prefix),
        SERVED(bad_parameters_are_clamped_or_refused), SERVED(one_meeting_with_summary_and_preview),
        SERVED(search_finds_chinese_and_words), SERVED(exports_are_files), SERVED(a_long_meeting_is_exported_whole),
        SERVED(a_meeting_is_deleted_once_and_only_when_it_is_over), SERVED(finalize_is_asked_of_the_mode),
        SERVED(a_meetings_actions_become_tasks_and_keep_their_status),
        SERVED(a_task_is_made_changed_and_removed_by_a_program),
        SERVED(tasks_that_make_no_sense_are_refused), SERVED(devices_show_who_is_here),
        SERVED(deleting_data_ends_the_session_and_forgets), SERVED(speech_for_an_absent_device_waits),
        SERVED(speech_for_an_id_never_seen_waits_and_the_receipt_says_so),
        SERVED(speech_for_a_live_device_is_played_once),
        SERVED(an_answer_that_comes_after_the_client_left_harms_nobody), SERVED(the_inject_path_is_off_by_default),
        SERVED(the_description_names_every_route), SERVED(the_api_page_names_every_route),
        SERVED(numbers_out_of_range_are_clamped_and_old_fields_stay),
        SERVED(a_store_that_fails_gives_a_clear_error_and_nothing_else),
        SERVED(clients_that_leave_at_any_time_harm_nobody),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
