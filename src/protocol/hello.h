/* SPDX-License-Identifier: MIT
 * hello.h -- the first message of each side: which hellos are answered (a table), what they ask for,
 * and what we answer. Pure. */
#ifndef PARLEY_PROTOCOL_HELLO_H
#define PARLEY_PROTOCOL_HELLO_H

#include "base/json.h"
#include "protocol/msg.h"

enum hello_medium { HELLO_OVER_WEBSOCKET, HELLO_OVER_MQTT };

/* Values that were out of range and replaced by the default; one WARN for all of them. */
enum hello_odd {
    HELLO_ODD_RATE = 1 << 0,
    HELLO_ODD_DURATION = 1 << 1,
    HELLO_ODD_CHANNELS = 1 << 2,
};

struct hello_audio {
    bool is_pcm;        /* 16 bit little-endian in both directions; otherwise Opus */
    uint32_t rate_hz;   /* 8000, 12000, 16000, 24000, 48000 */
    uint32_t channels;
    uint32_t frame_us;  /* 2500..120000 */
};

struct hello {
    bool is_acked;        /* else: send msg_error(code, why) and wait for a better one */
    enum msg_code code;   /* SCHEMA_INVALID or UNSUPPORTED_FORMAT when not acked */
    const char *why;      /* static text, NULL when acked */
    int64_t version;      /* 0: absent */
    bool is_udp;          /* acked over MQTT: the answer needs a udp block */
    bool has_audio_params;
    struct hello_audio audio;
    unsigned odd;         /* enum hello_odd */
    bool has_mcp, has_aec, wants_emoji, wants_transcription, has_peer, has_ui, has_large;
};
/* Never fails: whatever is wrong with it is in `out`. */
void hello_read(struct hello *out, const struct json *message, enum hello_medium medium);

#define SESSION_ID_BYTES 64
struct hello_udp {
    const char *server;
    uint16_t port;
    uint8_t key[16], nonce[16];
};
/* The server's answer: all of it is always written, devices reboot or stay silent without. */
struct hello_reply {
    int64_t version;           /* the framing in use */
    const char *session_id;    /* [0-9A-Za-z-]+ */
    bool is_pcm;
    uint32_t rate_hz, frame_ms;
    const struct hello_udp *udp; /* NULL: websocket */
    struct slice req_id;         /* of the hello; empty: none */
};
void hello_write(struct buf *out, const struct hello_reply *r);

/* The client's side, for the simulated device. */
struct hello_request {
    int64_t version;
    bool is_pcm, has_mcp, has_aec;
    uint32_t rate_hz, frame_ms;
};
void hello_write_request(struct buf *out, const struct hello_request *r);
struct hello_answer {
    char session_id[SESSION_ID_BYTES];
    bool is_pcm;
    uint32_t rate_hz, frame_ms;
};
/* ERR_PROTO with a reason: what would make a real device reboot, wait or stay silent. */
must_check enum err hello_read_answer(struct hello_answer *out, const struct json *message, const char **why);

#endif
