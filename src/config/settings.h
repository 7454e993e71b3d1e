/* SPDX-License-Identifier: MIT
 * settings.h -- the snapshot's fields, one per row of config/list.h: cfg->server_port,
 * cfg->audio_lead_packets, cfg->close_connection_no_voice_time ... Immutable; valid while a reference
 * to the snapshot is held. Text is never NULL except for SECRET, URL, ID that are unset. */
#ifndef PARLEY_CONFIG_SETTINGS_H
#define PARLEY_CONFIG_SETTINGS_H

#include "config/config.h"
#include "config/list.h"

enum setting_type {
    SETTING_BOOL,
    SETTING_INT,
    SETTING_NUM,    /* unset: NAN */
    SETTING_SIZE,   /* bytes; "10 MB" */
    SETTING_DAYS,   /* "30 days", "2 weeks" */
    SETTING_ENUM,   /* the choice as the row spells it */
    SETTING_STR,
    SETTING_PATH,
    SETTING_ID,     /* a placeholder (a text with U+4F60) counts as unset */
    SETTING_URL,    /* the same */
    SETTING_SECRET, /* the same; file:PATH and env:NAME are resolved; masked wherever it is shown */
    SETTING_LIST,
    SETTING_MAP,    /* NULL when unset; free below */
    SETTING_ANY,    /* whatever stands there; NULL when unset */
};

enum setting_applies { APPLIES_LIVE, APPLIES_SESSION, APPLIES_RESTART };

struct conf_list {
    const char *const *items;
    size_t count;
};

#define SETTING_C_BOOL bool
#define SETTING_C_INT int64_t
#define SETTING_C_NUM double
#define SETTING_C_SIZE int64_t
#define SETTING_C_DAYS int64_t
#define SETTING_C_ENUM const char *
#define SETTING_C_STR const char *
#define SETTING_C_PATH const char *
#define SETTING_C_ID const char *
#define SETTING_C_URL const char *
#define SETTING_C_SECRET const char *
#define SETTING_C_LIST struct conf_list
#define SETTING_C_MAP const struct conf *
#define SETTING_C_ANY const struct conf *

struct config {
#define X(field, key, type, initial, min, max, applies, help) SETTING_C_##type field;
    SETTINGS(X)
#undef X
    struct config_inner *inner; /* config.c's: tree, reference count, what was warned of */
};

struct setting_row {
    const char *key, *initial, *help;
    double min, max; /* INT, NUM, SIZE, DAYS; both 0: any */
    size_t offset;   /* in struct config */
    enum setting_type type;
    enum setting_applies applies;
};

/* The table as data, in the order of the list. */
const struct setting_row *setting_rows(size_t *count);
bool conf_list_has(const struct conf_list *l, struct slice text); /* ASCII case ignored */
/* Keys of APPLIES_RESTART whose value differs, comma separated; how many. */
size_t config_restart_keys(const struct config *before, const struct config *after, struct buf *out);
/* A commented sample file, and docs/configuration.md, from the table. */
void config_sample(struct buf *out);
void config_docs(struct buf *out);

#endif
