/* SPDX-License-Identifier: MIT
 * peer_rules.c -- permissions, categories and the model's answer: no state. */
#include "base/utf8.h"
#include "modes/groups.h"
#include "modes/peer.h"
#include "modes/reply.h"

static bool list_has(const struct conf *list, const char *value)
{
    if (conf_kind(list) == CONF_SCALAR)
        return slice_eq_nocase(slice_of(conf_text(list)), slice_of(value)) ||
               strcmp(conf_text(list), "*") == 0;
    for (size_t i = 0; i < conf_count(list); i++) {
        const char *item = conf_text(conf_at(list, i));
        if (strcmp(item, "*") == 0 || slice_eq_nocase(slice_of(item), slice_of(value)))
            return true;
    }
    return false;
}

bool peer_is_allowed(const struct config *cfg, const char *from, const char *to, bool same_group)
{
    if (cfg->peer_allow_all)
        return true;
    for (size_t i = 0; i < cfg->peer_allowlist.count; i++) {
        if (slice_eq_nocase(slice_of(cfg->peer_allowlist.items[i]), slice_of(from)))
            return true;
    }
    if (list_has(conf_of_device(cfg->peer_rules, from), to))
        return true;
    const char *from_role = conf_text(conf_of_device(cfg->peer_device_roles, from));
    const char *to_role = conf_text(conf_of_device(cfg->peer_device_roles, to));
    if (from_role[0] && to_role[0] && list_has(conf_get(cfg->peer_roles_grants, from_role), to_role))
        return true;
    return same_group && conf_kind(cfg->peer_group_rules) == CONF_SCALAR &&
           strcmp(conf_text(cfg->peer_group_rules), "same") == 0;
}

const char *peer_category(struct slice given)
{
    static const char *const names[] = {"task", "message", "notice", "meeting"};
    given = slice_trim(given);
    for (size_t i = 0; i < COUNT(names); i++) {
        if (slice_eq_nocase(given, slice_of(names[i])))
            return names[i];
    }
    return "message";
}

static struct slice clip(struct slice text, size_t bytes)
{
    text = slice_trim(text);
    return slice_sub(text, 0, utf8_cut(text, bytes));
}

bool peer_write_normalized(struct jw *w, const char *key, struct slice reply, struct slice original)
{
    auto_json struct json *j = NULL;
    bool is_good = reply_object(&j, reply) && clip(json_get_text(j, "text"), PEER_TEXT_BYTES).len > 0;
    struct slice text = is_good ? clip(json_get_text(j, "text"), PEER_TEXT_BYTES) : original;
    struct slice title = is_good ? clip(json_get_text(j, "title"), PEER_TITLE_BYTES) : (struct slice){0};
    jw_object_as(w, key);
    jw_str(w, "title", title.len ? title : clip(text, PEER_TITLE_BYTES));
    jw_str(w, "text", text);
    int64_t priority = is_good ? json_get_i64(j, "priority", -1) : -1;
    if (priority >= 0 && priority <= 3)
        jw_i64(w, "priority", priority);
    const struct json *assignees = is_good ? json_get(j, "assignees") : NULL;
    if (json_is(assignees, JSON_ARRAY) && json_len(assignees)) {
        jw_array_as(w, "assignees");
        for (size_t i = 0; i < json_len(assignees) && i < PEER_ASSIGNEES_MAX; i++) {
            if (json_is(json_at(assignees, i), JSON_STRING))
                jw_str(w, NULL, clip(json_text(json_at(assignees, i)), 64));
        }
        jw_end(w);
    }
    jw_end(w);
    return is_good;
}
