/* SPDX-License-Identifier: MIT
 * test_storm.c -- many devices at once: they come, vanish and come again; one of them does not read. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "metrics/metrics.h"
#include "tests/support/deaf.h"
#include "tests/support/fake_providers.h"
#include "tests/support/proc.h"

#define DEVICES 500
#define ROUNDS 3
#define SILENT 1000
#define SPEAKERS 60
#define MESSAGES_A_SECOND 40 /* of the one that does not read: less than are too many */
#define MEMORY_SLACK_BYTES (600u << 10) /* caches of the allocator and of tables that keep their size */

static const struct world_opts wide = { .more = "limits: {busy_percent: 0, device_connects_per_min: 100000}\n" };

static bool nobody(void *arg)
{
    return server_sessions(arg) == 0;
}

static void come(struct world *w, unsigned devices)
{
    char name[32];

    for (unsigned i = 0; i < devices; i++) {
        snprintf(name, sizeof(name), "Device-Id: dev%u", i);
        const char *headers[] = { name, NULL };
        world_dial(w, "/xiaozhi/v1/", headers);
    }
    for (unsigned i = 0; i < devices; i++) {
        assert_true(client_opens(w->clients[i]));
        client_say(w->clients[i], HELLO);
    }
    for (unsigned i = 0; i < devices; i++)
        assert_true(client_gets(w->clients[i], "session_id"));
    assert_int_equal(server_sessions(w->server), devices);
}

static void leave(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++)
        client_vanish(w->clients[i]);
    assert_true(world_until(w, nobody, w->server));
    world_settle(w);
    world_forget(w);
}

static void five_hundred_devices_come_and_go_and_leave_nothing_behind(void **state)
{
    struct world w;
    world_start(&w, &wide);
    come(&w, DEVICES);
    leave(&w);
    unsigned fds = proc_fds(getpid()), thread_count = proc_threads(getpid());
    size_t bytes = mallinfo2().uordblks, timers = loop_timers_armed(w.loop), handles = loop_handles_open(w.loop);
    for (unsigned round = 0; round < ROUNDS; round++) {
        world_advance(&w, 60000);
        come(&w, DEVICES);
        leave(&w);
    }
    assert_int_equal(proc_fds(getpid()), fds);
    assert_int_equal(proc_threads(getpid()), thread_count);
    assert_int_equal(loop_timers_armed(w.loop), timers);
    assert_int_equal(loop_handles_open(w.loop), handles);
    if (mallinfo2().uordblks > bytes + MEMORY_SLACK_BYTES)
        fail_msg("%zu bytes more than after the first round", mallinfo2().uordblks - bytes);
    world_end(&w);
}

/* Both ends of every connection are in this process. */
static void want_descriptors(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= count)
        return;
    limit.rlim_cur = MIN(count, limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void a_thousand_silent_sessions_add_no_thread(void **state)
{
    struct world w;
    want_descriptors(SILENT * 2 + 200);
    world_start(&w, &wide);
    unsigned before = proc_threads(getpid());
    come(&w, SILENT);
    assert_int_equal(proc_threads(getpid()), before);
    world_advance(&w, 300000); /* five minutes in which nobody says a word */
    assert_int_equal(server_sessions(w.server), SILENT);
    assert_int_equal(proc_threads(getpid()), before);
    leave(&w);
    assert_int_equal(proc_threads(getpid()), before);
    world_end(&w);
}

/* Each looks first for what it said before, on the store's thread: a clock moved by hand would outrun that. */
static bool all_are_asked(void *arg)
{
    return fake_llm_script("")->seen.opens == SPEAKERS;
}

static void everybody_may_speak_at_once(void **state)
{
    char name[32];
    struct world w;
    world_start(&w, &wide);
    fake_llm_script("")->replies[0].text = "Yes, of course.";
    for (unsigned i = 0; i < SPEAKERS; i++) {
        snprintf(name, sizeof(name), "dev%u", i);
        client_say(world_talker(&w, name), "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"are you there\"}");
    }
    assert_true(world_until(&w, all_are_asked, NULL));
    world_advance(&w, 6000);
    for (unsigned i = 0; i < SPEAKERS; i++) {
        assert_int_equal(client_count(w.clients[i], "\"state\":\"start\""), 1);
        assert_int_equal(client_count(w.clients[i], "\"state\":\"stop\""), 1);
        assert_true(w.clients[i]->frames > 0);
    }
    world_end(&w);
}

/* --- one that does not read ---------------------------------------------------------------------------- */

struct sent {
    struct server *server;
    int64_t messages; /* by both, all in all */
};

static bool all_is_read(void *arg)
{
    const struct sent *sent = arg;
    return metric_value(METRIC_messages_in_total) >= sent->messages || server_sessions(sent->server) < 2;
}

static void one_that_does_not_read_is_closed_and_disturbs_nobody(void **state)
{
    char echo[400];
    struct world w;
    world_start(&w, &(struct world_opts){ .more = "limits: {send_queue_bytes: 16384}\n" });
    int fd = deaf_connect(&w);
    assert_true(world_until(&w, deaf_is_alone, &w));
    struct client *other = world_talker(&w, "dev1");
    snprintf(echo, sizeof(echo), "{\"type\":\"iot\",\"text\":\"%0250d\"}", 7);
    struct sent sent = { w.server, metric_value(METRIC_messages_in_total) + 1 };
    deaf_says(fd, HELLO);
    for (unsigned second = 0; second < 1000 && server_sessions(w.server) == 2; second++) {
        for (unsigned i = 0; i < MESSAGES_A_SECOND; i++)
            deaf_says(fd, echo);
        client_say(other, "{\"type\":\"ping\"}");
        sent.messages += MESSAGES_A_SECOND + 1;
        assert_true(world_until(&w, all_is_read, &sent)); /* before the next second: more in one would be too many */
        loop_advance(w.loop, 1000);
    }
    assert_true(world_until(&w, deaf_is_alone, &w));
    assert_int_equal(metric_label_value(METRIC_sessions_closed_total, "peer does not read"), 1);
    client_forget(other);
    assert_true(client_pings(other));
    close(fd);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_hundred_devices_come_and_go_and_leave_nothing_behind),
        cmocka_unit_test(a_thousand_silent_sessions_add_no_thread),
        cmocka_unit_test(everybody_may_speak_at_once),
        cmocka_unit_test(one_that_does_not_read_is_closed_and_disturbs_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
