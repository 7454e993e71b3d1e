/* SPDX-License-Identifier: MIT
 * test_framing.c -- the three framings, byte by byte. */
#include "protocol/framing.h"
#include "tests/support/test.h"

static void the_gateway_leg_wins_then_hello_then_the_header(void **state)
{
    static const struct {
        bool is_gateway;
        int64_t hello, header;
        enum framing want;
    } rows[] = {
        { false, 0, 0, FRAMING_V1 }, { false, 0, 3, FRAMING_V3 },  { false, 2, 3, FRAMING_V2 },
        { false, 4, 2, FRAMING_V2 }, { false, -1, 9, FRAMING_V1 }, { true, 1, 3, FRAMING_V2 },
        { false, 3, 0, FRAMING_V3 }, { false, INT64_MAX, INT64_MIN, FRAMING_V1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(framing_pick(rows[i].is_gateway, rows[i].hello, rows[i].header), rows[i].want);
}

static void headers_are_written_byte_by_byte(void **state)
{
    static const uint8_t v2[16] = { 0, 2, 0, 0, 0, 0, 0, 0, 0x01, 0x02, 0x03, 0x04, 0, 0, 0x01, 0x2c };
    static const uint8_t v3[4] = { 0, 0, 0x01, 0x2c };
    uint8_t out[FRAMING_HEADER_MAX_BYTES];

    assert_int_equal(framing_encode(FRAMING_V1, out, 300, 0x01020304), 0);
    memset(out, 0xff, sizeof(out));
    assert_int_equal(framing_encode(FRAMING_V2, out, 300, 0x01020304), 16);
    assert_memory_equal(out, v2, 16);
    memset(out, 0xff, sizeof(out));
    assert_int_equal(framing_encode(FRAMING_V3, out, 300, 0x01020304), 4);
    assert_memory_equal(out, v3, 4);
}

static void every_framing_reads_what_it_writes(void **state)
{
    for (enum framing f = FRAMING_V1; f <= FRAMING_V3; f++) {
        for (size_t bytes = 0; bytes <= 4096; bytes = bytes * 3 + 1) {
            uint8_t message[FRAMING_HEADER_MAX_BYTES + 4096];
            uint8_t header[FRAMING_HEADER_MAX_BYTES];
            size_t at = framing_encode(f, header, bytes, 77);
            assert_int_equal(at, framing_header_bytes(f));
            memcpy(message, header, at);
            memset(message + at, 0x5a, bytes);
            struct audio_frame frame;
            assert_ok(framing_decode(&frame, f, slice_from(message, at + bytes)));
            assert_int_equal(frame.packet.len, bytes);
            assert_ptr_equal(frame.packet.data, message + at);
            assert_int_equal(frame.timestamp_ms, f == FRAMING_V2 ? 77 : 0);
        }
    }
}

static void the_gateways_header_with_zero_bytes_first_is_read(void **state)
{
    static const char message[] = "\0\0\0\0\0\0\0\0\0\0\x03\xe8\0\0\0\x03pkt";
    struct audio_frame frame;
    assert_ok(framing_decode(&frame, FRAMING_V2, slice_from(message, sizeof(message) - 1)));
    assert_slice_is(frame.packet, "pkt");
    assert_int_equal(frame.timestamp_ms, 1000);
}

static void any_version_and_type_is_accepted_and_bytes_behind_are_ignored(void **state)
{
    static const char v2[] = "\xff\xff\x12\x34\1\2\3\4\0\0\0\0\0\0\0\2pkt";
    static const char v3[] = "\x07\xff\0\1pkt";
    struct audio_frame frame;
    assert_ok(framing_decode(&frame, FRAMING_V2, slice_from(v2, sizeof(v2) - 1)));
    assert_slice_is(frame.packet, "pk");
    assert_ok(framing_decode(&frame, FRAMING_V3, slice_from(v3, sizeof(v3) - 1)));
    assert_slice_is(frame.packet, "p");
}

static void lengths_beyond_the_message_are_refused(void **state)
{
    static const struct {
        enum framing f;
        const char *bytes;
        size_t len;
    } rows[] = {
        { FRAMING_V2, "", 0 },
        { FRAMING_V2, "\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0", 15 },
        { FRAMING_V2, "\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
        { FRAMING_V2, "\0\2\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff" "abc", 19 },
        { FRAMING_V3, "", 0 },
        { FRAMING_V3, "\0\0\0", 3 },
        { FRAMING_V3, "\0\0\0\1", 4 },
        { FRAMING_V3, "\0\0\xff\xff" "abc", 7 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct audio_frame frame = { .timestamp_ms = 42 };
        assert_int_equal(framing_decode(&frame, rows[i].f, slice_from(rows[i].bytes, rows[i].len)), ERR_PROTO);
        assert_int_equal(frame.timestamp_ms, 42); /* untouched */
    }
}

static void a_payload_of_zero_bytes_is_no_error(void **state)
{
    struct audio_frame frame;
    assert_ok(framing_decode(&frame, FRAMING_V3, slice_from("\0\0\0\0", 4)));
    assert_int_equal(frame.packet.len, 0);
    assert_ok(framing_decode(&frame, FRAMING_V1, (struct slice){ 0 }));
    assert_int_equal(frame.packet.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gateway_leg_wins_then_hello_then_the_header),
        cmocka_unit_test(headers_are_written_byte_by_byte),
        cmocka_unit_test(every_framing_reads_what_it_writes),
        cmocka_unit_test(the_gateways_header_with_zero_bytes_first_is_read),
        cmocka_unit_test(any_version_and_type_is_accepted_and_bytes_behind_are_ignored),
        cmocka_unit_test(lengths_beyond_the_message_are_refused),
        cmocka_unit_test(a_payload_of_zero_bytes_is_no_error),
    };
    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
