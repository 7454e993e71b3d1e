/* SPDX-License-Identifier: MIT
 * test_tls_server.c -- the TLS door of a whole server: devices by wss, a certificate replaced while one talks,
 * OTA that names the way the request came. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/tls.h"
#include "tests/support/certs.h"
#include "tests/support/wire.h"

struct secure {
    struct ws *ws; /* NULL: closed */
    struct buf log;
    bool is_open;
};

static void on_open(void *user)
{
    ((struct secure *)user)->is_open = true;
}

static void on_text(void *user, struct slice text)
{
    struct secure *s = user;
    buf_put(&s->log, text);
    buf_put_byte(&s->log, '\n');
}

static void on_binary(void *user, struct slice data)
{
    (void)user, (void)data;
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct secure *s = user;
    s->ws = NULL;
}

static const struct ws_events events = { .on_open = on_open, .on_text = on_text, .on_binary = on_binary,
                                         .on_close = on_close };

static uint16_t tls_port(struct world *w)
{
    struct server_ports ports;
    server_ports(w->server, &ports);
    assert_true(ports.tls != 0);
    return ports.tls;
}

static void dial(struct world *w, struct secure *s, const char *device, struct tls_context *trust)
{
    struct http_header headers[] = { { "Device-Id", slice_of(device) } };
    auto_mem char *url = xprintf("wss://127.0.0.1:%u/xiaozhi/v1/", tls_port(w));

    *s = (struct secure){ 0 };
    assert_ok(ws_connect(&s->ws, w->loop, &(struct ws_connect_opts){ .url = url, .headers = headers,
                                                                     .header_count = 1, .tls = trust }, &events, s));
    for (int i = 0; i < 1000 && s->ws && !s->is_open; i++)
        loop_step(w->loop, 2);
}

static bool hears(struct world *w, struct secure *s, const char *text, const char *needle)
{
    assert_non_null(s->ws);
    assert_ok(ws_send_text(s->ws, slice_of(text)));
    for (int i = 0; i < 1000 && !(s->log.data && strstr(s->log.data, needle)); i++)
        loop_step(w->loop, 2);
    return s->log.data && strstr(s->log.data, needle);
}

static void leave(struct world *w, struct secure *s)
{
    ws_drop(s->ws);
    buf_done(&s->log);
    world_settle(w);
}

struct stage {
    struct world w;
    char dir[64], cert[160], key[160];
    struct tls_context *trust;
};

static void open_stage(struct stage *t)
{
    snprintf(t->dir, sizeof(t->dir), "/tmp/parley-certs-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    snprintf(t->cert, sizeof(t->cert), "%s/c.pem", t->dir);
    snprintf(t->key, sizeof(t->key), "%s/k.pem", t->dir);
    cert_make(t->cert, t->key, 1);
    auto_mem char *server = xprintf("  tls: {cert: %s, key: %s}", t->cert, t->key);
    world_start(&t->w, &(struct world_opts){ .server = server });
    assert_ok(tls_client_create(&t->trust, t->cert, true));
}

static void close_stage(struct stage *t)
{
    tls_free(t->trust);
    world_end(&t->w);
    unlink(t->cert);
    unlink(t->key);
    rmdir(t->dir);
}

static void a_device_talks_by_wss(void **state)
{
    struct stage t;
    struct secure s;
    open_stage(&t);
    dial(&t.w, &s, "dev1", t.trust);
    assert_true(s.is_open);
    assert_true(hears(&t.w, &s, HELLO, "\"session_id\""));
    assert_true(hears(&t.w, &s, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"hello there\"}",
                      "\"state\":\"start\""));
    leave(&t.w, &s);
    close_stage(&t);
}

static void a_new_certificate_is_taken_while_somebody_talks(void **state)
{
    struct stage t;
    struct secure before, refused, after;
    struct tls_context *trust;
    struct err_note note;
    open_stage(&t);
    dial(&t.w, &before, "dev1", t.trust);
    assert_true(hears(&t.w, &before, HELLO, "\"session_id\""));
    cert_make(t.cert, t.key, 2);
    assert_ok(server_reload(t.w.server, &note));
    world_settle(&t.w);
    assert_true(hears(&t.w, &before, "{\"type\":\"ping\"}", "pong")); /* keeps its connection */
    dial(&t.w, &refused, "dev2", t.trust);                           /* trusts the old one only */
    assert_false(refused.is_open);
    assert_ok(tls_client_create(&trust, t.cert, true));
    dial(&t.w, &after, "dev2", trust);
    assert_true(after.is_open);
    leave(&t.w, &after);
    leave(&t.w, &refused);
    leave(&t.w, &before);
    tls_free(trust);
    close_stage(&t);
}

static void ota_names_the_way_the_request_came(void **state)
{
    struct stage t;
    struct wire wire;
    open_stage(&t);
    auto_mem char *ask = xprintf("POST /xiaozhi/ota/ HTTP/1.1\r\nHost: localhost:%u\r\nDevice-Id: aa:bb:cc:dd:ee:01\r\n"
                                 "Client-Id: c1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", tls_port(&t.w));
    auto_mem char *url = xprintf("wss://localhost:%u/xiaozhi/v1/", tls_port(&t.w));
    wire_connect(&wire, t.w.loop, tls_port(&t.w), t.trust);
    wire_send(&wire, slice_of(ask));
    wire_until(t.w.loop, wire.is_closed);
    assert_true(wire_has(&wire, url));
    wire_close(&wire, t.w.loop);
    close_stage(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_talks_by_wss),
        cmocka_unit_test(a_new_certificate_is_taken_while_somebody_talks),
        cmocka_unit_test(ota_names_the_way_the_request_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
