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
static enum err intent_begin(struct answer *a);

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
    timer_stop(&a->intent_late);
    if (a->llm.llm)
        a->llm.cls->close(a->llm.llm);
    a->llm = (struct llm_use){ 0 };
}

static void release(struct answer *a)
{
    llm_stop(a);
    calls_done(a);
    mem_free(a->calls);
    a->calls = NULL;
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
    if (!a->calls)
        a->calls = xalloc(ANSWER_CALLS_MAX * sizeof(*a->calls));
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

/* The tools as the model is offered them; NULL: none. */
static struct llm_tool *tools_list(const struct answer *a, size_t *count)
{
    *count = a->tools ? MIN(toolbox_count(a->tools), (size_t)TOOLBOX_TOOLS_MAX) : 0;
    struct llm_tool *tools = *count ? xalloc(*count * sizeof *tools) : NULL;
    for (size_t i = 0; i < *count; i++) {
        struct tool_info info;
        if (toolbox_at(a->tools, i, &info))
            tools[i] = (struct llm_tool){ info.name, info.description, info.schema_json };
    }
    return tools;
}

/* ---- which tool? --------------------------------------------------------------------------------------- */

/* No tool, no answer, or too late: the chat model is asked as if nothing had been. */
static void intent_pass(struct answer *a)
{
    llm_stop(a);
    enum err e = round_begin(a);
    if (e) {
        struct err_note why = { e, "the model cannot be asked" };
        end(a, &why);
    }
}

static void on_intent_late(void *arg)
{
    struct answer *a = arg;
    LOGW(a->use.log, "intent.late", "ms=%d", INTENT_MS);
    intent_pass(a);
}

static void on_intent_delta(void *user, struct slice text)
{
    struct answer *a = user;
    if (a->round_text.len + text.len <= INTENT_REPLY_MAX_BYTES)
        buf_put(&a->round_text, text);
}

static void on_intent_tool(void *user, struct slice id, struct slice name, struct slice args_json)
{
    (void)user, (void)id, (void)name, (void)args_json; /* none was offered */
}

static void on_intent_end(void *user, const struct err_note *why)
{
    struct answer *a = user;
    auto_buf struct buf name = { 0 }, args = { 0 };
    bool is_call = !why->err && intent_read(buf_slice(&a->round_text), a->tools, &name, &args);
    LOGD(a->use.log, "intent.end", "err=%s tool=%s", err_name(why->err), is_call ? name.data : "-");
    if (!is_call) {
        intent_pass(a);
        return;
    }
    llm_stop(a);
    buf_clear(&a->round_text);
    on_tool_call(a, (struct slice){ NULL, 0 }, buf_slice(&name), buf_slice(&args));
    timer_stop(&a->watchdog);
    calls_note(a);
    calls_start(a);
}

static const struct llm_events intent_events = {
    .on_delta = on_intent_delta, .on_tool_call = on_intent_tool, .on_end = on_intent_end,
};

static enum err intent_begin(struct answer *a)
{
    size_t count;
    auto_buf struct buf system = { 0 };
    auto_mem struct llm_tool *tools = tools_list(a, &count);
    if (!count || !a->history->count)
        return ERR_NOT_FOUND;
    intent_prompt(&system, tools, count);
    struct llm_message messages[] = {
        { .role = LLM_SYSTEM, .text = buf_slice(&system) },
        { .role = LLM_USER, .text = slice_of(a->history->entries[a->history->count - 1].text) },
    };
    struct llm_request rq = { .messages = messages, .message_count = COUNT(messages), .is_json = true,
                              .tokens_max = INTENT_TOKENS_MAX, .purpose = "intent" };
    enum err e = llm_open_for(&a->llm, a->registry, &a->use, &rq, &intent_events, a);
    if (e) {
        a->llm = (struct llm_use){ 0 };
        return e;
    }
    timer_start(&a->intent_late, a->loop, INTENT_MS, on_intent_late, a);
    return OK;
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

/* The first round decides who answers; the rules go on with what they began. */
static enum err llm_begin(struct answer *a, struct llm_request *rq)
{
    enum err e = ERR_NOT_FOUND;
    if (a->intent.local != LLM_ANYTHING && (a->rounds == 1 || a->is_local)) {
        rq->scope = a->intent.local;
        e = llm_open_known(&a->llm, a->registry, &a->use, a->intent.rules, rq, &llm_events, a);
        a->is_local = e == OK;
        rq->scope = LLM_ANYTHING;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    a->is_local = false;
    if (a->rounds == 1 && a->intent.kind == INTENT_LLM && intent_begin(a) == OK)
        return OK;
    if (a->intent.kind != INTENT_FUNCTION_CALL)
        rq->tool_count = 0;
    return llm_open_for(&a->llm, a->registry, &a->use, rq, &llm_events, a);
}

static enum err round_begin(struct answer *a)
{
    size_t tool_count, message_count;
    a->rounds++;
    auto_mem struct llm_tool *tools = tools_list(a, &tool_count);
    auto_mem struct llm_message *messages = history_messages(a->history, slice_of(a->system), &message_count);
    struct llm_request rq = { .messages = messages, .message_count = message_count, .tools = tools,
                              .tool_count = tool_count, .purpose = a->purpose };
    buf_clear(&a->round_text);
    enum err e = llm_begin(a, &rq);
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
                          .purpose = o->purpose, .history = o->history, .tools = o->tools, .intent = o->intent };
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
