/* SPDX-License-Identifier: MIT
 * process.h -- a child process: started, heard (its lines of stdout and stderr), ended. Children
 * inherit nothing but their standard streams, and die with us (PR_SET_PDEATHSIG). Loop thread. */
#ifndef PARLEY_LOOP_PROCESS_H
#define PARLEY_LOOP_PROCESS_H

#include "loop/loop.h"

struct process;
struct process_opts {
    const char *const *argv;  /* NULL-terminated; argv[0] is the path */
    const char *const *env;   /* NULL: ours */
    unsigned line_max_bytes;  /* longer lines are cut; 0: 1024 */
};
struct process_events {
    void (*on_line)(void *user, struct slice line);  /* borrowed; may be NULL */
    void (*on_exit)(void *user, int status, int signal); /* last event; p is gone */
};
must_check enum err process_open(struct process **out, struct loop *l, const struct process_opts *o,
                                 const struct process_events *ev, void *user);
void process_kill(struct process *p, int signal);
void process_close(struct process *p); /* TERM, KILL after 2 s; no event after it returns; NULL is fine */
int process_pid(const struct process *p);

#endif
