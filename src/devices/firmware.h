/* SPDX-License-Identifier: MIT
 * firmware.h -- firmware images in a folder: <model>_<version>.bin. The listing is kept
 * for a while (firmware_cache_ttl). The folder is read by whoever finds the listing old: a handful of
 * names, but call firmware_find from a loop only for OTA. Any thread. */
#ifndef PARLEY_DEVICES_FIRMWARE_H
#define PARLEY_DEVICES_FIRMWARE_H

#include "base/base.h"

struct firmware;
#define FIRMWARE_FILES_MAX 1000
#define FIRMWARE_NAME_BYTES 128

struct firmware *firmware_create(void);
void firmware_free(struct firmware *f);
struct firmware_image {
    char file[FIRMWARE_NAME_BYTES], version[32];
};
struct firmware_ask {
    const char *dir;
    unsigned ttl_s;        /* a listing of the folder counts so long */
    uint64_t now_ms;       /* monotonic */
    struct slice model, version;
};
/* The highest version for this model that is newer than `version` (numerically). Images of other models
 * are never offered: they would brick the board. False: nothing newer. */
bool firmware_find(struct firmware *f, const struct firmware_ask *ask, struct firmware_image *out);
/* The image of exactly this version, whichever the device has. False: there is none. */
bool firmware_exact(struct firmware *f, const struct firmware_ask *ask, struct firmware_image *out);
/* Opens dir/file for reading: ERR_INVALID a bad name, ERR_NOT_FOUND, ERR_IO. The resolved path lies in
 * dir and is a regular file. *fd is yours to close. */
must_check enum err firmware_open(const char *dir, struct slice file, int *fd, int64_t *bytes);

#endif
