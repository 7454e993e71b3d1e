/* SPDX-License-Identifier: MIT
 * test_msg_out.c -- every message we write, against tests/golden/out.jsonl; and the size that is kept. */
#include "base/utf8.h"
#include "protocol/msg.h"
#include "tests/support/test.h"

#define SID "5f0c"
#define NO_ID ((struct slice){ 0 })

static void golden_stt(struct buf *b) { msg_stt(b, SID, SLICE("what \"time\" is it")); }
static void golden_stt_bare(struct buf *b) { msg_stt(b, NULL, SLICE("现在几点")); }
static void golden_llm(struct buf *b) { msg_emotion(b, SID, "happy", "🙂"); }
static void golden_tts_start(struct buf *b) { msg_tts_start(b, SID); }
static void golden_tts_stop(struct buf *b) { msg_tts_stop(b, SID); }
static void golden_sentence(struct buf *b) { msg_tts_sentence_start(b, SID, SLICE("It is ten 😊\no'clock.")); }
static void golden_sentence_end(struct buf *b) { msg_tts_sentence_end(b, SID, SLICE("It is ten o'clock.")); }
static void golden_alert(struct buf *b) { msg_alert(b, "Sorry", SLICE("I could not think of an answer."), "sad"); }
static void golden_mcp(struct buf *b) { msg_mcp(b, SID, SLICE("{\"jsonrpc\":\"2.0\",\"id\":1}")); }
static void golden_iot(struct buf *b) { msg_iot_command(b, SID, SLICE("Speaker"), SLICE("Mute"), NULL); }
static void golden_iot_echo(struct buf *b) { msg_iot_echo(b, SID, SLICE("hi"), NO_ID); }
static void golden_transcription(struct buf *b) { msg_transcription(b, SID, SLICE("hello"), 1754640000123); }
static void golden_pong(struct buf *b) { msg_pong(b, "2026-01-31 23:59:59", NO_ID); }
static void golden_error(struct buf *b) { msg_error(b, CODE_SCHEMA_INVALID, "state is missing", SLICE("r-1")); }
static void golden_error_bare(struct buf *b) { msg_error(b, CODE_INVALID_JSON, NULL, SLICE("")); }
static void golden_reboot(struct buf *b) { msg_reboot(b); }
static void golden_keepalive(struct buf *b) { msg_notice(b, MSG_NOTICE_keepalive, NULL); }
static void golden_idle(struct buf *b)
{
    msg_notice(b, MSG_NOTICE_idle_warning, &(struct msg_notice_opts){ .close_in_ms = 15000 });
}
static void golden_register(struct buf *b)
{
    msg_notice(b, MSG_NOTICE_register_failed,
               &(struct msg_notice_opts){ "in use", CODE_DEVICE_BUSY, .close_in_ms = -1 });
}
static void golden_draining(struct buf *b)
{
    msg_notice(b, MSG_NOTICE_draining, &(struct msg_notice_opts){ .close_in_ms = 10000 });
}
static void golden_config_update(struct buf *b) { msg_config_update_ok(b, SLICE("r-2")); }
static void golden_server_ok(struct buf *b) { msg_server_reply(b, true, "reloaded", "update_config", NO_ID); }
static void golden_server_no(struct buf *b) { msg_server_reply(b, false, "wrong secret", NULL, NO_ID); }
static void golden_reply_error(struct buf *b)
{
    msg_reply_error(b, "mode", CODE_SCHEMA_INVALID, "invalid state or mode", SLICE("r-3"));
}
static void golden_listen_start(struct buf *b) { msg_listen_start(b, SID, MSG_LISTEN_REALTIME); }
static void golden_listen_stop(struct buf *b) { msg_listen_stop(b, SID); }
static void golden_detect(struct buf *b) { msg_listen_detect(b, NULL, SLICE("你好小智")); }
static void golden_abort(struct buf *b) { msg_abort(b, SID, NULL); }
static void golden_abort_wake(struct buf *b) { msg_abort(b, SID, "wake_word_detected"); }

static void (*const writers[])(struct buf *) = {
    golden_stt,        golden_stt_bare,     golden_llm,         golden_tts_start,     golden_tts_stop,
    golden_sentence,   golden_sentence_end, golden_alert,       golden_mcp,           golden_iot,
    golden_iot_echo,   golden_transcription, golden_pong,        golden_error,
    golden_error_bare, golden_reboot,       golden_keepalive,   golden_idle,          golden_register,
    golden_draining,   golden_config_update, golden_server_ok,  golden_server_no,
    golden_reply_error, golden_listen_start, golden_listen_stop, golden_detect,
    golden_abort,      golden_abort_wake,
};

static void read_file(struct buf *out, const char *path)
{
    auto_buf struct buf full = { 0 };
    const char *source = getenv("PARLEY_SOURCE");
    buf_printf(&full, "%s/%s", source ? source : ".", path);
    FILE *f = fopen(full.data, "rb");
    assert_non_null(f);
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
        buf_put(out, slice_from(piece, n));
    fclose(f);
}

/* PARLEY_GOLDEN_UPDATE=1 rewrites the file; then `git diff` is the review. */
static void messages_are_written_as_recorded(void **state)
{
    auto_buf struct buf now = { 0 }, golden = { 0 };
    for (size_t i = 0; i < COUNT(writers); i++) {
        writers[i](&now);
        buf_puts(&now, "\n");
    }
    if (getenv("PARLEY_GOLDEN_UPDATE")) {
        auto_buf struct buf path = { 0 };
        buf_printf(&path, "%s/tests/golden/out.jsonl", getenv("PARLEY_SOURCE"));
        FILE *f = fopen(path.data, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(now.data, 1, now.len, f), now.len);
        fclose(f);
    }
    read_file(&golden, "tests/golden/out.jsonl");

    struct slice want = buf_slice(&golden), got = buf_slice(&now);
    for (size_t line = 1; want.len > 0 || got.len > 0; line++) {
        struct slice w = slice_cut(&want, '\n'), g = slice_cut(&got, '\n');
        if (!slice_eq(w, g))
            fail_msg("line %zu:\nwant " SLICE_FMT "\ngot  " SLICE_FMT, line, SLICE_ARG(w), SLICE_ARG(g));
    }
}

static void every_message_is_one_object_with_a_type(void **state)
{
    for (size_t i = 0; i < COUNT(writers); i++) {
        auto_buf struct buf out = { 0 };
        auto_json struct json *root = NULL;
        writers[i](&out);
        assert_ok(json_parse(&root, buf_slice(&out), &(struct json_limits){ .depth_max = 8 }));
        assert_true(json_get_text(root, "type").len > 0);
    }
}

static void long_texts_are_cut_at_a_character_below_what_a_device_can_parse(void **state)
{
    static const char *const units[] = { "x", "好", "\"", "\x01", "😀" };
    for (size_t i = 0; i < COUNT(units); i++) {
        auto_buf struct buf text = { 0 }, out = { 0 };
        auto_json struct json *root = NULL;
        while (text.len < 20000)
            buf_puts(&text, units[i]);
        msg_stt(&out, SID, buf_slice(&text));
        assert_true(out.len < MSG_OUT_MAX_BYTES);
        assert_ok(json_parse(&root, buf_slice(&out), NULL));
        struct slice got = json_get_text(root, "text");
        assert_true(got.len >= 1000);
        assert_true(utf8_valid(got));
        assert_int_equal(got.len % strlen(units[i]), 0);
    }
}

static void an_iot_echo_is_at_most_256_bytes_of_text(void **state)
{
    auto_buf struct buf text = { 0 }, out = { 0 };
    auto_json struct json *root = NULL;
    while (text.len < 1000)
        buf_puts(&text, "好");
    msg_iot_echo(&out, SID, buf_slice(&text), NO_ID);
    assert_ok(json_parse(&root, buf_slice(&out), NULL));
    assert_int_equal(json_get_text(root, "text").len, 255);
}

static void invalid_utf8_does_not_get_out(void **state)
{
    auto_buf struct buf out = { 0 };
    msg_stt(&out, SID, SLICE("a\xff\xfe" "b"));
    assert_true(utf8_valid(buf_slice(&out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_written_as_recorded),
        cmocka_unit_test(every_message_is_one_object_with_a_type),
        cmocka_unit_test(long_texts_are_cut_at_a_character_below_what_a_device_can_parse),
        cmocka_unit_test(an_iot_echo_is_at_most_256_bytes_of_text),
        cmocka_unit_test(invalid_utf8_does_not_get_out),
    };
    return cmocka_run_group_tests_name("msg_out", tests, NULL, NULL);
}
