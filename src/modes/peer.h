/* SPDX-License-Identifier: MIT
 * peer.h -- who may write to whom (the parts of peer.c that are pure, for tests). Default: nobody. */
#ifndef PARLEY_MODES_PEER_H
#define PARLEY_MODES_PEER_H

#include "base/json.h"
#include "config/settings.h"

/* May `from` write to `to`. same_group: both are in one group (peer.group_rules: same). */
bool peer_is_allowed(const struct config *cfg, const char *from, const char *to, bool same_group);

#define PEER_TITLE_BYTES 80
#define PEER_TEXT_BYTES 2000
#define PEER_ASSIGNEES_MAX 10
/* The model's answer, made fit; false: not JSON, or no text in it. Writes {"title","text","priority"?,
 * "assignees"?} under `key`. */
bool peer_write_normalized(struct jw *w, const char *key, struct slice reply, struct slice original);
/* One of task, message, notice, meeting; unknown ones are "message". Static. */
const char *peer_category(struct slice given);

#endif
