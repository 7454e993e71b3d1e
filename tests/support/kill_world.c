/* SPDX-License-Identifier: MIT
 * kill_world.c -- see kill_world.h. */
#include "tests/support/kill_world.h"

#include "tests/support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/db.h"
#include "tests/support/fake_providers.h"
#include "tests/support/temp.h"

#define SETTLE_US 20000000

void kill_world_start(struct world *w, const struct world_opts *o)
{
    *w = (struct world){ .text = world_config(o) };
    snprintf(w->dir, sizeof(w->dir), "%s", temp_path("kill"));
    assert_ok(loop_create(&w->loop, NULL));
}

void kill_world_end(struct world *w)
{
    loop_free(w->loop);
    mem_free(w->text);
    temp_remove();
}

/* ---- the server's process ---- */

static void serve_for_ever(const struct world *w, void (*prepare)(int out), int out)
{
    struct server *server;
    struct err_note note = { 0 };
    struct server_opts o = { .config_text = w->text, .data_dir = w->dir, .loops = 1, .has_any_ports = true,
                             .has_no_engines = true, .setup = fakes_add };

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never longer than the test */
    fakes_reset();
    prepare(out);
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

void child_start(struct child *c, struct world *w, void (*prepare)(int out))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid == 0) {
        close(ends[0]);
        serve_for_ever(w, prepare, ends[1]);
    }
    close(ends[1]);
    c->in = ends[0];
    if (read(c->in, &w->port, sizeof(w->port)) != sizeof(w->port))
        fail_msg("the server does not start: the database of the round before did not open clean");
}

unsigned child_kill(struct child *c)
{
    unsigned letters = 0;
    int status;
    char letter;
    kill(c->pid, SIGKILL);
    while (read(c->in, &letter, 1) == 1)
        letters++;
    close(c->in);
    waitpid(c->pid, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return letters;
}

void kill_world_forget(struct world *w)
{
    for (unsigned i = 0; i < w->client_count; i++)
        client_vanish(w->clients[i]);
    for (unsigned i = 0; i < 3; i++)
        loop_step(w->loop, 1);
    world_forget(w);
}

/* ---- the database ---- */

int64_t killed_number(const struct world *w, const char *sql, const char *name)
{
    struct db *db = NULL;
    struct err_note note = { 0 };
    int64_t n = -1;
    auto_mem char *path = xprintf("%s/parley.db", w->dir);
    if (db_open(&db, &(struct db_opts){ .path = path }, &note))
        fail_msg("%s", note.text);
    assert_ok(name ? db_number(&n, db, sql, db_s(name)) : db_number(&n, db, sql));
    db_close(db);
    return n;
}

void killed_settles(const struct world *w, const char *sql)
{
    uint64_t began_us = clock_mono_us();
    while (killed_number(w, sql, NULL) > 0) {
        if (clock_mono_us() - began_us > SETTLE_US)
            fail_msg("still not 0: %s", sql);
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    }
}

unsigned number_from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    int64_t n = 0;
    return text && slice_to_i64(slice_of(text), &n) && n > 0 ? (unsigned)n : otherwise;
}
