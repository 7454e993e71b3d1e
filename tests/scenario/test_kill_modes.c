/* SPDX-License-Identifier: MIT
 * test_kill_modes.c -- a whole server in a process of its own, killed with signal 9 at random points of running
 * meetings, task edits and messages between devices. Every text, task and message that was acknowledged is there
 * after it, every acknowledged finalize is carried out, the database opens clean. PARLEY_KILL_ROUNDS: how often,
 * 60 otherwise; PARLEY_SEED repeats a run. */
#include "tests/support/modes_world.h"
#include "tests/support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/db.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define ROUNDS 60
#define MESSAGES_MAX 9 /* of each device and round */
#define PEERS_MAX 4
#define END_WAIT_US 20000000

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

static void serve_for_ever(const char *text, const char *dir, int out)
{
    struct server *server;
    struct err_note note = { 0 };
    struct server_opts o = { .config_text = text, .data_dir = dir, .loops = 1, .has_any_ports = true,
                             .has_no_engines = true, .setup = world_fakes };

    fakes_reset();
    fake_llm_script("")->replies[0].text = GOOD_SUMMARY;
    fake_llm_script("")->plan.first_ms = 2; /* so that some are under way when the end comes */
    if (server_create(&server, &o, &note)) {
        fprintf(stderr, "%s\n", note.text);
        _exit(1);
    }
    uint16_t port = server_port(server);
    if (write(out, &port, sizeof(port)) != sizeof(port))
        _exit(1);
    for (;;)
        pause();
}

static pid_t child_start(struct world *w)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* never longer than the test */
        serve_for_ever(w->text, w->dir, ends[1]);
    }
    close(ends[1]);
    if (read(ends[0], &w->port, sizeof(w->port)) != sizeof(w->port))
        fail_msg("the server does not start: the database of the round before did not open clean");
    close(ends[0]);
    return pid;
}

static void child_kill(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The database, while nobody has it open. */
static int64_t number(const struct world *w, const char *sql, const char *name)
{
    struct db *db = NULL;
    struct err_note note = { 0 };
    int64_t n = -1;
    auto_mem char *path = xprintf("%s/parley.db", w->dir);
    if (db_open(&db, &(struct db_opts){ .path = path }, &note))
        fail_msg("%s", note.text);
    assert_ok(db_number(&n, db, sql, db_s(name)));
    db_close(db);
    return n;
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
            if (number(w, "SELECT (SELECT count(*) FROM pending_text WHERE text = ?1) +"
                          " (SELECT count(*) FROM segment WHERE text = ?1)", text) != 1)
                fail_msg("seed %u: lost: %s", seed, text);
        }
        if (i < r->tasks && is_acked(r->tasker, "t", round, i, "\"status\":\"ok\"")) {
            acked++;
            if (number(w, "SELECT count(*) FROM task WHERE id = ?1", task) != 1)
                fail_msg("seed %u: lost: %s", seed, task);
        }
        if (i < r->peers && is_acked(r->writer, "p", round, i, "\"enqueued\":[\"away")) {
            acked++;
            if (number(w, "SELECT count(*) FROM peer_message WHERE payload LIKE ?1", note) != 1)
                fail_msg("seed %u: lost: %s", seed, note);
        }
    }
    if (client_count(r->meeting, "\"phase\":\"finalize\"") &&
        number(w, "SELECT count(*) FROM meeting WHERE state = 0 AND device = ?1", "minuter") != 0)
        fail_msg("seed %u: round %u: an acknowledged finalize is lost", seed, round);
    return acked;
}

static void forget_clients(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++)
        client_vanish(w->clients[i]);
    for (unsigned i = 0; i < 3; i++)
        loop_step(w->loop, 1);
    world_forget(w);
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    int64_t n = 0;
    return text && slice_to_i64(slice_of(text), &n) && n > 0 ? (unsigned)n : otherwise;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    unsigned rounds = from_environment("PARLEY_KILL_ROUNDS", ROUNDS), acked = 0, queued = 0;
    struct world w = { .text = world_config(&opts) };

    seed = from_environment("PARLEY_SEED", (unsigned)clock_mono_us());
    print_message("seed %u\n", seed);
    snprintf(w.dir, sizeof(w.dir), "%s", temp_path("kill"));
    assert_ok(loop_create(&w.loop, NULL));
    for (unsigned round = 0; round < rounds; round++) {
        struct round r = { 0 };
        pid_t pid = child_start(&w);
        talk(&w, &r, round);
        child_kill(pid);
        for (unsigned i = 0; i < 3; i++)
            loop_step(w.loop, 0); /* what had been sent before */
        acked += check(&w, &r, round);
        queued += client_count(r.writer, "\"enqueued\":[\"away");
        forget_clients(&w);
    }
    assert_true(acked >= rounds && queued > 0);
    pid_t pid = child_start(&w); /* the last start carries out what was asked for */
    uint64_t began_us = clock_mono_us();
    while (number(&w, "SELECT count(*) FROM meeting WHERE state = 1 AND ?1 = ''", "") > 0) {
        if (clock_mono_us() - began_us > END_WAIT_US)
            fail_msg("some meetings are still not summed up");
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    }
    child_kill(pid);
    assert_int_equal(number(&w, "SELECT count(*) FROM meeting WHERE state = 2 AND (summary = '' OR ?1 = 'x')", ""), 0);
    assert_int_equal(number(&w, "SELECT count(*) FROM (SELECT text FROM segment WHERE ?1 = '' GROUP BY text"
                                " HAVING count(*) > 1)", ""), 0);
    assert_int_equal(number(&w, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"
                                " AND ?1 = ''", ""), 1);
    print_message("%u rounds, %u acknowledged\n", rounds, acked);
    loop_free(w.loop);
    mem_free(w.text);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
