/* SPDX-License-Identifier: MIT
 * test_session.c -- sessions as a device sees them: hello, bad messages, idle, take-over, limits, end. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "gateway/gateway.h"
#include "store/save_job.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define S 1000ull

/* --- hello ------------------------------------------------------------------------------------------ */

static void hello_is_answered_at_once_with_all_its_fields(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_client(&w, "dev1");
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    static const char *const fields[] = { "\"version\":1", "\"transport\":\"websocket\"", "\"session_id\":\"",
                                          "\"format\":\"opus\"", "\"sample_rate\":24000", "\"channels\":1",
                                          "\"frame_duration\":60" };
    for (size_t i = 0; i < COUNT(fields); i++)
        assert_int_equal(client_count(c, fields[i]), 1);
    assert_int_equal(client_count(c, "mcp"), 0);
    world_end(&w);
}

static void a_second_hello_gets_the_same_session_and_restarts_nothing(void **state)
{
    struct world w;
    char sid[64] = "";
    world_start(&w, NULL);
    struct client *c = world_client(&w, "dev1");
    const char *hello = "{\"type\":\"hello\",\"features\":{\"mcp\":true},\"transport\":\"websocket\","
                        "\"audio_params\":{}}";
    client_say(c, hello);
    assert_true(client_gets(c, "initialize"));
    assert_int_equal(sscanf(strstr(c->log.data, "\"session_id\":\""), "\"session_id\":\"%40[^\"]", sid), 1);
    client_forget(c);
    client_say(c, hello);
    assert_true(client_gets(c, sid));
    world_settle(&w);
    assert_int_equal(client_count(c, "initialize"), 0);
    world_end(&w);
}

static void a_hello_that_is_not_acked_may_be_made_better(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_client(&w, "dev1");
    client_say(c, "{\"type\":\"hello\",\"transport\":\"websocket\"}");
    assert_true(client_gets(c, "SCHEMA_INVALID"));
    client_say(c, "{\"type\":\"hello\",\"transport\":\"websocket\",\"audio_params\":{\"format\":\"mp3\"}}");
    assert_true(client_gets(c, "UNSUPPORTED_FORMAT"));
    assert_int_equal(client_count(c, "\"type\":\"hello\""), 0);
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    world_end(&w);
}

static void without_hello_a_session_ends_after_ten_seconds(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_client(&w, "dev1");
    world_advance(&w, 9900);
    assert_non_null(c->ws);
    world_advance(&w, 200);
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1008);
    world_end(&w);
}

static void before_hello_only_pings_are_answered(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_client(&w, "dev1");
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"hello there\"}");
    client_say(c, "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"meeting\"}");
    client_say(c, "{\"type\":\"no_such_type\"}");
    client_frame(c, "\xf8\xff\xfe", 3);
    assert_true(client_pings(c));
    world_advance(&w, 1000);
    assert_int_equal(c->texts, 1);
    world_end(&w);
}

/* --- bad input -------------------------------------------------------------------------------------- */

static void what_is_wrong_gets_its_code_and_nothing_is_echoed(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "this is not json \xe4\xbd\xa0", "INVALID_JSON" },
        { "12345", "INVALID_JSON" },
        { "[1,2,3]", "INVALID_JSON" },
        { "{\"type\":\"hocus\"}", "UNKNOWN_TYPE" },
        { "{\"type\":\"listen\",\"state\":\"sideways\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"mode\",\"state\":\"start\",\"mode\":\"party\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"config_update\",\"x\":1}", "\"noop\":true" },
        { "{\"type\":\"iot\",\"text\":\"echo me\"}", "echo me" },
        { "{\"type\":\"ping\"}", "pong" },
        { "{\"type\":\"keepalive\"}", "pong" },
    };
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(c);
        client_say(c, rows[i].text);
        if (!client_gets(c, rows[i].answer))
            fail_msg("%s: no %s", rows[i].text, rows[i].answer);
        assert_int_equal(client_count(c, "this is not"), 0);
    }
    world_end(&w);
}

static void deep_and_huge_json_is_invalid_and_the_session_goes_on(void **state)
{
    struct world w;
    auto_buf struct buf deep = { 0 };
    auto_buf struct buf wide = { 0 };
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    buf_puts(&deep, "{\"type\":\"listen\",\"x\":");
    for (unsigned i = 0; i < 40; i++)
        buf_puts(&deep, "[");
    for (unsigned i = 0; i < 40; i++)
        buf_puts(&deep, "]");
    buf_puts(&deep, "}");
    client_say(c, deep.data);
    assert_true(client_gets(c, "INVALID_JSON"));
    client_forget(c);
    buf_puts(&wide, "{\"type\":\"listen\",\"x\":[0");
    for (unsigned i = 0; i < 3000; i++)
        buf_puts(&wide, ",0");
    buf_puts(&wide, "]}");
    client_say(c, wide.data);
    assert_true(client_gets(c, "INVALID_JSON"));
    assert_true(client_pings(c));
    world_end(&w);
}

static void an_unknown_type_is_answered_once_per_name_and_sixteen_names(void **state)
{
    struct world w;
    char text[64];
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "{\"type\":\"odd%u\"}", i % 20);
        client_say(c, text);
    }
    assert_true(client_pings(c));
    assert_int_equal(client_count(c, "UNKNOWN_TYPE"), 16);
    world_end(&w);
}

static void too_large_messages_close_with_1009_and_bad_text_with_1007(void **state)
{
    static char big[70000];
    struct world w;
    world_start(&w, NULL);
    memset(big, 'x', sizeof(big) - 1);
    struct client *a = world_talker(&w, "dev1");
    client_say(a, big);
    assert_true(client_closes(a));
    assert_int_equal(a->code, 1009);
    struct client *b = world_talker(&w, "dev2");
    client_frame(b, big, 17000);
    assert_true(client_closes(b));
    assert_int_equal(b->code, 1009);
    struct client *c = world_talker(&w, "dev3");
    client_say(c, "{\"type\":\"\xff\xfe\"}");
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1007);
    world_end(&w);
}

static void more_than_fifty_texts_a_second_for_two_seconds_end_the_session(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned second = 0; second < 3 && c->ws; second++) {
        for (unsigned i = 0; i < 60 && c->ws; i++)
            client_say(c, "{\"type\":\"ping\"}");
        world_advance(&w, 1000);
    }
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1008);
    assert_int_equal(client_count(c, "RATE_LIMITED"), 1);
    world_end(&w);
}

static void broken_frames_are_dropped_until_there_are_too_many(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_client(&w, "dev1");
    client_say(c, "{\"type\":\"hello\",\"version\":3,\"transport\":\"websocket\",\"audio_params\":{}}");
    assert_true(client_gets(c, "\"version\":3"));
    for (unsigned i = 0; i < 50; i++)
        client_frame(c, "\x00\x00\xff\xff", 4); /* says 65535 bytes follow */
    client_frame(c, "\x00\x00\x00\x00", 4);     /* an empty one is fine */
    assert_true(client_pings(c));
    client_frame(c, "\x00", 1);
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1008);
    world_end(&w);
}

static void listen_spam_and_senseless_orders_break_nothing(void **state)
{
    static const char *const messages[] = {
        "{\"type\":\"listen\",\"state\":\"stop\"}",
        "{\"type\":\"abort\"}",
        "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}",
        "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}",
        "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"realtime\"}",
        "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}",
        "{\"type\":\"listen\",\"state\":\"stop\",\"session_id\":\"someone-else\"}",
        "{\"type\":\"abort\",\"reason\":\"wake_word_detected\"}",
        "{\"type\":\"goodbye\"}",
        "{\"type\":\"speak_ready\"}",
        "{\"type\":\"mcp\",\"payload\":{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}}",
        "{\"type\":\"ui.ack\"}",
    };
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(messages); i++)
            client_say(c, messages[i]);
        world_advance(&w, 1000);
    }
    assert_true(client_pings(c));
    world_end(&w);
}

/* --- a turn ------------------------------------------------------------------------------------------ */

static void typed(struct client *c)
{
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"what time is it\"}");
}

static void advance_until(struct client *c, const char *needle, unsigned ms_max)
{
    for (unsigned ms = 0; ms < ms_max && client_count(c, needle) == 0; ms += 20)
        world_advance(c->world, 20);
    if (client_count(c, needle) == 0)
        fail_msg("no %s in %u ms; log:\n%s", needle, ms_max, c->log.data ? c->log.data : "");
}

static void typed_text_is_answered_in_order(void **state)
{
    static const char *const order[] = { "\"type\":\"stt\"", "\"state\":\"start\"", "\"state\":\"sentence_start\"",
                                         "<audio>", "\"state\":\"stop\"" };
    struct world w;
    world_start(&w, NULL);
    fake_llm_script("")->replies[0].text = "It is ten o'clock.";
    struct client *c = world_talker(&w, "dev1");
    client_forget(c);
    typed(c);
    advance_until(c, "\"state\":\"stop\"", 10000);
    const char *at = c->log.data;
    for (size_t i = 0; i < COUNT(order); i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("no %s in its place:\n%s", order[i], c->log.data);
    }
    assert_int_equal(client_count(c, "\"state\":\"start\""), 1);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
    world_end(&w);
}

static void goodbye_ends_the_turn_and_the_next_one_works(void **state)
{
    struct world w;
    world_start(&w, NULL);
    fake_llm_script("")->replies[0].text = "A long answer that takes quite a while to be spoken aloud to you.";
    struct client *c = world_talker(&w, "dev1");
    typed(c);
    advance_until(c, "<audio>", 5000);
    client_say(c, "{\"type\":\"goodbye\"}");
    assert_true(client_gets(c, "\"state\":\"stop\""));
    world_settle(&w);
    unsigned frames = c->frames;
    world_advance(&w, 1000);
    assert_int_equal(c->frames, frames);
    assert_int_equal(client_count(c, "goodbye"), 0);
    client_forget(c);
    client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}");
    typed(c);
    advance_until(c, "<audio>", 5000);
    world_end(&w);
}

static void a_session_closed_while_speaking_sends_its_stop_first(void **state)
{
    struct world w;
    world_start(&w, NULL);
    fake_llm_script("")->replies[0].text = "A long answer that takes quite a while to be spoken aloud to you.";
    struct client *c = world_talker(&w, "dev1");
    typed(c);
    advance_until(c, "<audio>", 5000);
    gateway_kick(server_gateway(w.server), "dev1");
    assert_true(client_closes(c));
    assert_int_equal(client_count(c, "\"state\":\"start\""), 1);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
    const char *stop = strstr(c->log.data, "\"state\":\"stop\"");
    assert_null(strstr(stop, "<audio>"));
    world_end(&w);
}

struct answer {
    enum err err;
    char text[32];
    bool came;
};

static void take_answer(void *arg, enum err err, const char *text)
{
    struct answer *a = arg;
    a->err = err;
    a->came = true;
    snprintf(a->text, sizeof(a->text), "%s", text);
}

static void others_may_speak_to_a_session_that_is_free(void **state)
{
    struct world w;
    struct answer nobody = { 0 }, free_one = { 0 }, busy = { 0 };
    const struct gateway_words dinner = { .device = "dev1", .text = SLICE("Dinner is ready.") };
    const struct gateway_words again = { .device = "dev1", .text = SLICE("And again.") };
    world_start(&w, NULL);
    gateway_say(server_gateway(w.server), w.loop, &dinner, take_answer, &nobody);
    world_settle(&w);
    assert_true(nobody.came);
    assert_int_equal(nobody.err, ERR_NOT_FOUND);
    struct client *c = world_talker(&w, "dev1");
    gateway_say(server_gateway(w.server), w.loop, &dinner, take_answer, &free_one);
    advance_until(c, "<audio>", 3000);
    assert_string_equal(free_one.text, "accepted");
    gateway_say(server_gateway(w.server), w.loop, &again, take_answer, &busy);
    world_settle(&w);
    assert_string_equal(busy.text, "busy");
    world_end(&w);
}

/* --- idle -------------------------------------------------------------------------------------------- */

static void a_silent_session_is_warned_and_closed_and_a_message_cancels(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "close_connection_no_voice_time: 10\n" });
    struct client *c = world_talker(&w, "dev1");
    world_advance(&w, 69 * S);
    assert_int_equal(client_count(c, "timeout_warning"), 0);
    world_advance(&w, 2 * S);
    assert_true(client_gets(c, "timeout_warning"));
    assert_int_equal(client_count(c, "\"closeInMs\":10000"), 1);
    assert_true(client_pings(c));
    world_advance(&w, 60 * S);
    assert_non_null(c->ws);
    world_advance(&w, 25 * S);
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1000);
    assert_string_equal(c->reason, "idle");
    world_end(&w);
}

static void audio_without_voice_ends_in_a_farewell_and_a_close(void **state)
{
    static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "close_connection_no_voice_time: 20\n"
                                                  "close_connection_grace_seconds: 5\n" });
    struct client *c = world_talker(&w, "dev1");
    client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}");
    for (unsigned ms = 0; ms < 26000 && client_count(c, "\"state\":\"start\"") == 0; ms += 60) {
        client_frame(c, silence, sizeof(silence));
        world_advance(&w, 60);
        if (ms < 14000)
            assert_int_equal(client_count(c, "idle_warning"), 0);
    }
    assert_int_equal(client_count(c, "idle_warning"), 1);
    assert_int_equal(client_count(c, "\"state\":\"start\""), 1);
    for (unsigned ms = 0; ms < 20000 && c->ws; ms += 20)
        world_advance(&w, 20);
    assert_true(client_closes(c));
    assert_int_equal(c->code, 1000);
    assert_true(c->frames > 0);
    assert_int_equal(client_count(c, "\"state\":\"stop\""), 1);
    world_end(&w);
}

static void without_end_prompt_the_close_comes_at_once(void **state)
{
    static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "close_connection_no_voice_time: 20\n"
                                                  "end_prompt: {enable: false}\n" });
    struct client *c = world_talker(&w, "dev1");
    for (unsigned ms = 0; ms < 22000 && c->ws; ms += 60) {
        client_frame(c, silence, sizeof(silence));
        world_advance(&w, 60);
    }
    assert_true(client_closes(c));
    assert_int_equal(c->frames, 0);
    assert_string_equal(c->reason, "idle");
    world_end(&w);
}

static void a_silent_channel_hears_a_keepalive_after_100_seconds(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    world_advance(&w, 99 * S);
    assert_int_equal(client_count(c, "keepalive"), 0);
    world_advance(&w, 2 * S);
    assert_true(client_gets(c, "{\"type\":\"system\",\"event\":\"keepalive\"}"));
    world_advance(&w, 99 * S);
    assert_int_equal(client_count(c, "keepalive"), 2);
    world_end(&w);
}

/* --- registration ------------------------------------------------------------------------------------ */

static void a_device_that_comes_again_takes_over_and_the_old_session_is_told(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *old = world_talker(&w, "dev1");
    struct client *now = world_talker(&w, "DEV1"); /* ids are compared in lower case */
    assert_true(client_gets(old, "device_takeover"));
    assert_int_equal(client_count(old, "\"closeInMs\":1500"), 1);
    assert_true(client_pings(old)); /* it goes on for a moment */
    world_advance(&w, 1400);
    assert_non_null(old->ws);
    world_advance(&w, 200);
    assert_true(client_closes(old));
    assert_int_equal(old->code, 4000);
    assert_int_equal(server_sessions(w.server), 1);
    assert_true(client_pings(now));
    /* The late clean-up of the first left the entry of the second: a third one finds it. */
    world_talker(&w, "dev1");
    assert_true(client_gets(now, "device_takeover"));
    world_end(&w);
}

static void with_reject_the_new_one_is_told_and_closed(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  duplicate_device: reject\n" });
    struct client *old = world_talker(&w, "dev1");
    const char *headers[] = { "Device-Id: dev1", NULL };
    struct client *now = world_dial(&w, "/xiaozhi/v1/", headers);
    assert_true(client_closes(now));
    assert_int_equal(client_count(now, "DEVICE_BUSY"), 1);
    assert_int_equal(now->code, 1008);
    assert_int_equal(client_count(now, "register_failed"), 1);
    assert_true(client_pings(old));
    client_vanish(old);
    world_settle(&w);
    world_talker(&w, "dev1"); /* free again */
    world_end(&w);
}

static void many_takeovers_leave_one_session(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "limits: {device_connects_per_min: 1000}\n" });
    for (unsigned i = 0; i < 100; i++) {
        world_talker(&w, "dev1");
        world_advance(&w, 100);
    }
    world_advance(&w, 3000);
    assert_int_equal(server_sessions(w.server), 1);
    world_end(&w);
}

/* --- who may -------------------------------------------------------------------------------------------- */

static int refused_with(struct world *w, const char *path, const char *const *headers)
{
    struct client *c = world_dial(w, path, headers);
    assert_false(client_opens(c));
    return c->http_status;
}

static const struct world_opts with_tokens = {
    .has_auth = true,
    .server = "    tokens: [{token: good-token-1}, {token: good-token-2}, {token: boss, role: operator}]\n",
};

static void without_a_token_nobody_gets_in(void **state)
{
    struct world w;
    world_start(&w, &with_tokens);
    const char *none[] = { "Device-Id: dev1", NULL };
    const char *bad[] = { "Device-Id: dev1", "Authorization: Bearer wrong", NULL };
    const char *nobody[] = { NULL };
    assert_int_equal(refused_with(&w, "/xiaozhi/v1/", none), 401);
    assert_int_equal(refused_with(&w, "/xiaozhi/v1/", bad), 401);
    assert_int_equal(refused_with(&w, "/xiaozhi/v1/", nobody), 401);
    const char *good[] = { "Device-Id: dev1", "Authorization: Bearer good-token-1", NULL };
    assert_true(client_opens(world_dial(&w, "/xiaozhi/v1/", good)));
    assert_true(client_opens(world_dial(&w, "/any/path?device-id=dev2&authorization=Bearer+good-token-1", nobody)));
    world_end(&w);
}

static void another_proof_cannot_throw_a_session_out(void **state)
{
    struct world w;
    world_start(&w, &with_tokens);
    const char *first[] = { "Device-Id: dev1", "Authorization: Bearer good-token-1", NULL };
    const char *other[] = { "Device-Id: dev1", "Authorization: Bearer good-token-2", NULL };
    struct client *c = world_dial(&w, "/xiaozhi/v1/", first);
    assert_true(client_opens(c));
    assert_int_equal(refused_with(&w, "/xiaozhi/v1/", other), 401);
    assert_int_equal(client_count(c, "device_takeover"), 0);
    assert_true(client_opens(world_dial(&w, "/xiaozhi/v1/", first)));
    assert_true(client_gets(c, "device_takeover"));
    world_end(&w);
}

static void the_seventh_connect_in_a_minute_is_refused(void **state)
{
    struct world w;
    world_start(&w, NULL);
    const char *headers[] = { "Device-Id: dev1", NULL };
    for (unsigned i = 0; i < 6; i++)
        assert_true(client_opens(world_dial(&w, "/xiaozhi/v1/", headers)));
    assert_int_equal(refused_with(&w, "/xiaozhi/v1/", headers), 429);
    const char *other[] = { "Device-Id: dev2", NULL };
    assert_true(client_opens(world_dial(&w, "/xiaozhi/v1/", other)));
    world_end(&w);
}

static void a_stranger_cannot_use_up_the_connects_of_a_device(void **state)
{
    struct world w;
    world_start(&w, &with_tokens);
    const char *bad[] = { "Device-Id: dev1", "Authorization: Bearer wrong", NULL };
    const char *good[] = { "Device-Id: dev1", "Authorization: Bearer good-token-1", NULL };
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(refused_with(&w, "/xiaozhi/v1/", bad), 401);
    assert_true(client_opens(world_dial(&w, "/xiaozhi/v1/", good)));
    world_end(&w);
}

static void without_any_id_a_client_still_gets_in(void **state)
{
    struct world w;
    world_start(&w, NULL);
    const char *none[] = { NULL };
    struct client *c = world_dial(&w, "/xiaozhi/v1/", none);
    assert_true(client_opens(c));
    client_say(c, "{\"type\":\"hello\"}");
    assert_true(client_gets(c, "\"type\":\"hello\""));
    world_end(&w);
}

static void the_gateway_leg_speaks_framing_2_only_when_it_may(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  trusted_proxies: [127.0.0.1]\n" });
    const char *none[] = { NULL };
    struct client *c = world_dial(&w, "/xiaozhi/v1/?device-id=dev1&from=mqtt_gateway", none);
    assert_true(client_opens(c));
    client_say(c, HELLO); /* says version 1 */
    assert_true(client_gets(c, "\"version\":2"));
    world_end(&w);
    world_start(&w, NULL);
    c = world_dial(&w, "/xiaozhi/v1/?device-id=dev1&from=mqtt_gateway", none);
    assert_true(client_opens(c));
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"version\":1"));
    world_end(&w);
}

/* --- the end ------------------------------------------------------------------------------------------ */

static void a_device_may_vanish_in_every_state(void **state)
{
    struct world w;
    world_start(&w, NULL);
    fake_llm_script("")->replies[0].text = "A long answer that takes quite a while to be spoken aloud to you.";
    fake_llm_script("")->plan.first_ms = 300;
    world_client(&w, "greeting");
    world_talker(&w, "talking");
    struct client *listening = world_talker(&w, "listening");
    client_say(listening, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}");
    client_frame(listening, "\xf8\xff\xfe", 3);
    struct client *speaking = world_talker(&w, "speaking");
    typed(speaking);
    advance_until(speaking, "<audio>", 5000);
    struct client *thinking = world_talker(&w, "thinking");
    typed(thinking);
    world_settle(&w);
    struct client *leaving = world_talker(&w, "leaving");
    world_talker(&w, "leaving");
    assert_true(client_gets(leaving, "device_takeover"));
    assert_int_equal(server_sessions(w.server), 7);
    world_end(&w); /* they all vanish; nothing may be left */
}

static enum err count_waiting(struct db *db, void *out)
{
    return db_save_job_waiting(db, out);
}

static void a_conversation_is_in_the_store_when_the_socket_closes(void **state)
{
    struct world w;
    int64_t jobs = -1;
    world_start(&w, NULL);
    fake_memory_script("")->plan.first_ms = 60000; /* the socket does not wait for it */
    fake_llm_script("")->replies[0].text = "Ten.";
    struct client *quiet = world_talker(&w, "dev2");
    client_vanish(quiet);
    struct client *c = world_talker(&w, "dev1");
    typed(c);
    advance_until(c, "\"state\":\"stop\"", 10000);
    world_settle(&w);
    uint64_t asked_ms = loop_now_ms(w.loop);
    gateway_kick(server_gateway(w.server), "dev1");
    assert_true(client_closes(c));
    assert_int_equal(c->closed_ms, asked_ms);
    assert_ok(store_run(server_store(w.server), count_waiting, &jobs));
    assert_int_equal(jobs, 1); /* the session without a user's word made none */
    world_end(&w);
}

static void a_server_that_drains_says_so_ends_turns_and_takes_nobody_new(void **state)
{
    struct world w;
    world_start(&w, NULL);
    fake_llm_script("")->replies[0].text = "Ten o'clock it is.";
    struct client *idle = world_talker(&w, "dev1");
    struct client *busy = world_talker(&w, "dev2");
    typed(busy);
    advance_until(busy, "<audio>", 5000);
    server_drain(w.server, false);
    assert_true(client_gets(idle, "draining"));
    assert_true(client_gets(busy, "draining"));
    const char *headers[] = { "Device-Id: dev3", NULL };
    assert_int_equal(refused_with(&w, "/xiaozhi/v1/", headers), 503);
    world_advance(&w, 100);
    assert_true(client_closes(idle));
    assert_int_equal(idle->code, 1001);
    assert_non_null(busy->ws);
    assert_false(server_is_drained(w.server));
    for (unsigned ms = 0; ms < 10000 && busy->ws; ms += 20)
        world_advance(&w, 20);
    assert_true(client_closes(busy));
    assert_int_equal(busy->code, 1001);
    assert_int_equal(client_count(busy, "\"state\":\"stop\""), 1);
    for (unsigned i = 0; i < 100 && !server_is_drained(w.server); i++) { /* its conversation is saved first */
        world_advance(&w, 20);
        loop_step(w.loop, 1);
    }
    assert_true(server_is_drained(w.server));
    world_end(&w);
}

/* --- server messages -------------------------------------------------------------------------------- */

static void server_messages_need_the_secret(void **state)
{
    struct world w;
    world_start(&w, NULL);
    struct client *c = world_talker(&w, "dev1");
    client_say(c, "{\"type\":\"server\",\"action\":\"update_config\",\"content\":{\"secret\":\"\"}}");
    assert_true(client_gets(c, "\"status\":\"error\"")); /* none is set */
    world_end(&w);
    world_start(&w, &(struct world_opts){ .more = "manager-api: {secret: s3cret}\n" });
    c = world_talker(&w, "dev1");
    client_say(c, "{\"type\":\"server\",\"action\":\"update_config\",\"content\":{\"secret\":\"s3cret\"}}");
    assert_true(client_gets(c, "\"status\":\"success\""));
    client_forget(c);
    for (unsigned i = 0; i < 3; i++)
        client_say(c, "{\"type\":\"server\",\"action\":\"restart\",\"content\":{\"secret\":\"guess\"}}");
    client_say(c, "{\"type\":\"server\",\"action\":\"restart\",\"content\":{\"secret\":\"s3cret\"}}");
    assert_true(client_pings(c));
    assert_int_equal(client_count(c, "\"status\":\"error\""), 4); /* the right one comes too late */
    assert_false(server_wants_restart(w.server));
    world_end(&w);
}

static void statistics_are_for_operators(void **state)
{
    static const char subscribe[] = "{\"type\":\"server\",\"action\":\"subscribe_stats\"}";
    struct world w;
    world_start(&w, &with_tokens);
    const char *device[] = { "Device-Id: dev1", "Authorization: Bearer good-token-1", NULL };
    const char *operator[] = { "Device-Id: page", "Authorization: Bearer boss", NULL };
    struct client *c = world_dial(&w, "/xiaozhi/v1/", device);
    struct client *page = world_dial(&w, "/xiaozhi/v1/", operator);
    assert_true(client_opens(c));
    assert_true(client_opens(page));
    client_say(c, HELLO);
    client_say(page, HELLO);
    client_say(c, subscribe);
    assert_true(client_gets(c, "UNAUTHORIZED"));
    client_say(page, subscribe);
    assert_true(client_gets(page, "\"event\":\"stats\""));
    assert_true(client_gets(page, "\"deviceCount\":2"));
    assert_true(client_gets(page, "dev1"));
    client_forget(page);
    client_vanish(c);
    world_advance(&w, 1200);
    assert_true(client_gets(page, "\"deviceCount\":1"));
    client_forget(page);
    world_advance(&w, 9000);
    assert_int_equal(client_count(page, "stats"), 0);
    world_advance(&w, 2000);
    assert_int_equal(client_count(page, "stats"), 1);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_answered_at_once_with_all_its_fields),
        cmocka_unit_test(a_second_hello_gets_the_same_session_and_restarts_nothing),
        cmocka_unit_test(a_hello_that_is_not_acked_may_be_made_better),
        cmocka_unit_test(without_hello_a_session_ends_after_ten_seconds),
        cmocka_unit_test(before_hello_only_pings_are_answered),
        cmocka_unit_test(what_is_wrong_gets_its_code_and_nothing_is_echoed),
        cmocka_unit_test(deep_and_huge_json_is_invalid_and_the_session_goes_on),
        cmocka_unit_test(an_unknown_type_is_answered_once_per_name_and_sixteen_names),
        cmocka_unit_test(too_large_messages_close_with_1009_and_bad_text_with_1007),
        cmocka_unit_test(more_than_fifty_texts_a_second_for_two_seconds_end_the_session),
        cmocka_unit_test(broken_frames_are_dropped_until_there_are_too_many),
        cmocka_unit_test(listen_spam_and_senseless_orders_break_nothing),
        cmocka_unit_test(typed_text_is_answered_in_order),
        cmocka_unit_test(goodbye_ends_the_turn_and_the_next_one_works),
        cmocka_unit_test(a_session_closed_while_speaking_sends_its_stop_first),
        cmocka_unit_test(others_may_speak_to_a_session_that_is_free),
        cmocka_unit_test(a_silent_session_is_warned_and_closed_and_a_message_cancels),
        cmocka_unit_test(audio_without_voice_ends_in_a_farewell_and_a_close),
        cmocka_unit_test(without_end_prompt_the_close_comes_at_once),
        cmocka_unit_test(a_silent_channel_hears_a_keepalive_after_100_seconds),
        cmocka_unit_test(a_device_that_comes_again_takes_over_and_the_old_session_is_told),
        cmocka_unit_test(with_reject_the_new_one_is_told_and_closed),
        cmocka_unit_test(many_takeovers_leave_one_session),
        cmocka_unit_test(without_a_token_nobody_gets_in),
        cmocka_unit_test(another_proof_cannot_throw_a_session_out),
        cmocka_unit_test(the_seventh_connect_in_a_minute_is_refused),
        cmocka_unit_test(a_stranger_cannot_use_up_the_connects_of_a_device),
        cmocka_unit_test(without_any_id_a_client_still_gets_in),
        cmocka_unit_test(the_gateway_leg_speaks_framing_2_only_when_it_may),
        cmocka_unit_test(a_device_may_vanish_in_every_state),
        cmocka_unit_test(a_conversation_is_in_the_store_when_the_socket_closes),
        cmocka_unit_test(a_server_that_drains_says_so_ends_turns_and_takes_nobody_new),
        cmocka_unit_test(server_messages_need_the_secret),
        cmocka_unit_test(statistics_are_for_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
