/* SPDX-License-Identifier: MIT
 * fuzz_messages.c -- any text message through parsing and every reader, and back through the writers. */
#include "protocol/emotion.h"
#include "protocol/hello.h"
#include "protocol/ids.h"
#include "protocol/msg.h"
#include "protocol/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct msg *m)
{
    const char *why;
    struct hello hello;
    struct hello_answer answer;
    struct msg_listen listen;
    struct msg_abort abort_;
    struct msg_iot iot;
    struct msg_mcp mcp;
    struct msg_server server;
    struct msg_mode mode;

    hello_read(&hello, m->root, HELLO_OVER_WEBSOCKET);
    assert(hello.audio.rate_hz >= 8000);
    assert(hello.audio.frame_us >= 2500);
    assert(hello.audio.frame_us <= 120000);
    hello_read(&hello, m->root, HELLO_OVER_MQTT);
    (void)!hello_read_answer(&answer, m->root, &why);
    (void)!msg_listen_read(&listen, m->root, &why);
    (void)!msg_mcp_read(&mcp, m->root, &why);
    (void)!msg_server_read(&server, m->root, &why);
    (void)!msg_mode_read(&mode, m->root, &why);
    msg_abort_read(&abort_, m->root);
    msg_iot_read(&iot, m->root);
}

static void write_some(struct slice text)
{
    auto_buf struct buf out = { 0 };
    msg_stt(&out, "s", text);
    assert(out.len < MSG_OUT_MAX_BYTES);
    buf_clear(&out);
    msg_tts_sentence_start(&out, "s", text);
    assert(out.len < MSG_OUT_MAX_BYTES);
    auto_json struct json *root = NULL;
    enum err e = json_parse(&root, buf_slice(&out), NULL);
    assert(e == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_from(data, size), token;
    char id[ID_TEXT];
    auto_msg struct msg m;
    if (msg_parse(&m, text) != CODE_INVALID_JSON)
        read_all(&m);
    write_some(text);
    (void)emotion_in(text);
    (void)!id_normalise(text, id);
    if (token_bearer(text, &token))
        (void)token_verify(token, SLICE("k"), &(struct token_subject){ text, text },
                           &(struct token_clock){ 1, 1 }, NULL);
    return 0;
}
