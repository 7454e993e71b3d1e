/* SPDX-License-Identifier: MIT
 * temp.c -- see temp.h. */
#include "tests/support/temp.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/db.h"

static char dir[64];

const char *temp_dir(void)
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/parley-test-XXXXXX");
        if (!mkdtemp(dir))
            abort();
    }
    return dir;
}

const char *temp_path(const char *name)
{
    static char paths[2][200];
    static unsigned turn;
    char *at = paths[turn++ % 2];
    snprintf(at, sizeof paths[0], "%s/%s", temp_dir(), name);
    return at;
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void temp_remove(void)
{
    if (dir[0])
        nftw(dir, drop, 16, FTW_DEPTH | FTW_PHYS);
    dir[0] = '\0';
}

struct db *temp_db(void)
{
    struct db *db = NULL;
    struct err_note note = { 0 };
    if (db_open(&db, &(struct db_opts){ .path = ":memory:" }, &note) != OK) {
        fprintf(stderr, "%s\n", note.text);
        abort();
    }
    return db;
}
