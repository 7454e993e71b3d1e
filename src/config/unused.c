/* SPDX-License-Identifier: MIT
 * unused.c -- keys whose part of Parley is not built yet: they load, and it is said that they change nothing. A
 * wish that is not fulfilled (something switched on) is a warning, anything else one line. */
#include "base/log.h"
#include "config/inner.h"

#define LOG_TOPIC "config"

static const char *const unused[] = {
#define X(key) key,
    SETTINGS_UNUSED(X)
#undef X
};

bool setting_is_unused(struct slice key)
{
    for (size_t i = 0; i < COUNT(unused); i++) {
        struct slice name = slice_of(unused[i]);
        bool is_section = slice_ends(name, SLICE(".*"));
        if (is_section)
            name.len -= 2;
        if (slice_eq(key, name) || (is_section && slice_starts(key, name) && key.data[name.len] == '.'))
            return true;
    }
    return false;
}

static bool is_filled_in(const struct conf *n)
{
    if (conf_kind(n) == CONF_SCALAR)
        return *conf_text(n) && !value_is_placeholder(conf_text(n));
    return conf_kind(n) != CONF_NULL && conf_count(n) > 0;
}

static bool is_switched_on(const struct config *c, const struct setting_row *row)
{
    return row->type == SETTING_BOOL && row->initial[0] == 'f' && *(const bool *)((const char *)c + row->offset);
}

void unused_tell(const struct config *c)
{
    auto_buf struct buf keys = { 0 };
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct conf *n = config_node(c, rows[i].key);
        if (!setting_is_unused(slice_of(rows[i].key)) || conf_line(n) == 0 || !is_filled_in(n))
            continue;
        if (is_switched_on(c, &rows[i]))
            config_warn(c->inner, rows[i].key, "config.unused", "key=%s line=%u this part is not built yet",
                        rows[i].key, conf_line(n));
        else
            buf_printf(&keys, "%s%s", keys.len ? "," : "", rows[i].key);
    }
    if (keys.len)
        LOGI(NULL, "config.unused", "keys=" SLICE_FMT " these are read and change nothing",
             SLICE_ARG(buf_slice(&keys)));
}
