/* SPDX-License-Identifier: MIT
 * test_groups.c -- which devices belong together: what the file says, what pairing made known, and made-up ids. */
#include "tests/support/test.h"

#include "modes/groups.h"
#include "tests/support/dworld.h"
#include "tests/support/temp.h"

static struct dworld w;

static void pair(const char *device)
{
    struct identity who = dworld_identity(device, "client", "192.168.1.20", NULL);
    const struct pair_ask ask = { &who, { "zh-CN", "board", "1.0", "esp32c3" } };
    struct pair_answer answer;
    struct dworld_answer h = { 0 };
    if (auth_pair(w.auth, w.loop, &ask, &answer, dworld_hear, &h))
        assert_ok(dworld_heard(&w, &h));
    dworld_settle(&w);
    identity_done(&who);
}

static void a_device_is_in_the_group_somebody_gave_it_or_at_home_or_alone(void **state)
{
    static const struct {
        const char *yaml, *device, *group;
    } rows[] = {
        { "workflow: {groups: {dev1: team}}", "dev1", "team" },
        { "workflow: {groups: {DEV1: team}}", "dev1", "team" },
        { "workflow: {groups: {dev2: team}}", "dev1", "home" },
        { "workflow: {default_group: device}", "dev1", "dev1" },
        { "", "dev1", "home" },
        { "", "stranger", "stranger" }, /* never paired */
        { "", "auto-00c0ffee", "auto-00c0ffee" },
        { "workflow: {default_group: home}", "auto-00c0ffee", "auto-00c0ffee" },
    };
    dworld_open(&w, "");
    pair("dev1");
    struct modes_env env = { .auth = w.auth };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf group = { 0 };
        dworld_config(&w, rows[i].yaml);
        struct config *cfg = config_now(w.config);
        buf_puts(&group, "what was before");
        group_of(&env, cfg, rows[i].device, &group);
        if (strcmp(group.data, rows[i].group) != 0)
            fail_msg("%s %s: %s", rows[i].yaml, rows[i].device, group.data);
        config_unref(cfg);
    }
    dworld_close(&w);
}

static void a_key_is_a_short_word(void **state)
{
    static const char *const good[] = { "team", "a", "客厅", "Team-1:x_y.z",
                                        "0123456789012345678901234567890123456789012345678901234567890123" };
    static const char *const bad[] = { "", "two words", "line\nbreak", "tab\t", "\x7f", "\xff",
                                       "01234567890123456789012345678901234567890123456789012345678901234" };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(group_key_is_valid(slice_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(group_key_is_valid(slice_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_in_the_group_somebody_gave_it_or_at_home_or_alone),
        cmocka_unit_test(a_key_is_a_short_word),
    };
    return cmocka_run_group_tests(tests, temp_quiet, temp_tidy);
}
