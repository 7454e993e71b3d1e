/* SPDX-License-Identifier: MIT
 * memory.c -- see memory.h. */
#include "store/memory.h"

enum err db_memory_get(struct db *db, const char *device, struct buf *out)
{
    auto_query struct query q;
    db_query(&q, db, "SELECT text FROM memory WHERE device = ?1", db_s(device));
    if (query_next(&q)) {
        buf_put(out, query_text(&q, 0));
        return query_end(&q);
    }
    enum err e = query_end(&q);
    return e ? e : ERR_NOT_FOUND;
}

enum err db_memory_put(struct db *db, const char *device, struct slice text, int64_t now_ms)
{
    return db_run(db, "INSERT OR REPLACE INTO memory (device, text, updated_ms) VALUES (?1, ?2, ?3)", db_s(device),
                  db_t(text), db_i(now_ms));
}

enum err db_chat_summary_add(struct db *db, const char *device, struct slice text, int64_t now_ms)
{
    enum err e = db_run(db, "INSERT INTO chat_summary (device, text, created_ms) VALUES (?1, ?2, ?3)", db_s(device),
                        db_t(text), db_i(now_ms));
    if (e)
        return e;
    return db_run(db, "DELETE FROM chat_summary WHERE device = ?1 AND id NOT IN"
                      " (SELECT id FROM chat_summary WHERE device = ?1 ORDER BY id DESC LIMIT ?2)",
                  db_s(device), db_i(CHAT_SUMMARIES_KEPT));
}

enum err db_chat_summary_list(struct db *db, const char *device, struct arena *a,
                              struct chat_summary_row out[CHAT_SUMMARIES_KEPT], size_t *count)
{
    *count = 0;
    auto_query struct query q;
    db_query(&q, db, "SELECT text, created_ms FROM chat_summary WHERE device = ?1 ORDER BY id DESC LIMIT ?2",
             db_s(device), db_i(CHAT_SUMMARIES_KEPT));
    while (query_next(&q))
        out[(*count)++] = (struct chat_summary_row){ query_keep(&q, 0, a), query_i64(&q, 1) };
    return query_end(&q);
}
