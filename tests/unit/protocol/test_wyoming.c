/* SPDX-License-Identifier: MIT
 * test_wyoming.c -- Wyoming events, whole and in pieces, good and broken. */
#include "protocol/wyoming.h"
#include "tests/support/test.h"

static void what_is_written_is_read_back(void **state)
{
    static const int16_t samples[] = { 1, -2, 3 };
    auto_buf struct buf out = { 0 };
    struct wyoming w = { 0 };
    struct wyoming_event e;
    struct wyoming_format f;

    wyoming_transcribe(&out, SLICE("en"));
    wyoming_audio_start(&out, 16000);
    wyoming_audio_chunk(&out, 16000, (struct pcm){ samples, 3 });
    wyoming_audio_stop(&out);
    wyoming_transcript(&out, SLICE("set \"it\"\nnow"), SLICE(""));
    wyoming_synthesize(&out, SLICE("hi"), &(struct wyoming_voice){ .name = SLICE("slt"), .language = SLICE("en") });
    wyoming_error(&out, SLICE("no voice"));
    wyoming_describe(&out);
    assert_ok(wyoming_feed(&w, buf_slice(&out)));

    assert_true(wyoming_next(&w, &e));
    assert_slice_is(e.type, "transcribe");
    assert_slice_is(wyoming_text(&e, "language"), "en");
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(e.type, "audio-start");
    assert_ok(wyoming_format_read(&e, &f));
    assert_int_equal(f.rate_hz, 16000);
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(e.type, "audio-chunk");
    assert_int_equal(e.payload.len, 6);
    assert_memory_equal(e.payload.data, samples, 6);
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(e.type, "audio-stop");
    assert_int_equal(e.payload.len, 0);
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(wyoming_text(&e, "text"), "set \"it\"\nnow");
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(json_get_text(wyoming_get(&e, "voice"), "name"), "slt");
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(e.type, "error");
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(e.type, "describe");
    assert_false(wyoming_next(&w, &e));
    assert_int_equal(w.err, OK);
    wyoming_done(&w);
}

static void bytes_may_come_one_by_one(void **state)
{
    auto_buf struct buf out = { 0 };
    struct wyoming w = { 0 };
    struct wyoming_event e;
    int16_t samples[100] = { 7 };
    unsigned events = 0;
    wyoming_audio_chunk(&out, 22050, (struct pcm){ samples, COUNT(samples) });
    wyoming_transcript(&out, SLICE("done"), SLICE("en"));
    for (size_t i = 0; i < out.len; i++) {
        assert_ok(wyoming_feed(&w, slice_from(out.data + i, 1)));
        while (wyoming_next(&w, &e))
            events++;
    }
    assert_int_equal(events, 2);
    wyoming_done(&w);
}

static void data_in_the_head_line_is_found_too(void **state)
{
    struct wyoming w = { 0 };
    struct wyoming_event e;
    assert_ok(wyoming_feed(
        &w, SLICE("{\"type\":\"transcript\",\"data\":{\"text\":\"a\",\"n\":1},\"data_length\":null}\n")));
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(wyoming_text(&e, "text"), "a");
    assert_ok(wyoming_feed(
        &w,
        SLICE("{\"type\":\"t\",\"data\":{\"text\":\"a\",\"n\":1},\"data_length\":12}\n{\"text\":\"b\"}")));
    assert_true(wyoming_next(&w, &e));
    assert_slice_is(wyoming_text(&e, "text"), "b");
    assert_int_equal(wyoming_i64(&e, "n", 0), 1);
    assert_int_equal(wyoming_i64(&e, "none", 9), 9);
    wyoming_done(&w);
}

static void broken_streams_fail_and_stay_failed(void **state)
{
    static const struct {
        const char *bytes;
        enum err err;
    } rows[] = {
        { "hello\n", ERR_PROTO },
        { "\n", ERR_PROTO },
        { "[]\n", ERR_PROTO },
        { "{}\n", ERR_PROTO },
        { "{\"type\":\"\"}\n", ERR_PROTO },
        { "{\"type\":\"x\",\"data_length\":-1}\n", ERR_LIMIT },
        { "{\"type\":\"x\",\"data_length\":\"many\"}\n", ERR_LIMIT },
        { "{\"type\":\"x\",\"data_length\":1048577}\n", ERR_LIMIT },
        { "{\"type\":\"x\",\"payload_length\":4194305}\n", ERR_LIMIT },
        { "{\"type\":\"x\",\"payload_length\":9223372036854775807}\n", ERR_LIMIT },
        { "{\"type\":\"x\",\"data_length\":3}\n{,}", ERR_PROTO },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wyoming w = { 0 };
        struct wyoming_event e;
        assert_ok(wyoming_feed(&w, slice_of(rows[i].bytes)));
        assert_false(wyoming_next(&w, &e));
        assert_int_equal(w.err, rows[i].err);
        assert_int_equal(wyoming_feed(&w, SLICE("{\"type\":\"ok\"}\n")), rows[i].err);
        assert_false(wyoming_next(&w, &e));
        wyoming_done(&w);
    }
}

static void a_head_line_without_end_is_refused(void **state)
{
    struct wyoming w = { 0 };
    struct wyoming_event e;
    char piece[1024];
    memset(piece, ' ', sizeof(piece));
    for (int i = 0; i < 63; i++) {
        assert_ok(wyoming_feed(&w, slice_from(piece, sizeof(piece))));
        assert_false(wyoming_next(&w, &e));
        assert_int_equal(w.err, OK);
    }
    assert_ok(wyoming_feed(&w, slice_from(piece, sizeof(piece))));
    assert_false(wyoming_next(&w, &e));
    assert_int_equal(w.err, ERR_LIMIT);
    wyoming_done(&w);
}

static void formats_we_cannot_play_are_refused(void **state)
{
    static const struct {
        const char *line;
        enum err err;
    } rows[] = {
        { "{\"type\":\"audio-start\"}\n", OK },
        { "{\"type\":\"audio-start\",\"data\":{\"rate\":22050,\"width\":2,\"channels\":1}}\n", OK },
        { "{\"type\":\"audio-start\",\"data\":{\"rate\":22050,\"width\":2,\"channels\":2}}\n", OK },
        { "{\"type\":\"audio-start\",\"data\":{\"rate\":22050,\"width\":4}}\n", ERR_UNSUPPORTED },
        { "{\"type\":\"audio-start\",\"data\":{\"rate\":0}}\n", ERR_UNSUPPORTED },
        { "{\"type\":\"audio-start\",\"data\":{\"rate\":96000}}\n", ERR_UNSUPPORTED },
        { "{\"type\":\"audio-start\",\"data\":{\"channels\":6}}\n", ERR_UNSUPPORTED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wyoming w = { 0 };
        struct wyoming_event e;
        struct wyoming_format f;
        assert_ok(wyoming_feed(&w, slice_of(rows[i].line)));
        assert_true(wyoming_next(&w, &e));
        assert_int_equal(wyoming_format_read(&e, &f), rows[i].err);
        wyoming_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(data_in_the_head_line_is_found_too),
        cmocka_unit_test(broken_streams_fail_and_stay_failed),
        cmocka_unit_test(a_head_line_without_end_is_refused),
        cmocka_unit_test(formats_we_cannot_play_are_refused),
    };
    return cmocka_run_group_tests_name("wyoming", tests, NULL, NULL);
}
