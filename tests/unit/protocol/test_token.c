/* SPDX-License-Identifier: MIT
 * test_token.c -- tokens and the MQTT password against their vectors. */
#include "protocol/token.h"
#include "tests/support/test.h"

#define SECRET SLICE("test-secret")
#define VECTOR "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ.1700000000"
enum { TS = 1700000000 };

static const struct token_subject who = {
    .client = { "7b94d69a-9808-4c59-9c9b-704333b38aff", 36 },
    .device = { "aa:bb:cc:dd:ee:ff", 17 },
};

static enum token_verdict verify_at(const char *token, int64_t now_s, int64_t *age_s)
{
    return token_verify(slice_of(token), SECRET, &who, &(struct token_clock){ now_s, 3600 }, age_s);
}

static void minting_gives_the_vector(void **state)
{
    auto_buf struct buf out = { 0 };
    token_mint(&out, SECRET, &who, TS);
    assert_string_equal(out.data, VECTOR);
}

static void age_decides_over_a_good_signature(void **state)
{
    static const struct {
        int64_t now_s;
        enum token_verdict want;
    } rows[] = {
        { TS, TOKEN_GOOD },        { TS + 3600, TOKEN_GOOD }, { TS + 3601, TOKEN_OLD },
        { TS - 30, TOKEN_GOOD },   { TS - 31, TOKEN_BAD },    { TS + 1000000000LL, TOKEN_OLD },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t age = -1;
        assert_int_equal(verify_at(VECTOR, rows[i].now_s, &age), rows[i].want);
        assert_int_equal(age, rows[i].want == TOKEN_BAD ? -1 : rows[i].now_s - TS);
    }
}

static void forged_and_malformed_tokens_are_bad(void **state)
{
    static const char *const rows[] = {
        "",
        ".",
        "1700000000",
        "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ",
        "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ.",
        "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ.1700000001",
        "Tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ.1700000000",
        "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ=.1700000000",
        VECTOR ".1",
        ("." VECTOR),
        "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ.+1700000000",
        "tm3-oH0SyRROr7J1nngvLQ9dJHNtm3FDnSusfcJ2sCQ.99999999999999999999",
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(verify_at(rows[i], TS, NULL), TOKEN_BAD);
}

static void the_strings_signed_are_case_sensitive_and_secrets_are_needed(void **state)
{
    struct token_subject upper = { who.client, SLICE("AA:BB:CC:DD:EE:FF") };
    struct token_clock now = { TS, 3600 };
    assert_int_equal(token_verify(SLICE(VECTOR), SECRET, &upper, &now, NULL), TOKEN_BAD);
    assert_int_equal(token_verify(SLICE(VECTOR), SLICE("other"), &who, &now, NULL), TOKEN_BAD);
    assert_int_equal(token_verify(SLICE(VECTOR), SLICE(""), &who, &now, NULL), TOKEN_BAD);
}

static void the_bearer_form_is_recognised(void **state)
{
    struct slice token;
    assert_true(token_bearer(SLICE("Bearer abc"), &token));
    assert_slice_is(token, "abc");
    assert_true(token_bearer(SLICE(" bearer   a b "), &token));
    assert_slice_is(token, "a b");
    assert_false(token_bearer(SLICE("Bearer "), &token));
    assert_false(token_bearer(SLICE("Basic abc"), &token));
    assert_false(token_bearer(SLICE("abc"), &token));
    assert_false(token_bearer(SLICE(""), &token));
}

static void the_mqtt_password_matches_its_vector(void **state)
{
    auto_buf struct buf out = { 0 };
    mqtt_password(&out, SLICE("TestKey1"), SLICE("GID_lichuang-dev@@@aa_bb_cc_dd_ee_ff@@@aa_bb_cc_dd_ee_ff"),
                  SLICE("eyJpcCI6ICJ1bmtub3duIn0="));
    assert_string_equal(out.data, "5BsUny/UBhoQxar0gm26U2GRJVslS/FReIYWq3FxBgw=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minting_gives_the_vector),
        cmocka_unit_test(age_decides_over_a_good_signature),
        cmocka_unit_test(forged_and_malformed_tokens_are_bad),
        cmocka_unit_test(the_strings_signed_are_case_sensitive_and_secrets_are_needed),
        cmocka_unit_test(the_bearer_form_is_recognised),
        cmocka_unit_test(the_mqtt_password_matches_its_vector),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
