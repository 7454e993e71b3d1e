/* SPDX-License-Identifier: MIT
 * device.h -- devices and what pairs them: rows of device, pair, pairing_code, serial_key and
 * firmware_force. Store thread. Texts of rows that are read live in the arena, or until the callback
 * returns. */
#ifndef PARLEY_STORE_DEVICE_H
#define PARLEY_STORE_DEVICE_H

#include "store/db.h"

struct device_row {
    const char *id, *language, *board, *firmware, *name, *group_key, *address, *chip;
    int64_t first_seen_ms, last_seen_ms;
};
/* Inserts, or refreshes last_seen and every text that is not "" (NULL counts as ""). */
must_check enum err db_device_seen(struct db *db, const struct device_row *d);
must_check enum err db_device_get(struct db *db, const char *id, struct arena *a, struct device_row *out);
/* Did it ever ask OTA, or say anything (one that shows a token of its own need not ask OTA). */
must_check enum err db_device_known(struct db *db, const char *id, bool *is_known);
/* By id, from `offset`, at most `limit`. */
must_check enum err db_device_list(struct db *db, size_t offset, size_t limit, struct arena *a,
                                   struct device_row **out, size_t *count);
must_check enum err db_device_count(struct db *db, int64_t *count);
must_check enum err db_device_each(struct db *db, void (*fn)(void *user, const struct device_row *d), void *user);
/* Everything said, remembered, recorded or queued for or by the device; the device and its pairs stay. */
must_check enum err db_device_delete_data(struct db *db, const char *id);

struct pair_row {
    const char *device, *client, *how, *serial;
    int state; /* 0 pending, 1 active, 2 revoked */
    int64_t created_ms, changed_ms;
};
must_check enum err db_pair_put(struct db *db, const struct pair_row *p); /* the device must be there */
must_check enum err db_pair_each(struct db *db, void (*fn)(void *user, const struct pair_row *p), void *user);

struct code_row {
    const char *code, *device, *client, *challenge;
    int64_t created_ms, expires_ms, used_ms; /* used_ms 0: open */
};
must_check enum err db_code_put(struct db *db, const struct code_row *c);
must_check enum err db_code_used(struct db *db, const char *code, int64_t now_ms);
must_check enum err db_code_each(struct db *db, void (*fn)(void *user, const struct code_row *c), void *user);
must_check enum err db_code_forget(struct db *db, int64_t created_before_ms);

struct serial_row {
    const char *serial, *key_hex, *device; /* device: that proved it first; "" none yet */
};
must_check enum err db_serial_put(struct db *db, const char *serial, const char *key_hex); /* no device's yet */
/* ERR_STATE: it is another device's, or not known (any more). */
must_check enum err db_serial_bind(struct db *db, const char *serial, const char *device);
must_check enum err db_serial_remove(struct db *db, const char *serial); /* ERR_NOT_FOUND */
must_check enum err db_serial_each(struct db *db, void (*fn)(void *user, const struct serial_row *s), void *user);
/* By serial, without keys, from `offset`, at most `limit`. */
must_check enum err db_serial_list(struct db *db, size_t offset, size_t limit, struct arena *a,
                                   struct serial_row **out, size_t *count);
must_check enum err db_serial_count(struct db *db, int64_t *count);
/* A forced firmware: waits for the device, replacing one that does; "": none waits. ERR_STATE: it was sent
 * before. */
must_check enum err db_force_put(struct db *db, const char *device, const char *version);
/* ERR_NOT_FOUND: it does not wait. */
must_check enum err db_force_sent(struct db *db, const char *device, const char *version, int64_t now_ms);
/* Marked as sent, but it was not: it waits again. */
must_check enum err db_force_unsent(struct db *db, const char *device, const char *version);
/* Those that wait. */
must_check enum err db_force_each(struct db *db, void (*fn)(void *user, const char *device, const char *version),
                                  void *user);

#endif
