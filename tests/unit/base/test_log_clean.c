/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tests/support/test.h"

static const char canary[] = "cAnArY-93-q";

static void assert_cleaned(const char *text, const char *wanted)
{
    auto_buf struct buf out = { 0 };
    log_clean(&out, slice_of(text), 2000);
    if (strcmp(out.data ? out.data : "", wanted) != 0)
        fail_msg("%s\n   became %s\n   wanted %s", text, out.data ? out.data : "", wanted);
}

static void secrets_behind_their_names_are_masked(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        { "Authorization: Bearer abc.def", "Authorization: ***" },
        { "authorization: Basic dXNlcg==\r\nHost: x", "authorization: ***\\r\\nHost: x" },
        { "got Bearer abc.def, ok", "got Bearer ***, ok" },
        { "{\"api_key\":\"sk-12\",\"model\":\"m\"}", "{\"api_key\":\"***\",\"model\":\"m\"}" },
        { "{\"api_key\" : \"a\\\"b\", \"x\":1}", "{\"api_key\" : \"***\", \"x\":1}" },
        { "{\\\"token\\\":\\\"abc\\\",\\\"x\\\":1}", "{\\\"token\\\":\\\"***\\\",\\\"x\\\":1}" },
        { "apikey=abc def", "apikey=*** def" },
        { "GET /x?token=abc&x=1", "GET /x?token=***&x=1" },
        { "access_token=abc", "access_token=***" },
        { "password: 'hunter two'", "password: '***'" },
        { "client_secret = s3cr3t;", "client_secret = ***;" },
        { "x-api-token: abc", "x-api-token: ***" },
        { "Cookie: a=b; c=d", "Cookie: ***" },
        { "sec-websocket-key: dGhl", "sec-websocket-key: ***" },
        { "http://user:pass@host/x", "http://***@host/x" },
        { "redis://:pa@ss@host:1", "redis://***@host:1" },
        { "http://host/a@b", "http://host/a@b" },
        { "prompt_tokens=123 tokens: 7", "prompt_tokens=123 tokens: 7" },
        { "tokens=abcdef", "tokens=***" },
        { "the token has expired", "the token has expired" },
        { "nothing to hide", "nothing to hide" },
        { "api_key=", "api_key=" },
        { "token=\"", "token=\"" },
        { "\"token\":", "\"token\":" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_cleaned(rows[i].text, rows[i].wanted);
}

static void long_runs_of_base64_are_masked(void **state)
{
    char text[200];
    memset(text, 'Q', 65);
    memcpy(text + 65, " end", 5);
    assert_cleaned(text, "*** end");
    memset(text, 'Q', 64);
    memcpy(text + 64, " end", 5);
    assert_cleaned(text, text);
}

static void control_characters_are_escaped(void **state)
{
    assert_cleaned("a\nb\r\tc\x1b[31m\x7f", "a\\nb\\r\\tc\\x1b[31m\\x7f");
    assert_cleaned("\xC2\x85\xE2\x80\xA8\xE2\x80\xAE.", "\\u0085\\u2028\\u202e.");
    assert_cleaned("bad \xFF\xE4\xBD end", "bad \\xff\\xe4\\xbd end");
    assert_cleaned("\xE4\xBD\xA0\xE5\xA5\xBD", "\xE4\xBD\xA0\xE5\xA5\xBD");
    auto_buf struct buf out = { 0 };
    log_clean(&out, slice_from("a\0b", 3), 100);
    assert_string_equal(out.data, "a\\x00b");
}

static void a_long_text_loses_its_middle(void **state)
{
    auto_buf struct buf text = { 0 };
    for (int i = 0; i < 3334; i++)
        buf_puts(&text, "\xE4\xBD\xA0");
    for (size_t max = 64; max < 80; max++) {
        auto_buf struct buf out = { 0 };
        log_clean(&out, buf_slice(&text), max);
        assert_true(out.len <= max);
        assert_true(out.len > max - 6);
        assert_true(utf8_valid(buf_slice(&out)));
        assert_non_null(strstr(out.data, "\xE2\x80\xA6"));
    }
    auto_buf struct buf out = { 0 }, exact = { 0 };
    log_clean(&out, buf_slice(&text), 2000);
    assert_in_range(out.len, 1995, 2000);
    log_clean(&exact, SLICE("0123456789"), 10);
    assert_string_equal(exact.data, "0123456789");
}

static void a_secret_is_gone_before_the_text_is_cut(void **state)
{
    static const size_t places[] = { 0, 985, 992, 998, 1004, 4000, 8980 };
    log_hide(slice_of(canary));
    for (size_t i = 0; i < COUNT(places); i++) {
        auto_buf struct buf text = { 0 }, out = { 0 };
        for (size_t n = 0; n < places[i]; n++)
            buf_put_byte(&text, n % 50 ? '.' : ' ');
        buf_puts(&text, canary);
        while (text.len < 9000)
            buf_put_byte(&text, '.');
        log_clean(&out, buf_slice(&text), 2000);
        for (size_t len = strlen(canary); len >= 5; len--) {
            assert_false(slice_contains(buf_slice(&out), slice_from(canary, len)));
            assert_false(slice_contains(buf_slice(&out), slice_from(&canary[strlen(canary) - len], len)));
        }
    }
}

static void a_hidden_value_is_masked_in_every_form(void **state)
{
    auto_buf struct buf base64 = { 0 }, text = { 0 }, out = { 0 };
    log_hide(SLICE("geheim/+wort 7"));
    log_hide(SLICE("ab"));
    base64_put(&base64, SLICE("geheim/+wort 7"));
    buf_printf(&text, "raw geheim/+wort 7 url geheim%%2F%%2Bwort%%207 b64 %s ab", base64.data);
    log_clean(&out, buf_slice(&text), 2000);
    assert_string_equal(out.data, "raw *** url *** b64 *** ab");
}

static void of_two_hidden_values_the_longer_goes_first(void **state)
{
    log_hide(SLICE("inner-value"));
    log_hide(SLICE("outer-inner-value-outer"));
    log_hide(SLICE("outer-inner-value-outer"));
    assert_cleaned("x outer-inner-value-outer y inner-value", "x *** y ***");
}

/* A peer writes this; it must not cost a square of its length. */
static void a_hostile_text_costs_no_more_than_another(void **state)
{
    static const char *const pieces[] = { "token", "token=", "\"token\" ", "://", "tokens=1 ", "Bearer ", "secret\\" };
    for (size_t i = 0; i < COUNT(pieces); i++) {
        auto_buf struct buf text = { 0 }, out = { 0 };
        while (text.len < 200000)
            buf_puts(&text, pieces[i]);
        uint64_t before_us = clock_thread_cpu_us();
        log_clean(&out, buf_slice(&text), 2000);
        assert_true(clock_thread_cpu_us() - before_us < 500000);
        assert_true(out.len > 0);
    }
}

static void when_it_cannot_be_cleaned_nothing_is_shown(void **state)
{
    for (unsigned nth = 1; nth <= 3; nth++) {
        auto_buf struct buf out = { 0 };
        mem_fail_nth(nth);
        log_clean(&out, SLICE("a text with password=x"), 2000);
        mem_fail_nth(0);
        assert_string_equal(out.data, "[unprintable]");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_behind_their_names_are_masked),
        cmocka_unit_test(long_runs_of_base64_are_masked),
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(a_long_text_loses_its_middle),
        cmocka_unit_test(a_secret_is_gone_before_the_text_is_cut),
        cmocka_unit_test(a_hidden_value_is_masked_in_every_form),
        cmocka_unit_test(of_two_hidden_values_the_longer_goes_first),
        cmocka_unit_test(a_hostile_text_costs_no_more_than_another),
        cmocka_unit_test(when_it_cannot_be_cleaned_nothing_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
