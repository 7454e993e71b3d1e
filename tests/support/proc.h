/* SPDX-License-Identifier: MIT
 * proc.h -- what a process holds just now, as the system counts it. */
#ifndef PARLEY_TESTS_SUPPORT_PROC_H
#define PARLEY_TESTS_SUPPORT_PROC_H

#include <sys/types.h>

/* A test compares two counts. The program's own ones hold the descriptor that reads the folder: each time. */
unsigned proc_fds(pid_t pid);     /* open descriptors */
unsigned proc_threads(pid_t pid);

#endif
