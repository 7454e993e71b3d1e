/* SPDX-License-Identifier: MIT
 * test_link.c -- what may wait for a device that reads slowly, and what goes first. Time is moved by hand. */
#include "tests/support/test.h"

#include "base/mem.h"
#include "gateway/link.h"
#include "tests/support/wire.h"

#define UPGRADE "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define QUEUE_BYTES 65536u
#define FILL_MAX 4000 /* messages of 8 KB: more than any kernel buffers */

struct world {
    struct loop *loop;
    struct http_server *server;
    struct link *link;
    struct wire wire;
    unsigned overflows, closes;
    char json[LINK_JSON_LARGE_MAX_BYTES + 8];
};

static void on_bytes(void *user, struct slice data)
{
    (void)user, (void)data;
}

static void on_closed(void *user, int code)
{
    struct world *w = user;
    w->closes++;
    w->link = NULL;
}

static void on_overflow(void *user)
{
    ((struct world *)user)->overflows++;
}

static const struct link_events events = { on_bytes, on_bytes, on_closed, on_overflow };

static void on_request(void *user, struct http_req *r)
{
    struct world *w = user;
    struct link_opts o = { .text_max_bytes = 65536, .binary_max_bytes = 16384, .queue_max_bytes = QUEUE_BYTES };
    assert_ok(link_accept(&w->link, r, &o, &events, w));
}

static const struct http_server_events server_events = { .on_request = on_request };

static void start(struct world *w)
{
    *w = (struct world){ 0 };
    memset(w->json, 'x', sizeof(w->json));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .has_manual_clock = true }));
    assert_ok(http_server_open(&w->server, w->loop, &(struct http_server_opts){ .listen = { .host = "127.0.0.1" } },
                               &server_events, w));
    wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
    wire_send(&w->wire, SLICE(UPGRADE));
    wire_until(w->loop, w->link != NULL);
    conn_pause(w->wire.conn);
}

static void end(struct world *w)
{
    link_close(w->link, WS_TRY_LATER, SLICE("over"));
    wire_close(&w->wire, w->loop);
    for (int i = 0; i < 10; i++)
        loop_advance(w->loop, 500);
    http_server_close(w->server);
    for (int i = 0; i < 10; i++)
        loop_step(w->loop, 1);
    loop_free(w->loop);
}

static enum err send_json(struct world *w, size_t bytes, enum link_rank rank)
{
    return link_json(w->link, slice_from(w->json, bytes), rank);
}

/* Sends messages of a rank until one is refused; how much waits then. */
static size_t fill(struct world *w, enum link_rank rank)
{
    unsigned i = 0;
    while (i < FILL_MAX && send_json(w, 4096, rank) == OK)
        i++;
    assert_true(i < FILL_MAX);
    return link_queued_bytes(w->link);
}

static void json_has_one_limit_for_small_and_one_for_large_clients(void **state)
{
    struct world w;
    start(&w);
    assert_ok(send_json(&w, LINK_JSON_MAX_BYTES, LINK_MUST));
    assert_int_equal(send_json(&w, LINK_JSON_MAX_BYTES + 1, LINK_MUST), ERR_LIMIT);
    link_large(w.link, true);
    assert_ok(send_json(&w, LINK_JSON_LARGE_MAX_BYTES, LINK_MUST));
    assert_int_equal(send_json(&w, LINK_JSON_LARGE_MAX_BYTES + 1, LINK_MUST), ERR_LIMIT);
    assert_int_equal(w.overflows, 0);
    end(&w);
}

static void statistics_go_first_then_renders_then_speech_then_the_session(void **state)
{
    struct world w;
    start(&w);
    size_t stats = fill(&w, LINK_STATS);
    assert_true(stats > 0 && stats <= QUEUE_BYTES / 8 * LINK_STATS_SHARE);
    assert_ok(link_audio(w.link, slice_from(w.json, 100), 60));
    size_t renders = fill(&w, LINK_RENDER);
    assert_true(renders > stats && renders <= QUEUE_BYTES / 8 * LINK_RENDER_SHARE);
    assert_int_equal(link_audio(w.link, slice_from(w.json, 4096), 120), ERR_LIMIT);
    assert_int_equal(w.overflows, 0);
    assert_true(fill(&w, LINK_MUST) > renders);
    assert_int_equal(w.overflows, 1);
    end(&w);
}

static void a_device_that_stalls_for_a_second_gets_no_more_audio(void **state)
{
    struct world w;
    start(&w);
    fill(&w, LINK_STATS);
    loop_advance(w.loop, LINK_STALL_MS);
    assert_ok(link_audio(w.link, slice_from(w.json, 100), 60));
    loop_advance(w.loop, 1);
    assert_int_equal(link_audio(w.link, slice_from(w.json, 100), 120), ERR_LIMIT);
    conn_resume(w.wire.conn);
    for (int i = 0; i < 2000 && link_queued_bytes(w.link); i++)
        loop_step(w.loop, 2);
    assert_int_equal(link_queued_bytes(w.link), 0);
    assert_ok(link_audio(w.link, slice_from(w.json, 100), 180));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_one_limit_for_small_and_one_for_large_clients),
        cmocka_unit_test(statistics_go_first_then_renders_then_speech_then_the_session),
        cmocka_unit_test(a_device_that_stalls_for_a_second_gets_no_more_audio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
