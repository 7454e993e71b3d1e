/* SPDX-License-Identifier: MIT
 * test_wav.c -- WAVE files: written and read back, every encoding, streamed headers, broken ones. */
#include "tests/support/test.h"

#include "audio/wav.h"

static void put_le(struct buf *b, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_put_byte(b, (char)(uint8_t)(value >> (8 * i)));
}

static void head(struct buf *b, unsigned tag, unsigned channels, unsigned bits, uint32_t data_bytes)
{
    buf_puts(b, "RIFF");
    put_le(b, 0, 4);
    buf_puts(b, "WAVELIST");
    put_le(b, 3, 4);
    buf_put(b, slice_from("abc\0", 4)); /* odd: padded */
    buf_puts(b, "fmt ");
    put_le(b, tag == 0xfffe ? 40 : 16, 4);
    put_le(b, tag, 2);
    put_le(b, channels, 2);
    put_le(b, 8000, 4);
    put_le(b, 8000 * channels * bits / 8, 4);
    put_le(b, channels * bits / 8, 2);
    put_le(b, bits, 2);
    if (tag == 0xfffe) {
        put_le(b, 22, 2);
        put_le(b, bits, 2);
        put_le(b, 0, 4);
        put_le(b, 1, 2);
        buf_put(b, slice_from("\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 14));
    }
    buf_puts(b, "data");
    put_le(b, data_bytes, 4);
}

static enum err read_all(struct slice file, size_t piece, int16_t *out, size_t *count, struct wav_reader *r)
{
    wav_reader_init(r);
    *count = 0;
    for (size_t at = 0; at < file.len; at += piece) {
        struct slice in = slice_sub(file, at, piece);
        for (;;) {
            struct pcm pcm;
            enum err e = wav_next(r, &in, &pcm);
            if (e)
                return e;
            if (!pcm.count)
                break;
            memcpy(out + *count, pcm.samples, pcm.count * sizeof(int16_t));
            *count += pcm.count;
        }
        assert_int_equal(in.len, 0);
    }
    return OK;
}

static void what_is_written_is_read_whatever_the_pieces(void **state)
{
    static const size_t pieces[] = { 1, 3, 43, 44, 45, 1000, 100000 };
    static int16_t in[5000], out[5000];
    auto_buf struct buf file = { 0 };
    struct wav_reader r;
    size_t count;
    for (size_t i = 0; i < COUNT(in); i++)
        in[i] = (int16_t)(i * 13);
    assert_ok(wav_write(&file, (struct pcm){ in, COUNT(in) }, 24000));
    assert_int_equal(file.len, WAV_HEADER_BYTES + sizeof(in));
    for (size_t i = 0; i < COUNT(pieces); i++) {
        assert_ok(read_all(buf_slice(&file), pieces[i], out, &count, &r));
        assert_int_equal(count, COUNT(in));
        assert_memory_equal(in, out, sizeof(in));
        assert_int_equal(r.rate_hz, 24000);
        assert_true(wav_is_complete(&r));
    }
}

static void every_encoding_becomes_mono_16_bit(void **state)
{
    const float half = 0.5f, over = 9, not_a_number = __builtin_nanf("");
    uint32_t half_bits, over_bits, nan_bits;
    memcpy(&half_bits, &half, 4);
    memcpy(&over_bits, &over, 4);
    memcpy(&nan_bits, &not_a_number, 4);
    const struct {
        unsigned tag, channels, bits;
        uint32_t values[4];
        int16_t expected[4];
        size_t count;
    } rows[] = {
        { 1, 1, 8, { 128, 0, 255, 192 }, { 0, -32768, 32512, 16384 }, 4 },
        { 1, 1, 16, { 1, 0xffff, 0x8000, 0x7fff }, { 1, -1, -32768, 32767 }, 4 },
        { 1, 1, 24, { 0x123456, 0xffff00, 0x7fffff, 0 }, { 0x1234, -1, 32767, 0 }, 4 },
        { 1, 1, 32, { 0x12345678, 0xffff0000, 0, 0 }, { 0x1234, -1, 0, 0 }, 4 },
        { 3, 1, 32, { half_bits, over_bits, nan_bits, 0 }, { 16384, 32767, 0, 0 }, 4 },
        { 1, 2, 16, { 100, 200, 0xffff, 1 }, { 150, 0 }, 2 },
        { 0xfffe, 1, 16, { 5, 6, 7, 8 }, { 5, 6, 7, 8 }, 4 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf file = { 0 };
        int16_t out[16];
        size_t count;
        struct wav_reader r;
        head(&file, rows[i].tag, rows[i].channels, rows[i].bits, 4 * rows[i].bits / 8);
        for (size_t n = 0; n < 4; n++)
            put_le(&file, rows[i].values[n], rows[i].bits / 8);
        buf_puts(&file, "LISTjunk after the data");
        for (size_t piece = 1; piece < 8; piece += 2) {
            assert_ok(read_all(buf_slice(&file), piece, out, &count, &r));
            assert_int_equal(count, rows[i].count);
            for (size_t n = 0; n < count; n++)
                assert_int_equal(out[n], rows[i].expected[n]);
        }
    }
}

static void a_stream_without_a_length_is_read_to_its_end(void **state)
{
    static const uint32_t sizes[] = { 0, UINT32_MAX, 0x7fffffff };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        auto_buf struct buf file = { 0 };
        int16_t out[16];
        size_t count;
        struct wav_reader r;
        head(&file, 1, 1, 16, sizes[i]);
        buf_puts(&file, "aabbccd");
        assert_ok(read_all(buf_slice(&file), 2, out, &count, &r));
        assert_int_equal(count, 3);
        assert_true(wav_is_complete(&r));
    }
}

static void half_a_sample_at_the_end_is_dropped(void **state)
{
    for (uint32_t bytes = 1; bytes <= 5; bytes++) {
        auto_buf struct buf file = { 0 };
        int16_t out[16];
        size_t count;
        struct wav_reader r;
        head(&file, 1, 1, 16, bytes);
        buf_puts(&file, "aabbcc and more");
        assert_ok(read_all(buf_slice(&file), 1000, out, &count, &r));
        assert_int_equal(count, bytes / 2);
        assert_true(wav_is_complete(&r));
    }
}

static void what_is_not_wave_is_refused(void **state)
{
    static const struct {
        unsigned tag, channels, bits;
    } rows[] = { { 2, 1, 4 }, { 1, 0, 16 }, { 1, 9, 16 }, { 3, 1, 64 }, { 1, 1, 12 }, { 85, 2, 0 } };
    struct wav_reader r;
    int16_t out[16];
    size_t count;
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf file = { 0 };
        head(&file, rows[i].tag, rows[i].channels, rows[i].bits, 4);
        assert_int_equal(read_all(buf_slice(&file), 1000, out, &count, &r), ERR_UNSUPPORTED);
    }
    assert_int_equal(read_all(SLICE("{\"error\":{}}........"), 5, out, &count, &r), ERR_PROTO);
    assert_int_equal(read_all(SLICE("RIFF....WAVEdata\1\0\0\0...."), 5, out, &count, &r), ERR_PROTO);
    assert_int_equal(read_all(SLICE("RIFF....WAVExxxx\xff\xff\xff\xff...."), 5, out, &count, &r), ERR_PROTO);
    assert_int_equal(read_all(SLICE("RIFF....WAVEfmt \x02\0\0\0.."), 5, out, &count, &r), ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_whatever_the_pieces),
        cmocka_unit_test(every_encoding_becomes_mono_16_bit),
        cmocka_unit_test(a_stream_without_a_length_is_read_to_its_end),
        cmocka_unit_test(half_a_sample_at_the_end_is_dropped),
        cmocka_unit_test(what_is_not_wave_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
