/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "devices/identity.h"
#include "tests/support/api_world.h"
#include "tests/support/temp.h"

static struct dworld w;
static struct http_server *server;
static struct identity got;
static bool is_done;

static void on_request(void *user, struct http_req *r)
{
    struct config *cfg = config_now(w.config);
    identity_read(&got, r, cfg);
    config_unref(cfg);
    http_respond_text(r, 200, "");
    is_done = true;
}

struct asking {
    struct conn *conn;
    char text[1024];
};
static void on_open(void *user)
{
    struct asking *a = user;
    assert_ok(conn_write(a->conn, slice_of(a->text)));
}
static void on_data(void *user, struct slice data)
{
}
static void on_close(void *user, enum err why)
{
    ((struct asking *)user)->conn = NULL;
}
static const struct conn_events events = { .on_open = on_open, .on_data = on_data, .on_close = on_close };

static void ask(const char *query, const char *headers)
{
    struct asking a = { 0 };
    identity_done(&got);
    got = (struct identity){ 0 };
    is_done = false;
    snprintf(a.text, sizeof a.text, "GET /x%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", query, headers);
    const struct conn_opts o = { .host = "127.0.0.1", .port = http_server_port(server) };
    assert_ok(conn_connect(&a.conn, w.loop, &o, &events, &a));
    assert_true(dworld_until(&w, &is_done));
    conn_close(a.conn);
    loop_step(w.loop, 1);
}

static void start(const char *yaml)
{
    static const struct http_server_events on = { .on_request = on_request };
    dworld_open(&w, yaml);
    assert_ok(http_server_open(&server, w.loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } }, &on,
                               NULL));
}

static int tear_down(void **state)
{
    identity_done(&got);
    got = (struct identity){ 0 };
    http_server_close(server);
    for (int i = 0; i < 4; i++)
        loop_step(w.loop, 1);
    dworld_close(&w);
    return 0;
}

static void ids_come_from_query_header_client_or_nowhere(void **state)
{
    static const struct {
        const char *query, *headers, *device, *client;
        enum id_source source;
    } rows[] = {
        { "?device-id=AA:BB", "", "aa:bb", "aa:bb", ID_QUERY },
        { "?device-id='X1'", "Client-Id: C\r\n", "x1", "c", ID_QUERY },
        { "", "Client-Id: c9\r\n", "c9", "c9", ID_CLIENT },
        { "?device-id=q", "Device-Id: h\r\n", "q", "q", ID_QUERY },
        { "", "X-Device-ID: Foo\r\n", "foo", "foo", ID_HEADER },
        { "?device-id=%20&device_id=b", "", "b", "b", ID_QUERY },
        { "?device-id=first&device-id=second", "", "first", "first", ID_QUERY },
        { "?device-id=%41%3A%42", "", "a:b", "a:b", ID_QUERY },
        { "", "Device-Id: first\r\nDevice-Id: second\r\n", "first", "first", ID_HEADER },
    };
    start("");
    for (size_t i = 0; i < COUNT(rows); i++) {
        ask(rows[i].query, rows[i].headers);
        assert_string_equal(got.device, rows[i].device);
        assert_string_equal(got.client, rows[i].client);
        assert_int_equal(got.source, rows[i].source);
    }
    ask("?device-id=../../etc", "");
    assert_int_equal(got.source, ID_AUTO);
    assert_int_equal(got.refused, 1);
    assert_int_equal(strlen(got.device), 13);
    assert_string_equal(got.device, got.client);
}

static void raw_spellings_are_kept_for_the_token(void **state)
{
    start("");
    ask("", "Device-Id: AA:BB\r\nClient-Id: Cli\r\n");
    assert_string_equal(got.raw_device, "AA:BB");
    assert_string_equal(got.raw_client, "Cli");
    ask("?device-id=QQ", "");
    assert_string_equal(got.raw_client, "QQ");
}

static void the_header_beats_the_query_for_the_token(void **state)
{
    start("");
    ask("?authorization=Bearer%20qtok", "");
    assert_string_equal(got.token, "qtok");
    ask("?authorization=Bearer+qtok", "Authorization: Bearer htok\r\n");
    assert_string_equal(got.token, "htok");
    ask("", "Authorization: Basic x\r\n");
    assert_null(got.token);
    ask("", "");
    assert_null(got.token);
}

static void only_trusted_proxies_may_name_the_peer(void **state)
{
    static const struct {
        const char *yaml, *headers, *peer;
        bool is_forwarded;
    } rows[] = {
        { "", "", "127.0.0.1", false },
        { "", "X-Forwarded-For: 8.8.8.8\r\n", "127.0.0.1", true },
        { "", "X-Real-IP: 8.8.8.8\r\n", "127.0.0.1", true },
        { "server:\n  trusted_proxies: [127.0.0.0/8]\n", "X-Forwarded-For: 8.8.8.8\r\n", "8.8.8.8", false },
        { "server:\n  trusted_proxies: [127.0.0.1]\n", "X-Forwarded-For: 1.1.1.1, 8.8.8.8\r\n", "8.8.8.8", false },
        { "server:\n  trusted_proxies: [127.0.0.1, 10.0.0.0/8]\n", "X-Forwarded-For: 8.8.8.8, 10.0.0.2\r\n", "8.8.8.8",
          false },
        { "server:\n  trusted_proxies: [127.0.0.1]\n", "X-Forwarded-For: 8.8.8.8, unknown\r\n", "127.0.0.1", true },
        { "server:\n  trusted_proxies: [127.0.0.1]\n",
          "X-Forwarded-For: 192.168.0.1\r\nX-Forwarded-For: 8.8.8.8\r\n", "8.8.8.8", false },
        { "server:\n  trusted_proxies: [127.0.0.1]\n", "Forwarded: for=8.8.8.8\r\n", "127.0.0.1", true },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        start(rows[i].yaml);
        ask("?device-id=d", rows[i].headers);
        if (strcmp(got.peer.text, rows[i].peer) != 0 || got.is_forwarded != rows[i].is_forwarded)
            fail_msg("row %zu: %s %d", i, got.peer.text, got.is_forwarded);
        if (i + 1 < COUNT(rows))
            tear_down(NULL);
    }
}

static void origins_of_the_web_are_told_from_those_of_the_house(void **state)
{
    static const struct {
        const char *origin;
        bool is_public;
    } rows[] = {
        { "http://localhost", false },       { "http://localhost:8080", false }, { "https://127.0.0.1:3000", false },
        { "http://192.168.1.4", false },     { "http://[::1]:80", false },       { "http://10.0.0.1.evil.com", true },
        { "https://page.example", true },    { "null", true },                   { "http://localhost.evil.com", true },
        { "http://8.8.8.8", true },          { "file://", true },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (host_is_private(slice_of(rows[i].origin)) == rows[i].is_public)
            fail_msg("%s", rows[i].origin);
}

#define SERVED(test) cmocka_unit_test_teardown(test, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(ids_come_from_query_header_client_or_nowhere), SERVED(raw_spellings_are_kept_for_the_token),
        SERVED(the_header_beats_the_query_for_the_token), SERVED(only_trusted_proxies_may_name_the_peer),
        cmocka_unit_test(origins_of_the_web_are_told_from_those_of_the_house),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
