/* SPDX-License-Identifier: MIT
 * test_pages.c -- pages and controls against a whole server: how often a screen is drawn, which screens are
 * left alone, who may draw on the screen of another, what happens when a screen does not confirm. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "base/mem.h"

#define S 1000ull
#define GAP_MS 500
#define UI_HELLO "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"features\":{\"ui\":true}," \
                 "\"audio_params\":{}}"
#define LISTEN "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}"
#define RENDER "\"type\":\"ui.render\",\"page\""

/* Without authentication everybody on loopback may forward. */
static const struct world_opts open_world = { .server = "  language: en-US",
                                              .more = "enable_greeting: false\nlisten_timeout_ms: 60000" };
static const struct world_opts confirming = {
    .server = "  language: en-US", .more = "enable_greeting: false\nlisten_timeout_ms: 60000\nui: {wait_ack: true}",
};

static struct client *screen(struct world *w, const char *device)
{
    struct client *c = world_client(w, device);
    client_say(c, UI_HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    client_sync(c);
    return c;
}

static void listens(struct client *c)
{
    client_say(c, LISTEN);
    client_sync(c);
}

/* Draws on the screen of dev2; the receipt must have `result` for it. */
static void draws(struct client *c, const char *text, const char *result)
{
    auto_mem char *needle = xprintf("\"results\":{\"dev2\":\"%s\"}", result);
    client_forget(c);
    client_says(c, "{\"type\":\"ui.render\",\"to\":[\"dev2\"],\"page\":\"dialog.chat\","
                   "\"body\":{\"kind\":\"text\",\"text\":\"%s\"}}", text);
    if (!client_gets(c, needle))
        fail_msg("%s: no %s in %s", text, needle, c->log.data ? c->log.data : "(nothing)");
}

static void a_page_every_300_ms_is_seen_every_500_ms_and_the_last_one_arrives(void **state)
{
    struct world w;
    char text[32];
    unsigned seen = 0;
    uint64_t last_ms = 0;
    world_start(&w, &open_world);
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    listens(b);
    for (unsigned i = 0; i < 130; i++) { /* 2.6 s */
        if (i % 15 == 0 && i / 15 < 8) {
            snprintf(text, sizeof(text), "page %u", i / 15);
            draws(a, text, i ? "limited" : "ok");
        }
        world_settle(&w);
        unsigned now = client_count(b, RENDER);
        if (now != seen) {
            assert_int_equal(now, seen + 1);
            assert_true(!seen || loop_now_ms(w.loop) - last_ms >= GAP_MS - 20);
            last_ms = loop_now_ms(w.loop);
            seen = now;
        }
        world_advance(&w, 20);
    }
    assert_in_range(seen, 5, 6); /* 2.1 s of drawing, and the last */
    assert_non_null(strstr(client_message(b, RENDER, seen - 1), "page 7"));
    world_end(&w);
}

static void an_equal_page_is_not_sent_again(void **state)
{
    struct world w;
    world_start(&w, &open_world);
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    listens(b);
    draws(a, "the same", "ok");
    for (unsigned i = 0; i < 3; i++) {
        world_advance(&w, 1 * S);
        draws(a, "the same", "ok");
    }
    client_sync(b);
    assert_int_equal(client_count(b, RENDER), 1);
    draws(a, "another", "ok");
    client_sync(b);
    assert_int_equal(client_count(b, RENDER), 2);
    world_end(&w);
}

static void a_stock_device_sees_no_page_and_no_control(void **state)
{
    struct world w;
    world_start(&w, &open_world);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    listens(b);
    draws(a, "for nobody", "denied");
    client_forget(a);
    client_say(a, "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"net.banner\",\"text\":\"x\"}");
    assert_true(client_gets(a, "\"results\":{\"dev2\":\"denied\"}"));
    client_say(b, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"hello there\"}");
    world_advance(&w, 2 * S);
    assert_true(client_stays_without(b, "ui.render"));
    assert_int_equal(client_count(b, "device.control"), 0);
    world_end(&w);
}

static void in_idle_only_a_banner_gets_through(void **state)
{
    struct world w;
    world_start(&w, &open_world);
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    draws(a, "too early", "denied");
    client_forget(a);
    client_say(a, "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"net.banner\",\"text\":\"no net\","
                  "\"level\":\"warn\",\"duration_ms\":900}");
    assert_true(client_gets(a, "\"results\":{\"dev2\":\"ok\"}"));
    assert_true(client_gets(b, "\"action\":\"net.banner\",\"text\":\"no net\",\"level\":\"warn\",\"duration_ms\":900"));
    listens(b);
    draws(a, "now", "ok");
    client_say(b, MEETING_START); /* another mode: the chat page is not its page */
    assert_true(client_gets(b, "\"meetingId\":\""));
    world_advance(&w, 1 * S);
    draws(a, "too late", "denied");
    client_sync(b);
    assert_int_equal(client_count(b, "too early"), 0);
    assert_int_equal(client_count(b, "too late"), 0);
    world_end(&w);
}

/* A question, until it and its answer were drawn. */
static void asks_and_shows(struct client *c)
{
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"what is new\"}");
    for (unsigned i = 0; i < 100 && client_count(c, RENDER) < 2; i++) {
        world_advance(c->world, 50);
        client_sync(c);
    }
}

static void a_screen_shows_what_was_said_and_the_answer(void **state)
{
    struct world w;
    world_start(&w, &open_world);
    struct client *b = screen(&w, "dev2");
    asks_and_shows(b);
    assert_non_null(strstr(client_message(b, RENDER, 0), "what is new"));
    assert_true(client_count(b, RENDER) >= 2);
    world_end(&w);
}

static void the_chat_page_ends_with_a_line_for_each_of_the_last_two_chats(void **state)
{
    struct world w;
    world_start(&w, &open_world);
    stored_sql(&w, "INSERT INTO chat_summary (device, text, created_ms) VALUES ('dev2', 'Dinner at eight', 1), "
                   "('dev2', 'The way to the station, on foot and by bus', 2), ('dev1', 'Not hers', 3)");
    struct client *b = screen(&w, "dev2");
    listens(b);
    asks_and_shows(b);
    for (unsigned i = 0; i < 2; i++) { /* the same layout in each frame */
        const char *page = client_message(b, RENDER, i);
        assert_non_null(page);
        assert_non_null(strstr(page, "\"text\":\"what is new\\n\\n"));
        assert_non_null(strstr(page, "\\nThe way to the station, \\nDinner at eight\"}"));
    }
    world_end(&w);
}

static void an_answer_beside_earlier_chats_still_fits_two_pages(void **state)
{
    struct world w;
    auto_buf struct buf answer = { 0 };
    world_start(&w, &open_world);
    stored_sql(&w, "INSERT INTO chat_summary (device, text, created_ms) VALUES ('dev2', 'One', 1), ('dev2', 'Two', 2)");
    while (answer.len < 250)
        buf_puts(&answer, "Some words ");
    buf_puts(&answer, "end.");
    model_says(answer.data);
    struct client *b = screen(&w, "dev2");
    listens(b);
    client_say(b, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"tell me\"}");
    for (unsigned i = 0; i < 800 && !client_count(b, "\"total\":2},\"id\"") && !client_count(b, "\"index\":2"); i++) {
        world_advance(&w, 50);
        client_sync(b);
    }
    unsigned pages = client_count(b, RENDER);
    for (unsigned i = 0; i < pages; i++) {
        auto_json struct json *m = client_json(b, RENDER, i);
        struct slice text = json_get_text(json_get(m, "body"), "text");
        assert_in_range(text.len, 1, 200);
    }
    assert_non_null(strstr(client_message(b, "\"index\":1", 0), "\\nTwo\\nOne"));
    assert_non_null(strstr(client_message(b, "\"index\":2", 0), "end."));
    world_end(&w);
}

static void nobody_who_speaks_ends_the_listening_with_a_tone_and_a_banner(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = "enable_greeting: false" });
    struct client *b = screen(&w, "dev2");
    listens(b);
    world_advance(&w, 9 * S);
    client_sync(b);
    assert_int_equal(client_count(b, "device.control"), 0);
    world_advance(&w, 2 * S);
    client_sync(b);
    assert_true(client_gets(b, "\"action\":\"play.tone\",\"name\":\"cancel\""));
    assert_true(client_gets(b, "\"action\":\"net.banner\",\"text\":\"Listening ended\""));
    assert_int_equal(client_count(b, RENDER), 0); /* nothing is drawn in idle */
    world_advance(&w, 30 * S);
    client_sync(b);
    assert_int_equal(client_count(b, "play.tone"), 1);
    world_end(&w);
}

static void the_chat_page_has_the_title_of_the_catalogue_and_never_an_id(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .server = "  language: en-US",
                                          .more = "enable_greeting: false\nui: {badges: {dev2: {badge: '7', owner: Anna}}}" });
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    listens(b);
    draws(a, "hello", "ok");
    assert_true(client_gets(b, "\"header\":{\"title\":\"Conversation\"}"));
    assert_int_equal(client_count(b, "\"title\":\"dev2"), 0);
    world_end(&w);
}

/* --- forwarding ---------------------------------------------------------------------------------------- */

#define BADGES "enable_greeting: false\ncompat: {badge_devices: [dev1, dev2, dev3]}\n"
static const struct world_opts closed = { .has_auth = true, .server = DEVICE_TOKEN, .more = BADGES };
static const struct world_opts listed = { .has_auth = true, .server = DEVICE_TOKEN,
                                          .more = BADGES "ui: {forward_acl: {dev1: [dev2, dev9]}}" };

static void the_shape_is_judged_before_the_permission_which_is_no_by_default(void **state)
{
    static const struct {
        const char *text, *answer;
    } rows[] = {
        { "{\"type\":\"ui.render\",\"page\":\"dialog.chat\",\"body\":{\"kind\":\"text\",\"text\":\"x\"}}",
          "SCHEMA_INVALID" },
        { "{\"type\":\"ui.render\",\"to\":[],\"page\":\"dialog.chat\",\"body\":{\"kind\":\"text\",\"text\":\"x\"}}",
          "SCHEMA_INVALID" },
        { "{\"type\":\"ui.render\",\"to\":[\"dev2\"],\"page\":\"nowhere\",\"body\":{\"kind\":\"text\"}}",
          "SCHEMA_INVALID" },
        { "{\"type\":\"ui.render\",\"to\":[\"dev2\"],\"page\":\"working.list\",\"body\":{\"kind\":\"list\",\"items\":[]}}",
          "SCHEMA_INVALID" },
        { "{\"type\":\"ui.render\",\"to\":[\"dev2\"],\"page\":\"dialog.chat\",\"body\":{\"kind\":\"film\"}}",
          "SCHEMA_INVALID" },
        { "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"reboot\"}", "SCHEMA_INVALID" },
        { "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"play.tone\",\"name\":\"../etc\"}",
          "SCHEMA_INVALID" },
        { "{\"type\":\"ui.render\",\"to\":[\"dev2\"],\"page\":\"dialog.chat\",\"body\":{\"kind\":\"text\",\"text\":\"x\"}}",
          "\"results\":{\"dev2\":\"denied\"}" },
        { "{\"type\":\"device.control\",\"to\":[\"dev2\",\"dev3\"],\"action\":\"play.tone\",\"name\":\"ok\"}",
          "\"results\":{\"dev2\":\"denied\",\"dev3\":\"denied\"}" },
    };
    struct world w;
    world_start(&w, &closed);
    struct client *a = world_device(&w, "dev1"), *b = world_device(&w, "dev2");
    listens(b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        client_forget(a);
        client_say(a, rows[i].text);
        if (!client_gets(a, rows[i].answer))
            fail_msg("%s: no %s in %s", rows[i].text, rows[i].answer, a->log.data ? a->log.data : "");
    }
    assert_true(client_stays_without(b, RENDER));
    assert_int_equal(client_count(b, "device.control"), 0);
    world_end(&w);
}

static void each_target_has_its_own_result_and_a_tone_keeps_its_name(void **state)
{
    struct world w;
    world_start(&w, &listed);
    struct client *a = world_device(&w, "dev1"), *b = world_device(&w, "dev2"), *c = world_device(&w, "dev3");
    listens(b);
    listens(c);
    client_say(a, "{\"type\":\"device.control\",\"to\":[\"dev2\",\"dev3\",\"dev9\"],\"action\":\"play.tone\","
                  "\"name\":\"chime\",\"volume\":9,\"reqId\":\"r1\"}");
    assert_true(client_gets(a, "\"reqId\":\"r1\""));
    auto_json struct json *m = client_json(a, "\"reqId\":\"r1\"", 0);
    const struct json *results = json_get(m, "results");
    assert_slice_is(json_get_text(m, "type"), "device.control");
    assert_slice_is(json_get_text(results, "dev2"), "ok");
    assert_slice_is(json_get_text(results, "dev3"), "denied");
    assert_slice_is(json_get_text(results, "dev9"), "offline");
    assert_true(client_gets(b, "\"action\":\"play.tone\",\"name\":\"chime\"}"));
    assert_true(client_stays_without(c, "device.control"));
    world_end(&w);
}

static void the_sixth_control_of_a_second_is_limited(void **state)
{
    struct world w;
    world_start(&w, &open_world);
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    for (unsigned i = 0; i < 7; i++) {
        world_advance(&w, i == 6 ? 1 * S : 20);
        client_forget(a);
        client_say(a, "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"play.tone\",\"name\":\"tick\"}");
        assert_true(client_gets(a, i == 5 ? "\"dev2\":\"limited\"" : "\"dev2\":\"ok\""));
    }
    client_sync(b);
    assert_int_equal(client_count(b, "play.tone"), 6);
    world_end(&w);
}

/* --- confirmation -------------------------------------------------------------------------------------- */

static void a_confirmed_page_is_sent_once_however_it_was_confirmed(void **state)
{
    static const char *const acks[] = { "{\"type\":\"ui.ack\",\"id\":\"%s\",\"status\":\"ok\"}",
                                        "{\"type\":\"ui.error\",\"id\":\"%s\",\"code\":\"BUSY\"}",
                                        "{\"type\":\"ui.render\",\"id\":\"%s\",\"status\":\"ok\"}" };
    struct world w;
    char text[32];
    world_start(&w, &confirming);
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    listens(b);
    for (size_t i = 0; i < COUNT(acks); i++) {
        auto_buf struct buf ack = { 0 };
        snprintf(text, sizeof(text), "page %zu", i);
        client_forget(b);
        draws(a, text, "ok");
        assert_true(client_gets(b, RENDER));
        auto_json struct json *m = client_json(b, RENDER, 0);
        const char *gap = strstr(acks[i], "%s");
        buf_put(&ack, slice_from(acks[i], (size_t)(gap - acks[i])));
        buf_put(&ack, json_get_text(m, "id"));
        buf_puts(&ack, gap + 2);
        client_say(b, ack.data);
        client_sync(b);
        world_advance(&w, 7 * S);
        client_sync(b);
        assert_int_equal(client_count(b, RENDER), 1);
        assert_int_equal(client_count(b, "\"status\":\"error\""), 0);
    }
    world_end(&w);
}

static void a_page_nobody_confirms_is_tried_again_once_then_the_screen_is_left_alone(void **state)
{
    struct world w;
    world_start(&w, &confirming);
    struct client *a = world_talker(&w, "dev1"), *b = screen(&w, "dev2");
    listens(b);
    draws(a, "hello?", "ok");
    world_advance(&w, 2900);
    client_sync(b);
    assert_int_equal(client_count(b, RENDER), 1);
    world_advance(&w, 200);
    client_sync(b);
    assert_int_equal(client_count(b, RENDER), 2);
    auto_json struct json *first = client_json(b, RENDER, 0);
    auto_json struct json *second = client_json(b, RENDER, 1);
    assert_true(slice_eq(json_get_text(first, "id"), json_get_text(second, "id")));
    world_advance(&w, 3 * S);
    draws(a, "anybody?", "limited");
    client_forget(a);
    client_say(a, "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"play.tone\",\"name\":\"tick\"}");
    assert_true(client_gets(a, "\"dev2\":\"limited\""));
    client_forget(a);
    client_say(a, "{\"type\":\"device.control\",\"to\":[\"dev2\"],\"action\":\"net.banner\",\"text\":\"frozen\"}");
    assert_true(client_gets(a, "\"dev2\":\"ok\""));
    assert_true(client_gets(b, "frozen"));
    world_advance(&w, 29 * S);
    client_sync(b);
    assert_int_equal(client_count(b, RENDER), 2);
    world_advance(&w, 2 * S);
    draws(a, "again", "ok");
    assert_true(client_gets(b, "again"));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_every_300_ms_is_seen_every_500_ms_and_the_last_one_arrives),
        cmocka_unit_test(an_equal_page_is_not_sent_again),
        cmocka_unit_test(a_stock_device_sees_no_page_and_no_control),
        cmocka_unit_test(in_idle_only_a_banner_gets_through),
        cmocka_unit_test(a_screen_shows_what_was_said_and_the_answer),
        cmocka_unit_test(the_chat_page_ends_with_a_line_for_each_of_the_last_two_chats),
        cmocka_unit_test(an_answer_beside_earlier_chats_still_fits_two_pages),
        cmocka_unit_test(nobody_who_speaks_ends_the_listening_with_a_tone_and_a_banner),
        cmocka_unit_test(the_chat_page_has_the_title_of_the_catalogue_and_never_an_id),
        cmocka_unit_test(the_shape_is_judged_before_the_permission_which_is_no_by_default),
        cmocka_unit_test(each_target_has_its_own_result_and_a_tone_keeps_its_name),
        cmocka_unit_test(the_sixth_control_of_a_second_is_limited),
        cmocka_unit_test(a_confirmed_page_is_sent_once_however_it_was_confirmed),
        cmocka_unit_test(a_page_nobody_confirms_is_tried_again_once_then_the_screen_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
