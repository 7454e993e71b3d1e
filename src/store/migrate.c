/* SPDX-License-Identifier: MIT
 * migrate.c -- see migrate.h. The table of texts is made by the build out of the .sql files. */
#include "store/migrate.h"

#include <stdio.h>

struct migration {
    const char *name, *sql;
};
#include "store/migrations_table.h"

unsigned migrations_known(void)
{
    return COUNT(migrations);
}

static enum err step(struct db *db, size_t i)
{
    enum err e = db_script(db, "BEGIN IMMEDIATE");
    if (e)
        return e;
    char version[40];
    snprintf(version, sizeof version, "PRAGMA user_version=%zu", i + 1);
    e = db_script(db, migrations[i].sql);
    if (!e)
        e = db_script(db, version);
    if (!e)
        e = db_script(db, "COMMIT");
    if (e && db_in_transaction(db)) {
        enum err undone = db_script(db, "ROLLBACK");
        (void)undone;
    }
    return e;
}

enum err migrate(struct db *db, char *why, size_t why_bytes)
{
    int64_t done = 0;
    enum err e = db_number(&done, db, "PRAGMA user_version");
    if (e)
        return e;
    if (done > (int64_t)COUNT(migrations)) {
        snprintf(why, why_bytes, "it was made by a newer Parley (version %d, this one knows %zu)", (int)done,
                 COUNT(migrations));
        return ERR_STORE;
    }
    for (size_t i = (size_t)done; i < COUNT(migrations); i++) {
        e = step(db, i);
        if (e)
            return e;
    }
    return OK;
}
