/* SPDX-License-Identifier: MIT
 * dialogue_out.c -- what the dialogue wants the device to hear, as messages of the protocol. */
#define LOG_TOPIC "gateway"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/session.h"
#include "metrics/metrics.h"

static void stt(void *user, struct slice text)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    if (s->modes)
        modes_on_stt(s->modes, text);
    if (!s->config->enable_stt_message)
        return;
    msg_stt(&out, s->who.session, text);
    session_send(s, &out);
}

static void tts_start(void *user)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_tts_start(&out, s->who.session);
    session_send(s, &out);
}

static void sentence_start(void *user, struct slice text)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_tts_sentence_start(&out, s->who.session, text);
    session_send(s, &out);
    if (s->modes)
        modes_on_sentence(s->modes, text);
}

static void sentence_end(void *user, struct slice text)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_tts_sentence_end(&out, s->who.session, text);
    session_send(s, &out);
}

static void tts_stop(void *user)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_tts_stop(&out, s->who.session);
    session_send(s, &out);
}

static void emotion(void *user, const char *name, const char *emoji)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    if (!s->hello.wants_emoji)
        return;
    msg_emotion(&out, s->who.session, name, emoji);
    session_send(s, &out);
}

static enum err audio(void *user, struct slice packet, uint32_t timestamp_ms)
{
    struct session *s = user;

    if (!s->link)
        return ERR_CLOSED;
    enum err err = link_audio(s->link, packet, timestamp_ms);
    if (err) {
        metric_add_label(METRIC_audio_dropped_total, "stall", 1);
        return err;
    }
    metric_add(METRIC_frames_out_total, 1);
    metric_add(METRIC_bytes_out_total, (int64_t)packet.len);
    if (session_is_open(s))
        idle_message(&s->idle);
    return OK;
}

static void alert(void *user, const char *status, struct slice text, const char *face)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };

    msg_alert(&out, status, text, face);
    session_send(s, &out);
}

static void transcription(void *user, struct slice text)
{
    struct session *s = user;
    auto_buf struct buf out = { 0 };
    const char *when = s->config->enable_transcription_event;
    bool is_chat = strcmp(s->who.mode, "chat") == 0;

    if (strcmp(when, "false") == 0 || (strcmp(when, "auto") == 0 && is_chat && !s->hello.wants_transcription))
        return;
    msg_transcription(&out, s->who.session, text, clock_wall_ms());
    session_send(s, &out);
}

static void close_when_played(void *user, enum err why)
{
    session_leave(user, SESSION_FAREWELL_GAP_MS, WS_NORMAL, why == ERR_LIMIT ? "daily limit" : "conversation over");
}

static void turn_end(void *user, enum outcome o, const struct turn_times *t)
{
    struct session *s = user;

    if (s->modes)
        modes_on_turn_end(s->modes);
    LOGI(&s->log, "turn.end", "outcome=%s heard_ms=%lld llm_ms=%lld first_audio_ms=%lld", outcome_name(o),
         t->heard_us ? (long long)(t->heard_us - t->t0_us) / 1000 : -1,
         t->first_token_us ? (long long)(t->first_token_us - t->t0_us) / 1000 : -1,
         t->first_audio_us ? (long long)(t->first_audio_us - t->t0_us) / 1000 : -1);
}

static void activity(void *user)
{
    struct session *s = user;
    if (session_is_open(s))
        idle_touch(&s->idle);
}

const struct dialogue_out session_out = {
    .stt = stt,
    .tts_start = tts_start,
    .sentence_start = sentence_start,
    .sentence_end = sentence_end,
    .tts_stop = tts_stop,
    .emotion = emotion,
    .audio = audio,
    .alert = alert,
    .transcription = transcription,
    .close = close_when_played,
    .turn_end = turn_end,
    .activity = activity,
};
