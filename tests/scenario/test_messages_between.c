/* SPDX-License-Identifier: MIT
 * test_messages_between.c -- messages from device to device against a whole server: permission, rates, the
 * model's part, delivery shown and spoken, the queue of who is away, tasks out of messages. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "base/mem.h"
#include "tests/support/fake_providers.h"

#define S 1000ull
#define PEER_HELLO "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"features\":{\"peer\":true}," \
                   "\"audio_params\":{}}"
#define ALLOWED "peer: {rules: {dev1: [dev2, dev3]}}\nworkflow: {groups: {dev1: team, dev2: team}}"
static const struct world_opts allowed = { .server = "  language: en-US", .more = ALLOWED };
#define NORMALIZED "{\"title\":\"Lunch\",\"text\":\"Lunch is at noon.\",\"priority\":2,\"assignees\":[\"Ben\"]}"

static struct client *shows(struct world *w, const char *device)
{
    struct client *c = world_client(w, device);
    client_say(c, PEER_HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    client_sync(c);
    return c;
}

static void send_to(struct client *c, const char *to, const char *text, const char *category)
{
    client_says(c, "{\"type\":\"peer\",\"to\":[%s],\"payload\":{\"text\":\"%s\"},\"category\":\"%s\"}", to,
        text, category);
}

static void the_shape_is_judged_before_the_permission_and_both_before_the_model(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "{\"type\":\"peer\"}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":\"dev2\",\"payload\":{\"text\":\"x\"}}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[],\"payload\":{\"text\":\"x\"}}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[7],\"payload\":{\"text\":\"x\"}}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[\"../x\"],\"payload\":{\"text\":\"x\"}}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[\"dev2\"]}", "invalid to/payload" },
        { "{\"type\":\"peer\",\"to\":[\"dev2\"],\"payload\":\"x\"}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[\"dev2\"],\"payload\":{\"text\":\"  \"}}", "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\"],"
          "\"payload\":{\"text\":\"x\"}}",
          "INVALID_REQUEST" },
        { "{\"type\":\"peer\",\"to\":[\"dev2\"],\"payload\":{\"text\":\"x\"},\"reqId\":\"r1\"}",
          "\"status\":\"error\",\"reqId\":\"r1\",\"code\":\"UNAUTHORIZED\"" },
        { "{\"type\":\"peer\",\"to\":[\"broadcast\"],\"payload\":{\"text\":\"x\"}}", "UNAUTHORIZED" },
        { "{\"type\":\"peer\",\"to\":[\"nobody\"],\"payload\":{\"text\":\"x\"}}", "UNAUTHORIZED" },
    };
    struct world w;
    auto_buf struct buf long_text = { 0 };
    world_start(&w, NULL); /* default: nobody may */
    struct client *c = world_talker(&w, "dev1"), *b = shows(&w, "dev2");
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(c);
        client_say(c, rows[i].text);
        if (!client_gets(c, rows[i].answer))
            fail_msg("%s: no %s in %s", rows[i].text, rows[i].answer, c->log.data ? c->log.data : "");
    }
    client_forget(c);
    while (long_text.len < 2001)
        buf_puts(&long_text, "x");
    send_to(c, "\"dev2\"", long_text.data, "message");
    assert_true(client_gets(c, "INVALID_REQUEST"));
    assert_int_equal(model_calls(), 0);
    assert_true(client_stays_without(b, "\"type\":\"peer\""));
    world_end(&w);
}

static void a_message_arrives_in_order_with_its_original_and_a_receipt(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    model_says(NORMALIZED);
    struct client *a = world_talker(&w, "dev1"), *b = shows(&w, "dev2");
    client_says(a, "{\"type\":\"peer\",\"to\":[\"DEV2\",\"dev2\",\"dev9\"],\"payload\":{\"text\":\"lunch noon ok\"},"
                   "\"category\":\" Notice \",\"reqId\":\"q\"}");
    assert_true(client_gets(b, "\"type\":\"peer\""));
    auto_json struct json *m = client_json(b, "\"type\":\"peer\"", 0);
    assert_slice_is(json_get_text(m, "from"), "dev1");
    assert_slice_is(json_get_text(m, "category"), "notice");
    assert_slice_is(json_get_text(m, "text"), "lunch noon ok");
    assert_slice_is(json_get_text(json_get(m, "normalized"), "title"), "Lunch");
    assert_int_equal(json_get_i64(json_get(m, "normalized"), "priority", -1), 2);
    assert_null(json_get(m, "degraded"));
    assert_true(client_gets(a, "\"status\":\"done\""));
    auto_json struct json *r = client_json(a, "\"status\":\"done\"", 0);
    assert_slice_is(json_get_text(r, "reqId"), "q");
    assert_slice_is(json_get_text(r, "id"), json_get_text(m, "id").data);
    assert_int_equal(json_len(json_get(r, "delivered")), 1);
    assert_slice_is(json_text(json_at(json_get(r, "denied"), 0)), "dev9");
    assert_int_equal(json_get_i64(r, "targetsCount", -1), 2);
    assert_int_equal(json_get_i64(json_get(r, "summary"), "delivered", -1), 1);
    assert_int_equal(client_count(a, "TARGET_OFFLINE"), 0);
    world_end(&w);
}

static void a_bad_answer_of_the_model_loses_no_message(void **state)
{
    static const struct {
        const char *reply;
        struct fake_plan plan;
    } rows[] = {
        { "Of course! I have sent it.", { 0 } }, { "{\"title\":\"x\"", { 0 } }, { "{\"text\":7}", { 0 } },
        { "", { 0 } }, { NORMALIZED, { .error = ERR_UPSTREAM } }, { NORMALIZED, { .open_error = ERR_CONNECT } },
        { NORMALIZED, { .hangs = true } },
    };
    struct world w;
    world_start(&w, &allowed);
    struct client *a = world_talker(&w, "dev1"), *b = shows(&w, "dev2");
    for (size_t i = 0; i < COUNT(rows); i++) {
        model_says(rows[i].reply);
        fake_llm_script("")->plan = rows[i].plan;
        client_forget(b);
        send_to(a, "\"dev2\"", "bring the keys", "message");
        client_sync(a);
        for (unsigned s = 0; s < 11 && !client_count(b, "bring the keys"); s++) {
            world_advance(&w, 1 * S);
            client_sync(b);
        }
        auto_json struct json *m = client_json(b, "bring the keys", 0);
        assert_true(json_get_bool(m, "degraded", false));
        assert_slice_is(json_get_text(json_get(m, "normalized"), "text"), "bring the keys");
        world_advance(&w, 1 * S);
    }
    world_end(&w);
}

static void the_sixth_message_of_a_second_waits_and_costs_no_model(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    struct client *a = world_talker(&w, "dev1"), *b = shows(&w, "dev2");
    for (unsigned i = 0; i < 6; i++)
        send_to(a, "\"dev2\"", "hello", "message");
    assert_true(client_gets(a, "RATE_LIMITED"));
    auto_json struct json *m = client_json(a, "RATE_LIMITED", 0);
    int64_t wait_ms = json_get_i64(m, "retryAfterMs", -1);
    assert_true(wait_ms > 0 && wait_ms <= 1000);
    client_sync(b);
    assert_int_equal(model_calls(), 5);
    world_advance(&w, (uint64_t)wait_ms);
    client_forget(a);
    send_to(a, "\"dev2\"", "hello", "message");
    assert_true(client_gets(a, "\"status\":\"done\""));
    a = world_talker(&w, "dev1"); /* a new connection is no new allowance */
    send_to(a, "\"dev2\"", "hello", "message");
    assert_true(client_gets(a, "RATE_LIMITED"));
    world_end(&w);
}

static void a_broadcast_reaches_everybody_else_six_times_a_minute(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "peer: {allow_broadcast: true}" });
    struct client *a = shows(&w, "dev1"), *b = shows(&w, "dev2"), *c = shows(&w, "dev3");
    send_to(a, "\"broadcast\"", "fire drill", "notice");
    assert_true(client_gets(b, "fire drill"));
    assert_true(client_gets(c, "fire drill"));
    assert_true(client_gets(a, "\"targetsCount\":2"));
    for (unsigned i = 0; i < 6; i++) {
        world_advance(&w, 1 * S);
        send_to(a, "\"broadcast\"", "again", "notice");
    }
    assert_true(client_gets(a, "RATE_LIMITED"));
    client_sync(a);
    assert_int_equal(client_count(a, "\"text\":\"fire drill\""), 0);
    assert_int_equal(client_count(a, "\"status\":\"done\""), 6);
    world_end(&w);
}

/* A device is known when it has asked for its addresses once. */
static void make_known(struct world *w, const char *device)
{
    auto_buf struct buf out = { 0 };
    auto_mem char *headers = xprintf("Device-Id: %s\r\nClient-Id: c-%s\r\n", device, device);
    assert_int_equal(world_http(w, server_port(w->server), "POST /xiaozhi/ota/", headers,
        "{\"application\":{\"version\":\"2.4.0\"},\"board\":{\"type\":\"b\"}}", &out), 200);
}

static const struct world_opts waiting = { .has_auth = true, .server = DEVICE_TOKEN,
                                           .more = ALLOWED "\ncompat: {badge_devices: [dev1, dev2]}" };

static void what_could_not_be_delivered_waits_also_over_a_restart(void **state)
{
    struct world w;
    world_start(&w, &waiting);
    make_known(&w, "dev2");
    struct client *a = world_device(&w, "dev1");
    send_to(a, "\"dev2\"", "first", "message");
    assert_true(client_gets(a, "TARGET_OFFLINE"));
    auto_json struct json *r = client_json(a, "\"status\":\"done\"", 0);
    assert_slice_is(json_text(json_at(json_get(r, "enqueued"), 0)), "dev2");
    send_to(a, "\"dev2\"", "second", "message");
    client_sync(a);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 2);
    world_restart(&w, &waiting);
    a = world_device(&w, "dev1");
    struct client *b = world_device(&w, "dev2");
    assert_true(client_gets(b, "\"text\":\"second\""));
    assert_true(strstr(b->log.data, "\"text\":\"first\"") < strstr(b->log.data, "\"text\":\"second\""));
    assert_true(client_gets(a, "\"event\":\"redelivered\",\"to\":\"dev2\",\"count\":2"));
    client_sync(b);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 0);
    client_vanish(b);
    world_settle(&w);
    b = world_device(&w, "dev2");
    assert_true(client_stays_without(b, "\"type\":\"peer\"")); /* once */
    world_end(&w);
}

static void a_sender_that_leaves_loses_no_message(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    fake_llm_script("")->plan.hangs = true;
    struct client *a = world_talker(&w, "dev1"), *b = shows(&w, "dev2");
    send_to(a, "\"dev2\"", "last words", "message");
    client_sync(a);
    assert_int_equal(client_count(b, "last words"), 0);
    client_vanish(a);
    assert_true(client_gets(b, "last words"));
    world_end(&w);
}

/* It begins to say something; the clock moves. */
static void says(struct client *c, const char *words)
{
    for (unsigned i = 0; i < 100 && !client_count(c, words); i++) {
        world_advance(c->world, 20);
        client_sync(c);
    }
    assert_true(client_count(c, words) > 0);
}

/* It plays what is being said to its end. */
static void hears(struct client *c)
{
    unsigned before = client_count(c, "\"state\":\"stop\"");
    for (unsigned i = 0; i < 200 && client_count(c, "\"state\":\"stop\"") == before; i++)
        world_advance(c->world, 50);
    assert_true(client_count(c, "\"state\":\"stop\"") > before);
    client_sync(c);
}

static void a_stock_device_speaks_what_it_is_told(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    send_to(a, "\"dev2\"", "dinner is ready", "message");
    assert_true(client_gets(a, "\"enqueued\":[\"dev2\"]"));
    assert_int_equal(client_count(a, "TARGET_OFFLINE"), 0);
    says(b, "dinner is ready");
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 1); /* not heard yet */
    assert_int_equal(client_count(a, "redelivered"), 0);
    hears(b);
    assert_true(b->frames > 0);
    assert_int_equal(client_count(b, "\"type\":\"peer\""), 0);
    assert_true(client_gets(a, "\"event\":\"redelivered\",\"to\":\"dev2\",\"count\":1"));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 0);
    world_end(&w);
}

static void several_spoken_messages_come_one_after_the_other(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    send_to(a, "\"dev2\"", "number one", "message");
    send_to(a, "\"dev2\"", "number two", "message");
    for (unsigned i = 0; i < 200 && client_count(b, "\"state\":\"stop\"") < 2; i++) {
        world_advance(&w, 50);
        client_sync(b);
    }
    assert_true(client_gets(b, "number two"));
    assert_true(strstr(b->log.data, "number one") < strstr(b->log.data, "number two"));
    client_sync(a);
    assert_int_equal(client_count(a, "redelivered"), 2);
    world_end(&w);
}

/* The server ends in the middle of the sentence: after the next start the device hears it whole. */
static void a_message_that_was_not_heard_to_its_end_is_spoken_again(void **state)
{
    struct world w;
    world_start(&w, &waiting);
    make_known(&w, "dev3");
    stored_sql(&w, "INSERT INTO peer_message (id, target, origin, payload, created_ms, expires_ms) VALUES ('m1', 'dev3',"
                   " 'dev1', '{\"from\":\"dev1\",\"text\":\"dinner is ready\"}', 1, 9000000000000)");
    struct client *b = world_device(&w, "dev3");
    says(b, "dinner is ready");
    world_restart(&w, &waiting);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 1);
    b = world_device(&w, "dev3");
    says(b, "dinner is ready");
    hears(b);
    client_sync(b);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 0);
    world_end(&w);
}

static void a_voice_that_fails_leaves_the_message_in_the_queue(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    fake_tts_script("")->plan.error = ERR_UPSTREAM;
    send_to(a, "\"dev2\"", "dinner is ready", "message");
    assert_true(client_gets(a, "\"enqueued\":[\"dev2\"]"));
    for (unsigned i = 0; i < 100 && !client_count(b, "\"state\":\"stop\""); i++)
        world_advance(&w, 100);
    client_sync(b);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 1);
    fake_tts_script("")->plan.error = OK;
    client_forget(b);
    world_advance(&w, 61 * S);
    client_sync(b);
    says(b, "dinner is ready");
    hears(b);
    assert_true(client_gets(a, "redelivered"));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 0);
    world_end(&w);
}

static const uint8_t spoken_packet[] = { 0xf8, 0xff, 0xfe };

/* One utterance, from microphone to text. */
static void speaks(struct client *c, const char *words)
{
    fake_asr_script("")->texts[0] = words;
    fake_asr_script("")->texts[1] = NULL;
    client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
    client_sync(c);
    for (unsigned i = 0; i < 20; i++) {
        client_frame(c, spoken_packet, sizeof(spoken_packet));
        world_advance(c->world, 60);
    }
    client_say(c, "{\"type\":\"listen\",\"state\":\"stop\"}");
    client_sync(c);
}

static void two_devices_exchange_messages_by_voice(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  language: en-US",
                                          .more = "peer: {rules: {dev1: [dev2], dev2: [dev1]}}\n"
                                                  "workflow: {device_alias: {dev1: Anna, DEV2: Ben, dev3: Carl}}" });
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2"), *c = world_talker(&w, "dev3");
    speaks(a, "Tell Ben that dinner is ready.");
    says(a, "I will tell Ben");
    says(b, "Message from Anna:");
    says(b, "dinner is ready");
    hears(a);
    hears(b);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 0);
    speaks(b, "Tell Anna I am coming");
    says(b, "I will tell Anna");
    says(a, "Message from Ben:");
    says(a, "I am coming");
    hears(a);
    speaks(c, "Tell Anna this is Carl"); /* nobody has allowed him to */
    says(c, "I may not send messages to Anna");
    hears(c);
    world_advance(&w, 2 * S);
    assert_int_equal(client_count(a, "Carl"), 0);
    assert_int_equal(client_count(a, "\"type\":\"peer\"") + client_count(b, "\"type\":\"peer\""), 0); /* stock */
    world_end(&w);
}

static void into_a_silent_meeting_nothing_is_spoken_until_it_is_over(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, &allowed);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    meeting_begins(b, id);
    world_advance(&w, 2 * S);
    send_to(a, "\"dev2\"", "dinner is ready", "message");
    assert_true(client_gets(a, "\"enqueued\":[\"dev2\"]"));
    assert_int_equal(client_count(a, "TARGET_OFFLINE"), 0); /* it is there, only busy */
    world_advance(&w, 2 * S);
    assert_true(client_stays_without(b, "dinner"));
    client_say(b, MEETING_END);
    client_sync(b);
    for (unsigned i = 0; i < 100 && !client_count(b, "dinner is ready"); i++) {
        world_advance(&w, 50);
        loop_step(w.loop, 1);
    }
    assert_true(client_count(b, "dinner is ready") > 0);
    hears(b);
    client_sync(b);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM peer_message"), 0);
    world_end(&w);
}

static void a_message_of_category_task_becomes_a_task_of_the_target(void **state)
{
    struct world w;
    world_start(&w, &allowed);
    model_says(NORMALIZED);
    struct client *a = world_talker(&w, "dev1"), *b = shows(&w, "dev2");
    client_say(b, "{\"type\":\"workflow\",\"event\":\"list\"}");
    client_sync(b);
    send_to(a, "\"dev2\"", "lunch", "task");
    assert_true(client_gets(b, "\"title\":\"Lunch\",\"priority\":2,\"status\":\"open\",\"owner\":\"dev2\""));
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM task WHERE group_key = 'team' AND title = 'Lunch'"), 1);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shape_is_judged_before_the_permission_and_both_before_the_model),
        cmocka_unit_test(a_message_arrives_in_order_with_its_original_and_a_receipt),
        cmocka_unit_test(a_bad_answer_of_the_model_loses_no_message),
        cmocka_unit_test(the_sixth_message_of_a_second_waits_and_costs_no_model),
        cmocka_unit_test(a_broadcast_reaches_everybody_else_six_times_a_minute),
        cmocka_unit_test(what_could_not_be_delivered_waits_also_over_a_restart),
        cmocka_unit_test(a_sender_that_leaves_loses_no_message),
        cmocka_unit_test(a_stock_device_speaks_what_it_is_told),
        cmocka_unit_test(two_devices_exchange_messages_by_voice),
        cmocka_unit_test(several_spoken_messages_come_one_after_the_other),
        cmocka_unit_test(a_message_that_was_not_heard_to_its_end_is_spoken_again),
        cmocka_unit_test(a_voice_that_fails_leaves_the_message_in_the_queue),
        cmocka_unit_test(into_a_silent_meeting_nothing_is_spoken_until_it_is_over),
        cmocka_unit_test(a_message_of_category_task_becomes_a_task_of_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
