/* SPDX-License-Identifier: MIT
 * test_hello.c -- every row of the hello table, parameters in both spellings, both sides' messages. */
#include "protocol/hello.h"
#include "tests/support/test.h"

static struct hello read_text(const char *text, enum hello_medium medium)
{
    auto_json struct json *root = NULL;
    struct hello h;
    assert_ok(json_parse(&root, slice_of(text), NULL));
    hello_read(&h, root, medium);
    return h;
}

static void the_hello_table_decides(void **state)
{
    static const struct {
        const char *text;
        enum hello_medium medium;
        enum msg_code code; /* CODE_NONE: acked */
    } rows[] = {
        { "{\"type\":\"hello\"}", HELLO_OVER_WEBSOCKET, CODE_NONE },
        { "{\"type\":\"hello\",\"transport\":null}", HELLO_OVER_WEBSOCKET, CODE_NONE },
        { "{\"type\":\"hello\",\"audio_params\":{}}", HELLO_OVER_WEBSOCKET, CODE_NONE },
        { "{\"type\":\"hello\",\"audioParams\":{\"sampleRate\":16000}}", HELLO_OVER_WEBSOCKET, CODE_NONE },
        { "{\"transport\":\"websocket\",\"audio_params\":{\"format\":\"opus\"}}", HELLO_OVER_WEBSOCKET, CODE_NONE },
        { "{\"transport\":\"websocket\",\"audioParams\":{}}", HELLO_OVER_WEBSOCKET, CODE_NONE },
        { "{\"transport\":\"websocket\"}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"websocket\",\"audio_params\":\"opus\"}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"websocket\",\"audio_params\":[1]}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"websocket\",\"audio_params\":null}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"udp\",\"audio_params\":{}}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"udp\"}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"Websocket\",\"audio_params\":{}}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":7,\"audio_params\":{}}", HELLO_OVER_WEBSOCKET, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"udp\",\"audio_params\":{}}", HELLO_OVER_MQTT, CODE_NONE },
        { "{\"transport\":\"udp\"}", HELLO_OVER_MQTT, CODE_SCHEMA_INVALID },
        { "{\"transport\":\"websocket\",\"audio_params\":{}}", HELLO_OVER_MQTT, CODE_SCHEMA_INVALID },
        { "{}", HELLO_OVER_MQTT, CODE_SCHEMA_INVALID },
        { "{\"audio_params\":{\"format\":\"mp3\"}}", HELLO_OVER_WEBSOCKET, CODE_UNSUPPORTED_FORMAT },
        { "{\"audio_params\":{\"format\":5}}", HELLO_OVER_WEBSOCKET, CODE_UNSUPPORTED_FORMAT },
        { "{\"audio_params\":{\"format\":\"pcm\"}}", HELLO_OVER_WEBSOCKET, CODE_NONE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hello h = read_text(rows[i].text, rows[i].medium);
        if (h.code != rows[i].code)
            print_error("row %zu: %s gives %s\n", i, rows[i].text, msg_code_name(h.code));
        assert_int_equal(h.code, rows[i].code);
        assert_int_equal(h.is_acked, rows[i].code == CODE_NONE);
        assert_int_equal(h.why == NULL, h.is_acked);
        assert_int_equal(h.is_udp, rows[i].medium == HELLO_OVER_MQTT);
    }
}

static void audio_parameters_are_read_in_both_spellings(void **state)
{
    static const struct {
        const char *text;
        uint32_t rate_hz, frame_us, channels;
        bool is_pcm;
        unsigned odd;
    } rows[] = {
        {"{}", 16000, 60000, 1, false, 0},
        {"{\"audio_params\":{\"sample_rate\":24000,\"frame_duration\":20,\"channels\":2}}", 24000, 20000, 2,
         false, 0},
        {"{\"audioParams\":{\"sampleRate\":48000,\"frameDuration\":40,\"format\":\"pcm\"}}", 48000, 40000, 1,
         true, 0},
        {"{\"audio_params\":{\"sampleRate\":8000,\"sample_rate\":12000}}", 12000, 60000, 1, false, 0},
        {"{\"audioParams\":{\"sampleRate\":8000},\"audio_params\":{\"sample_rate\":12000}}", 12000, 60000, 1,
         false, 0},
        {"{\"audio_params\":{\"sample_rate\":\"24000\",\"frame_duration\":\"20\"}}", 24000, 20000, 1, false,
         0},
        {"{\"audio_params\":{\"frame_duration\":2.5}}", 16000, 2500, 1, false, 0},
        {"{\"audio_params\":{\"frame_duration\":120}}", 16000, 120000, 1, false, 0},
        {"{\"audio_params\":{\"frame_duration\":121}}", 16000, 60000, 1, false, HELLO_ODD_DURATION},
        {"{\"audio_params\":{\"frame_duration\":2}}", 16000, 60000, 1, false, HELLO_ODD_DURATION},
        {"{\"audio_params\":{\"frame_duration\":-60}}", 16000, 60000, 1, false, HELLO_ODD_DURATION},
        {"{\"audio_params\":{\"frame_duration\":1e300}}", 16000, 60000, 1, false, HELLO_ODD_DURATION},
        {"{\"audio_params\":{\"sample_rate\":44100}}", 16000, 60000, 1, false, HELLO_ODD_RATE},
        {"{\"audio_params\":{\"sample_rate\":\"fast\",\"channels\":0}}", 16000, 60000, 1, false,
         HELLO_ODD_RATE | HELLO_ODD_CHANNELS},
        {"{\"audio_params\":{\"format\":\"OPUS\"}}", 16000, 60000, 1, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hello h = read_text(rows[i].text, HELLO_OVER_WEBSOCKET);
        if (h.odd != rows[i].odd || h.audio.rate_hz != rows[i].rate_hz || h.audio.frame_us != rows[i].frame_us)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_true(h.is_acked);
        assert_int_equal(h.audio.rate_hz, rows[i].rate_hz);
        assert_int_equal(h.audio.frame_us, rows[i].frame_us);
        assert_int_equal(h.audio.channels, rows[i].channels);
        assert_int_equal(h.audio.is_pcm, rows[i].is_pcm);
        assert_int_equal(h.odd, rows[i].odd);
    }
}

static void features_default_to_off_except_emoji(void **state)
{
    struct hello h = read_text("{}", HELLO_OVER_WEBSOCKET);
    assert_true(h.wants_emoji);
    assert_false(h.has_mcp || h.has_aec || h.wants_transcription || h.has_peer || h.has_ui);

    h = read_text("{\"version\":3,\"features\":{\"mcp\":true,\"aec\":true,\"emoji\":false,\"transcription\":true,"
             "\"peer\":true,\"ui\":true,\"large\":true,\"glyph_push\":true,\"telepathy\":true}}",
             HELLO_OVER_WEBSOCKET);
    assert_int_equal(h.version, 3);
    assert_false(h.wants_emoji);
    assert_true(h.has_mcp && h.has_aec && h.wants_transcription && h.has_peer && h.has_ui && h.has_large);
}

static void the_answer_has_every_field_a_device_needs(void **state)
{
    auto_buf struct buf out = { 0 };
    hello_write(&out, &(struct hello_reply){ .version = 1, .session_id = "0a-B", .rate_hz = 24000, .frame_ms = 60 });
    assert_string_equal(
        out.data, "{\"type\":\"hello\",\"version\":1,\"transport\":\"websocket\",\"session_id\":\"0a-B\","
                  "\"audio_params\":{\"format\":\"opus\",\"sample_rate\":24000,\"channels\":1,"
                  "\"frame_duration\":60}}");
}

static void the_udp_answer_carries_key_and_nonce(void **state)
{
    struct hello_udp udp = { .server = "1.2.3.4", .port = 8884, .key = { 0xab }, .nonce = { 1, 0, 0, 0, 9 } };
    auto_buf struct buf out = { 0 };
    hello_write(&out, &(struct hello_reply){
                          .version = 3, .session_id = "s", .rate_hz = 24000, .frame_ms = 60, .udp = &udp });
    assert_true(slice_contains(buf_slice(&out), SLICE("\"transport\":\"udp\"")));
    assert_true(slice_contains(buf_slice(&out), SLICE("\"key\":\"ab000000000000000000000000000000\"")));
    assert_true(slice_contains(buf_slice(&out), SLICE("\"nonce\":\"01000000090000000000000000000000\"")));
}

static void a_client_reads_what_the_server_writes(void **state)
{
    auto_buf struct buf out = { 0 };
    auto_json struct json *root = NULL;
    struct hello_answer a;
    const char *why;
    hello_write(&out,
                &(struct hello_reply){
                    .version = 1, .session_id = "abc-1", .rate_hz = 16000, .frame_ms = 20, .is_pcm = true});
    assert_ok(json_parse(&root, buf_slice(&out), NULL));
    assert_ok(hello_read_answer(&a, root, &why));
    assert_string_equal(a.session_id, "abc-1");
    assert_int_equal(a.rate_hz, 16000);
    assert_int_equal(a.frame_ms, 20);
    assert_true(a.is_pcm);
}

static void a_client_refuses_what_would_hurt_a_device(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"session_id\":\"s\",\"audio_params\":{\"sample_rate\":24000,\"frame_duration\":60,\"channels\":1}"
        "}",
        "{\"transport\":\"udp\",\"session_id\":\"s\",\"audio_params\":{\"sample_rate\":24000,\"frame_"
        "duration\":60,\"channels\":1}}",
        "{\"transport\":\"websocket\",\"session_id\":\"s\\\"\",\"audio_params\":{\"sample_rate\":24000,"
        "\"frame_duration\":60,\"channels\":1}}",
        "{\"transport\":\"websocket\",\"session_id\":\"\",\"audio_params\":{\"sample_rate\":24000,\"frame_"
        "duration\":60,\"channels\":1}}",
        "{\"transport\":\"websocket\",\"session_id\":\"s\",\"audio_params\":{\"sample_rate\":44100,\"frame_"
        "duration\":60,\"channels\":1}}",
        "{\"transport\":\"websocket\",\"session_id\":\"s\",\"audio_params\":{\"sample_rate\":24000,\"frame_"
        "duration\":30,\"channels\":1}}",
        "{\"transport\":\"websocket\",\"session_id\":\"s\",\"audio_params\":{\"sample_rate\":24000,\"frame_"
        "duration\":60}}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        auto_json struct json *root = NULL;
        struct hello_answer a;
        const char *why = NULL;
        assert_ok(json_parse(&root, slice_of(rows[i]), NULL));
        assert_int_equal(hello_read_answer(&a, root, &why), ERR_PROTO);
        assert_non_null(why);
    }
}

static void a_device_hello_is_acked(void **state)
{
    auto_buf struct buf out = { 0 };
    hello_write_request(
        &out, &(struct hello_request){.version = 2, .has_mcp = true, .rate_hz = 16000, .frame_ms = 60});
    struct hello h = read_text(out.data, HELLO_OVER_WEBSOCKET);
    assert_true(h.is_acked);
    assert_int_equal(h.version, 2);
    assert_true(h.has_mcp);
    assert_false(h.has_aec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hello_table_decides),
        cmocka_unit_test(audio_parameters_are_read_in_both_spellings),
        cmocka_unit_test(features_default_to_off_except_emoji),
        cmocka_unit_test(the_answer_has_every_field_a_device_needs),
        cmocka_unit_test(the_udp_answer_carries_key_and_nonce),
        cmocka_unit_test(a_client_reads_what_the_server_writes),
        cmocka_unit_test(a_client_refuses_what_would_hurt_a_device),
        cmocka_unit_test(a_device_hello_is_acked),
    };
    return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
