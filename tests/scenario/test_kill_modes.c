/* SPDX-License-Identifier: MIT
 * test_kill_modes.c -- a whole server in a process of its own, killed with signal 9 at random points of running
 * meetings, task edits and messages between devices. Every text, task and message that was acknowledged is there
 * after it, every acknowledged finalize is carried out, the database opens clean. PARLEY_KILL_ROUNDS: how often,
 * 60 otherwise; PARLEY_SEED repeats a run. */
#include "tests/support/kill_world.h"
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/fake_providers.h"

#define ROUNDS 60
#define MESSAGES_MAX 9 /* of each device and round */
#define PEERS_MAX 4

static const struct world_opts opts = {
    .has_auth = true, .server = DEVICE_TOKEN,
    .more = "limits: {busy_percent: 0, device_connects_per_min: 100000, per_ip_new_per_s: 10000}\nenable_greeting: false\n"
            "peer: {allow_all: true}\nworkflow: {groups: {tasker: team}}\n"
            "meeting: {entry_tone: none, retention_count: 0}\nlog: {log_level: ERROR}\n",
};
static unsigned seed;

static unsigned random_below(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static void prepare(int out)
{
    model_says(GOOD_SUMMARY);
    fake_llm_script("")->plan.first_ms = 2; /* so that some are under way when the end comes */
}

static void make_known(struct world *w, const char *device)
{
    auto_buf struct buf out = { 0 };
    auto_mem char *headers = xprintf("Device-Id: %s\r\nClient-Id: c-%s\r\n", device, device);
    assert_int_equal(world_http(w, w->port, "POST /xiaozhi/ota/", headers,
        "{\"application\":{\"version\":\"2.4.0\"},\"board\":{\"type\":\"b\"}}", &out), 200);
}

static bool is_acked(const struct client *c, const char *kind, unsigned round, unsigned i, const char *word)
{
    auto_mem char *id = xprintf("\"reqId\":\"%s-%u-%u\"", kind, round, i);
    for (unsigned n = 0;; n++) {
        const char *m = client_message(c, id, n);
        if (!m)
            return false;
        if (strstr(m, word))
            return true;
    }
}

struct round {
    struct client *meeting, *tasker, *writer;
    unsigned texts, tasks, peers;
    bool is_finalized;
};

/* Three devices at once; the end comes whenever. */
static void talk(struct world *w, struct round *r, unsigned round)
{
    char id[64];
    auto_mem char *target = xprintf("away-%u", round);
    make_known(w, target);
    r->meeting = world_device(w, "minuter");
    r->tasker = world_device(w, "tasker");
    r->writer = world_device(w, "writer");
    meeting_begins(r->meeting, id);
    r->texts = 1 + random_below(MESSAGES_MAX);
    r->tasks = 1 + random_below(MESSAGES_MAX);
    r->peers = 1 + random_below(PEERS_MAX);
    for (unsigned i = 0; i < MESSAGES_MAX; i++) {
        if (i < r->texts)
            client_says(r->meeting,
                "{\"type\":\"meeting\",\"phase\":\"snippet\",\"reqId\":\"s-%u-%u\",\"items\":[{\"tag\":"
                                    "\"t\",\"text\":\"text %u of round %u\"}]}", round, i, i, round);
        if (i < r->tasks)
            client_says(r->tasker,
                "{\"type\":\"workflow\",\"event\":\"update\",\"reqId\":\"t-%u-%u\",\"tasks\":[{\"id\":"
                                   "\"task-%u-%u\",\"title\":\"x\"}]}", round, i, round, i);
        if (i < r->peers)
            client_says(r->writer, "{\"type\":\"peer\",\"reqId\":\"p-%u-%u\",\"to\":[\"%s\"],\"payload\":{\"text\":"
                                   "\"note %u of round %u\"}}", round, i, target, i, round);
    }
    r->is_finalized = random_below(3) == 0;
    if (r->is_finalized)
        client_say(r->meeting, FINALIZE);
    uint64_t until_us = clock_mono_us() + 1000 + random_below(25000);
    while (clock_mono_us() < until_us)
        loop_step(w->loop, 1);
}

static unsigned check(struct world *w, const struct round *r, unsigned round)
{
    unsigned acked = 0;
    for (unsigned i = 0; i < MESSAGES_MAX; i++) {
        auto_mem char *text = xprintf("text %u of round %u", i, round), *task = xprintf("task-%u-%u", round, i);
        auto_mem char *note = xprintf("%%note %u of round %u\"%%", i, round);
        if (i < r->texts && is_acked(r->meeting, "s", round, i, "\"status\":\"ok\"")) {
            acked++;
            if (killed_number(w, "SELECT (SELECT count(*) FROM pending_text WHERE text = ?1) +"
                          " (SELECT count(*) FROM segment WHERE text = ?1)", text) != 1)
                fail_msg("seed %u: lost: %s", seed, text);
        }
        if (i < r->tasks && is_acked(r->tasker, "t", round, i, "\"status\":\"ok\"")) {
            acked++;
            if (killed_number(w, "SELECT count(*) FROM task WHERE id = ?1", task) != 1)
                fail_msg("seed %u: lost: %s", seed, task);
        }
        if (i < r->peers && is_acked(r->writer, "p", round, i, "\"enqueued\":[\"away")) {
            acked++;
            if (killed_number(w, "SELECT count(*) FROM peer_message WHERE payload LIKE ?1", note) != 1)
                fail_msg("seed %u: lost: %s", seed, note);
        }
    }
    if (client_count(r->meeting, "\"phase\":\"finalize\"") &&
        killed_number(w, "SELECT count(*) FROM meeting WHERE state = 0 AND device = ?1", "minuter") != 0)
        fail_msg("seed %u: round %u: an acknowledged finalize is lost", seed, round);
    return acked;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    unsigned rounds = number_from_environment("PARLEY_KILL_ROUNDS", ROUNDS), acked = 0, queued = 0;
    struct world w;
    struct child child;

    seed = number_from_environment("PARLEY_SEED", (unsigned)clock_mono_us());
    print_message("seed %u\n", seed);
    kill_world_start(&w, &opts);
    for (unsigned round = 0; round < rounds; round++) {
        struct round r = { 0 };
        child_start(&child, &w, prepare);
        talk(&w, &r, round);
        child_kill(&child);
        for (unsigned i = 0; i < 3; i++)
            loop_step(w.loop, 0); /* what had been sent before */
        acked += check(&w, &r, round);
        queued += client_count(r.writer, "\"enqueued\":[\"away");
        kill_world_forget(&w);
    }
    assert_true(acked >= rounds && queued > 0);
    child_start(&child, &w, prepare); /* the last start carries out what was asked for */
    killed_settles(&w, "SELECT count(*) FROM meeting WHERE state = 1");
    child_kill(&child);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM meeting WHERE state = 2 AND summary = ''", NULL), 0);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM (SELECT text FROM segment GROUP BY text"
                                       " HAVING count(*) > 1)", NULL), 0);
    assert_int_equal(killed_number(&w, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'",
                                   NULL), 1);
    print_message("%u rounds, %u acknowledged\n", rounds, acked);
    kill_world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
