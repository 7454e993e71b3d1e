/* SPDX-License-Identifier: MIT
 * test_coding_mode.c -- a build reports to a whole server: which events are good, when an insight is made, from the
 * model or from rules, and who hears of it. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "base/mem.h"
#include "tests/support/fake_providers.h"

#define S 1000ull
#define ANSWER "{\"insights\":[\"The tests run\"],\"risks\":[],\"actions\":[\"Wait\"],\"nextSteps\":[]}"
#define INSIGHT "\"event\":\"insight\",\"phase\""
#define SUMMARY "\"event\":\"summary\",\"phase\""
static const struct world_opts english = { .server = "  language: en-US" };

static void reports(struct client *c, const char *event)
{
    unsigned before = client_count(c, "\"type\":\"coding\",\"status\":\"ok\"");
    client_says(c, "{\"type\":\"coding\",%s}", event);
    client_sync(c);
    assert_int_equal(client_count(c, "\"type\":\"coding\",\"status\":\"ok\""), before + 1);
}

static void logs(struct client *c, const char *level, const char *text)
{
    auto_mem char *event = xprintf("\"event\":\"log\",\"level\":\"%s\",\"text\":\"%s\"", level, text);
    reports(c, event);
}

static void waits(struct client *c, uint64_t ms)
{
    world_advance(c->world, ms);
    client_sync(c);
}

static void each_event_has_its_answer_and_bad_ones_their_code(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "{\"type\":\"coding\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"coding\",\"event\":\"dance\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"coding\",\"event\":7}", "SCHEMA_INVALID" },
        { "{\"type\":\"coding\",\"event\":\"log\"}", "level must be info, warn or error" },
        { "{\"type\":\"coding\",\"event\":\"log\",\"level\":\"loud\",\"text\":\"x\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"coding\",\"event\":\"log\",\"level\":\"info\"}", "missing text" },
        { "{\"type\":\"coding\",\"event\":\"log\",\"level\":\"info\",\"text\":7}", "missing text" },
        { "{\"type\":\"coding\",\"event\":\"step\"}", "missing name" },
        { "{\"type\":\"coding\",\"event\":\"phase\",\"name\":\"\"}", "missing name" },
        { "{\"type\":\"coding\",\"event\":\"step\",\"name\":"
          "\"a name of more than sixty-four bytes is no name that anybody could read\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"coding\",\"event\":\"start\",\"reqId\":\"r1\"}",
          "\"status\":\"ok\",\"reqId\":\"r1\",\"event\":\"start\"" },
        { "{\"type\":\"coding\",\"event\":\"start\"}", "\"status\":\"ok\",\"event\":\"start\"" },
        { "{\"type\":\"coding\",\"event\":\"clear\"}", "{\"type\":\"coding\",\"event\":\"clear\"}" },
        { "{\"type\":\"coding\",\"event\":\"clear\"}", "{\"type\":\"coding\",\"event\":\"clear\"}" },
    };
    struct world w;
    world_start(&w, &english);
    struct client *c = world_talker(&w, "dev1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(c);
        client_say(c, rows[i].text);
        if (!client_gets(c, rows[i].answer))
            fail_msg("%s: no %s in %s", rows[i].text, rows[i].answer, c->log.data ? c->log.data : "");
    }
    assert_int_equal(model_calls(), 0);
    world_end(&w);
}

static void quiet_makes_one_insight_of_many_lines(void **state)
{
    struct world w;
    world_start(&w, &english);
    model_says(ANSWER);
    struct client *c = world_talker(&w, "dev1");
    reports(c, "\"event\":\"start\"");
    for (unsigned i = 0; i < 5; i++) {
        logs(c, "info", "compiling");
        waits(c, 1000); /* never 1.2 s of quiet */
    }
    assert_int_equal(model_calls(), 0);
    waits(c, 1500);
    assert_int_equal(model_calls(), 1);
    assert_true(client_gets(c, INSIGHT));
    auto_json struct json *m = client_json(c, INSIGHT, 0);
    assert_slice_is(json_text(json_at(json_get(m, "insights"), 0)), "The tests run");
    assert_slice_is(json_text(json_at(json_get(m, "actions"), 0)), "Wait");
    assert_slice_is(json_get_text(m, "from"), "dev1");
    assert_int_equal(client_count(c, "compiling"), 0); /* never echoed */
    waits(c, 10 * S);
    assert_int_equal(model_calls(), 1);
    world_end(&w);
}

static void phases_steps_errors_and_cut_lines_are_told_at_once(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = "coding: {per_message_max_len: 64}" });
    model_says(ANSWER);
    struct client *c = world_talker(&w, "dev1");
    reports(c, "\"event\":\"phase\",\"name\":\"test\"");
    assert_int_equal(model_calls(), 1);
    reports(c, "\"event\":\"step\",\"name\":\"unit\"");
    assert_int_equal(model_calls(), 2);
    logs(c, "error", "x.c:3: error");
    assert_int_equal(model_calls(), 3);
    logs(c, "info", "a line that is longer than what one message may keep, so that its end is cut off");
    assert_int_equal(model_calls(), 4);
    logs(c, "warn", "short");
    assert_int_equal(model_calls(), 4);
    auto_json struct json *m = client_json(c, INSIGHT, 0);
    assert_slice_is(json_get_text(m, "phase"), "test");
    world_end(&w);
}

static void one_call_at_a_time_and_further_wishes_are_one(void **state)
{
    struct world w;
    world_start(&w, &english);
    model_says(ANSWER);
    fake_llm_script("")->plan.first_ms = 2000;
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 6; i++)
        logs(c, "error", "one more error");
    assert_int_equal(model_calls(), 1);
    for (unsigned i = 0; i < 10 && client_count(c, INSIGHT) < 2; i++)
        waits(c, 1 * S);
    assert_int_equal(client_count(c, INSIGHT), 2);
    waits(c, 10 * S);
    assert_int_equal(model_calls(), 2);
    world_end(&w);
}

static void without_a_useful_model_the_rules_speak_or_nobody(void **state)
{
    static const struct fake_plan plans[] = { { 0 }, { .error = ERR_UPSTREAM }, { .open_error = ERR_CONNECT } };
    struct world w;
    world_start(&w, &english);
    model_says("I have no idea.");
    struct client *c = world_talker(&w, "dev1");
    for (size_t i = 0; i < COUNT(plans); i++) {
        fake_llm_script("")->plan = plans[i];
        client_forget(c);
        reports(c, "\"event\":\"clear\"");
        logs(c, "info", "all is well"); /* nothing worth a word */
        waits(c, 2 * S);
        assert_int_equal(client_count(c, INSIGHT), 0);
        logs(c, "error", "ld: undefined reference to main");
        waits(c, 1 * S);
        assert_true(client_gets(c, "Linking fails: a symbol is missing"));
    }
    world_end(&w);
}

static void the_end_of_the_work_is_one_summary(void **state)
{
    struct world w;
    world_start(&w, &english);
    model_says(ANSWER);
    struct client *c = world_talker(&w, "dev1");
    reports(c, "\"event\":\"start\"");
    logs(c, "warn", "deprecated");
    reports(c, "\"event\":\"stop\"");
    assert_true(client_gets(c, SUMMARY));
    reports(c, "\"event\":\"stop\""); /* again: nothing new */
    waits(c, 5 * S);
    assert_int_equal(client_count(c, SUMMARY), 1);
    client_say(c, "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"coding\"}");
    logs(c, "warn", "deprecated as well");
    client_say(c, "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"coding\"}"); /* so is the end of the mode */
    client_sync(c);
    assert_int_equal(client_count(c, SUMMARY), 2);
    world_end(&w);
}

static void with_insights_off_only_a_wish_makes_one(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = "coding: {insight_enabled: false}" });
    model_says(ANSWER);
    struct client *c = world_talker(&w, "dev1");
    logs(c, "error", "ld: undefined reference");
    waits(c, 5 * S);
    assert_int_equal(model_calls(), 0);
    reports(c, "\"event\":\"insight\"");
    assert_true(client_gets(c, INSIGHT));
    world_end(&w);
}

static void others_hear_of_it_only_where_the_configuration_says_so(void **state)
{
    static const struct {
        const char *more;
        bool is_heard;
    } rows[] = {
        { "workflow: {groups: {dev1: team, dev2: team}}", false }, /* the default */
        { "workflow: {groups: {dev1: team, dev2: team}}\ncoding: {broadcast: {enabled: true, mode: group}}", true },
        { "workflow: {groups: {dev1: team, dev2: other}}\ncoding: {broadcast: {enabled: true, mode: group}}", false },
        { "coding: {broadcast: {enabled: true, mode: session, allowed_targets: [DEV2]}}", true },
        { "coding: {broadcast: {enabled: true, mode: off, allowed_targets: [dev2]}}", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = rows[i].more });
        model_says(ANSWER);
        struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
        client_say(b, "{\"type\":\"coding\",\"event\":\"start\"}"); /* it knows the type */
        client_sync(b);
        client_forget(b);
        logs(a, "error", "ld: undefined reference");
        assert_true(client_gets(a, INSIGHT));
        client_sync(b);
        if (client_count(b, INSIGHT) != rows[i].is_heard)
            fail_msg("%s", rows[i].more);
        world_end(&w);
    }
}

static void a_client_that_leaves_takes_its_timers_along(void **state)
{
    struct world w;
    world_start(&w, &english);
    fake_llm_script("")->plan.hangs = true;
    struct client *c = world_talker(&w, "dev1"), *d = world_talker(&w, "dev2");
    logs(c, "info", "a line"); /* its timer runs */
    logs(d, "error", "an error"); /* its call runs */
    client_vanish(c);
    client_vanish(d);
    world_settle(&w);
    world_advance(&w, 5 * S);
    assert_int_equal(model_calls(), 1);
    world_end(&w); /* finds streams and timers that are left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_answer_and_bad_ones_their_code),
        cmocka_unit_test(quiet_makes_one_insight_of_many_lines),
        cmocka_unit_test(phases_steps_errors_and_cut_lines_are_told_at_once),
        cmocka_unit_test(one_call_at_a_time_and_further_wishes_are_one),
        cmocka_unit_test(without_a_useful_model_the_rules_speak_or_nobody),
        cmocka_unit_test(the_end_of_the_work_is_one_summary),
        cmocka_unit_test(with_insights_off_only_a_wish_makes_one),
        cmocka_unit_test(others_hear_of_it_only_where_the_configuration_says_so),
        cmocka_unit_test(a_client_that_leaves_takes_its_timers_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
