/* SPDX-License-Identifier: MIT
 * test_meeting_end.c -- what comes of a meeting: a summary whatever the model does, going on after everything
 * that may happen to a device or a server, who else hears of it, the API, webhooks. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/server.h"
#include "modes/webhook.h"
#include "store/store.h"
#include "tests/support/fake_providers.h"

#define S 1000ull
static const struct world_opts english = { .server = "  language: en-US" };

/* --- summaries --------------------------------------------------------------------------------------- */

static void whatever_the_model_does_the_summary_is_valid(void **state)
{
    static const struct {
        const char *name, *text;
        struct fake_plan plan;
        const char *wanted;
    } rows[] = {
        { "prose", "I am sorry, but here is what was said: shipping.", { 0 }, "we ship in May" },
        { "half JSON", "{\"title\":\"Plan\",\"bullets\":[\"We sh", { 0 }, "we ship in May" },
        { "JSON in prose", "Sure!\n```json\n" GOOD_SUMMARY "\n```\nHope it helps.", { 0 }, "We ship in May" },
        { "wrong types", "{\"title\":7,\"bullets\":7,\"decisions\":null,\"actions\":[1,{},[]],\"risks\":{}}", { 0 },
          "we ship in May" },
        { "nulls", "{\"title\":null,\"bullets\":null}", { 0 }, "we ship in May" },
        { "an array", "[1,2,3]", { 0 }, "we ship in May" },
        { "nothing", "", { 0 }, "LLM service is unavailable" },
        { "an error", GOOD_SUMMARY, { .error = ERR_UPSTREAM }, "LLM service is unavailable" },
        { "an error in the middle", GOOD_SUMMARY, { .error = ERR_UPSTREAM, .error_at = 2 },
            "LLM service is unavailable" },
        { "a model that cannot sum up", GOOD_SUMMARY, { .open_error = ERR_UNSUPPORTED }, "we ship in May" },
        { "no connection", GOOD_SUMMARY, { .open_error = ERR_CONNECT }, "LLM service is unavailable" },
        { "silence", GOOD_SUMMARY, { .hangs = true }, "LLM service is unavailable" },
        { "silence in the middle", GOOD_SUMMARY, { .hangs = true, .error_at = 3 }, "LLM service is unavailable" },
    };
    struct world w;
    char id[64];
    world_start(&w, &english);
    struct client *c = world_talker(&w, "dev1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        model_says(rows[i].text);
        fake_llm_script("")->plan = rows[i].plan;
        meeting_begins(c, id);
        meeting_says(c, "we ship in May", "\"status\":\"ok\"");
        client_forget(c);
        client_say(c, FINALIZE);
        assert_true(client_gets(c, "llm_start"));
        for (unsigned s = 0; s < 150 && !client_count(c, "\"stage\":\"done\""); s++) {
            world_advance(&w, 1 * S);
            client_sync(c);
        }
        auto_json struct json *m = client_json(c, "\"phase\":\"summary\"", 0);
        check_summary(m);
        if (!strstr(client_message(c, "\"phase\":\"summary\"", 0), rows[i].wanted))
            fail_msg("%s: no \"%s\" in %s", rows[i].name, rows[i].wanted, client_message(c,
                "\"phase\":\"summary\"", 0));
        assert_non_null(strstr(stored_summary(&w, id), rows[i].wanted));
    }
    world_end(&w);
}

static void own_prompts_go_before_the_built_in_one(void **state)
{
#define OWN "userTemplate: 'Own words, {scenario} of {industry}, in {target_lang}: {transcript}'"
#define MEETING "meeting: {industry: ships, scenario: board, target_lang: Dutch, prompts: {"
    static const struct { const char *more, *asked; } rows[] = {
        { "", "Transcript:\n<<<\ndev1: we ship in May\n" },
        { MEETING OWN "}}\n", "Own words, board of ships, in Dutch: dev1: we ship in May" },
        { MEETING OWN ", templates: {ships: {userTemplate: 'For ships'}}}}\n", "For ships\ndev1: we ship in May" },
        { MEETING OWN ", templates: {shops: {userTemplate: 'For shops'}}}}\n", "Own words, board of ships" },
        { MEETING OWN ", templates: {ships: 'only a system prompt'}}}\n", "Own words, board of ships" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        char id[64], asked[4096];
        world_start(&w, &(struct world_opts){ .server = "  language: en-US", .more = rows[i].more });
        model_says(GOOD_SUMMARY);
        struct client *c = world_talker(&w, "dev1");
        meeting_begins(c, id);
        meeting_says(c, "we ship in May", "\"status\":\"ok\"");
        client_say(c, FINALIZE);
        assert_true(client_gets(c, "\"stage\":\"done\""));
        fakes_asked(asked, sizeof(asked));
        if (!strstr(asked, rows[i].asked))
            fail_msg("row %zu: asked %s", i, asked);
        world_end(&w);
    }
}

static void a_meeting_without_words_needs_no_model(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, &english, id);
    meeting_ends(c);
    auto_json struct json *m = client_json(c, "\"phase\":\"summary\"", 0);
    check_summary(m);
    assert_slice_is(json_get_text(json_get(m, "summary"), "title"), "Meeting minutes");
    assert_int_equal(model_calls(), 0);
    world_end(&w);
}

static void a_summary_of_long_items_still_fits_a_device(void **state)
{
    struct world w;
    char id[64];
    auto_buf struct buf reply = { 0 };
    static const char *const lists[] = { "bullets", "decisions", "actions", "risks", "nextSteps" };
    world_start(&w, NULL);
    buf_puts(&reply, "{\"title\":\"Long\"");
    for (unsigned l = 0; l < 5; l++) {
        buf_printf(&reply, ",\"%s\":[", lists[l]);
        for (unsigned i = 0; i < 6; i++)
            buf_printf(&reply, "%s\"%u%u%0600u\"", i ? "," : "", l, i, 7u);
        buf_puts(&reply, "]");
    }
    buf_puts(&reply, "}");
    model_says(reply.data);
    struct client *c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    meeting_ends(c);
    auto_json struct json *m = client_json(c, "\"phase\":\"summary\"", 0);
    check_summary(m);
    assert_true(strlen(client_message(c, "\"phase\":\"summary\"", 0)) <= 8192);
    world_end(&w);
}

/* --- going on ---------------------------------------------------------------------------------------- */

static void a_device_that_comes_back_is_in_its_meeting(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    meeting_says(c, "before the loss", "\"status\":\"ok\"");
    client_vanish(c);
    world_settle(&w);
    c = world_talker(&w, "dev1"); /* its hello is enough */
    assert_true(client_gets(c, "\"resumed\":true"));
    assert_non_null(strstr(client_message(c, "resumed", 0), id));
    meeting_says(c, "after the loss", "\"status\":\"ok\"");
    assert_string_equal(stored_texts(&w, id), "before the loss\nafter the loss\n");
    world_restart(&w, NULL);
    c = world_talker(&w, "dev1"); /* nor does the end of the server matter */
    assert_true(client_gets(c, "\"resumed\":true"));
    meeting_says(c, "after the restart", "\"status\":\"ok\"");
    meeting_ends(c);
    assert_string_equal(stored_texts(&w, id), "before the loss\nafter the loss\nafter the restart\n");
    world_end(&w);
}

static void after_ten_minutes_it_must_ask_and_after_a_day_a_new_one_begins(void **state)
{
    struct world w;
    char first[64], id[64];
    struct client *c = meeting_world(&w, NULL, first);
    meeting_says(c, "long ago", "\"status\":\"ok\"");
    client_vanish(c);
    world_settle(&w);
    loop_step(w.loop, 20);
    stored_sql(&w, "UPDATE meeting SET started_ms = started_ms - 601000, last_text_ms = last_text_ms - 601000,"
                   " left_ms = left_ms - 601000");
    c = world_talker(&w, "dev1");
    assert_true(client_stays_without(c, "resumed"));
    meeting_begins(c, id);
    assert_string_equal(id, first);
    assert_int_equal(client_count(c, "\"resumed\":true"), 1);
    client_vanish(c);
    world_settle(&w);
    loop_step(w.loop, 20);
    stored_sql(&w, "UPDATE meeting SET started_ms = started_ms - 86400000, last_text_ms = last_text_ms - 86400000,"
                   " left_ms = left_ms - 86400000");
    c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    assert_string_not_equal(id, first);
    assert_int_equal(client_count(c, "\"resumed\":true"), 0);
    world_advance(&w, 600 * S + 20); /* the old one is summed up by the server */
    client_sync(c);
    client_sync(c);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM meeting WHERE state = 2"), 1);
    world_end(&w);
}

static void a_take_over_takes_the_meeting_along(void **state)
{
    struct world w;
    char id[64];
    struct client *old = meeting_world(&w, NULL, id);
    meeting_says(old, "on the old connection", "\"status\":\"ok\"");
    stored_sql(&w, "UPDATE meeting SET started_ms = started_ms - 3600000, last_text_ms = last_text_ms - 3600000");
    struct client *c = world_talker(&w, "dev1");
    assert_true(client_gets(c, "\"resumed\":true"));
    world_advance(&w, 2 * S);
    assert_true(client_closes(old));
    assert_int_equal(stored_number(&w, "SELECT left_ms FROM meeting"), 0); /* its device is there */
    meeting_says(c, "on the new connection", "\"status\":\"ok\"");
    assert_string_equal(stored_texts(&w, id), "on the old connection\non the new connection\n");
    world_end(&w);
}

static void a_finalize_of_which_nobody_heard_the_end_is_done_at_the_next_start(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, NULL);
    model_says(GOOD_SUMMARY);
    fake_llm_script("")->plan.hangs = true;
    struct client *c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "llm_start"));
    client_vanish(c);
    fake_llm_script("")->plan.hangs = false;
    world_restart(&w, NULL);
    c = world_talker(&w, "dev2");
    for (unsigned i = 0; i < 50 && stored_number(&w, "SELECT count(*) FROM meeting WHERE state = 2") == 0; i++)
        client_sync(c);
    assert_non_null(strstr(stored_summary(&w, id), "We ship in May"));
    world_end(&w);
}

static void the_summary_is_stored_when_the_client_is_gone(void **state)
{
    struct world w;
    char id[64];
    struct client *c = meeting_world(&w, NULL, id);
    model_says(GOOD_SUMMARY);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    client_vanish(c);
    c = world_talker(&w, "dev2");
    for (unsigned i = 0; i < 50 && stored_number(&w, "SELECT count(*) FROM meeting WHERE state = 2") == 0; i++)
        client_sync(c);
    assert_non_null(strstr(stored_summary(&w, id), "We ship in May"));
    world_end(&w);
}

static void a_device_that_lost_the_summary_asks_again_after_it_came_back(void **state)
{
    struct world w;
    char id[64], newer[64];
    world_start(&w, &english);
    model_says(GOOD_SUMMARY);
    struct client *c = world_talker(&w, "dev1"), *other = world_talker(&w, "dev11"), *busy = world_talker(&w, "dev10");
    meeting_begins(c, id);
    world_advance(&w, 10);
    meeting_begins(busy, newer); /* of one whose name only begins like hers */
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    client_say(c, FINALIZE);
    client_vanish(c);
    for (unsigned i = 0; i < 20; i++)
        client_sync(other);
    c = world_talker(&w, "dev1");
    client_say(c, FINALIZE);
    assert_true(client_gets(c, "\"phase\":\"finalize\""));
    assert_true(client_gets(c, "\"phase\":\"summary\""));
    auto_json struct json *m = client_json(c, "\"phase\":\"summary\"", 0);
    assert_slice_is(json_get_text(m, "meetingId"), id);
    assert_true(json_get_bool(m, "idempotent", false));
    assert_int_equal(model_calls(), 1);
    client_say(other, FINALIZE); /* whose name does so too */
    assert_true(client_gets(other, "NOT_IN_MEETING"));
    world_end(&w);
}

static void many_meetings_finalize_at_once_and_none_is_lost_or_doubled(void **state)
{
    struct world w;
    char id[64], name[16];
    struct client *clients[20];
    world_start(&w, NULL);
    model_says(GOOD_SUMMARY);
    fake_llm_script("")->plan.first_ms = 500;
    for (unsigned i = 0; i < COUNT(clients); i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        clients[i] = world_talker(&w, name);
        meeting_begins(clients[i], id);
        meeting_says(clients[i], "the same words everywhere", "\"status\":\"ok\",\"phase\":\"snippet\"}");
    }
    for (unsigned i = 0; i < COUNT(clients); i++)
        client_say(clients[i], FINALIZE);
    for (unsigned s = 0; s < 40 && stored_number(&w, "SELECT count(*) FROM meeting WHERE state = 2") < 20; s++) {
        world_advance(&w, 500);
        client_sync(clients[0]);
    }
    assert_int_equal(model_calls(), 20);
    for (unsigned i = 0; i < COUNT(clients); i++) {
        assert_true(client_gets(clients[i], "\"stage\":\"done\""));
        assert_int_equal(client_count(clients[i], "\"phase\":\"summary\""), 1);
    }
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM segment"), 20);
    world_end(&w);
}

/* --- others ------------------------------------------------------------------------------------------ */

static void by_default_no_content_reaches_another_device(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, &(struct world_opts){ .more = "workflow: {groups: {dev1: team, dev2: team}}" });
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2");
    meeting_begins(b, id);
    meeting_begins(a, id);
    meeting_says(a, "between us", "\"status\":\"ok\"");
    world_advance(&w, 13 * S);
    meeting_ends(a);
    assert_true(client_stays_without(b, "between us"));
    world_end(&w);
}

static void a_group_hears_of_it_when_that_was_asked_for(void **state)
{
    struct world w;
    char id[64];
    world_start(&w, &(struct world_opts){ .more = "workflow: {groups: {dev1: team, dev2: team}}\n"
                                                  "meeting: {broadcast: {enabled: true, mode: group}}" });
    model_says(GOOD_SUMMARY);
    struct client *a = world_talker(&w, "dev1"), *b = world_talker(&w, "dev2"), *other = world_talker(&w, "dev3");
    struct client *chat = world_talker(&w, "dev4");
    meeting_begins(b, id);
    meeting_begins(other, id);
    meeting_begins(a, id);
    meeting_says(a, "between us", "\"status\":\"ok\"");
    world_advance(&w, 13 * S);
    assert_true(client_gets(b, "between us"));
    auto_json struct json *m = client_json(b, "between us", 0);
    assert_slice_is(json_get_text(m, "from"), "dev1");
    assert_slice_is(json_get_text(m, "event"), "meeting.snippet");
    client_say(a, FINALIZE);
    assert_true(client_gets(b, "\"phase\":\"summary\""));
    auto_json struct json *s = client_json(b, "\"phase\":\"summary\"", 0);
    assert_slice_is(json_get_text(s, "from"), "dev1");
    assert_int_equal(client_count(b, "between us"), 1); /* once */
    assert_true(client_stays_without(other, "between us"));
    assert_true(client_stays_without(chat, "meeting"));
    world_end(&w);
}

/* --- the API ----------------------------------------------------------------------------------------- */

static void the_api_finalizes_searches_and_exports(void **state)
{
    struct world w;
    char id[64];
    auto_buf struct buf out = { 0 };
    struct client *c = meeting_world(&w, NULL, id);
    model_says(GOOD_SUMMARY);
    meeting_says(c, "the quick brown fox", "\"status\":\"ok\"");
    meeting_says(c, "\xe6\x88\x91\xe4\xbb\xac\xe4\xba\x94\xe6\x9c\x88\xe5\x8f\x91\xe5\xb8\x83", "\"status\":\"ok\"");
    auto_mem char *path = xprintf("/api/v1/meetings/%s/finalize", id);
    assert_int_equal(modes_http(&w, "POST", path, &out), 200);
    world_advance(&w, 5 * S); /* the session notices at its next push */
    assert_true(client_gets(c, "\"phase\":\"summary\""));
    client_sync(c);
    meeting_says(c, "too late", "NOT_IN_MEETING");
    assert_int_equal(modes_http(&w, "GET", "/api/v1/meetings/search?q=BROWN", &out), 200);
    assert_non_null(strstr(out.data, id));
    assert_int_equal(modes_http(&w, "GET", "/api/v1/meetings/search?q=%E6%9C%88%E5%8F%91", &out), 200);
    assert_non_null(strstr(out.data, id));
    static const char *const formats[] = { "md", "srt", "vtt", "json", "txt" };
    for (size_t i = 0; i < COUNT(formats); i++) {
        auto_mem char *export = xprintf("/api/v1/meetings/%s/export?format=%s", id, formats[i]);
        assert_int_equal(modes_http(&w, "GET", export, &out), 200);
        assert_non_null(strstr(out.data, "the quick brown fox"));
    }
    world_end(&w);
}

/* --- webhook ----------------------------------------------------------------------------------------- */

struct receiver {
    struct http_server *server;
    unsigned calls, fails; /* fails: answers 500 to so many */
    char signature[80], meeting[64], own[32], type[64];
    struct buf body;
};

static void copy(char *out, size_t bytes, struct http_req *r, const char *name)
{
    struct slice v = { 0 };
    out[0] = '\0';
    if (http_header(r, name, &v))
        snprintf(out, bytes, SLICE_FMT, SLICE_ARG(v));
}

static void on_hook_body(void *user, struct http_req *r, struct slice body)
{
    struct receiver *h = user;
    copy(h->signature, sizeof(h->signature), r, "x-meeting-signature");
    copy(h->meeting, sizeof(h->meeting), r, "x-meeting-id");
    copy(h->own, sizeof(h->own), r, "x-own");
    copy(h->type, sizeof(h->type), r, "content-type");
    buf_clear(&h->body);
    buf_put(&h->body, body);
    h->calls++;
    http_respond_text(r, h->calls <= h->fails ? 500 : 204, "");
}

static void on_hook(void *user, struct http_req *r)
{
    http_read_body(r, 65536, on_hook_body, user);
}

static void receiver_open(struct receiver *h, struct world *w, uint16_t port)
{
    static const struct http_server_events events = { .on_request = on_hook };
    struct http_server_opts o = { .listen = { .host = "127.0.0.1", .port = port } };
    assert_ok(http_server_open(&h->server, w->loop, &o, &events, h));
}

static bool hook_came(void *arg)
{
    return ((struct receiver *)arg)->calls > 0;
}

static void tries_again(struct world *w, struct receiver *h, unsigned calls, uint64_t at_most_ms)
{
    for (uint64_t ms = 0; h->calls < calls && ms < at_most_ms; ms += 500) {
        world_advance(w, 500);
        loop_step(w->loop, 3);
    }
    assert_int_equal(h->calls, calls);
}

static char *hook_config(uint16_t port)
{
    return xprintf("meeting:\n  webhook:\n    url: http://127.0.0.1:%u/hook\n    secret: s3cret\n"
                   "    headers: {X-Own: mine, X-Meeting-Signature: forged, Content-Length: \"1\"}", port);
}

static uint16_t free_port(struct world *w, struct receiver *h)
{
    world_start(w, NULL);
    receiver_open(h, w, 0);
    uint16_t port = http_server_port(h->server);
    http_server_close(h->server);
    world_end(w);
    return port;
}

static void a_webhook_is_signed_and_own_headers_replace_nothing(void **state)
{
    struct world w;
    struct receiver h = { 0 };
    char id[64], signature[65];
    auto_mem char *more = hook_config(free_port(&w, &h));
    world_start(&w, &(struct world_opts){ .more = more });
    unsigned port = 0;
    assert_int_equal(sscanf(strstr(more, "127.0.0.1:"), "127.0.0.1:%u", &port), 1);
    receiver_open(&h, &w, (uint16_t)port);
    model_says(GOOD_SUMMARY);
    struct client *c = world_talker(&w, "dev1");
    meeting_begins(c, id);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    client_say(c, FINALIZE);
    assert_true(world_until(&w, hook_came, &h));
    webhook_sign(SLICE("s3cret"), buf_slice(&h.body), signature);
    assert_string_equal(h.signature, signature);
    assert_string_equal(h.meeting, id);
    assert_string_equal(h.own, "mine");
    assert_string_equal(h.type, "application/json; charset=utf-8");
    auto_json struct json *j = NULL;
    assert_ok(json_parse(&j, buf_slice(&h.body), NULL));
    assert_slice_is(json_get_text(j, "meetingId"), id);
    assert_slice_is(json_get_text(j, "deviceId"), "dev1");
    assert_slice_is(json_get_text(json_get(j, "summary"), "title"), "Plan");
    assert_int_equal(json_get_i64(json_get(j, "metrics"), "segmentsCount", -1), 1);
    assert_true(json_get_i64(j, "durationMs", 0) >= 5000);
    client_sync(c);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM webhook_job"), 0);
    http_server_close(h.server);
    world_end(&w);
    buf_done(&h.body);
}

static void a_webhook_that_is_down_delays_no_summary_and_is_tried_after_a_restart(void **state)
{
    struct world w;
    struct receiver h = { 0 };
    char id[64];
    auto_mem char *more = hook_config(free_port(&w, &h));
    unsigned port = 0;
    assert_int_equal(sscanf(strstr(more, "127.0.0.1:"), "127.0.0.1:%u", &port), 1);
    struct world_opts o = { .more = more };
    struct client *c = meeting_world(&w, &o, id); /* nobody listens there */
    model_says(GOOD_SUMMARY);
    meeting_says(c, "we ship in May", "\"status\":\"ok\"");
    uint64_t before = loop_now_ms(w.loop);
    meeting_ends(c);
    assert_true(loop_now_ms(w.loop) - before < 1000);
    client_sync(c);
    for (unsigned i = 0; i < 100 && stored_number(&w, "SELECT coalesce(max(tries), 0) FROM webhook_job") < 1; i++)
        loop_step(w.loop, 5);
    assert_int_equal(stored_number(&w, "SELECT tries FROM webhook_job"), 1);
    /* the dates of tries are the wall clock's: it is due now */
    stored_sql(&w, "UPDATE webhook_job SET next_try_ms = 0");
    world_restart(&w, &o);
    receiver_open(&h, &w, (uint16_t)port);
    h.fails = 1;
    tries_again(&w, &h, 1, 10000);
    assert_string_equal(h.meeting, id);
    for (unsigned i = 0; i < 100 && stored_number(&w, "SELECT tries FROM webhook_job") < 2; i++)
        loop_step(w.loop, 5);
    int64_t wait_ms = stored_number(&w, "SELECT next_try_ms FROM webhook_job") - clock_wall_ms();
    assert_true(wait_ms > 50000 && wait_ms <= 60000); /* the third try after a minute */
    stored_sql(&w, "UPDATE webhook_job SET next_try_ms = 0");
    tries_again(&w, &h, 2, 70000);
    for (unsigned i = 0; i < 100 && stored_number(&w, "SELECT count(*) FROM webhook_job"); i++)
        loop_step(w.loop, 5);
    assert_int_equal(stored_number(&w, "SELECT count(*) FROM webhook_job"), 0);
    http_server_close(h.server);
    world_end(&w);
    buf_done(&h.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_model_does_the_summary_is_valid),
        cmocka_unit_test(own_prompts_go_before_the_built_in_one),
        cmocka_unit_test(a_meeting_without_words_needs_no_model),
        cmocka_unit_test(a_summary_of_long_items_still_fits_a_device),
        cmocka_unit_test(a_device_that_comes_back_is_in_its_meeting),
        cmocka_unit_test(after_ten_minutes_it_must_ask_and_after_a_day_a_new_one_begins),
        cmocka_unit_test(a_take_over_takes_the_meeting_along),
        cmocka_unit_test(a_finalize_of_which_nobody_heard_the_end_is_done_at_the_next_start),
        cmocka_unit_test(the_summary_is_stored_when_the_client_is_gone),
        cmocka_unit_test(a_device_that_lost_the_summary_asks_again_after_it_came_back),
        cmocka_unit_test(many_meetings_finalize_at_once_and_none_is_lost_or_doubled),
        cmocka_unit_test(by_default_no_content_reaches_another_device),
        cmocka_unit_test(a_group_hears_of_it_when_that_was_asked_for),
        cmocka_unit_test(the_api_finalizes_searches_and_exports),
        cmocka_unit_test(a_webhook_is_signed_and_own_headers_replace_nothing),
        cmocka_unit_test(a_webhook_that_is_down_delays_no_summary_and_is_tried_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
