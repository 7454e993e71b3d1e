/* SPDX-License-Identifier: MIT
 * ws_codec.c -- a frame reader with two states (header, payload) and a frame writer.
 *
 * What is refused stands in check_head(); lengths written longer than needed are accepted, since
 * they are harmless and some small clients send them. */
#include "http/ws_codec.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/utf8.h"

#define KEEP_BYTES 1024u /* a binary message that came cut leaves its buffer for the next, up to this */

enum { CODE_PROTOCOL = 1002, CODE_BAD_TEXT = 1007, CODE_TOO_BIG = 1009, CODE_INTERNAL = 1011 };

void ws_codec_init(struct ws_codec *c, bool is_server, size_t text_max, size_t binary_max,
                   const struct ws_codec_events *ev, void *user)
{
    memset(c, 0, sizeof(*c));
    c->is_server = is_server;
    c->text_max = (uint32_t)MIN(text_max, UINT32_MAX);
    c->binary_max = (uint32_t)MIN(binary_max, UINT32_MAX);
    c->ev = ev;
    c->user = user;
}

void ws_codec_done(struct ws_codec *c)
{
    buf_done(&c->message);
    buf_done(&c->control);
    c->stopped = true;
}

void ws_codec_stop(struct ws_codec *c)
{
    c->stopped = true;
}

void ws_mask(char *data, size_t len, const uint8_t mask[4], size_t at)
{
    uint8_t turned[8];
    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = mask[(at + i) & 3];
    uint64_t wide, chunk;
    memcpy(&wide, turned, sizeof(wide));
    size_t i = 0;
    for (; i + sizeof(chunk) <= len; i += sizeof(chunk)) {
        memcpy(&chunk, data + i, sizeof(chunk));
        chunk ^= wide;
        memcpy(data + i, &chunk, sizeof(chunk));
    }
    for (; i < len; i++)
        data[i] = (char)((uint8_t)data[i] ^ turned[i & 7]);
}

bool ws_code_valid(int code)
{
    if (code >= 3000 && code <= 4999)
        return true;
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

static bool is_control(uint8_t opcode)
{
    return opcode >= WS_CLOSE;
}

/* Length of the whole header, known after its second byte. */
static size_t head_need(const uint8_t *head)
{
    size_t need = 2;
    uint8_t short_len = head[1] & 0x7f;
    if (short_len == 126)
        need += 2;
    if (short_len == 127)
        need += 8;
    if (head[1] & 0x80)
        need += 4;
    return need;
}

/* What two bytes can already tell. */
static int check_head(const struct ws_codec *c, const uint8_t *head)
{
    uint8_t opcode = head[0] & 0x0f;
    bool is_final = head[0] & 0x80;
    bool is_masked = head[1] & 0x80;
    if (head[0] & 0x70)
        return CODE_PROTOCOL; /* no extension was negotiated */
    if (is_masked != c->is_server)
        return CODE_PROTOCOL;
    if (opcode > WS_PONG || (opcode > WS_BINARY && opcode < WS_CLOSE))
        return CODE_PROTOCOL;
    if (is_control(opcode))
        return is_final && (head[1] & 0x7f) <= WS_CONTROL_MAX ? 0 : CODE_PROTOCOL;
    bool in_message = c->message_opcode != 0;
    return (opcode == WS_CONTINUATION) == in_message ? 0 : CODE_PROTOCOL;
}

static uint64_t read_big_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The header is complete: a frame begins. */
static int begin_frame(struct ws_codec *c)
{
    const uint8_t *head = c->head;
    size_t at = 2;
    uint64_t len = head[1] & 0x7f;
    if (len >= 126) {
        size_t width = len == 126 ? 2 : 8;
        len = read_big_endian(head + at, width);
        at += width;
    }
    if (len >> 63)
        return CODE_PROTOCOL;
    if (head[1] & 0x80)
        memcpy(c->mask, head + at, 4);
    c->mask_at = 0;
    c->opcode = head[0] & 0x0f;
    c->is_final = head[0] & 0x80;
    c->left = len;
    c->head_len = 0;
    c->in_payload = true;
    if (is_control(c->opcode))
        return 0;
    if (c->opcode != WS_CONTINUATION) {
        c->message_opcode = c->opcode;
        c->utf8_state = 0;
    }
    uint64_t max = c->message_opcode == WS_TEXT ? c->text_max : c->binary_max;
    return len > max || c->message.len + len > max ? CODE_TOO_BIG : 0;
}

static int read_head(struct ws_codec *c, const char *data, size_t len, size_t *used)
{
    while (*used < len) {
        c->head[c->head_len++] = (uint8_t)data[(*used)++];
        if (c->head_len < 2)
            continue;
        if (c->head_len == 2) {
            int code = check_head(c, c->head);
            if (code)
                return code;
        }
        if (c->head_len == head_need(c->head))
            return begin_frame(c);
    }
    return 0;
}

static int end_close(struct ws_codec *c, struct slice payload)
{
    int code = WS_NO_STATUS;
    struct slice reason = { NULL, 0 };
    if (payload.len == 1)
        return CODE_PROTOCOL;
    if (payload.len >= 2) {
        code = (int)read_big_endian((const uint8_t *)payload.data, 2);
        reason = slice_sub(payload, 2, payload.len);
        if (!ws_code_valid(code))
            return CODE_PROTOCOL;
        if (!utf8_valid(reason))
            return CODE_BAD_TEXT;
    }
    c->stopped = true;
    c->ev->on_close(c->user, code, reason);
    return 0;
}

static int end_control(struct ws_codec *c, struct slice payload)
{
    c->in_payload = false;
    if (c->opcode == WS_CLOSE)
        return end_close(c, payload);
    if (c->opcode == WS_PING)
        c->ev->on_ping(c->user, payload);
    else
        c->ev->on_pong(c->user, payload);
    return 0;
}

static int end_message(struct ws_codec *c, struct slice whole)
{
    bool is_text = c->message_opcode == WS_TEXT;
    if (is_text && c->utf8_state != 0)
        return CODE_BAD_TEXT; /* ends inside a character */
    c->message_opcode = 0;
    c->ev->on_message(c->user, is_text, whole);
    return 0;
}

static int keep(struct buf *to, struct slice piece, size_t max)
{
    to->max = MAX(max, 1);
    enum err e = buf_put(to, piece);
    if (e == OK)
        return 0;
    return e == ERR_LIMIT ? CODE_TOO_BIG : CODE_INTERNAL;
}

/* A piece of a data frame, already unmasked. */
static int data_piece(struct ws_codec *c, struct slice piece)
{
    bool frame_ends = c->left == 0;
    if (c->message_opcode == WS_TEXT && !utf8_feed(&c->utf8_state, piece))
        return CODE_BAD_TEXT;
    if (frame_ends)
        c->in_payload = false;
    if (frame_ends && c->is_final && c->message.len == 0)
        return end_message(c, piece); /* in place */
    if (piece.len > 0) {
        int code = keep(&c->message, piece, c->message_opcode == WS_TEXT ? c->text_max : c->binary_max);
        if (code)
            return code;
    }
    if (!frame_ends || !c->is_final)
        return 0;
    auto_buf struct buf whole = c->message; /* an event may end us: ours no more */
    memset(&c->message, 0, sizeof(c->message));
    bool may_keep = c->message_opcode == WS_BINARY && whole.cap <= KEEP_BYTES;
    int code = end_message(c, buf_slice(&whole));
    if (may_keep && !c->stopped) { /* a sender of cut audio does so with every frame */
        c->message = (struct buf){ .data = take_ptr(&whole.data), .cap = whole.cap };
    }
    return code;
}

/* A control frame may come cut, even between the fragments of a message, so it waits apart from it. */
static int control_piece(struct ws_codec *c, struct slice piece)
{
    if (c->left == 0 && c->control.len == 0)
        return end_control(c, piece);
    int code = keep(&c->control, piece, WS_CONTROL_MAX);
    if (code || c->left > 0)
        return code;
    auto_buf struct buf whole = c->control;
    memset(&c->control, 0, sizeof(c->control));
    return end_control(c, buf_slice(&whole));
}

static int read_payload(struct ws_codec *c, char *data, size_t len, size_t *used)
{
    size_t take = (size_t)MIN(c->left, (uint64_t)(len - *used));
    char *piece = data + *used;
    if (c->is_server)
        ws_mask(piece, take, c->mask, c->mask_at);
    c->mask_at = (uint8_t)((c->mask_at + take) & 3);
    c->left -= take;
    *used += take;
    struct slice s = { piece, take };
    return is_control(c->opcode) ? control_piece(c, s) : data_piece(c, s);
}

int ws_codec_feed(struct ws_codec *c, char *data, size_t len)
{
    size_t used = 0;
    int code = 0;
    while (!c->stopped && code == 0) {
        if (c->in_payload && (used < len || c->left == 0))
            code = read_payload(c, data, len, &used);
        else if (!c->in_payload && used < len)
            code = read_head(c, data, len, &used);
        else
            break;
    }
    if (code)
        c->stopped = true;
    return code;
}

size_t ws_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t payload_bytes, const uint8_t mask[4])
{
    size_t len = 2;
    uint8_t mask_bit = mask ? 0x80 : 0;
    out[0] = (uint8_t)(0x80 | opcode);
    if (payload_bytes < 126) {
        out[1] = (uint8_t)(mask_bit | payload_bytes);
    } else {
        size_t width = payload_bytes <= UINT16_MAX ? 2 : 8;
        out[1] = (uint8_t)(mask_bit | (width == 2 ? 126 : 127));
        for (size_t i = 0; i < width; i++)
            out[len++] = (uint8_t)(payload_bytes >> (8 * (width - 1 - i)));
    }
    if (mask) {
        memcpy(out + len, mask, 4);
        len += 4;
    }
    return len;
}

size_t ws_close_payload(uint8_t out[WS_CONTROL_MAX], int code, struct slice reason)
{
    if (!ws_code_valid(code))
        return 0;
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    size_t fits = reason.len ? utf8_cut(reason, WS_CONTROL_MAX - 2) : 0;
    if (fits > 0)
        memcpy(out + 2, reason.data, fits);
    return 2 + fits;
}

void ws_accept_key(struct slice key, char out[29])
{
    uint8_t digest[20];
    auto_buf struct buf text = { 0 };
    (void)buf_put(&text, key);
    (void)buf_puts(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1(buf_slice(&text), digest);
    auto_buf struct buf coded = { 0 };
    base64_put(&coded, slice_from(digest, sizeof(digest)));
    memcpy(out, coded.data, 28);
    out[28] = '\0';
}
