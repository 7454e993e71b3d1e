/* SPDX-License-Identifier: MIT
 * session.c -- the life of a session: opened, registered, taken over, drained, closed, freed.
 *
 * session_close() is the only way out and may be called from any callback of anything the session
 * owns: it silences all of them at once, hands the conversation to the store, and frees at the top of
 * the loop. The socket waits for the save at most SESSION_SAVE_WAIT_MS. */
#include "gateway/session.h"

#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "config/catalogue.h"
#include "gateway/save.h"
#include "metrics/metrics.h"
#include "tools/tool_iot.h"
#include "tools/tool_mcp.h"
#include "tools/toolbox.h"

#define TAKEOVERS_PER_MIN_WARN 3

const char *session_state_name(enum session_state s)
{
    static const char *const names[] = {
#define X(name) [SESSION_##name] = #name,
        SESSION_STATE_LIST(X)
#undef X
    };
    return names[s];
}

/* The only place the state changes. It only ever goes forward. */
static void enter(struct session *s, enum session_state to)
{
    assert(to > s->state);
    LOGT(&s->log, "session.state", "from=%s to=%s", session_state_name(s->state), session_state_name(to));
    s->state = to;
}

bool session_is_open(const struct session *s)
{
    return s->state < SESSION_CLOSING;
}

size_t session_bytes(const struct session *s)
{
    return sizeof(*s) + (s->link ? link_queued_bytes(s->link) : 0) + (s->dialogue ? dialogue_bytes(s->dialogue) : 0) +
           (s->modes ? modes_bytes(s->modes) : 0);
}

void session_greeted(struct session *s)
{
    if (s->state == SESSION_GREETING)
        enter(s, SESSION_TALKING);
    s->greeted_ms = loop_now_ms(s->loop);
    if (s->home->config->server_stats_broadcast)
        stats_watch(s->home);
}

/* --- what is said ---------------------------------------------------------------------------------- */

enum err session_send(struct session *s, const struct buf *json)
{
    if (!s->link || s->state == SESSION_GONE)
        return ERR_CLOSED;
    enum err err = link_json(s->link, buf_slice(json), LINK_MUST);
    if (err == OK)
        metric_add(METRIC_messages_out_total, 1);
    else
        LOGD(&s->log, "message.dropped", "bytes=%zu why=%s", json->len, err_name(err));
    return err;
}

void session_error(struct session *s, const struct msg *m, enum msg_code code, const char *message)
{
    auto_buf struct buf out = { 0 };

    metric_add_label(METRIC_messages_invalid_total, msg_code_name(code), 1);
    msg_error(&out, code, message, m ? m->req_id : (struct slice){ 0 });
    session_send(s, &out);
}

void session_notice(struct session *s, enum msg_notice n, const char *message, int64_t close_in_ms)
{
    auto_buf struct buf out = { 0 };

    msg_notice(&out, n, &(struct msg_notice_opts){ .message = message, .close_in_ms = close_in_ms });
    session_send(s, &out);
}

bool session_is_muted(const struct session *s)
{
    return (strcmp(s->who.mode, "meeting") == 0 && s->config->meeting_disable_tts) ||
           (strcmp(s->who.mode, "working") == 0 && s->config->working_disable_tts);
}

const char *session_text(const struct session *s, const char *key)
{
    return catalogue_text(s->home->config, s->who.language[0] ? s->who.language : NULL, key);
}

/* --- the end --------------------------------------------------------------------------------------- */

static void free_tools(void *arg)
{
    struct session *s = arg;

    tool_mcp_free(s->mcp);
    tool_iot_free(s->iot);
    toolbox_free(s->tools);
    s->mcp = NULL;
    s->iot = NULL;
    s->tools = NULL;
}

static void bury(void *arg)
{
    struct session *s = arg;

    config_unref(s->config);
    mem_free(s->texts);
    mem_free(s->vision_url);
    mem_free(s->unknown_types);
    mem_free(s);
}

static void unregister(struct session *s)
{
    uint64_t number = s->who.number;

    if (!s->is_registered)
        return;
    s->is_registered = false;
    presence_remove(gateway_env_of(s->home->gateway)->presence, s->who.device, number);
    map_remove(&s->home->by_number, slice_from(&number, sizeof(number)));
}

static void finish(void *arg)
{
    struct session *s = arg;

    enter(s, SESSION_GONE);
    timer_stop(&s->timer);
    save_forget(s);
    link_close(s->link, s->close_code, slice_of(s->close_reason));
    s->link = NULL;
    list_unlink(&s->node);
    gateway_count(s->home->gateway, -1);
    metric_add(METRIC_sessions, -1);
    loop_later(s->loop, &s->grave, bury, s);
}

static void saved(struct session *s)
{
    finish(s);
}

static void save_is_late(void *arg)
{
    struct session *s = arg;

    LOGW(&s->log, "save.late", "wait_ms=%d", SESSION_SAVE_WAIT_MS);
    finish(s);
}

/* From here on nothing the session owns calls back. True: the save is on its way. */
static bool silence(struct session *s, int code, const char *reason)
{
    enter(s, SESSION_CLOSING);
    s->close_code = code;
    s->close_reason = reason;
    LOGI(&s->log, "session.close", "code=%d reason=\"%s\" messages=%llu", code, reason,
         (unsigned long long)s->messages);
    metric_add_label(METRIC_sessions_closed_total, reason, 1);
    idle_stop(&s->idle);
    timer_stop(&s->timer);
    timer_stop(&s->vision_timer);
    unregister(s);
    if (s->dialogue && s->link)
        dialogue_abort(s->dialogue, false); /* the tts stop that a start is owed */
    says_end(s); /* what was being said has ended by now */
    modes_close(s->modes);
    s->modes = NULL;
    bool is_saving = s->dialogue && save_begin(s, saved);
    dialogue_close(s->dialogue);
    s->dialogue = NULL;
    loop_later(s->loop, &s->tools_grave, free_tools, s);
    return is_saving;
}

void session_close(struct session *s, int code, const char *reason)
{
    if (s->state >= SESSION_CLOSING)
        return;
    if (silence(s, code, reason) && s->link)
        timer_start(&s->timer, s->loop, SESSION_SAVE_WAIT_MS, save_is_late, s);
    else
        finish(s);
}

void session_drop(struct session *s)
{
    if (s->state < SESSION_CLOSING)
        silence(s, WS_GOING_AWAY, "shutdown");
    if (s->state < SESSION_GONE)
        finish(s);
}

static void leave_now(void *arg)
{
    struct session *s = arg;
    session_close(s, s->close_code, s->close_reason);
}

void session_leave(struct session *s, uint64_t delay_ms, int code, const char *reason)
{
    if (!session_is_open(s))
        return;
    if (s->state < SESSION_LEAVING)
        enter(s, SESSION_LEAVING);
    else if (timer_armed(&s->timer) && s->timer.due_ms <= loop_now_ms(s->loop) + delay_ms)
        return; /* it goes earlier anyway */
    s->close_code = code;
    s->close_reason = reason;
    timer_start(&s->timer, s->loop, delay_ms, leave_now, s);
}

static void drain_look(void *arg)
{
    struct session *s = arg;

    if (s->dialogue && dialogue_is_busy(s->dialogue) && loop_now_ms(s->loop) < s->drain_until_ms)
        timer_start(&s->timer, s->loop, SESSION_DRAIN_LOOK_MS, drain_look, s);
    else
        session_close(s, WS_GOING_AWAY, "draining");
}

void session_drain(struct session *s, uint64_t deadline_ms)
{
    if (!session_is_open(s) || s->state == SESSION_LEAVING)
        return;
    enter(s, SESSION_LEAVING);
    s->drain_until_ms = loop_now_ms(s->loop) + deadline_ms;
    session_notice(s, MSG_NOTICE_draining, NULL, (int64_t)deadline_ms);
    timer_start(&s->timer, s->loop, SESSION_DRAIN_LOOK_MS, drain_look, s);
}

void session_taken_over(struct session *s, const char *by_session)
{
    if (!session_is_open(s))
        return;
    LOGI(&s->log, "takeover", "device=%s old=%s new=%s", s->who.device, s->who.session, by_session);
    session_notice(s, MSG_NOTICE_device_takeover, session_text(s, "takeover"), SESSION_TAKEOVER_MS);
    session_leave(s, SESSION_TAKEOVER_MS, WS_TAKEN_OVER, "taken over");
}

void session_reload(struct session *s)
{
    if (!session_is_open(s))
        return;
    if (s->dialogue)
        dialogue_config(s->dialogue, s->home->config);
    if (s->modes)
        modes_config(s->modes, s->home->config);
    idle_recheck(&s->idle);
}

/* --- the beginning --------------------------------------------------------------------------------- */

static void link_text(void *user, struct slice text)
{
    session_text_in(user, text);
}

static void link_binary(void *user, struct slice message)
{
    session_audio_in(user, message);
}

static void link_closed(void *user, int code)
{
    struct session *s = user;

    s->link = NULL; /* frees itself */
    if (s->state == SESSION_CLOSING)
        finish(s); /* it waited for its save; now nobody waits */
    else
        session_close(s, code, "device left");
}

static void link_overflow(void *user)
{
    struct session *s = user;
    LOGW(&s->log, "session.slow", "queued_bytes=%zu", link_queued_bytes(s->link));
    session_close(s, WS_TRY_LATER, "peer does not read");
}

static const struct link_events link_events = { link_text, link_binary, link_closed, link_overflow };

static void hello_is_late(void *arg)
{
    session_close(arg, WS_POLICY, "no hello");
}

static void name(struct session *s, const struct identity *i)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    struct device_known known = { 0 };
    char session[UUID_TEXT], ids[ID_TEXT + 32];

    rand_uuid(session);
    snprintf(ids, sizeof(ids), "sid=%.8s dev=%s", session, i->device);
    if (env->auth)
        auth_device(env->auth, i->device, &known);
    s->who = (struct session_who){ .device = i->device, .session = session, .peer = i->peer.text,
                                   .language = known.language, .board = known.board, .chip = known.chip,
                                   .firmware = known.firmware, .mode = "chat" };
    s->log.ids = ids;
    s->texts = xpack(&s->who.device, &s->who.session, &s->who.peer, &s->who.language, &s->who.board,
                     &s->who.chip, &s->who.firmware, &s->log.ids);
}

static struct session *create(const struct session_opts *o)
{
    struct session *s = xnew(struct session);

    s->home = o->home;
    s->loop = o->home->loop;
    s->config = config_ref(o->home->config);
    s->is_operator = o->proof->role == AUTH_OPERATOR;
    s->is_gateway_leg = o->is_gateway_leg;
    s->header_framing = o->header_framing;
    name(s, o->identity);
    return s;
}

/* Points the router to the new session. False: another one stays. */
static bool register_session(struct session *s, const char *client, const char *proof)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    struct presence_entry e = { .loop = s->loop, .opaque = s, .since_ms = clock_wall_ms() }, old;
    unsigned takeovers = 0;

    snprintf(e.device, sizeof(e.device), "%s", s->who.device);
    snprintf(e.client, sizeof(e.client), "%s", client);
    snprintf(e.session, sizeof(e.session), "%s", s->who.session);
    snprintf(e.mode, sizeof(e.mode), "%s", s->who.mode);
    snprintf(e.proof, sizeof(e.proof), "%s", proof);
    if (strcmp(s->config->server_duplicate_device, "reject") == 0) {
        if (presence_add_if_free(env->presence, &e))
            return false;
    } else if (presence_add(env->presence, &e, &old, &takeovers)) {
        metric_add(METRIC_takeovers_total, 1);
        if (takeovers >= TAKEOVERS_PER_MIN_WARN)
            LOGW(&s->log, "takeover.often", "device=%s in_last_minute=%u", s->who.device, takeovers);
        gateway_tell_takeover(s->home->gateway, &old, s->who.session);
    }
    s->is_registered = true;
    s->who.number = e.number;
    map_set(&s->home->by_number, slice_from(&e.number, sizeof(e.number)), s);
    return true;
}

/* The address the device came by is known only now. */
static void keep_vision_url(struct session *s, struct http_req *request)
{
    const struct gateway_env *env = gateway_env_of(s->home->gateway);
    auto_buf struct buf url = { 0 };

    if (env->vision_url && env->vision_url(env->user, request, &url))
        s->vision_url = buf_take(&url);
}

enum err session_open(const struct session_opts *o)
{
    struct session *s = create(o);
    const struct config *cfg = s->config;
    struct link_opts link = { .text_max_bytes = (size_t)cfg->limits_text_bytes,
                              .binary_max_bytes = (size_t)cfg->limits_binary_bytes,
                              .queue_max_bytes = (size_t)cfg->limits_send_queue_bytes,
                              .ping_seconds = (unsigned)cfg->server_websocket_ping_seconds };

    keep_vision_url(s, o->request);
    enum err err = link_accept(&s->link, o->request, &link, &link_events, s);
    if (err) {
        bury(s);
        return err;
    }
    link_large(s->link, o->takes_large);
    list_push(&o->home->sessions, &s->node);
    gateway_count(o->home->gateway, 1);
    metric_add(METRIC_sessions, 1);
    metric_add(METRIC_sessions_total, 1);
    LOGI(&s->log, "session.open", "client=%s peer=%s proof=%.20s", o->identity->client, s->who.peer,
         o->proof->proof);
    idle_start(&s->idle, s->loop, &session_idle, s);
    timer_start(&s->timer, s->loop, (uint64_t)cfg->server_hello_timeout_seconds * 1000, hello_is_late, s);
    if (!register_session(s, o->identity->client, o->proof->proof)) {
        auto_buf struct buf out = { 0 };
        msg_notice(&out, MSG_NOTICE_register_failed,
                   &(struct msg_notice_opts){ .message = session_text(s, "register.busy"),
                                              .code = CODE_DEVICE_BUSY, .close_in_ms = -1 });
        session_send(s, &out);
        session_close(s, WS_POLICY, "device busy");
    }
    return OK;
}
