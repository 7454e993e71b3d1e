/* SPDX-License-Identifier: MIT
 * groups.h -- which devices belong together: the group of a device, and telling a group that something
 * changed. Any loop. */
#ifndef PARLEY_MODES_GROUPS_H
#define PARLEY_MODES_GROUPS_H

#include "config/settings.h"
#include "modes/modes.h"

#define GROUP_KEY_BYTES 64

/* workflow.groups, else the group given at pairing, else the default; an id that is not paired (or made up
 * by us) is a group of its own. out is cleared first. */
void group_of(const struct modes_env *env, const struct config *cfg, const char *device, struct buf *out);
bool group_key_is_valid(struct slice key); /* 1..64 of [0-9A-Za-z:._-] and UTF-8 letters, no control characters */
/* Every online device of the group but `except` (NULL: none) makes its own snapshot. */
void group_tell_changed(const struct modes_env *env, const struct config *cfg, struct loop *from, struct slice group,
                        const char *except);
/* Who else hears of what a device does: meeting.broadcast, coding.broadcast. Default: nobody. */
struct scope {
    bool is_enabled, includes_origin;
    const char *mode; /* "off", "group": the device's group and the list, "session": the list only */
    struct conf_list targets;
};
const struct scope *scope_of_meetings(const struct config *cfg, struct scope *out);
void scope_tell(const struct modes_env *env, const struct config *cfg, struct loop *from, const char *device,
                const struct scope *scope, enum msg_type type, struct slice json);
/* The name people gave a device (workflow.device_alias); NULL: none. */
const char *group_alias(const struct config *cfg, const char *device);
/* A value of a map whose keys are device ids, compared without case; NULL: none. */
const struct conf *conf_of_device(const struct conf *map, const char *device);

#endif
