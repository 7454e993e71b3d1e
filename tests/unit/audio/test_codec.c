/* SPDX-License-Identifier: MIT
 * test_codec.c -- Opus in and out: every legal form, garbage, joining, memory of nothing. */
#include "tests/support/test.h"

#include <math.h>
#include <opus/opus.h>

#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/energy.h"
#include "audio/repack.h"

static const int16_t *sine(size_t count, double hz, double rate_hz)
{
    static int16_t samples[48000];
    assert_true(count <= COUNT(samples));
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(12000 * sin(2 * M_PI * hz * (double)i / rate_hz));
    return samples;
}

static struct encoder *new_encoder(uint32_t rate_hz, uint32_t frame_us)
{
    struct encoder *e = NULL;
    struct encoder_opts o = { .rate_hz = rate_hz, .frame_us = frame_us, .complexity = -1 };
    assert_ok(encoder_create(&e, &o));
    return e;
}

static void what_is_encoded_comes_back_at_every_rate_and_duration(void **state)
{
    static const uint32_t rates[] = { 8000, 12000, 16000, 24000, 48000 };
    static const uint32_t durations[] = { 2500, 5000, 10000, 20000, 40000, 60000, 80000, 100000, 120000 };
    for (size_t r = 0; r < COUNT(rates); r++) {
        for (size_t f = 0; f < COUNT(durations); f++) {
            struct encoder *e = new_encoder(rates[r], durations[f]);
            struct decoder *d = NULL;
            assert_ok(decoder_create(&d, rates[r]));
            struct pcm frame = { sine(encoder_samples(e), 440, rates[r]), encoder_samples(e) }, out = { 0 };
            assert_int_equal(frame.count, (uint64_t)rates[r] * durations[f] / 1000000);
            for (int i = 0; i < 8; i++) {
                struct slice packet;
                assert_ok(encoder_frame(e, frame, &packet));
                assert_int_equal(packet_duration_us(packet), durations[f]);
                assert_ok(decoder_packet(d, packet, &out));
                assert_int_equal(out.count, frame.count);
            }
            if (durations[f] >= 20000)
                assert_true(fabsf(energy_dbfs(out) - energy_dbfs(frame)) < 3);
            encoder_free(e);
            decoder_free(d);
        }
    }
}

static void illegal_settings_and_frames_are_refused(void **state)
{
    struct encoder *e = NULL;
    struct decoder *d = NULL;
    struct encoder_opts bad_rate = { .rate_hz = 22050, .frame_us = 60000 };
    struct encoder_opts bad_frame = { .rate_hz = 24000, .frame_us = 30000 };
    assert_int_equal(encoder_create(&e, &bad_rate), ERR_UNSUPPORTED);
    assert_int_equal(encoder_create(&e, &bad_frame), ERR_UNSUPPORTED);
    assert_int_equal(decoder_create(&d, 44100), ERR_UNSUPPORTED);
    e = new_encoder(16000, 60000);
    struct slice packet = { 0 };
    assert_int_equal(encoder_frame(e, (struct pcm){ sine(959, 1, 1), 959 }, &packet), ERR_INVALID);
    assert_null(packet.data);
    encoder_free(e);
}

static void a_corrupt_packet_is_counted_and_the_next_one_decodes(void **state)
{
    struct encoder *e = new_encoder(16000, 60000);
    struct decoder *d = NULL;
    assert_ok(decoder_create(&d, 16000));
    char text[48], huge[PACKET_BYTES_MAX + 1] = { 0 };
    memset(text, 0xff, sizeof(text));
    const struct slice bad[] = { { NULL, 0 }, slice_from(text, sizeof(text)), slice_from(huge, sizeof(huge)),
                                 SLICE("\x03"), SLICE("\x03\x31") };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct slice packet;
        struct pcm out = { 0 };
        assert_int_equal(decoder_packet(d, bad[i], &out), ERR_PROTO);
        assert_null(out.samples);
        assert_ok(encoder_frame(e, (struct pcm){ sine(960, 300, 16000), 960 }, &packet));
        assert_ok(decoder_packet(d, packet, &out));
        assert_int_equal(out.count, 960);
    }
    encoder_free(e);
    decoder_free(d);
}

static void an_encoder_says_where_it_hears_nobody(void **state)
{
    struct encoder *e = NULL;
    struct slice packet;
    static int16_t still[960], voice[960];
    for (size_t i = 0; i < COUNT(voice); i++)
        voice[i] = (int16_t)(i % 133 < 20 ? 9000 : (int)(i % 7) * 300 - 900); /* 120 pulses a second */
    assert_ok(encoder_create(&e, &(struct encoder_opts){ .rate_hz = 16000, .frame_us = 60000, .bitrate = 17000 }));
    for (int i = 0; i < 10; i++)
        assert_ok(encoder_frame(e, (struct pcm){ still, COUNT(still) }, &packet));
    assert_true(packet.len > 3); /* not DTX: it was not asked for */
    assert_true(packet_is_voiceless(packet));
    for (int i = 0; i < 3; i++) {
        assert_ok(encoder_frame(e, (struct pcm){ voice, COUNT(voice) }, &packet));
        assert_false(packet_is_voiceless(packet));
    }
    encoder_free(e);
    assert_true(packet_is_voiceless(SLICE("\x58")));
    assert_false(packet_is_voiceless(SLICE("")));
    assert_false(packet_is_voiceless(SLICE("\xf8\x00\x00\x00\x00"))); /* CELT */
    assert_true(packet_is_voiceless(SLICE("\x58\x1f\x00\x00\x00")));  /* SILK, 60 ms: three flags, ... */
    assert_false(packet_is_voiceless(SLICE("\x58\x20\x00\x00\x00"))); /* ... the last one set */
    assert_false(packet_is_voiceless(SLICE("\x5c\x1f\x00\x00\x00"))); /* stereo */
    assert_true(packet_is_voiceless(SLICE("\x48\x7f\x00\x00\x00")));  /* 20 ms: one flag */
    assert_false(packet_is_voiceless(SLICE("\x49\x7f\x00\x80\x00"))); /* two frames, voice in the second */
    assert_false(packet_is_voiceless(SLICE("\x4b\xff\x00\x80\x00"))); /* counts that lie */
}

static void packets_of_silence_keep_their_time(void **state)
{
    struct decoder *d = NULL;
    struct pcm out;
    assert_ok(decoder_create(&d, 16000));
    assert_true(packet_is_dtx(SLICE("\x58")));
    assert_ok(decoder_packet(d, SLICE("\x58"), &out)); /* SILK wideband, 60 ms, table of contents only */
    assert_int_equal(out.count, 960);
    assert_true(energy_dbfs(out) < -60);
    decoder_free(d);
}

static void stereo_silk_and_hybrid_decode_to_mono(void **state)
{
    static const int applications[] = { OPUS_APPLICATION_VOIP, OPUS_APPLICATION_AUDIO,
                                        OPUS_APPLICATION_RESTRICTED_LOWDELAY };
    for (size_t i = 0; i < COUNT(applications); i++) {
        for (int channels = 1; channels <= 2; channels++) {
            int status;
            OpusEncoder *o = opus_encoder_create(48000, channels, applications[i], &status);
            opus_encoder_ctl(o, OPUS_SET_BITRATE(i == 0 ? 24000 : 256000));
            int16_t pcm[2880 * 2];
            for (int n = 0; n < 2880 * channels; n++)
                pcm[n] = sine(2880, 500, 48000)[n / channels];
            unsigned char packet[4000];
            int len = opus_encode(o, pcm, 2880, packet, sizeof(packet));
            struct decoder *d = NULL;
            struct pcm out;
            assert_ok(decoder_create(&d, 16000));
            assert_int_equal(packet_duration_us(slice_from(packet, (size_t)len)), 60000);
            assert_ok(decoder_packet(d, slice_from(packet, (size_t)len), &out));
            assert_int_equal(out.count, 960);
            decoder_free(d);
            opus_encoder_destroy(o);
        }
    }
}

static void three_short_packets_join_into_one(void **state)
{
    struct encoder *e = new_encoder(24000, 20000);
    struct repack *r = NULL;
    struct decoder *whole = NULL, *parts = NULL;
    assert_ok(repack_create(&r, 60000));
    assert_ok(decoder_create(&whole, 24000));
    assert_ok(decoder_create(&parts, 24000));
    int16_t joined[1440];
    for (int i = 0; i < 9; i++) {
        struct slice packet, out;
        struct pcm pcm;
        assert_ok(encoder_frame(e, (struct pcm){ sine(480, 440, 24000), 480 }, &packet));
        assert_ok(decoder_packet(parts, packet, &pcm));
        memcpy(joined + i % 3 * 480, pcm.samples, sizeof(int16_t) * 480);
        assert_ok(repack_put(r, packet, &out));
        assert_int_equal(out.len > 0, i % 3 == 2);
        if (!out.len)
            continue;
        assert_int_equal(packet_duration_us(out), 60000);
        assert_ok(decoder_packet(whole, out, &pcm));
        assert_int_equal(pcm.count, 1440);
        assert_memory_equal(pcm.samples, joined, sizeof(joined)); /* not a bit is different */
    }
    encoder_free(e);
    decoder_free(whole);
    decoder_free(parts);
    repack_free(r);
}

static void what_does_not_join_is_said(void **state)
{
    struct encoder *e20 = new_encoder(24000, 20000), *e40 = new_encoder(24000, 40000), *e60 = new_encoder(24000, 60000);
    struct repack *r = NULL;
    struct slice packet, out;
    assert_int_equal(repack_create(&r, 50000), ERR_UNSUPPORTED);
    assert_ok(repack_create(&r, 60000));
    assert_ok(encoder_frame(e60, (struct pcm){ sine(1440, 1, 2), 1440 }, &packet));
    assert_ok(repack_put(r, packet, &out));
    assert_int_equal(out.len, packet.len); /* passes through */
    assert_ok(encoder_frame(e20, (struct pcm){ sine(480, 1, 2), 480 }, &packet));
    assert_ok(repack_put(r, packet, &out));
    assert_ok(encoder_frame(e60, (struct pcm){ sine(1440, 1, 2), 1440 }, &packet));
    assert_int_equal(repack_put(r, packet, &out), ERR_UNSUPPORTED);
    assert_int_equal(repack_held_us(r), 20000);
    assert_true(repack_rest(r, &out));
    assert_int_equal(packet_duration_us(out), 20000);
    assert_false(repack_rest(r, &out));
    assert_int_equal(repack_put(r, SLICE(""), &out), ERR_PROTO);
    assert_ok(encoder_frame(e40, (struct pcm){ sine(960, 1, 2), 960 }, &packet));
    assert_ok(repack_put(r, packet, &out));
    assert_int_equal(out.len, 0);
    encoder_free(e20);
    encoder_free(e40);
    encoder_free(e60);
    repack_free(r);
}

static void durations_are_read_from_the_first_bytes(void **state)
{
    static const struct {
        struct slice packet;
        uint32_t us;
    } rows[] = {
        { SLICE(""), 0 },           { SLICE("\x08"), 20000 },   { SLICE("\x18"), 60000 },     { SLICE("\x19"), 120000 },
        { SLICE("\x80"), 2500 },    { SLICE("\x98"), 20000 },   { SLICE("\x9b\x03"), 60000 }, { SLICE("\x9b\x07"), 0 },
        { SLICE("\xbb\x06"), 120000 }, { SLICE("\x1b\x03"), 0 }, { SLICE("\x9b"), 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(packet_duration_us(rows[i].packet), rows[i].us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_comes_back_at_every_rate_and_duration),
        cmocka_unit_test(illegal_settings_and_frames_are_refused),
        cmocka_unit_test(a_corrupt_packet_is_counted_and_the_next_one_decodes),
        cmocka_unit_test(an_encoder_says_where_it_hears_nobody),
        cmocka_unit_test(packets_of_silence_keep_their_time),
        cmocka_unit_test(stereo_silk_and_hybrid_decode_to_mono),
        cmocka_unit_test(three_short_packets_join_into_one),
        cmocka_unit_test(what_does_not_join_is_said),
        cmocka_unit_test(durations_are_read_from_the_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
