/* SPDX-License-Identifier: MIT
 * test_client.c -- outbound HTTP against a raw server that answers well, badly, slowly, in pieces or
 * not at all. Time-outs are moved by hand. */
#include "base/mem.h"
#include "http/client.h"
#include "tests/support/test.h"
#include "tests/support/wire.h"

#define PEERS_MAX 8
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"

struct call {
    struct http_call *call; /* NULL: ended */
    struct buf got;
    char type[64], note[300];
    int status, heads, ends;
    unsigned retry_after_s;
    enum err err;
    bool closes_on_head, closes_on_data, frees_client, was_reused;
    struct world *w;
};

struct world {
    struct loop *loop;
    struct listener *listener;
    struct http_client *client;
    struct wire peers[PEERS_MAX];
    unsigned peer_count;
    struct call a, b;
};

static void on_head(void *user, int status, struct slice type)
{
    struct call *c = user;
    c->heads++;
    c->status = status;
    c->was_reused = http_call_is_reused(c->call);
    c->retry_after_s = http_call_retry_after_s(c->call);
    snprintf(c->type, sizeof(c->type), SLICE_FMT, SLICE_ARG(type));
    if (c->closes_on_head)
        http_call_close(take_ptr(&c->call));
    if (c->frees_client) {
        c->call = NULL;
        http_client_free(take_ptr(&c->w->client));
    }
}

static void on_data(void *user, struct slice data)
{
    struct call *c = user;
    (void)buf_put(&c->got, data);
    if (c->closes_on_data)
        http_call_close(take_ptr(&c->call));
}

static void on_end(void *user, enum err err, int status, const char *note)
{
    struct call *c = user;
    c->ends++;
    c->err = err;
    c->status = status;
    c->call = NULL;
    snprintf(c->note, sizeof(c->note), "%s", note);
}

static const struct http_call_events events = { on_head, on_data, on_end };

static void on_accept(void *user, struct conn *c)
{
    struct world *w = user;
    assert_true(w->peer_count < PEERS_MAX);
    struct wire *p = &w->peers[w->peer_count++];
    *p = (struct wire){ .conn = c };
    conn_listen_events(c, &wire_events, p);
}

static void new_client(struct world *w)
{
    assert_ok(http_client_create(&w->client, w->loop, NULL));
}

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    assert_ok(listener_open(&w->listener, w->loop, &(struct listener_opts){ .host = "127.0.0.1" }, on_accept, w));
    new_client(w);
    w->a.w = w->b.w = w;
    *state = w;
    return 0;
}

static void drop_peers(struct world *w)
{
    for (unsigned i = 0; i < w->peer_count; i++)
        wire_close(&w->peers[i], w->loop);
    w->peer_count = 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    http_client_free(w->client);
    drop_peers(w);
    listener_close(w->listener);
    loop_step(w->loop, 0);
    loop_step(w->loop, 0);
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    buf_done(&w->a.got);
    buf_done(&w->b.got);
    mem_free(w);
    return 0;
}

static void open_call(struct world *w, struct call *c, struct http_call_opts o)
{
    char url[80];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", listener_port(w->listener), o.url ? o.url : "/");
    o.url = url;
    buf_clear(&c->got);
    assert_ok(http_call_open(&c->call, w->client, &o, &events, c));
}

/* Opens a call and waits until the peer with that number has its whole head. */
static struct wire *asked(struct world *w, struct call *c, struct http_call_opts o, unsigned peer, const char *until)
{
    open_call(w, c, o);
    wire_until(w->loop, w->peer_count > peer && wire_has(&w->peers[peer], until));
    return &w->peers[peer];
}

static void an_answer_comes_with_status_type_and_body(void **state)
{
    struct world *w = *state;
    const struct http_header headers[] = { { "Authorization", SLICE("Bearer k") }, { "X-Empty", SLICE("") } };
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ .url = "/v1?x=y", .headers = headers, .header_count = 2 },
                           0, "\r\n\r\n");
    assert_true(wire_has(p, "GET /v1?x=y HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert_true(wire_has(p, "Authorization: Bearer k\r\n"));
    assert_true(wire_has(p, "X-Empty:\r\n"));
    assert_false(wire_has(p, "Expect:"));
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends);
    assert_ok(w->a.err);
    assert_int_equal(w->a.status, 200);
    assert_string_equal(w->a.type, "application/json");
    assert_slice_is(buf_slice(&w->a.got), "hello");
    assert_false(w->a.was_reused);
}

static void a_refusal_tells_when_to_come_again(void **state)
{
    static const struct {
        const char *header;
        unsigned seconds;
    } rows[] = { { "Retry-After: 7\r\n", 7 },
                 { "retry-after:  12 \r\n", 12 },
                 { "", 0 },
                 { "Retry-After: soon\r\n", 0 },
                 { "Retry-After: -5\r\n", 0 },
                 { "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 0 }, /* long ago */
                 { "Retry-After: 99999999999\r\n", INT32_MAX } };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
        auto_mem char *answer = xprintf("HTTP/1.1 429 No\r\n%sContent-Length: 0\r\n\r\n", rows[i].header);
        buf_clear(&p->got);
        wire_send(p, slice_of(answer));
        wire_until(w->loop, w->a.ends == (int)i + 1);
        assert_int_equal(w->a.status, 429);
        assert_int_equal(w->a.retry_after_s, rows[i].seconds);
    }
}

static void a_connection_is_used_again(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 3; i++) {
        struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
        buf_clear(&p->got);
        wire_send(p, SLICE(ANSWER));
        wire_until(w->loop, w->a.ends == (int)i + 1);
        assert_ok(w->a.err);
        assert_int_equal(w->a.was_reused, i > 0);
    }
    assert_int_equal(w->peer_count, 1);
}

static void a_pooled_connection_that_died_is_replaced(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends == 1);
    wire_close(p, w->loop);
    p = asked(w, &w->a, (struct http_call_opts){ .method = "POST", .body = SLICE("again") }, 1, "again");
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends == 2);
    assert_ok(w->a.err);
}

static void bodies_are_posted_and_other_methods_named(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ .body = SLICE("{\"a\":1}") }, 0, "{\"a\":1}");
    assert_true(wire_has(p, "POST / HTTP/1.1"));
    assert_true(wire_has(p, "Content-Length: 7\r\n"));
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends == 1);
    p = asked(w, &w->a, (struct http_call_opts){ .method = "DELETE", .url = "/x" }, 0, "DELETE /x HTTP/1.1");
    wire_send(p, SLICE("HTTP/1.1 204 No Content\r\n\r\n"));
    wire_until(w->loop, w->a.ends == 2);
    assert_int_equal(w->a.status, 204);
    p = asked(w, &w->a, (struct http_call_opts){ .method = "PUT", .body = SLICE("b=2") }, 0, "b=2");
    assert_true(wire_has(p, "PUT / HTTP/1.1"));
    wire_send(p, SLICE("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"));
    wire_until(w->loop, w->a.ends == 3);
    assert_ok(w->a.err); /* a whole answer, whatever it says */
    assert_int_equal(w->a.status, 500);
}

static void parts_become_a_form(void **state)
{
    struct world *w = *state;
    const struct http_part parts[] = {
        { .name = "model", .data = SLICE("whisper-1") },
        { .name = "file", .filename = "a.ogg", .type = "audio/ogg", .data = SLICE("Ogg\0S") },
    };
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ .parts = parts, .part_count = 2 }, 0, "S\r\n--");
    assert_true(wire_has(p, "Content-Type: multipart/form-data; boundary="));
    assert_true(wire_has(p, "name=\"model\"\r\n\r\nwhisper-1\r\n"));
    assert_true(wire_has(p, "name=\"file\"; filename=\"a.ogg\"\r\nContent-Type: audio/ogg\r\n\r\n"));
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends == 1);
    assert_ok(w->a.err);
}

static void chunks_come_as_they_arrive(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
    wire_send(p, SLICE("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                       "Content-Type: text/event-stream\r\n\r\n6\r\ndata: "));
    wire_until(w->loop, w->a.got.len == 6);
    assert_int_equal(w->a.heads, 1);
    assert_int_equal(w->a.status, 200);
    wire_send(p, SLICE("\r\n3\r\none"));
    wire_until(w->loop, w->a.got.len == 9);
    assert_int_equal(w->a.ends, 0);
    wire_send(p, SLICE("\r\n0\r\n\r\n"));
    wire_until(w->loop, w->a.ends == 1);
    assert_ok(w->a.err);
}

static void redirects_are_answers_and_not_followed(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
    wire_send(p, SLICE("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
    wire_until(w->loop, w->a.ends);
    assert_ok(w->a.err);
    assert_int_equal(w->a.status, 302);
}

static void an_answer_cut_at_every_byte_is_an_error_and_the_next_call_works(void **state)
{
    static const struct {
        const char *text;
        size_t spare; /* bytes at the end without which all of it is known to be there */
    } answers[] = {
        { ANSWER, 0 },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 2 },
    };
    struct world *w = *state;
    int ends = 0;
    for (size_t i = 0; i < COUNT(answers); i++) {
        size_t len = strlen(answers[i].text) - answers[i].spare;
        for (size_t cut = 0; cut < len; cut++) {
            struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
            wire_send(p, slice_from(answers[i].text, cut));
            drop_peers(w);
            wire_until(w->loop, w->a.ends == ends + 1);
            ends++;
            if (w->a.err == OK)
                fail_msg("cut at %zu of %zu passed for whole: %s", cut, len, answers[i].text);
        }
    }
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends == ends + 1);
    assert_ok(w->a.err);
}

static void an_answer_in_pieces_of_every_size_is_whole(void **state)
{
    struct world *w = *state;
    struct slice answer = SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3\r\nhel\r\n2;x\r\nlo\r\n0\r\n\r\n");
    int ends = 0;
    for (size_t step = 1; step < answer.len; step += 5) {
        struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
        buf_clear(&p->got);
        for (size_t at = 0; at < answer.len; at += step) {
            wire_send(p, slice_sub(answer, at, step));
            loop_step(w->loop, 0);
        }
        ends++;
        wire_until(w->loop, w->a.ends == ends);
        assert_ok(w->a.err);
        assert_slice_is(buf_slice(&w->a.got), "hello");
    }
}

static void nonsense_is_an_error(void **state)
{
    static const char *const rows[] = {
        "<html>no</html>\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "\x16\x03\x01\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
        wire_send(p, slice_of(rows[i]));
        for (int s = 0; s < 20 && w->a.ends == (int)i; s++)
            loop_step(w->loop, 5);
        drop_peers(w);
        wire_until(w->loop, w->a.ends == (int)i + 1);
        if (w->a.err == OK)
            fail_msg("%s", rows[i]);
    }
}

static void a_reply_over_its_limit_is_stopped(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ .reply_max_bytes = 4 }, 0, "\r\n\r\n");
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends);
    assert_int_equal(w->a.err, ERR_LIMIT);
    assert_true(w->a.got.len <= 4);
    p = asked(w, &w->a, (struct http_call_opts){ 0 }, 1, "\r\n\r\n"); /* a head without end */
    wire_send(p, SLICE("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 5000 && w->a.ends == 1 && p->conn; i++) {
        wire_send(p, SLICE("X-Header: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"));
        if (i % 50 == 0)
            loop_step(w->loop, 0);
    }
    wire_until(w->loop, w->a.ends == 2);
    assert_int_equal(w->a.err, ERR_LIMIT);
}

static void each_stage_has_its_time(void **state)
{
    struct world *w = *state;
    const struct http_call_opts o = { .first_byte_ms = 1000, .idle_ms = 300, .total_ms = 2000 };
    (void)asked(w, &w->a, o, 0, "\r\n\r\n"); /* hangs */
    loop_advance(w->loop, 999);
    assert_int_equal(w->a.ends, 0);
    loop_advance(w->loop, 1);
    assert_int_equal(w->a.ends, 1);
    assert_int_equal(w->a.err, ERR_TIMEOUT);
    struct wire *p = asked(w, &w->a, o, 1, "\r\n\r\n"); /* stops in the middle */
    wire_send(p, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"));
    wire_until(w->loop, w->a.got.len == 3);
    loop_advance(w->loop, 299);
    assert_int_equal(w->a.ends, 1);
    loop_advance(w->loop, 1);
    assert_int_equal(w->a.ends, 2);
    assert_int_equal(w->a.err, ERR_TIMEOUT);
    p = asked(w, &w->a, o, 2, "\r\n\r\n"); /* drips */
    wire_send(p, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"));
    wire_until(w->loop, w->a.heads == 2);
    uint64_t began = loop_now_ms(w->loop);
    for (size_t i = 1; w->a.ends == 2 && i < 100; i++) {
        wire_send(p, SLICE("."));
        wire_until(w->loop, w->a.got.len == i || w->a.ends == 3);
        loop_advance(w->loop, 200);
    }
    assert_int_equal(w->a.err, ERR_TIMEOUT);
    assert_int_equal(loop_now_ms(w->loop) - began, 2000);
}

static void a_paused_call_takes_nothing_and_its_time_stands_still(void **state)
{
    struct world *w = *state;
    const struct http_call_opts o = { .first_byte_ms = 1000, .idle_ms = 300, .total_ms = 2000 };
    struct wire *p = asked(w, &w->a, o, 0, "\r\n\r\n");
    wire_send(p, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"));
    wire_until(w->loop, w->a.got.len == 3);
    loop_advance(w->loop, 200);
    http_call_pause(w->a.call, true);
    http_call_pause(w->a.call, true);
    wire_send(p, SLICE("lo "));
    loop_advance(w->loop, 3600000);
    assert_int_equal(w->a.got.len, 3);
    assert_int_equal(w->a.ends, 0);
    http_call_pause(w->a.call, false);
    wire_until(w->loop, w->a.got.len == 6);
    loop_advance(w->loop, 299);
    http_call_pause(w->a.call, true); /* 499 of 2000 ms are gone: stood still again */
    http_call_pause(w->a.call, false);
    for (size_t i = 0; i < 5; i++) {
        loop_advance(w->loop, 299);
        http_call_pause(w->a.call, true);
        http_call_pause(w->a.call, false);
    }
    assert_int_equal(w->a.ends, 0);
    loop_advance(w->loop, 5);
    assert_int_equal(w->a.ends, 0);
    loop_advance(w->loop, 1);
    assert_int_equal(w->a.ends, 1);
    assert_int_equal(w->a.err, ERR_TIMEOUT);
    http_call_pause(NULL, true);
}

static void a_call_paused_before_its_answer_gets_it_whole_later(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n");
    http_call_pause(w->a.call, true);
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.heads);
    assert_int_equal(w->a.got.len, 0);
    http_call_pause(w->a.call, false);
    wire_until(w->loop, w->a.ends);
    assert_ok(w->a.err);
    assert_slice_is(buf_slice(&w->a.got), "hello");
    p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n"); /* closed while it is held */
    http_call_pause(w->a.call, true);
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.heads == 2);
    http_call_close(take_ptr(&w->a.call));
    loop_step(w->loop, 0);
    assert_int_equal(w->a.ends, 1);
}

static void nobody_there_is_connect(void **state)
{
    struct world *w = *state;
    uint16_t port = listener_port(w->listener);
    char url[60];
    listener_close(take_ptr(&w->listener));
    loop_step(w->loop, 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    assert_ok(http_call_open(&w->a.call, w->client, &(struct http_call_opts){ .url = url }, &events, &w->a));
    wire_until(w->loop, w->a.ends);
    assert_int_equal(w->a.err, ERR_CONNECT);
    assert_true(strlen(w->a.note) > 0);
    assert_ok(listener_open(&w->listener, w->loop, &(struct listener_opts){ .host = "127.0.0.1" }, on_accept, w));
}

static void a_closed_call_is_silent_wherever_it_was(void **state)
{
    struct world *w = *state;
    open_call(w, &w->a, (struct http_call_opts){ 0 }); /* before it began */
    http_call_close(take_ptr(&w->a.call));
    loop_step(w->loop, 0);
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ 0 }, 0, "\r\n\r\n"); /* while waiting */
    http_call_close(take_ptr(&w->a.call));
    wire_until(w->loop, p->is_closed);
    w->a.closes_on_head = true;
    p = asked(w, &w->a, (struct http_call_opts){ 0 }, 1, "\r\n\r\n");
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, p->is_closed);
    assert_int_equal(w->a.got.len, 0);
    w->a.closes_on_head = false;
    w->a.closes_on_data = true;
    p = asked(w, &w->a, (struct http_call_opts){ 0 }, 2, "\r\n\r\n");
    wire_send(p, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"));
    wire_until(w->loop, p->is_closed);
    assert_slice_is(buf_slice(&w->a.got), "hello");
    assert_int_equal(w->a.ends, 0);
    http_call_close(NULL);
}

static void the_client_may_be_freed_inside_an_event(void **state)
{
    struct world *w = *state;
    (void)asked(w, &w->b, (struct http_call_opts){ .url = "/b" }, 0, "\r\n\r\n");
    w->a.frees_client = true;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ .url = "/a" }, 1, "\r\n\r\n");
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, p->is_closed && w->peers[0].is_closed);
    assert_int_equal(w->a.ends + w->b.ends, 0);
}

static void several_calls_run_at_once(void **state)
{
    struct world *w = *state;
    struct wire *p = asked(w, &w->a, (struct http_call_opts){ .url = "/a" }, 0, "\r\n\r\n");
    struct wire *q = asked(w, &w->b, (struct http_call_opts){ .url = "/b" }, 1, "\r\n\r\n");
    wire_send(q, SLICE(ANSWER));
    wire_until(w->loop, w->b.ends);
    assert_int_equal(w->a.ends, 0);
    wire_send(p, SLICE(ANSWER));
    wire_until(w->loop, w->a.ends);
    assert_ok(w->a.err);
}

static void what_is_no_http_address_is_refused_at_once(void **state)
{
    static const char *const rows[] = { "", "ftp://h/", "file:///etc/passwd", "h/", "gopher://h/", "http:/h",
                                        "http://h/\r\nX: y" };
    struct world *w = *state;
    struct http_call *call;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(http_call_open(&call, w->client, &(struct http_call_opts){ .url = rows[i] }, &events, &w->a),
                         ERR_INVALID);
    const struct http_header evil = { "X", SLICE("a\r\nY: b") };
    assert_int_equal(http_call_open(&call, w->client,
                                    &(struct http_call_opts){ .url = "http://h/", .headers = &evil, .header_count = 1 },
                                    &events, &w->a), ERR_INVALID);
}

#define with_world(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(an_answer_comes_with_status_type_and_body),
        with_world(a_refusal_tells_when_to_come_again),
        with_world(a_connection_is_used_again),
        with_world(a_pooled_connection_that_died_is_replaced),
        with_world(bodies_are_posted_and_other_methods_named),
        with_world(parts_become_a_form),
        with_world(chunks_come_as_they_arrive),
        with_world(redirects_are_answers_and_not_followed),
        with_world(an_answer_cut_at_every_byte_is_an_error_and_the_next_call_works),
        with_world(an_answer_in_pieces_of_every_size_is_whole),
        with_world(nonsense_is_an_error),
        with_world(a_reply_over_its_limit_is_stopped),
        with_world(each_stage_has_its_time),
        with_world(a_paused_call_takes_nothing_and_its_time_stands_still),
        with_world(a_call_paused_before_its_answer_gets_it_whole_later),
        with_world(nobody_there_is_connect),
        with_world(a_closed_call_is_silent_wherever_it_was),
        with_world(the_client_may_be_freed_inside_an_event),
        with_world(several_calls_run_at_once),
        with_world(what_is_no_http_address_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
