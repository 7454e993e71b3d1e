/* SPDX-License-Identifier: MIT
 * test_memory.c -- what is remembered of a device: summarised by a model, or kept line by line without one;
 * once per conversation, never lost silently. TSAN: the store has a thread of its own. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "loop/loop.h"
#include "providers/memory.h"
#include "providers/registry.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

extern const struct memory_class memory_local_short, memory_nomem;

struct world {
    struct loop *loop;
    struct store *store;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct provider_opts opts;
    struct memory *memory;
    char facts[8192];
    unsigned recalls, ends;
    struct err_note why;
};

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    struct err_note note = { 0 };
    fakes_reset();
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(store_open(&w->store, &(struct store_opts){ .path = ":memory:" }, &note));
    assert_ok(registry_create(&w->registry));
    registry_add_llm(w->registry, &fake_llm);
    assert_ok(config_parse(&w->config, SLICE("LLM: {f: {type: fake}}\nllm_by_mode: {memory: f}\n"), "test", &note));
    w->env = (struct provider_env){ .loop = w->loop, .store = w->store, .registry = w->registry };
    w->opts = (struct provider_opts){ .env = &w->env, .config = w->config, .alias = "m", .language = "en-US" };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10; i++)
        loop_step(w->loop, 1);
    store_close(w->store);
    for (int i = 0; i < 10; i++)
        loop_step(w->loop, 1);
    config_unref(w->config);
    registry_free(w->registry);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    assert_int_equal(fakes_live(), 0);
    fakes_reset();
    mem_free(w);
    return 0;
}

static void on_recall(void *user, struct slice facts)
{
    struct world *w = user;
    w->recalls++;
    snprintf(w->facts, sizeof(w->facts), SLICE_FMT, SLICE_ARG(facts));
}

static void on_end(void *user, const struct err_note *why)
{
    struct world *w = user;
    w->ends++;
    w->why = *why;
}

static const struct memory_events events = { .on_recall = on_recall, .on_end = on_end };

static void wait_end(struct world *w)
{
    for (int i = 0; i < 2000 && !w->ends; i++)
        loop_step(w->loop, 5);
    assert_int_equal(w->ends, 1);
    w->ends = 0;
}

static struct memory_talk talk_of(const char *key, const char *turns)
{
    return (struct memory_talk){ .device_id = "dev", .turns_json = slice_of(turns), .key = key };
}

static enum err remember(struct world *w, const char *key, const char *turns)
{
    const struct memory_talk talk = talk_of(key, turns);
    assert_ok(memory_local_short.remember(&w->memory, &w->opts, &talk, &events, w));
    wait_end(w);
    memory_local_short.close(w->memory);
    return w->why.err;
}

static const char *recall(struct world *w)
{
    w->facts[0] = 0;
    assert_ok(memory_local_short.recall(&w->memory, &w->opts, "dev", &events, w));
    wait_end(w);
    memory_local_short.close(w->memory);
    assert_int_equal(w->why.err, OK);
    return w->facts;
}

#define TURNS "[{\"role\":\"user\",\"content\":\"my name is Ada\"},{\"role\":\"assistant\",\"content\":\"Hello Ada.\"}]"

static void a_device_never_met_has_no_memory(void **state)
{
    struct world *w = *state;
    assert_string_equal(recall(w), "");
    assert_int_equal(w->recalls, 0);
}

static void the_model_writes_the_new_memory_out_of_the_old_one(void **state)
{
    struct world *w = *state;
    char asked[16384];
    fake_llm_script("f")->replies[0].text = "Her name is Ada.";
    fake_llm_script("f")->replies[1].text = "Ada likes tea.";
    assert_ok(remember(w, "k1", TURNS));
    assert_string_equal(recall(w), "Her name is Ada.");
    assert_ok(remember(w, "k2", "[{\"role\":\"user\",\"content\":\"tea please\"}]"));
    assert_string_equal(recall(w), "Ada likes tea.");
    fakes_asked(asked, sizeof(asked));
    assert_non_null(strstr(asked, "Her name is Ada.")); /* the second request had the first memory */
    assert_non_null(strstr(asked, "tea please"));
}

static void the_same_conversation_counts_once(void **state)
{
    struct world *w = *state;
    fake_llm_script("f")->replies[0].text = "first";
    fake_llm_script("f")->replies[1].text = "second";
    assert_ok(remember(w, "k1", TURNS));
    assert_ok(remember(w, "k1", TURNS));
    assert_int_equal(fake_llm_script("f")->seen.opens, 1);
    assert_string_equal(recall(w), "first");
}

static void a_model_that_fails_is_an_error_and_changes_nothing(void **state)
{
    struct world *w = *state;
    fake_llm_script("f")->replies[0].text = "first";
    assert_ok(remember(w, "k1", TURNS));
    fake_llm_script("f")->plan.error = ERR_UPSTREAM;
    assert_int_equal(remember(w, "k2", TURNS), ERR_UPSTREAM);
    assert_string_equal(recall(w), "first");
    fake_llm_script("f")->plan.error = OK;
    fake_llm_script("f")->replies[2].text = "third";
    assert_ok(remember(w, "k2", TURNS)); /* tried again, it works */
    assert_string_equal(recall(w), "third");
}

static void without_a_model_what_people_say_of_themselves_is_kept(void **state)
{
    struct world *w = *state;
    struct err_note note = { 0 };
    config_unref(w->config);
    assert_ok(config_parse(&w->config, SLICE("{}"), "test", &note)); /* only the local rules */
    w->opts.config = w->config;
    assert_ok(remember(w, "k1", "[{\"role\":\"user\",\"content\":\"my cat is called Tom\"},"
                                "{\"role\":\"assistant\",\"content\":\"I see.\"},"
                                "{\"role\":\"user\",\"content\":\"what time is it\"},"
                                "{\"role\":\"user\",\"content\":\"我喜欢喝茶\"}]"));
    assert_string_equal(recall(w), "我喜欢喝茶\nmy cat is called Tom");
    assert_ok(remember(w, "k2", "[{\"role\":\"user\",\"content\":\"I live in Oslo\"},"
                                "{\"role\":\"user\",\"content\":\"my cat is called Tom\"}]"));
    assert_string_equal(recall(w), "I live in Oslo\n我喜欢喝茶\nmy cat is called Tom");
}

static void a_memory_is_at_most_two_thousand_characters(void **state)
{
    struct world *w = *state;
    char *big = calloc(1, 2047);
    for (int i = 0; i < 682; i++)
        memcpy(big + 3 * i, "茶", 3);
    fake_llm_script("f")->replies[0].text = big;
    assert_ok(remember(w, "k1", TURNS));
    assert_true(strlen(recall(w)) <= 3 * 2000);
    assert_int_equal(strlen(w->facts) % 3, 0);
    free(big);
}

static void closing_while_it_works_is_silent(void **state)
{
    struct world *w = *state;
    for (int steps = 0; steps < 6; steps++) {
        char key[8];
        snprintf(key, sizeof(key), "c%d", steps);
        const struct memory_talk talk = talk_of(key, TURNS);
        assert_ok(memory_local_short.remember(&w->memory, &w->opts, &talk, &events, w));
        for (int i = 0; i < steps; i++)
            loop_step(w->loop, 1);
        if (!w->ends) {
            memory_local_short.close(w->memory);
            for (int i = 0; i < 20; i++)
                loop_step(w->loop, 1);
            assert_int_equal(w->ends, 0);
        } else {
            memory_local_short.close(w->memory);
            w->ends = 0;
        }
    }
}

static void a_store_that_fails_is_an_error(void **state)
{
    struct world *w = *state;
    fake_llm_script("f")->replies[0].text = "first";
    store_fail_nth(w->store, 2); /* the read works, the write does not */
    assert_int_equal(remember(w, "k1", TURNS), ERR_STORE);
    assert_string_equal(recall(w), "");
}

static void without_a_store_nothing_is_kept_and_nothing_breaks(void **state)
{
    static const struct memory_class *const classes[] = { &memory_local_short, &memory_nomem };
    struct world *w = *state;
    w->env.store = NULL;
    for (size_t i = 0; i < COUNT(classes); i++) {
        const struct memory_talk talk = talk_of("k", TURNS);
        assert_ok(classes[i]->remember(&w->memory, &w->opts, &talk, &events, w));
        wait_end(w);
        assert_int_equal(w->why.err, OK);
        classes[i]->close(w->memory);
        assert_ok(classes[i]->recall(&w->memory, &w->opts, "dev", &events, w));
        wait_end(w);
        classes[i]->close(w->memory);
    }
    assert_int_equal(w->recalls, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_device_never_met_has_no_memory), CASE(the_model_writes_the_new_memory_out_of_the_old_one),
        CASE(the_same_conversation_counts_once), CASE(a_model_that_fails_is_an_error_and_changes_nothing),
        CASE(without_a_model_what_people_say_of_themselves_is_kept),
        CASE(a_memory_is_at_most_two_thousand_characters), CASE(closing_while_it_works_is_silent),
        CASE(a_store_that_fails_is_an_error), CASE(without_a_store_nothing_is_kept_and_nothing_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
