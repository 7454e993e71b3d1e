/* SPDX-License-Identifier: MIT
 * db_world.h -- a database in memory and an arena for what is read: set-up and tear-down of one test. */
#ifndef PARLEY_TESTS_SUPPORT_DB_WORLD_H
#define PARLEY_TESTS_SUPPORT_DB_WORLD_H

#include "store/db.h"
#include "tests/support/temp.h"

struct world {
    struct db *db;
    struct arena arena;
};

static inline int set_up(void **state)
{
    struct world *w = xnew(struct world);
    w->db = temp_db();
    *state = w;
    return 0;
}

static inline int tear_down(void **state)
{
    struct world *w = *state;
    db_close(w->db);
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

#endif
