/* SPDX-License-Identifier: MIT
 * force.h -- a firmware that an operator forces on a device, newer or older than its own. The device is told at
 * its next boot and once: a version that was sent to it is never forced on it again, or it would
 * upgrade at every boot. Any thread.
 *
 *   operator  force_ask()                 -> on disk, it waits
 *   OTA       force_waiting() -> version  -> force_take() -> on disk as sent, and only then it is sent */
#ifndef PARLEY_DEVICES_FORCE_H
#define PARLEY_DEVICES_FORCE_H

#include "loop/loop.h"

struct force;
struct force_taking;
struct store;

#define FORCE_WAITING_MAX 10000 /* devices; then ERR_LIMIT */
#define FORCE_VERSION_TEXT 32

/* Blocks: loads those that wait. */
must_check enum err force_open(struct force **out, struct store *s);
void force_close(struct force *f); /* after the loops; NULL is fine */

/* Replaces another version that waits for the device; version "": none waits any more. done, on loop l or at
 * once: ERR_INVALID no plain version (protocol/ota.h), ERR_STATE it was sent to it before, ERR_LIMIT. */
void force_ask(struct force *f, struct loop *l, const char *device, struct slice version,
               void (*done)(void *user, enum err err), void *user);
/* A copy of the version that waits; false: none. */
bool force_waiting(struct force *f, const char *device, char version[FORCE_VERSION_TEXT]);
/* done(OK) comes on loop l when it is on disk that it was sent. ERR_NOT_FOUND: somebody else took it. NULL: it
 * could not be asked for; done does not come. */
struct force_taking *force_take(struct force *f, struct loop *l, const char *device, const char *version,
                                void (*done)(void *user, enum err err), void *user);
/* Nobody hears of it and it was not sent: it waits again. NULL is fine; not after done. */
void force_take_cancel(struct force_taking *t);

#endif
