/* SPDX-License-Identifier: MIT
 * Digests, base64, randomness, clocks. */
#include "base/crypto.h"

#include "base/clock.h"
#include "base/rand.h"
#include "tests/support/test.h"

static void assert_hex(const uint8_t *data, size_t bytes, const char *wanted)
{
    char hex[65];
    hex_encode(data, bytes, hex);
    assert_string_equal(hex, wanted);
}

static void digests_agree_with_published_vectors(void **state)
{
    uint8_t out[32];
    sha1(SLICE("abc"), out);
    assert_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    sha256(SLICE("abc"), out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256((struct slice){ 0 }, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void hex_is_decoded_whole_or_not_at_all(void **state)
{
    uint8_t out[3] = { 9, 9, 9 };
    assert_true(hex_decode(SLICE("00fFa1"), out, 3));
    assert_memory_equal(out, "\x00\xff\xa1", 3);
    assert_false(hex_decode(SLICE("00ff"), out, 3));
    assert_false(hex_decode(SLICE("00ffgg"), out, 3));
    assert_memory_equal(out, "\x00\xff\xa1", 3);
}

static void base64_of_every_length_comes_back(void **state)
{
    uint8_t data[70];
    rand_bytes(data, sizeof(data));
    for (size_t len = 0; len <= sizeof(data); len++) {
        auto_buf struct buf plain = { 0 }, url = { 0 }, back = { 0 };
        base64_put(&plain, slice_from(data, len));
        base64url_put(&url, slice_from(data, len));
        assert_int_equal(plain.len % 4, 0);
        assert_true(base64_get(&back, buf_slice(&plain)));
        assert_int_equal(back.len, len);
        assert_memory_equal(back.data, data, len);
        buf_clear(&back);
        assert_true(base64_get(&back, buf_slice(&url)));
        assert_int_equal(back.len, len);
        assert_memory_equal(back.data, data, len);
    }
}

static void bad_base64_is_refused(void **state)
{
    static const char *const rows[] = { "A", "AA=", "A===", "AAAA=", "AA==AA==", "A A=", "AA\n=", "AB==", "AAB=",
                                        "AA*A", "====" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf out = { 0 };
        if (base64_get(&out, slice_of(rows[i])))
            fail_msg("%s was taken", rows[i]);
        assert_int_equal(out.len, 0);
    }
    auto_buf struct buf small = { .max = 4 };
    assert_false(base64_get(&small, SLICE("AAAAAAAAAAAA")));
}

static void secrets_are_compared(void **state)
{
    assert_true(same_secret(SLICE("abc"), SLICE("abc")));
    assert_true(same_secret((struct slice){ 0 }, SLICE("")));
    assert_false(same_secret(SLICE("abc"), SLICE("abd")));
    assert_false(same_secret(SLICE("abc"), SLICE("ab")));
}

static void a_uuid_is_of_version_4(void **state)
{
    char a[UUID_TEXT], b[UUID_TEXT];
    rand_uuid(a);
    rand_uuid(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
}

static void random_numbers_stay_below_their_limit(void **state)
{
    bool seen[7] = { 0 };
    for (int i = 0; i < 2000; i++) {
        uint32_t n = rand_below(7);
        assert_true(n < 7);
        seen[n] = true;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_true(seen[i]);
    assert_int_equal(rand_below(1), 0);
}

static void moments_are_written_as_text(void **state)
{
    char text[20], iso[25];
    clock_text(0, 0, text);
    assert_string_equal(text, "1970-01-01 00:00:00");
    clock_text(1769903999123, 8 * 60, text);
    assert_string_equal(text, "2026-02-01 07:59:59");
    clock_iso(1769903999123, iso);
    assert_string_equal(iso, "2026-01-31T23:59:59.123Z");
    clock_iso(INT64_MAX, iso);
    assert_string_equal(iso, "9999-12-31T23:59:59.999Z");
    clock_iso(-5, iso);
    assert_string_equal(iso, "1970-01-01T00:00:00.000Z");
}

static void clocks_go_forward(void **state)
{
    uint64_t before = clock_mono_us(), cpu = clock_thread_cpu_us();
    for (volatile int i = 0; i < 100000; i = i + 1)
        ;
    assert_true(clock_mono_us() >= before);
    assert_true(clock_thread_cpu_us() >= cpu);
    assert_true(clock_wall_ms() > 1600000000000);
    assert_in_range(clock_zone_offset_minutes() + 12 * 60, 0, 26 * 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_agree_with_published_vectors),
        cmocka_unit_test(hex_is_decoded_whole_or_not_at_all),
        cmocka_unit_test(base64_of_every_length_comes_back),
        cmocka_unit_test(bad_base64_is_refused),
        cmocka_unit_test(secrets_are_compared),
        cmocka_unit_test(a_uuid_is_of_version_4),
        cmocka_unit_test(random_numbers_stay_below_their_limit),
        cmocka_unit_test(moments_are_written_as_text),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
