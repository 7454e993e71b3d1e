/* SPDX-License-Identifier: MIT
 * msg_out.c -- writing messages. All go through begin(), which keeps type first and session_id second, and
 * put_text(), which keeps a message below what a device can parse. */
#include "base/utf8.h"
#include "protocol/emotion.h"
#include "protocol/msg.h"

enum { TEXT_ESCAPED_MAX_BYTES = 7000, IOT_ECHO_MAX_BYTES = 256 };

static void begin(struct jw *w, struct buf *out, const char *type, const char *sid)
{
    jw_init(w, out);
    jw_object(w);
    jw_cstr(w, "type", type);
    if (sid)
        jw_cstr(w, "session_id", sid);
}

static size_t escaped_bytes(unsigned char c, bool is_utf8)
{
    return c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : c < 0x80 || is_utf8 ? 1 : 3;
}

/* As much of the text as fits when escaped, cut at a character, and at a NUL, where devices stop anyway. */
static struct slice fitting(struct slice text)
{
    bool is_utf8 = utf8_valid(text);
    size_t escaped = 0, at = 0;
    for (; at < text.len && text.data[at]; at++) {
        escaped += escaped_bytes((unsigned char)text.data[at], is_utf8);
        if (escaped > TEXT_ESCAPED_MAX_BYTES)
            break;
    }
    return at == text.len ? text : slice_sub(text, 0, utf8_cut(text, at));
}

static void put_text(struct jw *w, const char *key, struct slice text)
{
    jw_str(w, key, fitting(text));
}

static void put_req_id(struct jw *w, struct slice req_id)
{
    if (req_id.len > 0)
        jw_str(w, "reqId", req_id);
}

void msg_stt(struct buf *out, const char *sid, struct slice text)
{
    struct jw w;
    begin(&w, out, "stt", sid);
    put_text(&w, "text", text);
    jw_end(&w);
}

void msg_emotion(struct buf *out, const char *sid, const char *name, const char *emoji)
{
    struct jw w;
    begin(&w, out, "llm", sid);
    jw_cstr(&w, "text", emoji);
    jw_cstr(&w, "emotion", name);
    jw_end(&w);
}

static void tts(struct buf *out, const char *sid, const char *state, const struct slice *text)
{
    struct jw w;
    begin(&w, out, "tts", sid);
    jw_cstr(&w, "state", state);
    if (text)
        put_text(&w, "text", *text);
    jw_end(&w);
}

static void tts_sentence(struct buf *out, const char *sid, const char *state, struct slice text)
{
    auto_buf struct buf clean = { 0 };
    emotion_strip(&clean, text);
    struct slice s = buf_slice(&clean);
    tts(out, sid, state, &s);
}

void msg_tts_start(struct buf *out, const char *sid)
{
    tts(out, sid, "start", NULL);
}

void msg_tts_stop(struct buf *out, const char *sid)
{
    tts(out, sid, "stop", NULL);
}

void msg_tts_sentence_start(struct buf *out, const char *sid, struct slice text)
{
    tts_sentence(out, sid, "sentence_start", text);
}

void msg_tts_sentence_end(struct buf *out, const char *sid, struct slice text)
{
    tts_sentence(out, sid, "sentence_end", text);
}

void msg_alert(struct buf *out, const char *status, struct slice message, const char *emotion)
{
    struct jw w;
    begin(&w, out, "alert", NULL);
    jw_cstr(&w, "status", status);
    put_text(&w, "message", message);
    jw_cstr(&w, "emotion", emotion);
    jw_end(&w);
}

void msg_mcp(struct buf *out, const char *sid, struct slice payload)
{
    struct jw w;
    begin(&w, out, "mcp", sid);
    jw_raw(&w, "payload", payload);
    jw_end(&w);
}

void msg_iot_command(struct buf *out, const char *sid, struct slice device, struct slice method,
                     const struct json *parameters)
{
    struct jw w;
    begin(&w, out, "iot", sid);
    jw_array_as(&w, "commands");
    jw_object(&w);
    jw_str(&w, "name", device);
    jw_str(&w, "method", method);
    if (parameters) {
        jw_json(&w, "parameters", parameters);
    } else {
        jw_object_as(&w, "parameters");
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
}

void msg_iot_echo(struct buf *out, const char *sid, struct slice text, struct slice req_id)
{
    struct jw w;
    begin(&w, out, "iot", sid);
    jw_cstr(&w, "state", "success");
    jw_str(&w, "text", slice_sub(text, 0, utf8_cut(text, IOT_ECHO_MAX_BYTES)));
    put_req_id(&w, req_id);
    jw_end(&w);
}

void msg_transcription(struct buf *out, const char *sid, struct slice text, int64_t ts_ms)
{
    struct jw w;
    begin(&w, out, "audio", sid);
    jw_cstr(&w, "event", "transcription");
    put_text(&w, "text", text);
    jw_i64(&w, "ts", ts_ms);
    jw_end(&w);
}

void msg_pong(struct buf *out, const char *timestamp, struct slice req_id)
{
    struct jw w;
    begin(&w, out, "pong", NULL);
    jw_cstr(&w, "timestamp", timestamp);
    put_req_id(&w, req_id);
    jw_end(&w);
}

void msg_error(struct buf *out, enum msg_code code, const char *message, struct slice req_id)
{
    struct jw w;
    begin(&w, out, "error", NULL);
    jw_cstr(&w, "code", msg_code_name(code));
    if (message)
        put_text(&w, "message", slice_of(message));
    put_req_id(&w, req_id);
    jw_end(&w);
}

void msg_reboot(struct buf *out)
{
    struct jw w;
    begin(&w, out, "system", NULL);
    jw_cstr(&w, "command", "reboot");
    jw_end(&w);
}

void msg_notice(struct buf *out, enum msg_notice n, const struct msg_notice_opts *o)
{
    static const char *const events[] = {
#define X(name) [MSG_NOTICE_##name] = #name,
        MSG_NOTICE_LIST(X)
#undef X
    };
    struct jw w;
    begin(&w, out, "system", NULL);
    jw_cstr(&w, "event", events[n]);
    if (o && o->code != CODE_NONE)
        jw_cstr(&w, "code", msg_code_name(o->code));
    if (o && o->message)
        put_text(&w, "message", slice_of(o->message));
    if (o && o->close_in_ms >= 0)
        jw_i64(&w, "closeInMs", o->close_in_ms);
    jw_end(&w);
}

void msg_reply_begin(struct jw *w, struct buf *out, const char *type, bool is_ok, struct slice req_id)
{
    begin(w, out, type, NULL);
    jw_cstr(w, "status", is_ok ? "ok" : "error");
    put_req_id(w, req_id);
}

void msg_reply_end(struct jw *w)
{
    jw_end(w);
}

void msg_reply_error(struct buf *out, const char *type, enum msg_code code, const char *message,
                     struct slice req_id)
{
    struct jw w;
    msg_reply_begin(&w, out, type, false, req_id);
    jw_cstr(&w, "code", msg_code_name(code));
    put_text(&w, "message", slice_of(message ? message : ""));
    msg_reply_end(&w);
}

void msg_config_update_ok(struct buf *out, struct slice req_id)
{
    struct jw w;
    msg_reply_begin(&w, out, "config_update", true, req_id);
    jw_bool(&w, "noop", true);
    msg_reply_end(&w);
}

void msg_server_reply(struct buf *out, bool is_ok, const char *message, const char *action, struct slice req_id)
{
    struct jw w;
    begin(&w, out, "server", NULL);
    jw_cstr(&w, "status", is_ok ? "success" : "error");
    jw_cstr(&w, "message", message);
    if (action) {
        jw_object_as(&w, "content");
        jw_cstr(&w, "action", action);
        jw_end(&w);
    }
    put_req_id(&w, req_id);
    jw_end(&w);
}

static void listen_as(struct jw *w, struct buf *out, const char *sid, const char *state)
{
    begin(w, out, "listen", sid);
    jw_cstr(w, "state", state);
}

void msg_listen_start(struct buf *out, const char *sid, enum msg_listen_mode mode)
{
    static const char *const modes[] = { "auto", "manual", "realtime" };
    struct jw w;
    listen_as(&w, out, sid, "start");
    jw_cstr(&w, "mode", modes[mode]);
    jw_end(&w);
}

void msg_listen_stop(struct buf *out, const char *sid)
{
    struct jw w;
    listen_as(&w, out, sid, "stop");
    jw_end(&w);
}

void msg_listen_detect(struct buf *out, const char *sid, struct slice text)
{
    struct jw w;
    listen_as(&w, out, sid, "detect");
    put_text(&w, "text", text);
    jw_end(&w);
}

void msg_abort(struct buf *out, const char *sid, const char *reason)
{
    struct jw w;
    begin(&w, out, "abort", sid);
    if (reason)
        jw_cstr(&w, "reason", reason);
    jw_end(&w);
}
