/* SPDX-License-Identifier: MIT
 * chain_llm.c -- a language model that is a list of them: while nothing was said yet, a failure, an
 * empty answer or a time-out goes on to the next alias, and the listener never knows.
 *
 *     caller <-- events -- [ chain: clocks, limits ] <-- events -- alias 0, then 1, ... */
#include <stdio.h>

#include "base/mem.h"
#include "loop/timer.h"
#include "metrics/metrics.h"
#include "providers/resolve.h"
#include "providers/soon.h"

#define LOG_TOPIC "provider"

struct llm {
    struct soon soon;
    struct llm_class cls;       /* caps of the first alias */
    struct chain_plan plan;
    struct chain_use use;
    unsigned at;                /* the alias in use */
    const struct llm_class *child_cls;
    struct llm *child;          /* NULL: none open */
    const struct llm_events *ev;
    void *user;
    struct timer wait, total;   /* first byte or idle; the whole request */
    struct arena copies;       /* of the request, while another alias remains */
    struct llm_request request;
    size_t reply_bytes;
    struct err_note last;       /* why the last alias failed */
    bool has_delivered, has_ended;
};

static const struct llm_events child_events;

static uint64_t now_ms(const struct llm *m)
{
    return loop_now_ms(m->soon.loop);
}

static void drop_child(struct llm *m, enum err how)
{
    if (!m->child)
        return;
    object_report(m->plan.registry, m->plan.objects[m->at], how, now_ms(m));
    m->child_cls->close(m->child);
    m->child = NULL;
    timer_stop(&m->wait);
}

static void end(struct llm *m, const struct err_note *why)
{
    struct err_note note = *why;
    m->has_ended = true;
    timer_stop(&m->wait);
    timer_stop(&m->total);
    m->ev->on_end(m->user, &note);
}

static void fail(struct llm *m, enum err e, const char *text);

static void on_wait_over(void *arg)
{
    struct llm *m = arg;
    fail(m, ERR_TIMEOUT, m->has_delivered ? "the answer stalled" : "no answer in time");
}

static void on_total_over(void *arg)
{
    fail(arg, ERR_TIMEOUT, "the answer took too long");
}

/* Opens the first alias from `at` on that opens at all. False: none did; `last` says why. */
static bool try_from(struct llm *m, unsigned at)
{
    for (; at < m->plan.count; at++) {
        struct provider_object *o = m->plan.objects[at];
        m->at = at;
        if (!object_try(m->plan.registry, o, now_ms(m))) {
            m->last.err = ERR_BUSY;
            snprintf(m->last.text, sizeof(m->last.text), "%s pauses after failures", o->alias);
            chain_left(&m->plan, at);
            continue;
        }
        const struct provider_opts *opts = chain_use_for(&m->use, &m->plan, at);
        m->child_cls = o->cls;
        enum err e = m->child_cls->open(&m->child, opts, &m->request, &child_events, m);
        if (!e) {
            timer_start(&m->wait, m->soon.loop, opts->first_byte_ms, on_wait_over, m);
            return true;
        }
        m->child = NULL;
        object_report(m->plan.registry, o, e, now_ms(m));
        m->last.err = e;
        snprintf(m->last.text, sizeof(m->last.text), "%s: %s", o->alias, err_text(e));
        LOGW(m->use.opts.log, "provider.failed", "kind=LLM alias=%s err=%s", o->alias, err_name(e));
        chain_left(&m->plan, at);
    }
    return false;
}

/* The alias in use failed, for the reason in `last`. On a loop callback: may call up. */
static void next_or_end(struct llm *m)
{
    bool may_go_on = !m->has_delivered && m->at + 1 < m->plan.count && m->last.err != ERR_CANCELLED;
    if (may_go_on) {
        LOGW(m->use.opts.log, "provider.failed", "kind=LLM alias=%s err=%s why=\"%s\" next=%s",
             m->plan.objects[m->at]->alias, err_name(m->last.err), m->last.text, m->plan.objects[m->at + 1]->alias);
        chain_left(&m->plan, m->at);
        if (try_from(m, m->at + 1))
            return;
    }
    end(m, &m->last);
}

static void fail(struct llm *m, enum err e, const char *text)
{
    m->last.err = e;
    snprintf(m->last.text, sizeof(m->last.text), "%s", text);
    drop_child(m, e);
    next_or_end(m);
}

static void got(struct llm *m)
{
    m->has_delivered = true;
    timer_start(&m->wait, m->soon.loop, m->use.opts.idle_ms, on_wait_over, m);
}

static void child_delta(void *user, struct slice text)
{
    struct llm *m = user;
    if (text.len == 0)
        return;
    got(m);
    m->reply_bytes += text.len;
    if (m->reply_bytes > REPLY_BYTES_MAX)
        fail(m, ERR_LIMIT, "the answer is too long");
    else
        m->ev->on_delta(m->user, text);
}

static void child_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    struct llm *m = user;
    got(m);
    m->ev->on_tool_call(m->user, id, name, args_json);
}

static void child_usage(void *user, const struct llm_usage *u)
{
    struct llm *m = user;
    const char *alias = m->plan.objects[m->at]->alias;
    metric_add_label(METRIC_llm_tokens_in_total, alias, u->tokens_in);
    metric_add_label(METRIC_llm_tokens_cached_total, alias, u->tokens_cached);
    metric_add_label(METRIC_llm_tokens_out_total, alias, u->tokens_out);
    if (m->ev->on_usage)
        m->ev->on_usage(m->user, u);
}

static void child_end(void *user, const struct err_note *why)
{
    struct llm *m = user;
    bool is_empty = !why->err && !m->has_delivered && m->at + 1 < m->plan.count;
    m->last = *why;
    if (is_empty) {
        m->last.err = ERR_UPSTREAM;
        snprintf(m->last.text, sizeof(m->last.text), "an empty answer");
    }
    drop_child(m, m->last.err);
    if (m->last.err)
        next_or_end(m);
    else
        end(m, &m->last);
}

static const struct llm_events child_events = {
    .on_delta = child_delta, .on_tool_call = child_tool_call, .on_usage = child_usage, .on_end = child_end,
};

static struct slice copy_slice(struct arena *a, struct slice s)
{
    return s.data ? (struct slice){ arena_strdup(a, s), s.len } : s;
}

/* The next alias gets the same request, long after the caller's is gone. */
static void copy_request(struct llm *m, const struct llm_request *rq)
{
    struct arena *a = &m->copies;
    struct llm_message *messages = arena_alloc(a, sizeof(*messages) * (rq->message_count + 1));
    struct llm_tool *tools = arena_alloc(a, sizeof(*tools) * (rq->tool_count + 1));
    for (size_t i = 0; i < rq->message_count; i++) {
        const struct llm_message *from = &rq->messages[i];
        messages[i] = (struct llm_message){
            .role = from->role,
            .text = copy_slice(a, from->text),
            .tool_calls_json = copy_slice(a, from->tool_calls_json),
            .tool_call_id = copy_slice(a, from->tool_call_id),
            .image_url = copy_slice(a, from->image_url),
        };
    }
    for (size_t i = 0; i < rq->tool_count; i++) {
        tools[i].name = copy_slice(a, rq->tools[i].name);
        tools[i].description = copy_slice(a, rq->tools[i].description);
        tools[i].schema_json = copy_slice(a, rq->tools[i].schema_json);
    }
    m->request = *rq;
    m->request.messages = messages;
    m->request.tools = tools;
    m->request.purpose = arena_strdup(a, slice_of(rq->purpose ? rq->purpose : "chat"));
}

static void run(void *arg) /* every alias failed inside open() */
{
    struct llm *m = arg;
    end(m, &m->last);
}

static void free_chain(void *arg)
{
    struct llm *m = arg;
    plan_done(&m->plan);
    arena_done(&m->copies);
    mem_free(m);
}

static void chain_close(struct llm *m)
{
    drop_child(m, ERR_CANCELLED);
    timer_stop(&m->wait);
    timer_stop(&m->total);
    soon_close(&m->soon);
}

enum err chain_llm_open(struct llm_use *out, struct chain_plan *p, const struct use_opts *u,
                        const struct llm_request *rq, const struct llm_events *ev, void *user)
{
    struct llm *m = xnew(struct llm);
    soon_init(&m->soon, u->env->loop, run, free_chain, m);
    m->plan = *p;
    *p = (struct chain_plan){ 0 };
    m->ev = ev;
    m->user = user;
    chain_use_init(&m->use, u);
    const struct llm_class *first = m->plan.objects[0]->cls;
    m->cls = (struct llm_class){ .name = first->name, .caps = first->caps, .close = chain_close };
    m->request = *rq;
    if (m->plan.count > 1)
        copy_request(m, rq);
    if (!try_from(m, 0))
        soon_kick(&m->soon);
    timer_start(&m->total, m->soon.loop, m->use.opts.total_ms, on_total_over, m);
    *out = (struct llm_use){ .cls = &m->cls, .llm = m };
    return OK;
}
