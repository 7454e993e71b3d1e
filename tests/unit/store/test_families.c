/* SPDX-License-Identifier: MIT
 * test_families.c -- every table family on a real SQLite in memory: device, turn, memory, save_job,
 * task, peer_message, say. Meetings have a test of their own. */
#include "tests/support/test.h"

#include "store/device.h"
#include "store/memory.h"
#include "store/meeting.h"
#include "store/peer_message.h"
#include "store/save_job.h"
#include "store/say.h"
#include "store/task.h"
#include "store/turn.h"
#include "store/upkeep.h"
#include "tests/support/db_world.h"

static void seen(struct db *db, const char *id, const char *board, int64_t at_ms)
{
    assert_ok(db_device_seen(db, &(struct device_row){ .id = id, .board = board, .last_seen_ms = at_ms }));
}

static void a_device_keeps_what_a_later_sight_does_not_tell(void **state)
{
    struct world *w = *state;
    struct device_row d;
    assert_int_equal(db_device_get(w->db, "aa", &w->arena, &d), ERR_NOT_FOUND);
    assert_ok(db_device_seen(w->db, &(struct device_row){ .id = "aa", .board = "b1", .language = "zh-CN",
                                                          .firmware = "1.0", .last_seen_ms = 10 }));
    assert_ok(db_device_seen(w->db, &(struct device_row){ .id = "aa", .firmware = "2.0", .last_seen_ms = 20 }));
    assert_ok(db_device_get(w->db, "aa", &w->arena, &d));
    assert_string_equal(d.board, "b1");
    assert_string_equal(d.language, "zh-CN");
    assert_string_equal(d.firmware, "2.0");
    assert_int_equal(d.first_seen_ms, 10);
    assert_int_equal(d.last_seen_ms, 20);
}

static void devices_are_listed_in_pages(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 40; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%02d", i);
        seen(w->db, id, "b", i);
    }
    struct device_row *rows;
    size_t count;
    int64_t total;
    assert_ok(db_device_list(w->db, 30, 20, &w->arena, &rows, &count));
    assert_int_equal(count, 10);
    assert_ok(db_device_count(w->db, &total));
    assert_int_equal(total, 40);
    assert_string_equal(rows[0].id, "d30");
    assert_ok(db_device_list(w->db, 0, 1000000, &w->arena, &rows, &count));
    assert_int_equal(count, 40);
    assert_string_equal(rows[39].id, "d39");
}

static void count_pair(void *user, const struct pair_row *p)
{
    int *sum = user;
    *sum += 10 + p->state;
}

static void a_pair_changes_its_state_and_keeps_its_serial(void **state)
{
    struct world *w = *state;
    struct pair_row p = { .device = "aa", .client = "c", .serial = "SN", .state = 0, .created_ms = 1 };
    assert_int_equal(db_pair_put(w->db, &p), ERR_NOT_FOUND);
    seen(w->db, "aa", "", 1);
    assert_ok(db_pair_put(w->db, &p));
    p.state = 2;
    p.serial = "";
    assert_ok(db_pair_put(w->db, &p));
    int sum = 0;
    assert_ok(db_pair_each(w->db, count_pair, &sum));
    assert_int_equal(sum, 12);
}

static void count_code(void *user, const struct code_row *c)
{
    int *sum = user;
    *sum += c->used_ms ? 100 : 1;
}

static void codes_are_kept_used_and_forgotten(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3; i++) {
        char code[8];
        snprintf(code, sizeof code, "10000%d", i);
        assert_ok(db_code_put(w->db, &(struct code_row){ .code = code, .device = "aa", .client = "c",
                                                         .created_ms = i * 100, .expires_ms = i * 100 + 50 }));
    }
    assert_ok(db_code_used(w->db, "100001", 120));
    assert_int_equal(db_code_used(w->db, "999999", 120), ERR_NOT_FOUND);
    int sum = 0;
    assert_ok(db_code_each(w->db, count_code, &sum));
    assert_int_equal(sum, 102);
    assert_ok(db_code_forget(w->db, 150));
    sum = 0;
    assert_ok(db_code_each(w->db, count_code, &sum));
    assert_int_equal(sum, 1);
}

static void keys_of_serials_come_bind_and_go(void **state)
{
    struct world *w = *state;
    struct arena a = { 0 };
    struct serial_row *rows;
    size_t count;
    int64_t total;
    assert_ok(db_serial_put(w->db, "S2", "00"));
    assert_ok(db_serial_put(w->db, "S1", "01"));
    assert_ok(db_serial_bind(w->db, "S1", "dev1"));
    assert_ok(db_serial_bind(w->db, "S1", "dev1"));
    assert_int_equal(db_serial_bind(w->db, "S1", "dev2"), ERR_STATE); /* it is the first one's */
    assert_int_equal(db_serial_bind(w->db, "S3", "dev2"), ERR_STATE);
    assert_ok(db_serial_list(w->db, 0, 1, &a, &rows, &count));
    assert_ok(db_serial_count(w->db, &total));
    assert_int_equal(count, 1);
    assert_int_equal(total, 2);
    assert_string_equal(rows[0].serial, "S1");
    assert_string_equal(rows[0].device, "dev1");
    assert_string_equal(rows[0].key_hex, ""); /* a list has no keys */
    assert_ok(db_serial_put(w->db, "S1", "02")); /* anew: nobody's */
    assert_ok(db_serial_list(w->db, 0, 9, &a, &rows, &count));
    assert_string_equal(rows[0].device, "");
    assert_ok(db_serial_remove(w->db, "S1"));
    assert_int_equal(db_serial_remove(w->db, "S1"), ERR_NOT_FOUND);
    assert_ok(db_serial_list(w->db, 1, 9, &a, &rows, &count));
    assert_ok(db_serial_count(w->db, &total));
    assert_int_equal(count, 0);
    assert_int_equal(total, 1);
    arena_done(&a);
}

static void count_forced(void *user, const char *device, const char *version)
{
    buf_printf(user, "%s=%s ", device, version);
}

static void a_firmware_is_forced_once_per_device_and_version(void **state)
{
    struct world *w = *state;
    auto_buf struct buf waiting = { 0 };
    assert_ok(db_force_put(w->db, "a", "2.0"));
    assert_ok(db_force_put(w->db, "a", "2.0"));
    assert_ok(db_force_put(w->db, "a", "2.1")); /* instead */
    assert_ok(db_force_put(w->db, "b", "2.0"));
    assert_int_equal(db_force_sent(w->db, "a", "2.0", 5), ERR_NOT_FOUND);
    assert_ok(db_force_sent(w->db, "a", "2.1", 5));
    assert_int_equal(db_force_sent(w->db, "a", "2.1", 6), ERR_NOT_FOUND); /* once */
    assert_int_equal(db_force_put(w->db, "a", "2.1"), ERR_STATE);
    assert_ok(db_force_put(w->db, "a", "2.0"));
    assert_ok(db_force_put(w->db, "b", ""));
    assert_ok(db_force_each(w->db, count_forced, &waiting));
    assert_string_equal(waiting.data, "a=2.0 ");
    assert_ok(db_force_put(w->db, "a", ""));
    assert_ok(db_force_unsent(w->db, "a", "2.1"));
    buf_clear(&waiting);
    assert_ok(db_force_each(w->db, count_forced, &waiting));
    assert_string_equal(waiting.data, "a=2.1 ");
}

static void say_turn(struct db *db, const char *device, const char *session, const char *role, int64_t at_ms)
{
    assert_ok(db_turn_add(db, &(struct turn_row){ .device = device, .session = session, .number = at_ms,
                                                  .role = role, .text = role, .started_ms = at_ms,
                                                  .ended_ms = at_ms }, NULL));
}

static void the_last_turns_come_oldest_first(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 30; i++)
        say_turn(w->db, i % 2 ? "a" : "b", "s", "user", i);
    struct turn_row *rows;
    size_t count;
    assert_ok(db_turn_last(w->db, &(struct turn_filter){ .device = "a", .limit = 3 }, &w->arena, &rows, &count));
    assert_int_equal(count, 3);
    assert_int_equal(rows[0].started_ms, 25);
    assert_int_equal(rows[2].started_ms, 29);
    const struct turn_filter late = { .device = "a", .since_ms = 28, .limit = 10 };
    assert_ok(db_turn_last(w->db, &late, &w->arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_ok(db_turn_of_session(w->db, "s", &w->arena, &rows, &count));
    assert_int_equal(count, 30);
    bool more;
    assert_ok(db_turn_expire(w->db, 21, 15, &more));
    assert_true(more);
    assert_ok(db_turn_expire(w->db, 21, 15, &more));
    assert_false(more);
    assert_ok(db_turn_of_session(w->db, "s", &w->arena, &rows, &count));
    assert_int_equal(count, 10);
}

static void memory_is_replaced_and_two_summaries_are_kept(void **state)
{
    struct world *w = *state;
    auto_buf struct buf out = { 0 };
    assert_int_equal(db_memory_get(w->db, "a", &out), ERR_NOT_FOUND);
    assert_ok(db_memory_put(w->db, "a", SLICE("one"), 1));
    assert_ok(db_memory_put(w->db, "a", SLICE("two"), 2));
    assert_ok(db_memory_get(w->db, "a", &out));
    assert_slice_is(buf_slice(&out), "two");
    struct chat_summary_row rows[CHAT_SUMMARIES_KEPT];
    size_t count;
    static const char *const texts[] = { "x", "y", "z" };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_ok(db_chat_summary_add(w->db, "a", slice_of(texts[i]), (int64_t)i));
    assert_ok(db_chat_summary_add(w->db, "b", SLICE("other"), 9));
    assert_ok(db_chat_summary_list(w->db, "a", &w->arena, rows, &count));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].text, "z");
    assert_string_equal(rows[1].text, "y");
}

static int64_t put_job(struct db *db, const char *device, const char *key, int64_t at_ms)
{
    bool is_new = false;
    assert_ok(db_save_job_put(db, &(struct save_job_row){ .device = device, .key = key, .session = key,
                                                          .payload = "{}", .next_try_ms = at_ms,
                                                          .created_ms = at_ms }, &is_new));
    return is_new ? db_last_id(db) : 0;
}

static void save_jobs_keep_their_order_per_device(void **state)
{
    struct world *w = *state;
    int64_t first = put_job(w->db, "a", "s1", 100);
    assert_true(first > 0);
    put_job(w->db, "a", "s2", 50);
    put_job(w->db, "b", "s3", 80);
    assert_int_equal(put_job(w->db, "a", "s1", 1), 0);
    struct save_job_row *rows;
    size_t count;
    assert_ok(db_save_job_due(w->db, 90, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 1); /* a's second is due but must wait for its first */
    assert_string_equal(rows[0].key, "s3");
    int64_t next;
    assert_ok(db_save_job_next(w->db, &next));
    assert_int_equal(next, 80);
    assert_ok(db_save_job_due(w->db, 100, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 2);
    assert_ok(db_save_job_done(w->db, first, 101));
    assert_int_equal(db_save_job_done(w->db, first, 101), ERR_NOT_FOUND);
    assert_ok(db_save_job_due(w->db, 101, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].key, "s2");
    int64_t waiting;
    assert_ok(db_save_job_waiting(w->db, &waiting));
    assert_int_equal(waiting, 2);
}

static void a_failing_save_job_waits_longer_and_is_dropped_after_a_week(void **state)
{
    struct world *w = *state;
    int64_t id = put_job(w->db, "a", "s", 0);
    static const int64_t delays_s[] = { 5, 10, 20, 40, 80, 160, 320, 600, 600 };
    int64_t now = 0;
    bool dropped = true;
    for (size_t i = 0; i < COUNT(delays_s); i++) {
        assert_ok(db_save_job_failed(w->db, id, now, &dropped));
        assert_false(dropped);
        int64_t next;
        assert_ok(db_save_job_next(w->db, &next));
        assert_int_equal(next - now, delays_s[i] * 1000);
        now = next;
    }
    assert_ok(db_save_job_failed(w->db, id, SAVE_JOB_LIFE_MS, &dropped));
    assert_true(dropped);
    int64_t next;
    assert_int_equal(db_save_job_next(w->db, &next), ERR_NOT_FOUND);
    assert_int_equal(put_job(w->db, "a", "s", 1), 0); /* its key stays */
}

static void sessions_whose_job_was_lost_are_found(void **state)
{
    struct world *w = *state;
    say_turn(w->db, "a", "saved", "user", 10);
    put_job(w->db, "a", "saved", 11);
    say_turn(w->db, "a", "lost", "user", 20);
    say_turn(w->db, "a", "lost", "assistant", 21);
    say_turn(w->db, "b", "silent", "assistant", 30);
    say_turn(w->db, "b", "ancient", "user", 1);
    struct lost_session *rows;
    size_t count;
    assert_ok(db_save_job_lost(w->db, 5, 10, &w->arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].session, "lost");
    assert_string_equal(rows[0].device, "a");
    assert_int_equal(rows[0].ended_ms, 21);
}

static struct task_change change(const char *id)
{
    return (struct task_change){ .group_key = "home", .id = id, .priority = -1, .is_done = -1 };
}

static void a_task_changes_field_by_field(void **state)
{
    struct world *w = *state;
    struct task_outcome o;
    struct task_change c = change("t1");
    c.title = "buy milk";
    c.extra = "{\"due\":\"now\",\"n\":1}";
    assert_ok(db_task_merge(w->db, &c, 1, &o));
    assert_true(o.is_new);
    c = change("t1");
    c.priority = 2;
    c.extra = "{\"n\":2}";
    assert_ok(db_task_merge(w->db, &c, 2, &o));
    assert_false(o.is_new);
    assert_true(o.is_changed);
    assert_ok(db_task_merge(w->db, &c, 3, &o));
    assert_false(o.is_changed);
    struct task_row t;
    assert_ok(db_task_get(w->db, "home", "t1", &w->arena, &t));
    assert_string_equal(t.title, "buy milk");
    assert_int_equal(t.priority, 2);
    assert_int_equal(t.updated_ms, 2);
    assert_string_equal(t.extra, "{\"due\":\"now\",\"n\":2}");
    assert_int_equal(db_task_get(w->db, "office", "t1", &w->arena, &t), ERR_NOT_FOUND);
}

static void a_task_without_title_is_called_by_its_id(void **state)
{
    struct world *w = *state;
    struct task_outcome o;
    struct task_change c = change("t9");
    assert_ok(db_task_merge(w->db, &c, 1, &o));
    struct task_row t;
    assert_ok(db_task_get(w->db, "home", "t9", &w->arena, &t));
    assert_string_equal(t.title, "t9");
}

static void the_other_fields_of_a_task_are_bounded(void **state)
{
    struct world *w = *state;
    auto_buf struct buf big = { 0 };
    buf_puts(&big, "{\"a\":\"");
    for (int i = 0; i < 4000; i++)
        buf_put_byte(&big, 'x');
    buf_puts(&big, "\"}");
    struct task_outcome o;
    struct task_change c = change("t");
    c.extra = big.data;
    assert_ok(db_task_merge(w->db, &c, 1, &o));
    big.data[2] = 'b'; /* a second key of the same size */
    assert_int_equal(db_task_merge(w->db, &c, 1, &o), ERR_LIMIT);
}

static void assigning_and_completing_again_changes_nothing(void **state)
{
    struct world *w = *state;
    struct task_outcome o;
    bool changed;
    struct task_change c = change("t");
    assert_ok(db_task_merge(w->db, &c, 1, &o));
    assert_ok(db_task_assign(w->db, "home", "t", "anna", 2, &changed));
    assert_true(changed);
    assert_ok(db_task_assign(w->db, "home", "t", "anna", 3, &changed));
    assert_false(changed);
    assert_int_equal(db_task_assign(w->db, "home", "u", "anna", 3, &changed), ERR_NOT_FOUND);
    assert_ok(db_task_complete(w->db, "home", "t", 4, &changed));
    assert_true(changed);
    assert_ok(db_task_complete(w->db, "home", "t", 5, &changed));
    assert_false(changed);
    struct task_row *rows;
    size_t count;
    int64_t total;
    struct task_filter f = { .group_key = "home", .is_open = true, .limit = 10 };
    assert_ok(db_task_list(w->db, &f, &w->arena, &rows, &count));
    assert_int_equal(count, 0);
    f.is_open = false;
    assert_ok(db_task_list(w->db, &f, &w->arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_ok(db_task_count(w->db, &f, &total));
    assert_int_equal(total, 1);
    assert_ok(db_task_delete(w->db, "home", "t"));
    assert_int_equal(db_task_delete(w->db, "home", "t"), ERR_NOT_FOUND);
}

static void peer(struct db *db, const char *id, const char *target, int64_t at_ms, enum err want, int64_t want_dropped)
{
    int64_t dropped = -1;
    enum err e = db_peer_put(db, &(struct peer_message_row){ .id = id, .target = target, .origin = "o",
                                                             .payload = "{}", .created_ms = at_ms,
                                                             .expires_ms = at_ms + 100 },
                             &(struct peer_limits){ .per_target = 2, .total = 3 }, &dropped);
    assert_int_equal(e, want);
    assert_int_equal(dropped, want_dropped);
}

static void a_full_peer_queue_drops_the_oldest_of_the_target(void **state)
{
    struct world *w = *state;
    peer(w->db, "1", "a", 1, OK, 0);
    peer(w->db, "2", "a", 2, OK, 0);
    peer(w->db, "2", "a", 2, OK, 0); /* the same again */
    peer(w->db, "3", "a", 3, OK, 1);
    peer(w->db, "4", "b", 4, OK, 0);
    peer(w->db, "5", "c", 5, ERR_LIMIT, 0);
    struct peer_message_row *rows;
    size_t count;
    const struct peer_filter f = { .target = "a", .now_ms = 50, .limit = 10 };
    assert_ok(db_peer_list(w->db, &f, &w->arena, &rows, &count));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].id, "2");
    assert_string_equal(rows[1].id, "3");
    assert_ok(db_peer_remove(w->db, rows[0].n));
    int64_t n;
    assert_ok(db_peer_expire(w->db, 103, &n));
    assert_int_equal(n, 1);
    assert_ok(db_peer_count(w->db, NULL, &n));
    assert_int_equal(n, 1);
}

static void speech_for_a_device_is_fetched_once(void **state)
{
    struct world *w = *state;
    struct say_row in = { .id = "r1", .device = "a", .text = "hi", .key = "k", .created_ms = 1, .expires_ms = 100 };
    struct say_row out;
    assert_ok(db_say_put(w->db, &in, &w->arena, &out));
    assert_string_equal(out.state, "queued");
    in.id = "r2";
    assert_ok(db_say_put(w->db, &in, &w->arena, &out));
    assert_string_equal(out.id, "r1"); /* same idempotency key */
    assert_int_equal(db_say_fetch(w->db, "b", 2, &w->arena, &out), ERR_NOT_FOUND);
    assert_ok(db_say_fetch(w->db, "a", 2, &w->arena, &out));
    assert_string_equal(out.text, "hi");
    assert_int_equal(db_say_fetch(w->db, "a", 2, &w->arena, &out), ERR_NOT_FOUND);
    assert_ok(db_say_mark(w->db, "r1", "played", 3));
    assert_ok(db_say_get(w->db, "r1", &w->arena, &out));
    assert_string_equal(out.state, "played");
}

static void speech_that_waits_too_long_expires(void **state)
{
    struct world *w = *state;
    struct say_row in = { .id = "r1", .device = "a", .text = "hi", .created_ms = 1, .expires_ms = 100 }, out;
    assert_ok(db_say_put(w->db, &in, &w->arena, &out));
    assert_int_equal(db_say_fetch(w->db, "a", 100, &w->arena, &out), ERR_NOT_FOUND);
    int64_t n;
    assert_ok(db_say_expire(w->db, 100, 0, &n));
    assert_int_equal(n, 1);
    assert_ok(db_say_get(w->db, "r1", &w->arena, &out));
    assert_string_equal(out.state, "expired");
    assert_ok(db_say_expire(w->db, 200, 150, &n));
    assert_int_equal(db_say_get(w->db, "r1", &w->arena, &out), ERR_NOT_FOUND);
}

static void deleting_a_devices_data_leaves_the_others(void **state)
{
    struct world *w = *state;
    static const char *const who[] = { "a", "b" };
    for (size_t i = 0; i < 2; i++) {
        seen(w->db, who[i], "x", 1);
        say_turn(w->db, who[i], who[i], "user", 5);
        put_job(w->db, who[i], who[i], 5);
        assert_ok(db_memory_put(w->db, who[i], SLICE("m"), 1));
        assert_ok(db_chat_summary_add(w->db, who[i], SLICE("m"), 1));
        assert_ok(db_meeting_open(w->db, &(struct meeting_row){ .id = who[i], .session = "s", .device = who[i] }));
        peer(w->db, who[i], who[i], 1, OK, 0);
        struct say_row out;
        assert_ok(db_say_put(w->db, &(struct say_row){ .id = who[i], .device = who[i], .text = "t" }, &w->arena,
                             &out));
    }
    assert_ok(db_device_delete_data(w->db, "a"));
    int64_t left;
    assert_ok(db_number(&left, w->db, "SELECT (SELECT count(*) FROM turn) + (SELECT count(*) FROM memory)"
                                      " + (SELECT count(*) FROM chat_summary) + (SELECT count(*) FROM save_job)"
                                      " + (SELECT count(*) FROM meeting) + (SELECT count(*) FROM peer_message)"
                                      " + (SELECT count(*) FROM say)"));
    assert_int_equal(left, 7);
    assert_ok(db_number(&left, w->db, "SELECT count(*) FROM device"));
    assert_int_equal(left, 2);
}

static void upkeep_forgets_what_is_old_in_pieces(void **state)
{
    struct world *w = *state;
    int64_t now = 200LL * 24 * 3600 * 1000, left;
    for (int i = 0; i < UPKEEP_ROWS + 10; i++)
        say_turn(w->db, "a", "old", "user", i);
    say_turn(w->db, "a", "new", "user", now - 1000);
    for (int i = 0; i < 3; i++) {
        char id[8];
        enum meeting_state was;
        snprintf(id, sizeof id, "m%d", i);
        assert_ok(db_meeting_open(w->db, &(struct meeting_row){ .id = id, .session = "s", .device = "a" }));
        assert_ok(db_meeting_finalize(w->db, id, now - i * 1000, &was));
        assert_ok(db_meeting_done(w->db, id, &(struct meeting_result){ .title = "" }));
    }
    struct upkeep u = { .now_ms = now, .meetings_kept = 2 };
    assert_ok(db_upkeep(w->db, &u));
    assert_true(u.more);
    assert_ok(db_upkeep(w->db, &u));
    assert_false(u.more);
    assert_ok(db_number(&left, w->db, "SELECT count(*) FROM turn"));
    assert_int_equal(left, 1);
    assert_ok(db_number(&left, w->db, "SELECT count(*) FROM meeting"));
    assert_int_equal(left, 2);
}

#define FAMILY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        FAMILY(a_device_keeps_what_a_later_sight_does_not_tell), FAMILY(devices_are_listed_in_pages),
        FAMILY(a_pair_changes_its_state_and_keeps_its_serial), FAMILY(codes_are_kept_used_and_forgotten),
        FAMILY(keys_of_serials_come_bind_and_go),
        FAMILY(a_firmware_is_forced_once_per_device_and_version), FAMILY(the_last_turns_come_oldest_first),
        FAMILY(memory_is_replaced_and_two_summaries_are_kept), FAMILY(save_jobs_keep_their_order_per_device),
        FAMILY(a_failing_save_job_waits_longer_and_is_dropped_after_a_week),
        FAMILY(sessions_whose_job_was_lost_are_found), FAMILY(a_task_changes_field_by_field),
        FAMILY(a_task_without_title_is_called_by_its_id), FAMILY(the_other_fields_of_a_task_are_bounded),
        FAMILY(assigning_and_completing_again_changes_nothing),
        FAMILY(a_full_peer_queue_drops_the_oldest_of_the_target), FAMILY(speech_for_a_device_is_fetched_once),
        FAMILY(speech_that_waits_too_long_expires), FAMILY(deleting_a_devices_data_leaves_the_others),
        FAMILY(upkeep_forgets_what_is_old_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
