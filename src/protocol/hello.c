/* SPDX-License-Identifier: MIT
 * hello.c -- the hello table and both sides' first message. */
#include "protocol/hello.h"

#include "base/crypto.h"

enum { RATE_DEFAULT_HZ = 16000, FRAME_DEFAULT_US = 60000, FRAME_MIN_US = 2500, FRAME_MAX_US = 120000 };

/* What `transport` said. */
enum transport { TRANSPORT_ABSENT, TRANSPORT_WEBSOCKET, TRANSPORT_UDP, TRANSPORT_OTHER, TRANSPORTS };

struct verdict {
    bool is_acked;
    const char *why;
};
#define ACK { true, NULL }
#define NO(why) { false, why }

/* [over MQTT][transport][has audio parameters] */
static const struct verdict verdicts[2][TRANSPORTS][2] = {
    [HELLO_OVER_WEBSOCKET] = {
        [TRANSPORT_ABSENT]    = { ACK, ACK },
        [TRANSPORT_WEBSOCKET] = { NO("audio_params is missing"), ACK },
        [TRANSPORT_UDP]       = { NO("transport must be websocket"), NO("transport must be websocket") },
        [TRANSPORT_OTHER]     = { NO("transport must be websocket"), NO("transport must be websocket") },
    },
    [HELLO_OVER_MQTT] = {
        [TRANSPORT_ABSENT]    = { NO("transport is missing"), NO("transport is missing") },
        [TRANSPORT_WEBSOCKET] = { NO("transport must be udp"), NO("transport must be udp") },
        [TRANSPORT_UDP]       = { NO("audio_params is missing"), ACK },
        [TRANSPORT_OTHER]     = { NO("transport must be udp"), NO("transport must be udp") },
    },
};

static enum transport transport_of(const struct json *v)
{
    if (json_is(v, JSON_NULL))
        return TRANSPORT_ABSENT;
    struct slice text = json_text(v);
    if (slice_is(text, "websocket"))
        return TRANSPORT_WEBSOCKET;
    return slice_is(text, "udp") ? TRANSPORT_UDP : TRANSPORT_OTHER;
}

/* snake_case in audio_params wins over camelCase in audioParams, field by field. */
static const struct json *audio_field(const struct json *m, const char *snake, const char *camel)
{
    static const char *const blocks[] = { "audio_params", "audioParams" };
    for (size_t i = 0; i < COUNT(blocks); i++) {
        const struct json *block = json_get(m, blocks[i]);
        const struct json *v = json_get(block, snake);
        if (!v)
            v = json_get(block, camel);
        if (v)
            return v;
    }
    return NULL;
}

static bool is_rate(int64_t hz)
{
    return hz == 8000 || hz == 12000 || hz == 16000 || hz == 24000 || hz == 48000;
}

static void read_audio(struct hello *out, const struct json *m)
{
    const struct json *rate = audio_field(m, "sample_rate", "sampleRate");
    const struct json *duration = audio_field(m, "frame_duration", "frameDuration");
    const struct json *channels = audio_field(m, "channels", "channels");

    int64_t hz = rate ? json_i64(rate, 0) : RATE_DEFAULT_HZ;
    if (is_rate(hz))
        out->audio.rate_hz = (uint32_t)hz;
    else
        out->odd |= HELLO_ODD_RATE;

    double ms = duration ? json_f64(duration, (double)json_i64(duration, 0)) : FRAME_DEFAULT_US / 1000.0;
    if (ms * 1000 >= FRAME_MIN_US && ms * 1000 <= FRAME_MAX_US)
        out->audio.frame_us = (uint32_t)(ms * 1000);
    else
        out->odd |= HELLO_ODD_DURATION;

    int64_t count = channels ? json_i64(channels, 0) : 1;
    if (count == 1 || count == 2)
        out->audio.channels = (uint32_t)count;
    else
        out->odd |= HELLO_ODD_CHANNELS;
}

static void read_features(struct hello *out, const struct json *m)
{
    const struct json *f = json_get(m, "features");
    out->has_mcp = json_get_bool(f, "mcp", false);
    out->has_aec = json_get_bool(f, "aec", false);
    out->wants_emoji = json_get_bool(f, "emoji", true);
    out->wants_transcription = json_get_bool(f, "transcription", false);
    out->has_peer = json_get_bool(f, "peer", false);
    out->has_ui = json_get_bool(f, "ui", false);
    out->has_large = json_get_bool(f, "large", false);
}

static void refuse(struct hello *out, enum msg_code code, const char *why)
{
    out->is_acked = false;
    out->code = code;
    out->why = why;
}

static void check_format(struct hello *out, const struct json *m)
{
    const struct json *format = audio_field(m, "format", "format");
    if (!format || slice_eq_nocase(json_text(format), SLICE("opus")))
        return;
    out->audio.is_pcm = slice_eq_nocase(json_text(format), SLICE("pcm"));
    if (!out->audio.is_pcm)
        refuse(out, CODE_UNSUPPORTED_FORMAT, "audio format must be opus or pcm");
}

void hello_read(struct hello *out, const struct json *m, enum hello_medium medium)
{
    *out = (struct hello){
        .version = json_get_i64(m, "version", 0),
        .audio = { .rate_hz = RATE_DEFAULT_HZ, .channels = 1, .frame_us = FRAME_DEFAULT_US },
    };
    out->has_audio_params =
        json_is(json_get(m, "audio_params"), JSON_OBJECT) || json_is(json_get(m, "audioParams"), JSON_OBJECT);
    read_features(out, m);
    out->is_udp = medium == HELLO_OVER_MQTT;

    const struct verdict *v =
        &verdicts[medium][transport_of(json_get(m, "transport"))][out->has_audio_params];
    out->is_acked = v->is_acked;
    if (!v->is_acked) {
        refuse(out, CODE_SCHEMA_INVALID, v->why);
        return;
    }
    read_audio(out, m);
    check_format(out, m);
}

static void write_audio_params(struct jw *w, bool is_pcm, uint32_t rate_hz, uint32_t frame_ms)
{
    jw_object_as(w, "audio_params");
    jw_cstr(w, "format", is_pcm ? "pcm" : "opus");
    jw_i64(w, "sample_rate", rate_hz);
    jw_i64(w, "channels", 1);
    jw_i64(w, "frame_duration", frame_ms);
    jw_end(w);
}

static void write_udp(struct jw *w, const struct hello_udp *udp)
{
    char key[33], nonce[33];
    hex_encode(udp->key, sizeof(udp->key), key);
    hex_encode(udp->nonce, sizeof(udp->nonce), nonce);
    jw_object_as(w, "udp");
    jw_cstr(w, "server", udp->server);
    jw_i64(w, "port", udp->port);
    jw_cstr(w, "encryption", "aes-128-ctr");
    jw_cstr(w, "key", key);
    jw_cstr(w, "nonce", nonce);
    jw_end(w);
}

void hello_write(struct buf *out, const struct hello_reply *r)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "hello");
    jw_i64(&w, "version", r->version);
    jw_cstr(&w, "transport", r->udp ? "udp" : "websocket");
    jw_cstr(&w, "session_id", r->session_id);
    if (r->udp)
        write_udp(&w, r->udp);
    write_audio_params(&w, r->is_pcm, r->rate_hz, r->frame_ms);
    if (r->req_id.len)
        jw_str(&w, "reqId", r->req_id);
    jw_end(&w);
}

void hello_write_request(struct buf *out, const struct hello_request *r)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "hello");
    jw_i64(&w, "version", r->version);
    jw_object_as(&w, "features");
    if (r->has_aec)
        jw_bool(&w, "aec", true);
    if (r->has_mcp)
        jw_bool(&w, "mcp", true);
    jw_end(&w);
    jw_cstr(&w, "transport", "websocket");
    write_audio_params(&w, r->is_pcm, r->rate_hz, r->frame_ms);
    jw_end(&w);
}

static bool is_session_id(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!fine)
            return false;
    }
    return s.len > 0 && s.len < SESSION_ID_BYTES;
}

static bool is_decoder_frame_ms(int64_t ms)
{
    return ms == 5 || ms == 10 || ms == 20 || ms == 40 || (ms >= 60 && ms <= 120 && ms % 20 == 0);
}

enum err hello_read_answer(struct hello_answer *out, const struct json *m, const char **why)
{
    struct slice sid = json_get_text(m, "session_id");
    const struct json *audio = json_get(m, "audio_params");
    int64_t rate = json_get_i64(audio, "sample_rate", 0), ms = json_get_i64(audio, "frame_duration", 0);

    *why = !json_is(json_get(m, "transport"), JSON_STRING)       ? "hello without transport: devices reboot"
           : !slice_is(json_get_text(m, "transport"), "websocket") ? "transport is not websocket: devices time out"
           : !is_session_id(sid)                                 ? "session_id is not [0-9A-Za-z-]+"
           : !is_rate(rate)                                      ? "sample_rate is none a decoder knows"
           : !is_decoder_frame_ms(ms)                            ? "frame_duration is none a decoder knows"
           : !json_get(audio, "channels")                        ? "channels is missing"
                                                                 : NULL;
    if (*why)
        return ERR_PROTO;
    *out = (struct hello_answer){
        .rate_hz = (uint32_t)rate,
        .frame_ms = (uint32_t)ms,
        .is_pcm = slice_is(json_get_text(audio, "format"), "pcm"),
    };
    memcpy(out->session_id, sid.data, sid.len);
    return OK;
}
