/* SPDX-License-Identifier: MIT
 * llm_openai.c -- any OpenAI-compatible language model: POST /chat/completions with stream:true.
 *
 *   request --JSON--> http_call --bytes--> openai_chat (deltas, tool calls, usage) --> events
 *
 * Settings: base_url or url (up to /v1), model_name (model), api_key, temperature, max_tokens, top_p,
 * frequency_penalty, extra_body (a map, passed through), include_usage (true), think (false: what stands
 * between <think> and </think> is not said), headers (a map). */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "providers/llm.h"
#include "providers/openai.h"
#include "providers/openai_chat.h"
#include "providers/soon.h"

enum {
    DONE_WAIT_MS = 30, /* after [DONE] the body may still end, which keeps the connection usable */
    EXTRA_DEPTH_MAX = 8,
};

static const char *const url_keys[] = { "base_url", "url", NULL };

struct llm {
    struct soon soon;
    struct timer done_timer;
    struct http_call *call;
    struct chat_reader chat;
    struct buf error_body;
    int status;
    bool is_closed, has_ended;
    const struct llm_events *ev;
    void *user;
};

/* ---- the request ---- */

static void write_message(struct jw *w, const struct llm_message *m)
{
    static const char *const roles[] = { "system", "user", "assistant", "tool" };
    jw_object(w);
    jw_cstr(w, "role", roles[m->role]);
    if (m->image_url.len) {
        jw_array_as(w, "content");
        jw_object(w);
        jw_cstr(w, "type", "text");
        jw_str(w, "text", m->text);
        jw_end(w);
        jw_object(w);
        jw_cstr(w, "type", "image_url");
        jw_object_as(w, "image_url");
        jw_str(w, "url", m->image_url);
        jw_end(w);
        jw_end(w);
        jw_end(w);
    } else {
        jw_str(w, "content", m->text);
    }
    if (m->role == LLM_TOOL)
        jw_str(w, "tool_call_id", m->tool_call_id);
    auto_json struct json *calls = NULL;
    if (m->tool_calls_json.len && json_parse(&calls, m->tool_calls_json, NULL) == OK && json_len(calls)) {
        jw_array_as(w, "tool_calls");
        for (size_t i = 0; i < json_len(calls); i++) {
            const struct json *call = json_at(calls, i);
            const struct json *args = json_get(call, "arguments");
            auto_buf struct buf text = { 0 };
            if (json_is(args, JSON_OBJECT))
                json_print(&text, args);
            else
                buf_put(&text, json_text(args));
            jw_object(w);
            jw_str(w, "id", json_get_text(call, "id"));
            jw_cstr(w, "type", "function");
            jw_object_as(w, "function");
            jw_str(w, "name", json_get_text(call, "name"));
            jw_str(w, "arguments", text.len ? buf_slice(&text) : SLICE("{}"));
            jw_end(w);
            jw_end(w);
        }
        jw_end(w);
    }
    jw_end(w);
}

static void write_tools(struct jw *w, const struct llm_request *rq)
{
    if (!rq->tool_count)
        return;
    jw_array_as(w, "tools");
    for (size_t i = 0; i < rq->tool_count; i++) {
        const struct llm_tool *t = &rq->tools[i];
        auto_json struct json *schema = NULL;
        jw_object(w);
        jw_cstr(w, "type", "function");
        jw_object_as(w, "function");
        jw_str(w, "name", t->name);
        jw_str(w, "description", t->description);
        if (json_parse(&schema, t->schema_json, NULL) == OK && json_is(schema, JSON_OBJECT)) {
            jw_json(w, "parameters", schema);
        } else {
            jw_object_as(w, "parameters");
            jw_cstr(w, "type", "object");
            jw_object_as(w, "properties");
            jw_end(w);
            jw_end(w);
        }
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

/* YAML scalars have no type here: what looks like JSON goes out as it is, the rest as text. */
static void write_conf(struct jw *w, const char *key, const struct conf *n, unsigned depth)
{
    switch (conf_kind(n)) {
    case CONF_NULL:
        jw_null(w, key);
        return;
    case CONF_MAP:
    case CONF_LIST:
        if (depth > EXTRA_DEPTH_MAX) {
            jw_null(w, key);
            return;
        }
        if (conf_kind(n) == CONF_MAP)
            jw_object_as(w, key);
        else
            jw_array_as(w, key);
        for (size_t i = 0; i < conf_count(n); i++)
            write_conf(w, conf_kind(n) == CONF_MAP ? conf_key_at(n, i) : NULL, conf_at(n, i), depth + 1);
        jw_end(w);
        return;
    case CONF_SCALAR:
        break;
    }
    const char *text = conf_text(n);
    auto_json struct json *value = NULL;
    bool is_number = *text && strspn(text, "0123456789+-.eE") == strlen(text);
    bool is_plain = is_number || strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    if (is_plain && json_parse(&value, slice_of(text), NULL) == OK)
        jw_json(w, key, value);
    else
        jw_cstr(w, key, text);
}

static void write_number(struct jw *w, const struct provider_opts *o, const char *key, double min, double max)
{
    if (opts_has(o, key))
        jw_f64(w, key, opts_num(o, key, 1, min, max));
}

static void write_request(struct buf *out, const struct provider_opts *o, const struct llm_request *rq)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "model", opts_str(o, "model_name", opts_str(o, "model", "default")));
    jw_array_as(&w, "messages");
    for (size_t i = 0; i < rq->message_count; i++)
        write_message(&w, &rq->messages[i]);
    jw_end(&w);
    write_tools(&w, rq);
    jw_bool(&w, "stream", true);
    if (opts_bool(o, "include_usage", true)) {
        jw_object_as(&w, "stream_options");
        jw_bool(&w, "include_usage", true);
        jw_end(&w);
    }
    write_number(&w, o, "temperature", 0, 2);
    write_number(&w, o, "top_p", 0, 1);
    write_number(&w, o, "frequency_penalty", -2, 2);
    write_number(&w, o, "presence_penalty", -2, 2);
    int64_t tokens_max = rq->tokens_max ? rq->tokens_max : opts_int(o, "max_tokens", 0, 0, 1000000);
    if (tokens_max)
        jw_i64(&w, "max_tokens", tokens_max);
    if (rq->is_json) {
        jw_object_as(&w, "response_format");
        jw_cstr(&w, "type", "json_object");
        jw_end(&w);
    }
    const struct conf *extra = conf_get(o->overrides, "extra_body");
    if (conf_kind(extra) != CONF_MAP)
        extra = conf_get(o->settings, "extra_body");
    for (size_t i = 0; conf_kind(extra) == CONF_MAP && i < conf_count(extra); i++)
        write_conf(&w, conf_key_at(extra, i), conf_at(extra, i), 0);
    jw_end(&w);
}

/* ---- the answer ---- */

static void end(struct llm *m, const struct err_note *why)
{
    struct err_note note = *why;
    m->has_ended = true;
    timer_stop(&m->done_timer);
    http_call_close(m->call);
    m->call = NULL;
    m->ev->on_end(m->user, &note);
}

static void conclude(struct llm *m, bool is_whole)
{
    struct err_note why = { 0 };
    chat_end(&m->chat, is_whole, m->status, &why);
    if (!m->is_closed)
        end(m, &why);
}

static void on_done_timer(void *arg)
{
    conclude(arg, true);
}

static void on_head(void *user, int status, struct slice content_type)
{
    struct llm *m = user;
    m->status = status;
    openai_acquired(m->call);
}

static void on_data(void *user, struct slice data)
{
    struct llm *m = user;
    if (m->has_ended)
        return;
    if (m->status / 100 != 2) {
        if (m->error_body.len + data.len <= OPENAI_ERROR_BYTES)
            buf_put(&m->error_body, data);
        return;
    }
    enum err e = chat_feed(&m->chat, data);
    if (m->is_closed)
        return;
    if (e)
        end(m, &m->chat.error);
    else if (m->chat.is_done && !timer_armed(&m->done_timer))
        timer_start(&m->done_timer, m->soon.loop, DONE_WAIT_MS, on_done_timer, m);
}

static void on_http_end(void *user, enum err e, int status, const char *text)
{
    struct llm *m = user;
    struct err_note why = { 0 };
    m->call = NULL; /* gone with its last event */
    if (m->has_ended)
        return;
    if (status && status / 100 != 2) {
        openai_explain(&why, status, buf_slice(&m->error_body));
        end(m, &why);
    } else if (e && e != ERR_CLOSED && !m->chat.is_done && !m->chat.has_finished) {
        openai_transport(&why, e, text);
        end(m, &why);
    } else {
        conclude(m, !e);
    }
}

static void free_llm(void *arg)
{
    struct llm *m = arg;
    chat_done(&m->chat);
    buf_done(&m->error_body);
    mem_free(m);
}

static enum err llm_open_at(struct llm **out, const struct provider_opts *o, const char *url,
                            const struct llm_request *rq, const struct llm_events *ev, void *user)
{
    static const struct http_call_events call_events = { .on_head = on_head, .on_data = on_data, .on_end = on_http_end };
    auto_buf struct buf body = { 0 };
    struct openai_headers headers;

    struct llm *m = xnew(struct llm);
    m->ev = ev;
    m->user = user;
    soon_init(&m->soon, o->env->loop, NULL, free_llm, m);
    chat_init(&m->chat, ev, user, &m->is_closed, !opts_bool(o, "think", false));
    write_request(&body, o, rq);
    openai_headers_init(&headers, o);
    openai_headers_add(&headers, "Content-Type", "application/json");
    openai_headers_add(&headers, "Accept", "text/event-stream");
    struct http_call_opts call = {
        .method = "POST", .url = url, .headers = headers.list, .header_count = headers.count,
        .body = buf_slice(&body), .first_byte_ms = o->first_byte_ms, .idle_ms = o->idle_ms, .total_ms = o->total_ms,
        .reply_max_bytes = 8u << 20, /* the frames around the text; the text itself is bounded by the chain */
    };
    enum err e = http_call_open(&m->call, o->env->http, &call, &call_events, m);
    openai_headers_done(&headers);
    if (e) {
        m->call = NULL;
        free_llm(m);
        return e;
    }
    *out = m;
    return OK;
}

static enum err llm_open(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                         const struct llm_events *ev, void *user)
{
    auto_mem char *url = openai_endpoint(o, url_keys, "/chat/completions");
    if (!url || !o->env->http)
        return ERR_INVALID;
    return llm_open_at(out, o, url, rq, ev, user);
}

/* Ollama's own entries name the server without /v1. */
static enum err ollama_open(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                            const struct llm_events *ev, void *user)
{
    const char *base = opts_url(o, "base_url", opts_url(o, "url", "http://127.0.0.1:11434"));
    if (!o->env->http)
        return ERR_INVALID;
    if (strstr(base, "/v1"))
        return llm_open(out, o, rq, ev, user);
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    auto_mem char *url = xprintf("%.*s/v1/chat/completions", (int)len, base);
    return llm_open_at(out, o, url, rq, ev, user);
}

static void llm_close(struct llm *m)
{
    m->is_closed = m->has_ended = true;
    timer_stop(&m->done_timer);
    http_call_close(m->call);
    m->call = NULL;
    soon_close(&m->soon);
}

static enum err llm_check(const struct provider_opts *o, struct err_note *note)
{
    return openai_check(o, url_keys, note);
}

extern const struct llm_class llm_openai, llm_ollama;
const struct llm_class llm_openai = {
    .name = "openai", .caps = LLM_TOOLS | LLM_VISION | LLM_JSON,
    .open = llm_open, .close = llm_close, .check = llm_check,
};
const struct llm_class llm_ollama = {
    .name = "ollama", .caps = LLM_TOOLS | LLM_VISION | LLM_JSON, .open = ollama_open, .close = llm_close,
};
