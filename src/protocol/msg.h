/* SPDX-License-Identifier: MIT
 * msg.h -- the text messages of devices and clients: names, codes, small structs in, JSON out.
 *
 *     text -> msg_parse -> type (MSG_IN) -> handle_<name>: msg_<name>_read -> ...
 *
 * Readers require nothing that may be missing and never look at session_id. Writers append one complete
 * message to a buf, below 8 KB: long texts are cut at a character. Pure. */
#ifndef PARLEY_PROTOCOL_MSG_H
#define PARLEY_PROTOCOL_MSG_H

#include "base/json.h"

#define MSG_OUT_MAX_BYTES 8000   /* a device parses on a 4 KB stack; JSON to it stays below 8 KB */
#define MSG_REQ_ID_MAX_CHARS 64
#define MSG_TYPE_MAX_BYTES 64    /* longer type names are not worth remembering */

/* X(name, "as on the wire") */
#define MSG_IN(X)                                                                                  \
    X(hello, "hello") X(abort, "abort") X(listen, "listen") X(iot, "iot") X(mcp, "mcp")            \
    X(goodbye, "goodbye") X(ping, "ping") X(keepalive, "keepalive") X(speak_ready, "speak_ready")  \
    X(mode, "mode") X(meeting, "meeting") X(coding, "coding") X(workflow, "workflow")              \
    X(peer, "peer") X(server, "server") X(config_update, "config_update") X(ui_ack, "ui.ack")      \
    X(ui_error, "ui.error") X(ui_render, "ui.render") X(device_control, "device.control")

enum msg_type {
    MSG_UNKNOWN,
#define X(name, wire) MSG_##name,
    MSG_IN(X)
#undef X
    MSG_TYPES,
};
enum msg_type msg_type(struct slice name);        /* MSG_UNKNOWN: not in the table */
const char *msg_type_name(enum msg_type t);       /* "" for MSG_UNKNOWN */

#define MSG_CODE_LIST(X)                                                                           \
    X(INVALID_REQUEST) X(SCHEMA_INVALID) X(INVALID_JSON) X(UNKNOWN_TYPE) X(UNSUPPORTED_FORMAT)     \
    X(UNAUTHORIZED) X(RATE_LIMITED) X(BUSY) X(NOT_FOUND) X(NOT_IN_MEETING) X(FORBIDDEN_GROUP)      \
    X(NO_TASK) X(TARGET_OFFLINE) X(LLM_OUTPUT_NOT_JSON) X(REGISTER_FAILED) X(DEVICE_BUSY)          \
    X(INTERNAL_ERROR)
enum msg_code {
    CODE_NONE,
#define X(name) CODE_##name,
    MSG_CODE_LIST(X)
#undef X
};
const char *msg_code_name(enum msg_code c); /* "" for CODE_NONE */
enum msg_code msg_code_of(enum err e);      /* the code that tells a client about an error of ours */

struct msg {
    struct json *root;      /* given: msg_done */
    enum msg_type type;
    struct slice type_text; /* as sent, at most MSG_TYPE_MAX_BYTES; in root */
    struct slice req_id;    /* reqId to echo; empty: none; in root */
};
/* CODE_NONE, CODE_INVALID_JSON (also: no object, too deep, too many nodes) or CODE_UNKNOWN_TYPE (then
 * *out is filled as well). */
enum msg_code msg_parse(struct msg *out, struct slice text);
void msg_done(struct msg *m);
#define auto_msg __attribute__((cleanup(msg_done)))

/* --- in ------------------------------------------------------------------------------------------ */

enum msg_listen_state { MSG_LISTEN_START, MSG_LISTEN_STOP, MSG_LISTEN_DETECT };
enum msg_listen_mode { MSG_LISTEN_AUTO, MSG_LISTEN_MANUAL, MSG_LISTEN_REALTIME }; /* as enum listen_mode */
struct msg_listen {
    enum msg_listen_state state;
    enum msg_listen_mode mode; /* START; a missing or unknown one is AUTO */
    struct slice text;         /* DETECT; borrowed from the message */
};
/* ERR_INVALID: no known state; then *why names it. */
must_check enum err msg_listen_read(struct msg_listen *out, const struct json *m, const char **why);

struct msg_abort {
    bool by_wake_word;   /* reason "wake_word_detected" */
    struct slice reason;
};
void msg_abort_read(struct msg_abort *out, const struct json *m);

struct msg_iot {
    const struct json *descriptors, *states; /* arrays, or NULL */
    struct slice text;                       /* with neither of them: to be echoed */
};
void msg_iot_read(struct msg_iot *out, const struct json *m);

struct msg_mcp {
    const struct json *payload; /* a JSON-RPC object; see mcp.h */
};
must_check enum err msg_mcp_read(struct msg_mcp *out, const struct json *m, const char **why);

struct msg_server {
    enum { MSG_SERVER_OTHER, MSG_SERVER_UPDATE_CONFIG, MSG_SERVER_RESTART, MSG_SERVER_SUBSCRIBE_STATS } action;
    struct slice action_text, secret;
};
must_check enum err msg_server_read(struct msg_server *out, const struct json *m, const char **why);

struct msg_mode {
    bool is_start;
    struct slice mode; /* "meeting", "coding", "working" */
};
must_check enum err msg_mode_read(struct msg_mode *out, const struct json *m, const char **why);

/* --- out: sid may be NULL (then the field is left out) --------------------------------------------- */

void msg_stt(struct buf *out, const char *sid, struct slice text);
void msg_emotion(struct buf *out, const char *sid, const char *name, const char *emoji); /* type llm */
void msg_tts_start(struct buf *out, const char *sid);
void msg_tts_stop(struct buf *out, const char *sid);
void msg_tts_sentence_start(struct buf *out, const char *sid, struct slice text); /* emoji and newlines removed */
void msg_tts_sentence_end(struct buf *out, const char *sid, struct slice text);
void msg_alert(struct buf *out, const char *status, struct slice message, const char *emotion);
void msg_mcp(struct buf *out, const char *sid, struct slice payload); /* payload: JSON text of ours */
void msg_iot_command(struct buf *out, const char *sid, struct slice device, struct slice method,
                     const struct json *parameters);
void msg_iot_echo(struct buf *out, const char *sid, struct slice text, struct slice req_id); /* <= 256 bytes of it */
void msg_transcription(struct buf *out, const char *sid, struct slice text, int64_t ts_ms);
void msg_pong(struct buf *out, const char *timestamp, struct slice req_id); /* "YYYY-MM-DD HH:MM:SS" */
void msg_error(struct buf *out, enum msg_code code, const char *message, struct slice req_id);
void msg_reboot(struct buf *out);

/* Notices: X(event). close_in_ms < 0: left out; message and code may be empty / CODE_NONE. */
#define MSG_NOTICE_LIST(X) \
    X(idle_warning) X(timeout_warning) X(device_takeover) X(register_failed) X(keepalive) X(draining)
enum msg_notice {
#define X(name) MSG_NOTICE_##name,
    MSG_NOTICE_LIST(X)
#undef X
};
struct msg_notice_opts {
    const char *message;
    enum msg_code code;
    int64_t close_in_ms;
};
void msg_notice(struct buf *out, enum msg_notice n, const struct msg_notice_opts *o); /* o NULL: bare */

/* {"type":T,"status":"ok"|"error",...}: the common answer. Closed by msg_reply_end, so that more can be
 * written between. */
void msg_reply_begin(struct jw *w, struct buf *out, const char *type, bool is_ok, struct slice req_id);
void msg_reply_end(struct jw *w);
void msg_reply_error(struct buf *out, const char *type, enum msg_code code, const char *message,
                     struct slice req_id);
void msg_config_update_ok(struct buf *out, struct slice req_id);
void msg_server_reply(struct buf *out, bool is_ok, const char *message, const char *action, /* NULL: none */
                      struct slice req_id);

/* What a client sends (simulated device, tests). */
void msg_listen_start(struct buf *out, const char *sid, enum msg_listen_mode mode);
void msg_listen_stop(struct buf *out, const char *sid);
void msg_listen_detect(struct buf *out, const char *sid, struct slice text);
void msg_abort(struct buf *out, const char *sid, const char *reason); /* NULL: the button */

#endif
