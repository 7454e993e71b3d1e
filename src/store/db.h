/* SPDX-License-Identifier: MIT
 * db.h -- one open SQLite database: statements, typed arguments, rows. What the table families
 * (store/<family>.c) are written with. One thread at a time.
 *
 *     auto_query struct query q;
 *     db_query(&q, db, "SELECT text FROM turn WHERE device = ?1", db_t(device));
 *     while (query_next(&q))
 *         use(query_text(&q, 0));
 *     return query_end(&q);
 *
 * SQL texts are string literals: compiled statements are kept by their address. Errors: ERR_BUSY the
 * database is locked by somebody else (waited BUSY_WAIT_MS), ERR_EXISTS a key is there already,
 * ERR_NOT_FOUND a row refers to nothing, ERR_NO_MEMORY, ERR_LIMIT too big, ERR_STORE all the rest. */
#ifndef PARLEY_STORE_DB_H
#define PARLEY_STORE_DB_H

#include "base/mem.h"

struct db;
struct sqlite3_stmt;

#define DB_BUSY_WAIT_MS 2000
#define DB_ROWS_MAX 1000 /* no list function gives more rows at once */

struct db_opts {
    const char *path;  /* ":memory:" for tests; its folders are made */
    bool is_durable;   /* synchronous=FULL; false: NORMAL */
    bool is_read_only; /* a second connection; the file must be there and migrated */
    unsigned busy_wait_ms; /* 0: DB_BUSY_WAIT_MS */
};
/* Opens, checks, migrates. ERR_STORE: damaged, or made by a newer Parley; ERR_IO: cannot be opened. */
must_check enum err db_open(struct db **out, const struct db_opts *o, struct err_note *note);
void db_close(struct db *db); /* NULL is fine */
const char *db_error(const struct db *db); /* the last failure, for logs */

struct db_arg {
    enum { DB_NULL, DB_INT, DB_TEXT } kind;
    int64_t number;
    struct slice text;
};
static inline struct db_arg db_i(int64_t v)
{
    return (struct db_arg){ .kind = DB_INT, .number = v };
}
static inline struct db_arg db_t(struct slice s) /* an empty slice is '' */
{
    return (struct db_arg){ .kind = DB_TEXT, .text = s };
}
static inline struct db_arg db_s(const char *s) /* NULL is '' */
{
    return (struct db_arg){ .kind = DB_TEXT, .text = slice_of(s) };
}

#define DB_ARGS(...) \
    (const struct db_arg[]){ { .kind = DB_NULL }, ##__VA_ARGS__ },                  \
        COUNT(((struct db_arg[]){ { .kind = DB_NULL }, ##__VA_ARGS__ }))
/* One statement, no rows. */
#define db_run(db, sql, ...) db_run_args(db, sql, DB_ARGS(__VA_ARGS__))
must_check enum err db_run_args(struct db *db, const char *sql, const struct db_arg *args, size_t count);
int64_t db_changes(const struct db *db);  /* rows the last db_run changed */
int64_t db_last_id(const struct db *db);
must_check enum err db_script(struct db *db, const char *sql); /* several statements */
bool db_in_transaction(const struct db *db);
int64_t db_total_changes(const struct db *db);

struct query {
    struct db *db;
    struct sqlite3_stmt *stmt;
    struct db_cached *cached;
    enum err err;
};
/* An error is kept in q: query_next is false then and query_end returns it. */
#define db_query(q, db, sql, ...) db_query_args(q, db, sql, DB_ARGS(__VA_ARGS__))
void db_query_args(struct query *q, struct db *db, const char *sql, const struct db_arg *args, size_t count);
bool query_next(struct query *q);
enum err query_end(struct query *q);
void query_done(struct query *q);
#define auto_query __attribute__((cleanup(query_done)))
int64_t query_i64(const struct query *q, int column);
struct slice query_text(const struct query *q, int column); /* borrowed until the next row */
/* Copies of the columns' text, terminated, never NULL. */
const char *query_keep(const struct query *q, int column, struct arena *a);
/* One number: `otherwise` when there is no row. */
#define db_number(out, db, sql, ...) db_number_args(out, db, sql, DB_ARGS(__VA_ARGS__))
must_check enum err db_number_args(int64_t *out, struct db *db, const char *sql, const struct db_arg *args,
                                   size_t count); /* ERR_NOT_FOUND without a row; *out untouched */

/* A growing array in an arena, for lists: room for one more item at items[count]. */
void *db_list_grow(struct arena *a, void *items, size_t count, size_t item_bytes);

#endif
