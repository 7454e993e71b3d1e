/* SPDX-License-Identifier: MIT
 * presence.h -- who is online where: device id -> {session, loop, opaque}. One table for the process
 * behind one mutex; a register points to the new session at once. Any thread. */
#ifndef PARLEY_DEVICES_PRESENCE_H
#define PARLEY_DEVICES_PRESENCE_H

#include "base/mem.h"
#include "loop/loop.h"
#include "protocol/ids.h"

struct presence;

#define PRESENCE_PROOF_BYTES 96
struct presence_entry {
    char device[ID_TEXT], client[ID_TEXT], session[40], mode[16];
    char proof[PRESENCE_PROOF_BYTES]; /* what authentication proved (auth_answer.proof) */
    struct loop *loop;                /* to post mail to; the session lives there */
    void *opaque;                     /* the session: for its own loop only, and only after asking again there */
    uint64_t number;                  /* set by presence_add: a name that is never used twice */
    int64_t since_ms;
    bool has_ui, has_peer;            /* announced features */
};

struct presence *presence_create(void);
void presence_free(struct presence *p); /* NULL is fine */
/* Points the device to `e` (copied) and sets e->number. When another session was there: true, *old is
 * its entry; takeovers: how many there were for this device within the last minute. */
bool presence_add(struct presence *p, struct presence_entry *e, struct presence_entry *old, unsigned *takeovers);
/* Only while nobody is there: server.duplicate_device = reject. */
must_check enum err presence_add_if_free(struct presence *p, struct presence_entry *e); /* ERR_EXISTS */
/* Removes the entry only if it is still this session's. False: somebody else has it. */
bool presence_remove(struct presence *p, const char *device, uint64_t number);
bool presence_get(struct presence *p, const char *device, struct presence_entry *out);
/* Changes what others see of a session; false: it is not the current one any more. */
bool presence_mode(struct presence *p, const char *device, uint64_t number, const char *mode);
bool presence_features(struct presence *p, const char *device, uint64_t number, bool has_ui, bool has_peer);
/* One consistent snapshot, no id twice; entries in the arena. */
size_t presence_list(struct presence *p, struct arena *a, struct presence_entry **out);
unsigned presence_count(struct presence *p);
/* Changes whenever somebody comes or goes (statistics). */
uint64_t presence_version(struct presence *p);

#endif
