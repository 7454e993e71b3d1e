/* SPDX-License-Identifier: MIT
 * test_conn.c -- byte streams over real loopback sockets, stepped by hand. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/conn.h"
#include "tests/support/test.h"

#define STEPS_MAX 4000

/* One end of a stream and what it heard. */
struct end {
    struct conn *conn;
    struct buf got;
    unsigned opens, drains, closes;
    enum err why;
    bool closes_on_data, closes_on_open, pauses_on_data;
};

struct world {
    struct loop *loop;
    struct listener *listener;
    struct end server, client;
};

static void on_open(void *user)
{
    struct end *e = user;
    e->opens++;
    if (e->closes_on_open)
        conn_close(take_ptr(&e->conn));
}

static void on_data(void *user, struct slice data)
{
    struct end *e = user;
    (void)buf_put(&e->got, data);
    if (e->pauses_on_data)
        conn_pause(e->conn);
    if (e->closes_on_data)
        conn_close(take_ptr(&e->conn));
}

static void on_drain(void *user)
{
    ((struct end *)user)->drains++;
}

static void on_close(void *user, enum err why)
{
    struct end *e = user;
    e->closes++;
    e->why = why;
    e->conn = NULL;
}

static const struct conn_events events = { on_open, on_data, on_drain, on_close };

static void on_accept(void *user, struct conn *c)
{
    struct world *w = user;
    if (w->server.conn) {
        conn_close(c);
        return;
    }
    w->server.conn = c;
    conn_listen_events(c, &events, &w->server);
}

static int set_up(void **state)
{
    struct world *w = xnew(struct world);
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test" }));
    assert_ok(listener_open(&w->listener, w->loop, &(struct listener_opts){ .host = "127.0.0.1" }, on_accept, w));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    conn_close(w->server.conn);
    conn_close(w->client.conn);
    listener_close(w->listener);
    loop_free(w->loop);
    buf_done(&w->server.got);
    buf_done(&w->client.got);
    mem_free(w);
    return 0;
}

#define step_until(w, condition)                                     \
    do {                                                             \
        for (int step_ = 0; step_ < STEPS_MAX && !(condition); step_++) \
            loop_step((w)->loop, 5);                                 \
        assert_true(condition);                                      \
    } while (0)

static enum err connect_to(struct world *w, const char *host, uint16_t port)
{
    const struct conn_opts o = { .host = host, .port = port };
    return conn_connect(&w->client.conn, w->loop, &o, &events, &w->client);
}

static void connect_both(struct world *w, size_t write_max_bytes)
{
    const struct conn_opts o = { .host = "127.0.0.1", .port = listener_port(w->listener),
                                 .write_max_bytes = write_max_bytes };
    assert_ok(conn_connect(&w->client.conn, w->loop, &o, &events, &w->client));
    step_until(w, w->client.opens && w->server.conn);
}

static void bytes_go_both_ways_in_one_write_of_several_pieces(void **state)
{
    struct world *w = *state;
    connect_both(w, 0);
    const struct slice parts[] = { SLICE("he"), SLICE(""), SLICE("llo") };
    assert_ok(conn_writev(w->client.conn, parts, 3));
    step_until(w, w->server.got.len == 5);
    assert_slice_is(buf_slice(&w->server.got), "hello");
    assert_ok(conn_write(w->server.conn, SLICE("yes")));
    step_until(w, w->client.got.len == 3);
    assert_int_equal(conn_queued_bytes(w->client.conn), 0);
    assert_string_equal(conn_peer(w->server.conn)->text, "127.0.0.1");
    assert_true(conn_peer(w->server.conn)->is_loopback);
    assert_int_equal(conn_local(w->server.conn)->port, listener_port(w->listener));
    assert_int_equal(conn_local(w->client.conn)->port, conn_peer(w->server.conn)->port);
    conn_keepalive(w->client.conn, 30, 20000);
}

static void the_peers_end_is_told_once_as_closed(void **state)
{
    struct world *w = *state;
    connect_both(w, 0);
    conn_close(take_ptr(&w->client.conn));
    step_until(w, w->server.closes);
    loop_step(w->loop, 0);
    assert_int_equal(w->server.closes, 1);
    assert_int_equal(w->server.why, ERR_CLOSED);
    assert_int_equal(w->client.closes, 0);
}

static void closing_inside_an_event_is_silent_and_safe(void **state)
{
    struct world *w = *state;
    w->server.closes_on_data = true;
    connect_both(w, 0);
    assert_ok(conn_write(w->client.conn, SLICE("x")));
    step_until(w, w->client.closes);
    assert_int_equal(w->server.closes, 0);
    assert_null(w->server.conn);
}

static void closing_inside_on_open_is_safe(void **state)
{
    struct world *w = *state;
    w->client.closes_on_open = true;
    assert_ok(connect_to(w, "127.0.0.1", listener_port(w->listener)));
    step_until(w, w->client.opens && w->server.closes);
}

static void closing_before_it_is_open_is_safe(void **state)
{
    struct world *w = *state;
    const char *hosts[] = { "127.0.0.1", "localhost", "unix:/nonexistent/socket" };
    for (size_t i = 0; i < COUNT(hosts); i++) {
        assert_ok(connect_to(w, hosts[i], listener_port(w->listener)));
        conn_close(take_ptr(&w->client.conn));
        loop_step(w->loop, 0);
    }
    assert_int_equal(w->client.opens + w->client.closes, 0);
}

static void a_name_is_resolved_and_connected(void **state)
{
    struct world *w = *state;
    assert_ok(connect_to(w, "localhost", listener_port(w->listener)));
    step_until(w, w->client.opens && w->server.conn);
}

static void a_refused_connection_is_told_as_connect(void **state)
{
    struct world *w = *state;
    uint16_t port = listener_port(w->listener);
    listener_close(take_ptr(&w->listener));
    loop_step(w->loop, 0);
    const char *hosts[] = { "127.0.0.1", "localhost", "unix:/nonexistent/socket", "no-such-host.invalid" };
    for (unsigned i = 0; i < COUNT(hosts); i++) {
        assert_ok(connect_to(w, hosts[i], port));
        step_until(w, w->client.closes == i + 1);
        assert_int_equal(w->client.why, ERR_CONNECT);
    }
    assert_int_equal(connect_to(w, "", port), ERR_INVALID);
    assert_int_equal(connect_to(w, "unix:", port), ERR_INVALID);
}

static void a_slow_reader_fills_the_queue_up_to_its_limit(void **state)
{
    struct world *w = *state;
    static char block[65536];
    size_t taken = 0;
    enum err e = OK;
    connect_both(w, 100000);
    conn_pause(w->server.conn);
    for (int i = 0; i < 1000 && e == OK; i++) {
        e = conn_write(w->client.conn, slice_from(block, sizeof(block)));
        taken += e == OK ? sizeof(block) : 0;
        loop_step(w->loop, 0);
    }
    assert_int_equal(e, ERR_LIMIT);
    assert_in_range(conn_queued_bytes(w->client.conn), 1, 100000);
    assert_int_equal(w->client.drains, 0);
    conn_resume(w->server.conn);
    step_until(w, w->server.got.len == taken);
    step_until(w, w->client.drains);
    assert_int_equal(w->client.drains, 1);
    assert_int_equal(conn_queued_bytes(w->client.conn), 0);
    assert_ok(conn_write(w->client.conn, SLICE("again")));
}

static void one_write_larger_than_the_limit_is_taken_whole(void **state)
{
    struct world *w = *state;
    size_t bytes = 8 << 20;
    char *block = xalloc(bytes);
    connect_both(w, 1000);
    for (size_t i = 0; i < bytes; i++)
        block[i] = (char)(i * 7 + i / 251);
    assert_ok(conn_write(w->client.conn, slice_from(block, bytes)));
    step_until(w, w->server.got.len == bytes);
    assert_memory_equal(w->server.got.data, block, bytes);
    mem_free(block);
}

static void a_paused_end_hears_nothing_until_it_resumes(void **state)
{
    struct world *w = *state;
    connect_both(w, 0);
    conn_pause(w->server.conn);
    assert_ok(conn_write(w->client.conn, SLICE("wait")));
    for (int i = 0; i < 5; i++)
        loop_step(w->loop, 1);
    assert_int_equal(w->server.got.len, 0);
    conn_resume(w->server.conn);
    step_until(w, w->server.got.len == 4);
}

static void a_soft_close_sends_what_is_queued_first(void **state)
{
    struct world *w = *state;
    size_t bytes = 8 << 20;
    char *block = xalloc(bytes);
    connect_both(w, 0);
    assert_ok(conn_write(w->client.conn, slice_from(block, bytes)));
    assert_true(conn_queued_bytes(w->client.conn) > 0);
    conn_close_soft(take_ptr(&w->client.conn), 5000);
    step_until(w, w->server.closes);
    assert_int_equal(w->server.got.len, bytes);
    assert_int_equal(w->client.closes, 0);
    step_until(w, loop_timers_armed(w->loop) == 0);
    mem_free(block);
}

static void a_soft_close_gives_up_on_a_peer_that_does_not_read(void **state)
{
    struct world *w = *state;
    size_t bytes = 8 << 20;
    char *block = xalloc(bytes);
    connect_both(w, 0);
    conn_pause(w->server.conn);
    assert_ok(conn_write(w->client.conn, slice_from(block, bytes)));
    conn_close_soft(take_ptr(&w->client.conn), 30);
    step_until(w, loop_timers_armed(w->loop) == 0);
    mem_free(block);
}

static void a_reset_shows_as_closed_also_while_paused_and_writing(void **state)
{
    struct world *w = *state;
    static char block[65536];
    connect_both(w, 0);
    conn_pause(w->client.conn);
    conn_close(take_ptr(&w->server.conn));
    loop_step(w->loop, 5);
    enum err e = OK;
    for (int i = 0; i < 100 && !w->client.closes; i++) {
        if (w->client.conn)
            e = conn_write(w->client.conn, slice_from(block, sizeof(block)));
        loop_step(w->loop, 1);
    }
    assert_int_equal(e, ERR_CLOSED);
    assert_int_equal(w->client.closes, 1);
    assert_int_equal(w->client.why, ERR_CLOSED);
}

static void a_connection_that_takes_too_long_is_a_timeout(void **state)
{
    struct world *w = *state;
    struct loop *loop;
    struct end slow = { 0 };
    (void)w;
    assert_ok(loop_create(&loop, &(struct loop_opts){ .name = "slow", .has_manual_clock = true }));
    /* TEST-NET-1: nobody answers, or the host says at once that there is no way. */
    const struct conn_opts o = { .host = "192.0.2.1", .port = 9, .connect_timeout_ms = 700 };
    assert_ok(conn_connect(&slow.conn, loop, &o, &events, &slow));
    loop_advance(loop, 699);
    bool was_unreachable = slow.closes;
    loop_advance(loop, 1);
    assert_int_equal(slow.closes, 1);
    assert_int_equal(slow.why, was_unreachable ? ERR_CONNECT : ERR_TIMEOUT);
    loop_free(loop);
}

static void unix_sockets_work_alike(void **state)
{
    struct world *w = *state;
    char path[64];
    snprintf(path, sizeof(path), "unix:/tmp/parley-test-%d", (int)getpid());
    listener_close(w->listener);
    for (int round = 0; round < 2; round++) { /* twice: a stale file does not stand in the way */
        assert_ok(listener_open(&w->listener, w->loop, &(struct listener_opts){ .host = path }, on_accept, w));
        assert_ok(connect_to(w, path, 0));
        step_until(w, w->client.conn && w->server.conn && w->client.opens == (unsigned)round + 1);
        assert_ok(conn_write(w->client.conn, SLICE("ping")));
        step_until(w, w->server.got.len == 4 * ((size_t)round + 1));
        assert_string_equal(conn_peer(w->server.conn)->text, "unix");
        conn_close(take_ptr(&w->client.conn));
        step_until(w, w->server.closes == (unsigned)round + 1);
        listener_close(take_ptr(&w->listener));
        loop_step(w->loop, 0);
    }
    unlink(path + 5);
}

static void a_port_in_use_is_refused_unless_it_is_shared(void **state)
{
    struct world *w = *state;
    struct listener *a = NULL, *b = NULL;
    struct listener_opts o = { .host = "127.0.0.1", .port = listener_port(w->listener) };
    assert_int_equal(listener_open(&a, w->loop, &o, on_accept, w), ERR_IO);
    o.port = 0;
    o.has_reuseport = true;
    assert_ok(listener_open(&a, w->loop, &o, on_accept, w));
    o.port = listener_port(a);
    assert_ok(listener_open(&b, w->loop, &o, on_accept, w));
    listener_close(a);
    listener_close(b);
    o.host = "not-numeric";
    assert_int_equal(listener_open(&a, w->loop, &o, on_accept, w), ERR_INVALID);
}

static void a_thousand_short_lives_leave_nothing_behind(void **state)
{
    struct world *w = *state;
    size_t handles = loop_handles_open(w->loop);
    for (unsigned i = 0; i < 300; i++) {
        connect_both(w, 0);
        w->client.opens = 0;
        conn_close(take_ptr(&w->client.conn));
        step_until(w, !w->server.conn);
    }
    loop_step(w->loop, 0);
    loop_step(w->loop, 0);
    assert_int_equal(loop_handles_open(w->loop), handles);
}

static void addresses_are_parsed_and_sorted(void **state)
{
    static const struct {
        const char *text, *as;
        bool is_good, is_loopback, is_private;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1", true, true, true },
        { "127.255.0.9", "127.255.0.9", true, true, true },
        { "::1", "::1", true, true, true },
        { "::2", "::2", true, false, false },
        { "10.1.2.3", "10.1.2.3", true, false, true },
        { "11.0.0.1", "11.0.0.1", true, false, false },
        { "172.15.0.1", "172.15.0.1", true, false, false },
        { "172.16.0.1", "172.16.0.1", true, false, true },
        { "172.31.255.255", "172.31.255.255", true, false, true },
        { "172.32.0.1", "172.32.0.1", true, false, false },
        { "192.168.7.7", "192.168.7.7", true, false, true },
        { "192.169.0.1", "192.169.0.1", true, false, false },
        { "169.254.1.1", "169.254.1.1", true, false, true },
        { "::ffff:192.168.1.1", "192.168.1.1", true, false, true },
        { "::ffff:8.8.8.8", "8.8.8.8", true, false, false },
        { "fd00::1", "fd00::1", true, false, true },
        { "fe80::1", "fe80::1", true, false, true },
        { "FE80::ABCD", "fe80::abcd", true, false, true },
        { "2001:db8::1", "2001:db8::1", true, false, false },
        { "0.0.0.0", "0.0.0.0", true, false, false },
        { "", "", false, false, false },
        { "1.2.3", "", false, false, false },
        { "1.2.3.4.5", "", false, false, false },
        { "256.1.1.1", "", false, false, false },
        { "localhost", "", false, false, false },
        { "10.0.0.1 ", "", false, false, false },
        { "fe80::1%eth0", "", false, false, false },
    };
    struct net_addr a;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(net_addr_parse(slice_of(rows[i].text), &a), rows[i].is_good);
        if (!rows[i].is_good)
            continue;
        assert_string_equal(a.text, rows[i].as);
        assert_int_equal(a.is_loopback, rows[i].is_loopback);
        assert_int_equal(a.is_private, rows[i].is_private);
    }
}

static void networks_contain_their_addresses(void **state)
{
    static const struct {
        const char *addr, *net;
        bool is_in;
    } rows[] = {
        { "10.1.2.3", "10.0.0.0/8", true },
        { "11.1.2.3", "10.0.0.0/8", false },
        { "10.1.2.3", "10.1.2.3", true },
        { "10.1.2.3", "10.1.2.4", false },
        { "10.1.2.3", "0.0.0.0/0", true },
        { "10.1.2.3", "10.1.2.0/31", false },
        { "10.1.2.3", "10.1.2.2/31", true },
        { "192.168.100.200", "192.168.96.0/20", true },
        { "192.168.112.1", "192.168.96.0/20", false },
        { "fd00::5", "fd00::/8", true },
        { "fd00::5", "fc00::/7", true },
        { "2001:db8::", "fc00::/7", false },
        { "fd00::5", "10.0.0.0/8", false },
        { "::ffff:10.1.1.1", "10.0.0.0/8", true },
        { "10.1.1.1", "::ffff:10.0.0.0/104", true },
        { "10.1.1.1", "10.0.0.0/33", false },
        { "10.1.1.1", "10.0.0.0/-1", false },
        { "10.1.1.1", "10.0.0.0/", false },
        { "10.1.1.1", "10.0.0.0/x", false },
        { "10.1.1.1", "", false },
        { "10.1.1.1", "/8", false },
    };
    struct net_addr a;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(net_addr_parse(slice_of(rows[i].addr), &a));
        if (net_addr_in(&a, slice_of(rows[i].net)) != rows[i].is_in)
            fail_msg("%s in %s", rows[i].addr, rows[i].net);
    }
}

#define with_world(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(bytes_go_both_ways_in_one_write_of_several_pieces),
        with_world(the_peers_end_is_told_once_as_closed),
        with_world(closing_inside_an_event_is_silent_and_safe),
        with_world(closing_inside_on_open_is_safe),
        with_world(closing_before_it_is_open_is_safe),
        with_world(a_name_is_resolved_and_connected),
        with_world(a_refused_connection_is_told_as_connect),
        with_world(a_slow_reader_fills_the_queue_up_to_its_limit),
        with_world(one_write_larger_than_the_limit_is_taken_whole),
        with_world(a_paused_end_hears_nothing_until_it_resumes),
        with_world(a_soft_close_sends_what_is_queued_first),
        with_world(a_soft_close_gives_up_on_a_peer_that_does_not_read),
        with_world(a_reset_shows_as_closed_also_while_paused_and_writing),
        with_world(a_connection_that_takes_too_long_is_a_timeout),
        with_world(unix_sockets_work_alike),
        with_world(a_port_in_use_is_refused_unless_it_is_shared),
        with_world(a_thousand_short_lives_leave_nothing_behind),
        cmocka_unit_test(addresses_are_parsed_and_sorted),
        cmocka_unit_test(networks_contain_their_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
