/* SPDX-License-Identifier: MIT
 * test_doors.c -- who gets in and how it ends, over real HTTP: pairing, codes, revocation, kinds of proof, drain,
 * full queues; some numbered regressions. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "gateway/gateway.h"
#include "metrics/metrics.h"
#include "tests/support/deaf.h"
#include "tests/support/fake_providers.h"
#include "tests/support/jwt_make.h"

#define ASK(text) "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"" text "\"}"
#define PLAIN "enable_greeting: false\nlimits: {device_connects_per_min: 100000}\n"

static int ask_ota(struct world *w, const char *device, const char *client, const char *more, struct buf *body)
{
    auto_mem char *headers = xprintf("Device-Id: %s\r\nClient-Id: %s\r\n%s", device, client, more);
    auto_buf struct buf reply = { 0 };
    int status = world_http(w, server_port(w->server), "POST /xiaozhi/ota/", headers, "{}", &reply);

    buf_clear(body);
    const char *at = reply.data ? strstr(reply.data, "\r\n\r\n") : NULL;
    if (at)
        buf_puts(body, at + 4);
    return status;
}

static void text_at(const struct buf *body, const char *object, const char *key, char *out, size_t bytes)
{
    auto_json struct json *root = NULL;

    out[0] = '\0';
    if (json_parse(&root, buf_slice(body), &(struct json_limits){ .nodes_max = 1000 }) == OK)
        snprintf(out, bytes, SLICE_FMT, SLICE_ARG(json_get_text(json_get(root, object), key)));
}

/* A connection with that token; NULL: refused, *status says how. */
static struct client *enter(struct world *w, const char *device, const char *client, const char *token, int *status)
{
    auto_mem char *a = xprintf("Device-Id: %s", device), *b = xprintf("Client-Id: %s", client),
                  *c = xprintf("Authorization: Bearer %s", token);
    const char *headers[] = { a, b, token[0] ? c : NULL, NULL };
    struct client *dialled = world_dial(w, "/xiaozhi/v1/", headers);

    if (client_opens(dialled))
        return dialled;
    *status = dialled->http_status;
    return NULL;
}

static const struct world_opts with_auth = { .has_auth = true, .more = PLAIN };

/* ---- pairing ---- */

static void a_new_device_on_the_own_network_gets_a_token_and_is_in(void **state)
{
    struct world w;
    auto_buf struct buf body = { 0 };
    char token[256], url[256];
    int status = 0;
    world_start(&w, &with_auth);
    assert_int_equal(ask_ota(&w, "aa:bb:cc:dd:ee:01", "c1", "", &body), 200);
    text_at(&body, "websocket", "token", token, sizeof(token));
    text_at(&body, "websocket", "url", url, sizeof(url));
    assert_true(strlen(token) > 20);
    struct client *c = enter(&w, "aa:bb:cc:dd:ee:01", "c1", token, &status);
    assert_non_null(c);
    client_say(c, HELLO);
    assert_true(client_gets(c, "session_id"));
    assert_null(enter(&w, "aa:bb:cc:dd:ee:02", "c1", token, &status)); /* of nobody else */
    assert_int_equal(status, 401);
    assert_null(enter(&w, "aa:bb:cc:dd:ee:01", "c2", token, &status));
    assert_int_equal(status, 401);
    assert_null(enter(&w, "aa:bb:cc:dd:ee:01", "c1", "", &status));
    assert_int_equal(status, 401);
    /* The URL handed out is one that answers 101. */
    char *path = strchr(strstr(url, "//") + 2, '/');
    assert_non_null(path);
    auto_mem char *header = xprintf("Authorization: Bearer %s", token);
    const char *headers[] = { "Device-Id: aa:bb:cc:dd:ee:01", "Client-Id: c1", header, NULL };
    assert_true(client_opens(world_dial(&w, path, headers)));
    world_end(&w);
}

static void a_second_client_waits_for_a_person_and_revoking_closes_it(void **state)
{
    struct world w;
    struct server_ports ports;
    auto_buf struct buf body = { 0 };
    auto_buf struct buf reply = { 0 };
    char token[256], code[32];
    int status = 0;
    world_start(&w, &with_auth);
    server_ports(w.server, &ports);
    assert_int_equal(ask_ota(&w, "dev1", "first", "", &body), 200);
    assert_int_equal(ask_ota(&w, "dev1", "second", "", &body), 200);
    text_at(&body, "activation", "code", code, sizeof(code));
    text_at(&body, "websocket", "token", token, sizeof(token));
    assert_int_equal(strlen(code), 6);
    assert_string_equal(token, "");
    assert_int_equal(world_http(&w, ports.admin, "GET /pairing", NULL, NULL, &reply), 200);
    assert_non_null(strstr(reply.data, code));
    auto_mem char *confirm = xprintf("POST /pairing/%s", code);
    assert_int_equal(world_http(&w, ports.admin, "POST /pairing/000000", NULL, "", &reply), 404);
    assert_int_equal(world_http(&w, ports.admin, confirm, NULL, "", &reply), 200);
    assert_int_equal(ask_ota(&w, "dev1", "second", "", &body), 200);
    text_at(&body, "websocket", "token", token, sizeof(token));
    struct client *c = enter(&w, "dev1", "second", token, &status);
    assert_non_null(c);
    client_say(c, HELLO);
    assert_true(client_gets(c, "session_id"));
    uint64_t asked_ms = loop_now_ms(w.loop);
    assert_int_equal(world_http(&w, ports.admin, "DELETE /devices/dev1/pair", NULL, NULL, &reply), 200);
    world_advance(&w, 1000);
    assert_true(client_closes(c));
    assert_true(c->closed_ms - asked_ms < 5000);
    assert_null(enter(&w, "dev1", "second", token, &status));
    assert_int_equal(status, 403);
    world_end(&w);
}

static void an_operator_has_a_device_start_anew(void **state)
{
    struct world w;
    struct server_ports ports;
    auto_buf struct buf reply = { 0 };
    world_start(&w, &(struct world_opts){ .more = PLAIN });
    server_ports(w.server, &ports);
    struct client *c = world_talker(&w, "dev1"), *other = world_talker(&w, "dev2");
    assert_int_equal(world_http(&w, ports.device, "POST /devices/dev1/reboot", NULL, "", &reply), 404);
    assert_int_equal(world_http(&w, ports.admin, "POST /devices/nobody/reboot", NULL, "", &reply), 404);
    assert_int_equal(world_http(&w, ports.admin, "POST /devices/DEV1/reboot", NULL, "", &reply), 200);
    assert_true(client_gets(c, "{\"type\":\"system\",\"command\":\"reboot\"}"));
    assert_int_equal(client_count(c, "reboot"), 1);
    assert_int_equal(client_count(other, "reboot"), 0);
    client_vanish(c); /* as a board does */
    world_advance(&w, 1000);
    assert_int_equal(world_http(&w, ports.admin, "POST /devices/dev1/reboot", NULL, "", &reply), 404);
    world_end(&w);
}

static void closed_pairing_hands_out_nothing(void **state)
{
    struct world w;
    auto_buf struct buf body = { 0 };
    char token[256], code[32];
    world_start(&w, &(struct world_opts){ .has_auth = true, .server = "    pairing: closed\n", .more = PLAIN });
    ask_ota(&w, "dev1", "c1", "", &body);
    text_at(&body, "activation", "code", code, sizeof(code));
    text_at(&body, "websocket", "token", token, sizeof(token));
    assert_string_equal(token, "");
    assert_string_equal(code, "");
    world_end(&w);
}

static void upper_case_ids_in_the_file_match(void **state)
{
    static const char server[] = "    pairing: code\n    allowed_devices: [\"AA:BB:CC:DD:EE:0F\"]\n"
                                 "    tokens: [{token: for-one-device, device: \"AA:00:00:00:00:01\"}]\n";
    struct world w;
    auto_buf struct buf body = { 0 };
    char token[256];
    int status = 0;
    world_start(&w, &(struct world_opts){ .has_auth = true, .server = server, .more = PLAIN });
    assert_int_equal(ask_ota(&w, "aa:bb:cc:dd:ee:0f", "c1", "", &body), 200);
    text_at(&body, "websocket", "token", token, sizeof(token));
    assert_non_null(enter(&w, "aa:bb:cc:dd:ee:0f", "c1", token, &status));
    assert_non_null(enter(&w, "aa:00:00:00:00:01", "c1", "for-one-device", &status));
    assert_null(enter(&w, "aa:00:00:00:00:02", "c1", "for-one-device", &status));
    assert_int_equal(status, 401);
    world_end(&w);
}

static void a_jwt_opens_the_door_for_its_subject(void **state)
{
    static const char server[] = "    mode: mixed\n    jwt: {secret: jwt-secret-of-this-test, algorithms: [HS256]}\n"
                                 "    tokens: [static-one]\n";
    static const struct {
        const char *head, *claims, *secret;
        int status;
    } rows[] = {
        { "{\"alg\":\"HS256\"}", "{\"sub\":\"dev1\"}", "jwt-secret-of-this-test", 101 },
        { "{\"alg\":\"HS256\"}", "{\"sub\":\"dev1\"}", "another", 401 },
        { "{\"alg\":\"none\"}", "{\"sub\":\"dev1\"}", "jwt-secret-of-this-test", 401 },
        { "{\"alg\":\"HS256\"}", "{\"sub\":\"dev1\",\"exp\":1000}", "jwt-secret-of-this-test", 401 },
        { "{\"alg\":\"HS256\"}", "{}", "jwt-secret-of-this-test", 401 },
    };
    struct world w;
    int status = 0;
    world_start(&w, &(struct world_opts){ .has_auth = true, .server = server, .more = PLAIN });
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf token = { 0 };
        jwt_make_hs256(&token, rows[i].head, rows[i].claims, rows[i].secret);
        struct client *c = enter(&w, "dev1", "c1", token.data, &status);
        if ((c ? 101 : status) != rows[i].status)
            fail_msg("row %zu: %d", i, c ? 101 : status);
    }
    assert_non_null(enter(&w, "dev2", "c1", "static-one", &status));
    world_end(&w);
}

/* ---- a service that is asked about tokens ---- */

static const char *service_answer; /* NULL: it says nothing */

static void on_question(void *user, struct http_req *r)
{
    if (service_answer)
        http_respond(r, &(struct http_reply){ .status = 200, .type = "application/json",
                                              .body = slice_of(service_answer) });
}

static void ask_a_service(struct world *w, uint16_t port)
{
    struct err_note note = { 0 };
    auto_mem char *path = xprintf("%s/config.yaml", w->dir);
    FILE *f = fopen(path, "a"); /* of a double key the last counts */
    assert_non_null(f);
    fprintf(f, "server: {auth: {mode: oauth2, oauth2: {introspection_url: \"http://127.0.0.1:%u/ask\", client_id: me,"
               " client_secret: s3cret}}}\n", port);
    fclose(f);
    assert_ok(server_reload(w->server, &note));
    world_settle(w);
}

static void a_service_says_who_may_come_in(void **state)
{
    static const struct http_server_events events = { .on_request = on_question };
    static const struct {
        const char *token, *answer;
        int status;
    } rows[] = {
        { "good", "{\"active\":true,\"sub\":\"anna\"}", 101 },
        { "gone", "{\"active\":false}", 401 },
        { "odd", "what?", 401 },
    };
    struct world w;
    struct http_server *service;
    int status = 0;
    world_start(&w, &(struct world_opts){ .has_auth = true, .more = PLAIN });
    assert_ok(http_server_open(&service, w.loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } },
                               &events, NULL));
    ask_a_service(&w, http_server_port(service));
    for (size_t i = 0; i < COUNT(rows); i++) {
        service_answer = rows[i].answer;
        struct client *c = enter(&w, "dev1", "c1", rows[i].token, &status);
        if ((c ? 101 : status) != rows[i].status)
            fail_msg("row %zu: %d", i, c ? 101 : status);
    }
    service_answer = NULL; /* one waits and leaves, one waits to the end */
    const char *headers[] = { "Device-Id: dev2", "Authorization: Bearer slow", NULL };
    struct client *leaves = world_dial(&w, "/xiaozhi/v1/", headers);
    struct client *waits = world_dial(&w, "/xiaozhi/v1/", headers);
    for (unsigned i = 0; i < 20; i++)
        loop_step(w.loop, 1);
    client_vanish(leaves);
    for (unsigned ms = 0; ms < 4000 && waits->ws; ms += 20) {
        world_advance(&w, 20);
        loop_step(w.loop, 1);
    }
    assert_null(waits->ws);
    assert_int_equal(waits->http_status, 401);
    assert_int_equal(server_sessions(w.server), 1);
    http_server_close(service);
    world_settle(&w);
    world_end(&w);
}

static void a_refusal_is_short_and_gives_no_reason(void **state)
{
    static const char upgrade[] = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nDevice-Id: dev1\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    static const char *const proofs[] = { "", "Authorization: Bearer x\r\n", "Authorization: Bearer x.1\r\n",
                                          "Authorization: Basic eA==\r\n" };
    struct world w;
    char first[512] = "";
    world_start(&w, &with_auth);
    for (size_t i = 0; i < COUNT(proofs); i++) {
        auto_buf struct buf reply = { 0 };
        auto_mem char *headers = xprintf("Connection: Upgrade\r\n%s%s", upgrade, proofs[i]);
        assert_int_equal(world_http(&w, server_port(w.server), "GET /xiaozhi/v1/", headers, NULL, &reply), 401);
        const char *body = strstr(reply.data, "\r\n\r\n") + 4;
        assert_true(strlen(body) <= 200);
        if (!i)
            snprintf(first, sizeof(first), "%s", body);
        assert_string_equal(body, first);
    }
    world_end(&w);
}

/* ---- the end ---- */

static void ota_answers_while_sessions_drain(void **state)
{
    struct world w;
    auto_buf struct buf body = { 0 };
    world_start(&w, &(struct world_opts){ .more = PLAIN });
    fake_llm_script("")->replies[0].text = "A long answer that takes quite a while to be spoken aloud to you.";
    struct client *c = world_talker(&w, "dev1");
    client_say(c, ASK("hello"));
    for (unsigned ms = 0; ms < 20000 && !c->frames; ms += 20) {
        world_advance(&w, 20);
        loop_step(w.loop, 1);
    }
    server_drain(w.server, false);
    assert_true(client_gets(c, "draining"));
    assert_int_equal(ask_ota(&w, "dev2", "c", "", &body), 200);
    assert_non_null(strstr(body.data, "websocket"));
    auto_buf struct buf reply = { 0 };
    assert_int_equal(world_http(&w, server_port(w.server), "GET /readyz", NULL, NULL, &reply), 503);
    assert_int_equal(world_http(&w, server_port(w.server), "GET /healthz", NULL, NULL, &reply), 200);
    world_end(&w);
}

static void a_close_with_full_queues_takes_less_than_100_ms(void **state)
{
    char echo[400];
    struct world w;
    world_start(&w, &(struct world_opts){ .more = PLAIN });
    client_vanish(world_talker(&w, "dev1"));
    for (unsigned i = 0; i < 40; i++) /* all that is made once is there */
        loop_step(w.loop, 2);
    size_t timers = loop_timers_armed(w.loop);
    int fd = deaf_connect(&w);
    assert_true(world_until(&w, deaf_is_alone, &w));
    deaf_says(fd, HELLO);
    snprintf(echo, sizeof(echo), "{\"type\":\"iot\",\"text\":\"%0250d\"}", 7);
    for (unsigned i = 0; i < 400; i++) { /* the answers fill the kernel's buffers, then ours */
        deaf_says(fd, echo);
        if (i % 10 == 0)
            loop_step(w.loop, 0);
        if (i % 40 == 0)
            loop_advance(w.loop, 1000);
    }
    deaf_says(fd, ASK("are you there"));
    world_settle(&w);
    gateway_kick(server_gateway(w.server), "deaf");
    world_advance(&w, 100);
    assert_int_equal(server_sessions(w.server), 0);
    world_advance(&w, 2000); /* TCP lingers for a second at most */
    assert_int_equal(loop_timers_armed(w.loop), timers);
    close(fd);
    world_end(&w);
}

/* ---- numbered regressions ---- */

static void chat_is_heard_aloud_whatever_meetings_disable(void **state)
{
    struct world w;
    world_start(&w, &(struct world_opts){ .more = PLAIN "meeting: {disable_tts: true}\n"
                                                        "working: {disable_tts: true}\n" });
    fake_llm_script("")->replies[0].text = "Yes.";
    struct client *c = world_talker(&w, "dev1");
    client_forget(c);
    client_say(c, ASK("are you there"));
    for (unsigned ms = 0; ms < 20000 && c->frames < 3; ms += 20) {
        world_advance(&w, 20);
        loop_step(w.loop, 1); /* what other threads do takes real time */
    }
    assert_true(c->frames > 0);
    const char *start = strstr(c->log.data, "\"state\":\"start\""), *audio = strstr(c->log.data, "<audio>");
    assert_true(start && audio && start < audio);
    world_end(&w);
}

static void two_starts_leave_the_timers_of_one(void **state)
{
    static const char start[] = "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"auto\"}";
    struct world w;
    world_start(&w, &(struct world_opts){ .more = PLAIN });
    struct client *c = world_talker(&w, "dev1");
    client_say(c, start);
    world_advance(&w, 400);
    for (unsigned i = 0; i < 40; i++) /* all that is made once is there */
        loop_step(w.loop, 2);
    size_t timers = loop_timers_armed(w.loop);
    for (unsigned i = 0; i < 5; i++) {
        client_say(c, start);
        world_advance(&w, i % 2 ? 100 : 500);
        assert_true(loop_timers_armed(w.loop) <= timers);
    }
    world_end(&w);
}

static void a_plain_get_on_the_websocket_path_is_answered(void **state)
{
    static const char *const lines[] = { "GET /xiaozhi/v1/", "GET /xiaozhi/v1", "GET /supie/v1/" };
    struct world w;
    world_start(&w, NULL);
    for (size_t i = 0; i < COUNT(lines); i++) {
        auto_buf struct buf reply = { 0 };
        assert_int_equal(world_http(&w, server_port(w.server), lines[i], NULL, NULL, &reply), 200);
        assert_non_null(strstr(reply.data, "\r\n\r\nServer is running\n"));
    }
    world_end(&w);
}

static void failed_handshakes_are_counted_by_status(void **state)
{
    struct world w;
    int status = 0;
    metrics_reset();
    world_start(&w, &with_auth);
    for (unsigned i = 0; i < 3; i++)
        assert_null(enter(&w, "dev1", "c1", "wrong", &status));
    assert_int_equal(metric_label_value(METRIC_handshakes_failed_total, "401"), 3);
    assert_int_equal(metric_value(METRIC_auth_failures_total), 3);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_device_on_the_own_network_gets_a_token_and_is_in),
        cmocka_unit_test(a_second_client_waits_for_a_person_and_revoking_closes_it),
        cmocka_unit_test(an_operator_has_a_device_start_anew),
        cmocka_unit_test(closed_pairing_hands_out_nothing),
        cmocka_unit_test(upper_case_ids_in_the_file_match),
        cmocka_unit_test(a_jwt_opens_the_door_for_its_subject),
        cmocka_unit_test(a_service_says_who_may_come_in),
        cmocka_unit_test(a_refusal_is_short_and_gives_no_reason),
        cmocka_unit_test(ota_answers_while_sessions_drain),
        cmocka_unit_test(a_close_with_full_queues_takes_less_than_100_ms),
        cmocka_unit_test(chat_is_heard_aloud_whatever_meetings_disable),
        cmocka_unit_test(two_starts_leave_the_timers_of_one),
        cmocka_unit_test(a_plain_get_on_the_websocket_path_is_answered),
        cmocka_unit_test(failed_handshakes_are_counted_by_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
