/* SPDX-License-Identifier: MIT
 * modes.c -- which mode is active, who handles which message, what is shared: answers, scopes, groups. */
#include "modes/inside.h"

#include "config/catalogue.h"
#include "modes/command.h"
#include "modes/groups.h"

#define LOG_TOPIC "modes"

static const struct mode_row *const rows[] = {&mode_meeting, &mode_coding, &mode_working};

static const struct {
    enum msg_type type;
    void (*handle)(struct modes *m, const struct msg *msg);
} handlers[] = {
    {MSG_meeting, handle_meeting_message},   {MSG_coding, handle_coding_message},
    {MSG_workflow, handle_workflow_message}, {MSG_peer, handle_peer_message},
    {MSG_ui_ack, handle_pages_message},      {MSG_ui_error, handle_pages_message},
    {MSG_ui_render, handle_pages_message},   {MSG_device_control, handle_pages_message},
};

/* ---- answers ---- */

enum err modes_send(struct modes *m, struct buf *json)
{
    return m->is_closing ? ERR_CLOSED : m->out->send(m->user, buf_slice(json), false);
}

void modes_error(struct modes *m, const char *type, enum msg_code code, const char *message,
                 struct slice req_id)
{
    auto_buf struct buf out = {0};
    msg_reply_error(&out, type, code, message, req_id);
    (void)modes_send(m, &out);
}

void modes_mode_ok(struct modes *m, bool is_start, const char *mode, struct slice req_id,
                   const char *meeting_id, bool is_resumed)
{
    auto_buf struct buf out = {0};
    struct jw w;
    msg_reply_begin(&w, &out, "mode", true, req_id);
    jw_cstr(&w, "state", is_start ? "start" : "end");
    jw_cstr(&w, "mode", mode);
    jw_cstr(&w, "phase", is_start ? "start" : "end");
    if (meeting_id)
        jw_cstr(&w, "meetingId", meeting_id);
    if (is_resumed)
        jw_bool(&w, "resumed", true);
    msg_reply_end(&w);
    (void)modes_send(m, &out);
}

bool modes_wants(const struct modes *m, enum msg_type type)
{
    if (m->has_ui || (m->spoken_to & (1u << type)) || (type == MSG_peer && m->has_peer))
        return true;
    return (type == MSG_meeting && m->active == &mode_meeting) ||
           (type == MSG_coding && m->active == &mode_coding) ||
           (type == MSG_workflow && m->active == &mode_working);
}

const char *modes_text(const struct modes *m, const char *key)
{
    return catalogue_text(m->config, m->language, key);
}

struct use_opts modes_use(const struct modes *m)
{
    return (struct use_opts){.env = m->env, .config = m->config, .language = m->language, .log = m->log};
}

void modes_post(struct modes *m, const char *device, const struct post *p)
{
    struct post with_from = *p;
    if (!with_from.from.len)
        with_from.from = slice_of(m->device_id);
    m->shared->post(m->shared->user, m->loop, device, &with_from);
}

void modes_broadcast(struct modes *m, const struct scope *scope, enum msg_type type, struct slice json)
{
    scope_tell(m->shared, m->config, m->loop, m->device_id, scope, type, json);
}

/* ---- life ---- */

enum err modes_create(struct modes **out, const struct modes_opts *o)
{
    struct modes *m = xnew(struct modes);
    m->refs = 1;
    m->loop = o->loop;
    m->shared = o->shared;
    m->env = o->env;
    m->snapshots = o->snapshots;
    m->dialogue = o->dialogue;
    m->config = config_ref(o->config);
    m->log = o->log;
    m->out = o->out;
    m->user = o->user;
    m->device_id = o->device_id;
    m->session_id = o->session_id;
    m->language = o->language;
    m->has_ui = o->has_ui;
    m->has_peer = o->has_peer;
    m->is_operator = o->is_operator;
    m->json_max_bytes = o->json_max_bytes;
    *out = m;
    return OK;
}

struct modes *modes_ref(struct modes *m)
{
    m->refs++;
    return m;
}

void modes_unref(void *arg)
{
    struct modes *m = arg;
    if (--m->refs)
        return;
    config_unref(m->config);
    mem_free(m->last_meeting);
    mem_free(m->held);
    mem_free(m);
}

void modes_close(struct modes *m)
{
    if (!m || m->is_closing)
        return;
    m->is_closing = true;
    if (m->active)
        m->active->on_close(m);
    meeting_close(m);
    coding_close(m);
    workflow_close(m);
    peer_close(m);
    pages_close(m);
    for (unsigned i = 0; i < m->deferred_count; i++)
        mem_free(m->deferred[i]);
    m->deferred_count = 0;
    mem_free(m->deferred);
    m->deferred = NULL;
    m->next = NULL;
    mem_free(m->next_req_id);
    m->next_req_id = NULL;
    loop_later(m->loop, &m->grave, modes_unref, m);
}

void modes_config(struct modes *m, struct config *c)
{
    config_unref(m->config);
    m->config = config_ref(c);
    meeting_config(m);
}

void modes_set_active(struct modes *m, const struct mode_row *row)
{
    bool was_busy = m->active != NULL;
    m->active = row;
    m->out->on_mode(m->user, modes_name(m));
    pages_on_mode(m);
    if (was_busy && !row && !m->is_waiting)
        peer_hello(m); /* what could not be spoken meanwhile */
}

const char *modes_name(const struct modes *m)
{
    return m->active ? m->active->name : "chat";
}

unsigned modes_idle_factor(const struct modes *m)
{
    return m->active ? m->active->idle_factor : 1;
}

size_t modes_bytes(const struct modes *m)
{
    size_t bytes = sizeof(*m) + meeting_bytes(m) + coding_bytes(m) + pages_bytes(m);
    for (unsigned i = 0; i < m->deferred_count; i++)
        bytes += strlen(m->deferred[i]) + 1;
    return bytes;
}

/* ---- mode changes ---- */

void modes_wait(struct modes *m)
{
    m->is_waiting = true;
}

static void handle_now(struct modes *m, const struct msg *msg);
static void hear(struct modes *m, uint32_t turn, struct slice text);

void modes_stay(struct modes *m)
{
    if (m->next)
        modes_error(m, "mode", CODE_INTERNAL_ERROR, "the mode could not be left, try again",
                    slice_of(m->next_req_id));
    m->next = NULL;
}

void modes_go(struct modes *m)
{
    m->is_waiting = false;
    if (m->next) { /* the old mode is over: the new one begins */
        const struct mode_row *row = m->next;
        auto_mem char *req_id = m->next_req_id;
        m->next = NULL;
        m->next_req_id = NULL;
        row->start(m, slice_of(req_id));
    } else if (!m->active && m->is_greeted && !m->is_closing) {
        peer_hello(m);
    }
    if (m->held && !m->is_waiting && !m->is_closing) {
        auto_mem char *text = m->held;
        m->held = NULL;
        hear(m, m->held_turn, slice_of(text));
    }
    while (m->deferred_count && !m->is_waiting && !m->is_closing) {
        auto_mem char *text = m->deferred[0];
        memmove(m->deferred, m->deferred + 1, --m->deferred_count * sizeof(m->deferred[0]));
        auto_msg struct msg msg = {0};
        if (msg_parse(&msg, slice_of(text)) == CODE_NONE)
            handle_now(m, &msg);
    }
}

static void defer(struct modes *m, const struct msg *msg)
{
    if (m->deferred_count == MODES_DEFERRED_MAX) {
        modes_error(m, msg_type_name(msg->type), CODE_BUSY, "too many messages while the mode changes",
                    msg->req_id);
        return;
    }
    struct buf text = {0};
    json_print(&text, msg->root);
    if (!m->deferred)
        m->deferred = xalloc(MODES_DEFERRED_MAX * sizeof(*m->deferred));
    m->deferred[m->deferred_count++] = buf_take(&text);
}

static const struct mode_row *row_of(struct slice name)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (slice_is(name, rows[i]->name))
            return rows[i];
    }
    return NULL;
}

/* Ends what is active (silently: the client asked for something else), then starts `row`; where the end is
 * a matter for the store, the start waits for it, so that there is never half a change. */
static void start_mode(struct modes *m, const struct mode_row *row, struct slice req_id)
{
    if (m->active && m->active != row)
        m->active->end(m, false, (struct slice){0});
    if (m->is_waiting) {
        mem_free(m->next_req_id);
        m->next = row;
        m->next_req_id = xslicedup(req_id);
    } else if (!m->active || m->active == row) {
        row->start(m, req_id);
    } else {
        modes_error(m, "mode", CODE_INTERNAL_ERROR, "the mode could not be left, try again", req_id);
    }
}

static void end_mode(struct modes *m, const struct mode_row *row, struct slice req_id)
{
    if (m->active == row)
        row->end(m, true, req_id);
    else
        modes_mode_ok(m, false, row->name, req_id, NULL, false);
}

static void handle_mode_message(struct modes *m, const struct msg *msg)
{
    struct msg_mode mode;
    const char *why;
    const struct mode_row *row = NULL;
    if (msg_mode_read(&mode, msg->root, &why) == OK)
        row = row_of(mode.mode);
    if (!row) {
        modes_error(m, "mode", CODE_SCHEMA_INVALID, "invalid state or mode", msg->req_id);
        return;
    }
    m->spoken_to |= 1u << row->type; /* whoever asks for a mode knows its messages */
    if (mode.is_start)
        start_mode(m, row, msg->req_id);
    else
        end_mode(m, row, msg->req_id);
}

static void handle_now(struct modes *m, const struct msg *msg)
{
    if (msg->type == MSG_mode) {
        handle_mode_message(m, msg);
        return;
    }
    for (size_t i = 0; i < COUNT(handlers); i++) {
        if (handlers[i].type == msg->type)
            handlers[i].handle(m, msg);
    }
}

bool modes_handle(struct modes *m, const struct msg *msg)
{
    bool is_ours = msg->type == MSG_mode;
    for (size_t i = 0; i < COUNT(handlers); i++)
        is_ours = is_ours || handlers[i].type == msg->type;
    if (!is_ours || m->is_closing)
        return is_ours;
    m->spoken_to |= 1u << msg->type;
    if (m->is_waiting)
        defer(m, msg);
    else
        handle_now(m, msg);
    return true;
}

void modes_hello(struct modes *m, bool has_ui, bool has_peer, size_t json_max_bytes)
{
    m->has_ui = has_ui;
    m->has_peer = has_peer;
    m->json_max_bytes = json_max_bytes;
    if (m->is_greeted)
        return;
    m->is_greeted = true;
    meeting_hello(m);
    m->wants_snapshot = modes_wants(m, MSG_workflow); /* not: has spoken of tasks since */
    if (!meeting_resume(m))
        modes_greet(m);
}

void modes_greet(struct modes *m)
{
    workflow_hello(m);
    peer_hello(m);
}

enum err modes_deliver(struct modes *m, const struct post *p)
{
    if (m->is_closing)
        return ERR_NOT_FOUND;
    switch (p->kind) {
    case POST_PEER:
        return peer_deliver(m, p);
    case POST_PEER_WAITS:
        peer_hello(m);
        return OK;
    case POST_UI:
        return pages_deliver(m, p);
    case POST_CHANGED:
        workflow_changed(m);
        return OK;
    case POST_UNASKED:
        if (!modes_wants(m, p->type))
            return ERR_UNSUPPORTED;
        return m->out->send(m->user, p->json, true);
    default:
        return m->out->send(m->user, p->json, false);
    }
}

/* ---- utterances ---- */

struct mode { /* what the dialogue holds of us */
    struct modes *modes;
    struct dialogue *dialogue;
};

static enum err enter(struct mode **out, struct dialogue *d, const struct json *args)
{
    *out = xnew(struct mode);
    (*out)->dialogue = d;
    return OK;
}

/* The dialogue is made before the modes, so they are asked for late. */
static struct modes *modes_of(struct mode *mode)
{
    struct modes **at = dialogue_about(mode->dialogue)->mode_user;
    return at ? *at : NULL;
}

/* "enter working mode": the device is told, nothing is spoken. */
static bool switched_by_voice(struct modes *m, uint32_t turn, struct slice text)
{
    struct command c = command_mode(text);
    if (c.kind == COMMAND_NONE)
        return false;
    const struct mode_row *row = row_of(slice_of(c.mode));
    if (c.kind == COMMAND_LEAVE && m->active != row)
        return false;
    auto_buf struct buf out = {0};
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "type", "stt");
    jw_str(&w, "text", text);
    jw_cstr(&w, "intent", "mode_switch");
    jw_cstr(&w, "target_mode", c.kind == COMMAND_ENTER ? c.mode : "chat");
    jw_cstr(&w, "session_id", m->session_id);
    jw_end(&w);
    (void)modes_send(m, &out);
    turn_silence(m->dialogue, turn);
    if (c.kind == COMMAND_ENTER)
        start_mode(m, row, (struct slice){0});
    else
        end_mode(m, row, (struct slice){0});
    return true;
}

static void hear(struct modes *m, uint32_t turn, struct slice text)
{
    /* In a meeting "tell Anna" is part of what is said there. */
    if (switched_by_voice(m, turn, text) || (m->active != &mode_meeting && peer_heard(m, turn, text)))
        return;
    if (m->active && m->active->on_heard)
        m->active->on_heard(m, turn, text);
    else
        turn_ask(m->dialogue, turn, text);
}

/* While the store looks for a meeting to go on with, what was said waits; the newest counts. */
static void hold(struct modes *m, uint32_t turn, struct slice text)
{
    if (m->held)
        turn_silence(m->dialogue, m->held_turn);
    mem_free(m->held);
    m->held = xslicedup(text);
    m->held_turn = turn;
}

static void on_heard(struct mode *mode, uint32_t turn, struct slice text)
{
    struct modes *m = modes_of(mode);
    if (!m || m->is_closing)
        turn_ask(mode->dialogue, turn, text);
    else if (!m->is_waiting)
        hear(m, turn, text);
    else if (meeting_is_changing(m))
        turn_silence(mode->dialogue, turn); /* said between a meeting's request and its end */
    else
        hold(m, turn, text);
}

static const char *purpose_now(struct mode *mode)
{
    struct modes *m = modes_of(mode);
    return m ? modes_name(m) : "chat";
}

static void leave(struct mode *mode, enum err why)
{
    mem_free(mode);
}

const struct mode_class modes_class = {
    .name = "modes",
    .purpose = "chat",
    .purpose_now = purpose_now,
    .enter = enter,
    .on_heard = on_heard,
    .leave = leave,
};
