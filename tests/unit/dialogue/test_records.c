/* SPDX-License-Identifier: MIT
 * test_records.c -- what outlives a dialogue. The store has a thread of its own: TSAN. */
#include <errno.h>
#include <semaphore.h>

#include "base/mem.h"
#include "dialogue/inside.h"
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
    const struct turn_filter all = { .device = "aa:bb:cc:dd:ee:ff", .limit = 10 };
    return db_turn_last(db, &all, &r->arena, &r->rows, &r->count);
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

static enum err until_posted(struct db *db, void *input)
{
    while (sem_wait(input) && errno == EINTR)
        ;
    return OK;
}

/* The clock stands all the time: a question that waits for its time to be over is never asked. */
static void a_question_is_asked_as_soon_as_the_past_is_read(void **state)
{
    static const struct store_op_class busy = { .name = "busy", .run = until_posted, .is_read_only = true };
    sem_t gate;
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    fake_llm_script("")->replies[0].text = "Fine.";
    assert_ok(store_start(NULL, store, NULL, &busy, &gate, NULL));
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    dialogue_detect(w.dialogue, SLICE("how are you"));
    for (int i = 0; i < 20; i++)
        loop_step(w.loop, 1);
    assert_int_equal(fake_llm_script("")->seen.opens, 0);
    sem_post(&gate);
    for (int i = 0; i < 2000 && !fake_llm_script("")->seen.opens; i++)
        loop_step(w.loop, 5);
    assert_int_equal(fake_llm_script("")->seen.opens, 1);
    stage_run(&w, 4000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    leave();
    sem_destroy(&gate);
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

/* ---- long memory ---- */

static void a_question_waits_a_moment_for_what_is_remembered(void **state)
{
    static const struct {
        unsigned recall_ms, asked_ms; /* from the question on */
    } rows[] = { { 0, 0 }, { 150, 150 }, { 2000, 300 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_memory_script("")->facts = "Likes tea.";
        fake_memory_script("")->plan.first_ms = rows[i].recall_ms;
        stage_open(&w, NULL, NULL);
        uint64_t begun_ms = loop_now_ms(w.loop) - 10;
        dialogue_detect(w.dialogue, SLICE("what do I like"));
        while (!fake_llm_script("")->seen.opens && loop_now_ms(w.loop) < begun_ms + 1000)
            stage_run(&w, 5);
        assert_in_range(loop_now_ms(w.loop) - begun_ms, rows[i].asked_ms, rows[i].asked_ms + 20);
        assert_int_equal(w.dialogue->memory.len > 0, rows[i].recall_ms < 300);
        stage_run(&w, 6000);
        assert_int_equal(w.last_outcome, OUTCOME_completed);
        assert_true(w.dialogue->memory.len > 0); /* for the next turn */
        stage_close(&w);
    }
}

static void an_abort_while_memory_is_awaited_asks_nobody(void **state)
{
    fake_memory_script("")->plan.first_ms = 200;
    stage_open(&w, NULL, NULL);
    dialogue_detect(w.dialogue, SLICE("what do I like"));
    stage_run(&w, 50);
    dialogue_abort(w.dialogue, false);
    stage_run(&w, 2000);
    assert_int_equal(w.last_outcome, OUTCOME_aborted);
    assert_int_equal(fake_llm_script("")->seen.opens, 0);
    stage_close(&w);
}

static const char short_memory[] =
    "server: {language: en-US}\nselected_module: {VAD: f, ASR: f, LLM: f, TTS: f, Memory: m}\n"
    "VAD: {f: {type: fake}}\nASR: {f: {type: fake}}\nLLM: {f: {type: fake}}\nTTS: {f: {type: fake}}\n"
    "Memory: {m: {type: mem_local_short}}\ndialogue: {resume_seconds: 0}\n";

static void open_with_memory(void)
{
    struct err_note why;
    stage_open(&w, NULL, &(struct dialogue_opts){ .store = store });
    dialogue_close(w.dialogue);
    store_settle();
    config_unref(w.config);
    assert_ok(config_parse(&w.config, slice_of(short_memory), "test", &why));
    w.env.store = store;
    w.opts.config = w.config;
    assert_ok(dialogue_create(&w.dialogue, &w.opts));
    struct dialogue_audio audio = { .in_rate_hz = 16000, .out_rate_hz = 24000, .out_frame_us = 60000 };
    dialogue_hello(w.dialogue, &audio);
    store_settle();
}

static void on_facts(void *user, struct slice facts)
{
}

static void on_remembered(void *user, const struct err_note *why)
{
    assert_ok(why->err);
    *(bool *)user = true;
}

static void the_next_conversation_knows_what_was_saved_of_the_last(void **state)
{
    static const struct memory_events events = { .on_recall = on_facts, .on_end = on_remembered };
    store_close(store);
    temp_remove();
    open_file_store();
    fake_llm_script("")->replies[0].text = "Tea it is.";
    fake_llm_script("")->replies[1].text = "The user likes tea.";
    open_with_memory();
    assert_int_equal(w.dialogue->memory.len, 0);
    dialogue_detect(w.dialogue, SLICE("I like tea"));
    stage_run(&w, 5000);
    assert_int_equal(w.last_outcome, OUTCOME_completed);
    auto_buf struct buf turns = { 0 };
    assert_true(dialogue_turns_json(w.dialogue, &turns));
    struct use_opts use = { .env = &w.env, .config = w.config, .language = "en-US" };
    const struct conf *settings = NULL;
    const struct memory_class *cls = memory_class_for(w.registry, &use, &settings);
    struct provider_opts po = { .env = &w.env, .config = w.config, .settings = settings, .alias = "m",
                                .language = "en-US" };
    struct memory *m = NULL;
    bool is_saved = false;
    const struct memory_talk talk = { .device_id = "aa:bb:cc:dd:ee:ff", .turns_json = buf_slice(&turns),
                                      .key = "session" };
    assert_ok(cls->remember(&m, &po, &talk, &events, &is_saved));
    for (int i = 0; i < 200 && !is_saved; i++)
        store_settle();
    assert_true(is_saved);
    cls->close(m);
    leave();

    store_close(store); /* a restart */
    open_file_store();
    open_with_memory();
    assert_true(slice_contains(buf_slice(&w.dialogue->memory), SLICE("The user likes tea.")));
    auto_buf struct buf prompt = { 0 };
    talk_prompt(w.dialogue, &prompt);
    assert_true(slice_contains(buf_slice(&prompt), SLICE("The user likes tea.")));
    leave();
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(turns_are_stored_when_they_end, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_turn_that_a_device_left_is_stored_too, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_new_session_goes_on_with_the_dialogue, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_question_is_asked_as_soon_as_the_past_is_read, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_device_may_vanish_while_its_past_is_read, open_store, close_all),
        cmocka_unit_test_setup_teardown(the_daily_limit_outlives_connection_and_restart, open_store, close_all),
        cmocka_unit_test_setup_teardown(a_question_waits_a_moment_for_what_is_remembered, open_store, close_all),
        cmocka_unit_test_setup_teardown(an_abort_while_memory_is_awaited_asks_nobody, open_store, close_all),
        cmocka_unit_test_setup_teardown(the_next_conversation_knows_what_was_saved_of_the_last, open_store, close_all),
        cmocka_unit_test_setup_teardown(facts_of_the_memory_come_into_the_prompt, open_store, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
