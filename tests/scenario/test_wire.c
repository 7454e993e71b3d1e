/* SPDX-License-Identifier: MIT
 * test_wire.c -- what stands in the bytes between device and server: refusals before the upgrade, headers
 * as clients really send them, OTA, and the pace of audio. Everything against a whole server. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "base/json.h"
#include "base/mem.h"
#include "tests/support/fake_providers.h"
#include "tests/support/wire.h"

#include <fcntl.h>
#include <unistd.h>

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Host: 192.168.1.5\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"
#define PICKED_UP "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/* One request over a connection of its own; the answer up to its end, or the head of a 101. */
static void ask_port(struct world *w, uint16_t port, const char *request, struct buf *answer)
{
    struct wire wire;

    wire_connect(&wire, w->loop, port, NULL);
    wire_send(&wire, slice_of(request));
    wire_until(w->loop, wire.is_closed || (wire_has(&wire, "\r\n\r\n") && wire_has(&wire, " 101 ")));
    (void)buf_put(answer, buf_slice(&wire.got));
    wire_close(&wire, w->loop);
}

static void ask(struct world *w, const char *request, struct buf *answer)
{
    ask_port(w, server_port(w->server), request, answer);
}

static void assert_status(struct world *w, const char *request, int status)
{
    auto_buf struct buf answer = { 0 };
    char line[20];

    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    ask(w, request, &answer);
    if (!slice_starts(buf_slice(&answer), slice_of(line)))
        fail_msg("wanted %d for\n%.300s\ngot\n%.200s", status, request, answer.data);
}

static bool has(const struct buf *answer, const char *text)
{
    return slice_contains(buf_slice(answer), slice_of(text));
}

/* --- refused before the upgrade ------------------------------------------------------------------------ */

static void upgrades_that_are_none_are_refused_by_status(void **state)
{
    static const struct {
        int status;
        const char *request;
    } rows[] = {
        { 400, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nHost: h\r\n" KEY "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n" },
        { 400, "GET / HTTP/1.0\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nConnection: Upgrade\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nHost: h\r\nDevice Id: x\r\n\r\n" },
        { 426, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" KEY "Upgrade: websocket\r\n\r\n" },
        { 426, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 8\r\nUpgrade: websocket\r\n\r\n" },
    };
    struct world w;
    world_start(&w, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_status(&w, rows[i].request, rows[i].status);
    assert_int_equal(server_sessions(w.server), 0);
    world_end(&w);
}

static void heads_without_end_are_refused_by_status(void **state)
{
    struct world w;
    auto_buf struct buf line = { 0 }, many = { 0 }, wide = { 0 };

    world_start(&w, NULL);
    buf_puts(&line, "GET /");
    for (unsigned i = 0; i < 9000; i++)
        buf_puts(&line, "a");
    buf_puts(&line, " HTTP/1.1\r\n" UPGRADE "\r\n");
    assert_status(&w, line.data, 414);
    buf_puts(&many, "GET / HTTP/1.1\r\n" UPGRADE);
    for (unsigned i = 0; i < 70; i++)
        buf_printf(&many, "X-%u: y\r\n", i);
    buf_puts(&many, "\r\n");
    assert_status(&w, many.data, 431);
    buf_puts(&wide, "GET / HTTP/1.1\r\n" UPGRADE "X: ");
    for (unsigned i = 0; i < 9000; i++)
        buf_puts(&wide, "a");
    buf_puts(&wide, "\r\n\r\n");
    assert_status(&w, wide.data, 431);
    world_end(&w);
}

static void a_handshake_that_takes_ten_seconds_is_408(void **state)
{
    struct world w;
    struct wire wire;

    world_start(&w, NULL);
    wire_connect(&wire, w.loop, server_port(w.server), NULL);
    wire_send(&wire, SLICE("GET /xiaozhi/v1/ HTTP/1.1\r\nHost: h\r\n"));
    world_advance(&w, 9900);
    assert_int_equal(wire.got.len, 0);
    world_advance(&w, 200);
    wire_until(w.loop, wire.is_closed);
    assert_true(wire_has(&wire, "HTTP/1.1 408 "));
    wire_close(&wire, w.loop);
    world_end(&w);
}

static void one_connection_too_many_is_503(void **state)
{
    struct world w;
    struct wire first;
    auto_buf struct buf answer = { 0 };

    world_start(&w, &(struct world_opts){ .more = "limits: {connections: 1}\n" });
    wire_connect(&first, w.loop, server_port(w.server), NULL);
    world_settle(&w);
    ask(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n", &answer);
    assert_true(has(&answer, "HTTP/1.1 503 "));
    assert_true(has(&answer, "Retry-After: "));
    assert_false(has(&answer, " 101 "));
    wire_close(&first, w.loop);
    world_settle(&w);
    assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n", 101);
    world_end(&w);
}

static void a_loop_that_works_all_the_time_takes_no_new_session(void **state)
{
    struct world w;
    auto_buf struct buf answer = { 0 };

    world_start(&w, NULL);
    struct client *there = world_talker(&w, "d0");
    loop_pretend_load(server_loop(w.server, 0), 81);
    ask(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n", &answer);
    assert_true(has(&answer, "HTTP/1.1 503 "));
    assert_true(has(&answer, "Retry-After: "));
    assert_true(client_pings(there)); /* who is there stays */
    loop_pretend_load(server_loop(w.server, 0), 80);
    assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n", 101);
    world_end(&w);
}

static void a_loop_that_works_all_the_time_begins_no_conversation(void **state)
{
    struct world w;

    world_start(&w, NULL);
    struct client *c = world_talker(&w, "d0");
    loop_pretend_load(server_loop(w.server, 0), 81);
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"what time is it\"}");
    world_advance(&w, 1000);
    assert_true(client_gets(c, "服务器繁忙"));
    world_end(&w);
}

static void many_connects_of_one_device_are_429(void **state)
{
    struct world w;

    world_start(&w, NULL);
    for (unsigned i = 0; i < 6; i++)
        assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n", 101);
    assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n", 429);
    assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d2\r\n\r\n", 101);
    world_end(&w);
}

/* OTA names a pair, a token lets it in, revoking it is 403. */
static void tokens_are_401_or_403(void **state)
{
    struct world w;
    struct server_ports ports;
    auto_buf struct buf answer = { 0 }, request = { 0 };
    auto_json struct json *reply = NULL;

    world_start(&w, &(struct world_opts){ .has_auth = true });
    server_ports(w.server, &ports);
    assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\nClient-Id: c1\r\n\r\n", 401);
    assert_status(&w, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\nAuthorization: Bearer x.1\r\n\r\n", 401);
    ask(&w, "POST /xiaozhi/ota/ HTTP/1.1\r\nHost: h:8000\r\nConnection: close\r\nDevice-Id: d1\r\nClient-Id: c1\r\n"
            "Content-Length: 2\r\n\r\n{}", &answer);
    assert_true(has(&answer, "HTTP/1.1 200 "));
    assert_ok(json_parse(&reply, slice_of(strstr(answer.data, "\r\n\r\n") + 4), NULL));
    struct slice token = json_get_text(json_get(reply, "websocket"), "token");
    assert_true(token.len > 20);
    buf_printf(&request, "GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\nClient-Id: c1\r\nAuthorization: Bearer "
                         SLICE_FMT "\r\n\r\n", SLICE_ARG(token));
    assert_status(&w, request.data, 101);
    buf_clear(&answer);
    ask_port(&w, ports.admin, "DELETE /devices/d1/pair HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", &answer);
    assert_true(has(&answer, "HTTP/1.1 200 "));
    assert_status(&w, request.data, 403);
    world_end(&w);
}

/* --- upgraded ------------------------------------------------------------------------------------------- */

static void whatever_clients_send_is_upgraded_and_nothing_is_negotiated(void **state)
{
    static const char *const rows[] = {
        /* the device: Host without port, headers in its order */
        "GET /xiaozhi/v1/ HTTP/1.1\r\nHost: 192.168.1.5\r\nClient-Id: c\r\nConnection: Upgrade\r\nDevice-Id: d1\r\n"
        "Protocol-Version: 1\r\n" KEY "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n",
        /* the gateway: lower case, a query that marks it */
        "GET /xiaozhi/v1/?from=mqtt_gateway HTTP/1.1\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nconnection: Upgrade\r\nupgrade: websocket\r\ndevice-id: d2\r\n"
        "protocol-version: 2\r\nauthorization: Bearer x\r\nhost: parley:8000\r\n\r\n",
        /* a browser: offers compression, names its page, ids in the query */
        "GET /xiaozhi/v1/?device-id=d3&client-id=web&authorization=Bearer%20a.b HTTP/1.1\r\nHost: parley:8000\r\n"
        "Connection: keep-alive, Upgrade\r\nPragma: no-cache\r\nOrigin: https://page.example\r\nUpgrade: websocket\r\n"
        "User-Agent: Mozilla/5.0\r\nSec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\n" KEY
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        /* a client that asks for a subprotocol, on a path of its own */
        "GET /ws/xiaozhi/v1/?device-id=d4 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nConnection: keep-alive\r\n" KEY
        "Sec-WebSocket-Protocol: chat, v2\r\nSec-WebSocket-Version: 13\r\nUpgrade: WebSocket\r\n\r\n",
        "GET / HTTP/1.1\r\n" UPGRADE "\r\n",
    };
    struct world w;
    world_start(&w, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf answer = { 0 };
        ask(&w, rows[i], &answer);
        assert_slice_is(buf_slice(&answer), PICKED_UP);
    }
    world_end(&w);
}

static void an_id_in_the_query_is_the_same_device(void **state)
{
    const char *none[] = { NULL }, *other[] = { "Device-Id: somebody-else", NULL };
    struct world w;

    world_start(&w, NULL);
    struct client *c = world_talker(&w, "aa:bb:cc:dd:ee:ff");
    assert_true(client_opens(world_dial(&w, "/ws/?device-id=AA%3ABB:CC:dd:ee:ff", none)));
    assert_true(client_gets(c, "device_takeover"));
    struct client *d = world_talker(&w, "d2");
    assert_true(client_opens(world_dial(&w, "/?device_id=%27D2%27", other))); /* the query wins */
    assert_true(client_gets(d, "device_takeover"));
    world_end(&w);
}

static void a_get_without_upgrade_says_that_the_server_runs(void **state)
{
    struct world w;
    auto_buf struct buf answer = { 0 };

    world_start(&w, NULL);
    ask(&w, "GET /xiaozhi/v1/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &answer);
    assert_true(has(&answer, "HTTP/1.1 200 "));
    assert_true(has(&answer, "Content-Type: text/plain"));
    assert_true(has(&answer, "\r\n\r\nServer is running\n"));
    world_end(&w);
}

static void a_close_frame_is_followed_by_the_end_without_waiting(void **state)
{
    struct world w;
    struct wire wire;

    world_start(&w, NULL);
    wire_connect(&wire, w.loop, server_port(w.server), NULL);
    wire_send(&wire, SLICE("GET / HTTP/1.1\r\n" UPGRADE "Device-Id: d1\r\n\r\n"));
    wire_until(w.loop, wire_has(&wire, "\r\n\r\n"));
    buf_clear(&wire.got);
    world_advance(&w, 10100); /* no hello */
    wire_until(w.loop, wire.got.len >= 4);
    assert_memory_equal(wire.got.data, "\x88", 1);
    assert_memory_equal(wire.got.data + 2, "\x03\xf0", 2); /* 1008 */
    world_advance(&w, 1000); /* it does not echo */
    wire_until(w.loop, wire.is_closed);
    assert_int_equal(server_sessions(w.server), 0);
    wire_close(&wire, w.loop);
    world_end(&w);
}

/* --- OTA ------------------------------------------------------------------------------------------------ */

/* The JSON of one OTA call, checked for what hurts devices. */
static struct json *ota(struct world *w, const char *headers, const char *body)
{
    auto_buf struct buf request = { 0 }, answer = { 0 };
    struct json *reply = NULL;

    buf_printf(&request, "POST /xiaozhi/ota/ HTTP/1.1\r\nHost: 192.168.1.5:8003\r\nConnection: close\r\n%s"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", headers, strlen(body), body);
    ask(w, request.data, &answer);
    assert_true(has(&answer, "HTTP/1.1 200 "));
    assert_true(has(&answer, "Access-Control-Allow-Origin: *\r\n"));
    assert_false(has(&answer, "Allow-Credentials"));
    const char *at = strstr(answer.data, "\r\n\r\n");
    assert_non_null(at);
    assert_true(strlen(at) < 6000);
    assert_ok(json_parse(&reply, slice_of(at + 4), NULL));
    return reply;
}

static void only_names(const struct json *block, const char *const *names)
{
    size_t known = 0;
    for (; *names; names++)
        known += json_get(block, *names) != NULL;
    assert_int_equal(json_len(block), known);
}

static void an_ota_answer_holds_nothing_that_hurts(void **state)
{
    static const char *const top[] = { "server_time", "firmware", "websocket", NULL };
    static const char *const websocket[] = { "url", "token", "version", NULL };
    static const char *const firmware[] = { "version", "url", NULL };
    static const struct {
        const char *headers, *body, *version;
    } rows[] = {
        { "Device-Id: d1\r\nUser-Agent: bread-compact-wifi/2.4.2\r\n", "{\"application\":{\"version\":\"2.4.2\"}}", "2.4.2" },
        { "Device-Id: d1\r\nUser-Agent: bread-compact-wifi/2.4.1\r\n", "{\"board\":{\"ssid\":\"my \"net\" \\\"}}", "2.4.1" },
        { "Device-Id: d1\r\n", "", "0" },
        { "Device-Id: d1\r\n", "{\"application\":{\"version\":\"v1.2.0\"}}", "0" },
        { "Device-Id: d1\r\n", "{\"application\":{\"version\":\"1..2\"}}", "0" },
    };
    struct world w;

    world_start(&w, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *reply = ota(&w, rows[i].headers, rows[i].body);
        only_names(reply, top);
        only_names(json_get(reply, "websocket"), websocket);
        only_names(json_get(reply, "firmware"), firmware); /* no force */
        assert_slice_is(json_get_text(json_get(reply, "firmware"), "version"), rows[i].version);
        assert_slice_is(json_get_text(json_get(reply, "firmware"), "url"), "");
        assert_slice_is(json_get_text(json_get(reply, "websocket"), "url"), "ws://192.168.1.5:8003/xiaozhi/v1/");
        assert_int_equal(json_get_i64(json_get(reply, "websocket"), "version", 0), 1);
        assert_true(json_get_i64(json_get(reply, "server_time"), "timestamp", 0) > 1600000000000);
    }
    world_end(&w);
}

static void ota_answers_on_both_ports_and_a_pre_flight_is_answered(void **state)
{
    struct world w;
    struct server_ports ports;

    world_start(&w, NULL);
    server_ports(w.server, &ports);
    for (unsigned i = 0; i < 2; i++) {
        auto_buf struct buf answer = { 0 }, flight = { 0 };
        ask_port(&w, i ? ports.http : ports.device, "POST /supie/ota HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                 "Device-Id: d1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", &answer);
        assert_true(has(&answer, "HTTP/1.1 200 "));
        ask_port(&w, i ? ports.http : ports.device, "OPTIONS /xiaozhi/ota/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                 "Origin: https://page.example\r\nAccess-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: client-id,content-type,device-id\r\n\r\n", &flight);
        assert_true(has(&flight, "HTTP/1.1 204 "));
        assert_true(has(&flight, "Access-Control-Allow-Origin: *\r\n"));
        assert_true(has(&flight, "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n"));
        assert_true(has(&flight, "Access-Control-Allow-Headers: client-id, content-type, device-id, authorization"));
        assert_false(has(&flight, "Allow-Credentials"));
    }
    world_end(&w);
}

static void a_firmware_image_has_its_length_and_is_its_own(void **state)
{
    struct world w;
    auto_buf struct buf more = { 0 }, answer = { 0 };
    char dir[] = "/tmp/parley-wire-XXXXXX";
    static const char *const files[] = { "my_box_2.10.0.bin", "my_box_2.9.0.bin", "other_9.0.bin", "default_9.0.bin" };

    assert_non_null(mkdtemp(dir));
    buf_printf(&more, "firmware_dir: %s\n", dir);
    world_start(&w, &(struct world_opts){ .more = more.data });
    for (size_t i = 0; i < COUNT(files); i++) {
        auto_mem char *path = xprintf("%s/%s", dir, files[i]);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, "\xe9image", 6), 6);
        close(fd);
    }
    auto_json struct json *reply = ota(&w, "Device-Id: d1\r\n", "{\"application\":{\"version\":\"2.9.9\"},"
                                                                "\"board\":{\"type\":\"my_box\"}}");
    const struct json *fw = json_get(reply, "firmware");
    assert_slice_is(json_get_text(fw, "version"), "2.10.0");
    assert_slice_is(json_get_text(fw, "url"), "http://192.168.1.5:8003/xiaozhi/ota/download/my_box_2.10.0.bin");
    assert_null(json_get(fw, "force"));
    ask(&w, "GET /xiaozhi/ota/download/my_box_2.10.0.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &answer);
    assert_true(has(&answer, "HTTP/1.1 200 "));
    assert_true(has(&answer, "Content-Length: 6\r\n"));
    assert_false(has(&answer, "chunked"));
    assert_true(has(&answer, "\r\n\r\n\xe9image"));
    assert_status(&w, "GET /xiaozhi/ota/download/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 404);
    for (size_t i = 0; i < COUNT(files); i++) {
        auto_mem char *path = xprintf("%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
    world_end(&w);
}

/* --- pace ----------------------------------------------------------------------------------------------- */

#define TRACK_MAX 64
#define TICK_MS 5
#define REST_MS 100

struct track { /* times on the hand-moved clock */
    uint64_t start_ms, stop_ms, frame_ms[TRACK_MAX];
    unsigned frames, at_once; /* most frames within 10 ms */
};

/* One typed turn, looked at every 5 ms. */
static void track(struct client *c, struct track *t)
{
    *t = (struct track){ 0 };
    unsigned before = c->frames;

    client_forget(c);
    client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"what time is it\"}");
    assert_true(client_gets(c, "\"type\":\"stt\"")); /* the store has had its time */
    for (unsigned ms = 0; ms < 20000 && !t->stop_ms; ms += TICK_MS) {
        loop_advance(c->world->loop, TICK_MS);
        if (ms % REST_MS == 0)
            loop_step(c->world->loop, 1); /* other threads need real time */
        world_settle(c->world);
        uint64_t now = loop_now_ms(c->world->loop);
        if (!t->start_ms && client_count(c, "\"state\":\"start\""))
            t->start_ms = now;
        for (; before < c->frames && t->frames < TRACK_MAX; before++)
            t->frame_ms[t->frames++] = now;
        if (client_count(c, "\"state\":\"stop\""))
            t->stop_ms = now;
    }
    assert_true(t->start_ms && t->stop_ms && t->frames > 8);
    for (unsigned i = 1; i < t->frames; i++)
        t->at_once = MAX(t->at_once, t->frame_ms[i] - t->frame_ms[i - 1] <= 10 ? 2u : 1u);
}

static void the_pace_of_audio_follows_the_board_and_its_firmware(void **state)
{
    static const struct {
        const char *name, *ota; /* NULL: never seen */
        unsigned lead, tail_ms;
    } rows[] = {
        { "new", "{\"chip_model_name\":\"esp32s3\",\"application\":{\"version\":\"2.2.2\"},\"board\":{\"type\":\"box\"}}", 4, 60 },
        { "old", "{\"chip_model_name\":\"esp32s3\",\"application\":{\"version\":\"2.2.1\"},\"board\":{\"type\":\"box\"}}", 4, 180 },
        { "c3", "{\"chip_model_name\":\"esp32c3\",\"application\":{\"version\":\"2.4.2\"},\"board\":{\"type\":\"esp-hi\"}}", 2, 60 },
        { "named", "{\"application\":{\"version\":\"1.6.2\"},\"board\":{\"type\":\"xmini-c3\"}}", 2, 180 },
        { "own", "{\"application\":{\"version\":\"2.4.2\"},\"board\":{\"type\":\"patient\"}}", 6, 60 },
        { "queue5", "{\"application\":{\"version\":\"1.6.0\"},\"board\":{\"type\":\"patient\"}}", 4, 180 },
        { "unknown", NULL, 4, 60 },
    };
    struct world w;

    world_start(&w, &(struct world_opts){ .more = "audio: {boards: {patient: {lead_packets: 6}}}\n" });
    fake_llm_script("")->replies[0].text = "It is ten.";
    fake_tts_script("")->sentence_ms = 1500;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct track t;
        auto_mem char *id = xprintf("Device-Id: %s\r\n", rows[i].name);
        if (rows[i].ota)
            json_free(ota(&w, id, rows[i].ota));
        struct client *c = world_talker(&w, rows[i].name);
        track(c, &t);
        assert_in_range(t.frame_ms[0] - t.start_ms, 60, 2000); /* the device clears its queue after start */
        assert_int_equal(t.at_once, 1);                         /* never two back to back */
        unsigned in_hand = 0; /* how far ahead of play-out the last but one is */
        for (unsigned n = 0; n < t.frames; n++) {
            uint64_t played_ms = t.frame_ms[n] - t.frame_ms[0];
            unsigned ahead = n + 1 - (unsigned)MIN(played_ms / 60, n + 1);
            in_hand = MAX(in_hand, ahead);
            assert_true(t.frame_ms[n] + 5 >= t.frame_ms[0] + n * 60 - MIN(rows[i].lead * 60u, n * 60u));
        }
        assert_int_equal(in_hand, rows[i].lead);
        uint64_t played_out = t.frame_ms[0] + t.frames * 60;
        assert_in_range(t.stop_ms - played_out, rows[i].tail_ms - 10, rows[i].tail_ms + 10);
        client_vanish(c);
        world_settle(&w);
    }
    world_end(&w);
}

/* --- packets -------------------------------------------------------------------------------------------- */

static void every_legal_packet_is_heard(void **state)
{
    static const struct {
        const char *what;
        uint8_t toc, second;      /* second byte: frame count (code 3), length (code 2) */
        bool has_second;
        unsigned frame_bytes, ms_10; /* payload in all; duration in tenths of a millisecond */
    } rows[] = {
        { "CELT 2.5 ms", 0xe0, 0, false, 3, 25 },
        { "CELT 5 ms", 0x88, 0, false, 9, 50 },
        { "CELT 20 ms", 0xf8, 0, false, 80, 200 },
        { "SILK 10 ms", 0x40, 0, false, 30, 100 },
        { "SILK 60 ms, as devices send it", 0x58, 0, false, 120, 600 },
        { "hybrid 20 ms", 0x68, 0, false, 100, 200 },
        { "one byte: nothing is said", 0x58, 0, false, 0, 600 },
        { "two frames alike (code 1)", 0x49, 0, false, 60, 400 },
        { "two frames (code 2)", 0x4a, 20, true, 50, 400 },
        { "browser: CELT code 3 of 1.95 kB", 0xfb, 3, true, 1950, 600 },
        { "120 ms in six frames", 0xfb, 6, true, 600, 1200 },
        { "120 ms of SILK", 0x5b, 2, true, 200, 1200 },
        { "4 kB", 0xfb, 4, true, 3996, 800 },
    };
    struct world w;
    char packet[4096];

    world_start(&w, NULL);
    fake_asr_script("")->texts[0] = "heard it";
    struct client *c = world_talker(&w, "d1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = 0;
        packet[len++] = (char)rows[i].toc;
        if (rows[i].has_second)
            packet[len++] = (char)rows[i].second;
        for (unsigned n = 0; n < rows[i].frame_bytes; n++)
            packet[len++] = (char)(n * 37 + 11);
        client_forget(c);
        client_say(c, "{\"type\":\"listen\",\"state\":\"start\",\"mode\":\"manual\"}");
        for (unsigned sent = 0; sent < 6000; sent += rows[i].ms_10) {
            client_frame(c, packet, len);
            world_settle(&w);
        }
        client_say(c, "{\"type\":\"listen\",\"state\":\"stop\"}");
        for (unsigned ms = 0; ms < 2000 && !client_count(c, "heard it"); ms += 20)
            world_advance(&w, 20);
        if (!client_count(c, "heard it"))
            fail_msg("not heard: %s", rows[i].what);
        client_say(c, "{\"type\":\"abort\"}");
        world_advance(&w, 1000);
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrades_that_are_none_are_refused_by_status),
        cmocka_unit_test(heads_without_end_are_refused_by_status),
        cmocka_unit_test(a_handshake_that_takes_ten_seconds_is_408),
        cmocka_unit_test(one_connection_too_many_is_503),
        cmocka_unit_test(a_loop_that_works_all_the_time_takes_no_new_session),
        cmocka_unit_test(a_loop_that_works_all_the_time_begins_no_conversation),
        cmocka_unit_test(many_connects_of_one_device_are_429),
        cmocka_unit_test(tokens_are_401_or_403),
        cmocka_unit_test(whatever_clients_send_is_upgraded_and_nothing_is_negotiated),
        cmocka_unit_test(an_id_in_the_query_is_the_same_device),
        cmocka_unit_test(a_get_without_upgrade_says_that_the_server_runs),
        cmocka_unit_test(a_close_frame_is_followed_by_the_end_without_waiting),
        cmocka_unit_test(an_ota_answer_holds_nothing_that_hurts),
        cmocka_unit_test(ota_answers_on_both_ports_and_a_pre_flight_is_answered),
        cmocka_unit_test(a_firmware_image_has_its_length_and_is_its_own),
        cmocka_unit_test(the_pace_of_audio_follows_the_board_and_its_firmware),
        cmocka_unit_test(every_legal_packet_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
