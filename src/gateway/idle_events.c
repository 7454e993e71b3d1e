/* SPDX-License-Identifier: MIT
 * idle_events.c -- what the idle clocks of a session do: warn, say farewell, close, keep alive. */
#define LOG_TOPIC "gateway"
#include "base/log.h"
#include "gateway/session.h"
#include "metrics/metrics.h"

static struct idle_limits limits(void *user)
{
    const struct session *s = user;
    const struct config *cfg = s->home->config;
    unsigned factor = s->modes ? modes_idle_factor(s->modes) : 1; /* meetings and work are quiet at times */

    return (struct idle_limits){
        .voice_ms = (uint64_t)cfg->close_connection_no_voice_time * 1000 * factor,
        .grace_ms = (uint64_t)cfg->close_connection_grace_seconds * 1000,
        .keepalive_ms = (uint64_t)cfg->server_channel_keepalive_seconds * 1000,
    };
}

static void on_voice_warning(void *user, uint64_t close_in_ms)
{
    session_notice(user, MSG_NOTICE_idle_warning, NULL, (int64_t)close_in_ms);
}

static void closing(struct session *s, const char *layer)
{
    LOGI(&s->log, "idle close", "device=%s layer=%s after=%llu", s->who.device, layer,
         (unsigned long long)limits(s).voice_ms / 1000);
    metric_add_label(METRIC_idle_closes_total, layer, 1);
}

static void on_voice_end(void *user)
{
    struct session *s = user;
    const struct config *cfg = s->home->config;
    enum err err = ERR_STATE;

    if (s->state == SESSION_TALKING && cfg->end_prompt_enable) {
        struct slice farewell = slice_of(session_text(s, "idle.farewell"));
        struct slice prompt = slice_of(cfg->end_prompt_prompt);
        struct say_opts say = { .is_farewell = true, .is_prompt = prompt.len > 0, .otherwise = farewell };
        err = dialogue_say(s->dialogue, prompt.len ? prompt : farewell, &say);
    }
    if (err == ERR_BUSY) {
        idle_touch(&s->idle); /* somebody is being answered after all */
        return;
    }
    closing(s, "voice");
    if (err)
        session_close(s, WS_NORMAL, "idle");
}

static void on_message_warning(void *user, uint64_t close_in_ms)
{
    struct session *s = user;
    session_notice(s, MSG_NOTICE_timeout_warning, session_text(s, "idle.timeout"), (int64_t)close_in_ms);
}

static void on_message_end(void *user)
{
    closing(user, "message");
    session_close(user, WS_NORMAL, "idle");
}

static uint64_t sent_ms(void *user)
{
    const struct session *s = user;
    return s->link ? link_sent_ms(s->link) : loop_now_ms(s->loop);
}

static void on_keepalive(void *user)
{
    session_notice(user, MSG_NOTICE_keepalive, NULL, -1);
}

const struct idle_events session_idle = { limits, on_voice_warning, on_voice_end, on_message_warning,
                                          on_message_end, sent_ms, on_keepalive };
