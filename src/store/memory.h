/* SPDX-License-Identifier: MIT
 * memory.h -- what is remembered of a device's talks: one short text, and one-line summaries of its
 * last chats. Store thread. */
#ifndef PARLEY_STORE_MEMORY_H
#define PARLEY_STORE_MEMORY_H

#include "base/buf.h"
#include "store/db.h"

#define CHAT_SUMMARIES_KEPT 2

must_check enum err db_memory_get(struct db *db, const char *device, struct buf *out); /* ERR_NOT_FOUND */
must_check enum err db_memory_put(struct db *db, const char *device, struct slice text, int64_t now_ms);

struct chat_summary_row {
    const char *text;
    int64_t created_ms;
};
/* Keeps the newest CHAT_SUMMARIES_KEPT. */
must_check enum err db_chat_summary_add(struct db *db, const char *device, struct slice text, int64_t now_ms);
/* Newest first. */
must_check enum err db_chat_summary_list(struct db *db, const char *device, struct arena *a,
                                         struct chat_summary_row out[CHAT_SUMMARIES_KEPT], size_t *count);

#endif
