/* SPDX-License-Identifier: MIT
 * test_says.c -- what was left for a device that was away: said once each when it comes, never again. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/gateway.h"
#include "store/say.h"
#include "store/store.h"

static enum err put_two(struct db *db, void *input)
{
    struct arena a = { 0 };
    struct say_row out;
    int64_t now_ms = clock_wall_ms();
    enum err e = db_say_put(db, &(struct say_row){ .id = "s1", .device = "dev1", .text = "First thing.",
                                                   .created_ms = now_ms, .expires_ms = now_ms + 60000 }, &a, &out);
    if (!e)
        e = db_say_put(db, &(struct say_row){ .id = "s2", .device = "dev1", .text = "Second thing.",
                                              .created_ms = now_ms + 1, .expires_ms = now_ms + 60000 }, &a, &out);
    if (!e)
        e = db_say_put(db, &(struct say_row){ .id = "s3", .device = "dev1", .text = "Too old.",
                                              .created_ms = now_ms - 9000, .expires_ms = now_ms - 1000 }, &a, &out);
    arena_done(&a);
    return e;
}

struct asked {
    const char *id;
    char state[16];
};

static enum err read_state(struct db *db, void *input)
{
    struct asked *q = input;
    struct arena a = { 0 };
    struct say_row row;
    enum err e = db_say_get(db, q->id, &a, &row);
    if (!e)
        snprintf(q->state, sizeof q->state, "%s", row.state);
    arena_done(&a);
    return e;
}

static bool is_state(struct world *w, const char *id, const char *state)
{
    struct asked q = { .id = id };
    assert_ok(store_run(server_store(w->server), read_state, &q));
    return strcmp(q.state, state) == 0;
}

/* Moves the clock until both were played, for 30 s at most. */
static void until_played(struct world *w)
{
    for (int i = 0; i < 300 && !is_state(w, "s2", "played"); i++)
        world_advance(w, 100);
}

static void what_was_left_is_said_once_in_order(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    struct client *c = world_client(&w, "dev1");
    client_say(c, HELLO);
    until_played(&w);
    assert_true(is_state(&w, "s1", "played"));
    assert_true(is_state(&w, "s2", "played"));
    assert_false(is_state(&w, "s3", "played"));
    const char *first = strstr(c->log.data, "First thing."), *second = strstr(c->log.data, "Second thing.");
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first < second);
    assert_int_equal(client_count(c, "Too old."), 0);
    client_vanish(c);
    world_settle(&w);

    c = world_client(&w, "dev1");
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    world_advance(&w, 2000);
    assert_int_equal(client_count(c, "thing."), 0);
    world_end(&w);
}

static void a_device_that_leaves_at_once_loses_at_most_the_one_begun(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    struct client *c = world_client(&w, "dev1");
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    world_advance(&w, 400);
    assert_true(client_gets(c, "\"state\":\"start\""));
    client_vanish(c);
    world_advance(&w, 200);
    assert_false(is_state(&w, "s1", "queued"));
    assert_true(is_state(&w, "s2", "queued"));
    world_end(&w);
}

static void somebody_elses_words_are_not_said(void **state)
{
    struct world w;
    world_start(&w, NULL);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    struct client *c = world_talker(&w, "dev2");
    world_advance(&w, 2000);
    assert_int_equal(client_count(c, "thing."), 0);
    assert_true(is_state(&w, "s1", "queued"));
    world_end(&w);
}

static const struct world_opts busy_api = { .more = "meeting: {api_rate_limit: {enabled: false}}" };

/* --- by HTTP ------------------------------------------------------------------------------------------ */

/* The receipt's id and state out of an answer. */
static void take_receipt(const struct buf *answer, char id[64], char state[16])
{
    const char *at = strstr(answer->data, "\"id\":\""), *was = strstr(answer->data, "\"state\":\"");
    assert_non_null(at);
    assert_non_null(was);
    assert_int_equal(sscanf(at, "\"id\":\"%60[^\"]", id), 1);
    assert_int_equal(sscanf(was, "\"state\":\"%15[^\"]", state), 1);
}

static void say(struct world *w, const char *body, char id[64], char was[16])
{
    auto_buf struct buf answer = { 0 };
    assert_int_equal(world_http(w, server_port(w->server), "POST /api/v1/devices/dev1/say", NULL, body, &answer), 200);
    take_receipt(&answer, id, was);
}

static void receipt(struct world *w, const char *id, char was[16])
{
    auto_buf struct buf answer = { 0 };
    auto_mem char *line = xprintf("GET /api/v1/devices/dev1/say/%s", id);
    char same[64];
    assert_int_equal(world_http(w, server_port(w->server), line, NULL, NULL, &answer), 200);
    take_receipt(&answer, same, was);
    assert_string_equal(same, id);
}

/* Moves the clock on, and gives the disk the time it needs. */
static bool becomes(struct world *w, const char *id, const char *wanted)
{
    char now[16] = "";
    uint64_t began_us = clock_mono_us();
    while (strcmp(now, wanted) != 0 && clock_mono_us() - began_us < 8000000) {
        world_advance(w, 60);
        receipt(w, id, now);
    }
    return strcmp(now, wanted) == 0;
}

static unsigned said(const struct client *c, const char *text)
{
    unsigned count = 0;
    for (const char *at = c->log.data; at && (at = strstr(at, "sentence_start")); at++) {
        const char *end = strchr(at, '\n'), *is = strstr(at, text);
        count += is && is < end;
    }
    return count;
}

static void what_was_queued_survives_a_restart_and_is_said_once(void **state)
{
    struct world w;
    char first[64], second[64], again[64], was[16];
    world_start(&w, &busy_api);
    say(&w, "{\"text\":\"One apple.\",\"idempotencyKey\":\"k\"}", first, was);
    assert_string_equal(was, "queued");
    say(&w, "{\"text\":\"Two pears.\"}", second, was);
    say(&w, "{\"text\":\"One apple.\",\"idempotencyKey\":\"k\"}", again, was);
    assert_string_equal(first, again);
    world_restart(&w, NULL);
    receipt(&w, first, was);
    assert_string_equal(was, "queued");
    struct client *c = world_talker(&w, "dev1");
    assert_true(becomes(&w, second, "played"));
    receipt(&w, first, was);
    assert_string_equal(was, "played");
    assert_int_equal(said(c, "One apple."), 1);
    assert_int_equal(said(c, "Two pears."), 1);
    assert_true(strstr(c->log.data, "One apple.") < strstr(c->log.data, "Two pears."));
    assert_int_equal(client_count(c, "\"state\":\"start\""), client_count(c, "\"state\":\"stop\""));
    world_restart(&w, NULL);
    c = world_talker(&w, "dev1");
    world_advance(&w, 2000);
    world_settle(&w);
    assert_int_equal(client_count(c, "sentence_start"), 0);
    world_end(&w);
}

static void a_live_device_says_it_at_once_and_the_receipt_tells(void **state)
{
    struct world w;
    char id[64], other[64], was[16];
    world_start(&w, &busy_api);
    struct client *c = world_talker(&w, "dev1");
    say(&w, "{\"text\":\"Dinner is ready.\"}", id, was);
    assert_string_equal(was, "accepted");
    say(&w, "{\"text\":\"And again.\"}", other, was);
    assert_string_equal(was, "busy");
    assert_true(becomes(&w, id, "played"));
    assert_int_equal(said(c, "Dinner"), 1);
    assert_int_equal(said(c, "And again."), 0);
    auto_buf struct buf none = { 0 };
    assert_int_equal(world_http(&w, server_port(w.server), "GET /api/v1/devices/dev1/say/none", NULL, NULL, &none), 404);
    world_end(&w);
}

static void what_waits_behind_a_running_turn_goes_back_when_the_device_leaves(void **state)
{
    struct world w;
    char id[64], was[16];
    world_start(&w, &busy_api);
    say(&w, "{\"text\":\"Left for later.\"}", id, was);
    struct client *c = world_talker(&w, "dev1");
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"tell me a very long story please\"}");
    assert_true(client_gets(c, "\"state\":\"start\""));
    world_advance(&w, 400); /* fetched, and behind the story */
    uint64_t began_us = clock_mono_us();
    while (strcmp(was, "fetched") != 0 && clock_mono_us() - began_us < 5000000)
        receipt(&w, id, was);
    assert_string_equal(was, "fetched");
    world_settle(&w);
    client_vanish(c);
    world_settle(&w);
    assert_true(becomes(&w, id, "queued"));
    c = world_talker(&w, "dev1");
    assert_true(becomes(&w, id, "played"));
    assert_int_equal(said(c, "Left"), 1);
    world_end(&w);
}

static void the_receipt_of_speech_that_is_too_old_says_expired(void **state)
{
    struct world w;
    char was[16];
    world_start(&w, &busy_api);
    assert_ok(store_run(server_store(w.server), put_two, NULL));
    receipt(&w, "s3", was);
    assert_string_equal(was, "expired");
    receipt(&w, "s1", was);
    assert_string_equal(was, "queued");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_left_is_said_once_in_order),
        cmocka_unit_test(a_device_that_leaves_at_once_loses_at_most_the_one_begun),
        cmocka_unit_test(somebody_elses_words_are_not_said),
        cmocka_unit_test(what_was_queued_survives_a_restart_and_is_said_once),
        cmocka_unit_test(a_live_device_says_it_at_once_and_the_receipt_tells),
        cmocka_unit_test(what_waits_behind_a_running_turn_goes_back_when_the_device_leaves),
        cmocka_unit_test(the_receipt_of_speech_that_is_too_old_says_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
