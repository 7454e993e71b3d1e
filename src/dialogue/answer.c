/* SPDX-License-Identifier: MIT
 * answer.c -- asks, runs tools, asks again.
 *
 * Results of tools may come while others still run; the next round begins when all are there. The model's
 * stream is closed before tools run, so at most one thing is under way. */
#include "dialogue/answer.h"

#include "base/json.h"
#include "base/mem.h"
#include "metrics/metrics.h"

#define LOG_TOPIC "dialogue"

static enum err round_begin(struct answer *a);

static void calls_done(struct answer *a)
{
    for (unsigned i = 0; i < a->call_count; i++) {
        struct answer_call *c = &a->calls[i];
        tool_call_cancel(c->running);
        mem_free(c->id);
        mem_free(c->name);
        mem_free(c->args);
        *c = (struct answer_call){ 0 };
    }
    a->call_count = a->results = 0;
}

static void llm_stop(struct answer *a)
{
    timer_stop(&a->watchdog);
    if (a->llm.llm)
        a->llm.cls->close(a->llm.llm);
    a->llm = (struct llm_use){ 0 };
}

static void release(struct answer *a)
{
    llm_stop(a);
    calls_done(a);
    mem_free(a->system);
    a->system = NULL;
    buf_done(&a->round_text);
}

static void end(struct answer *a, const struct err_note *why)
{
    struct err_note note = *why; /* it may lie in what release frees */
    enum answer_then then = a->closes ? ANSWER_CLOSE : a->said ? ANSWER_SAID :
                            a->is_silent ? ANSWER_SILENT : ANSWER_EMPTY;
    const struct answer_events *ev = a->ev;
    release(a);
    ev->on_end(a->user, &note, then);
}

/* ---- tools --------------------------------------------------------------------------------------------- */

static void result_put(struct answer *a, struct answer_call *c, struct slice text)
{
    c->has_result = true;
    a->results++;
    history_add_result(a->history, slice_of(c->id), text);
}

static void round_done(struct answer *a)
{
    calls_done(a);
    if (!a->asks_again || a->rounds >= ANSWER_ROUNDS_MAX) {
        if (a->asks_again)
            LOGW(a->use.log, "answer.rounds", "max=%d", ANSWER_ROUNDS_MAX);
        struct err_note why = { a->asks_again && !a->said ? ERR_LIMIT : OK, "too many rounds of tools" };
        end(a, &why);
        return;
    }
    enum err e = round_begin(a);
    if (e) {
        struct err_note why = { e, "the model cannot be asked" };
        end(a, &why);
    }
}

static void on_tool_done(void *user, enum err err, const struct tool_result *r)
{
    struct answer_call *c = user;
    struct answer *a = c->answer;
    c->running = NULL;
    LOGD(a->use.log, "answer.tool", "name=%s err=%s bytes=%zu", c->name, err_name(err), r->text.len);
    metric_add_label(METRIC_tool_calls_total, err ? err_name(err) : r->is_error ? "error" : "ok", 1);
    result_put(a, c, r->text.len ? r->text : SLICE("done"));
    if (r->then == TOOL_ASK)
        a->asks_again = true;
    if (r->then == TOOL_SILENT)
        a->is_silent = true;
    if (r->then == TOOL_SAY_CLOSE)
        a->closes = true;
    if ((r->then == TOOL_SAY || r->then == TOOL_SAY_CLOSE) && r->text.len) {
        a->said = true;
        a->ev->on_say(a->user, r->text);
        if (!a->system) /* cancelled inside */
            return;
    }
    if (a->results == a->call_count)
        round_done(a);
}

static void call_start(struct answer *a, struct answer_call *c)
{
    enum err e = a->tools ? toolbox_call(&c->running, a->tools, slice_of(c->name), slice_of(c->args),
                                         on_tool_done, c) : ERR_NOT_FOUND;
    if (!e)
        return;
    c->running = NULL;
    LOGW(a->use.log, "answer.tool", "name=%s err=%s", c->name, err_name(e));
    auto_mem char *text = xprintf("error: %s", err_text(e));
    a->asks_again = true;
    result_put(a, c, slice_of(text));
}

static void calls_note(struct answer *a)
{
    auto_buf struct buf json = { 0 };
    struct jw w;
    jw_init(&w, &json);
    jw_array(&w);
    for (unsigned i = 0; i < a->call_count; i++) {
        jw_object(&w);
        jw_cstr(&w, "id", a->calls[i].id);
        jw_cstr(&w, "name", a->calls[i].name);
        jw_cstr(&w, "arguments", a->calls[i].args);
        jw_end(&w);
    }
    jw_end(&w);
    history_add_calls(a->history, buf_slice(&a->round_text), buf_slice(&json));
    buf_clear(&a->round_text);
}

static void calls_start(struct answer *a)
{
    a->asks_again = false;
    a->results = 0;
    for (unsigned i = 0; i < a->call_count; i++)
        call_start(a, &a->calls[i]);
    if (a->results == a->call_count)
        round_done(a);
}

/* ---- the model ----------------------------------------------------------------------------------------- */

static void on_silent(void *arg)
{
    struct err_note why = { ERR_TIMEOUT, "the model is silent" };
    end(arg, &why);
}

static void watchdog_feed(struct answer *a)
{
    timer_start(&a->watchdog, a->loop, ANSWER_SILENT_MS, on_silent, a);
}

static void on_delta(void *user, struct slice text)
{
    struct answer *a = user;
    watchdog_feed(a);
    if (a->round_text.len + text.len <= HISTORY_ENTRY_MAX_BYTES)
        buf_put(&a->round_text, text);
    a->said = a->said || slice_trim(text).len;
    a->ev->on_text(a->user, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    struct answer *a = user;
    watchdog_feed(a);
    if (a->call_count >= ANSWER_CALLS_MAX) {
        LOGW(a->use.log, "answer.calls", "max=%d", ANSWER_CALLS_MAX);
        return;
    }
    struct answer_call *c = &a->calls[a->call_count++];
    *c = (struct answer_call){ .answer = a };
    c->id = id.len ? xslicedup(id) : xprintf("call_%u_%u", a->rounds, a->call_count);
    c->name = xslicedup(name);
    c->args = xslicedup(args_json);
}

static void on_llm_end(void *user, const struct err_note *why)
{
    struct answer *a = user;
    if (why->err || !a->call_count) {
        end(a, why);
        return;
    }
    llm_stop(a);
    calls_note(a);
    calls_start(a);
}

static const struct llm_events llm_events = {
    .on_delta = on_delta, .on_tool_call = on_tool_call, .on_end = on_llm_end,
};

static enum err round_begin(struct answer *a)
{
    size_t tool_count = a->tools ? toolbox_count(a->tools) : 0, message_count;
    a->rounds++;
    if (tool_count > TOOLBOX_TOOLS_MAX)
        tool_count = TOOLBOX_TOOLS_MAX;
    auto_mem struct llm_tool *tools = tool_count ? xalloc(tool_count * sizeof *tools) : NULL;
    for (size_t i = 0; i < tool_count; i++) {
        struct tool_info info;
        if (toolbox_at(a->tools, i, &info))
            tools[i] = (struct llm_tool){ info.name, info.description, info.schema_json };
    }
    auto_mem struct llm_message *messages = history_messages(a->history, slice_of(a->system), &message_count);
    struct llm_request rq = { .messages = messages, .message_count = message_count, .tools = tools,
                              .tool_count = tool_count, .purpose = a->purpose };
    buf_clear(&a->round_text);
    enum err e = llm_open_for(&a->llm, a->registry, &a->use, a->purpose, &rq, &llm_events, a);
    if (e)
        a->llm = (struct llm_use){ 0 };
    else
        watchdog_feed(a);
    return e;
}

enum err answer_ask(struct answer *a, const struct answer_opts *o, const struct answer_events *ev, void *user)
{
    answer_cancel(a);
    *a = (struct answer){ .loop = o->loop, .ev = ev, .user = user, .registry = o->registry, .use = *o->use,
                          .purpose = o->purpose, .history = o->history, .tools = o->tools };
    a->system = xslicedup(o->system);
    enum err e = round_begin(a);
    if (e)
        release(a);
    return e;
}

void answer_cancel(struct answer *a)
{
    if (!a->system)
        return;
    bool is_noted = !a->llm.llm; /* the calls stand in the history once the stream was closed */
    for (unsigned i = 0; is_noted && i < a->call_count; i++) {
        if (!a->calls[i].has_result)
            result_put(a, &a->calls[i], SLICE("cancelled"));
    }
    release(a);
}
