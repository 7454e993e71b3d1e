/* SPDX-License-Identifier: MIT
 * test_kill.c -- a whole server in a process of its own, killed with signal 9 again and again while conversations
 * end and are saved. What was acknowledged (the server itself closed the socket) is there afterwards, once; the
 * database opens clean each time. PARLEY_KILL_ROUNDS: how often, 60 otherwise. */
#include "tests/support/gate_world.h"
#include "tests/support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "providers/registry.h"
#include "store/db.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define ROUNDS 60
#define DEVICES 6 /* per round */
#define NAME_BYTES 24
#define END_WAIT_US 20000000

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

static void serve_for_ever(const char *text, const char *dir, int out)
{
    struct server *server;
    struct err_note note = { 0 };
    struct server_opts o = { .config_text = text, .data_dir = dir, .loops = 1, .has_any_ports = true,
                             .has_no_engines = true, .setup = world_fakes };

    report_fd = out;
    log_tap(watch_log, NULL);
    fakes_reset();
    fake_llm_script("")->replies[0].text = "Yes.";
    fake_tts_script("")->sentence_ms = 60;
    fake_memory_script("")->plan.first_ms = 2; /* so that some are under way when the end comes */
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

struct child {
    pid_t pid;
    int in;
};

static void child_start(struct world *w, struct child *c)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid == 0) {
        close(ends[0]);
        serve_for_ever(w->text, w->dir, ends[1]);
    }
    close(ends[1]);
    c->in = ends[0];
    if (read(c->in, &w->port, sizeof(w->port)) != sizeof(w->port))
        fail_msg("the server does not start: the database of the round before did not open clean");
}

static unsigned child_kill(struct child *c)
{
    unsigned late = 0;
    int status;
    char letter;

    kill(c->pid, SIGKILL);
    while (read(c->in, &letter, 1) == 1)
        late += letter == 'L';
    close(c->in);
    waitpid(c->pid, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return late;
}

/* ---- the database, while nobody has it open ---- */

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

static void forget_clients(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++)
        client_vanish(w->clients[i]);
    for (unsigned i = 0; i < 3; i++)
        loop_step(w->loop, 1);
    world_forget(w);
}

static unsigned rounds_wanted(void)
{
    const char *text = getenv("PARLEY_KILL_ROUNDS");
    int64_t n = 0;

    return text && slice_to_i64(slice_of(text), &n) && n > 0 ? (unsigned)n : ROUNDS;
}

static void every_acknowledged_conversation_survives_kill_9(void **state)
{
    unsigned rounds = rounds_wanted(), acked_in_all = 0, late_in_all = 0;
    struct world w = { .text = world_config(&opts) };
    struct child child;

    snprintf(w.dir, sizeof(w.dir), "%s", temp_path("kill"));
    assert_ok(loop_create(&w.loop, NULL));
    for (unsigned round = 0; round < rounds; round++) {
        char acked[DEVICES][NAME_BYTES];
        unsigned count = 0, there = 0;
        child_start(&w, &child);
        turn_and_leave(&w, round, acked, &count);
        unsigned late = child_kill(&child);
        forget_clients(&w);
        for (unsigned i = 0; i < count; i++)
            there += number(&w, "SELECT count(*) FROM save_job WHERE device = ?1", acked[i]) == 1;
        if (there + late < count)
            fail_msg("round %u: %u of %u acknowledged conversations are there", round, there, count);
        acked_in_all += count;
        late_in_all += late;
    }
    assert_true(acked_in_all >= rounds);
    /* The last start saves all that waits; each conversation counts once. */
    child_start(&w, &child);
    uint64_t began_us = clock_mono_us();
    while (number(&w, "SELECT count(*) FROM save_job WHERE state = 0 OR ?1 = 'x'", "") > 0) {
        if (clock_mono_us() - began_us > END_WAIT_US)
            fail_msg("some are still waiting");
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    }
    child_kill(&child);
    assert_int_equal(number(&w, "SELECT count(*) FROM save_job WHERE state <> 1 OR ?1 = 'x'", ""), 0);
    assert_int_equal(number(&w, "SELECT count(*) FROM (SELECT device FROM chat_summary WHERE ?1 = ''"
                                " GROUP BY device HAVING count(*) > 1)", ""), 0);
    assert_int_equal(number(&w, "SELECT count(*) FROM turn t WHERE role = 'user' AND ?1 = '' AND NOT EXISTS"
                                " (SELECT 1 FROM save_job j WHERE j.key = t.session)", ""), 0);
    assert_int_equal(number(&w, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"
                                " AND ?1 = ''", ""), 1);
    print_message("%u rounds, %u conversations acknowledged, %u closed before their save\n", rounds, acked_in_all,
                  late_in_all);
    loop_free(w.loop);
    mem_free(w.text);
    temp_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_acknowledged_conversation_survives_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
