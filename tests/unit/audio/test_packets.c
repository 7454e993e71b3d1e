/* SPDX-License-Identifier: MIT
 * test_packets.c -- packets kept in order and in bounds: lists, utterances with pre-roll, clips. */
#include "tests/support/test.h"

#include <stdio.h>

#include "audio/clip.h"
#include "audio/utterance.h"
#include "base/mem.h"

/* The nth packet: n as text, then n % 97 bytes of it. */
static struct slice packet(unsigned n)
{
    static char bytes[256];
    int len = snprintf(bytes, sizeof(bytes), "%u:", n);
    memset(bytes + len, (int)('a' + n % 26), n % 97);
    return slice_from(bytes, (size_t)len + n % 97);
}

static void packets_leave_in_the_order_they_came(void **state)
{
    struct packets p;
    unsigned in = 0, out = 0;
    packets_init(&p, 1 << 20);
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < round % 13; i++)
            assert_ok(packets_put(&p, packet(in++), 60000));
        for (unsigned i = 0; i < round % 11 && packets_count(&p); i++, out++) {
            uint32_t us;
            struct slice got = packets_at(&p, 0, &us), want = packet(out);
            assert_int_equal(us, 60000);
            assert_true(slice_eq(got, want));
            packets_shift(&p);
        }
        assert_int_equal(packets_count(&p), in - out);
        assert_int_equal(p.duration_us, (uint64_t)(in - out) * 60000);
        for (size_t i = 0; i < packets_count(&p); i++)
            assert_true(slice_eq(packets_at(&p, i, NULL), packet(out + (unsigned)i)));
    }
    packets_shift(&p);
    packets_clear(&p);
    packets_shift(&p); /* of nothing: nothing */
    assert_int_equal(packets_count(&p), 0);
    packets_done(&p);
}

static void a_list_that_slides_for_ever_stays_small(void **state)
{
    struct packets p;
    packets_init(&p, 1 << 20);
    for (unsigned i = 0; i < 20000; i++) {
        assert_ok(packets_put(&p, packet(i), 60000));
        if (packets_count(&p) > 10)
            packets_shift(&p);
    }
    assert_true(packets_memory(&p) < 16384);
    packets_done(&p);
}

static void the_limit_holds_and_nothing_changes_at_it(void **state)
{
    struct packets p;
    packets_init(&p, 1000);
    unsigned n = 0;
    while (packets_put(&p, packet(50), 60000) == OK)
        n++;
    assert_int_equal(n, 1000 / (packet(50).len + sizeof(struct packet_entry)));
    assert_int_equal(packets_count(&p), n);
    char big[2000] = { 0 };
    assert_int_equal(packets_put(&p, slice_from(big, sizeof(big)), 1), ERR_LIMIT);
    packets_done(&p);

    packets_init(&p, 1 << 20);
    for (unsigned fail = 1; fail <= 2; fail++) {
        mem_fail_nth(fail);
        assert_int_equal(packets_put(&p, packet(1), 60000), ERR_NO_MEMORY);
        assert_int_equal(packets_count(&p), 0);
        packets_done(&p);
    }
    mem_fail_nth(0);
    packets_done(&p);
}

static void before_voice_only_the_preroll_stays(void **state)
{
    struct utterance u;
    utterance_init(&u, UTTERANCE_PREROLL_US, 60000000, 1 << 20);
    for (unsigned i = 0; i < 100; i++)
        assert_ok(utterance_put(&u, packet(i), 60000));
    assert_int_equal(utterance_us(&u), 600000);
    assert_int_equal(packets_count(&u.packets), 10);
    assert_true(slice_eq(packets_at(&u.packets, 0, NULL), packet(90)));

    utterance_voice(&u);
    for (unsigned i = 100; i < 150; i++)
        assert_ok(utterance_put(&u, packet(i), 60000));
    assert_int_equal(packets_count(&u.packets), 60);
    assert_true(slice_eq(packets_at(&u.packets, 0, NULL), packet(90)));
    utterance_clear(&u);
    assert_int_equal(utterance_us(&u), 0);
    assert_false(u.has_voice);
    utterance_done(&u);
}

static void an_utterance_ends_at_its_limits(void **state)
{
    struct utterance u;
    utterance_init(&u, UTTERANCE_PREROLL_US, 6000000, 1 << 20);
    utterance_voice(&u);
    for (unsigned i = 0; i < 100; i++)
        assert_ok(utterance_put(&u, packet(i), 60000));
    assert_int_equal(utterance_put(&u, packet(1), 60000), ERR_LIMIT);
    assert_int_equal(packets_count(&u.packets), 100);
    utterance_done(&u);

    utterance_init(&u, UTTERANCE_PREROLL_US, 6000000, 500); /* bytes: the pre-roll gets shorter */
    for (unsigned i = 0; i < 100; i++)
        assert_ok(utterance_put(&u, packet(90), 60000));
    assert_true(packets_count(&u.packets) >= 3);
    char big[600] = { 0 };
    assert_int_equal(utterance_put(&u, slice_from(big, sizeof(big)), 60000), ERR_LIMIT);
    utterance_voice(&u);
    while (utterance_put(&u, packet(3), 60000) == OK)
        continue;
    assert_true(packets_count(&u.packets) > 0);
    utterance_done(&u);
}

static struct clip *new_clip(unsigned packets)
{
    struct packets p;
    struct clip *c = NULL;
    packets_init(&p, 1 << 20);
    for (unsigned i = 0; i < packets; i++)
        assert_ok(packets_put(&p, packet(i), 60000));
    assert_ok(clip_create(&c, &p));
    packets_done(&p);
    return c;
}

static struct clip_key key(const char *text, const char *voice, uint32_t rate_hz)
{
    return (struct clip_key){ slice_of(text), slice_of(voice), rate_hz, 60000 };
}

static void a_clip_is_found_by_all_that_shaped_it(void **state)
{
    struct clip_cache *cache = NULL;
    clip_cache_create(&cache, 100000);
    struct clip *c = new_clip(5);
    struct clip_key k = key("hello", "slt", 24000);
    assert_null(clip_cache_get(cache, &k));
    clip_cache_put(cache, &k, c);
    clip_unref(c);
    struct clip *got = clip_cache_get(cache, &k);
    assert_non_null(got);
    assert_int_equal(clip_count(got), 5);
    assert_int_equal(clip_us(got), 300000);
    uint32_t us;
    assert_true(slice_eq(clip_at(got, 3, &us), packet(3)));

    const struct clip_key others[] = { key("hello", "slt", 16000), key("hello", "kal", 24000),
                                       key("Hello", "slt", 24000), key("thello", "sl", 24000),
                                       key("ello", "slth", 24000) };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_null(clip_cache_get(cache, &others[i]));
    clip_cache_free(cache);
    assert_int_equal(clip_count(got), 5); /* ours still */
    clip_unref(got);
}

static void the_least_used_clips_go_first(void **state)
{
    struct clip_cache *cache = NULL;
    clip_cache_create(&cache, 40000);
    char text[16];
    for (unsigned i = 0; i < 50; i++) {
        struct clip *c = new_clip(40);
        struct clip_key first = key("0", "v", 24000);
        snprintf(text, sizeof(text), "%u", i);
        struct clip_key k = key(text, "v", 24000);
        clip_cache_put(cache, &k, c);
        clip_unref(c);
        c = clip_cache_get(cache, &first); /* used all the time */
        assert_non_null(c);
        clip_unref(c);
        assert_true(clip_cache_bytes(cache) <= 40000);
    }
    size_t count = clip_cache_count(cache);
    assert_in_range(count, 4, 20);
    struct clip_key second = key("1", "v", 24000), last = key("49", "v", 24000);
    assert_null(clip_cache_get(cache, &second));
    struct clip *c = clip_cache_get(cache, &last);
    clip_cache_put(cache, &last, c); /* again: replaced, not doubled */
    clip_unref(c);
    assert_int_equal(clip_cache_count(cache), count);

    c = new_clip(400); /* a quarter of the cache and more is not kept */
    struct clip_key big = key("big", "v", 24000);
    clip_cache_put(cache, &big, c);
    clip_unref(c);
    assert_null(clip_cache_get(cache, &big));
    clip_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_leave_in_the_order_they_came),
        cmocka_unit_test(a_list_that_slides_for_ever_stays_small),
        cmocka_unit_test(the_limit_holds_and_nothing_changes_at_it),
        cmocka_unit_test(before_voice_only_the_preroll_stays),
        cmocka_unit_test(an_utterance_ends_at_its_limits),
        cmocka_unit_test(a_clip_is_found_by_all_that_shaped_it),
        cmocka_unit_test(the_least_used_clips_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
