/* SPDX-License-Identifier: MIT
 * groups.c -- see groups.h. */
#include "modes/groups.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "devices/auth.h"
#include "devices/presence.h"

const struct conf *conf_of_device(const struct conf *map, const char *device)
{
    for (size_t i = 0; i < conf_count(map); i++) {
        if (slice_eq_nocase(slice_of(conf_key_at(map, i)), slice_of(device)))
            return conf_at(map, i);
    }
    return NULL;
}

const char *group_alias(const struct config *cfg, const char *device)
{
    const char *alias = conf_text(conf_of_device(cfg->workflow_device_alias, device));
    return alias[0] ? alias : NULL;
}

bool group_key_is_valid(struct slice key)
{
    if (!key.len || key.len > GROUP_KEY_BYTES || !utf8_valid(key))
        return false;
    for (size_t i = 0; i < key.len; i++) {
        if ((unsigned char)key.data[i] <= ' ' || key.data[i] == 127)
            return false;
    }
    return true;
}

void group_of(const struct modes_env *env, const struct config *cfg, const char *device, struct buf *out)
{
    buf_clear(out);
    const char *configured = conf_text(conf_of_device(cfg->workflow_groups, device));
    struct device_known known = {0};
    if (configured[0])
        buf_puts(out, configured);
    else if (slice_starts(slice_of(device), SLICE("auto-")) || !env->auth ||
             !auth_device(env->auth, device, &known))
        buf_puts(out, device);
    else if (known.group[0])
        buf_puts(out, known.group);
    else
        buf_puts(out, strcmp(cfg->workflow_default_group, "device") == 0 ? device : "home");
}

const struct scope *scope_of_meetings(const struct config *cfg, struct scope *out)
{
    *out = (struct scope){cfg->meeting_broadcast_enabled, cfg->meeting_broadcast_include_origin,
                          cfg->meeting_broadcast_mode, cfg->meeting_broadcast_allowed_targets};
    return out;
}

static bool is_listed(struct conf_list list, const char *device)
{
    for (size_t i = 0; i < list.count; i++) {
        if (slice_eq_nocase(slice_of(list.items[i]), slice_of(device)))
            return true;
    }
    return false;
}

void scope_tell(const struct modes_env *env, const struct config *cfg, struct loop *from, const char *device,
                const struct scope *scope, enum msg_type type, struct slice json)
{
    if (!scope->is_enabled || strcmp(scope->mode, "off") == 0 || !env->presence)
        return;
    bool is_group = strcmp(scope->mode, "group") == 0;
    struct arena a = {0};
    auto_buf struct buf mine = {0}, theirs = {0};
    struct presence_entry *online;
    size_t count = presence_list(env->presence, &a, &online);
    group_of(env, cfg, device, &mine);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(online[i].device, device) == 0 && !scope->includes_origin)
            continue;
        group_of(env, cfg, online[i].device, &theirs);
        if (is_listed(scope->targets, online[i].device) ||
            (is_group && slice_eq(buf_slice(&mine), buf_slice(&theirs))))
            env->post(env->user, from, online[i].device,
                      &(struct post){
                          .kind = POST_UNASKED, .type = type, .json = json, .from = slice_of(device)});
    }
    arena_done(&a);
}

void group_tell_changed(const struct modes_env *env, const struct config *cfg, struct loop *from,
                        struct slice group, const char *except)
{
    struct arena a = {0};
    struct presence_entry *online;
    auto_buf struct buf theirs = {0};
    size_t count = env->presence ? presence_list(env->presence, &a, &online) : 0;
    for (size_t i = 0; i < count; i++) {
        if (except && strcmp(online[i].device, except) == 0)
            continue;
        group_of(env, cfg, online[i].device, &theirs);
        if (slice_eq(buf_slice(&theirs), group))
            env->post(env->user, from, online[i].device,
                      &(struct post){.kind = POST_CHANGED, .type = MSG_workflow});
    }
    arena_done(&a);
}
