/* SPDX-License-Identifier: MIT
 * msg.c -- names of messages and codes; reading what clients send. */
#include "protocol/msg.h"

#include "base/utf8.h"

static const char *const type_names[MSG_TYPES] = {
    [MSG_UNKNOWN] = "",
#define X(name, wire) [MSG_##name] = wire,
    MSG_IN(X)
#undef X
};

static const char *const code_names[] = {
    [CODE_NONE] = "",
#define X(name) [CODE_##name] = #name,
    MSG_CODE_LIST(X)
#undef X
};

enum msg_type msg_type(struct slice name)
{
    for (enum msg_type t = MSG_UNKNOWN + 1; t < MSG_TYPES; t++)
        if (slice_is(name, type_names[t]))
            return t;
    return MSG_UNKNOWN;
}

const char *msg_type_name(enum msg_type t)
{
    return t < MSG_TYPES ? type_names[t] : "";
}

const char *msg_code_name(enum msg_code c)
{
    return c < COUNT(code_names) ? code_names[c] : "";
}

enum msg_code msg_code_of(enum err e)
{
    switch (e) {
    case OK: return CODE_NONE;
    case ERR_INVALID: return CODE_SCHEMA_INVALID;
    case ERR_PROTO: return CODE_INVALID_REQUEST;
    case ERR_AUTH: return CODE_UNAUTHORIZED;
    case ERR_FORBIDDEN: return CODE_FORBIDDEN_GROUP;
    case ERR_NOT_FOUND: return CODE_NOT_FOUND;
    case ERR_LIMIT: return CODE_RATE_LIMITED;
    case ERR_BUSY: return CODE_BUSY;
    default: return CODE_INTERNAL_ERROR;
    }
}

enum msg_code msg_parse(struct msg *out, struct slice text)
{
    *out = (struct msg){ 0 };
    if (json_parse(&out->root, text, NULL))
        return CODE_INVALID_JSON;
    if (!json_is(out->root, JSON_OBJECT)) {
        msg_done(out);
        return CODE_INVALID_JSON;
    }

    struct slice type = json_get_text(out->root, "type");
    struct slice req_id = json_get_text(out->root, "reqId");
    out->type = msg_type(type);
    out->type_text = slice_sub(type, 0, MIN(type.len, (size_t)MSG_TYPE_MAX_BYTES));
    if (utf8_chars(req_id) <= MSG_REQ_ID_MAX_CHARS)
        out->req_id = req_id;
    return out->type == MSG_UNKNOWN ? CODE_UNKNOWN_TYPE : CODE_NONE;
}

void msg_done(struct msg *m)
{
    json_free(m->root);
    *m = (struct msg){ 0 };
}

static int named(struct slice text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (slice_is(text, names[i]))
            return i;
    return -1;
}

enum err msg_listen_read(struct msg_listen *out, const struct json *m, const char **why)
{
    static const char *const states[] = { "start", "stop", "detect" };
    static const char *const modes[] = { "auto", "manual", "realtime" };

    int state = named(json_get_text(m, "state"), states, COUNT(states));
    if (state < 0) {
        *why = "state must be start, stop or detect";
        return ERR_INVALID;
    }
    int mode = named(json_get_text(m, "mode"), modes, COUNT(modes));
    *out = (struct msg_listen){
        .state = (enum msg_listen_state)state,
        .mode = mode < 0 ? MSG_LISTEN_AUTO : (enum msg_listen_mode)mode,
        .text = json_get_text(m, "text"),
    };
    return OK;
}

void msg_abort_read(struct msg_abort *out, const struct json *m)
{
    struct slice reason = json_get_text(m, "reason");
    *out = (struct msg_abort){ .reason = reason, .by_wake_word = slice_is(reason, "wake_word_detected") };
}

void msg_iot_read(struct msg_iot *out, const struct json *m)
{
    const struct json *descriptors = json_get(m, "descriptors"), *states = json_get(m, "states");
    *out = (struct msg_iot){
        .descriptors = json_is(descriptors, JSON_ARRAY) ? descriptors : NULL,
        .states = json_is(states, JSON_ARRAY) ? states : NULL,
    };
    if (!out->descriptors && !out->states)
        out->text = json_get_text(m, "text");
}

enum err msg_mcp_read(struct msg_mcp *out, const struct json *m, const char **why)
{
    const struct json *payload = json_get(m, "payload");
    if (!json_is(payload, JSON_OBJECT)) {
        *why = "payload must be an object";
        return ERR_INVALID;
    }
    out->payload = payload;
    return OK;
}

enum err msg_server_read(struct msg_server *out, const struct json *m, const char **why)
{
    static const char *const actions[] = { "", "update_config", "restart", "subscribe_stats" };
    struct slice action = json_get_text(m, "action");
    if (action.len == 0) {
        *why = "action is missing";
        return ERR_INVALID;
    }
    int at = named(action, actions, COUNT(actions));
    out->action = at < 0 ? 0 : (unsigned)at;
    out->action_text = action;
    out->secret = json_get_text(json_get(m, "content"), "secret");
    return OK;
}

enum err msg_mode_read(struct msg_mode *out, const struct json *m, const char **why)
{
    static const char *const modes[] = { "meeting", "coding", "working" };
    struct slice state = json_get_text(m, "state"), mode = json_get_text(m, "mode");
    bool is_start = slice_is(state, "start");
    if ((!is_start && !slice_is(state, "end")) || named(mode, modes, COUNT(modes)) < 0) {
        *why = "invalid state or mode";
        return ERR_INVALID;
    }
    *out = (struct msg_mode){ .is_start = is_start, .mode = mode };
    return OK;
}
