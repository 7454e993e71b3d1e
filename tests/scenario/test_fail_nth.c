/* SPDX-License-Identifier: MIT
 * test_fail_nth.c -- one conversation again and again, each time with another single call failing: the Nth
 * stream of a provider, the Nth op of the store, the Nth allocation that may fail; until N is beyond the
 * conversation's end. Whatever fails: one stop for each start, an outcome for each turn, the next turn works. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/mem.h"
#include "dialogue/dialogue.h"
#include "metrics/metrics.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define N_MAX 120          /* a conversation has fewer of anything; otherwise the test says so */
#define TURN_MS 20000      /* of the hand-moved clock: a turn with every time-out it may run into */
#define FRAME_SAMPLES 960  /* 60 ms */
#define SPEECH_FRAMES 15
#define HELLO_PCM "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"audio_params\":" \
                  "{\"format\":\"pcm\",\"sample_rate\":16000,\"channels\":1,\"frame_duration\":60}}"

static const struct world_opts calm = { .more = "limits: {device_connects_per_min: 100000}\n" };

static int64_t turns_ended(void)
{
    int64_t sum = 0;
#define X(name) sum += metric_label_value(METRIC_turns_total, #name);
    OUTCOME_LIST(X)
#undef X
    return sum;
}

/* --- the conversation --------------------------------------------------------------------------------- */

static unsigned starts(const struct client *c)
{
    return client_count(c, "\"state\":\"start\"");
}

static unsigned stops(const struct client *c)
{
    return client_count(c, "\"state\":\"stop\"");
}

/* Until a turn has ended and all that was started is stopped. */
static bool turn_ends(struct world *w, struct client *c, int64_t before)
{
    for (unsigned ms = 0; ms < TURN_MS; ms += 100) {
        world_advance(w, 100);
        if (turns_ended() > before && starts(c) == stops(c))
            return true;
        if (turns_ended() == before)
            loop_step(w->loop, 1); /* the store's thread */
    }
    return false;
}

static void typed_turn(struct world *w, struct client *c)
{
    int64_t before = turns_ended();
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"how are you today\"}");
    if (!turn_ends(w, c, before))
        fail_msg("a typed turn has no end: starts=%u stops=%u", starts(c), stops(c));
}

static void spoken_turn(struct world *w, struct client *c)
{
    int16_t loud[FRAME_SAMPLES];
    int64_t before = turns_ended();

    for (int i = 0; i < FRAME_SAMPLES; i++)
        loud[i] = i % 40 < 20 ? 9000 : -9000;
    client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
    for (int i = 0; i < SPEECH_FRAMES; i++) {
        client_frame(c, loud, sizeof(loud));
        world_advance(w, 60);
    }
    client_say(c, "{\"type\":\"listen\",\"state\":\"stop\"}");
    if (!turn_ends(w, c, before))
        fail_msg("a spoken turn has no end: starts=%u stops=%u", starts(c), stops(c));
}

/* Each message gets its answer, whether good or bad. */
static void ask(struct world *w, struct client *c, const char *text, const char *answer)
{
    unsigned before = client_count(c, answer);
    client_say(c, text);
    for (unsigned i = 0; i < 200 && client_count(c, answer) == before; i++) {
        world_advance(w, 20);
        loop_step(w->loop, 2);
    }
    if (client_count(c, answer) == before)
        fail_msg("no %s for %s", answer, text);
}

static void converse(struct world *w, struct client *c)
{
    typed_turn(w, c);
    spoken_turn(w, c);
    ask(w, c, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"t1\",\"title\":\"Buy milk\"}]}",
        "\"type\":\"workflow\",\"status\"");
    ask(w, c, "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"meeting\"}", "\"type\":\"mode\",\"status\"");
    ask(w, c, "{\"type\":\"meeting\",\"phase\":\"snippet\",\"items\":[{\"tag\":\"a\",\"text\":\"We ship on Friday\"}]}",
        "\"type\":\"meeting\",\"status\"");
}

/* --- one fault after the other ------------------------------------------------------------------------- */

struct fault {
    const char *name;
    void (*arm)(struct world *w, unsigned nth);
    bool (*was_met)(struct world *w, unsigned nth); /* and disarms */
};

static void script(void)
{
    fakes_reset();
    fake_asr_script("")->texts[0] = "what time is it";
    fake_llm_script("")->replies[0].text = "It is ten. Time for tea.";
}

static void arm_plan(struct fake_plan *plan, const struct fake_counts *seen, unsigned nth)
{
    plan->open_error = nth % 2 ? ERR_IO : OK; /* odd: it cannot be opened; even: it breaks */
    plan->error = ERR_IO;
    plan->bad_stream = seen->opens + (nth + 1) / 2;
}

static bool plan_was_met(struct fake_plan *plan, const struct fake_counts *seen)
{
    bool is_met = seen->opens >= plan->bad_stream;
    *plan = (struct fake_plan){ 0 };
    return is_met;
}

#define PROVIDER(kind)                                                                             \
    static void arm_##kind(struct world *w, unsigned nth)                                          \
    {                                                                                              \
        (void)w;                                                                                   \
        arm_plan(&fake_##kind##_script("")->plan, &fake_##kind##_script("")->seen, nth);           \
    }                                                                                              \
    static bool kind##_was_met(struct world *w, unsigned nth)                                      \
    {                                                                                              \
        (void)w, (void)nth;                                                                        \
        return plan_was_met(&fake_##kind##_script("")->plan, &fake_##kind##_script("")->seen);     \
    }
PROVIDER(asr)
PROVIDER(llm)
PROVIDER(tts)

static void arm_store(struct world *w, unsigned nth)
{
    store_fail_nth(server_store(w->server), nth);
}

static enum err nothing(struct db *db, void *input)
{
    (void)db, (void)input;
    return OK;
}

/* Still armed: one of the next ops meets it. */
static bool store_was_met(struct world *w, unsigned nth)
{
    bool is_met = true;
    for (unsigned i = 0; i < nth && is_met; i++)
        is_met = store_run(server_store(w->server), nothing, NULL) == OK;
    store_fail_nth(server_store(w->server), 0);
    return is_met;
}

static void arm_memory(struct world *w, unsigned nth)
{
    (void)w;
    mem_fail_nth(nth);
}

static bool memory_was_met(struct world *w, unsigned nth)
{
    bool is_met = true;
    (void)w;
    for (unsigned i = 0; i < nth && is_met; i++) {
        void *p = try_alloc(1);
        is_met = p != NULL;
        mem_free(p);
    }
    mem_fail_nth(0);
    return is_met;
}

static const struct fault faults[] = {
    { "asr", arm_asr, asr_was_met },         { "llm", arm_llm, llm_was_met }, { "tts", arm_tts, tts_was_met },
    { "store", arm_store, store_was_met },   { "memory", arm_memory, memory_was_met },
};

/* False: the conversation was over before the Nth came. */
static bool survives(struct world *w, const struct fault *f, unsigned nth)
{
    char name[32];

    snprintf(name, sizeof(name), "%s%u", f->name, nth);
    struct client *c = world_client(w, name);
    client_say(c, HELLO_PCM);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    world_advance(w, 500);
    f->arm(w, nth);
    converse(w, c);
    bool is_met = f->was_met(w, nth);
    client_vanish(c);
    world_settle(w);
    snprintf(name, sizeof(name), "after%s%u", f->name, nth);
    c = world_client(w, name);
    client_say(c, HELLO_PCM);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    typed_turn(w, c);
    assert_int_equal(starts(c), 1);
    assert_int_equal(client_count(c, "sentence_start\",\"text\":\"It is ten"), 1);
    assert_true(c->frames > 0);
    client_vanish(c);
    world_settle(w);
    world_forget(w);
    return is_met;
}

static void whatever_fails_the_conversation_goes_on(void **state)
{
    struct world w;
    world_start(&w, &calm);
    script();
    for (size_t i = 0; i < COUNT(faults); i++) {
        unsigned nth = 1;
        while (nth < N_MAX && survives(&w, &faults[i], nth))
            nth++;
        print_message("%s: %u faults met\n", faults[i].name, nth - 1);
        assert_true(nth > 1 || strcmp(faults[i].name, "memory") == 0);
        assert_true(nth < N_MAX);
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_the_conversation_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
