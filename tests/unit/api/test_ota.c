/* SPDX-License-Identifier: MIT
 * test_ota.c -- OTA, activation, downloads, health and admin over HTTP. TSAN */
#include "tests/support/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "protocol/ota.h"
#include "protocol/token.h"
#include "tests/support/api_world.h"
#include "tests/support/temp.h"

#define IDS "Device-Id: aa:bb:cc:00:00:01\r\nClient-Id: c-1\r\n"
#define FAR "X-Forwarded-For: 203.0.113.7\r\n"
#define PROXY "server:\n  trusted_proxies: [127.0.0.1]\n"
#define BODY "{\"application\":{\"name\":\"xiaozhi\",\"version\":\"1.2.0\"},\"board\":{\"type\":\"esp-box\"}}"

static struct api_world w;

static void start(const char *yaml)
{
    api_world_open(&w, yaml);
    api_world_serve(&w);
}

static int tear_down(void **state)
{
    api_world_close(&w);
    return 0;
}

static void ask(struct reply *r, const char *line, const char *headers, const char *body)
{
    api_ask(&w, API_DEVICE, r, line, headers, body);
}

static int status_of(const char *line, const char *headers, const char *body)
{
    struct reply r;
    ask(&r, line, headers, body);
    int status = r.status;
    reply_done(&r);
    return status;
}

static void a_device_gets_time_url_and_a_token_that_works(void **state)
{
    start("server:\n  auth_key: k\n  timezone_offset: 8\n");
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS, BODY);
    assert_int_equal(r.status, 200);
    assert_true(r.body.len < OTA_REPLY_MAX_BYTES);
    const struct json *time = json_get(r.json, "server_time"), *ws = json_get(r.json, "websocket");
    assert_true(json_get_i64(time, "timestamp", 0) > 1600000000000);
    assert_int_equal(json_get_i64(time, "timezone_offset", 0), 480);
    assert_slice_is(json_get_text(ws, "url"), "ws://localhost:8000/xiaozhi/v1/");
    assert_int_equal(json_get_i64(ws, "version", 0), 1);
    assert_int_equal(json_len(ws), 3);
    assert_null(json_get(r.json, "mqtt"));
    assert_null(json_get(r.json, "activation"));
    const struct json *fw = json_get(r.json, "firmware");
    assert_slice_is(json_get_text(fw, "version"), "1.2.0");
    assert_slice_is(json_get_text(fw, "url"), "");
    struct token_subject who = { SLICE("c-1"), SLICE("aa:bb:cc:00:00:01") };
    struct token_clock clock = { dworld_now_ms / 1000, 3600 };
    assert_int_equal(token_verify(json_get_text(ws, "token"), SLICE("k"), &who, &clock, NULL), TOKEN_GOOD);
    reply_done(&r);
}

static void every_prefix_and_slash_works(void **state)
{
    static const struct {
        const char *line, *url;
    } rows[] = {
        { "POST /xiaozhi/ota", "ws://localhost:8000/xiaozhi/v1/" },
        { "POST /xiaozhi/ota/", "ws://localhost:8000/xiaozhi/v1/" },
        { "POST /supie/ota", "ws://localhost:8000/supie/v1/" },
        { "POST /supie/ota/", "ws://localhost:8000/supie/v1/" },
    };
    start("");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply r;
        ask(&r, rows[i].line, IDS, "");
        assert_int_equal(r.status, 200);
        assert_slice_is(json_get_text(json_get(r.json, "websocket"), "url"), rows[i].url);
        reply_done(&r);
    }
    assert_int_equal(status_of("POST /other/ota", IDS, ""), 404);
    assert_int_equal(status_of("PUT /xiaozhi/ota", IDS, ""), 405);
}

static void broken_bodies_do_not_fail_the_request(void **state)
{
    static const char *const bodies[] = { "", "{", "null", "[]", "{\"board\":{\"ssid\":\"a\"b\"}}", "\xff\xfe" };
    start("");
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_int_equal(status_of("POST /xiaozhi/ota/", IDS, bodies[i]), 200);
}

static void the_device_id_must_be_there_and_usable(void **state)
{
    static const struct {
        const char *line, *headers;
        int status;
    } rows[] = {
        { "POST /xiaozhi/ota/", NULL, 400 },
        { "POST /xiaozhi/ota/", "Device-Id: ../../etc\r\n", 400 },
        { "POST /xiaozhi/ota/", "Device-Id:   \r\n", 400 },
        { "POST /xiaozhi/ota/", "Client-Id: c\r\n", 400 },
        { "POST /xiaozhi/ota/", "Device-Id: any-form\r\n", 200 },
        { "POST /xiaozhi/ota/?device-id=AA:BB", NULL, 200 },
        { "POST /xiaozhi/ota/activate", NULL, 400 },
    };
    start("");
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(status_of(rows[i].line, rows[i].headers, ""), rows[i].status);
}

static void a_far_device_gets_a_code_in_its_language(void **state)
{
    start(PROXY);
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS FAR "Accept-Language: en-US\r\n", BODY);
    const struct json *a = json_get(r.json, "activation");
    assert_int_equal(json_get_text(a, "code").len, 6);
    assert_true(slice_contains(json_get_text(a, "message"), json_get_text(a, "code")));
    assert_true(slice_contains(json_get_text(a, "message"), SLICE("console")));
    assert_true(json_get_text(a, "challenge").len >= 16);
    assert_slice_is(json_get_text(json_get(r.json, "websocket"), "token"), "");
    reply_done(&r);
    ask(&r, "POST /xiaozhi/ota/", "Device-Id: d2\r\n" FAR "Accept-Language: zh-CN\r\n", BODY);
    assert_true(slice_contains(json_get_text(json_get(r.json, "activation"), "message"), SLICE("验证码")));
    reply_done(&r);
}

static void a_person_confirms_and_the_device_is_in(void **state)
{
    start(PROXY);
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS FAR, BODY);
    char line[64];
    struct slice code = json_get_text(json_get(r.json, "activation"), "code");
    snprintf(line, sizeof line, "POST /pairing/" SLICE_FMT, SLICE_ARG(code));
    reply_done(&r);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", IDS FAR, "{}"), 202);
    assert_int_equal(status_of(line, NULL, ""), 404); /* not on the devices' door */
    api_ask(&w, API_ADMIN, &r, "GET /pairing", NULL, NULL);
    assert_int_equal(json_len(reply_data(&r)), 1);
    assert_slice_is(json_get_text(json_at(reply_data(&r), 0), "board"), "esp-box");
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, line, NULL, "");
    assert_int_equal(r.status, 200);
    assert_slice_is(json_get_text(reply_data(&r), "deviceId"), "aa:bb:cc:00:00:01");
    reply_done(&r);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", IDS FAR, "{}"), 200);
    ask(&r, "POST /xiaozhi/ota/", IDS FAR, BODY);
    assert_null(json_get(r.json, "activation"));
    assert_true(json_get_text(json_get(r.json, "websocket"), "token").len > 20);
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, "DELETE /devices/AA:BB:CC:00:00:01/pair", NULL, NULL);
    assert_int_equal(r.status, 200);
    assert_string_equal(w.kicked, "aa:bb:cc:00:00:01");
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, "DELETE /devices/unknown/pair", NULL, NULL);
    assert_int_equal(r.status, 404);
    reply_done(&r);
}

static void activation_answers_by_the_book(void **state)
{
    start(PROXY);
    assert_int_equal(status_of("POST /xiaozhi/ota/", IDS FAR, BODY), 200);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", IDS FAR, "{}"), 202);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate/", IDS FAR, "broken"), 202);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", IDS FAR, "{\"algorithm\":\"rot13\"}"), 400);
    struct reply r = { 0 };
    for (int i = 0; i < 40 && r.status != 429; i++) {
        reply_done(&r);
        ask(&r, "POST /xiaozhi/ota/activate", IDS FAR, "{}");
    }
    assert_int_equal(r.status, 429);
    assert_true(reply_header(&r, "retry-after").len > 0);
    reply_done(&r);
}

#define SERIAL_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void proof_put(struct buf *out, struct slice challenge, struct slice key_hex)
{
    uint8_t key[32], mac[32];
    char hmac[65];
    assert_true(hex_decode(key_hex, key, sizeof key));
    hmac_sha256(slice_from(key, sizeof key), challenge, mac);
    hex_encode(mac, sizeof mac, hmac);
    buf_clear(out);
    buf_printf(out, "{\"algorithm\":\"hmac-sha256\",\"serial_number\":\"SN-0001\",\"challenge\":\"" SLICE_FMT
                    "\",\"hmac\":\"%s\"}", SLICE_ARG(challenge), hmac);
}

/* A board with a burnt serial, from its first boot to its token; no person is needed. */
static void a_board_with_a_burnt_key_confirms_itself(void **state)
{
    static const char wrong_key[] = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const struct {
        const char *line, *body;
        int status;
    } admin[] = {
        { "POST /serials/SN-0001", "{}", 400 },
        { "POST /serials/SN-0001", "[]", 400 },
        { "POST /serials/SN-0001", "{\"key\":\"0011\"}", 400 },
        { "POST /serials/a%20b", "{\"key\":\"" SERIAL_KEY "\"}", 400 },
        { "POST /serials/SN-0001", "{\"key\":\"" SERIAL_KEY "\"}", 200 },
        { "POST /serials/SN-0002", "{\"key\":\"" SERIAL_KEY "\"}", 200 },
        { "DELETE /serials/SN-0002", NULL, 200 },
        { "DELETE /serials/SN-0002", NULL, 404 },
    };
    static const char headers[] = IDS FAR "Activation-Version: 2\r\nSerial-Number: SN-0001\r\n";
    struct reply r;
    auto_buf struct buf proof = { 0 };
    start(PROXY);
    assert_int_equal(status_of("POST /serials/SN-0001", NULL, admin[4].body), 404); /* not on the devices' door */
    for (size_t i = 0; i < COUNT(admin); i++) {
        api_ask(&w, API_ADMIN, &r, admin[i].line, NULL, admin[i].body);
        assert_int_equal(r.status, admin[i].status);
        assert_false(slice_contains(buf_slice(&r.raw), SLICE(SERIAL_KEY)));
        reply_done(&r);
    }
    ask(&r, "POST /xiaozhi/ota/", headers, BODY);
    auto_mem char *challenge = xslicedup(json_get_text(json_get(r.json, "activation"), "challenge"));
    reply_done(&r);
    proof_put(&proof, slice_of(challenge), slice_of(wrong_key));
    for (int i = 0; i < 3; i++)
        assert_int_equal(status_of("POST /xiaozhi/ota/activate", headers, proof.data), 202);
    proof_put(&proof, SLICE("aa:bb:cc:00:00:01"), SLICE(SERIAL_KEY)); /* not the challenge it got */
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", headers, proof.data), 202);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", headers, "{}"), 202);
    proof_put(&proof, slice_of(challenge), SLICE(SERIAL_KEY));
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", headers, proof.data), 202); /* on its way to the disk */
    dworld_settle(&w.base);
    assert_int_equal(status_of("POST /xiaozhi/ota/activate", headers, proof.data), 200);
    ask(&r, "POST /xiaozhi/ota/", headers, BODY);
    assert_null(json_get(r.json, "activation"));
    assert_true(json_get_text(json_get(r.json, "websocket"), "token").len > 20);
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, "GET /serials", NULL, NULL);
    const struct json *items = json_get(reply_data(&r), "items");
    assert_int_equal(json_len(items), 1);
    assert_slice_is(json_get_text(json_at(items, 0), "serial"), "SN-0001");
    assert_slice_is(json_get_text(json_at(items, 0), "deviceId"), "aa:bb:cc:00:00:01");
    assert_false(slice_contains(buf_slice(&r.raw), SLICE(SERIAL_KEY)));
    reply_done(&r);
}

static void browsers_get_their_pre_flight(void **state)
{
    static const char *const paths[] = { "/xiaozhi/ota/", "/supie/ota", "/xiaozhi/ota/activate",
                                         "/xiaozhi/vision/explain", "/mcp/vision/explain" };
    start("");
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct reply r;
        char line[80];
        snprintf(line, sizeof line, "OPTIONS %s", paths[i]);
        ask(&r, line, "Origin: http://page.example\r\nAccess-Control-Request-Method: POST\r\n", NULL);
        assert_int_equal(r.status, 204);
        assert_slice_is(reply_header(&r, "access-control-allow-origin"), "*");
        assert_slice_is(reply_header(&r, "access-control-allow-methods"), "GET, POST, OPTIONS");
        assert_true(slice_contains(reply_header(&r, "access-control-allow-headers"),
                                   SLICE("client-id, content-type, device-id, authorization")));
        assert_int_equal(reply_header(&r, "access-control-allow-credentials").len, 0);
        reply_done(&r);
    }
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS "Origin: http://page.example\r\n", BODY);
    assert_slice_is(reply_header(&r, "access-control-allow-origin"), "*");
    /* a page of the web on the own network is no device of the house: it needs the code */
    assert_non_null(json_get(r.json, "activation"));
    reply_done(&r);
}

static void a_get_names_the_websocket(void **state)
{
    start("");
    struct reply r;
    ask(&r, "GET /xiaozhi/ota/", "Host: parley.lan:8003\r\n", NULL);
    assert_int_equal(r.status, 200);
    assert_true(slice_contains(r.body, SLICE("ws://parley.lan:8003/xiaozhi/v1/")));
    assert_true(slice_starts(reply_header(&r, "content-type"), SLICE("text/plain")));
    reply_done(&r);
    ask(&r, "GET /xiaozhi/v1/", NULL, NULL);
    assert_int_equal(r.status, 200);
    assert_slice_is(r.body, "Server is running\n");
    reply_done(&r);
}

static void urls_follow_the_configuration_and_the_request(void **state)
{
    static const struct {
        const char *yaml, *headers, *url;
    } rows[] = {
        { "server:\n  websocket: wss://voice.example/x/v1/\n", "", "wss://voice.example/x/v1/" },
        { "server:\n  advertise_ip: 10.0.0.9\n", "", "ws://10.0.0.9:8000/xiaozhi/v1/" },
        { "server:\n  advertise_ip: 10.0.0.9\n", "Host: a\r\n", "ws://10.0.0.9/xiaozhi/v1/" },
        { PROXY, "X-Forwarded-For: 10.0.0.3\r\nX-Forwarded-Proto: https\r\nHost: v.example\r\n", "wss://v.example/xiaozhi/v1/" },
        { "", "X-Forwarded-Proto: https\r\nHost: v.example\r\n", "ws://v.example/xiaozhi/v1/" },
        { "", "Host: evil\"x\r\n", "ws://127.0.0.1:8000/xiaozhi/v1/" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        start(rows[i].yaml);
        auto_buf struct buf headers = { 0 };
        buf_printf(&headers, "%s%s", IDS, rows[i].headers);
        struct reply r;
        ask(&r, "POST /xiaozhi/ota/", headers.data, BODY);
        struct slice url = json_get_text(json_get(r.json, "websocket"), "url");
        if (!slice_is(url, rows[i].url))
            fail_msg("row %zu: " SLICE_FMT, i, SLICE_ARG(url));
        reply_done(&r);
        if (i + 1 < COUNT(rows))
            api_world_close(&w);
    }
}

static void newer_firmware_is_offered_and_downloaded_whole(void **state)
{
    char yaml[300];
    dworld_forget();
    mkdir("/tmp/parley-fw-test", 0700);
    snprintf(yaml, sizeof yaml, "firmware_dir: /tmp/parley-fw-test\n");
    static char image[300000];
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (char)(i * 7 >> 3);
    int fd = open("/tmp/parley-fw-test/esp-box_1.10.0.bin", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, image, sizeof image), sizeof image);
    close(fd);
    start(yaml);
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS, BODY);
    const struct json *fw = json_get(r.json, "firmware");
    assert_slice_is(json_get_text(fw, "version"), "1.10.0");
    assert_slice_is(json_get_text(fw, "url"), "http://localhost:8000/xiaozhi/ota/download/esp-box_1.10.0.bin");
    assert_int_equal(json_get_i64(fw, "force", 0), 0);
    reply_done(&r);
    ask(&r, "GET /xiaozhi/ota/download/esp-box_1.10.0.bin", NULL, NULL);
    assert_int_equal(r.status, 200);
    assert_slice_is(reply_header(&r, "content-length"), "300000");
    assert_int_equal(r.body.len, sizeof image);
    assert_memory_equal(r.body.data, image, sizeof image);
    reply_done(&r);
    assert_int_equal(status_of("GET /xiaozhi/ota/download/none_1.bin", NULL, NULL), 404);
    assert_int_equal(status_of("GET /xiaozhi/ota/download/..%2Fx.bin", NULL, NULL), 404);
    assert_int_equal(status_of("GET /xiaozhi/ota/download/passwd", NULL, NULL), 400);
    api_ask_and_leave(&w, "GET /xiaozhi/ota/download/esp-box_1.10.0.bin", NULL, NULL, 2);
    unlink("/tmp/parley-fw-test/esp-box_1.10.0.bin");
    rmdir("/tmp/parley-fw-test");
}

#define FORCE "/devices/AA:BB:CC:00:00:01/firmware"

static int admin(const char *line, const char *body)
{
    struct reply r;
    api_ask(&w, API_ADMIN, &r, line, NULL, body);
    int status = r.status;
    reply_done(&r);
    return status;
}

/* What OTA says of firmware: "<version> <file> <force>". */
static const char *offered(const char *headers)
{
    static char text[200];
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", headers, BODY);
    const struct json *fw = json_get(r.json, "firmware");
    struct slice url = json_get_text(fw, "url"), version = json_get_text(fw, "version");
    const char *file = url.len ? strrchr(url.data, '/') + 1 : "-";
    snprintf(text, sizeof text, SLICE_FMT " %s %d", SLICE_ARG(version), file, (int)json_get_i64(fw, "force", 0));
    reply_done(&r);
    return text;
}

static void image_make(const char *name)
{
    int fd = open(temp_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "image", 5), 5);
    close(fd);
}

static void a_forced_firmware_is_sent_once_newer_or_older(void **state)
{
    char yaml[200];
    start(PROXY);
    snprintf(yaml, sizeof yaml, PROXY "firmware_dir: %s\nfirmware_cache_ttl: 0\n", temp_dir());
    dworld_config(&w.base, yaml);
    image_make("esp-box_1.0.0.bin"); /* BODY is an esp-box of 1.2.0 */
    image_make("esp-box_2.0.0.bin");
    image_make("other_3.0.0.bin");
    assert_string_equal(offered(IDS), "2.0.0 esp-box_2.0.0.bin 0");
    assert_int_equal(admin("POST " FORCE, "{}"), 400);
    assert_int_equal(admin("POST " FORCE, "{\"version\":\"v1\"}"), 400);
    assert_int_equal(status_of("POST " FORCE, NULL, "{\"version\":\"1.0.0\"}"), 404); /* not on the devices' door */
    assert_int_equal(admin("POST " FORCE, "{\"version\":\"1.0.0\"}"), 200);
    /* Who only knows the id does not use it up. */
    assert_string_equal(offered("Device-Id: aa:bb:cc:00:00:01\r\nClient-Id: stranger\r\n" FAR),
                        "2.0.0 esp-box_2.0.0.bin 0");
    assert_string_equal(offered("Device-Id: another\r\n"), "2.0.0 esp-box_2.0.0.bin 0");
    assert_string_equal(offered(IDS), "1.0.0 esp-box_1.0.0.bin 1");
    assert_string_equal(offered(IDS), "2.0.0 esp-box_2.0.0.bin 0"); /* once */
    assert_int_equal(admin("POST " FORCE, "{\"version\":\"1.0.0\"}"), 409);
    assert_int_equal(admin("POST " FORCE, "{\"version\":\"3.0.0\"}"), 200); /* no image of its board: it waits */
    assert_string_equal(offered(IDS), "2.0.0 esp-box_2.0.0.bin 0");
    assert_int_equal(admin("DELETE " FORCE, NULL), 200);
    image_make("esp-box_3.0.0.bin");
    assert_string_equal(offered(IDS), "3.0.0 esp-box_3.0.0.bin 0");
}

static void an_outer_gateway_adds_the_mqtt_block(void **state)
{
    start("server:\n  mqtt_gateway: gw.example:1883\n  mqtt_signature_key: TestKey1\n");
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS, BODY);
    const struct json *m = json_get(r.json, "mqtt");
    assert_slice_is(json_get_text(m, "endpoint"), "gw.example:1883");
    assert_slice_is(json_get_text(m, "client_id"), "GID_esp-box@@@aa_bb_cc_00_00_01@@@c-1");
    auto_buf struct buf want = { 0 };
    mqtt_password(&want, SLICE("TestKey1"), json_get_text(m, "client_id"), json_get_text(m, "username"));
    assert_true(slice_eq(json_get_text(m, "password"), buf_slice(&want)));
    reply_done(&r);
}

static void ota_answers_while_the_store_fails_and_the_server_drains(void **state)
{
    start("");
    w.is_draining = true;
    store_fail_nth(w.base.store, 1);
    struct reply r;
    ask(&r, "POST /xiaozhi/ota/", IDS, BODY);
    assert_int_equal(r.status, 200);
    assert_true(json_get_text(json_get(r.json, "websocket"), "token").len > 20);
    reply_done(&r);
    assert_int_equal(status_of("POST /xiaozhi/ota/", IDS, BODY), 200); /* and it is saved now */
    dworld_settle(&w.base);
}

static enum err slow_run(struct db *db, void *input)
{
    bool *may_go = input;
    for (int i = 0; i < 5000 && !__atomic_load_n(may_go, __ATOMIC_ACQUIRE); i++)
        usleep(1000);
    return OK;
}

static void ota_waits_a_fifth_of_a_second_for_a_slow_store(void **state)
{
    static const struct store_op_class slow = { .name = "slow", .run = slow_run };
    static bool may_go; /* outlives the test */
    __atomic_store_n(&may_go, false, __ATOMIC_RELEASE);
    start("");
    assert_ok(store_start(NULL, w.base.store, NULL, &slow, &may_go, NULL));
    struct reply r;
    uint64_t began_us = clock_mono_us();
    ask(&r, "POST /xiaozhi/ota/", IDS, BODY);
    uint64_t took_ms = (clock_mono_us() - began_us) / 1000;
    assert_int_equal(r.status, 200);
    assert_in_range(took_ms, 190, 2000);
    __atomic_store_n(&may_go, true, __ATOMIC_RELEASE);
    reply_done(&r);
}

static enum err idle_run(struct db *db, void *input)
{
    return OK;
}

static void ota_answers_once_when_the_store_takes_no_more(void **state)
{
    static const struct store_op_class slow = { .name = "slow", .run = slow_run };
    static const struct store_op_class idle = { .name = "idle", .run = idle_run };
    static bool may_go; /* outlives the test */
    __atomic_store_n(&may_go, false, __ATOMIC_RELEASE);
    start("");
    assert_ok(store_start(NULL, w.base.store, NULL, &slow, &may_go, NULL));
    while (store_start(NULL, w.base.store, NULL, &idle, NULL, NULL) == OK)
        ;
    assert_int_equal(status_of("POST /xiaozhi/ota/", IDS, BODY), 200);
    __atomic_store_n(&may_go, true, __ATOMIC_RELEASE);
    dworld_settle(&w.base);
    assert_int_equal(status_of("POST /xiaozhi/ota/", IDS, BODY), 200);
}

static void a_slow_store_forces_nothing_and_it_waits_on(void **state)
{
    static const struct store_op_class slow = { .name = "slow", .run = slow_run };
    static bool may_go; /* outlives the test */
    char yaml[200];
    start(PROXY);
    snprintf(yaml, sizeof yaml, PROXY "firmware_dir: %s\nfirmware_cache_ttl: 0\n", temp_dir());
    dworld_config(&w.base, yaml);
    image_make("esp-box_1.0.0.bin");
    assert_string_equal(offered(IDS), "1.2.0 - 0");
    assert_int_equal(admin("POST " FORCE, "{\"version\":\"1.0.0\"}"), 200);
    __atomic_store_n(&may_go, false, __ATOMIC_RELEASE);
    assert_ok(store_start(NULL, w.base.store, NULL, &slow, &may_go, NULL));
    assert_string_equal(offered(IDS), "1.2.0 - 0");
    __atomic_store_n(&may_go, true, __ATOMIC_RELEASE);
    dworld_settle(&w.base);
    assert_string_equal(offered(IDS), "1.0.0 esp-box_1.0.0.bin 1");
}

static void health_and_readiness(void **state)
{
    start("");
    struct reply r;
    assert_int_equal(status_of("GET /healthz", NULL, NULL), 200);
    assert_int_equal(status_of("HEAD /healthz", NULL, NULL), 200);
    assert_int_equal(status_of("GET /readyz", NULL, NULL), 200);
    w.is_draining = true;
    ask(&r, "GET /readyz", NULL, NULL);
    assert_int_equal(r.status, 503);
    assert_true(json_get_bool(r.json, "draining", false));
    reply_done(&r);
    assert_int_equal(status_of("GET /healthz", NULL, NULL), 200);
    ask(&r, "GET /metrics", NULL, NULL);
    assert_int_equal(r.status, 200);
    assert_true(slice_contains(r.body, SLICE("parley_connections")));
    reply_done(&r);
    assert_int_equal(status_of("GET /nowhere", NULL, NULL), 404);
    assert_int_equal(status_of("GET /", NULL, NULL), 404);
    assert_int_equal(status_of("POST /xiaozhi/vision/explain", NULL, ""), 401);
}

static void metrics_are_for_this_machine_unless_made_public(void **state)
{
    start(PROXY);
    assert_int_equal(status_of("GET /metrics", FAR, NULL), 403);
    assert_int_equal(status_of("GET /metrics", NULL, NULL), 200);
    api_world_close(&w);
    start(PROXY "metrics:\n  public: true\n");
    assert_int_equal(status_of("GET /metrics", FAR, NULL), 200);
}

static void the_first_page_of_the_admin_says_what_there_is(void **state)
{
    struct reply r;
    start("");
    api_ask(&w, API_ADMIN, &r, "GET /", NULL, NULL);
    assert_int_equal(r.status, 200);
    assert_true(slice_contains(r.body, SLICE("POST    /pairing/{code} ")));
    assert_true(slice_contains(r.body, SLICE("GET     /api/v1/meetings/{id} ")));
    reply_done(&r);
    api_ask(&w, API_DEVICE, &r, "GET /", NULL, NULL);
    assert_int_equal(r.status, 404);
    reply_done(&r);
}

static void the_admin_reloads_restarts_and_reads_the_configuration(void **state)
{
    start("server:\n  api_token: very-secret-token\n");
    struct reply r;
    static const char bearer[] = "Authorization: Bearer very-secret-token\r\n";
    api_ask(&w, API_ADMIN, &r, "POST /reload", NULL, "");
    assert_int_equal(r.status, 401);
    assert_int_equal(w.reloads, 0);
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, "POST /reload", bearer, "");
    assert_int_equal(r.status, 200);
    reply_done(&r);
    w.reload_err = ERR_INVALID;
    api_ask(&w, API_ADMIN, &r, "POST /reload", bearer, "");
    assert_int_equal(r.status, 400);
    assert_slice_is(json_get_text(r.json, "error"), "line 3: what is this");
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, "POST /restart", bearer, "");
    assert_int_equal(r.status, 200);
    assert_int_equal(w.restarts, 1);
    reply_done(&r);
    api_ask(&w, API_ADMIN, &r, "GET /config", bearer, NULL);
    assert_int_equal(r.status, 200);
    assert_true(slice_contains(r.body, SLICE("server.port")));
    assert_false(slice_contains(r.body, SLICE("very-secret-token")));
    reply_done(&r);
}

static void a_client_that_leaves_early_harms_nobody(void **state)
{
    start("");
    for (int i = 0; i < 6; i++)
        api_ask_and_leave(&w, "POST /xiaozhi/ota/", IDS, BODY, i);
    api_ask_and_leave(&w, "POST /xiaozhi/ota/", IDS "Content-Length: 500\r\n", NULL, 3);
    assert_int_equal(status_of("POST /xiaozhi/ota/", IDS, BODY), 200);
}

#define SERVED(test) cmocka_unit_test_teardown(test, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_device_gets_time_url_and_a_token_that_works), SERVED(every_prefix_and_slash_works),
        SERVED(broken_bodies_do_not_fail_the_request), SERVED(the_device_id_must_be_there_and_usable),
        SERVED(a_far_device_gets_a_code_in_its_language), SERVED(a_person_confirms_and_the_device_is_in),
        SERVED(a_board_with_a_burnt_key_confirms_itself),
        SERVED(activation_answers_by_the_book), SERVED(browsers_get_their_pre_flight),
        SERVED(a_get_names_the_websocket), SERVED(urls_follow_the_configuration_and_the_request),
        SERVED(a_forced_firmware_is_sent_once_newer_or_older), SERVED(a_slow_store_forces_nothing_and_it_waits_on),
        SERVED(newer_firmware_is_offered_and_downloaded_whole), SERVED(an_outer_gateway_adds_the_mqtt_block),
        SERVED(ota_answers_while_the_store_fails_and_the_server_drains),
        SERVED(ota_waits_a_fifth_of_a_second_for_a_slow_store),
        SERVED(ota_answers_once_when_the_store_takes_no_more), SERVED(health_and_readiness),
        SERVED(metrics_are_for_this_machine_unless_made_public),
        SERVED(the_first_page_of_the_admin_says_what_there_is),
        SERVED(the_admin_reloads_restarts_and_reads_the_configuration),
        SERVED(a_client_that_leaves_early_harms_nobody),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
