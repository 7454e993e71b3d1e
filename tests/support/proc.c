/* SPDX-License-Identifier: MIT
 * proc.c -- see proc.h. */
#include "tests/support/proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned entries(pid_t pid, const char *folder)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, folder);
    DIR *dir = opendir(path);
    if (!dir) {
        fprintf(stderr, "%s: no such process?\n", path);
        abort();
    }
    for (const struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

unsigned proc_fds(pid_t pid)
{
    return entries(pid, "fd");
}

unsigned proc_threads(pid_t pid)
{
    return entries(pid, "task");
}
