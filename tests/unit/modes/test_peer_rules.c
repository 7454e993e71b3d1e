/* SPDX-License-Identifier: MIT
 * test_peer_rules.c -- who may write to whom, how often, and what a model's answer is worth. */
#include "tests/support/test.h"

#include "config/config.h"
#include "modes/peer.h"

static void nobody_may_write_until_a_rule_says_so(void **state)
{
    static const struct {
        const char *yaml, *from, *to;
        bool same_group, allowed;
    } rows[] = {
        { "{}", "a", "b", false, false },
        { "{}", "a", "b", true, false },
        { "peer: {allow_all: true}", "a", "b", false, true },
        { "peer: {allowlist: [a]}", "a", "b", false, true },
        { "peer: {allowlist: [a]}", "A", "b", false, true },
        { "peer: {allowlist: [a]}", "b", "a", false, false }, /* who writes, not who reads */
        { "peer: {rules: {a: [b, c]}}", "a", "C", false, true },
        { "peer: {rules: {a: [b, c]}}", "a", "d", false, false },
        { "peer: {rules: {a: [b, c]}}", "b", "a", false, false },
        { "peer: {rules: {a: b}}", "a", "b", false, true },
        { "peer: {rules: {a: ['*']}}", "a", "z", false, true },
        { "peer: {device_roles: {a: boss, b: staff}, roles_grants: {boss: [staff]}}", "a", "b", false, true },
        { "peer: {device_roles: {a: boss, b: staff}, roles_grants: {boss: [staff]}}", "b", "a", false, false },
        { "peer: {device_roles: {a: boss}, roles_grants: {boss: ['*']}}", "a", "b", false, false },
        { "peer: {group_rules: same}", "a", "b", true, true },
        { "peer: {group_rules: same}", "a", "b", false, false },
        { "peer: {group_rules: other}", "a", "b", true, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *cfg = NULL;
        assert_ok(config_parse(&cfg, slice_of(rows[i].yaml), "t", NULL));
        if (peer_is_allowed(cfg, rows[i].from, rows[i].to, rows[i].same_group) != rows[i].allowed)
            fail_msg("%s: %s to %s", rows[i].yaml, rows[i].from, rows[i].to);
        config_unref(cfg);
    }
}

static void an_unknown_category_is_a_message(void **state)
{
    static const char *const rows[][2] = { { "task", "task" },     { " Notice ", "notice" }, { "MEETING", "meeting" },
                                           { "message", "message" }, { "tasks", "message" },  { "", "message" } };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(peer_category(slice_of(rows[i][0])), rows[i][1]);
}

static void an_answer_is_taken_out_of_its_talk_and_a_bad_one_leaves_the_original(void **state)
{
    static const struct {
        const char *reply;
        bool is_good;
        const char *json;
    } rows[] = {
        { "{\"title\":\"T\",\"text\":\"x\",\"priority\":3,\"assignees\":[\"Ben\",7]}", true,
          "{\"n\":{\"title\":\"T\",\"text\":\"x\",\"priority\":3,\"assignees\":[\"Ben\"]}}" },
        { "Sure:\n```json\n{\"text\":\" x \"}\n```", true, "{\"n\":{\"title\":\"x\",\"text\":\"x\"}}" },
        { "{\"text\":\"x\",\"priority\":4}", true, "{\"n\":{\"title\":\"x\",\"text\":\"x\"}}" },
        { "{\"text\":\"  \"}", false, "{\"n\":{\"title\":\"bring it\",\"text\":\"bring it\"}}" },
        { "{\"text\":7}", false, "{\"n\":{\"title\":\"bring it\",\"text\":\"bring it\"}}" },
        { "I have sent it.", false, "{\"n\":{\"title\":\"bring it\",\"text\":\"bring it\"}}" },
        { "}{", false, "{\"n\":{\"title\":\"bring it\",\"text\":\"bring it\"}}" },
        { "", false, "{\"n\":{\"title\":\"bring it\",\"text\":\"bring it\"}}" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        struct jw w;
        jw_init(&w, &out);
        jw_object(&w);
        bool is_good = peer_write_normalized(&w, "n", slice_of(rows[i].reply), SLICE("bring it"));
        jw_end(&w);
        assert_int_equal(is_good, rows[i].is_good);
        assert_slice_is(buf_slice(&out), rows[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_may_write_until_a_rule_says_so),
        cmocka_unit_test(an_unknown_category_is_a_message),
        cmocka_unit_test(an_answer_is_taken_out_of_its_talk_and_a_bad_one_leaves_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
