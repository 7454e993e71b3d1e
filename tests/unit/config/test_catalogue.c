/* SPDX-License-Identifier: MIT */
#include "config/catalogue.h"

#include "config/settings.h"
#include "tests/support/test.h"

static struct config *parse(const char *yaml)
{
    struct config *c = NULL;
    assert_ok(config_parse(&c, slice_of(yaml), "t", NULL));
    return c;
}

static void the_language_chooses_the_text(void **state)
{
    static const struct {
        const char *language;
        bool is_chinese;
    } rows[] = { { "zh-CN", true }, { "zh", true },  { "ZH-tw", true },
                 { "en-US", false }, { "de", false }, { NULL, true } };
    struct config *c = parse("");
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(catalogue_text(c, rows[i].language, "register.failed"),
                            rows[i].is_chinese ? "设备注册失败" : "Device registration failed");
    assert_string_equal(catalogue_text(c, "en", "no.such.key"), "");
    assert_string_equal(catalogue_text(NULL, "en", "takeover"),
                        "New connection found; this channel closes in about 1.5 s");
    config_unref(c);
    c = parse("server: {language: en-GB}");
    assert_string_equal(catalogue_text(c, NULL, "auth.failed"), "Authentication failed");
    config_unref(c);
}

static void the_file_overrides_it(void **state)
{
    struct config *c = parse("messages:\n  en: {turn.error: Oops, pair: {code: 'Type {code}!'}, auth.failed: [x]}\n");
    assert_string_equal(catalogue_text(c, "en-US", "turn.error"), "Oops");
    assert_string_equal(catalogue_text(c, "zh", "turn.error"), "抱歉，我暂时无法回答，请稍后再试");
    assert_string_equal(catalogue_text(c, "en", "pair.code"), "Type {code}!");
    assert_string_equal(catalogue_text(c, "en", "auth.failed"), "Authentication failed");
    config_unref(c);
}

static void names_in_braces_are_replaced(void **state)
{
    struct config *c = parse("messages: {en: {peer.prefix: '{a} {from} {from}{ {x', chat.title: 'no braces'}}");
    auto_buf struct buf out = { 0 };
    catalogue_put(&out, c, "en", "badge.title", "badge", "7", "owner", "{badge}", NULL);
    assert_string_equal(out.data, "Badge 7 · {badge}");
    buf_clear(&out);
    catalogue_put(&out, c, "en", "peer.prefix", "from", "me", NULL);
    assert_string_equal(out.data, "{a} me me{ {x");
    buf_clear(&out);
    catalogue_put(&out, c, "en", "chat.title", NULL);
    assert_string_equal(out.data, "no braces");
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_chooses_the_text),
        cmocka_unit_test(the_file_overrides_it),
        cmocka_unit_test(names_in_braces_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
