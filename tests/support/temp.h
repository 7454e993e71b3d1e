/* SPDX-License-Identifier: MIT
 * temp.h -- a folder of its own for a test, removed with everything in it; a database in memory. */
#ifndef PARLEY_TESTS_SUPPORT_TEMP_H
#define PARLEY_TESTS_SUPPORT_TEMP_H

struct db;

const char *temp_dir(void);                  /* made at the first call; one per program */
const char *temp_path(const char *name);     /* inside it; valid until the next two calls */
void temp_remove(void);                      /* the folder and what is in it */
struct db *temp_db(void);                    /* ":memory:", migrated */

#endif
