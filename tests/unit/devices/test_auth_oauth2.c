/* SPDX-License-Identifier: MIT
 * test_auth_oauth2.c -- a token shown to an introspection service: cached, bounded, failing closed. TSAN */
#include "tests/support/test.h"

#include "base/json.h"
#include "http/client.h"
#include "http/server.h"
#include "tests/support/dworld.h"
#include "tests/support/temp.h"

static struct dworld w;
static struct http_server *server;
static struct http_client *client;
static unsigned asked;
static char seen_body[200], seen_authorization[100];
static const char *answer_text;
static int answer_status;

static void on_body(void *user, struct http_req *r, struct slice body)
{
    struct slice v = { 0 };
    asked++;
    snprintf(seen_body, sizeof seen_body, SLICE_FMT, SLICE_ARG(body));
    http_header(r, "authorization", &v);
    snprintf(seen_authorization, sizeof seen_authorization, SLICE_FMT, SLICE_ARG(v));
    if (answer_status) /* 0: says nothing */
        http_respond(r, &(struct http_reply){ .status = answer_status, .type = "application/json",
                                              .body = slice_of(answer_text) });
}

static void on_request(void *user, struct http_req *r)
{
    http_read_body(r, 4096, on_body, NULL);
}

static int set_up(void **state)
{
    static const struct http_server_events events = { .on_request = on_request };
    char yaml[400];
    dworld_open(&w, "");
    asked = 0;
    answer_status = 200;
    if (http_server_open(&server, w.loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } }, &events,
                         NULL) ||
        http_client_create(&client, w.loop, &(struct http_client_opts){ 0 }))
        return -1;
    snprintf(yaml, sizeof yaml,
             "server:\n  auth:\n    mode: oauth2\n    oauth2:\n      introspection_url: http://127.0.0.1:%u/ask\n"
             "      client_id: me\n      client_secret: s3cret\n",
             http_server_port(server));
    dworld_config(&w, yaml);
    return 0;
}

static int tear_down(void **state)
{
    http_client_free(client);
    http_server_close(server);
    for (int i = 0; i < 5; i++)
        loop_step(w.loop, 1);
    dworld_close(&w);
    return 0;
}

struct heard {
    bool is_done;
    struct auth_answer answer;
};

static void hear(void *user, const struct auth_answer *answer)
{
    struct heard *h = user;
    h->is_done = true;
    h->answer = *answer;
}

static struct auth_answer check(const char *device, const char *token)
{
    struct heard h = { 0 };
    struct auth_call *call = NULL;
    struct identity who = dworld_identity(device, "c", "203.0.113.5", token);
    auth_check(&call, w.auth, client, &who, hear, &h);
    assert_true(dworld_until(&w, &h.is_done));
    identity_done(&who);
    return h.answer;
}

static void an_active_token_is_believed_for_a_minute(void **state)
{
    answer_text = "{\"active\":true,\"sub\":\"anna\"}";
    struct auth_answer a = check("d", "opaque token&x");
    assert_ok(a.err);
    assert_string_equal(a.proof, "oauth2:anna");
    assert_string_equal(seen_body, "token=opaque%20token%26x");
    assert_string_equal(seen_authorization, "Basic bWU6czNjcmV0");
    dworld_now_ms += 59999;
    assert_ok(check("d", "opaque token&x").err);
    assert_int_equal(asked, 1);
    dworld_now_ms += 1;
    assert_ok(check("d", "opaque token&x").err);
    assert_int_equal(asked, 2);
}

static void answers_are_judged(void **state)
{
    static const struct {
        int status;
        const char *text, *device;
        enum err want;
    } rows[] = {
        { 200, "{\"active\":false}", "d", ERR_AUTH },
        { 200, "{\"active\":true}", "d", ERR_AUTH },
        { 200, "{\"active\":true,\"sub\":\"\"}", "d", ERR_AUTH },
        { 200, "{\"active\":true,\"username\":\"u\"}", "d", OK },
        { 200, "{\"active\":true,\"sub\":\"u\",\"device_id\":\"D\"}", "d", OK },
        { 200, "{\"active\":true,\"sub\":\"u\",\"device_id\":\"other\"}", "d", ERR_AUTH },
        { 200, "{\"active\":true,\"sub\":\"u\",\"exp\":1}", "d", ERR_AUTH },
        { 200, "not json", "d", ERR_AUTH },
        { 200, "", "d", ERR_AUTH },
        { 500, "{\"active\":true,\"sub\":\"u\"}", "d", ERR_AUTH },
        { 302, "{\"active\":true,\"sub\":\"u\"}", "d", ERR_AUTH },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char token[16];
        snprintf(token, sizeof token, "t%zu", i);
        answer_status = rows[i].status;
        answer_text = rows[i].text;
        struct auth_answer a = check(rows[i].device, token);
        if (a.err != rows[i].want)
            fail_msg("%s: %s", rows[i].text, err_name(a.err));
    }
}

static void a_service_that_says_nothing_is_a_refusal_after_two_seconds(void **state)
{
    answer_status = 0;
    assert_int_equal(check("d", "t").err, ERR_AUTH);
    answer_status = 200;
    answer_text = "{\"active\":true,\"sub\":\"u\"}";
    assert_ok(check("d", "t").err); /* a failure is not remembered */
}

static void a_cancelled_check_is_never_heard(void **state)
{
    answer_text = "{\"active\":true,\"sub\":\"u\"}";
    struct heard h = { 0 };
    struct auth_call *call = NULL;
    struct identity who = dworld_identity("d", "c", "203.0.113.5", "t");
    auth_check(&call, w.auth, client, &who, hear, &h);
    assert_non_null(call);
    auth_call_cancel(call);
    identity_done(&who);
    for (int i = 0; i < 20; i++)
        loop_step(w.loop, 2);
    assert_false(h.is_done);
    auth_call_cancel(NULL);
}

static void without_a_client_of_its_own_nobody_is_asked(void **state)
{
    struct heard h = { 0 };
    struct auth_call *call = NULL;
    struct identity who = dworld_identity("d", "c", "203.0.113.5", "t");
    auth_check(&call, w.auth, NULL, &who, hear, &h);
    assert_true(h.is_done);
    assert_int_equal(h.answer.err, ERR_AUTH);
    identity_done(&who);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(an_active_token_is_believed_for_a_minute), SERVED(answers_are_judged),
        SERVED(a_service_that_says_nothing_is_a_refusal_after_two_seconds),
        SERVED(a_cancelled_check_is_never_heard), SERVED(without_a_client_of_its_own_nobody_is_asked),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
