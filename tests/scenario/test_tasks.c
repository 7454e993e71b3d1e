/* SPDX-License-Identifier: MIT
 * test_tasks.c -- the shared task list and working mode against a whole server: messages, voice, groups,
 * repeats, snapshots. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "store/store.h"
#include "tests/support/fake_providers.h"

#define S 1000ull
#define TEAM "workflow: {groups: {dev1: team, dev2: team, dev3: other}}"
static const struct world_opts team = { .has_auth = true, .server = DEVICE_TOKEN, .more = TEAM };

static void speak(struct client *c, const char *words)
{
    client_says(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"%s\"}", words);
}

static void bad_messages_get_their_code_and_store_nothing(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "{\"type\":\"workflow\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"workflow\",\"event\":\"burn\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"workflow\",\"event\":\"update\"}", "tasks must be array" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":{}}", "tasks must be array" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"title\":\"x\"}]}", "missing id" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"a\",\"priority\":4}]}",
          "priority must be integer 0..3" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"a\",\"priority\":\"1\"}]}",
          "priority must be integer 0..3" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"a\",\"title\":\"  \"}]}", "title must be" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"a\",\"status\":\"maybe\"}]}",
          "status must be open or done" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"good\"},{\"id\":\"a\",\"owner\":1}]}",
          "owner must be" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"a\",\"groupKey\":\"a b\"}]}", "groupKey" },
        { "{\"type\":\"workflow\",\"event\":\"assign\"}", "missing id" },
        { "{\"type\":\"workflow\",\"event\":\"assign\",\"id\":\"none\"}", "NOT_FOUND" },
        { "{\"type\":\"workflow\",\"event\":\"complete\"}", "missing ids" },
        { "{\"type\":\"workflow\",\"event\":\"complete\",\"ids\":[]}", "missing ids" },
        { "{\"type\":\"workflow\",\"event\":\"complete\",\"ids\":[\"none\"]}", "NOT_FOUND" },
        { "{\"type\":\"workflow\",\"event\":\"delete\",\"ids\":[7]}", "SCHEMA_INVALID" },
        { "{\"type\":\"workflow\",\"event\":\"delete\",\"ids\":[\"none\"]}", "NOT_FOUND" },
        { "{\"type\":\"workflow\",\"event\":\"update\",\"groupKey\":\"other\",\"tasks\":[{\"id\":\"a\"}]}",
          "FORBIDDEN_GROUP" },
    };
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(c);
        client_say(c, rows[i].text);
        if (!client_gets(c, rows[i].answer))
            fail_msg("%s: no %s in %s", rows[i].text, rows[i].answer, c->log.data ? c->log.data : "");
        assert_int_equal(client_count(c, "\"status\":\"ok\""), 0);
    }
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task"), 0); /* one message, one transaction */
    world_end(&w);
}

static void an_update_is_stored_then_acknowledged_then_shown(void **state)
{
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    client_say(c, "{\"type\":\"workflow\",\"event\":\"update\",\"reqId\":\"q1\",\"tasks\":[{\"id\":\"t1\","
        "\"title\":\"Buy "
                  "milk\",\"priority\":2,\"color\":\"red\"},{\"id\":\"t2\",\"title\":\"Call Anna\"}]}");
    assert_true(client_gets(c, "\"tasks\":["));
    const char *ok = strstr(c->log.data, "\"status\":\"ok\""), *shown = strstr(c->log.data, "\"tasks\":[");
    assert_true(ok && ok < shown);
    assert_non_null(strstr(client_message(c, "\"status\":\"ok\"", 0), "\"reqId\":\"q1\""));
    auto_json struct json *j = client_json(c, "\"tasks\":[", 0);
    const struct json *t = json_at(json_get(j, "tasks"), 0);
    assert_slice_is(json_get_text(t, "title"), "Buy milk");
    assert_slice_is(json_get_text(t, "status"), "open");
    assert_slice_is(json_get_text(t, "groupKey"), "team");
    assert_slice_is(json_get_text(t, "color"), "red");
    assert_int_equal(json_get_i64(j, "total", -1), 2);
    client_forget(c);
    client_say(c, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[]}"); /* as list */
    assert_true(client_gets(c, "Call Anna"));
    client_forget(c);
    client_say(c, "{\"type\":\"workflow\",\"event\":\"list\"}");
    assert_true(client_gets(c, "Call Anna"));
    assert_int_equal(client_count(c, "reqId"), 0);
    client_say(c, "{\"type\":\"workflow\",\"event\":\"list\",\"reqId\":\"q2\"}"); /* each gets its own */
    client_say(c, "{\"type\":\"workflow\",\"event\":\"list\",\"reqId\":\"q\\\"3\"}");
    assert_true(client_gets(c, "q\\\"3"));
    auto_json struct json *second = client_json(c, "q2", 0), *third = client_json(c, "q\\\"3", 0);
    assert_slice_is(json_get_text(second, "reqId"), "q2");
    assert_slice_is(json_get_text(second, "event"), "update");
    assert_slice_is(json_get_text(third, "reqId"), "q\"3");
    assert_int_equal(json_len(json_get(third, "tasks")), 2);
    client_forget(c);
    for (int i = 0; i < 10; i++) /* all at once: two find no place */
        client_say(c, "{\"type\":\"workflow\",\"event\":\"list\",\"reqId\":\"many\"}");
    client_sync(c);
    assert_int_equal(client_count(c, "\"reqId\":\"many\""), 10);
    assert_true(client_count(c, "\"tasks\":[") >= 8);
    world_end(&w);
}

static void two_devices_edit_different_fields_and_both_survive(void **state)
{
    struct world w;
    world_start(&w, &team);
    struct client *a = world_device(&w, "dev1"), *b = world_device(&w, "dev2"), *other = world_device(&w, "dev3");
    struct client *chat = world_device(&w, "dev4");
    client_say(b, "{\"type\":\"workflow\",\"event\":\"list\"}");
    client_say(other, "{\"type\":\"workflow\",\"event\":\"list\"}");
    client_say(a, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"t1\",\"title\":\"Paint\"}]}");
    assert_true(client_gets(b, "Paint")); /* the group hears of it */
    client_sync(a);
    client_forget(a);
    client_forget(b);
    client_say(a, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"t1\",\"priority\":3}]}");
    client_say(b, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"t1\",\"title\":\"Paint "
        "it red\"}]}");
    client_sync(a);
    client_sync(b);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task WHERE title = 'Paint it red' AND priority = 3"), 1);
    assert_true(client_stays_without(other, "Paint"));
    assert_true(client_stays_without(chat, "workflow")); /* never spoke of tasks */
    world_end(&w);
}

static void what_is_done_already_is_idempotent_and_tells_nobody(void **state)
{
    struct world w;
    world_start(&w, &team);
    struct client *a = world_device(&w, "dev1"), *b = world_device(&w, "dev2");
    client_say(b, "{\"type\":\"workflow\",\"event\":\"list\"}");
    client_say(a, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"t1\",\"title\":\"Paint\"}]}");
    client_say(a, "{\"type\":\"workflow\",\"event\":\"assign\",\"id\":\"t1\"}");
    client_say(a, "{\"type\":\"workflow\",\"event\":\"complete\",\"ids\":[\"t1\"]}");
    client_sync(a);
    client_sync(b);
    assert_int_equal(client_count(a, "idempotent"), 0);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task WHERE owner = 'dev1' AND is_done"), 1);
    client_forget(b);
    client_say(a, "{\"type\":\"workflow\",\"event\":\"assign\",\"id\":\"t1\"}");
    client_say(a, "{\"type\":\"workflow\",\"event\":\"complete\",\"ids\":[\"t1\"]}");
    client_sync(a);
    assert_int_equal(client_count(a, "\"idempotent\":true"), 2);
    assert_true(client_stays_without(b, "workflow"));
    client_say(a, "{\"type\":\"workflow\",\"event\":\"delete\",\"ids\":[\"t1\"]}");
    assert_true(client_gets(b, "\"tasks\":[],\"total\":0"));
    world_end(&w);
}

static void other_groups_open_by_configuration_but_nobody_takes_what_is_theirs(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .has_auth = true, .server = DEVICE_TOKEN,
                                          .more = "workflow: {groups: {dev1: team, dev3: other}, cross_group: acl, "
                                                  "group_acl: {team: [other]}, device_alias: {dev1: Anna}}" });
    struct client *a = world_device(&w, "dev1"), *other = world_device(&w, "dev3");
    client_say(other, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"t1\",\"title\":\"Theirs\"}]}");
    client_say(other, "{\"type\":\"workflow\",\"event\":\"assign\",\"id\":\"t1\"}");
    client_sync(other);
    client_forget(other);
    client_say(a, "{\"type\":\"workflow\",\"event\":\"update\",\"groupKey\":\"other\",\"tasks\":[{\"id\":\"t2\","
                  "\"title\":\"From us\"}]}");
    assert_true(client_gets(other, "From us"));
    client_sync(a);
    client_forget(a);
    client_say(a, "{\"type\":\"workflow\",\"event\":\"assign\",\"id\":\"t1\",\"groupKey\":\"other\"}");
    assert_true(client_gets(a, "FORBIDDEN_GROUP"));
    client_forget(a);
    client_say(a, "{\"type\":\"workflow\",\"event\":\"delete\",\"ids\":[\"t1\"],\"groupKey\":\"other\"}");
    assert_true(client_gets(a, "FORBIDDEN_GROUP"));
    client_forget(a);
    client_say(a, "{\"type\":\"workflow\",\"event\":\"assign\",\"id\":\"t2\",\"groupKey\":\"other\"}");
    assert_true(client_gets(a, "\"status\":\"ok\""));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task WHERE id = 't2' AND owner = 'Anna'"), 1);
    client_forget(other);
    client_say(other, "{\"type\":\"workflow\",\"event\":\"update\",\"groupKey\":\"team\",\"tasks\":[{\"id\":\"x\"}]}");
    assert_true(client_gets(other, "FORBIDDEN_GROUP")); /* the list says who to whom */
    world_end(&w);
}

static void hello_and_working_mode_within_a_second_and_a_half_give_one_snapshot(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = TEAM });
    struct client *c = world_client(&w, "dev1");
    client_say(c, "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"features\":{\"ui\":true},"
                  "\"audio_params\":{}}");
    assert_true(client_gets(c, "\"event\":\"update\",\"tasks\":[]"));
    world_advance(&w, 1 * S);
    client_say(c, WORKING_START);
    assert_true(client_gets(c, "\"mode\":\"working\",\"phase\":\"start\""));
    client_sync(c);
    assert_int_equal(client_count(c, "\"tasks\":["), 1);
    struct client *stock = world_talker(&w, "dev2"); /* no ui: nothing until it asks */
    assert_true(client_stays_without(stock, "workflow"));
    client_say(stock, WORKING_START);
    assert_true(client_gets(stock, "\"tasks\":["));
    const char *listen = strstr(stock->log.data, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
    const char *ok = strstr(stock->log.data, "\"mode\":\"working\"");
    assert_true(listen && ok && listen < ok);
    client_say(stock, WORKING_START); /* again: nothing anew */
    client_sync(stock);
    assert_int_equal(client_count(stock, "\"tasks\":["), 1);
    assert_int_equal(client_count(stock, "\"type\":\"listen\""), 1);
    world_end(&w);
}

static void a_delayed_snapshot_comes_when_the_configuration_says(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "workflow: {snapshot_on_register_delay_ms: 3000}" });
    struct client *c = world_client(&w, "dev1");
    client_say(c, "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"features\":{\"ui\":true},"
                  "\"audio_params\":{}}");
    client_sync(c);
    world_advance(&w, 2900);
    client_sync(c);
    assert_int_equal(client_count(c, "\"tasks\":["), 0);
    world_advance(&w, 200);
    assert_true(client_gets(c, "\"tasks\":["));
    world_end(&w);
}

static void five_hundred_tasks_are_one_message_with_the_true_total(void **state)
{
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    for (unsigned round = 0; round < 5; round++) {
        auto_buf struct buf text = { 0 };
        buf_puts(&text, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[");
        for (unsigned i = 0; i < 100; i++)
            buf_printf(&text, "%s{\"id\":\"t%u-%u\",\"title\":\"Task number %u of round %u\"}", i ? "," : "",
                round, i, i,
                       round);
        buf_puts(&text, "]}");
        client_say(c, text.data);
        client_sync(c);
    }
    client_forget(c);
    client_say(c, "{\"type\":\"workflow\",\"event\":\"list\"}");
    assert_true(client_gets(c, "\"total\":500"));
    client_sync(c);
    assert_int_equal(client_count(c, "\"tasks\":["), 1);
    assert_true(strlen(client_message(c, "\"tasks\":[", 0)) <= 8192);
    auto_json struct json *j = client_json(c, "\"tasks\":[", 0);
    assert_true(json_len(json_get(j, "tasks")) > 20);
    assert_slice_is(json_get_text(json_at(json_get(j, "tasks"), 0), "id"), "t0-0"); /* the first ones */
    world_end(&w);
}

static void a_voice_takes_and_finishes_tasks_by_their_number(void **state)
{
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    speak(c, "switch to working mode");
    assert_true(client_gets(c, "\"intent\":\"mode_switch\",\"target_mode\":\"working\""));
    assert_true(client_gets(c, "\"mode\":\"working\""));
    speak(c, "mark done");
    assert_true(client_gets(c, "NO_TASK"));
    client_say(c, "{\"type\":\"workflow\",\"event\":\"update\",\"tasks\":[{\"id\":\"a\",\"title\":\"A\"},{\"id\":\"b\","
                  "\"title\":\"B\"},{\"id\":\"c\",\"title\":\"C\"}]}");
    client_sync(c);
    client_forget(c);
    speak(c, "claim task two");
    assert_true(client_gets(c, "\"status\":\"ok\",\"event\":\"assign\""));
    const char *command = strstr(c->log.data, "\"event\":\"command\",\"intent\":\"assign\"");
    assert_true(command && command < strstr(c->log.data, "\"event\":\"assign\""));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task WHERE id = 'b' AND owner = 'dev1'"), 1);
    speak(c, "\xe7\xac\xac\xe4\xb8\x89\xe4\xb8\xaa\xe4\xbb\xbb\xe5\x8a\xa1\xe5\x81\x9a\xe5\xae\x8c\xe4\xba\x86");
    assert_true(client_gets(c, "\"status\":\"ok\",\"event\":\"complete\""));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task WHERE id = 'c' AND is_done"), 1);
    client_forget(c);
    speak(c, "mark done task nine");
    assert_true(client_gets(c, "NOT_FOUND"));
    client_forget(c);
    speak(c, "refresh");
    assert_true(client_gets(c, "\"intent\":\"refresh\""));
    assert_true(client_gets(c, "\"tasks\":["));
    client_forget(c);
    speak(c, "leave working mode");
    assert_true(client_gets(c, "\"state\":\"end\",\"mode\":\"working\""));
    world_end(&w);
}

static void what_is_no_command_reaches_the_chat_ten_times_in_a_row(void **state)
{
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    client_say(c, WORKING_START);
    assert_true(client_gets(c, "\"mode\":\"working\""));
    for (unsigned i = 1; i <= 10; i++) {
        client_says(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"tell me about the weather "
            "number %u\"}", i);
        client_sync(c);
        for (unsigned k = 0; k < 100 && fake_llm_script("")->seen.ends < i; k++)
            world_advance(&w, 20);
        world_advance(&w, 500);
        assert_int_equal(model_calls(), i);
    }
    world_end(&w);
}

static void listen_start_leaves_the_mode_as_it_is(void **state)
{
    static const char *const modes[] = { "meeting", "coding", "working" };
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    for (size_t i = 0; i < COUNT(modes); i++) {
        client_forget(c);
        client_says(c, "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"%s\"}", modes[i]);
        client_sync(c);
        client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}");
        client_sync(c);
        client_forget(c);
        client_says(c, "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"%s\"}", modes[i]);
        assert_true(client_gets(c, "\"state\":\"end\""));
        if (i == 0)
            assert_int_equal(client_count(c, "\"phase\":\"finalize\""), 1);
        client_sync(c);
    }
    world_end(&w);
}

static void every_mode_message_has_its_answer(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "{\"type\":\"mode\"}", "invalid state or mode" },
        { "{\"type\":\"mode\",\"state\":\"start\"}", "invalid state or mode" },
        { "{\"type\":\"mode\",\"state\":\"maybe\",\"mode\":\"meeting\"}", "invalid state or mode" },
        { "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"chat\"}", "invalid state or mode" },
        { "{\"type\":\"mode\",\"state\":\"start\",\"mode\":7}", "invalid state or mode" },
        { "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"coding\",\"reqId\":\"r\"}",
          "\"status\":\"ok\",\"reqId\":\"r\",\"state\":\"end\",\"mode\":\"coding\",\"phase\":\"end\"" },
        { "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"coding\"}", "\"mode\":\"coding\",\"phase\":\"start\"" },
        { "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"working\"}", "\"mode\":\"working\",\"phase\":\"start\"" },
        { "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"coding\"}", "\"mode\":\"coding\",\"phase\":\"end\"" },
        { "{\"type\":\"mode\",\"state\":\"end\",\"mode\":\"working\"}", "\"mode\":\"working\",\"phase\":\"end\"" },
    };
    struct world w;
    world_start(&w, &team);
    struct client *c = world_device(&w, "dev1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(c);
        client_say(c, rows[i].text);
        if (!client_gets(c, rows[i].answer))
            fail_msg("%s: no %s in %s", rows[i].text, rows[i].answer, c->log.data ? c->log.data : "");
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_messages_get_their_code_and_store_nothing),
        cmocka_unit_test(an_update_is_stored_then_acknowledged_then_shown),
        cmocka_unit_test(two_devices_edit_different_fields_and_both_survive),
        cmocka_unit_test(what_is_done_already_is_idempotent_and_tells_nobody),
        cmocka_unit_test(other_groups_open_by_configuration_but_nobody_takes_what_is_theirs),
        cmocka_unit_test(hello_and_working_mode_within_a_second_and_a_half_give_one_snapshot),
        cmocka_unit_test(a_delayed_snapshot_comes_when_the_configuration_says),
        cmocka_unit_test(five_hundred_tasks_are_one_message_with_the_true_total),
        cmocka_unit_test(a_voice_takes_and_finishes_tasks_by_their_number),
        cmocka_unit_test(what_is_no_command_reaches_the_chat_ten_times_in_a_row),
        cmocka_unit_test(listen_start_leaves_the_mode_as_it_is),
        cmocka_unit_test(every_mode_message_has_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
