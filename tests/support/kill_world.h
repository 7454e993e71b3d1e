/* SPDX-License-Identifier: MIT
 * kill_world.h -- a whole server with fakes in a process of its own, which ends by signal 9 and begins again in the
 * same folder; the test's clients are in this process, its database is looked at while nobody has it open. */
#ifndef PARLEY_TESTS_SUPPORT_KILL_WORLD_H
#define PARLEY_TESTS_SUPPORT_KILL_WORLD_H

#include <sys/types.h>

#include "tests/support/gate_world.h"

struct child {
    pid_t pid;
    int in; /* what the child wrote to `out` */
};

void kill_world_start(struct world *w, const struct world_opts *o); /* a folder and a loop, no server yet */
void kill_world_end(struct world *w);
/* prepare runs in the child before its server, on fresh fakes; it may keep `out` to report by single letters. */
void child_start(struct child *c, struct world *w, void (*prepare)(int out));
unsigned child_kill(struct child *c); /* how many letters it reported */
/* The clients of a server that is gone. */
void kill_world_forget(struct world *w);

/* One number of the database; name is ?1, NULL: there is none. */
int64_t killed_number(const struct world *w, const char *sql, const char *name);
/* Until the number is 0, while a child works: at most 20 s. */
void killed_settles(const struct world *w, const char *sql);
unsigned number_from_environment(const char *name, unsigned otherwise);

#endif
