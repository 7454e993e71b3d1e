/* SPDX-License-Identifier: MIT
 * record.c -- a provider that is another one, and writes down what it told: `type: record`, `of` (the
 * alias of the real one, of the same kind), `file`. For reports of problems and for tests (replay.c). */
#include <stdio.h>

#include "base/mem.h"
#include "providers/list.h"
#include "providers/soon.h"
#include "providers/tape.h"

struct asr {
    struct soon soon;
    struct tape tape;
    const struct asr_class *cls;
    struct asr *child;
    const struct asr_events *ev;
    void *user;
};
struct llm {
    struct soon soon;
    struct tape tape;
    const struct llm_class *cls;
    struct llm *child;
    const struct llm_events *ev;
    void *user;
};
struct tts {
    struct soon soon;
    struct tape tape;
    const struct tts_class *cls;
    struct tts *child;
    const struct tts_events *ev;
    void *user;
};

/* The options of the real one; its type by name. */
static const char *real_opts(const struct provider_opts *o, const char *kind, struct provider_opts *out)
{
    const char *alias = opts_str(o, "of", "");
    *out = *o;
    out->alias = alias;
    out->settings = o->config ? config_entry(o->config, kind, alias) : NULL;
    out->overrides = NULL;
    out->shared = NULL;
    return conf_str(out->settings, "type", alias);
}

#define FIND(list, type)                                               \
    ({                                                                 \
        size_t at_ = 0;                                                \
        while ((list)[at_] && strcmp((list)[at_]->name, (type)) != 0)  \
            at_++;                                                     \
        (list)[at_];                                                   \
    })

static void put_end(struct tape *t, const struct err_note *why)
{
    tape_put(t, &(struct tape_event){ .on = "end", .name = slice_of(err_name(why->err)), .text = slice_of(why->text) });
}

/* ---- recogniser ---- */

static void asr_text(void *user, const struct asr_text *t)
{
    struct asr *a = user;
    tape_put(&a->tape, &(struct tape_event){ .on = t->final ? "text" : "partial", .text = t->text });
    a->ev->on_text(a->user, t);
}

static void asr_end(void *user, const struct err_note *why)
{
    struct asr *a = user;
    put_end(&a->tape, why);
    a->ev->on_end(a->user, why);
}

static enum err asr_open(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user)
{
    static const struct asr_events events = { .on_text = asr_text, .on_end = asr_end };
    struct provider_opts real;
    const struct asr_class *cls = FIND(asr_classes, real_opts(o, "ASR", &real));
    if (!cls || cls->open == asr_open)
        return ERR_INVALID;
    struct asr *a = xnew(struct asr);
    *a = (struct asr){ .cls = cls, .ev = ev, .user = user };
    soon_init(&a->soon, o->env->loop, NULL, mem_free, a);
    enum err e = cls->open(&a->child, &real, &events, a);
    if (e) {
        mem_free(a);
        return e;
    }
    tape_open(&a->tape, o, (struct slice){ NULL, 0 });
    *out = a;
    return OK;
}

static enum err asr_feed(struct asr *a, struct pcm pcm)
{
    return a->cls->feed(a->child, pcm);
}

static void asr_finish(struct asr *a)
{
    a->cls->finish(a->child);
}

static void asr_close(struct asr *a)
{
    a->cls->close(a->child);
    tape_close(&a->tape);
    soon_close(&a->soon);
}

/* ---- language model ---- */

static void llm_delta(void *user, struct slice text)
{
    struct llm *m = user;
    tape_put(&m->tape, &(struct tape_event){ .on = "delta", .text = text });
    m->ev->on_delta(m->user, text);
}

static void llm_tool_call(void *user, struct slice id, struct slice name, struct slice args)
{
    struct llm *m = user;
    tape_put(&m->tape, &(struct tape_event){ .on = "tool", .text = args, .id = id, .name = name });
    m->ev->on_tool_call(m->user, id, name, args);
}

static void llm_usage(void *user, const struct llm_usage *u)
{
    struct llm *m = user;
    if (m->ev->on_usage)
        m->ev->on_usage(m->user, u);
}

static void llm_end(void *user, const struct err_note *why)
{
    struct llm *m = user;
    put_end(&m->tape, why);
    m->ev->on_end(m->user, why);
}

static enum err llm_open(struct llm **out, const struct provider_opts *o, const struct llm_request *rq,
                         const struct llm_events *ev, void *user)
{
    static const struct llm_events events = {
        .on_delta = llm_delta, .on_tool_call = llm_tool_call, .on_usage = llm_usage, .on_end = llm_end,
    };
    struct provider_opts real;
    const struct llm_class *cls = FIND(llm_classes, real_opts(o, "LLM", &real));
    if (!cls || cls->open == llm_open)
        return ERR_INVALID;
    struct llm *m = xnew(struct llm);
    *m = (struct llm){ .cls = cls, .ev = ev, .user = user };
    soon_init(&m->soon, o->env->loop, NULL, mem_free, m);
    enum err e = cls->open(&m->child, &real, rq, &events, m);
    if (e) {
        mem_free(m);
        return e;
    }
    tape_open(&m->tape, o, rq->message_count ? rq->messages[rq->message_count - 1].text : (struct slice){ NULL, 0 });
    *out = m;
    return OK;
}

static void llm_close(struct llm *m)
{
    m->cls->close(m->child);
    tape_close(&m->tape);
    soon_close(&m->soon);
}

/* ---- voice ---- */

static void tts_pcm(void *user, struct pcm pcm, uint32_t rate_hz)
{
    struct tts *t = user;
    tape_put(&t->tape, &(struct tape_event){ .on = "pcm", .number = rate_hz,
                                             .data = slice_from(pcm.samples, pcm.count * sizeof(int16_t)) });
    t->ev->on_pcm(t->user, pcm, rate_hz);
}

static void tts_mark(void *user, uint32_t sentence)
{
    struct tts *t = user;
    tape_put(&t->tape, &(struct tape_event){ .on = "mark", .number = sentence });
    t->ev->on_mark(t->user, sentence);
}

static void tts_end(void *user, const struct err_note *why)
{
    struct tts *t = user;
    put_end(&t->tape, why);
    t->ev->on_end(t->user, why);
}

static enum err tts_open(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user)
{
    static const struct tts_events events = { .on_pcm = tts_pcm, .on_mark = tts_mark, .on_end = tts_end };
    struct provider_opts real;
    const struct tts_class *cls = FIND(tts_classes, real_opts(o, "TTS", &real));
    if (!cls || cls->open == tts_open)
        return ERR_INVALID;
    struct tts *t = xnew(struct tts);
    *t = (struct tts){ .cls = cls, .ev = ev, .user = user };
    soon_init(&t->soon, o->env->loop, NULL, mem_free, t);
    enum err e = cls->open(&t->child, &real, &events, t);
    if (e) {
        mem_free(t);
        return e;
    }
    tape_open(&t->tape, o, (struct slice){ NULL, 0 });
    *out = t;
    return OK;
}

static enum err tts_say(struct tts *t, struct slice text)
{
    return t->cls->say(t->child, text);
}

static void tts_finish(struct tts *t)
{
    t->cls->finish(t->child);
}

static void tts_pause(struct tts *t, bool is_paused)
{
    if (t->cls->pause)
        t->cls->pause(t->child, is_paused);
}

static void tts_close(struct tts *t)
{
    t->cls->close(t->child);
    tape_close(&t->tape);
    soon_close(&t->soon);
}

extern const struct asr_class asr_record;
extern const struct llm_class llm_record;
extern const struct tts_class tts_record;
const struct asr_class asr_record = {
    .name = "record", .caps = ASR_PARTIALS, .rate_hz = 16000,
    .open = asr_open, .feed = asr_feed, .finish = asr_finish, .close = asr_close,
};
const struct llm_class llm_record = {
    .name = "record", .caps = LLM_TOOLS | LLM_VISION | LLM_JSON, .open = llm_open, .close = llm_close,
};
const struct tts_class tts_record = {
    .name = "record", .caps = TTS_STREAMS,
    .open = tts_open, .say = tts_say, .finish = tts_finish, .pause = tts_pause, .close = tts_close,
};
