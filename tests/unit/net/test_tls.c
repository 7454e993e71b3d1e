/* SPDX-License-Identifier: MIT
 * test_tls.c -- TLS both ways, with certificates made here: pure streams byte by byte, connections over
 * loopback, HTTPS and wss. One test reloads the certificate from another thread (TSAN). */
#include "base/mem.h"
#include "http/client.h"
#include "http/ws.h"
#include "net/tls.h"
#include "net/tls_stream.h"
#include "tests/support/certs.h"
#include "tests/support/temp.h"
#include "tests/support/test.h"
#include "tests/support/wire.h"

#include <pthread.h>
#include <stdatomic.h>

struct world {
    struct loop *loop;
    char dir[200], cert[240], key[240], other_cert[240], other_key[240], junk[240];
    struct tls_context *server, *client;
    struct listener *listener;
    struct wire in, out;
};

static void on_accept(void *user, struct conn *c)
{
    struct world *w = user;
    if (w->in.conn) {
        conn_close(c);
        return;
    }
    w->in.conn = c;
    conn_listen_events(c, &wire_events, &w->in);
}

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    snprintf(w->dir, sizeof(w->dir), "%s", temp_dir());
    snprintf(w->cert, sizeof(w->cert), "%s/cert.pem", w->dir);
    snprintf(w->key, sizeof(w->key), "%s/key.pem", w->dir);
    snprintf(w->other_cert, sizeof(w->other_cert), "%s/cert2.pem", w->dir);
    snprintf(w->other_key, sizeof(w->other_key), "%s/key2.pem", w->dir);
    snprintf(w->junk, sizeof(w->junk), "%s/junk.pem", w->dir);
    cert_make(w->cert, w->key, 1);
    cert_make(w->other_cert, w->other_key, 2);
    FILE *f = fopen(w->junk, "w");
    assert_non_null(f);
    fputs("this is no certificate\n", f);
    fclose(f);
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test" }));
    assert_ok(tls_server_create(&w->server, w->cert, w->key, NULL));
    assert_ok(tls_client_create(&w->client, w->cert, true));
    const struct listener_opts o = { .host = "127.0.0.1", .tls = w->server };
    assert_ok(listener_open(&w->listener, w->loop, &o, on_accept, w));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    wire_close(&w->in, w->loop);
    wire_close(&w->out, w->loop);
    listener_close(w->listener);
    loop_step(w->loop, 0);
    loop_free(w->loop);
    tls_free(w->server);
    tls_free(w->client);
    mem_free(w);
    return 0;
}

static void connect_as(struct world *w, struct tls_context *tls, const char *name)
{
    w->out = (struct wire){ 0 };
    const struct conn_opts o = { .host = "127.0.0.1", .port = listener_port(w->listener), .tls = tls,
                                 .tls_name = name };
    assert_ok(conn_connect(&w->out.conn, w->loop, &o, &wire_events, &w->out));
    wire_until(w->loop, w->out.is_open || w->out.is_closed);
}

static void bytes_go_both_ways(void **state)
{
    struct world *w = *state;
    connect_as(w, w->client, "localhost");
    assert_true(w->out.is_open);
    assert_true(conn_is_tls(w->out.conn));
    assert_ok(conn_writev(w->out.conn, (const struct slice[]){ SLICE("he"), SLICE(""), SLICE("llo") }, 3));
    wire_until(w->loop, w->in.got.len == 5);
    assert_slice_is(buf_slice(&w->in.got), "hello");
    assert_ok(conn_write(w->in.conn, SLICE("yes")));
    wire_until(w->loop, w->out.got.len == 3);
    conn_close_soft(take_ptr(&w->in.conn), 1000);
    wire_until(w->loop, w->out.is_closed);
    assert_int_equal(w->out.why, ERR_CLOSED);
}

static void much_goes_through_also_to_one_that_pauses(void **state)
{
    struct world *w = *state;
    size_t bytes = 3 << 20;
    char *block = xalloc(bytes);
    for (size_t i = 0; i < bytes; i++)
        block[i] = (char)(i * 13 + i / 509);
    connect_as(w, w->client, "localhost");
    assert_ok(conn_write(w->out.conn, slice_from(block, bytes)));
    bool is_paused = false;
    for (int i = 0; i < 5000 && w->in.got.len < bytes; i++) {
        loop_step(w->loop, 5);
        if (w->in.conn && i % 3 == 0) {
            size_t before = w->in.got.len;
            conn_pause(w->in.conn);
            loop_step(w->loop, 1);
            assert_int_equal(w->in.got.len, before);
            conn_resume(w->in.conn);
            is_paused = true;
        }
    }
    assert_true(is_paused);
    assert_int_equal(w->in.got.len, bytes);
    assert_memory_equal(w->in.got.data, block, bytes);
    mem_free(block);
}

static void names_and_addresses_are_checked(void **state)
{
    static const struct {
        const char *name;
        bool is_good;
    } rows[] = { { "localhost", true }, { "127.0.0.1", true }, { "example.org", false }, { "127.0.0.2", false },
                 { "localhost.example.org", false } };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        connect_as(w, w->client, rows[i].name);
        if (w->out.is_open != rows[i].is_good)
            fail_msg("%s", rows[i].name);
        if (!rows[i].is_good)
            assert_int_equal(w->out.why, ERR_AUTH);
        wire_close(&w->out, w->loop);
        wire_until(w->loop, !w->in.conn);
    }
}

static void an_unknown_certificate_is_refused_unless_checks_are_off(void **state)
{
    struct world *w = *state;
    struct tls_context *strict, *loose;
    assert_ok(tls_client_create(&strict, w->other_cert, true));
    assert_ok(tls_client_create(&loose, NULL, false));
    connect_as(w, strict, "localhost");
    assert_true(w->out.is_closed);
    assert_int_equal(w->out.why, ERR_AUTH);
    wire_until(w->loop, !w->in.conn);
    connect_as(w, loose, "anything");
    assert_true(w->out.is_open);
    tls_free(strict);
    tls_free(loose); /* open connections go on */
    assert_ok(conn_write(w->out.conn, SLICE("still")));
    wire_until(w->loop, w->in.got.len == 5);
}

static void files_that_are_wrong_are_refused_with_a_note(void **state)
{
    struct world *w = *state;
    struct tls_context *t = NULL;
    struct err_note note = { 0 };
    assert_int_equal(tls_server_create(&t, "/nonexistent", w->key, &note), ERR_INVALID);
    assert_true(slice_contains(slice_of(note.text), SLICE("/nonexistent")));
    assert_int_equal(tls_server_create(&t, w->cert, w->junk, &note), ERR_INVALID);
    assert_int_equal(tls_server_create(&t, w->cert, w->other_key, &note), ERR_INVALID);
    assert_int_equal(tls_server_create(&t, w->junk, w->key, NULL), ERR_INVALID);
    assert_int_equal(tls_client_create(&t, w->junk, true), ERR_INVALID);
    assert_int_equal(tls_client_create(&t, "/nonexistent", true), ERR_INVALID);
    assert_null(t);
}

static void a_reload_counts_for_new_connections_and_a_broken_one_changes_nothing(void **state)
{
    struct world *w = *state;
    struct tls_context *second;
    assert_ok(tls_client_create(&second, w->other_cert, true));
    connect_as(w, w->client, "localhost");
    struct wire old_out = w->out, old_in = { 0 };
    assert_int_equal(tls_server_reload(w->server, w->junk, w->key, NULL), ERR_INVALID);
    assert_ok(tls_server_reload(w->server, w->other_cert, w->other_key, NULL));
    conn_listen_events(old_out.conn, &wire_events, &old_out);
    old_in.conn = take_ptr(&w->in.conn);
    conn_listen_events(old_in.conn, &wire_events, &old_in);
    assert_ok(conn_write(old_out.conn, SLICE("old"))); /* the open one goes on */
    wire_until(w->loop, old_in.got.len == 3);
    connect_as(w, w->client, "localhost");
    assert_true(w->out.is_closed);
    wire_until(w->loop, !w->in.conn);
    connect_as(w, second, "localhost");
    assert_true(w->out.is_open);
    wire_close(&old_out, w->loop);
    wire_close(&old_in, w->loop);
    tls_free(second);
}

static void what_is_no_tls_ends_the_connection_only(void **state)
{
    static const char *const rows[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff", "\0\0\0\0\0\0\0\0" };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        connect_as(w, NULL, NULL);
        wire_until(w->loop, w->in.conn);
        w->in.is_closed = false;
        wire_send(&w->out, slice_from(rows[i], i == 2 ? 8 : strlen(rows[i])));
        wire_until(w->loop, w->in.is_closed);
        wire_close(&w->out, w->loop);
    }
    connect_as(w, w->client, "localhost");
    assert_true(w->out.is_open);
}

/* A whole conversation through two streams, n bytes at a time. */
static void carry(struct tls_stream *from, struct tls_stream *to, size_t step, struct buf *heard)
{
    char plain[256];
    struct buf *out = tls_stream_output(from);
    while (out->len > 0) {
        size_t len = MIN(step, out->len);
        tls_stream_input(to, slice_from(out->data, len));
        for (int count; (count = tls_stream_read(to, plain, sizeof(plain))) != 0;) {
            assert_true(count > 0);
            (void)buf_put(heard, slice_from(plain, (size_t)count));
        }
        buf_eat(out, len);
    }
    buf_done(out);
}

static void streams_work_in_pieces_of_any_size(void **state)
{
    struct world *w = *state;
    for (size_t step = 1; step < 400; step += 57) {
        struct tls_stream *a, *b;
        auto_buf struct buf at_a = { 0 }, at_b = { 0 };
        char plain[16];
        assert_ok(tls_stream_create(&a, w->client, "localhost"));
        assert_ok(tls_stream_create(&b, w->server, NULL));
        assert_int_equal(tls_stream_read(a, plain, sizeof(plain)), 0); /* says hello */
        for (int round = 0; round < 4; round++) {
            carry(a, b, step, &at_b);
            carry(b, a, step, &at_a);
        }
        assert_true(tls_stream_ready(a) && tls_stream_ready(b));
        assert_ok(tls_stream_write(a, SLICE("ping")));
        carry(a, b, step, &at_b);
        assert_ok(tls_stream_write(b, SLICE("pong")));
        carry(b, a, step, &at_a);
        assert_slice_is(buf_slice(&at_b), "ping");
        assert_slice_is(buf_slice(&at_a), "pong");
        tls_stream_end(a);
        struct buf *out = tls_stream_output(a);
        tls_stream_input(b, buf_slice(out));
        assert_int_equal(tls_stream_read(b, plain, sizeof(plain)), -1);
        tls_stream_free(a);
        tls_stream_free(b);
    }
}

/* ---- HTTPS and wss against our own server ---- */

struct web {
    struct http_server *server;
    struct ws *in, *out;
    struct buf heard;
    int ends, status, opens;
    enum err err;
};

static void on_text(void *user, struct slice text)
{
    struct web *web = user;
    (void)buf_put(&web->heard, text);
    if (web->in)
        (void)ws_send_text(web->in, text);
}

static void on_echo(void *user, struct slice text)
{
    (void)buf_put(&((struct web *)user)->heard, text);
}

static void on_ws_open(void *user)
{
    ((struct web *)user)->opens++;
}

static void on_in_close(void *user, int code, struct slice reason, int status)
{
    (void)code, (void)reason, (void)status;
    ((struct web *)user)->in = NULL;
}

static void on_out_close(void *user, int code, struct slice reason, int status)
{
    (void)code, (void)reason, (void)status;
    ((struct web *)user)->out = NULL;
}

static const struct ws_events in_events = { .on_text = on_text, .on_binary = on_echo, .on_close = on_in_close };
static const struct ws_events out_events = { .on_open = on_ws_open, .on_text = on_echo, .on_binary = on_echo,
                                             .on_close = on_out_close };

static void on_request(void *user, struct http_req *r)
{
    struct web *web = user;
    assert_true(http_is_tls(r));
    if (http_wants_upgrade(r))
        assert_ok(ws_accept(&web->in, r, NULL, &in_events, web));
    else
        http_respond_text(r, 200, "secret");
}

static const struct http_server_events web_events = { .on_request = on_request };

static void on_call_data(void *user, struct slice data)
{
    (void)buf_put(&((struct web *)user)->heard, data);
}

static void on_call_end(void *user, enum err err, int status, const char *note)
{
    struct web *web = user;
    (void)note;
    web->ends++;
    web->err = err;
    web->status = status;
}

static void https_and_wss_work_against_our_own_server(void **state)
{
    struct world *w = *state;
    struct web web = { 0 };
    char url[80];
    struct http_client *client, *stranger;
    struct http_call *call;
    static const struct http_call_events call_events = { NULL, on_call_data, on_call_end };
    const struct http_server_opts o = { .listen = { .host = "127.0.0.1", .tls = w->server } };
    assert_ok(http_server_open(&web.server, w->loop, &o, &web_events, &web));
    assert_ok(http_client_create(&client, w->loop, &(struct http_client_opts){ .ca_file = w->cert }));
    assert_ok(http_client_create(&stranger, w->loop, &(struct http_client_opts){ .ca_file = w->other_cert }));
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", http_server_port(web.server));
    assert_ok(http_call_open(&call, client, &(struct http_call_opts){ .url = url }, &call_events, &web));
    wire_until(w->loop, web.ends == 1);
    assert_ok(web.err);
    assert_slice_is(buf_slice(&web.heard), "secret");
    assert_ok(http_call_open(&call, stranger, &(struct http_call_opts){ .url = url }, &call_events, &web));
    wire_until(w->loop, web.ends == 2);
    assert_int_equal(web.err, ERR_AUTH);
    buf_clear(&web.heard);
    snprintf(url, sizeof(url), "wss://127.0.0.1:%u/x", http_server_port(web.server));
    const struct ws_connect_opts wss = { .url = url, .tls = w->client };
    assert_ok(ws_connect(&web.out, w->loop, &wss, &out_events, &web));
    wire_until(w->loop, web.opens == 1);
    assert_ok(ws_send_text(web.out, SLICE("hi")));
    wire_until(w->loop, web.heard.len == 4);
    assert_slice_is(buf_slice(&web.heard), "hihi");
    ws_close(take_ptr(&web.out), 1000, SLICE(""), 500);
    wire_until(w->loop, !web.in);
    http_client_free(client);
    http_client_free(stranger);
    http_server_close(web.server);
    wire_until(w->loop, loop_timers_armed(w->loop) == 0);
    buf_done(&web.heard);
}

struct reloader {
    struct world *w;
    atomic_bool stop;
    atomic_uint rounds;
};

static void *reload_on_and_on(void *arg)
{
    struct reloader *r = arg;
    while (!atomic_load(&r->stop)) {
        (void)tls_server_reload(r->w->server, r->w->cert, r->w->key, NULL);
        atomic_fetch_add(&r->rounds, 1);
    }
    return NULL;
}

static void certificates_are_reloaded_by_another_thread_while_devices_connect(void **state)
{
    struct world *w = *state;
    struct reloader r = { .w = w };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, reload_on_and_on, &r), 0);
    for (int i = 0; i < 30; i++) {
        connect_as(w, w->client, "localhost");
        assert_true(w->out.is_open);
        wire_close(&w->out, w->loop);
        wire_until(w->loop, !w->in.conn);
    }
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&r.rounds) > 0);
}

#define with_world(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(bytes_go_both_ways),
        with_world(much_goes_through_also_to_one_that_pauses),
        with_world(names_and_addresses_are_checked),
        with_world(an_unknown_certificate_is_refused_unless_checks_are_off),
        with_world(files_that_are_wrong_are_refused_with_a_note),
        with_world(a_reload_counts_for_new_connections_and_a_broken_one_changes_nothing),
        with_world(what_is_no_tls_ends_the_connection_only),
        with_world(streams_work_in_pieces_of_any_size),
        with_world(https_and_wss_work_against_our_own_server),
        with_world(certificates_are_reloaded_by_another_thread_while_devices_connect),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_remove();
    return failed;
}
