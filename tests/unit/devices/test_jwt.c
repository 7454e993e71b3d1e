/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "base/mem.h"
#include "devices/jwt.h"
#include "tests/support/jwt_make.h"

#define NOW 1700000000
#define HS "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct jwt_rules rules(void)
{
    return (struct jwt_rules){ .secret = SLICE("key"), .has_hs256 = true, .now_s = NOW };
}

static void claims_are_judged(void **state)
{
    static const struct {
        const char *claims;
        enum err want;
    } rows[] = {
        { "{\"sub\":\"dev-1\"}", OK },
        { "{\"sub\":\"dev-1\",\"exp\":1700000001}", OK },
        { "{\"sub\":\"dev-1\",\"exp\":1699999971}", OK }, /* 29 s ago: skew */
        { "{\"sub\":\"dev-1\",\"exp\":1699999969}", ERR_AUTH },
        { "{\"sub\":\"dev-1\",\"exp\":0}", ERR_AUTH },
        { "{\"sub\":\"dev-1\",\"exp\":\"soon\"}", ERR_AUTH },
        { "{\"sub\":\"dev-1\",\"nbf\":1700000030}", OK },
        { "{\"sub\":\"dev-1\",\"nbf\":1700000031}", ERR_AUTH },
        { "{\"sub\":\"other\"}", ERR_AUTH },
        { "{\"sub\":\"\"}", ERR_AUTH },
        { "{}", ERR_AUTH },
        { "{\"sub\":5}", ERR_AUTH },
        { "{\"sub\":\"dev-00000000000000000000000000000000000000000000000000000000000000000\"}", ERR_AUTH },
        { "[]", ERR_PROTO },
        { "nonsense", ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf token = { 0 };
        jwt_make_hs256(&token, HS, rows[i].claims, "key");
        struct jwt_rules r = rules();
        r.sub_prefix = SLICE("dev-");
        struct jwt_claims c;
        enum err e = jwt_check(buf_slice(&token), &r, &c);
        if (e != rows[i].want)
            fail_msg("%s: %s", rows[i].claims, err_name(e));
    }
}

static void audience_and_issuer_must_fit(void **state)
{
    static const struct {
        const char *claims;
        enum err want;
    } rows[] = {
        { "{\"sub\":\"d\",\"aud\":\"parley\",\"iss\":\"me\"}", OK },
        { "{\"sub\":\"d\",\"aud\":[\"x\",\"parley\"],\"iss\":\"me\"}", OK },
        { "{\"sub\":\"d\",\"aud\":[\"x\"],\"iss\":\"me\"}", ERR_AUTH },
        { "{\"sub\":\"d\",\"iss\":\"me\"}", ERR_AUTH },
        { "{\"sub\":\"d\",\"aud\":\"parley\",\"iss\":\"you\"}", ERR_AUTH },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf token = { 0 };
        jwt_make_hs256(&token, HS, rows[i].claims, "key");
        struct jwt_rules r = rules();
        r.audience = SLICE("parley");
        r.issuer = SLICE("me");
        struct jwt_claims c;
        assert_int_equal(jwt_check(buf_slice(&token), &r, &c), rows[i].want);
    }
}

static void algorithms_not_allowed_are_refused(void **state)
{
    static const char *const headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"HS512\"}", "{\"alg\":\"hs256\"}",
                                           "{\"alg\":\"RS256\"}", "{}", "{\"alg\":\"HS256\",\"crit\":[\"x\"]}" };
    for (size_t i = 0; i < COUNT(headers); i++) {
        auto_buf struct buf token = { 0 };
        jwt_make_hs256(&token, headers[i], "{\"sub\":\"d\"}", "key");
        struct jwt_rules r = rules();
        struct jwt_claims c;
        assert_int_equal(jwt_check(buf_slice(&token), &r, &c), ERR_AUTH);
    }
    auto_buf struct buf unsigned_token = { 0 };
    jwt_make_hs256(&unsigned_token, "{\"alg\":\"none\"}", "{\"sub\":\"d\"}", "key");
    char *dot = strrchr(unsigned_token.data, '.');
    struct jwt_rules r = rules();
    struct jwt_claims c;
    assert_int_equal(jwt_check(slice_from(unsigned_token.data, (size_t)(dot + 1 - unsigned_token.data)), &r, &c),
                     ERR_AUTH);
}

static void a_public_key_is_never_a_secret(void **state)
{
    auto_buf struct buf token = { 0 }, forged = { 0 };
    char *pem = NULL, *again = NULL;
    jwt_make_rs256(&token, "{\"alg\":\"RS256\"}", "{\"sub\":\"d\",\"device_id\":\"AA\"}", &pem);
    jwt_make_hs256(&forged, HS, "{\"sub\":\"d\"}", pem);
    struct jwt_rules r = { .public_key = slice_of(pem), .has_rs256 = true, .has_hs256 = true, .now_s = NOW };
    struct jwt_claims c;
    assert_ok(jwt_check(buf_slice(&token), &r, &c));
    assert_string_equal(c.sub, "d");
    assert_string_equal(c.device, "AA");
    assert_int_equal(jwt_check(buf_slice(&forged), &r, &c), ERR_AUTH);
    r.has_rs256 = false;
    assert_int_equal(jwt_check(buf_slice(&token), &r, &c), ERR_AUTH);
    r = (struct jwt_rules){ .public_key = SLICE("no key at all"), .has_rs256 = true, .now_s = NOW };
    assert_int_equal(jwt_check(buf_slice(&token), &r, &c), ERR_AUTH);
    mem_free(pem);
    mem_free(again);
}

static void a_token_changed_at_any_byte_is_refused(void **state)
{
    auto_buf struct buf token = { 0 };
    jwt_make_hs256(&token, HS, "{\"sub\":\"d\"}", "key");
    struct jwt_rules r = rules();
    struct jwt_claims c;
    assert_ok(jwt_check(buf_slice(&token), &r, &c));
    for (size_t i = 0; i + 1 < token.len; i++) { /* the last character has bits that mean nothing */
        char was = token.data[i];
        token.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(jwt_check(buf_slice(&token), &r, &c), OK);
        token.data[i] = was;
    }
    for (size_t n = 0; n < token.len - 1; n++)
        assert_int_not_equal(jwt_check(slice_from(token.data, n), &r, &c), OK);
}

static void what_is_no_jwt_is_said_so(void **state)
{
    static const char *const rows[] = { "", "a", "a.b", "..", "a.b.c.d", "sig.1700000000", "!!.!!.!!" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwt_rules r = rules();
        struct jwt_claims c;
        assert_int_equal(jwt_check(slice_of(rows[i]), &r, &c), ERR_PROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_judged),
        cmocka_unit_test(audience_and_issuer_must_fit),
        cmocka_unit_test(algorithms_not_allowed_are_refused),
        cmocka_unit_test(a_public_key_is_never_a_secret),
        cmocka_unit_test(a_token_changed_at_any_byte_is_refused),
        cmocka_unit_test(what_is_no_jwt_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
