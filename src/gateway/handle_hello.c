/* SPDX-License-Identifier: MIT
 * handle_hello.c -- hello: answered at once and by the table of protocol/hello.c, then the dialogue opens.
 *
 * A second hello gets the same answer and restarts nothing. */

#define LOG_TOPIC "gateway"
#include "base/log.h"
#include "gateway/session.h"
#include "metrics/metrics.h"
#include "tools/tool_mcp.h"
#include "tools/toolbox.h"

static enum framing framing_of(const struct session *s)
{
    return framing_pick(s->is_gateway_leg, s->hello.version, s->header_framing);
}

static void answer(struct session *s, const struct msg *m)
{
    auto_buf struct buf out = { 0 };

    hello_write(&out, &(struct hello_reply){
                          .version = framing_of(s),
                          .session_id = s->who.session,
                          .is_pcm = s->hello.audio.is_pcm,
                          .rate_hz = (uint32_t)s->config->xiaozhi_audio_params_sample_rate,
                          .frame_ms = (uint32_t)s->config->xiaozhi_audio_params_frame_duration,
                          .req_id = m->req_id,
                      });
    session_send(s, &out);
}

static void send_mcp(void *user, struct slice payload)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_mcp(&out, s->who.session, payload);
    session_send(s, &out);
}

static void renew_vision(void *arg)
{
    struct session *s = arg;
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    auto_buf struct buf token = { 0 };

    env->vision_token(env->user, s->who.device, s->who.session, &token);
    tool_mcp_vision(s->mcp, s->vision_url, token.data);
    timer_start(&s->vision_timer, s->loop, SESSION_VISION_RENEW_MS, renew_vision, s);
}

static void open_mcp(struct session *s)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    auto_buf struct buf token = { 0 };
    struct tool_mcp_opts o = { .box = s->tools, .send = send_mcp, .user = s };

    if (s->vision_url) {
        env->vision_token(env->user, s->who.device, s->who.session, &token);
        o.vision_url = s->vision_url;
        o.vision_token = token.data;
    }
    if (tool_mcp_create(&s->mcp, &o))
        return;
    tool_mcp_start(s->mcp);
    if (s->vision_url)
        timer_start(&s->vision_timer, s->loop, SESSION_VISION_RENEW_MS, renew_vision, s);
}

static enum err open_dialogue(struct session *s)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    const struct config *cfg = s->config;
    const char *language = s->who.language[0] ? s->who.language : cfg->server_language;
    struct toolbox_opts tools = { .loop = s->loop, .log = &s->log,
                                  .timeout_ms = (unsigned)cfg->tool_call_timeout * 1000,
                                  .device_tools_max = (unsigned)cfg->limits_tools };

    enum err err = toolbox_create(&s->tools, &tools);
    if (err)
        return err;
    struct dialogue_opts o = {.loop = s->loop,
                              .env = s->home->env,
                              .registry = env->registry,
                              .config = s->config,
                              .log = &s->log,
                              .out = &session_out,
                              .user = s,
                              .device_id = s->who.device,
                              .session_id = s->who.session,
                              .language = language,
                              .board = s->who.board,
                              .chip = s->who.chip,
                              .firmware = s->who.firmware,
                              .tools = s->tools,
                              .store = env->store,
                              .clips = s->home->clips,
                              .admission = &s->home->admission,
                              .mode = env->modes ? &modes_class : NULL,
                              .mode_user = &s->modes};
    err = dialogue_create(&s->dialogue, &o);
    if (err)
        return err;
    dialogue_hello(s->dialogue, &(struct dialogue_audio){
                                    .format = s->hello.audio.is_pcm ? AUDIO_PCM : AUDIO_OPUS,
                                    .in_rate_hz = s->hello.audio.rate_hz,
                                    .in_frame_us = s->hello.audio.frame_us,
                                    .out_rate_hz = (uint32_t)cfg->xiaozhi_audio_params_sample_rate,
                                    .out_frame_us = (uint32_t)cfg->xiaozhi_audio_params_frame_duration * 1000,
                                    .has_aec = s->hello.has_aec,
                                    .wants_emoji = s->hello.wants_emoji,
                                    .is_realtime_capable = true,
                                });
    return OK;
}

static enum err send_for_mode(void *user, struct slice json, bool is_droppable)
{
    struct session *s = user;

    if (!s->link || s->state == SESSION_GONE)
        return ERR_CLOSED;
    enum err err = link_json(s->link, json, is_droppable ? LINK_RENDER : LINK_MUST);
    if (err == OK)
        metric_add(METRIC_messages_out_total, 1);
    return err;
}

static void on_mode(void *user, const char *name)
{
    struct session *s = user;

    s->who.mode = name;
    presence_mode(gateway_env_of(s->home->gateway)->presence, s->who.device, s->who.number, name);
    idle_recheck(&s->idle);
    says_look(s); /* it may have been held back */
}

/* Boards that are known to have a screen and to show messages count as if they had said so. */
static bool is_badge(const struct session *s)
{
    struct conf_list badges = s->config->compat_badge_devices;

    for (size_t i = 0; i < badges.count; i++) {
        if (slice_eq_nocase(slice_of(badges.items[i]), slice_of(s->who.device)))
            return true;
    }
    return false;
}

static void open_modes(struct session *s)
{
    static const struct modes_out out = { send_for_mode, on_mode };
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    bool is_screen = is_badge(s);
    struct modes_opts o = { .loop = s->loop, .shared = env->modes, .env = s->home->env,
                            .snapshots = s->home->snapshots, .dialogue = s->dialogue,
                            .config = s->home->config, .log = &s->log, .out = &out, .user = s,
                            .device_id = s->who.device, .session_id = s->who.session,
                            .language = s->who.language[0] ? s->who.language : s->config->server_language,
                            .has_ui = s->hello.has_ui || is_screen, .has_peer = s->hello.has_peer || is_screen,
                            .is_operator = s->is_operator, .json_max_bytes = link_json_max(s->link) };

    if (env->modes && modes_create(&s->modes, &o) == OK)
        modes_hello(s->modes, o.has_ui, o.has_peer, o.json_max_bytes);
}

void handle_msg_hello(struct session *s, const struct msg *m)
{
    struct hello h;

    hello_read(&h, m->root, HELLO_OVER_WEBSOCKET);
    if (!h.is_acked) {
        LOGI(&s->log, "hello.refused", "code=%s", msg_code_name(h.code));
        session_error(s, m, h.code, h.why);
        return;
    }
    if (s->dialogue) { /* a repeat */
        answer(s, m);
        return;
    }
    if (h.odd)
        LOGW(&s->log, "hello.odd", "fields=%u used=default", h.odd);
    s->hello = h;
    link_framing(s->link, framing_of(s));
    if (h.has_large)
        link_large(s->link, true);
    if (s->state == SESSION_GREETING)
        timer_stop(&s->timer); /* it is not late; one that leaves goes on leaving */
    answer(s, m); /* before anything slow */
    LOGI(&s->log, "hello", "framing=%d format=%s rate_hz=%u frame_us=%u mcp=%d aec=%d", framing_of(s),
         h.audio.is_pcm ? "pcm" : "opus", h.audio.rate_hz, h.audio.frame_us, h.has_mcp, h.has_aec);
    presence_features(gateway_env_of(s->home->gateway)->presence, s->who.device, s->who.number, h.has_ui, h.has_peer);
    enum err err = open_dialogue(s);
    if (err) {
        LOGE(&s->log, "session.failed", "device=%s why=%s", s->who.device, err_name(err));
        auto_buf struct buf out = { 0 };
        msg_notice(&out, MSG_NOTICE_register_failed,
                   &(struct msg_notice_opts){ .message = session_text(s, "register.failed"),
                                              .code = CODE_REGISTER_FAILED, .close_in_ms = -1 });
        session_send(s, &out);
        session_close(s, WS_INTERNAL, "register failed");
        return;
    }
    LOGI(&s->log, "session.switches",
         "meeting.disable_tts=%d working.disable_tts=%d enable_stt_message=%d enable_transcription_event=%s",
         s->config->meeting_disable_tts, s->config->working_disable_tts, s->config->enable_stt_message,
         s->config->enable_transcription_event);
    session_greeted(s);
    open_modes(s);
    if (h.has_mcp)
        open_mcp(s);
    says_begin(s);
}
