/* SPDX-License-Identifier: MIT
 * fuzz_config.c -- any bytes as a configuration file: refused with a note, or a snapshot whose every
 * value is within its bounds, which prints, and whose print holds no unmasked secret key. */
#include "base/base.h"
#include "base/log.h"
#include "config/catalogue.h"
#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *user, struct slice line)
{
    assert(!line.len || line.data[line.len - 1] != '\n');
}

static void check_bounds(const struct config *c)
{
    size_t count;
    const struct setting_row *rows = setting_rows(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&value, (const char *)c + rows[i].offset, sizeof(value));
        if (rows[i].type == SETTING_INT && (rows[i].min != 0 || rows[i].max != 0) && value != 0) {
            assert((double)value >= rows[i].min);
            assert((double)value <= rows[i].max);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct err_note note = { 0 };
    if (size > 16384)
        return 0;
    log_tap(ignore, NULL);
    enum err e = config_parse(&c, slice_from(data, size), "f", &note);
    if (e) {
        assert(note.err == e && note.text[0]);
        return 0;
    }
    auto_buf struct buf out = { 0 };
    config_print(c, &out);
    assert(out.len > 1000);
    check_bounds(c);
    const struct conf *entry = config_entry(c, "LLM", c->selected_module_LLM);
    conf_int(entry, "max_tokens", 1, 0, 10);
    conf_secret(entry, "api_key");
    conf_canonical(entry, c->plugins, &out);
    catalogue_text(c, "zh", "turn.error");
    config_unref(c);
    return 0;
}
