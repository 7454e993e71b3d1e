/* SPDX-License-Identifier: MIT
 * test_server.c -- the HTTP server over loopback sockets; time is moved by hand. */
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server.h"
#include "tests/support/http_rows.h"
#include "tests/support/test.h"
#include "tests/support/wire.h"

struct world {
    struct loop *loop;
    struct http_server *server;
    struct wire wire;
    struct http_req *held; /* /hold: not yet answered */
    unsigned requests, gone, connects, disconnects, drains;
    int refuses; /* a status */
    struct buf body;       /* what handlers read */
    unsigned parts;
    bool was_done;
};

static void on_gone(void *user, struct http_req *r)
{
    struct world *w = user;
    (void)http_target(r); /* still readable */
    w->gone++;
    if (w->held == r)
        w->held = NULL;
}

static void on_body(void *user, struct http_req *r, struct slice body)
{
    struct world *w = user;
    buf_clear(&w->body);
    (void)buf_put(&w->body, body);
    http_respond(r, &(struct http_reply){ .status = 200, .type = "application/json", .body = body });
}

static void echo(struct world *w, struct http_req *r);

static void on_root_body(void *user, struct http_req *r, struct slice body)
{
    (void)body;
    echo(user, r);
}

static bool on_part(void *user, struct http_req *r, struct slice part, bool done)
{
    struct world *w = user;
    (void)buf_put(&w->body, part);
    w->parts++;
    w->was_done = done;
    if (done)
        http_respond_text(r, 200, "all");
    return true;
}

static bool on_first_part(void *user, struct http_req *r, struct slice part, bool done)
{
    (void)user, (void)part, (void)done;
    http_respond_text(r, 400, "enough");
    return false;
}

static void echo(struct world *w, struct http_req *r)
{
    auto_buf struct buf text = { 0 };
    struct slice value;
    (void)w;
    (void)buf_printf(&text, SLICE_FMT " " SLICE_FMT, SLICE_ARG(http_method_text(r)), SLICE_ARG(http_path(r)));
    if (http_query(r, "q", &value))
        (void)buf_printf(&text, " q=" SLICE_FMT, SLICE_ARG(value));
    if (http_header(r, "X-Test", &value))
        (void)buf_printf(&text, " x=" SLICE_FMT, SLICE_ARG(value));
    if (http_wants_upgrade(r))
        (void)buf_puts(&text, " upgrade");
    const struct http_header headers[] = { { "X-One", SLICE("1") }, { "X-Evil", SLICE("a\r\nX-Two: 2") } };
    http_respond(r, &(struct http_reply){ .status = 200, .type = "text/plain", .body = buf_slice(&text),
                                          .headers = headers, .header_count = 2 });
}

static void stream(struct http_req *r, int64_t length)
{
    assert_ok(http_stream_begin(r, &(struct http_reply){ .status = 200, .type = "text/plain" }, length));
    assert_ok(http_stream_write(r, SLICE("hello, ")));
    assert_ok(http_stream_write(r, (struct slice){ NULL, 0 }));
    if (length >= 0)
        assert_int_equal(http_stream_write(r, SLICE("more than was promised")), ERR_INVALID);
    assert_ok(http_stream_write(r, SLICE("world")));
    http_stream_end(r);
}

static void on_drain(void *user, struct http_req *r)
{
    struct world *w = user;
    if (w->drains++ == 0) {
        assert_ok(http_stream_write(r, SLICE("END")));
        http_stream_end(r);
    }
}

static void flood(struct world *w, struct http_req *r)
{
    static char block[65536];
    assert_ok(http_stream_begin(r, &(struct http_reply){ .status = 200 }, -1));
    http_stream_on_drain(r, on_drain, w);
    for (int i = 0; i < 1000; i++) {
        enum err e = http_stream_write(r, slice_from(block, sizeof(block)));
        if (e == ERR_LIMIT)
            return;
        assert_ok(e);
    }
    fail_msg("no limit was met");
}

static void on_request(void *user, struct http_req *r)
{
    struct world *w = user;
    struct slice path = http_path(r);
    w->requests++;
    http_on_gone(r, on_gone, w);
    if (slice_is(path, "/body"))
        http_read_body(r, 0, on_body, w);
    else if (slice_is(path, "/") && http_method(r) == HTTP_POST)
        http_read_body(r, 0, on_root_body, w);
    else if (slice_is(path, "/small"))
        http_read_body(r, 4, on_body, w);
    else if (slice_is(path, "/parts"))
        http_stream_body(r, 1 << 20, on_part, w);
    else if (slice_is(path, "/first"))
        http_stream_body(r, 1 << 20, on_first_part, w);
    else if (slice_is(path, "/stream"))
        stream(r, -1);
    else if (slice_is(path, "/length"))
        stream(r, 12);
    else if (slice_is(path, "/flood"))
        flood(w, r);
    else if (slice_is(path, "/hold"))
        w->held = r;
    else if (slice_is(path, "/none"))
        http_respond(r, &(struct http_reply){ .status = 204 });
    else if (slice_is(path, "/bye"))
        http_respond(r, &(struct http_reply){ .status = 200, .body = SLICE("bye"), .is_closing = true });
    else
        echo(w, r);
}

static int on_connect(void *user, const struct net_addr *peer)
{
    struct world *w = user;
    assert_string_equal(peer->text, "127.0.0.1");
    if (w->refuses)
        return w->refuses;
    w->connects++;
    return 0;
}

static void on_disconnect(void *user, const struct net_addr *peer)
{
    struct world *w = user;
    assert_string_equal(peer->text, "127.0.0.1");
    w->disconnects++;
}

static const struct http_server_events events = { on_request, on_connect, on_disconnect };

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    const struct http_server_opts o = { .listen = { .host = "127.0.0.1" } };
    assert_ok(http_server_open(&w->server, w->loop, &o, &events, w));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    wire_close(&w->wire, w->loop);
    http_server_close(w->server);
    loop_advance(w->loop, 2000); /* lingering ends */
    assert_int_equal(loop_timers_armed(w->loop), 0);
    loop_free(w->loop);
    buf_done(&w->body);
    mem_free(w);
    return 0;
}

static void open_wire(struct world *w)
{
    wire_connect(&w->wire, w->loop, http_server_port(w->server), NULL);
}

/* Sends and waits for `text` to come back. */
static void ask(struct world *w, const char *request, const char *text)
{
    if (!w->wire.conn)
        open_wire(w);
    wire_send(&w->wire, slice_of(request));
    wire_until(w->loop, wire_has(&w->wire, text));
}

static void a_request_is_answered_with_all_that_was_asked(void **state)
{
    struct world *w = *state;
    ask(w, "GET /a%20b?p=1&q=%e4%bd%a0+x HTTP/1.1\r\nHost: h\r\nx-test: T\r\n\r\n", "x=T");
    assert_true(wire_has(&w->wire, "HTTP/1.1 200 OK\r\n"));
    assert_true(wire_has(&w->wire, "GET /a b q=\xe4\xbd\xa0 x x=T"));
    assert_true(wire_has(&w->wire, "Content-Type: text/plain\r\n"));
    assert_true(wire_has(&w->wire, "Content-Length: 20\r\n"));
    assert_true(wire_has(&w->wire, "X-One: 1\r\n"));
    assert_false(wire_has(&w->wire, "X-Two"));
    assert_false(wire_has(&w->wire, "Connection:"));
}

static void queries_are_read_liberally(void **state)
{
    static const struct {
        const char *target, *answer;
    } rows[] = {
        { "/?q=1&q=2", "GET / q=1" },     { "/?q", "GET / q=\r" },          { "/?q=", "GET / q=" },
        { "/?%71=a%26b", "GET / q=a&b" }, { "/?x=1&&q=a=b", "GET / q=a=b" }, { "/?q=%zz", "GET / q=%zz" },
        { "http://h?q=7", "GET / q=7" },  { "http://h:80/p?q=8", "GET /p q=8" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = *state;
        char request[200], answer[64];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].target);
        snprintf(answer, sizeof(answer), "%.*s", (int)strcspn(rows[i].answer, "\r"), rows[i].answer);
        ask(w, request, answer);
        wire_close(&w->wire, w->loop);
    }
}

static void a_connection_is_kept_alive_and_requests_may_be_pipelined(void **state)
{
    struct world *w = *state;
    ask(w, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /1");
    ask(w, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\nPOST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
           "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /3");
    assert_int_equal(w->requests, 4);
    assert_int_equal(w->connects, 1);
    assert_slice_is(buf_slice(&w->body), "{}");
    assert_false(w->wire.is_closed);
}

static void pipelined_requests_wait_for_the_answer_before_them(void **state)
{
    struct world *w = *state;
    open_wire(w);
    wire_send(&w->wire, SLICE("GET /hold HTTP/1.1\r\nHost: h\r\n\r\nGET /after HTTP/1.1\r\nHost: h\r\n\r\n"));
    wire_until(w->loop, w->held);
    for (int i = 0; i < 5; i++)
        loop_step(w->loop, 0);
    assert_int_equal(w->requests, 1);
    http_respond_text(take_ptr(&w->held), 200, "late");
    wire_until(w->loop, wire_has(&w->wire, "GET /after"));
    assert_true(wire_has(&w->wire, "late"));
    assert_int_equal(w->gone, 0);
}

static void closing_is_done_when_asked_for_by_either_side(void **state)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET /bye HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct world *w = *state;
        ask(w, requests[i], "Connection: close\r\n");
        wire_until(w->loop, w->wire.is_closed);
        wire_close(&w->wire, w->loop);
    }
}

static void head_and_204_have_no_body(void **state)
{
    struct world *w = *state;
    ask(w, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", "Content-Length: 7\r\n");
    ask(w, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", "204 No Content\r\n\r\n");
    ask(w, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n", "chunked\r\n\r\n");
    ask(w, "GET /z HTTP/1.1\r\nHost: h\r\n\r\n", "GET /z");
    assert_false(wire_has(&w->wire, "HEAD /x"));
    assert_false(wire_has(&w->wire, "hello"));
}

static void long_answers_are_chunked_or_have_their_length(void **state)
{
    struct world *w = *state;
    ask(w, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\n\r\n");
    ask(w, "GET /length HTTP/1.1\r\nHost: h\r\n\r\n", "Content-Length: 12\r\n\r\nhello, world");
    ask(w, "GET /stream HTTP/1.0\r\n\r\n", "Connection: close\r\n\r\nhello, world");
    wire_until(w->loop, w->wire.is_closed);
}

static void a_slow_client_gets_a_long_answer_when_it_reads_again(void **state)
{
    struct world *w = *state;
    open_wire(w);
    conn_pause(w->wire.conn);
    wire_send(&w->wire, SLICE("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n"));
    wire_until(w->loop, w->requests == 1);
    assert_int_equal(w->drains, 0);
    conn_resume(w->wire.conn);
    wire_until(w->loop, wire_has(&w->wire, "3\r\nEND\r\n0\r\n\r\n"));
    ask(w, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", "GET /next");
}

static void bodies_come_whole_or_in_parts(void **state)
{
    struct world *w = *state;
    ask(w, "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde");
    ask(w, "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "Content-Length: 0");
    buf_clear(&w->body);
    ask(w, "POST /parts HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "all");
    assert_slice_is(buf_slice(&w->body), "abcde");
    assert_true(w->was_done);
    assert_int_equal(w->parts, 3);
    assert_int_equal(w->gone, 0);
}

static void a_body_nobody_reads_is_read_away(void **state)
{
    struct world *w = *state;
    ask(w, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
           "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
           "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /3");
    assert_int_equal(w->requests, 3);
}

static void a_body_over_the_limit_is_413(void **state)
{
    static const char *const rows[] = {
        "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n",
        "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n",
    };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        ask(w, rows[i], "HTTP/1.1 413 ");
        wire_until(w->loop, w->wire.is_closed);
        wire_close(&w->wire, w->loop);
        assert_int_equal(w->gone, i + 1);
    }
    ask(w, "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nfour", "four");
}

static void an_early_answer_to_a_body_ends_the_connection(void **state)
{
    struct world *w = *state;
    ask(w, "POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nsome", "enough");
    wire_until(w->loop, w->wire.is_closed);
}

static void a_client_that_asks_first_is_told_to_continue(void **state)
{
    struct world *w = *state;
    ask(w, "POST /body HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n");
    ask(w, "hi", "\r\n\r\nhi");
    wire_close(&w->wire, w->loop);
    ask(w, "POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 413 ");
    assert_false(wire_has(&w->wire, "100 Continue"));
}

/* The rows that test_parser.c splits everywhere, here over a socket. */
static void every_row_gets_its_answer_over_a_socket(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(http_rows); i++) {
        const struct http_row *row = &http_rows[i];
        unsigned before = w->requests;
        char wanted[32];
        open_wire(w);
        wire_send(&w->wire, slice_from(row->bytes, row->len));
        if (row->status >= 400) {
            snprintf(wanted, sizeof(wanted), "HTTP/1.1 %d ", row->status);
            for (int step = 0; step < 500 && !w->wire.is_closed; step++)
                loop_step(w->loop, 5);
            if (!wire_has(&w->wire, wanted) || !w->wire.is_closed)
                fail_msg("row %zu wanted %d:\n%.*s\ngot:\n%.*s", i, row->status, (int)row->len, row->bytes,
                         SLICE_ARG(buf_slice(&w->wire.got)));
        } else {
            unsigned wants = row->requests;
            for (int step = 0; step < 500 && w->requests - before < wants; step++)
                loop_step(w->loop, 5);
            loop_step(w->loop, 0);
            if (wire_has(&w->wire, "HTTP/1.1 4") || wire_has(&w->wire, "HTTP/1.1 5"))
                fail_msg("row %zu:\n%.*s\ngot:\n%.*s", i, (int)row->len, row->bytes,
                         SLICE_ARG(buf_slice(&w->wire.got)));
            assert_in_range(w->requests - before, wants, wants + 1); /* one more: its body is awaited */
        }
        wire_close(&w->wire, w->loop);
    }
}

static void a_head_that_takes_too_long_is_408(void **state)
{
    struct world *w = *state;
    open_wire(w);
    static const char slow[] = "GET / HTTP/1.1\r\nHost: h\r\nX: yyyyyyyyy";
    for (size_t s = 0; s < 9; s++) { /* a byte each second does not help */
        wire_send(&w->wire, slice_from(slow + s, 1));
        loop_advance(w->loop, 1000);
    }
    loop_advance(w->loop, 999);
    assert_false(wire_has(&w->wire, "408"));
    loop_advance(w->loop, 1);
    wire_until(w->loop, w->wire.is_closed);
    assert_true(wire_has(&w->wire, "HTTP/1.1 408 Request Timeout\r\n"));
    assert_int_equal(w->requests, 0);
}

static void a_connection_that_says_nothing_is_408_too(void **state)
{
    struct world *w = *state;
    open_wire(w);
    loop_step(w->loop, 5);
    loop_advance(w->loop, 10000);
    wire_until(w->loop, w->wire.is_closed);
    assert_true(wire_has(&w->wire, "HTTP/1.1 408 "));
}

static void a_second_head_has_its_own_deadline_and_idle_connections_end_silently(void **state)
{
    struct world *w = *state;
    ask(w, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /1");
    loop_advance(w->loop, 59000);
    assert_false(w->wire.is_closed);
    wire_send(&w->wire, SLICE("GE"));
    for (int i = 0; i < 5; i++)
        loop_step(w->loop, 2);
    loop_advance(w->loop, 9999);
    assert_false(w->wire.is_closed);
    loop_advance(w->loop, 1);
    wire_until(w->loop, w->wire.is_closed);
    assert_true(wire_has(&w->wire, " 408 "));
    wire_close(&w->wire, w->loop);
    ask(w, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /2");
    buf_clear(&w->wire.got);
    loop_advance(w->loop, 60000);
    wire_until(w->loop, w->wire.is_closed);
    assert_int_equal(w->wire.got.len, 0);
}

static void a_body_that_takes_too_long_is_408(void **state)
{
    struct world *w = *state;
    open_wire(w);
    wire_send(&w->wire, SLICE("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\nx"));
    wire_until(w->loop, w->requests == 1);
    for (int s = 0; s < 29; s++) { /* dripping does not help */
        wire_send(&w->wire, SLICE("x"));
        loop_advance(w->loop, 1000);
    }
    assert_false(wire_has(&w->wire, "408"));
    loop_advance(w->loop, 1000);
    wire_until(w->loop, w->wire.is_closed);
    assert_true(wire_has(&w->wire, " 408 "));
    assert_int_equal(w->gone, 1);
}

static void a_client_that_goes_away_is_told_to_the_owner_of_the_request(void **state)
{
    struct world *w = *state;
    open_wire(w);
    wire_send(&w->wire, SLICE("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"));
    wire_until(w->loop, w->held);
    wire_close(&w->wire, w->loop);
    wire_until(w->loop, w->gone == 1);
    wire_until(w->loop, w->disconnects == 1);
    assert_null(w->held);
}

static void too_much_before_its_turn_stops_the_reading(void **state)
{
    struct world *w = *state;
    static char block[65536];
    open_wire(w);
    wire_send(&w->wire, SLICE("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"));
    wire_until(w->loop, w->held);
    memset(block, '\r', sizeof(block));
    enum err e = OK;
    for (int i = 0; i < 1000 && e == OK; i++) {
        e = conn_write(w->wire.conn, slice_from(block, sizeof(block)));
        loop_step(w->loop, 0);
    }
    assert_int_equal(e, ERR_LIMIT); /* nobody takes it */
    http_respond_text(take_ptr(&w->held), 200, "done");
    wire_until(w->loop, wire_has(&w->wire, " 400 "));
}

static void connections_may_be_refused_at_the_door(void **state)
{
    struct world *w = *state;
    static const struct {
        int status;
        const char *line;
    } rows[] = { { 429, "HTTP/1.1 429 Too Many Requests\r\n" }, { 503, "HTTP/1.1 503 Service Unavailable\r\n" } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->refuses = rows[i].status;
        open_wire(w);
        wire_send(&w->wire, SLICE("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"));
        wire_until(w->loop, w->wire.is_closed);
        assert_true(slice_starts(buf_slice(&w->wire.got), slice_of(rows[i].line)));
        assert_true(wire_has(&w->wire, "Connection: close\r\n"));
        wire_close(&w->wire, w->loop);
    }
    assert_int_equal(w->disconnects, 0);
    w->refuses = 0;
    ask(w, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /1");
    wire_close(&w->wire, w->loop);
    wire_until(w->loop, w->disconnects == 1);
}

static void closing_the_server_ends_what_is_open(void **state)
{
    struct world *w = *state;
    open_wire(w);
    wire_send(&w->wire, SLICE("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"));
    wire_until(w->loop, w->held);
    http_server_close(take_ptr(&w->server));
    assert_int_equal(w->gone, 1);
    wire_until(w->loop, w->wire.is_closed);
}

static void a_paused_server_finishes_what_it_has(void **state)
{
    struct world *w = *state;
    ask(w, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /1");
    http_server_pause(w->server);
    ask(w, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /2");
    struct wire late = { 0 };
    const struct conn_opts o = { .host = "127.0.0.1", .port = http_server_port(w->server) };
    assert_ok(conn_connect(&late.conn, w->loop, &o, &wire_events, &late));
    wire_until(w->loop, late.is_closed);
    assert_int_equal(late.why, ERR_CONNECT);
}

static void when_descriptors_run_out_new_ones_are_closed_and_service_goes_on(void **state)
{
    struct world *w = *state;
    struct rlimit usual, scarce;
    int fds[20], lowest = dup(0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(http_server_port(w->server)) };
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    close(lowest); /* room for this one and two more */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    scarce = (struct rlimit){ (rlim_t)fds[COUNT(fds) - 1] + 3, usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &scarce), 0);
    for (size_t i = 0; i < COUNT(fds); i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
    for (int i = 0; i < 50; i++)
        loop_step(w->loop, 1);
    unsigned served = w->connects;
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    assert_in_range(served, 1, COUNT(fds) - 1);
    wire_until(w->loop, w->disconnects == w->connects);
    ask(w, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n", "GET /again");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

#define with_world(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(a_request_is_answered_with_all_that_was_asked),
        with_world(queries_are_read_liberally),
        with_world(a_connection_is_kept_alive_and_requests_may_be_pipelined),
        with_world(pipelined_requests_wait_for_the_answer_before_them),
        with_world(closing_is_done_when_asked_for_by_either_side),
        with_world(head_and_204_have_no_body),
        with_world(long_answers_are_chunked_or_have_their_length),
        with_world(a_slow_client_gets_a_long_answer_when_it_reads_again),
        with_world(bodies_come_whole_or_in_parts),
        with_world(a_body_nobody_reads_is_read_away),
        with_world(a_body_over_the_limit_is_413),
        with_world(an_early_answer_to_a_body_ends_the_connection),
        with_world(a_client_that_asks_first_is_told_to_continue),
        with_world(every_row_gets_its_answer_over_a_socket),
        with_world(a_head_that_takes_too_long_is_408),
        with_world(a_connection_that_says_nothing_is_408_too),
        with_world(a_second_head_has_its_own_deadline_and_idle_connections_end_silently),
        with_world(a_body_that_takes_too_long_is_408),
        with_world(a_client_that_goes_away_is_told_to_the_owner_of_the_request),
        with_world(too_much_before_its_turn_stops_the_reading),
        with_world(connections_may_be_refused_at_the_door),
        with_world(closing_the_server_ends_what_is_open),
        with_world(a_paused_server_finishes_what_it_has),
        with_world(when_descriptors_run_out_new_ones_are_closed_and_service_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
