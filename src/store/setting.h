/* SPDX-License-Identifier: MIT
 * setting.h -- small values the server keeps for itself, by name (auth_key). Store thread. */
#ifndef PARLEY_STORE_SETTING_H
#define PARLEY_STORE_SETTING_H

#include "base/buf.h"
#include "store/db.h"

must_check enum err db_setting_get(struct db *db, const char *key, struct buf *out); /* ERR_NOT_FOUND */
must_check enum err db_setting_set(struct db *db, const char *key, struct slice value);
/* Sets it unless it is there already; out gets what is there then. */
must_check enum err db_setting_once(struct db *db, const char *key, struct slice value, struct buf *out);

#endif
