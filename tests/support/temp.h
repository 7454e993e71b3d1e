/* SPDX-License-Identifier: MIT
 * temp.h -- what a test has for a while: a folder of its own, removed with everything in it, a database in
 * memory, a port, a quiet log. */
#ifndef PARLEY_TESTS_SUPPORT_TEMP_H
#define PARLEY_TESTS_SUPPORT_TEMP_H

#include <stdint.h>

struct db;

const char *temp_dir(void);                  /* made at the first call; one per program */
const char *temp_path(const char *name);     /* inside it; valid until the next two calls */
void temp_remove(void);                      /* the folder and what is in it */
struct db *temp_db(void);                    /* ":memory:", migrated */
uint16_t temp_port(void);                    /* of TCP, free on loopback just now */
/* Set-up and tear-down of a group of tests: only errors are logged, to nobody; the folder goes. */
int temp_quiet(void **state);
int temp_tidy(void **state);

#endif
