/* SPDX-License-Identifier: MIT
 * setting.c -- see setting.h. */
#include "store/setting.h"

enum err db_setting_get(struct db *db, const char *key, struct buf *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT value FROM setting WHERE key = ?1", db_s(key));
    if (query_next(&q)) {
        buf_put(out, query_text(&q, 0));
        return query_end(&q);
    }
    enum err e = query_end(&q);
    return e ? e : ERR_NOT_FOUND;
}

enum err db_setting_set(struct db *db, const char *key, struct slice value)
{
    return db_run(db, "INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)", db_s(key), db_t(value));
}

enum err db_setting_once(struct db *db, const char *key, struct slice value, struct buf *out)
{
    enum err e = db_run(db, "INSERT OR IGNORE INTO setting (key, value) VALUES (?1, ?2)", db_s(key), db_t(value));
    return e ? e : db_setting_get(db, key, out);
}
