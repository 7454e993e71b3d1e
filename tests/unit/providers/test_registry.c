/* SPDX-License-Identifier: MIT
 * test_registry.c -- which configured thing serves a request: purposes, shared objects, reload, breaker.
 * TSAN: two threads ask at once. */
#include "tests/support/test.h"

#include <pthread.h>

#include "base/mem.h"
#include "loop/loop.h"
#include "providers/registry.h"
#include "providers/registry_pick.h"
#include "providers/resolve.h"
#include "tests/support/fake_providers.h"

struct world {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct use_opts use;
    char lines[8192]; /* WARN lines of the provider topic */
};

static void tap(void *user, struct slice line)
{
    struct world *w = user;
    size_t have = strlen(w->lines);
    if (slice_contains(line, SLICE("WARN")) && slice_contains(line, SLICE(" provider ")))
        snprintf(w->lines + have, sizeof(w->lines) - have, SLICE_FMT "\n", SLICE_ARG(line));
}

static unsigned warnings(const struct world *w, const char *needle)
{
    unsigned n = 0;
    for (const char *at = w->lines; (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

static void configure(struct world *w, const char *yaml)
{
    struct err_note note = { 0 };
    config_unref(w->config);
    w->config = NULL;
    if (config_parse(&w->config, slice_of(yaml), "test", &note))
        fail_msg("%s", note.text);
    w->use.config = w->config;
}

static enum err check_key(const struct provider_opts *o, struct err_note *note)
{
    if (!opts_bool(o, "broken", false))
        return OK;
    snprintf(note->text, sizeof(note->text), "told to be");
    return note->err = ERR_INVALID;
}

static struct llm_class checked_llm;

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    fakes_reset();
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(registry_create(&w->registry));
    checked_llm = fake_llm;
    checked_llm.check = check_key;
    registry_add_llm(w->registry, &checked_llm);
    registry_add_asr(w->registry, &fake_asr);
    registry_add_tts(w->registry, &fake_tts);
    w->env.loop = w->loop;
    w->use = (struct use_opts){ .env = &w->env, .language = "en-US" };
    log_tap(tap, w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    log_tap(NULL, NULL);
    config_unref(w->config);
    registry_free(w->registry);
    loop_step(w->loop, 0);
    loop_free(w->loop);
    assert_int_equal(fakes_live(), 0);
    fakes_reset();
    mem_free(w);
    return 0;
}

#define ENTRIES                                                                                     \
    "LLM:\n"                                                                                        \
    "  a: {type: fake, model_name: one, temperature: 0.5}\n"                                        \
    "  b: {type: fake, model_name: two}\n"                                                          \
    "  c: {type: fake, model_name: three}\n"                                                        \
    "  alien: {type: dify}\n"                                                                       \
    "  bad: {type: fake, broken: true}\n"                                                           \
    "selected_module: {LLM: c}\n"

/* What serves a purpose: "alias model temperature", chain members joined by " > ". */
static void served(struct world *w, const char *purpose, char out[128])
{
    struct chain_plan plan;
    out[0] = 0;
    assert_ok(registry_plan(w->registry, KIND_LLM, &w->use, purpose, &plan));
    for (unsigned i = 0; i < plan.count; i++) {
        struct provider_opts o = { .settings = plan.objects[i]->settings, .overrides = plan.objects[i]->overrides };
        size_t have = strlen(out);
        snprintf(out + have, 128 - have, "%s%s/%s/%g", i ? " > " : "", plan.objects[i]->alias,
                 opts_str(&o, "model_name", "-"), opts_num(&o, "temperature", 0, 0, 2));
    }
    plan_done(&plan);
}

static void each_purpose_gets_what_the_file_says(void **state)
{
    static const struct {
        const char *by_mode, *purpose, *expected;
        const char *warning; /* NULL: none */
    } rows[] = {
        { "", "chat", "c/three/0", NULL },
        { "llm_by_mode: {chat: a}\n", "chat", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: a}\n", "CHAT", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: a}\n", "", "a/one/0.5", NULL },
        { "llm_by_mode: {gardening: b}\n", "Gardening", "b/two/0", NULL },
        { "llm_by_mode: {chat: {alias: a}}\n", "chat", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: {name: a}}\n", "chat", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: {module: a}}\n", "chat", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: {llm: a}}\n", "chat", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: {alias: a, name: b}}\n", "chat", "a/one/0.5", NULL },
        { "llm_by_mode: {chat: {alias: a, overrides: {model_name: x}}}\n", "chat", "a/x/0.5", NULL },
        { "llm_by_mode: {chat: {alias: a, temperature: 1}}\n", "chat", "a/one/1", NULL },
        { "llm_by_mode: {chat: {alias: a, overrides: 5}}\n", "chat", "a/one/0.5", "no map" },
        { "llm_by_mode: {chat: {temperature: 1}, default: b}\n", "chat", "b/two/0", "names no alias" },
        { "llm_by_mode: {coding: a, default: b}\n", "chat", "b/two/0", "missing" },
        { "llm_by_mode: {chat: null, default: b}\n", "chat", "b/two/0", "missing" },
        { "llm_by_mode: {coding: a}\n", "chat", "c/three/0", "missing" },
        { "llm_by_mode: {chat: 5}\n", "chat", "c/three/0", "number" },
        { "llm_by_mode: {chat: [a, b]}\n", "chat", "c/three/0", "list" },
        { "llm_by_mode: {chat: nobody, default: b}\n", "chat", "b/two/0", "unknown alias" },
        { "llm_by_mode: {chat: nobody}\n", "chat", "c/three/0", "unknown alias" },
        { "llm_by_mode: {chat: alien}\n", "chat", "c/three/0", "type=dify" },
        { "llm_by_mode: {chat: bad, default: a}\n", "chat", "a/one/0.5", "told to be" },
        { "llm_by_mode: 7\n", "chat", "c/three/0", NULL },
        { "fallback: {LLM: [a, b]}\n", "chat", "c/three/0 > a/one/0.5 > b/two/0", NULL },
        { "fallback: {LLM: [c, nobody, a]}\n", "chat", "c/three/0 > a/one/0.5", "unknown alias" },
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_mem char *yaml = xprintf("%s%s", ENTRIES, rows[i].by_mode);
        char got[128];
        configure(w, yaml);
        w->lines[0] = 0;
        registry_free(w->registry); /* its warnings are per generation, and all of these are the first */
        assert_ok(registry_create(&w->registry));
        registry_add_llm(w->registry, &checked_llm);
        for (int again = 0; again < 3; again++)
            served(w, rows[i].purpose, got);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("row %zu (%s): %s", i, rows[i].by_mode, got);
        if (rows[i].warning && warnings(w, rows[i].warning) != 1)
            fail_msg("row %zu: wanted one \"%s\" in: %s", i, rows[i].warning, w->lines);
        if (!rows[i].warning && w->lines[0] && strcmp(rows[i].by_mode, "llm_by_mode: 7\n") != 0)
            fail_msg("row %zu: %s", i, w->lines);
    }
}

static void equal_configurations_share_one_object(void **state)
{
    struct world *w = *state;
    char got[128];
    configure(w, ENTRIES "llm_by_mode:\n"
                         "  chat: {alias: a, overrides: {temperature: 1}}\n"
                         "  coding: {name: a, temperature: 1}\n"
                         "  working: a\n"
                         "  default: a\n");
    unsigned before = registry_built(w->registry);
    served(w, "chat", got);
    assert_int_equal(registry_built(w->registry) - before, 1);
    served(w, "chat", got);
    served(w, "coding", got);
    assert_int_equal(registry_built(w->registry) - before, 1);
    served(w, "working", got);
    assert_int_equal(registry_built(w->registry) - before, 2);
}

static void after_a_reload_the_next_turn_uses_the_new_object(void **state)
{
    struct world *w = *state;
    char got[128];
    struct chain_plan running;
    configure(w, ENTRIES "llm_by_mode: {chat: a}\n");
    assert_ok(registry_plan(w->registry, KIND_LLM, &w->use, "chat", &running));
    configure(w, "LLM: {a: {type: fake, model_name: changed}}\nllm_by_mode: {chat: a}\n");
    served(w, "chat", got);
    assert_string_equal(got, "a/changed/0");
    struct provider_opts o = { .settings = running.objects[0]->settings };
    assert_string_equal(opts_str(&o, "model_name", ""), "one"); /* the running one ends on the old */
    plan_done(&running);
}

static void a_failed_construction_is_remembered_for_thirty_seconds(void **state)
{
    struct world *w = *state;
    char got[128];
    configure(w, ENTRIES "llm_by_mode: {chat: bad, default: a}\n");
    unsigned before = registry_built(w->registry);
    served(w, "chat", got);
    served(w, "chat", got);
    unsigned once = registry_built(w->registry) - before;
    loop_advance(w->loop, BROKEN_MS - 1);
    served(w, "chat", got);
    assert_int_equal(registry_built(w->registry) - before, once);
    loop_advance(w->loop, 1);
    served(w, "chat", got);
    assert_int_equal(registry_built(w->registry) - before, once + 1);
    assert_string_equal(got, "a/one/0.5");
}

static void an_unsupported_type_gives_the_embedded_default(void **state)
{
    struct world *w = *state;
    char got[128];
    configure(w, "LLM: {x: {type: gemini}}\nASR: {y: {type: fun_local}}\nTTS: {z: {type: edge}}\n"
                 "selected_module: {LLM: x, ASR: y, TTS: z}\n");
    served(w, "chat", got);
    assert_true(strncmp(got, "Rules", 5) == 0 || strncmp(got, "rules", 5) == 0);
    auto_buf struct buf text = { 0 };
    registry_describe(w->registry, &w->use, &text);
    assert_non_null(strstr(text.data, "pocketsphinx"));
    assert_non_null(strstr(text.data, "flite"));
}

static void three_failures_pause_and_one_probe_follows(void **state)
{
    struct world *w = *state;
    struct chain_plan p;
    configure(w, ENTRIES);
    assert_ok(registry_plan(w->registry, KIND_LLM, &w->use, "chat", &p));
    struct provider_object *o = p.objects[0];
    for (unsigned i = 0; i < BREAKER_FAILURES; i++) {
        assert_true(object_try(w->registry, o, 1000));
        object_report(w->registry, o, i == 0 ? ERR_TIMEOUT : ERR_UPSTREAM, 1000);
    }
    assert_false(object_try(w->registry, o, 1000));
    assert_false(object_try(w->registry, o, 1000 + BREAKER_PAUSE_MS - 1));
    assert_true(object_try(w->registry, o, 1000 + BREAKER_PAUSE_MS)); /* the probe */
    assert_false(object_try(w->registry, o, 1000 + BREAKER_PAUSE_MS));
    object_report(w->registry, o, ERR_CONNECT, 40000);
    assert_false(object_try(w->registry, o, 40000 + BREAKER_PAUSE_MS - 1));
    assert_true(object_try(w->registry, o, 40000 + BREAKER_PAUSE_MS));
    object_report(w->registry, o, ERR_CANCELLED, 80000); /* the asker went away: the next may probe */
    assert_true(object_try(w->registry, o, 80000));
    object_report(w->registry, o, OK, 80000);
    assert_true(object_try(w->registry, o, 80000));
    assert_true(object_try(w->registry, o, 80000));
    plan_done(&p);
}

static void what_the_request_did_wrong_does_not_pause(void **state)
{
    static const enum err innocent[] = { ERR_CANCELLED, ERR_INVALID, ERR_UNSUPPORTED, ERR_BUSY, ERR_STATE };
    struct world *w = *state;
    struct chain_plan p;
    configure(w, ENTRIES);
    assert_ok(registry_plan(w->registry, KIND_LLM, &w->use, "chat", &p));
    for (size_t i = 0; i < 10 * COUNT(innocent); i++) {
        assert_true(object_try(w->registry, p.objects[0], 1000));
        object_report(w->registry, p.objects[0], innocent[i % COUNT(innocent)], 1000);
    }
    plan_done(&p);
}

struct asker {
    pthread_t thread;
    struct world *w;
    struct provider_object *got;
};

static void *ask(void *arg)
{
    struct asker *a = arg;
    struct chain_plan p;
    for (int i = 0; i < 200; i++) {
        if (registry_plan(a->w->registry, KIND_LLM, &a->w->use, i % 2 ? "chat" : "coding", &p))
            return NULL;
        a->got = p.objects[0];
        plan_done(&p);
    }
    return NULL;
}

static void threads_that_ask_at_once_build_one(void **state)
{
    struct world *w = *state;
    struct asker askers[4];
    configure(w, ENTRIES "llm_by_mode: {chat: a, coding: a}\n");
    unsigned before = registry_built(w->registry);
    for (size_t i = 0; i < COUNT(askers); i++) {
        askers[i] = (struct asker){ .w = w };
        pthread_create(&askers[i].thread, NULL, ask, &askers[i]);
    }
    for (size_t i = 0; i < COUNT(askers); i++)
        pthread_join(askers[i].thread, NULL);
    assert_int_equal(registry_built(w->registry) - before, 1);
    for (size_t i = 0; i < COUNT(askers); i++)
        assert_ptr_equal(askers[i].got, askers[0].got);
}

static void distance_counts_edits(void **state)
{
    assert_int_equal(pick_distance("openai", "openai"), 0);
    assert_int_equal(pick_distance("openai", "opena"), 1);
    assert_int_equal(pick_distance("kitten", "sitting"), 3);
    assert_int_equal(pick_distance("", "abc"), 3);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(each_purpose_gets_what_the_file_says), CASE(equal_configurations_share_one_object),
        CASE(after_a_reload_the_next_turn_uses_the_new_object),
        CASE(a_failed_construction_is_remembered_for_thirty_seconds),
        CASE(an_unsupported_type_gives_the_embedded_default), CASE(three_failures_pause_and_one_probe_follows),
        CASE(what_the_request_did_wrong_does_not_pause), CASE(threads_that_ask_at_once_build_one),
        cmocka_unit_test(distance_counts_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
