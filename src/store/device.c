/* SPDX-License-Identifier: MIT
 * device.c -- see device.h. */
#include "store/device.h"

enum err db_device_seen(struct db *db, const struct device_row *d)
{
    return db_run(db,
                  "INSERT INTO device (id, language, board, firmware, name, group_key, address, first_seen_ms,"
                  " last_seen_ms, chip) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)"
                  " ON CONFLICT (id) DO UPDATE SET last_seen_ms = max(last_seen_ms, excluded.last_seen_ms),"
                  " language = iif(excluded.language = '', language, excluded.language),"
                  " board = iif(excluded.board = '', board, excluded.board),"
                  " firmware = iif(excluded.firmware = '', firmware, excluded.firmware),"
                  " name = iif(excluded.name = '', name, excluded.name),"
                  " group_key = iif(excluded.group_key = '', group_key, excluded.group_key),"
                  " address = iif(excluded.address = '', address, excluded.address),"
                  " chip = iif(excluded.chip = '', chip, excluded.chip)",
                  db_s(d->id), db_s(d->language), db_s(d->board), db_s(d->firmware), db_s(d->name),
                  db_s(d->group_key), db_s(d->address), db_i(d->last_seen_ms), db_s(d->chip));
}

#define DEVICE_COLUMNS \
    "id, language, board, firmware, name, group_key, address, first_seen_ms, last_seen_ms, chip"

static struct device_row device_read(const struct query *q, struct arena *a)
{
    return (struct device_row){
        .id = query_keep(q, 0, a), .language = query_keep(q, 1, a), .board = query_keep(q, 2, a),
        .firmware = query_keep(q, 3, a), .name = query_keep(q, 4, a), .group_key = query_keep(q, 5, a),
        .address = query_keep(q, 6, a), .first_seen_ms = query_i64(q, 7), .last_seen_ms = query_i64(q, 8),
        .chip = query_keep(q, 9, a),
    };
}

enum err db_device_get(struct db *db, const char *id, struct arena *a, struct device_row *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT " DEVICE_COLUMNS " FROM device WHERE id = ?1", db_s(id));
    if (query_next(&q)) {
        *out = device_read(&q, a);
        return query_end(&q);
    }
    enum err e = query_end(&q);
    return e ? e : ERR_NOT_FOUND;
}

enum err db_device_known(struct db *db, const char *id, bool *is_known)
{
    int64_t known = 0;
    enum err e = db_number(&known, db, "SELECT EXISTS (SELECT 1 FROM device WHERE id = ?1)"
                                       " OR EXISTS (SELECT 1 FROM turn WHERE device = ?1)", db_s(id));
    if (!e)
        *is_known = known != 0;
    return e;
}

enum err db_device_count(struct db *db, int64_t *count)
{
    return db_number(count, db, "SELECT count(*) FROM device");
}

enum err db_device_list(struct db *db, size_t offset, size_t limit, struct arena *a, struct device_row **out,
                        size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT " DEVICE_COLUMNS " FROM device ORDER BY id LIMIT ?1 OFFSET ?2",
             db_i((int64_t)MIN(limit, DB_ROWS_MAX)), db_i((int64_t)offset));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = device_read(&q, a);
    }
    return query_end(&q);
}

enum err db_device_each(struct db *db, void (*fn)(void *user, const struct device_row *d), void *user)
{
    struct arena a = { 0 };
    auto_query struct query q;
    db_query(&q, db, "SELECT " DEVICE_COLUMNS " FROM device");
    while (query_next(&q)) {
        struct device_row d = device_read(&q, &a);
        fn(user, &d);
        arena_reset(&a);
    }
    arena_done(&a);
    return query_end(&q);
}

enum err db_device_delete_data(struct db *db, const char *id)
{
    static const char *const deletes[] = {
        "DELETE FROM turn WHERE device = ?1",
        "DELETE FROM memory WHERE device = ?1",
        "DELETE FROM chat_summary WHERE device = ?1",
        "DELETE FROM save_job WHERE device = ?1",
        "DELETE FROM meeting WHERE device = ?1",
        "DELETE FROM peer_message WHERE target = ?1 OR origin = ?1",
        "DELETE FROM say WHERE device = ?1",
    };
    for (size_t i = 0; i < COUNT(deletes); i++) {
        enum err e = db_run(db, deletes[i], db_s(id));
        if (e)
            return e;
    }
    return OK;
}

/* --- pairs and codes ---- */

enum err db_pair_put(struct db *db, const struct pair_row *p)
{
    return db_run(db,
                  "INSERT INTO pair (device, client, state, how, serial, created_ms, changed_ms)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (device, client) DO UPDATE SET"
                  " state = excluded.state, how = excluded.how, changed_ms = excluded.changed_ms,"
                  " serial = iif(excluded.serial = '', serial, excluded.serial)",
                  db_s(p->device), db_s(p->client), db_i(p->state), db_s(p->how), db_s(p->serial),
                  db_i(p->created_ms), db_i(p->changed_ms));
}

enum err db_pair_each(struct db *db, void (*fn)(void *user, const struct pair_row *p), void *user)
{
    struct arena a = { 0 };
    auto_query struct query q;
    db_query(&q, db, "SELECT device, client, how, serial, state, created_ms, changed_ms FROM pair"
                     " ORDER BY created_ms");
    while (query_next(&q)) {
        struct pair_row p = { .device = query_keep(&q, 0, &a), .client = query_keep(&q, 1, &a),
                              .how = query_keep(&q, 2, &a), .serial = query_keep(&q, 3, &a),
                              .state = (int)query_i64(&q, 4), .created_ms = query_i64(&q, 5),
                              .changed_ms = query_i64(&q, 6) };
        fn(user, &p);
        arena_reset(&a);
    }
    arena_done(&a);
    return query_end(&q);
}

enum err db_code_put(struct db *db, const struct code_row *c)
{
    return db_run(db,
                  "INSERT OR REPLACE INTO pairing_code (code, device, client, challenge, created_ms, expires_ms,"
                  " used_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                  db_s(c->code), db_s(c->device), db_s(c->client), db_s(c->challenge), db_i(c->created_ms),
                  db_i(c->expires_ms), db_i(c->used_ms));
}

enum err db_code_used(struct db *db, const char *code, int64_t now_ms)
{
    enum err e = db_run(db, "UPDATE pairing_code SET used_ms = ?2 WHERE code = ?1", db_s(code), db_i(now_ms));
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

enum err db_code_each(struct db *db, void (*fn)(void *user, const struct code_row *c), void *user)
{
    struct arena a = { 0 };
    auto_query struct query q;
    db_query(&q, db, "SELECT code, device, client, challenge, created_ms, expires_ms, used_ms FROM pairing_code"
                     " ORDER BY created_ms");
    while (query_next(&q)) {
        struct code_row c = { .code = query_keep(&q, 0, &a), .device = query_keep(&q, 1, &a),
                              .client = query_keep(&q, 2, &a), .challenge = query_keep(&q, 3, &a),
                              .created_ms = query_i64(&q, 4), .expires_ms = query_i64(&q, 5),
                              .used_ms = query_i64(&q, 6) };
        fn(user, &c);
        arena_reset(&a);
    }
    arena_done(&a);
    return query_end(&q);
}

enum err db_code_forget(struct db *db, int64_t created_before_ms)
{
    return db_run(db, "DELETE FROM pairing_code WHERE created_ms < ?1", db_i(created_before_ms));
}

enum err db_serial_put(struct db *db, const char *serial, const char *key_hex)
{
    return db_run(db, "INSERT OR REPLACE INTO serial_key (serial, key) VALUES (?1, ?2)", db_s(serial),
                  db_s(key_hex));
}

enum err db_serial_bind(struct db *db, const char *serial, const char *device)
{
    enum err e = db_run(db, "UPDATE serial_key SET device = ?2 WHERE serial = ?1 AND device IN ('', ?2)", db_s(serial),
                        db_s(device));
    return e || db_changes(db) ? e : ERR_STATE;
}

enum err db_serial_remove(struct db *db, const char *serial)
{
    enum err e = db_run(db, "DELETE FROM serial_key WHERE serial = ?1", db_s(serial));
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

enum err db_serial_each(struct db *db, void (*fn)(void *user, const struct serial_row *s), void *user)
{
    struct arena a = { 0 };
    auto_query struct query q;
    db_query(&q, db, "SELECT serial, key, device FROM serial_key");
    while (query_next(&q)) {
        struct serial_row s = { query_keep(&q, 0, &a), query_keep(&q, 1, &a), query_keep(&q, 2, &a) };
        fn(user, &s);
        arena_reset(&a);
    }
    arena_done(&a);
    return query_end(&q);
}

enum err db_serial_count(struct db *db, int64_t *count)
{
    return db_number(count, db, "SELECT count(*) FROM serial_key");
}

enum err db_serial_list(struct db *db, size_t offset, size_t limit, struct arena *a, struct serial_row **out,
                        size_t *count)
{
    *out = NULL;
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT serial, device FROM serial_key ORDER BY serial LIMIT ?1 OFFSET ?2",
             db_i((int64_t)MIN(limit, DB_ROWS_MAX)), db_i((int64_t)offset));
    while (query_next(&q)) {
        *out = db_list_grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct serial_row){ .serial = query_keep(&q, 0, a), .key_hex = "",
                                                  .device = query_keep(&q, 1, a) };
    }
    return query_end(&q);
}

enum err db_force_put(struct db *db, const char *device, const char *version)
{
    int64_t sent = 0;
    enum err e = db_number(&sent, db, "SELECT count(*) FROM firmware_force WHERE device = ?1 AND version = ?2"
                                      " AND sent_ms > 0", db_s(device), db_s(version));
    if (e || sent)
        return e ? e : ERR_STATE;
    e = db_run(db, "DELETE FROM firmware_force WHERE device = ?1 AND sent_ms = 0", db_s(device));
    if (e || !version[0])
        return e;
    return db_run(db, "INSERT INTO firmware_force (device, version, sent_ms) VALUES (?1, ?2, 0)", db_s(device),
                  db_s(version));
}

enum err db_force_sent(struct db *db, const char *device, const char *version, int64_t now_ms)
{
    enum err e = db_run(db, "UPDATE firmware_force SET sent_ms = ?3 WHERE device = ?1 AND version = ?2 AND sent_ms = 0",
                        db_s(device), db_s(version), db_i(now_ms));
    return e || db_changes(db) ? e : ERR_NOT_FOUND;
}

enum err db_force_unsent(struct db *db, const char *device, const char *version)
{
    return db_run(db, "UPDATE firmware_force SET sent_ms = 0 WHERE device = ?1 AND version = ?2", db_s(device),
                  db_s(version));
}

enum err db_force_each(struct db *db, void (*fn)(void *user, const char *device, const char *version), void *user)
{
    struct arena a = { 0 };
    auto_query struct query q;
    db_query(&q, db, "SELECT device, version FROM firmware_force WHERE sent_ms = 0");
    while (query_next(&q)) {
        fn(user, query_keep(&q, 0, &a), query_keep(&q, 1, &a));
        arena_reset(&a);
    }
    arena_done(&a);
    return query_end(&q);
}
