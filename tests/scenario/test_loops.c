/* SPDX-License-Identifier: MIT
 * test_loops.c -- a server with two loop threads: take-over and speech across them, reload under load,
 * drain. TSAN */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include "gateway/gateway.h"
#include "metrics/metrics.h"

static const struct world_opts threaded = { .has_threads = true,
                                            .more = "limits: {busy_percent: 0, device_connects_per_min: 100000}\n" };

static bool one_session(void *arg)
{
    return server_sessions(arg) == 1;
}

static void takeovers_across_loops_leave_one_session(void **state)
{
    struct world w;
    world_start(&w, &threaded);
    assert_int_equal(server_loops(w.server), 2);
    for (unsigned i = 0; i < 30; i++)
        world_talker(&w, "dev1");
    struct client *last = w.clients[w.client_count - 1];
    assert_true(world_until(&w, one_session, w.server));
    unsigned told = 0;
    for (unsigned i = 0; i + 1 < w.client_count; i++) {
        assert_true(client_closes(w.clients[i]));
        assert_int_equal(w.clients[i]->code, 4000);
        told += client_count(w.clients[i], "device_takeover");
    }
    assert_int_equal(told, w.client_count - 1);
    assert_true(client_pings(last));
    world_end(&w);
}

struct answers {
    _Atomic unsigned accepted, others;
};

static void count_answer(void *arg, enum err err, const char *text)
{
    struct answers *a = arg;
    if (err == OK)
        a->accepted++;
    else
        a->others++;
}

static bool all_answered(void *arg)
{
    struct answers *a = arg;
    return a->accepted + a->others == 20;
}

static void wishes_from_another_thread_reach_the_session_or_nobody(void **state)
{
    char name[16];
    struct world w;
    struct answers a = { 0 };
    world_start(&w, &threaded);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        world_talker(&w, name);
    }
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        const struct gateway_words dinner = { .device = name, .text = SLICE("Dinner is ready.") };
        gateway_say(server_gateway(w.server), w.loop, &dinner, count_answer, &a);
        if (i % 4 == 3)
            gateway_kick(server_gateway(w.server), name);
    }
    assert_true(world_until(&w, all_answered, &a));
    assert_int_equal(a.accepted, 10);
    world_end(&w);
}

static void reload_under_load_disturbs_nobody(void **state)
{
    char name[16];
    struct err_note note;
    struct world w;
    world_start(&w, &threaded);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        struct client *c = world_talker(&w, name);
        client_say(c, "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"hello\"}");
        assert_ok(server_reload(w.server, &note));
    }
    for (unsigned i = 0; i < 20; i++)
        assert_true(client_gets(w.clients[i], "\"state\":\"start\""));
    world_end(&w);
}

static bool is_drained(void *arg)
{
    return server_is_drained(arg);
}

static void draining_ends_every_session(void **state)
{
    char name[16];
    struct world w;
    world_start(&w, &threaded);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        world_talker(&w, name);
    }
    server_drain(w.server, true);
    assert_true(world_until(&w, is_drained, w.server));
    assert_true(server_wants_restart(w.server));
    for (unsigned i = 0; i < 20; i++) {
        assert_true(client_closes(w.clients[i]));
        assert_int_equal(w.clients[i]->code, 1001);
        assert_int_equal(client_count(w.clients[i], "draining"), 1);
    }
    world_end(&w);
}

static void the_self_test_finds_the_own_door(void **state)
{
    struct err_note note;
    struct world w;
    world_start(&w, &threaded);
    if (server_self_test(w.server, &note))
        fail_msg("%s", note.text);
    world_end(&w);
    world_start(&w, &(struct world_opts){ .has_threads = true, .has_auth = true });
    int64_t refused = metric_value(METRIC_auth_failures_total), opened = metric_value(METRIC_sessions_total);
    if (server_self_test(w.server, &note))
        fail_msg("%s", note.text);
    assert_int_equal(metric_value(METRIC_auth_failures_total), refused); /* no stranger, no session */
    assert_int_equal(metric_value(METRIC_sessions_total), opened);
    /* Who has not the mark of this start is a stranger as any other. */
    const char *guess_headers[] = { GATEWAY_OWN_MARK ": 1", "Device-Id: dev1", NULL };
    struct client *guess = world_dial(&w, "/xiaozhi/v1/", guess_headers);
    assert_false(client_opens(guess));
    assert_int_equal(guess->http_status, 401);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takeovers_across_loops_leave_one_session),
        cmocka_unit_test(wishes_from_another_thread_reach_the_session_or_nobody),
        cmocka_unit_test(reload_under_load_disturbs_nobody),
        cmocka_unit_test(draining_ends_every_session),
        cmocka_unit_test(the_self_test_finds_the_own_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
