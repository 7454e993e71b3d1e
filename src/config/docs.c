/* SPDX-License-Identifier: MIT
 * docs.c -- the sample file and docs/configuration.md, from the table of settings. */

#include "config/embedded.h"
#include "config/inner.h"

static const char *const type_names[] = {
    [SETTING_BOOL] = "bool", [SETTING_INT] = "int",       [SETTING_NUM] = "number",    [SETTING_SIZE] = "size",
    [SETTING_DAYS] = "days", [SETTING_ENUM] = "one of",   [SETTING_STR] = "text",      [SETTING_PATH] = "path",
    [SETTING_ID] = "id",     [SETTING_URL] = "url",       [SETTING_SECRET] = "secret", [SETTING_LIST] = "list",
    [SETTING_MAP] = "map",   [SETTING_ANY] = "text or map",
};
static const char *const applies_names[] = {
    [APPLIES_LIVE] = "live", [APPLIES_SESSION] = "next session", [APPLIES_RESTART] = "restart"
};

static void put_initial(struct buf *out, const struct setting_row *row)
{
    struct slice choices = slice_of(row->initial);
    bool is_text = row->type == SETTING_STR || row->type == SETTING_PATH;
    if (row->type == SETTING_ENUM)
        buf_put(out, slice_cut(&choices, '|'));
    else if (is_text)
        buf_printf(out, "\"%s\"", row->initial);
    else
        buf_puts(out, *row->initial ? row->initial : row->type == SETTING_MAP ? "{}" : "null");
}

static void put_bounds(struct buf *out, const struct setting_row *row)
{
    struct slice choices = slice_of(row->initial);
    if (row->type == SETTING_ENUM) {
        for (const char *comma = ""; choices.data; comma = ", ") {
            struct slice choice = slice_cut(&choices, '|');
            buf_printf(out, "%s" SLICE_FMT, comma, SLICE_ARG(choice));
        }
    } else if (row->min != 0 || row->max != 0) {
        buf_printf(out, "%lld..%lld", (long long)row->min, (long long)row->max);
    }
}

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_put_byte(out, '\\');
        buf_put_byte(out, *text);
    }
}

void config_docs(struct buf *out)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    buf_puts(out,
             "# Configuration\n\n"
             "Made from the table in `src/config/list.h` by `parleyd --docs`; a test keeps it up to date.\n\n"
             "Parley reads one YAML file over built-in defaults: the one named by `-c PATH`, else\n"
             "`data/.config.yaml`, else `config.yaml`. The keys are those of existing xiaozhi-server files.\n"
             "`parleyd --check-config` prints every value in use with its line; `parleyd --print-config`\n"
             "prints a commented sample. Only a broken file ends the check with an error: the last line\n"
             "counts the warnings, and the server starts in spite of them.\n\n"
             "- A value of a wrong type gives the default, one out of range the nearest limit, each with a\n"
             "  warning that names key and line. `null` means absent. Unknown keys are warned of, with the\n"
             "  nearest known one.\n"
             "- A *secret* may be `file:PATH` or `env:NAME`. It is never shown and never logged.\n"
             "- In a *secret*, *url* or *id* a text with the character U+4F60 is a placeholder and means unset.\n"
             "- The file is read again on SIGHUP. *live* settings then hold at once (a running turn ends on the\n"
             "  old value), others for the next session, or after a restart. A broken file keeps the old values.\n\n"
             "| key | type | default | range | applies | what it is |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        auto_buf struct buf initial = { 0 }, bounds = { 0 };
        put_initial(&initial, &rows[i]);
        put_bounds(&bounds, &rows[i]);
        buf_printf(out, "| `%s` | %s | `%s` | %s | %s | ", rows[i].key, type_names[rows[i].type], initial.data,
                   bounds.data ? bounds.data : "", applies_names[rows[i].applies]);
        put_escaped(out, rows[i].help);
        if (setting_is_unused(slice_of(rows[i].key)))
            buf_puts(out, " *Not used yet.*");
        buf_puts(out, " |\n");
    }
    buf_puts(out, "\n## Other spellings\n\n| in the file | means |\n|---|---|\n");
#define X(other, key) buf_puts(out, "| `" other "` | `" key "` |\n");
    SETTING_ALIASES(X)
#undef X
    buf_puts(out, "\n## Accepted, without effect\n\n");
#define X(key) buf_puts(out, "- `" key "`\n");
    SETTINGS_ACCEPTED(X)
#undef X
    buf_puts(out, "\n## Kinds of providers\n\nAn entry is `<kind>.<alias>: {type: ..., ...}`; `selected_module.<kind>` "
                  "names the alias in use.\n\n");
    kinds_docs(out);
    buf_puts(out, "\nWithout any file these are there:\n\n```yaml\n");
    buf_puts(out, embedded_yaml);
    buf_puts(out, "```\n");
}

/* ---- the sample ---- */

/* Opens the sections of this key that the key before did not stand in. Returns its depth. */
static size_t put_sections(struct buf *out, struct slice before, struct slice key)
{
    size_t depth = 0, common = 0;
    for (size_t i = 0; i < key.len && i < before.len && key.data[i] == before.data[i]; i++)
        if (key.data[i] == '.')
            common = i + 1;
    for (size_t from = 0, i = 0; i < key.len; i++) {
        if (key.data[i] != '.')
            continue;
        if (i >= common)
            buf_printf(out, "%*s%.*s:\n", (int)depth * 2, "", (int)(i - from), key.data + from);
        from = i + 1;
        depth++;
    }
    return depth;
}

static void put_embedded_section(struct buf *out, const char *key)
{
    const char *at = strstr(embedded_yaml, key);
    size_t len = strlen(key);
    while (at && !((at == embedded_yaml || at[-1] == '\n') && at[len] == ':'))
        at = strstr(at + 1, key);
    const char *end = at ? strchr(at, '\n') + 1 : NULL;
    if (!at) {
        buf_printf(out, "# %s: {}\n", key);
        return;
    }
    while (*end == ' ')
        end = strchr(end, '\n') + 1;
    buf_put(out, slice_from(at, (size_t)(end - at)));
}

void config_sample(struct buf *out)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    struct slice before = { 0 };
    buf_puts(out, "# Parley's settings with their defaults. Remove what you do not change.\n");
    for (size_t i = 0; i < count; i++) {
        struct slice key = slice_of(rows[i].key);
        auto_buf struct buf initial = { 0 }, bounds = { 0 };
        if (rows[i].type == SETTING_MAP && !memchr(key.data, '.', key.len)) {
            buf_printf(out, "\n# %s\n", rows[i].help);
            put_embedded_section(out, rows[i].key);
            before = key;
            continue;
        }
        put_initial(&initial, &rows[i]);
        put_bounds(&bounds, &rows[i]);
        if (!memchr(key.data, '.', key.len) || !slice_starts(before, slice_sub(key, 0, strcspn(key.data, ".") + 1)))
            buf_puts(out, "\n");
        size_t depth = put_sections(out, before, key);
        const char *dot = strrchr(rows[i].key, '.');
        buf_printf(out, "%*s# %s", (int)depth * 2, "", rows[i].help);
        if (bounds.len)
            buf_printf(out, " (" SLICE_FMT ")", SLICE_ARG(buf_slice(&bounds)));
        buf_printf(out, "\n%*s%s: %s\n", (int)depth * 2, "", dot ? dot + 1 : rows[i].key, initial.data);
        before = key;
    }
}
