/* SPDX-License-Identifier: MIT
 * openai_chat.c -- deltas, joined tool calls, usage, errors mid-stream.
 *
 *   bytes --first byte--> SSE  : data: {...choices[0].delta...}  ... data: [DONE]
 *                     \-> body : {...choices[0].message...} | {"error":...} | HTML */
#include "providers/openai_chat.h"

#include <stdio.h>

#include "base/json.h"
#include "providers/openai.h"

static const struct json_limits limits = { .depth_max = 32, .nodes_max = 20000 };

static bool is_stopped(const struct chat_reader *c)
{
    return c->is_stopped && *c->is_stopped;
}

static enum err set_error(struct chat_reader *c, enum err e, const char *text)
{
    if (!c->error.err) {
        c->error.err = e;
        snprintf(c->error.text, sizeof(c->error.text), "%s", text);
    }
    return e;
}

static void say(struct chat_reader *c, struct slice text)
{
    if (!text.len || is_stopped(c))
        return;
    if (!c->drops_thinking) {
        c->ev->on_delta(c->user, text);
        return;
    }
    buf_clear(&c->said);
    think_feed(&c->think, text, &c->said);
    if (c->said.len)
        c->ev->on_delta(c->user, buf_slice(&c->said));
}

/* ---- tool calls ---- */

static struct chat_call *call_at(struct chat_reader *c, const struct json *piece)
{
    struct slice id = json_get_text(piece, "id");
    int64_t index = json_get_i64(piece, "index", -1);
    if (index < 0) { /* servers without an index: a new id is a new call */
        index = c->call_count ? c->call_count - 1 : 0;
        if (id.len && c->call_count && !slice_eq(id, buf_slice(&c->calls[index].id)))
            index++;
    }
    if (index >= CHAT_CALLS_MAX)
        return NULL;
    if ((unsigned)index >= c->call_count)
        c->call_count = (unsigned)index + 1;
    struct chat_call *call = &c->calls[index];
    call->id.max = call->name.max = 256;
    call->args.max = CHAT_ARGS_MAX;
    return call;
}

static enum err put_call(struct chat_reader *c, const struct json *piece)
{
    struct chat_call *call = call_at(c, piece);
    const struct json *function = json_get(piece, "function");
    const struct json *args = json_get(function, "arguments");
    enum err e = OK;
    if (!call)
        return set_error(c, ERR_LIMIT, "too many tool calls in one answer");
    if (!call->id.len)
        e = buf_put(&call->id, json_get_text(piece, "id"));
    if (!e && !call->name.len)
        e = buf_put(&call->name, json_get_text(function, "name"));
    if (!e && json_is(args, JSON_OBJECT)) /* some servers give the object itself */
        json_print(&call->args, args);
    else if (!e)
        e = buf_put(&call->args, json_text(args));
    return e ? set_error(c, ERR_LIMIT, "a tool call is too long") : OK;
}

static enum err put_calls(struct chat_reader *c, const struct json *pieces)
{
    for (size_t i = 0; i < json_len(pieces) && json_is(pieces, JSON_ARRAY); i++) {
        enum err e = put_call(c, json_at(pieces, i));
        if (e)
            return e;
    }
    return OK;
}

static bool args_are_object(struct slice text)
{
    struct json *root = NULL;
    bool is_good = json_parse(&root, text, &limits) == OK && json_is(root, JSON_OBJECT);
    json_free(root);
    return is_good;
}

static void tell_calls(struct chat_reader *c)
{
    unsigned count = c->call_count;
    c->call_count = 0;
    for (unsigned i = 0; i < count && !is_stopped(c); i++) {
        struct chat_call *call = &c->calls[i];
        char made_up[16];
        if (!call->name.len)
            continue;
        if (!call->id.len) {
            snprintf(made_up, sizeof(made_up), "call_%u", i);
            buf_puts(&call->id, made_up);
        }
        if (!call->args.len)
            buf_puts(&call->args, "{}");
        if (!args_are_object(buf_slice(&call->args))) {
            set_error(c, ERR_PROTO, "the arguments of a tool call are no JSON object");
            return;
        }
        c->ev->on_tool_call(c->user, buf_slice(&call->id), buf_slice(&call->name), buf_slice(&call->args));
    }
}

/* ---- one JSON object: a chunk, or the whole answer ---- */

static uint32_t tokens(const struct json *obj, const char *key)
{
    int64_t n = json_get_i64(obj, key, 0);
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void read_usage(struct chat_reader *c, const struct json *usage)
{
    if (!json_is(usage, JSON_OBJECT))
        return;
    c->has_usage = true;
    c->usage.tokens_in = tokens(usage, "prompt_tokens");
    c->usage.tokens_out = tokens(usage, "completion_tokens");
    c->usage.tokens_cached = tokens(json_get(usage, "prompt_tokens_details"), "cached_tokens");
}

static enum err read_object(struct chat_reader *c, const struct json *root, const char *part)
{
    const struct json *error = json_get(root, "error");
    if (json_is(error, JSON_OBJECT) || json_is(error, JSON_STRING)) {
        struct slice text = json_is(error, JSON_STRING) ? json_text(error) : json_get_text(error, "message");
        char copy[160];
        snprintf(copy, sizeof(copy), SLICE_FMT, SLICE_ARG(text));
        return set_error(c, ERR_UPSTREAM, copy[0] ? copy : "the service reports an error");
    }
    read_usage(c, json_get(root, "usage"));
    const struct json *choice = json_at(json_get(root, "choices"), 0);
    const struct json *message = json_get(choice, part);
    enum err e = put_calls(c, json_get(message, "tool_calls"));
    if (json_get_text(choice, "finish_reason").len)
        c->has_finished = true;
    if (!e)
        say(c, json_get_text(message, "content"));
    return e;
}

static void on_event(void *user, struct slice event, struct slice data)
{
    struct chat_reader *c = user;
    auto_json struct json *root = NULL;
    data = slice_trim(data);
    if (c->error.err || c->is_done || is_stopped(c) || !data.len)
        return;
    if (slice_is(data, "[DONE]")) {
        c->is_done = true;
        return;
    }
    if (json_parse(&root, data, &limits) != OK) {
        set_error(c, ERR_PROTO, "a broken piece in the stream");
        return;
    }
    if (slice_is(event, "error") && !json_get(root, "error"))
        set_error(c, ERR_UPSTREAM, "the service reports an error");
    else
        read_object(c, root, "delta");
}

void chat_init(struct chat_reader *c, const struct llm_events *ev, void *user, const bool *stopped,
               bool drops_thinking)
{
    *c = (struct chat_reader){ .ev = ev, .user = user, .is_stopped = stopped, .drops_thinking = drops_thinking };
    c->body.max = CHAT_BODY_MAX;
    sse_init(&c->sse, on_event, c);
}

enum err chat_feed(struct chat_reader *c, struct slice bytes)
{
    if (c->form == CHAT_UNKNOWN) {
        while (bytes.len && strchr(" \r\n\t", *bytes.data))
            bytes = slice_sub(bytes, 1, bytes.len);
        if (!bytes.len)
            return OK;
        c->form = *bytes.data == '{' || *bytes.data == '<' || *bytes.data == '[' ? CHAT_BODY : CHAT_SSE;
    }
    if (c->form == CHAT_BODY) {
        if (buf_put(&c->body, bytes))
            return set_error(c, ERR_LIMIT, "the answer is too long");
        return c->error.err;
    }
    if (sse_feed(&c->sse, bytes) && !c->error.err)
        set_error(c, ERR_PROTO, "a broken stream of events");
    return c->error.err;
}

static void read_body(struct chat_reader *c, bool is_whole, int status)
{
    auto_json struct json *root = NULL;
    if (json_parse(&root, buf_slice(&c->body), &limits) != OK || !json_get(root, "choices")) {
        if (!is_whole)
            set_error(c, ERR_CLOSED, "the answer was cut off");
        else
            openai_explain(&c->error, status, buf_slice(&c->body));
        return;
    }
    c->has_finished = true;
    read_object(c, root, "message");
}

void chat_end(struct chat_reader *c, bool is_whole, int status, struct err_note *why)
{
    if (c->form == CHAT_BODY && !c->error.err)
        read_body(c, is_whole, status);
    else if (!c->error.err && !c->is_done && !c->has_finished)
        set_error(c, ERR_CLOSED, c->form == CHAT_UNKNOWN ? "an empty answer" : "the answer was cut off");
    if (!c->error.err && !is_stopped(c)) {
        buf_clear(&c->said);
        think_end(&c->think, &c->said);
        if (c->said.len)
            c->ev->on_delta(c->user, buf_slice(&c->said));
    }
    if (!c->error.err && !is_stopped(c))
        tell_calls(c);
    if (c->has_usage && c->ev->on_usage && !is_stopped(c)) {
        c->has_usage = false;
        c->ev->on_usage(c->user, &c->usage);
    }
    *why = c->error;
}

void chat_done(struct chat_reader *c)
{
    sse_done(&c->sse);
    buf_done(&c->body);
    buf_done(&c->said);
    for (unsigned i = 0; i < CHAT_CALLS_MAX; i++) {
        buf_done(&c->calls[i].id);
        buf_done(&c->calls[i].name);
        buf_done(&c->calls[i].args);
    }
}
