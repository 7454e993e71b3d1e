/* SPDX-License-Identifier: MIT
 * dispatch.c -- what a device sends, to its handler: text by the table of messages, audio by framing.
 *
 * Before an acked hello only a few types are read, the rest is ignored. */
#include "gateway/session.h"

#define LOG_TOPIC "gateway"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "tools/tool_mcp.h"

static uint64_t hash(struct slice s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (uint8_t)s.data[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Once per type name, SESSION_UNKNOWN_TYPES_MAX names. */
static void unknown_type(struct session *s, const struct msg *m)
{
    uint64_t name = hash(m->type_text);

    for (unsigned i = 0; i < s->unknown_count; i++) {
        if (s->unknown_types[i] == name)
            return;
    }
    if (s->unknown_count == SESSION_UNKNOWN_TYPES_MAX)
        return;
    if (!s->unknown_types)
        s->unknown_types = xalloc(SESSION_UNKNOWN_TYPES_MAX * sizeof(*s->unknown_types));
    s->unknown_types[s->unknown_count++] = name;
    LOGW(&s->log, "message.unknown", "type=\"" SLICE_FMT "\"", SLICE_ARG(m->type_text));
    session_error(s, m, CODE_UNKNOWN_TYPE, "unknown or missing type");
}

static bool is_read_before_hello(enum msg_type t)
{
    return t == MSG_hello || t == MSG_ping || t == MSG_keepalive || t == MSG_server;
}

static void dispatch(struct session *s, const struct msg *m)
{
    switch (m->type) {
#define X(name, wire)            \
    case MSG_##name:             \
        handle_msg_##name(s, m); \
        break;
        MSG_IN(X)
#undef X
    case MSG_UNKNOWN:
    case MSG_TYPES:
        unknown_type(s, m);
        break;
    }
}

/* Everything a session keeps has a limit of its own; this one holds for all together. */
static bool memory_is_kept(struct session *s)
{
    size_t bytes = session_bytes(s);

    if (bytes <= (size_t)s->home->config->limits_session_bytes)
        return true;
    LOGE(&s->log, "session.bytes", "bytes=%zu limit=%lld", bytes, (long long)s->home->config->limits_session_bytes);
    session_close(s, WS_TRY_LATER, "too much memory");
    return false;
}

void session_text_in(struct session *s, struct slice text)
{
    auto_msg struct msg m = { 0 };

    if (!session_is_open(s))
        return;
    s->messages++;
    metric_add(METRIC_messages_in_total, 1);
    metric_add(METRIC_bytes_in_total, (int64_t)text.len);
    idle_message(&s->idle);
    if (!rates_text(&s->rates, loop_now_ms(s->loop))) {
        metric_add_label(METRIC_rate_limited_total, "text", 1);
        session_error(s, NULL, CODE_RATE_LIMITED, "too many messages");
        session_close(s, WS_POLICY, "too many messages");
        return;
    }
    if (s->messages % SESSION_BYTES_LOOK == 0 && !memory_is_kept(s))
        return;
    enum msg_code code = msg_parse(&m, text);
    LOGT(&s->log, "message.in", "type=%s bytes=%zu", msg_type_name(m.type), text.len);
    if (code == CODE_INVALID_JSON) {
        if (!s->mcp || !tool_mcp_broken(s->mcp, text))
            session_error(s, NULL, CODE_INVALID_JSON, NULL);
        return;
    }
    if (s->dialogue || is_read_before_hello(m.type))
        dispatch(s, &m);
    else
        LOGD(&s->log, "message.early", "type=%s", msg_type_name(m.type));
}

void session_audio_in(struct session *s, struct slice message)
{
    struct audio_frame frame;

    if (!session_is_open(s) || !s->dialogue)
        return;
    metric_add(METRIC_frames_in_total, 1);
    metric_add(METRIC_bytes_in_total, (int64_t)message.len);
    idle_message(&s->idle);
    idle_audio_in(&s->idle);
    enum framing f = framing_pick(s->is_gateway_leg, s->hello.version, s->header_framing);
    if (framing_decode(&frame, f, message)) {
        metric_add_label(METRIC_audio_dropped_total, "framing", 1);
        if (!rates_bad_frame(&s->rates, loop_now_ms(s->loop)))
            session_close(s, WS_POLICY, "too many broken frames");
        return;
    }
    if (frame.packet.len > 0)
        dialogue_audio_in(s->dialogue, frame.packet, frame.timestamp_ms);
}
