/* SPDX-License-Identifier: MIT
 * db.c -- see db.h. Compiled statements are kept per connection, keyed by the address of their text;
 * one that is running already (a family that calls itself inside a loop) is compiled a second time. */
#include "store/db.h"

#include <errno.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/map.h"
#include "store/migrate.h"
#include "store/words.h"

#define CHECK_WHOLE_MAX_BYTES (64 << 20) /* bigger files are not read through at the start */
#define LIST_FIRST 16

struct db_cached {
    sqlite3_stmt *stmt;
    bool is_running;
};

struct db {
    sqlite3 *sql;
    struct map statements; /* address of the text -> struct db_cached */
    char error[200];
};

static enum err err_of(struct db *db, int rc)
{
    snprintf(db->error, sizeof db->error, "%s (%d)", sqlite3_errmsg(db->sql), sqlite3_extended_errcode(db->sql));
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_BUSY;
    case SQLITE_CONSTRAINT: {
        int more = sqlite3_extended_errcode(db->sql);
        if (more == SQLITE_CONSTRAINT_FOREIGNKEY)
            return ERR_NOT_FOUND;
        if (more == SQLITE_CONSTRAINT_UNIQUE || more == SQLITE_CONSTRAINT_PRIMARYKEY)
            return ERR_EXISTS;
        return ERR_INVALID;
    }
    case SQLITE_NOMEM: return ERR_NO_MEMORY;
    case SQLITE_TOOBIG: return ERR_LIMIT;
    default: return ERR_STORE;
    }
}

static enum err printf_like(3, 4) say(struct err_note *note, enum err e, const char *fmt, ...)
{
    if (note) {
        va_list args;
        va_start(args, fmt);
        note->err = e;
        vsnprintf(note->text, sizeof note->text, fmt, args);
        va_end(args);
    }
    return e;
}

/* Makes the folders above the file and the file itself, readable by its owner only. */
static enum err file_prepare(const char *path, struct err_note *note)
{
    auto_mem char *copy = xstrdup(path);
    for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(copy, 0750) != 0 && errno != EEXIST)
            return say(note, ERR_IO, "cannot make the folder %s: %s", copy, strerror(errno));
        *at = '/';
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return say(note, ERR_IO, "cannot open the database %s: %s", path, strerror(errno));
    close(fd);
    return OK;
}

static enum err setup(struct db *db, const struct db_opts *o)
{
    sqlite3_extended_result_codes(db->sql, 1);
    sqlite3_busy_timeout(db->sql, (int)(o->busy_wait_ms ? o->busy_wait_ms : DB_BUSY_WAIT_MS));
    words_register(db->sql);
    /* A small cache: the system has the file in its own, and memory is as it will stay after a minute. */
    enum err e = db_script(db, "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
                               "PRAGMA cache_size=-256;");
    if (e || o->is_read_only)
        return e;
    e = db_script(db, "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=16777216;");
    if (e)
        return e;
    return db_script(db, o->is_durable ? "PRAGMA synchronous=FULL;" : "PRAGMA synchronous=NORMAL;");
}

/* A damaged file must be seen at the start, not at the first meeting. */
static enum err check(struct db *db, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || st.st_size == 0)
        return OK;
    bool is_small = st.st_size <= CHECK_WHOLE_MAX_BYTES;
    auto_query struct query q;
    db_query(&q, db, is_small ? "PRAGMA quick_check(1)" : "SELECT 'ok' FROM sqlite_schema LIMIT 1");
    if (query_next(&q) && !slice_is(query_text(&q, 0), "ok")) {
        snprintf(db->error, sizeof db->error, SLICE_FMT, SLICE_ARG(query_text(&q, 0)));
        return ERR_STORE;
    }
    return query_end(&q);
}

enum err db_open(struct db **out, const struct db_opts *o, struct err_note *note)
{
    bool is_file = strcmp(o->path, ":memory:") != 0;
    if (is_file && !o->is_read_only) {
        enum err e = file_prepare(o->path, note);
        if (e)
            return e;
    }
    struct db *db = xnew(struct db);
    int flags = SQLITE_OPEN_NOMUTEX |
                (o->is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int rc = sqlite3_open_v2(o->path, &db->sql, flags, NULL);
    enum err e = rc == SQLITE_OK ? OK : ERR_IO;
    const char *why = "cannot open the database";
    if (!e) {
        e = setup(db, o);
        if (!e && is_file && !o->is_read_only) {
            why = "the database is damaged; move it away or restore a copy";
            e = check(db, o->path);
        }
    } else {
        snprintf(db->error, sizeof db->error, "%s", db->sql ? sqlite3_errmsg(db->sql) : "no memory");
    }
    if (!e && !o->is_read_only) {
        why = "the database cannot be used";
        e = migrate(db, db->error, sizeof db->error);
    }
    if (e) {
        if (e == ERR_BUSY)
            why = "the database is locked by another program";
        say(note, e, "%s: %s: %s", why, o->path, db->error);
        db_close(db);
        return e;
    }
    *out = db;
    return OK;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    size_t at = 0;
    struct slice key;
    void *value;
    while (map_next(&db->statements, &at, &key, &value)) {
        struct db_cached *c = value;
        sqlite3_finalize(c->stmt);
        mem_free(c);
    }
    map_done(&db->statements);
    sqlite3_close_v2(db->sql);
    mem_free(db);
}

const char *db_error(const struct db *db)
{
    return db->error;
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->sql);
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes(db->sql);
}

int64_t db_total_changes(const struct db *db)
{
    return sqlite3_total_changes(db->sql);
}

int64_t db_last_id(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->sql);
}

enum err db_script(struct db *db, const char *sql)
{
    int rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OK : err_of(db, rc);
}

static enum err compile(struct query *q, const char *sql)
{
    struct slice key = slice_from(&sql, sizeof sql);
    struct db_cached *c = map_get(&q->db->statements, key);
    if (c && !c->is_running) {
        c->is_running = true;
        q->cached = c;
        q->stmt = c->stmt;
        return OK;
    }
    int rc = sqlite3_prepare_v3(q->db->sql, sql, -1, c ? 0 : SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
    if (rc != SQLITE_OK)
        return err_of(q->db, rc);
    if (!c) {
        q->cached = xnew(struct db_cached);
        *q->cached = (struct db_cached){ .stmt = q->stmt, .is_running = true };
        map_set(&q->db->statements, key, q->cached);
    }
    return OK;
}

void db_query_args(struct query *q, struct db *db, const char *sql, const struct db_arg *args, size_t count)
{
    *q = (struct query){ .db = db };
    q->err = compile(q, sql);
    for (size_t i = 1; i < count && !q->err; i++) {
        int rc = SQLITE_OK;
        switch (args[i].kind) {
        case DB_NULL: rc = sqlite3_bind_null(q->stmt, (int)i); break;
        case DB_INT: rc = sqlite3_bind_int64(q->stmt, (int)i, args[i].number); break;
        case DB_TEXT:
            rc = sqlite3_bind_text64(q->stmt, (int)i, args[i].text.data ? args[i].text.data : "",
                                     args[i].text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
            break;
        }
        if (rc != SQLITE_OK)
            q->err = err_of(db, rc);
    }
}

bool query_next(struct query *q)
{
    if (q->err || !q->stmt)
        return false;
    int rc = sqlite3_step(q->stmt);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        q->err = err_of(q->db, rc);
    query_done(q);
    return false;
}

void query_done(struct query *q)
{
    if (q->cached) {
        sqlite3_reset(q->stmt);
        sqlite3_clear_bindings(q->stmt);
        q->cached->is_running = false;
    } else if (q->stmt) {
        sqlite3_finalize(q->stmt);
    }
    q->cached = NULL;
    q->stmt = NULL;
}

enum err query_end(struct query *q)
{
    query_done(q);
    return q->err;
}

enum err db_run_args(struct db *db, const char *sql, const struct db_arg *args, size_t count)
{
    struct query q;
    db_query_args(&q, db, sql, args, count);
    while (query_next(&q))
        ;
    return query_end(&q);
}

enum err db_number_args(int64_t *out, struct db *db, const char *sql, const struct db_arg *args, size_t count)
{
    auto_query struct query q;
    db_query_args(&q, db, sql, args, count);
    if (query_next(&q)) {
        *out = query_i64(&q, 0);
        return query_end(&q);
    }
    enum err e = query_end(&q);
    return e ? e : ERR_NOT_FOUND;
}

int64_t query_i64(const struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

struct slice query_text(const struct query *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    return text ? (struct slice){ text, (size_t)sqlite3_column_bytes(q->stmt, column) } : (struct slice){ "", 0 };
}

const char *query_keep(const struct query *q, int column, struct arena *a)
{
    return arena_strdup(a, query_text(q, column));
}

void *db_list_grow(struct arena *a, void *items, size_t count, size_t item_bytes)
{
    bool is_full = count == 0 || (count >= LIST_FIRST && (count & (count - 1)) == 0);
    if (!is_full)
        return items;
    void *more = arena_alloc(a, (count ? count * 2 : LIST_FIRST) * item_bytes);
    if (count)
        memcpy(more, items, count * item_bytes);
    return more;
}
