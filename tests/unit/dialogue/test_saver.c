/* SPDX-License-Identifier: MIT
 * test_saver.c -- conversations on their way into long memory: in order, again and again, never twice in effect,
 * never lost. The store has a thread of its own: TSAN. */
#include "tests/support/test.h"

#include <dirent.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/settings.h"
#include "dialogue/saver.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "providers/registry.h"
#include "store/memory.h"
#include "store/save_job.h"
#include "store/store.h"
#include "store/turn.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define WAIT_US 4000000
#define DAY_MS 86400000LL

static const char turns[] = "[{\"role\":\"user\",\"content\":\"what time is it\"},"
                            "{\"role\":\"assistant\",\"content\":\"Ten.\"}]";

struct world {
    struct loop *loop;
    struct store *store;
    struct registry *registry;
    struct config_holder *config;
    struct provider_env env;
    struct saver *saver;
    unsigned fail_nth; /* of the store, once the saver starts; 0: none */
};

static void open_store(struct world *w)
{
    struct err_note note = { 0 };
    assert_ok(store_open(&w->store, &(struct store_opts){ .path = temp_path("saver.db") }, &note));
    w->env.store = w->store;
}

static void open_saver(struct world *w)
{
    struct saver_opts o = { .loop = w->loop, .env = &w->env, .registry = w->registry, .store = w->store,
                            .config = w->config };
    store_fail_nth(w->store, w->fail_nth);
    assert_ok(saver_create(&w->saver, &o));
}

static void write_config(const char *memory)
{
    FILE *f = fopen(temp_path("config.yaml"), "w");
    assert_non_null(f);
    fprintf(f, "selected_module: {Memory: %s}\nMemory: {f: {type: fake}}\n", memory);
    fclose(f);
}

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    struct err_note note = { 0 };
    fakes_reset();
    metrics_reset();
    write_config("f");
    assert_ok(config_holder_create(&w->config, temp_path("config.yaml"), &note));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(registry_create(&w->registry));
    registry_add_memory(w->registry, &fake_memory);
    w->env = (struct provider_env){ .loop = w->loop, .registry = w->registry };
    open_store(w);
    *state = w;
    return 0;
}

/* As the server ends: the saver first, then the store, whose last answers the loop still hears. */
static void close_saver(struct world *w)
{
    saver_stop(w->saver);
    store_close(w->store);
    for (int i = 0; i < 5; i++)
        loop_step(w->loop, 0);
    saver_free(w->saver);
    w->saver = NULL;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    close_saver(w);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    registry_free(w->registry);
    loop_free(w->loop);
    config_holder_free(w->config);
    assert_int_equal(fakes_live(), 0);
    temp_remove();
    mem_free(w);
    return 0;
}

/* ---- the store, asked and changed ---- */

struct ask {
    const char *sql;
    int64_t number;
};

static enum err ask_run(struct db *db, void *input)
{
    struct ask *a = input;
    return db_number(&a->number, db, a->sql);
}

static int64_t number(struct world *w, const char *sql)
{
    struct ask a = { .sql = sql };
    assert_ok(store_run(w->store, ask_run, &a));
    return a.number;
}

static enum err change_run(struct db *db, void *input)
{
    return db_run(db, input);
}

static void change(struct world *w, char *sql)
{
    assert_ok(store_run(w->store, change_run, sql));
}

static enum err put_run(struct db *db, void *input)
{
    bool is_new;
    return db_save_job_put(db, input, &is_new);
}

static void put_aged(struct world *w, const char *device, const char *key, int64_t age_ms)
{
    struct save_job_row row = { .device = device, .key = key, .session = key, .payload = turns,
                                .created_ms = clock_wall_ms() - age_ms, .next_try_ms = clock_wall_ms() - age_ms };
    assert_ok(store_run(w->store, put_run, &row));
}

static void put(struct world *w, const char *device, const char *key)
{
    put_aged(w, device, key, 0);
}

static enum err turn_run(struct db *db, void *input)
{
    return db_turn_add(db, input, NULL);
}

static void put_turn(struct world *w, const char *session, const char *role, int64_t age_ms)
{
    int64_t at_ms = clock_wall_ms() - age_ms;
    struct turn_row row = { .device = "dev1", .session = session, .number = 1, .role = role, .mode = "chat",
                            .text = "hello", .outcome = "completed", .started_ms = at_ms, .ended_ms = at_ms };
    assert_ok(store_run(w->store, turn_run, &row));
}

static const char waiting_sql[] = "SELECT count(*) FROM save_job WHERE state = 0";
static const char saved_sql[] = "SELECT count(*) FROM save_job WHERE state = 1";
static const char tries_sql[] = "SELECT coalesce(sum(tries), 0) FROM save_job";

/* Steps until the number is there; the clock stands. */
static void until(struct world *w, const char *sql, int64_t wanted)
{
    uint64_t began_us = clock_mono_us();
    while (number(w, sql) != wanted) {
        if (clock_mono_us() - began_us > WAIT_US)
            fail_msg("%s: %lld, not %lld", sql, (long long)number(w, sql), (long long)wanted);
        loop_step(w->loop, 1);
    }
    loop_step(w->loop, 0); /* the answer to the same commit */
}

static void until_opened(struct world *w, unsigned opens)
{
    uint64_t began_us = clock_mono_us();
    while (fake_memory_script("")->seen.opens < opens && clock_mono_us() - began_us < WAIT_US)
        loop_step(w->loop, 1);
    assert_int_equal(fake_memory_script("")->seen.opens, opens);
}

/* What was asked of the provider: "device key" of each, in order. */
static unsigned remembered(const char *what)
{
    static char all[1 << 16];
    unsigned count = 0;
    fakes_remembered(all, sizeof(all));
    for (const char *at = all; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

/* ---- cases ---- */

static void what_was_said_reaches_the_memory_once_with_its_key(void **state)
{
    struct world *w = *state;
    open_saver(w);
    put(w, "dev1", "session-1");
    saver_look(w->saver);
    saver_look(w->saver); /* twice is once */
    until(w, saved_sql, 1);
    assert_int_equal(remembered("dev1 session-1 [{"), 1);
    assert_int_equal(remembered("what time is it"), 1);
    put(w, "dev1", "session-1"); /* the same session once more: its key is known */
    saver_look(w->saver);
    put(w, "dev2", "session-2");
    saver_look(w->saver);
    until(w, saved_sql, 2);
    assert_int_equal(remembered("session-1"), 1);
    assert_int_equal(metric_label_value(METRIC_memory_saves_total, "saved"), 2);
}

static void a_provider_that_fails_three_times_is_tried_again_and_saves_once(void **state)
{
    static const int64_t delays_ms[] = { 5000, 10000, 20000 };
    struct world *w = *state;
    fake_memory_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM, .error_text = "503", .bad_streams = 3 };
    open_saver(w);
    put(w, "dev1", "session-1");
    saver_look(w->saver);
    for (size_t i = 0; i < COUNT(delays_ms); i++) {
        until(w, tries_sql, (int64_t)i + 1);
        int64_t wait_ms = number(w, "SELECT next_try_ms FROM save_job") - clock_wall_ms();
        if (wait_ms > delays_ms[i] || wait_ms < delays_ms[i] - 2000)
            fail_msg("try %zu: again in %lld ms", i + 1, (long long)wait_ms);
        for (unsigned n = 0; n < 5; n++) { /* not before its time */
            saver_look(w->saver);
            loop_step(w->loop, 1);
        }
        assert_int_equal(fake_memory_script("")->seen.opens, i + 1);
        change(w, "UPDATE save_job SET next_try_ms = 0");
        saver_look(w->saver);
    }
    until(w, saved_sql, 1);
    assert_int_equal(fake_memory_script("")->seen.opens, 4);
    assert_int_equal(number(w, "SELECT count(*) FROM chat_summary"), 1);
    assert_int_equal(metric_label_value(METRIC_memory_saves_total, "failed"), 3);
    assert_int_equal(metric_label_value(METRIC_memory_saves_total, "saved"), 1);
}

static void by_itself_it_looks_again_when_the_next_try_is_due(void **state)
{
    struct world *w = *state;
    fake_memory_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM, .bad_streams = 1 };
    open_saver(w);
    put(w, "dev1", "session-1");
    saver_look(w->saver);
    until(w, tries_sql, 1);
    change(w, "UPDATE save_job SET next_try_ms = 0");
    for (unsigned i = 0; i < 200 && number(w, saved_sql) == 0; i++) { /* nobody tells it; time passes */
        loop_advance(w->loop, 1000);
        loop_step(w->loop, 1);
    }
    until(w, saved_sql, 1);
}

static void a_provider_that_hangs_is_given_up_after_its_time_and_holds_nobody_up(void **state)
{
    struct world *w = *state;
    fake_memory_script("")->plan = (struct fake_plan){ .hangs = true, .bad_streams = 1 };
    open_saver(w);
    put(w, "dev1", "session-1");
    saver_look(w->saver);
    until_opened(w, 1);
    put(w, "dev2", "session-2");
    saver_look(w->saver);
    until(w, saved_sql, 1); /* the second one */
    loop_advance(w->loop, 29000);
    loop_step(w->loop, 1);
    assert_int_equal(number(w, tries_sql), 0);
    loop_advance(w->loop, 1500);
    until(w, tries_sql, 1);
    assert_int_equal(fakes_live(), 0);
    change(w, "UPDATE save_job SET next_try_ms = 0 WHERE state = 0");
    saver_look(w->saver);
    until(w, saved_sql, 2);
}

static void the_jobs_of_a_device_keep_their_order_also_when_the_first_fails(void **state)
{
    struct world *w = *state;
    char key[32];
    fake_memory_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM, .bad_streams = 1 };
    for (unsigned i = 0; i < 5; i++) {
        snprintf(key, sizeof(key), "session-%u", i);
        put(w, "dev1", key);
    }
    open_saver(w);
    until(w, tries_sql, 1);
    for (unsigned i = 0; i < 5; i++) {
        saver_look(w->saver);
        loop_step(w->loop, 1);
    }
    assert_int_equal(number(w, saved_sql), 0); /* the others wait for it */
    change(w, "UPDATE save_job SET next_try_ms = 0");
    saver_look(w->saver);
    until(w, saved_sql, 5);
    static char all[1 << 16];
    fakes_remembered(all, sizeof(all));
    const char *at = all;
    for (unsigned i = 0; i < 5; i++) {
        snprintf(key, sizeof(key), "dev1 session-%u ", i);
        at = strstr(at, key);
        if (!at)
            fail_msg("%s not in its place:\n%s", key, all);
    }
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static enum err put_thousand(struct db *db, void *input)
{
    enum err e = OK;
    for (unsigned i = 0; i < 1000 && !e; i++) {
        bool is_new;
        char device[32], key[32];
        snprintf(device, sizeof(device), "dev%u", i % 300);
        snprintf(key, sizeof(key), "session-%u", i);
        struct save_job_row row = { .device = device, .key = key, .session = key, .payload = turns,
                                    .created_ms = clock_wall_ms() };
        e = db_save_job_put(db, &row, &is_new);
    }
    return e;
}

static void a_thousand_ends_at_once_are_worked_on_four_at_a_time_by_no_new_thread(void **state)
{
    struct world *w = *state;
    unsigned before = threads(), most = 0;
    uint64_t began_us = clock_mono_us();
    assert_ok(store_run(w->store, put_thousand, NULL));
    open_saver(w);
    while (number(w, saved_sql) < 1000) {
        for (unsigned i = 0; i < 20; i++) {
            loop_step(w->loop, 0);
            most = MAX(most, fake_memory_script("")->seen.live);
        }
        assert_int_equal(threads(), before);
        if (clock_mono_us() - began_us > 20 * WAIT_US)
            fail_msg("only %lld saved", (long long)number(w, saved_sql));
    }
    assert_true(most <= SAVER_AT_ONCE);
    assert_int_equal(fake_memory_script("")->seen.opens, 1000);
}

static void after_seven_days_a_job_is_given_up(void **state)
{
    struct world *w = *state;
    fake_memory_script("")->plan = (struct fake_plan){ .error = ERR_UPSTREAM };
    put_aged(w, "dev1", "old", 7 * DAY_MS + 1000);
    put_aged(w, "dev2", "young", 7 * DAY_MS - 60000);
    open_saver(w);
    until(w, "SELECT count(*) FROM save_job WHERE state = 2", 1);
    until(w, tries_sql, 1);
    assert_int_equal(number(w, "SELECT count(*) FROM save_job WHERE state = 2 AND key = 'old'"), 1);
    assert_int_equal(number(w, waiting_sql), 1);
    assert_int_equal(metric_label_value(METRIC_memory_saves_total, "dropped"), 1);
}

static void sessions_whose_end_nobody_saw_are_saved_at_the_start(void **state)
{
    struct world *w = *state;
    put_turn(w, "lost", "user", 1000);
    put_turn(w, "lost", "assistant", 900);
    put_turn(w, "silent", "assistant", 800);  /* no word of a person: no call */
    put_turn(w, "ancient", "user", 8 * DAY_MS);
    put_turn(w, "known", "user", 700);
    put(w, "dev1", "known");
    open_saver(w);
    until(w, saved_sql, 2);
    assert_int_equal(remembered("dev1 lost "), 1);
    assert_int_equal(remembered("dev1 known "), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM save_job"), 2);
}

static void what_was_under_way_when_the_process_ended_is_done_after_the_next_start(void **state)
{
    struct world *w = *state;
    fake_memory_script("")->plan = (struct fake_plan){ .hangs = true, .bad_streams = 1 };
    open_saver(w);
    put(w, "dev1", "session-1");
    saver_look(w->saver);
    until_opened(w, 1);
    close_saver(w);
    assert_int_equal(fakes_live(), 0);
    open_store(w);
    assert_int_equal(number(w, waiting_sql), 1);
    open_saver(w);
    until(w, saved_sql, 1);
}

static void without_a_memory_the_summaries_are_kept_all_the_same_two_per_device(void **state)
{
    struct world *w = *state;
    struct err_note note = { 0 };
    write_config("nomem");
    assert_ok(config_reload(w->config, &note));
    put(w, "dev1", "session-1");
    put(w, "dev1", "session-2");
    put(w, "dev1", "session-3");
    open_saver(w);
    until(w, saved_sql, 3);
    assert_int_equal(fake_memory_script("")->seen.opens, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM chat_summary WHERE text = 'what time is it'"), 2);
}

static void a_store_that_fails_at_any_step_loses_no_job(void **state)
{
    struct world *w = *state;
    for (unsigned nth = 1; nth <= 4; nth++) {
        char key[32];
        snprintf(key, sizeof(key), "session-%u", nth);
        put(w, "dev1", key);
        w->fail_nth = nth;
        open_saver(w);
        for (unsigned i = 0; i < 10; i++) {
            loop_step(w->loop, 1);
            loop_advance(w->loop, SAVER_LOOK_MS);
        }
        store_fail_nth(w->store, 0);
        saver_look(w->saver);
        until(w, saved_sql, nth);
        assert_true(remembered(key) >= 1);
        close_saver(w);
        open_store(w);
    }
}

static void the_summary_is_one_line_of_what_was_asked(void **state)
{
    static const struct {
        const char *turns, *line;
    } rows[] = {
        { "[]", "" },
        { "not json", "" },
        { "[{\"role\":\"assistant\",\"content\":\"Hello.\"}]", "" },
        { "[{\"role\":\"user\",\"content\":\" one \"},{\"role\":\"assistant\",\"content\":\"x\"},"
          "{\"role\":\"user\",\"content\":\"two\"}]", "one; two" },
        { "[{\"role\":\"user\"},{\"role\":\"user\",\"content\":\"\"},{\"role\":\"user\",\"content\":\"a\"}]", "a" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf line = { 0 };
        saver_line(&line, slice_of(rows[i].turns));
        assert_string_equal(line.data ? line.data : "", rows[i].line);
    }
    auto_buf struct buf text = { 0 };
    auto_buf struct buf line = { 0 };
    buf_puts(&text, "[{\"role\":\"user\",\"content\":\"");
    for (unsigned i = 0; i < 100; i++)
        buf_puts(&text, "\xe4\xbd\xa0");
    buf_puts(&text, "\"}]");
    saver_line(&line, buf_slice(&text));
    assert_int_equal(line.len, SAVER_SUMMARY_BYTES); /* 40 characters, whole */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_was_said_reaches_the_memory_once_with_its_key),
        CASE(a_provider_that_fails_three_times_is_tried_again_and_saves_once),
        CASE(by_itself_it_looks_again_when_the_next_try_is_due),
        CASE(a_provider_that_hangs_is_given_up_after_its_time_and_holds_nobody_up),
        CASE(the_jobs_of_a_device_keep_their_order_also_when_the_first_fails),
        CASE(a_thousand_ends_at_once_are_worked_on_four_at_a_time_by_no_new_thread),
        CASE(after_seven_days_a_job_is_given_up),
        CASE(sessions_whose_end_nobody_saw_are_saved_at_the_start),
        CASE(what_was_under_way_when_the_process_ended_is_done_after_the_next_start),
        CASE(without_a_memory_the_summaries_are_kept_all_the_same_two_per_device),
        CASE(a_store_that_fails_at_any_step_loses_no_job),
        cmocka_unit_test(the_summary_is_one_line_of_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
