/* SPDX-License-Identifier: MIT
 * test_kill.c -- a whole server in a process of its own, killed with signal 9 again and again while conversations
 * end and are saved. What was acknowledged (the server itself closed the socket) is there afterwards, once; the
 * database opens clean each time. PARLEY_KILL_ROUNDS: how often, 60 otherwise. */
#include "tests/support/kill_world.h"
#include "tests/support/test.h"

#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "tests/support/fake_providers.h"

#define ROUNDS 60
#define DEVICES 6 /* per round */
#define NAME_BYTES 24

static const struct world_opts opts = {
    .more = "limits: {busy_percent: 0, device_connects_per_min: 100000}\nenable_greeting: false\nexit_commands: [leave]\n"
            "log: {log_level: WARN}\n",
};

/* ---- the server's process ---- */

static int report_fd;

/* One letter per save that was not on disk when the socket had to close: its session was not acknowledged. */
static void watch_log(void *user, struct slice line)
{
    if (slice_contains(line, SLICE("save.late")) && write(report_fd, "L", 1) < 0)
        _exit(3);
}

static void prepare(int out)
{
    report_fd = out;
    log_tap(watch_log, NULL);
    fake_llm_script("")->replies[0].text = "Yes.";
    fake_tts_script("")->sentence_ms = 60;
    fake_memory_script("")->plan.first_ms = 2; /* so that some are under way when the end comes */
}

/* ---- the devices ---- */

static void turn_and_leave(struct world *w, unsigned round, char acked[][NAME_BYTES], unsigned *ack_count)
{
    static const char ask[] = "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"are you there\"}";
    static const char leave[] = "{\"type\":\"listen\",\"state\":\"detect\",\"text\":\"leave\"}";
    char names[DEVICES][NAME_BYTES];
    unsigned wanted = 1 + rand_below(DEVICES);

    for (unsigned i = 0; i < DEVICES; i++) {
        snprintf(names[i], NAME_BYTES, "r%u-d%u", round, i);
        client_say(world_talker(w, names[i]), ask);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        if (!client_gets(w->clients[i], "\"state\":\"stop\""))
            fail_msg("no answer in round %u: %s", round, w->clients[i]->log.data);
    }
    for (unsigned i = 0; i < DEVICES; i++)
        client_say(w->clients[i], leave);
    for (unsigned i = 0; i < wanted; i++) {
        assert_true(client_closes(w->clients[i]));
        assert_int_equal(w->clients[i]->code, 1000);
    }
    nanosleep(&(struct timespec){ .tv_nsec = rand_below(4000000) }, NULL);
    for (unsigned i = 0; i < DEVICES; i++) {
        if (!w->clients[i]->ws)
            memcpy(acked[(*ack_count)++], names[i], NAME_BYTES);
    }
}

static void every_acknowledged_conversation_survives_kill_9(void **state)
{
    unsigned rounds = number_from_environment("PARLEY_KILL_ROUNDS", ROUNDS), acked_in_all = 0, late_in_all = 0;
    struct world w;
    struct child child;

    kill_world_start(&w, &opts);
    for (unsigned round = 0; round < rounds; round++) {
        char acked[DEVICES][NAME_BYTES];
        unsigned count = 0, there = 0;
        child_start(&child, &w, prepare);
        turn_and_leave(&w, round, acked, &count);
        unsigned late = child_kill(&child);
        kill_world_forget(&w);
        for (unsigned i = 0; i < count; i++)
            there += killed_number(&w, "SELECT count(*) FROM save_job WHERE device = ?1", acked[i]) == 1;
        if (there + late < count)
            fail_msg("round %u: %u of %u acknowledged conversations are there", round, there, count);
        acked_in_all += count;
        late_in_all += late;
    }
    assert_true(acked_in_all >= rounds);
    /* The last start saves all that waits; each conversation counts once. */
    child_start(&child, &w, prepare);
    killed_settles(&w, "SELECT count(*) FROM save_job WHERE state = 0");
    child_kill(&child);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM save_job WHERE state <> 1", NULL), 0);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM (SELECT device FROM chat_summary"
                                       " GROUP BY device HAVING count(*) > 1)", NULL), 0);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM turn t WHERE role = 'user' AND NOT EXISTS"
                                       " (SELECT 1 FROM save_job j WHERE j.key = t.session)", NULL), 0);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'",
                                   NULL), 1);
    print_message("%u rounds, %u conversations acknowledged, %u closed before their save\n", rounds, acked_in_all,
                  late_in_all);
    kill_world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_acknowledged_conversation_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
