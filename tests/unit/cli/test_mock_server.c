/* SPDX-License-Identifier: MIT
 * test_mock_server.c -- the mock service answers when it was told to, to the millisecond of its clock, and
 * what it answers decodes. */
#include "audio/decoder.h"
#include "audio/energy.h"
#include "audio/ogg.h"
#include "audio/packet.h"
#include "audio/wav.h"
#include "base/json.h"
#include "cli/mock_server.h"
#include "loop/loop.h"
#include "net/conn.h"
#include "tests/support/test.h"

struct world {
    struct loop *loop;
    struct mock_server *mock;
    struct conn *conn;
    struct buf got;
    uint64_t sent_ms, first_ms, end_ms; /* of the answer's body; 0: not yet */
    bool is_open;
};

static void on_open(void *user)
{
    ((struct world *)user)->is_open = true;
}

/* Where the body begins; 0: the head is not complete. */
static size_t body_at(const struct world *w)
{
    const char *end = w->got.len ? strstr(w->got.data, "\r\n\r\n") : NULL;
    return end ? (size_t)(end + 4 - w->got.data) : 0;
}

static void on_data(void *user, struct slice data)
{
    struct world *w = user;
    buf_put(&w->got, data);
    if (!w->first_ms && body_at(w) && w->got.len > body_at(w))
        w->first_ms = loop_now_ms(w->loop);
    if (slice_ends(buf_slice(&w->got), SLICE("\r\n0\r\n\r\n")) || strstr(w->got.data, "Content-Length"))
        w->end_ms = loop_now_ms(w->loop);
}

static void on_close(void *user, enum err why)
{
    ((struct world *)user)->conn = NULL;
}

static const struct conn_events events = { .on_open = on_open, .on_data = on_data, .on_close = on_close };

static void pass(struct world *w, unsigned ms)
{
    for (unsigned at = 0; at < ms; at++) {
        loop_advance(w->loop, 1);
        for (int i = 0; i < 6; i++)
            loop_step(w->loop, 0);
    }
}

static void start(struct world *w, struct mock_opts o)
{
    o.port = 0;
    assert_ok(mock_server_open(&w->mock, w->loop, &o));
}

static void ask(struct world *w, const char *path, const char *type, const char *body)
{
    auto_buf struct buf head = { 0 };
    buf_clear(&w->got);
    w->first_ms = w->end_ms = 0;
    buf_printf(&head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", path, type,
               strlen(body), body);
    if (!w->conn) {
        const struct conn_opts o = { .host = "127.0.0.1", .port = mock_server_port(w->mock) };
        assert_ok(conn_connect(&w->conn, w->loop, &o, &events, w));
        for (int i = 0; i < 200 && !w->is_open; i++)
            loop_step(w->loop, 5);
        assert_true(w->is_open);
    }
    assert_ok(conn_write(w->conn, buf_slice(&head)));
    for (int i = 0; i < 40; i++)
        loop_step(w->loop, 1);
    w->sent_ms = loop_now_ms(w->loop);
}

/* The body with its chunks joined. */
static void body(const struct world *w, struct buf *out)
{
    struct slice rest = slice_sub(buf_slice(&w->got), body_at(w), w->got.len);
    if (!strstr(w->got.data, "chunked")) {
        buf_put(out, rest);
        return;
    }
    while (rest.len) {
        size_t n = strtoul(rest.data, NULL, 16);
        const char *data = strstr(rest.data, "\r\n") + 2;
        buf_put(out, slice_from(data, n));
        rest = slice_sub(rest, (size_t)(data - rest.data) + n + 2, rest.len);
        if (n == 0)
            break;
    }
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_ok(loop_create(&w->loop, &(struct loop_opts){ .name = "test", .has_manual_clock = true }));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    conn_close(w->conn);
    mock_server_close(w->mock);
    for (int i = 0; i < 20; i++)
        loop_step(w->loop, 1);
    loop_free(w->loop);
    buf_done(&w->got);
    free(w);
    return 0;
}

static void a_transcript_comes_after_its_delay_and_not_before(void **state)
{
    struct world *w = *state;
    auto_json struct json *j = NULL;
    auto_buf struct buf b = { 0 };
    start(w, (struct mock_opts){ .asr_ms = 120, .asr_text = "open the window" });
    ask(w, "/v1/audio/transcriptions", "multipart/form-data; boundary=x", "--x--\r\n");
    pass(w, 118);
    assert_int_equal(w->first_ms, 0);
    pass(w, 4);
    assert_int_equal(w->first_ms - w->sent_ms, 120);
    body(w, &b);
    assert_ok(json_parse(&j, buf_slice(&b), NULL));
    assert_true(slice_is(json_get_text(j, "text"), "open the window"));
    assert_int_equal(mock_server_stats(w->mock)->requests[MOCK_ASR], 1);
}

static void tokens_come_one_by_one(void **state)
{
    struct world *w = *state;
    start(w, (struct mock_opts){ .llm_first_ms = 50, .llm_token_ms = 10, .llm_text = "one two three four" });
    ask(w, "/v1/chat/completions", "application/json", "{\"stream\":true,\"messages\":[]}");
    pass(w, 100);
    assert_int_equal(w->first_ms - w->sent_ms, 50);
    assert_int_equal(w->end_ms - w->sent_ms, 80);
    auto_buf struct buf b = { 0 };
    body(w, &b);
    unsigned events_seen = 0;
    struct slice rest = buf_slice(&b);
    while (rest.data) {
        struct slice line = slice_cut(&rest, '\n');
        auto_json struct json *j = NULL;
        if (!slice_starts(line, SLICE("data: {")))
            continue;
        assert_ok(json_parse(&j, slice_sub(line, 6, line.len), NULL));
        events_seen++;
        assert_true(slice_is(json_get_text(j, "object"), "chat.completion.chunk"));
        assert_true(json_get_i64(j, "created", 0) > 1600000000);
    }
    assert_int_equal(events_seen, 4);
    assert_true(slice_contains(buf_slice(&b), SLICE("data: [DONE]")));
}

static void without_streaming_the_answer_is_one_object(void **state)
{
    struct world *w = *state;
    auto_json struct json *j = NULL;
    auto_buf struct buf b = { 0 };
    start(w, (struct mock_opts){ .llm_first_ms = 5, .llm_text = "one two" });
    ask(w, "/v1/chat/completions", "application/json", "{\"messages\":[]}");
    pass(w, 10);
    body(w, &b);
    assert_ok(json_parse(&j, buf_slice(&b), NULL));
    const struct json *message = json_get(json_at(json_get(j, "choices"), 0), "message");
    assert_true(slice_is(json_get_text(message, "content"), "one two"));
}

static void speech_comes_at_its_speed_and_decodes(void **state)
{
    static const struct {
        const char *request;
        enum { PCM, WAV, OPUS } form;
    } rows[] = {
        { "{\"input\":\"0123456789\",\"response_format\":\"pcm\"}", PCM },
        { "{\"input\":\"0123456789\",\"response_format\":\"wav\"}", WAV },
        { "{\"input\":\"0123456789\",\"response_format\":\"opus\"}", OPUS },
    };
    struct world *w = *state;
    start(w, (struct mock_opts){ .tts_first_ms = 30, .tts_speed = 2, .tts_ms_per_char = 60 });
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_buf struct buf b = { 0 };
        ask(w, "/v1/audio/speech", "application/json", rows[i].request);
        pass(w, 400);
        assert_int_equal(w->first_ms - w->sent_ms, 30);
        assert_int_equal(w->end_ms - w->sent_ms, 30 + 9 * 30); /* ten pieces of 60 ms at twice the speed */
        body(w, &b);
        if (rows[i].form == PCM) {
            assert_int_equal(b.len, 600 * MOCK_RATE_HZ / 1000 * 2);
        } else if (rows[i].form == WAV) {
            assert_int_equal(b.len, WAV_HEADER_BYTES + 600 * MOCK_RATE_HZ / 1000 * 2);
            assert_memory_equal(b.data, "RIFF", 4);
        } else {
            assert_memory_equal(b.data, "OggS", 4);
            assert_true(b.len < 12000);
            assert_true(b.len > 600);
        }
    }
    assert_int_equal(mock_server_stats(w->mock)->requests[MOCK_TTS], 3);
}

static void opus_packets_are_as_long_as_asked_for_and_hold_a_voice(void **state)
{
    static const unsigned lengths_ms[] = { 20, 60 };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(lengths_ms); i++) {
        auto_buf struct buf b = { 0 };
        struct ogg_reader ogg;
        struct decoder *d = NULL;
        struct slice packet;
        uint64_t sum_us = 0, samples = 0;
        float loudest = -100;
        start(w, (struct mock_opts){ .opus_ms = lengths_ms[i] });
        ask(w, "/v1/audio/speech", "application/json", "{\"input\":\"0123456789\",\"response_format\":\"opus\"}");
        pass(w, 5);
        body(w, &b);
        ogg_reader_init(&ogg);
        assert_ok(decoder_create(&d, MOCK_RATE_HZ));
        struct slice rest = buf_slice(&b);
        for (;;) {
            struct pcm pcm;
            assert_ok(ogg_next(&ogg, &rest, &packet));
            if (packet.len == 0)
                break;
            assert_int_equal(packet_duration_us(packet), lengths_ms[i] * 1000);
            sum_us += packet_duration_us(packet);
            assert_ok(decoder_packet(d, packet, &pcm));
            samples += pcm.count;
            loudest = MAX(loudest, energy_dbfs(pcm));
        }
        assert_int_equal(sum_us, 600000);
        assert_int_equal(samples, 600 * MOCK_RATE_HZ / 1000);
        assert_true(loudest > -40);
        decoder_free(d);
        ogg_reader_done(&ogg);
        conn_close(take_ptr(&w->conn));
        w->is_open = false;
        mock_server_close(take_ptr(&w->mock));
    }
}

static void a_recording_is_said_as_it_is_and_repeated(void **state)
{
    static int16_t ramp[MOCK_RATE_HZ * 60 / 1000 * 2]; /* 120 ms */
    struct world *w = *state;
    auto_buf struct buf b = { 0 };
    for (size_t i = 0; i < COUNT(ramp); i++)
        ramp[i] = (int16_t)i;
    start(w, (struct mock_opts){ .voice = { ramp, COUNT(ramp) } });
    ask(w, "/v1/audio/speech", "application/json", "{\"input\":\"01234\",\"response_format\":\"pcm\"}");
    pass(w, 5);
    body(w, &b);
    assert_int_equal(b.len, 300 * MOCK_RATE_HZ / 1000 * 2);
    assert_memory_equal(b.data, ramp, sizeof(ramp));
    assert_memory_equal(b.data + sizeof(ramp), ramp, sizeof(ramp));
}

static void a_pace_that_is_no_whole_number_of_ms_is_kept(void **state)
{
    static const unsigned speeds[] = { 7, 40, 60 };
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(speeds); i++) {
        start(w, (struct mock_opts){ .tts_first_ms = 30, .tts_speed = speeds[i], .tts_ms_per_char = 600 });
        ask(w, "/v1/audio/speech", "application/json", "{\"input\":\"0123456789\",\"response_format\":\"pcm\"}");
        pass(w, 1000);
        assert_int_equal(w->first_ms - w->sent_ms, 30);
        assert_in_range(w->end_ms - w->sent_ms, 30 + 99 * 60 / speeds[i], 31 + 99 * 60 / speeds[i]);
        conn_close(take_ptr(&w->conn));
        w->is_open = false;
        mock_server_close(take_ptr(&w->mock));
    }
}

static unsigned opus_packets(struct slice file)
{
    struct ogg_reader ogg;
    struct slice packet;
    unsigned count = 0;
    ogg_reader_init(&ogg);
    while (ogg_next(&ogg, &file, &packet) == OK && packet.len > 0)
        count++;
    ogg_reader_done(&ogg);
    return count;
}

static void opus_comes_at_its_speed_too_and_not_a_second_at_once(void **state)
{
    struct world *w = *state;
    start(w, (struct mock_opts){ .tts_first_ms = 30, .tts_speed = 1 });
    ask(w, "/v1/audio/speech", "application/json", "{\"input\":\"0123456789\",\"response_format\":\"opus\"}");
    for (unsigned piece = 1; piece <= 10; piece++) {
        auto_buf struct buf b = { 0 };
        pass(w, piece == 1 ? 32 : 60);
        body(w, &b);
        assert_int_equal(opus_packets(buf_slice(&b)), piece * 3); /* of 20 ms */
    }
}

static void a_format_it_does_not_speak_is_refused(void **state)
{
    struct world *w = *state;
    start(w, (struct mock_opts){ 0 });
    ask(w, "/v1/audio/speech", "application/json", "{\"input\":\"x\",\"response_format\":\"mp3\"}");
    pass(w, 5);
    assert_true(slice_starts(buf_slice(&w->got), SLICE("HTTP/1.1 400")));
    assert_true(slice_contains(buf_slice(&w->got), SLICE("pcm, wav and opus")));
}

static void how_late_the_mock_itself_was_is_told(void **state)
{
    struct world *w = *state;
    start(w, (struct mock_opts){ .tts_first_ms = 30, .tts_speed = 2 });
    ask(w, "/v1/audio/speech", "application/json", "{\"input\":\"0123456789\",\"response_format\":\"pcm\"}");
    pass(w, 400);
    assert_int_equal(mock_server_stats(w->mock)->late.count, 10); /* pieces */
    assert_int_equal(mock_server_stats(w->mock)->late.max, 0);
    ask(w, "/stats", "text/plain", "");
    pass(w, 2);
    auto_buf struct buf b = { 0 };
    auto_json struct json *j = NULL;
    body(w, &b);
    assert_ok(json_parse(&j, buf_slice(&b), NULL));
    assert_int_equal(json_get_i64(json_get(j, "late"), "count", -1), 10);
    assert_int_equal(json_get_i64(json_get(j, "tts"), "requests", -1), 1);
}

static void a_client_that_leaves_is_counted(void **state)
{
    struct world *w = *state;
    start(w, (struct mock_opts){ .asr_ms = 500 });
    ask(w, "/v1/audio/transcriptions", "multipart/form-data; boundary=x", "--x--\r\n");
    pass(w, 10);
    conn_close(take_ptr(&w->conn));
    pass(w, 20);
    assert_int_equal(mock_server_stats(w->mock)->gone[MOCK_ASR], 1);
}

static void a_body_that_is_no_json_is_refused(void **state)
{
    struct world *w = *state;
    start(w, (struct mock_opts){ 0 });
    ask(w, "/v1/chat/completions", "application/json", "{nonsense");
    pass(w, 5);
    assert_true(slice_starts(buf_slice(&w->got), SLICE("HTTP/1.1 400")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_transcript_comes_after_its_delay_and_not_before), CASE(tokens_come_one_by_one),
        CASE(without_streaming_the_answer_is_one_object), CASE(speech_comes_at_its_speed_and_decodes),
        CASE(opus_packets_are_as_long_as_asked_for_and_hold_a_voice), CASE(a_recording_is_said_as_it_is_and_repeated),
        CASE(how_late_the_mock_itself_was_is_told), CASE(a_client_that_leaves_is_counted), CASE(a_body_that_is_no_json_is_refused),
        CASE(a_pace_that_is_no_whole_number_of_ms_is_kept), CASE(opus_comes_at_its_speed_too_and_not_a_second_at_once),
        CASE(a_format_it_does_not_speak_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
