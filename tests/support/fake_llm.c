/* SPDX-License-Identifier: MIT
 * fake_llm.c -- the scripted language model: a text in small pieces, a tool call. */
#include "tests/support/fake_inside.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"

FAKE_SCRIPT(llm, FAKE_LLM)

struct llm {
    struct player player;
    struct fake_llm_script *script;
    const struct llm_events *ev;
    void *user;
    struct fake_reply reply;
    char text[2048];
    size_t at;
    bool tool_done, usage_done;
};

static enum step llm_step(void *owner, unsigned n)
{
    struct llm *m = owner;
    size_t len = strlen(m->text);
    if (m->at < len) {
        unsigned chars = m->script->delta_chars ? m->script->delta_chars : 8;
        size_t from = m->at;
        while (chars-- && m->at < len)
            utf8_next(slice_of(m->text), &m->at);
        m->ev->on_delta(m->user, slice_from(m->text + from, m->at - from));
        return STEP_MORE;
    }
    if (m->reply.tool && !m->tool_done) {
        char id[24];
        m->tool_done = true;
        snprintf(id, sizeof(id), "call_%u", m->player.stream);
        m->ev->on_tool_call(m->user, slice_of(id), slice_of(m->reply.tool),
                            slice_of(m->reply.tool_args ? m->reply.tool_args : "{}"));
        return STEP_MORE;
    }
    if (!m->usage_done && m->ev->on_usage) {
        m->usage_done = true;
        m->ev->on_usage(m->user, &(struct llm_usage){ .tokens_in = 10, .tokens_out = (uint32_t)n });
        return STEP_MORE;
    }
    return STEP_END;
}

static void llm_end(void *owner, const struct err_note *why)
{
    struct llm *m = owner;
    m->ev->on_end(m->user, why);
}

static enum err llm_open(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                         const struct llm_events *ev, void *user)
{
    struct llm *m = xnew(struct llm);
    m->script = script_for(o);
    m->ev = ev;
    m->user = user;
    enum err e = player_open(&m->player, o, &m->script->plan, &m->script->seen, m);
    if (e) {
        mem_free(m);
        return e;
    }
    m->player.step = llm_step;
    m->player.end = llm_end;
    unsigned last = 0;
    for (unsigned i = 0; i < FAKE_LINES_MAX && i <= m->player.stream; i++) {
        if (m->script->replies[i].text || m->script->replies[i].tool)
            last = i;
    }
    m->reply = m->script->replies[last];
    struct slice asked = { NULL, 0 };
    if (rq->message_count)
        asked = rq->messages[rq->message_count - 1].text;
    fake_note(FAKE_ASKED, asked);
    if (m->reply.text)
        snprintf(m->text, sizeof(m->text), "%s", m->reply.text);
    else if (!m->reply.tool)
        snprintf(m->text, sizeof(m->text), "You said: " SLICE_FMT, SLICE_ARG(asked));
    *out = m;
    player_start(&m->player);
    return OK;
}

static void llm_close(struct llm *m)
{
    player_close(&m->player);
}

const struct llm_class fake_llm = {
    .name = "fake", .caps = LLM_TOOLS | LLM_VISION | LLM_JSON, .open = llm_open, .close = llm_close,
};
