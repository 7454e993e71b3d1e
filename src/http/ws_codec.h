/* SPDX-License-Identifier: MIT
 * ws_codec.h -- WebSocket frames (RFC 6455), both sides. Pure: bytes in, events out, no socket.
 *
 *     ws_codec_feed(bytes) -> header -> unmask in place -> on_message | on_ping | on_pong | on_close
 *
 * A message that lies whole in the fed bytes is handed on in place and costs no memory; fragments
 * and cut frames are joined in a buffer bounded by the limits, which is freed when they are done.
 * Text is checked as UTF-8 while it comes, so bad bytes and oversize are refused at once. */
#ifndef PARLEY_HTTP_WS_CODEC_H
#define PARLEY_HTTP_WS_CODEC_H

#include "base/buf.h"

enum ws_opcode {
    WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10,
};

#define WS_HEAD_MAX 14       /* bytes: 2 + 8 + 4 */
#define WS_CONTROL_MAX 125   /* bytes of payload in a control frame */
#define WS_NO_STATUS 1005    /* a Close frame without a code */
#define WS_ABNORMAL 1006     /* the stream ended without a Close frame */

struct ws_codec;
struct ws_codec_events {
    void (*on_message)(void *user, bool is_text, struct slice data); /* borrowed */
    void (*on_ping)(void *user, struct slice data);
    void (*on_pong)(void *user, struct slice data);
    void (*on_close)(void *user, int code, struct slice reason); /* nothing is read after it */
};

struct ws_codec {
    const struct ws_codec_events *ev;
    void *user;
    struct buf message;          /* what came of the message so far */
    struct buf control;          /* of a control frame that came cut */
    uint64_t left;               /* payload bytes of the frame still to come */
    uint32_t text_max, binary_max;
    uint32_t utf8_state;
    uint8_t mask[4];
    uint8_t head[WS_HEAD_MAX];
    uint8_t head_len, mask_at;
    uint8_t opcode;              /* of the frame being read */
    uint8_t message_opcode;      /* WS_TEXT or WS_BINARY inside a message, otherwise 0 */
    bool is_server, in_payload, is_final, stopped;
};

/* is_server: we are, so frames must come masked. Limits per message in bytes. */
void ws_codec_init(struct ws_codec *c, bool is_server, size_t text_max, size_t binary_max,
                   const struct ws_codec_events *ev, void *user);
void ws_codec_done(struct ws_codec *c);
/* Reads `len` bytes, which are overwritten. 0, or the code to close with: 1002 broken protocol, 1007
 * bad UTF-8, 1009 too big, 1011 no memory. After a code, an on_close or ws_codec_stop nothing is read. */
int ws_codec_feed(struct ws_codec *c, char *data, size_t len);
void ws_codec_stop(struct ws_codec *c); /* no more events, also from inside one */

/* Frame header of an unfragmented message; mask NULL: unmasked. Returns its length, 2..14. */
size_t ws_head(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t payload_bytes, const uint8_t mask[4]);
/* XORs data with the mask; `at` is the position of data[0] in the payload. */
void ws_mask(char *data, size_t len, const uint8_t mask[4], size_t at);
/* May this code stand in a Close frame? */
bool ws_code_valid(int code);
/* The payload of a Close frame; the reason is cut at a character so that it fits. Returns its length. */
size_t ws_close_payload(uint8_t out[WS_CONTROL_MAX], int code, struct slice reason);
/* Sec-WebSocket-Accept for a key. */
void ws_accept_key(struct slice key, char out[29]);

#endif
