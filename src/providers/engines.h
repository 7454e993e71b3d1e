/* SPDX-License-Identifier: MIT
 * engines.h -- local engine processes (engines/<name>), started on first need or at start, watched,
 * restarted with back-off, stopped. Each speaks Wyoming on a Unix socket of its own. One object per
 * process, owned by the first loop; other loops only ask for paths (thread-safe).
 *
 *     <program_dir>/<name> --socket <socket_dir>/<name>-N.sock [args ...]
 *
 * The engine binds the socket itself, serves until TERM, and logs to standard error. One that ends is
 * started again after 0.5 s, doubling up to 30 s; a minute of life resets that. */
#ifndef PARLEY_PROVIDERS_ENGINES_H
#define PARLEY_PROVIDERS_ENGINES_H

#include "base/base.h"

enum { ENGINES_MAX = 16, ENGINE_ARGS_MAX = 16 }; /* processes; arguments of each */

struct engines;
struct loop;
struct config;

struct engines_opts {
    const char *program_dir; /* where the engine programs are */
    const char *socket_dir;  /* made with 0700 when absent */
};
must_check enum err engines_create(struct engines **out, struct loop *l, const struct engines_opts *o);
/* Starts the engine (idempotent) and gives the socket's path, "unix:/...", borrowed for the engines'
 * life. Equal name and args share one process. ERR_NOT_FOUND: no such program; ERR_LIMIT: ENGINES_MAX or
 * too many args; ERR_STATE: stopped. Any loop thread; the socket may need some 100 ms to appear:
 * connect retries. */
must_check enum err engines_want(struct engines *e, const char *name, const char *const *args, const char **path);
void engines_stop(struct engines *e); /* TERM to all, KILL after 2 s */
void engines_free(struct engines *e);

#endif
