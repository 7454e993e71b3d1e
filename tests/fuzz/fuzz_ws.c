/* SPDX-License-Identifier: MIT
 * fuzz_ws.c -- WebSocket frames: first byte: side and step. Whatever comes, whole and in pieces are
 * heard alike, text is UTF-8, limits hold. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "http/ws_codec.h"

#define TEXT_MAX 4000
#define BINARY_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct buf *b, char what, struct slice s)
{
    (void)buf_put_byte(b, what);
    (void)buf_printf(b, "%zu:", s.len);
    (void)buf_put(b, s);
}

static void on_message(void *user, bool is_text, struct slice s)
{
    assert(s.len <= (is_text ? TEXT_MAX : BINARY_MAX));
    assert(!is_text || utf8_valid(s));
    note(user, is_text ? 'T' : 'B', s);
}

static void on_ping(void *user, struct slice s)
{
    assert(s.len <= WS_CONTROL_MAX);
    note(user, 'P', s);
}

static void on_pong(void *user, struct slice s)
{
    assert(s.len <= WS_CONTROL_MAX);
    note(user, 'O', s);
}

static void on_close(void *user, int code, struct slice s)
{
    assert(code == WS_NO_STATUS || ws_code_valid(code));
    assert(utf8_valid(s));
    note(user, 'C', s);
}

static const struct ws_codec_events events = { on_message, on_ping, on_pong, on_close };

static int run(struct buf *heard, bool is_server, const uint8_t *data, size_t size, size_t step)
{
    struct ws_codec c;
    int code = 0;
    ws_codec_init(&c, is_server, TEXT_MAX, BINARY_MAX, &events, heard);
    for (size_t at = 0; at < size && !code; at += step) {
        size_t len = MIN(step, size - at);
        char *copy = xmemdup(data + at, len);
        code = ws_codec_feed(&c, copy, len);
        mem_free(copy);
    }
    ws_codec_done(&c);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    auto_buf struct buf whole = { 0 }, pieces = { 0 };
    bool is_server = data[0] & 1;
    int a = run(&whole, is_server, data + 1, size - 1, size);
    int b = run(&pieces, is_server, data + 1, size - 1, 1 + (data[0] >> 4));
    assert(a == b);
    assert(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
    return 0;
}
