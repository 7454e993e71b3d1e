/* SPDX-License-Identifier: MIT
 * migrate.h -- brings a database to the tables this Parley knows: src/store/migrations/NNNN_x.sql, one
 * transaction each; user_version says how many were done. */
#ifndef PARLEY_STORE_MIGRATE_H
#define PARLEY_STORE_MIGRATE_H

#include "store/db.h"

/* ERR_STORE with a sentence in `why` when a newer Parley made the database or a step fails. */
must_check enum err migrate(struct db *db, char *why, size_t why_bytes);
unsigned migrations_known(void);

#endif
