/* SPDX-License-Identifier: MIT
 * test_secrets.c -- a whole server at TRACE with a canary in every secret setting, every header and query that
 * carries one, and services that repeat the key they were given: no canary gets into a log line, an answer to a
 * client or a metric. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/settings.h"
#include "tests/support/mock_speech.h"

#define CANARY "kAnArIe"
#define LIVE_TOKEN "kAnArIe-device-9zq"
#define API_TOKEN "kAnArIe-api-9zq"
#define SERVER_SECRET "kAnArIe-manager-9zq"

static struct buf lines;
static unsigned line_count;

static void keep_line(void *user, struct slice line)
{
    buf_put(&lines, line);
    buf_puts(&lines, "\n");
    line_count++;
}

static void no_canary(const char *where, struct slice text)
{
    const char *at = text.len ? memmem(text.data, text.len, CANARY, strlen(CANARY)) : NULL;
    if (!at)
        return;
    const char *from = at;
    while (from > text.data && from[-1] != '\n')
        from--;
    const char *to = memchr(at, '\n', (size_t)(text.data + text.len - at));
    fail_msg("%s: %.*s", where, (int)((to ? to : text.data + text.len) - from), from);
}

struct play {
    struct world w;
    struct mock *mock;
};

static void write_config(struct play *p, const char *more)
{
    auto_mem char *path = xprintf("%s/config.yaml", p->w.dir);
    FILE *f = fopen(path, "w");
    unsigned port = mock_port(p->mock);

    assert_non_null(f);
    fprintf(f,
            "server:\n  auth_key: kAnArIe-key-9zq\n  api_token: " API_TOKEN "\n"
            "  mqtt_signature_key: kAnArIe-mqtt-9zq\n  mqtt_gateway: \"127.0.0.1:1883\"\n"
            "  auth:\n    enabled: true\n    mode: mixed\n"
            "    tokens: [{token: " LIVE_TOKEN "}, kAnArIe-plain-9zq, {token: kAnArIe-op-9zq, role: operator}]\n"
            "    jwt: {secret: kAnArIe-jwt-9zq, public_key: kAnArIe-public-9zq}\n"
            "    oauth2: {introspection_url: \"http://kAnArIe:kAnArIe@127.0.0.1:%u/introspect\", client_id: c,"
            " client_secret: kAnArIe-oauth-9zq}\n"
            "manager-api: {secret: " SERVER_SECRET "}\n"
            "meeting: {webhook: {secret: kAnArIe-hook-9zq, url: \"http://u:kAnArIe@127.0.0.1:%u/hook\"}}\n"
            "plugins: {weather: {api_key: kAnArIe-plugin-9zq}}\n"
            "enable_greeting: false\n"
            "selected_module: {VAD: f, ASR: web, LLM: web, TTS: web, Memory: f}\n"
            "VAD: {f: {type: fake}}\nMemory: {f: {type: fake, api_key: kAnArIe-memory-9zq}}\n",
            port, port);
    static const char *const kinds[] = { "ASR", "LLM", "TTS" };
    for (size_t i = 0; i < COUNT(kinds); i++)
        fprintf(f, "%s: {web: {type: openai, base_url: \"http://user:kAnArIe-url@127.0.0.1:%u/v1\", model_name: m,"
                   " api_key: kAnArIe-%s-9zq, headers: {X-Secret-Key: kAnArIe-head-9zq}}}\n", kinds[i], port, kinds[i]);
    fprintf(f, "log: {data_dir: %s, log_dir: %s}\nstorage: {path: %s/parley.db}\n%s\n", p->w.dir, p->w.dir, p->w.dir,
            more);
    fclose(f);
}

static void reload(struct play *p, const char *more, bool is_good)
{
    struct err_note note = { 0 };

    write_config(p, more);
    enum err err = server_reload(p->w.server, &note);
    assert_int_equal(err == OK, is_good);
    no_canary("the note of a reload", slice_of(note.text));
    world_settle(&p->w);
}

static void play_open(struct play *p)
{
    log_tap(keep_line, NULL);
    log_configure(&(struct log_opts){ .level = LOG_TRACE, .message_max_bytes = 2000 });
    world_start(&p->w, NULL);
    p->mock = mock_open(p->w.loop);
    mock_answer(p->mock, "Fine.");
    reload(p, "", true);
}

static void play_close(struct play *p)
{
    for (unsigned i = 0; i < p->w.client_count; i++) {
        no_canary("told to a client", buf_slice(&p->w.clients[i]->log));
        no_canary("a close reason", slice_of(p->w.clients[i]->reason));
        client_vanish(p->w.clients[i]);
    }
    world_settle(&p->w);
    mock_close(p->mock);
    world_end(&p->w);
    no_canary("the log", buf_slice(&lines));
    assert_true(line_count > 0);
    log_configure(&(struct log_opts){ .level = LOG_INFO, .message_max_bytes = 2000 });
    log_tap(NULL, NULL);
    buf_done(&lines);
    lines = (struct buf){ 0 };
    line_count = 0;
}

static bool is_logged(const char *what)
{
    return lines.data && strstr(lines.data, what);
}

/* ---- cases ---- */

static void refused_and_accepted_upgrades_show_no_secret(void **state)
{
    static const char *const refused[][5] = {
        { "Device-Id: dev1", "Authorization: Bearer kAnArIe-guess", NULL },
        { "Device-Id: dev1", "Authorization: Basic kAnArIeAAAA", "Cookie: session=kAnArIe", NULL },
        { "Device-Id: dev1", "X-API-Token: kAnArIe", "X-My-Secret: kAnArIe", "Proxy-Authorization: kAnArIe", NULL },
        { "Device-Id: dev1", "Authorization: Bearer kAnArIe.1700000000", NULL },
        { "Device-Id: dev1", "Authorization: Bearer kAnArIeA.kAnArIeB.kAnArIeC", NULL },
    };
    static const char *const paths[] = {
        "/xiaozhi/v1/?device-id=dev2&authorization=Bearer+kAnArIe",
        "/xiaozhi/v1/?token=kAnArIe&api_key=kAnArIe&password=kAnArIe&x=kAnArIe",
        "/xiaozhi/v1/?authorization=kAnArIe&from=mqtt_gateway",
    };
    const char *const none[] = { NULL };
    struct play p;
    play_open(&p);
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_false(client_opens(world_dial(&p.w, "/xiaozhi/v1/", refused[i])));
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_false(client_opens(world_dial(&p.w, paths[i], none)));
    assert_true(is_logged("auth.refused"));
    const char *good[] = { "Device-Id: dev1", "Authorization: Bearer " LIVE_TOKEN, "Cookie: a=kAnArIe", NULL };
    const char *plain[] = { "Device-Id: dev2", "Authorization: Bearer kAnArIe-plain-9zq", NULL };
    assert_true(client_opens(world_dial(&p.w, "/xiaozhi/v1/?token=kAnArIe", good)));
    assert_true(client_opens(world_dial(&p.w, "/xiaozhi/v1/", plain)));
    assert_true(is_logged("session.open"));
    play_close(&p);
}

static void messages_with_secrets_show_none(void **state)
{
    static const char *const messages[] = {
        "{\"type\":\"server\",\"action\":\"update_config\",\"content\":{\"secret\":\"kAnArIe-wrong\"}}",
        "{\"type\":\"server\",\"action\":\"update_config\",\"content\":{\"secret\":\"" SERVER_SECRET "\"}}",
        "{\"type\":\"server\",\"action\":\"what\",\"content\":{\"secret\":\"kAnArIe\"}}",
        "{\"type\":\"config_update\",\"api_key\":\"kAnArIe\"}",
        "{\"type\":\"odd\",\"token\":\"kAnArIe\"}",
        "{\"type\":\"listen\",\"token\":\"kAnArIe\"}",
        "{\"api_key\":\"kAnArIe\"",
        "{\"type\":\"mcp\",\"payload\":{\"token\":\"kAnArIe\"}}",
    };
    const char *good[] = { "Device-Id: dev1", "Authorization: Bearer " LIVE_TOKEN, NULL };
    struct play p;
    play_open(&p);
    struct client *c = world_dial(&p.w, "/xiaozhi/v1/", good);
    assert_true(client_opens(c));
    client_say(c, "{\"type\":\"hello\",\"token\":\"kAnArIe\",\"features\":{\"mcp\":true}}");
    assert_true(client_gets(c, "\"type\":\"hello\""));
    for (size_t i = 0; i < COUNT(messages); i++)
        client_say(c, messages[i]);
    assert_true(client_pings(c));
    assert_int_equal(client_count(c, "\"status\":\"success\""), 1);
    play_close(&p);
}

static void services_that_repeat_the_key_do_not_give_it_away(void **state)
{
    static const enum mock_mode modes[] = { MOCK_GOOD, MOCK_401, MOCK_500, MOCK_HTML, MOCK_REFUSE, MOCK_HALF_JSON };
    const char *good[] = { "Device-Id: dev1", "Authorization: Bearer " LIVE_TOKEN, NULL };
    static const uint8_t silence[] = { 0xf8, 0xff, 0xfe };
    struct play p;
    play_open(&p);
    struct client *c = world_dial(&p.w, "/xiaozhi/v1/", good);
    assert_true(client_opens(c));
    client_say(c, HELLO);
    assert_true(client_gets(c, "\"type\":\"hello\""));
    for (size_t i = 0; i < 2 * COUNT(modes); i++) {
        mock_set(p.mock, modes[i / 2], 0);
        if (i % 2) {
            client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"are you there\"}");
        } else {
            client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
            for (unsigned n = 0; n < 25; n++)
                client_frame(c, silence, sizeof(silence));
            world_advance(&p.w, 400);
            client_say(c, "{\"type\":\"listen\",\"state\":\"stop\"}");
        }
        world_advance(&p.w, 8000);
        loop_advance(p.w.loop, 31000); /* no provider is left out because it failed */
        client_say(c, "{\"type\":\"ping\"}");
        world_settle(&p.w);
    }
    assert_true(mock_requests(p.mock) > 8);
    assert_true(slice_contains(mock_request(p.mock), SLICE("kAnArIe"))); /* it was really used */
    assert_true(is_logged("401"));
    play_close(&p);
}

#define BOARD_KEY "c0ffee00c0ffee11c0ffee22c0ffee33"

static void no_answer_over_http_shows_a_secret(void **state)
{
    static const struct {
        bool is_admin;
        const char *line, *headers, *body;
    } rows[] = {
        { false, "GET /api/v1/devices", "X-API-Token: kAnArIe-guess\r\n", NULL },
        { false, "GET /api/v1/devices?token=kAnArIe-guess", NULL, NULL },
        { false, "GET /api/v1/devices", "Authorization: Bearer kAnArIe-guess\r\n", NULL },
        { false, "GET /api/v1/devices?token=" API_TOKEN, NULL, NULL },
        { false, "GET /api/v1/meetings/kAnArIe!?token=" API_TOKEN, NULL, NULL },
        { false, "GET /no/such/path?token=kAnArIe&password=kAnArIe", "Cookie: kAnArIe\r\n", NULL },
        { false, "POST /xiaozhi/ota/", "Device-Id: dev9\r\nAuthorization: Bearer kAnArIe\r\n",
          "{\"token\":\"kAnArIe\"" },
        { false, "POST /xiaozhi/ota/activate", "Device-Id: dev9\r\n", "{\"algorithm\":\"x\",\"hmac\":\"kAnArIe\"}" },
        { false, "POST /xiaozhi/vision/explain", "Device-Id: dev9\r\nAuthorization: Bearer kAnArIe\r\n", "x" },
        { false, "GET /metrics", NULL, NULL },
        { false, "GET /readyz", NULL, NULL },
        { true, "GET /config", "X-API-Token: " API_TOKEN "\r\n", NULL },
        { true, "GET /devices", "X-API-Token: " API_TOKEN "\r\n", NULL },
        { true, "POST /pairing/kAnArIe", "X-API-Token: " API_TOKEN "\r\n", "" },
        { true, "POST /serials/SN1", "X-API-Token: " API_TOKEN "\r\n", "{\"key\":\"kAnArIe\"}" },
        { true, "POST /serials/SN1", "X-API-Token: " API_TOKEN "\r\n", "{\"key\":\"" BOARD_KEY "\"}" },
        { true, "GET /serials", "X-API-Token: " API_TOKEN "\r\n", NULL },
        { true, "POST /reload", "X-API-Token: " API_TOKEN "\r\n", "" },
        { true, "GET /pairing", "X-API-Token: kAnArIe-guess\r\n", NULL },
    };
    struct play p;
    struct server_ports ports;
    play_open(&p);
    server_ports(p.w.server, &ports);
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf reply = { 0 };
        int status = world_http(&p.w, rows[i].is_admin ? ports.admin : ports.device, rows[i].line, rows[i].headers,
                                rows[i].body, &reply);
        if (status < 200)
            fail_msg("%s: %d", rows[i].line, status);
        no_canary(rows[i].line, buf_slice(&reply));
        assert_false(slice_contains(buf_slice(&reply), SLICE(BOARD_KEY)));
    }
    assert_false(is_logged(BOARD_KEY));
    play_close(&p);
}

static void broken_and_odd_files_show_no_secret(void **state)
{
    struct play p;
    play_open(&p);
    reload(&p, "server2: [1, 2\n  api_key: {kAnArIe-broken", false);
    reload(&p, "LLM: \"kAnArIe\": x", false);
    reload(&p, "server: {api_tokn: kAnArIe, port: " LIVE_TOKEN ", auth: {tokens: kAnArIe, jwt: [kAnArIe]}}\n"
               "manager-api: {secret: [kAnArIe]}\nLLM: {web: {type: openai, api_key: {a: kAnArIe}, apikey: kAnArIe}}",
           true);
    reload(&p, "", true);
    assert_true(is_logged("result=failed"));
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_and_accepted_upgrades_show_no_secret),
        cmocka_unit_test(messages_with_secrets_show_none),
        cmocka_unit_test(services_that_repeat_the_key_do_not_give_it_away),
        cmocka_unit_test(no_answer_over_http_shows_a_secret),
        cmocka_unit_test(broken_and_odd_files_show_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
