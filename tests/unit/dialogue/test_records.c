/* SPDX-License-Identifier: MIT
 * test_records.c -- what outlives a dialogue. The store has a thread of its own: TSAN. */
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "store/store.h"
#include "store/turn.h"
#include "tests/support/stage.h"
#include "tests/support/temp.h"

static struct stage w;
static struct store *store;

static int open_store(void **state)
{
    struct err_note why;
    return store_open(&store, &(struct store_opts){ .path = ":memory:" }, &why);
}

static int close_all(void **state)
{
    stage_abandon(&w);
    store_close(store);
    return 0;
}

struct rows {
    struct arena arena;
    struct turn_row *rows;
    size_t count;
};

static enum err read_rows(struct db *db, void *input)
{
    struct rows *r = input;
    return db_turn_last(db, "aa:bb:cc:dd:ee:ff", 0, 10, &r->arena, &r->rows, &r->count);
}

static enum err nothing(struct db *db, void *input)
{
    return OK;
}

/* The store's answers must find the loop alive. */
static void leave(void)
{
    w.is_closed = true;
    dialogue_close(w.dialogue);
    w.dialogue = NULL;
    assert_ok(store_run(store, nothing, NULL));
    for (int i = 0; i < 20; i++)
        loop_step(w.loop, 1);
    stage_close(&w);
}

static void turns_are_stored_when_they_end(void **state)
{
    fake_llm_script("")->replies[0].text = "Fine.";
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    dialogue_detect(w.dialogue, SLICE("how are you"));
    stage_run(&w, 4000);
    struct rows r = { 0 };
    assert_ok(store_run(store, read_rows, &r));
    assert_int_equal(r.count, 2);
    assert_string_equal(r.rows[0].role, "user");
    assert_string_equal(r.rows[0].text, "how are you");
    assert_string_equal(r.rows[1].role, "assistant");
    assert_string_equal(r.rows[1].text, "Fine.");
    assert_string_equal(r.rows[1].outcome, "completed");
    assert_non_null(strstr(r.rows[1].details, "firstAudioMs"));
    arena_done(&r.arena);
    leave();
}

static void a_turn_that_a_device_left_is_stored_too(void **state)
{
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    fake_llm_script("")->plan.first_ms = 3000;
    dialogue_detect(w.dialogue, SLICE("are you there"));
    stage_run(&w, 500);
    leave();
    struct rows r = { 0 };
    assert_ok(store_run(store, read_rows, &r));
    assert_int_equal(r.count, 1);
    assert_string_equal(r.rows[0].outcome, "aborted");
    arena_done(&r.arena);
}

static void wait_for_resume(void)
{
    for (int i = 0; i < 200; i++) {
        auto_buf struct buf json = { 0 };
        if (dialogue_turns_json(w.dialogue, &json))
            return;
        loop_step(w.loop, 10);
    }
}

static void a_new_session_goes_on_with_the_dialogue(void **state)
{
    fake_llm_script("")->replies[0].text = "Fine.";
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    dialogue_detect(w.dialogue, SLICE("how are you"));
    stage_run(&w, 4000);
    leave();
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    wait_for_resume();
    auto_buf struct buf json = { 0 };
    assert_true(dialogue_turns_json(w.dialogue, &json));
    assert_string_equal(json.data, "[{\"role\":\"user\",\"content\":\"how are you\"},"
                                   "{\"role\":\"assistant\",\"content\":\"Fine.\"}]");
    leave();
}

static void a_device_may_vanish_while_its_past_is_read(void **state)
{
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    leave();
}

static void facts_of_the_memory_come_into_the_prompt(void **state)
{
    fake_memory_script("")->facts = "Likes tea.";
    stage_open(&w, NULL, NULL);
    stage_run(&w, 100);
    assert_int_equal(fake_memory_script("")->seen.opens, 1);
    assert_int_equal(fake_memory_script("")->seen.live, 0);
    stage_close(&w);
    fake_memory_script("")->plan.hangs = true; /* a late memory holds nothing up */
    stage_open(&w, NULL, NULL);
    dialogue_detect(w.dialogue, SLICE("hello"));
    stage_run(&w, 4000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    stage_close(&w);
}

/* ---- the daily limit ---- */

static void open_file_store(void)
{
    struct err_note why;
    assert_ok(store_open(&store, &(struct store_opts){ .path = temp_path("records.db") }, &why));
}

static void store_settle(void)
{
    for (int i = 0; i < 5; i++) {
        assert_ok(store_run(store, nothing, NULL));
        loop_step(w.loop, 1);
    }
}

static void the_daily_limit_outlives_connection_and_restart(void **state)
{
    static const char limit[] = "device_max_output_size: 20\n";
    store_close(store);
    temp_remove();
    open_file_store();
    fake_llm_script("")->replies[0].text = "Fifteen letters.";
    stage_open(&w, limit, &(struct dialogue_opts){ .store = store });
    store_settle();
    dialogue_detect(w.dialogue, SLICE("say something"));
    stage_run(&w, 4000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    leave();
    for (int i = 0; i < 2; i++) { /* the second connection speaks a little more, the third is over it */
        fake_llm_script("")->replies[0].text = "Fifteen letters.";
        stage_open(&w, limit, &(struct dialogue_opts){ .store = store });
        store_settle();
        dialogue_detect(w.dialogue, SLICE("say something"));
        stage_run(&w, 4000);
        assert_int_equal(w.last_outcome, i ? OUTCOME_limit : OUTCOME_completed);
        leave();
    }
    store_close(store); /* a restart */
    open_file_store();
    stage_open(&w, limit, &(struct dialogue_opts){ .store = store });
    store_settle();
    dialogue_detect(w.dialogue, SLICE("say something"));
    stage_run(&w, 6000);
    assert_int_equal(w.last_outcome, OUTCOME_limit);
    assert_int_equal(fake_llm_script("")->seen.opens, 0);
    assert_string_equal(stage_story(&w), "T(e[]).x"); /* the apology is spoken, then it is closed */
    leave();
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(turns_are_stored_when_they_end, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_turn_that_a_device_left_is_stored_too, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_new_session_goes_on_with_the_dialogue, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_device_may_vanish_while_its_past_is_read, open_store, close_all),
        cmocka_unit_test_setup_teardown(the_daily_limit_outlives_connection_and_restart, open_store, close_all),
        cmocka_unit_test_setup_teardown(facts_of_the_memory_come_into_the_prompt, open_store, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
