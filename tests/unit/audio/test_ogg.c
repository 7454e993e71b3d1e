/* SPDX-License-Identifier: MIT
 * test_ogg.c -- Ogg Opus written and read back, in pieces, broken, foreign. */
#include "tests/support/test.h"

#include "audio/ogg.h"

static struct slice packet(unsigned n, size_t len)
{
    static char bytes[PACKET_BYTES_MAX + 1];
    memset(bytes, (int)(n % 251), sizeof(bytes));
    bytes[0] = 0x58;
    return slice_from(bytes, len);
}

static size_t length_of(unsigned n)
{
    static const size_t lengths[] = { 1, 100, 254, 255, 256, 509, 510, 511, 1950, PACKET_BYTES_MAX };
    return lengths[n % COUNT(lengths)];
}

static void write_file(struct buf *out, unsigned packets)
{
    struct ogg_writer w;
    ogg_writer_init(&w, 77, 16000);
    for (unsigned i = 0; i < packets; i++)
        assert_ok(ogg_put(&w, packet(i, length_of(i)), 60000, out));
    assert_ok(ogg_finish(&w, out));
    ogg_writer_done(&w);
}

static unsigned read_file(struct slice file, size_t piece)
{
    struct ogg_reader r;
    unsigned count = 0;
    ogg_reader_init(&r);
    for (size_t at = 0; at < file.len; at += piece) {
        struct slice in = slice_sub(file, at, piece), got;
        for (;;) {
            assert_ok(ogg_next(&r, &in, &got));
            if (!got.len)
                break;
            assert_true(slice_eq(got, packet(count, length_of(count))));
            count++;
        }
        assert_int_equal(in.len, 0);
    }
    assert_int_equal(r.channels, 1);
    assert_int_equal(r.preskip, 312);
    ogg_reader_done(&r);
    return count;
}

static void packets_come_back_whatever_the_pieces(void **state)
{
    static const size_t pieces[] = { 1, 26, 27, 28, 100, 4096, 1 << 20 };
    auto_buf struct buf file = { 0 };
    write_file(&file, 200);
    for (size_t i = 0; i < COUNT(pieces); i++)
        assert_int_equal(read_file(buf_slice(&file), pieces[i]), 200);
}

static void pages_are_short_and_numbered_and_the_last_says_so(void **state)
{
    auto_buf struct buf file = { 0 };
    write_file(&file, 100);
    struct slice s = buf_slice(&file);
    unsigned pages = 0;
    uint64_t last_granule = 0;
    while (s.len) {
        assert_memory_equal(s.data, "OggS", 4);
        unsigned flags = (uint8_t)s.data[5], laces = (uint8_t)s.data[26];
        uint64_t granule;
        uint32_t sequence;
        memcpy(&granule, s.data + 6, 8);
        memcpy(&sequence, s.data + 18, 4);
        assert_int_equal(sequence, pages);
        assert_int_equal(flags & 2, pages == 0 ? 2 : 0);
        assert_true(granule - last_granule <= 48000 || pages == 2);
        size_t len = 27 + laces;
        for (unsigned i = 0; i < laces; i++)
            len += (uint8_t)s.data[27 + i];
        s = slice_sub(s, len, s.len);
        assert_int_equal((flags & 4) != 0, s.len == 0);
        last_granule = granule;
        pages++;
    }
    assert_int_equal(last_granule, 312 + 100 * 2880);
}

static void limits_of_the_writer(void **state)
{
    auto_buf struct buf file = { 0 }, small = { .max = 100 };
    struct ogg_writer w;
    ogg_writer_init(&w, 1, 16000);
    assert_int_equal(ogg_put(&w, SLICE(""), 60000, &file), ERR_INVALID);
    assert_int_equal(ogg_put(&w, packet(1, PACKET_BYTES_MAX + 1), 60000, &file), ERR_INVALID);
    assert_ok(ogg_finish(&w, &file)); /* a file of nothing */
    assert_int_equal(read_file(buf_slice(&file), 1000), 0);
    ogg_writer_done(&w);

    struct packets p;
    packets_init(&p, 100000);
    assert_ok(packets_put(&p, packet(0, length_of(0)), 60000));
    assert_ok(packets_put(&p, packet(1, length_of(1)), 60000));
    assert_int_equal(ogg_write(&p, 16000, &small), ERR_LIMIT);
    buf_clear(&file);
    assert_ok(ogg_write(&p, 16000, &file));
    assert_int_equal(read_file(buf_slice(&file), 10), 2);
    packets_done(&p);
}

static enum err read_all(struct slice in, unsigned *count)
{
    struct ogg_reader r;
    struct slice got;
    enum err e;
    *count = 0;
    ogg_reader_init(&r);
    while ((e = ogg_next(&r, &in, &got)) == OK && got.len)
        ++*count;
    ogg_reader_done(&r);
    return e;
}

static void a_broken_file_is_an_error_not_a_guess(void **state)
{
    auto_buf struct buf file = { 0 };
    unsigned count;
    write_file(&file, 30);
    assert_int_equal(read_all(SLICE("RIFFxxxxWAVE"), &count), ERR_PROTO);
    assert_int_equal(read_all(SLICE("{\"error\":\"no such voice\"}"), &count), ERR_PROTO);
    for (size_t at = 0; at < 400; at++) {
        file.data[at] ^= 0x20;
        enum err e = read_all(buf_slice(&file), &count);
        assert_true(e == ERR_PROTO || (e == OK && count == 0)); /* a length grew: the page never ends */
        file.data[at] ^= 0x20;
    }
    assert_ok(read_all(slice_sub(buf_slice(&file), 0, file.len - 1), &count)); /* the last page is missing */
    assert_true(count < 30);
}

static void streams_may_follow_each_other_and_others_stand_between(void **state)
{
    auto_buf struct buf one = { 0 }, two = { 0 };
    struct ogg_writer w;
    unsigned count;
    write_file(&one, 10);
    ogg_writer_init(&w, 78, 24000);
    assert_ok(ogg_put(&w, packet(0, 10), 20000, &two));
    assert_ok(ogg_finish(&w, &two));
    ogg_writer_done(&w);
    buf_put(&one, buf_slice(&two));
    assert_ok(read_all(buf_slice(&one), &count));
    assert_int_equal(count, 11);
}

static void what_waits_can_be_had_at_once(void **state)
{
    auto_buf struct buf file = { 0 };
    struct ogg_writer w;
    unsigned count;
    ogg_writer_init(&w, 78, 24000);
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(ogg_put(&w, packet(i, 10), 20000, &file));
        assert_ok(ogg_flush(&w, &file));
        assert_ok(ogg_flush(&w, &file)); /* nothing waits: no page */
        assert_ok(read_all(buf_slice(&file), &count));
        assert_int_equal(count, i + 1);
    }
    assert_ok(ogg_finish(&w, &file));
    ogg_writer_done(&w);
    assert_ok(read_all(buf_slice(&file), &count));
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_back_whatever_the_pieces),
        cmocka_unit_test(what_waits_can_be_had_at_once),
        cmocka_unit_test(pages_are_short_and_numbered_and_the_last_says_so),
        cmocka_unit_test(limits_of_the_writer),
        cmocka_unit_test(a_broken_file_is_an_error_not_a_guess),
        cmocka_unit_test(streams_may_follow_each_other_and_others_stand_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
