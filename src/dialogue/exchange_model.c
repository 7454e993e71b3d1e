/* SPDX-License-Identifier: MIT
 * exchange_model.c -- a question to the model, and its words on their way to the speaker. */
#include "base/utf8.h"
#include "dialogue/apology.h"
#include "dialogue/inside.h"

#define LOG_TOPIC "dialogue"

/* ---- events of the model ------------------------------------------------------------------------------- */

/* Gives every finished piece to the speaker. False: the exchange ended meanwhile. */
static bool pieces_speak(struct dialogue *d, bool is_end)
{
    uint32_t number = d->turn.number;
    for (;;) {
        buf_clear(&d->x->answer);
        if (!sentences_next(&d->x->sentences, is_end, &d->x->answer))
            return true;
        turn_raise(&d->turn, TURN_EV_WORDS);
        if (d->closing || !exchange_is_open(d) || d->turn.number != number || d->x->is_apology)
            return false;
    }
}

static void on_model_text(void *user, struct slice delta)
{
    struct dialogue *d = user;
    if (!d->x->times.first_token_us)
        d->x->times.first_token_us = loop_now_us(d->o.loop);
    while (delta.len) {
        struct slice part = slice_sub(delta, 0, utf8_cut(delta, SENTENCES_FEED_MAX_BYTES));
        if (!part.len)
            return;
        delta = slice_sub(delta, part.len, delta.len);
        sentences_feed(&d->x->sentences, part);
        if (!pieces_speak(d, false))
            return;
    }
}

static void on_model_say(void *user, struct slice text)
{
    struct dialogue *d = user;
    on_model_text(d, text);
    if (!d->closing && exchange_is_open(d) && !d->x->is_apology)
        pieces_speak(d, true);
}

static void on_model_end(void *user, const struct err_note *why, enum answer_then then)
{
    struct dialogue *d = user;
    if (why->err)
        LOGW(d->o.log, "turn.llm", "turn=%u err=%s note=\"%s\"", d->turn.number, err_name(why->err), why->text);
    if (!pieces_speak(d, true))
        return;
    if (then == ANSWER_CLOSE)
        d->x->closes = true;
    bool has_answer = d->x->had_words || (!why->err && (then == ANSWER_CLOSE || then == ANSWER_SILENT ||
                                                       d->x->sentences.emotion));
    if (!has_answer && d->x->say.is_prompt) {
        speech_otherwise(d);
        return;
    }
    d->failed_as = apology_outcome(OUTCOME_llm_error, why->err);
    turn_raise(&d->turn, why->err || !has_answer ? TURN_EV_LOST : TURN_EV_ANSWERED);
}

static const struct answer_events model_events = {
    .on_text = on_model_text, .on_say = on_model_say, .on_end = on_model_end,
};

/* ---- asking --------------------------------------------------------------------------------------------- */

static const char *purpose_of(const struct dialogue *d)
{
    return d->x->say.is_prompt ? EXCHANGE_CHAT : exchange_purpose(d);
}

static void ask_now(struct dialogue *d)
{
    auto_buf struct buf system = { 0 };
    struct use_opts use = talk_use(d);
    d->x->asked_us = loop_now_us(d->o.loop);
    talk_prompt(d, &system);
    history_trim(&d->history);
    history_add(&d->history, LLM_USER, buf_slice(&d->x->answer));
    struct answer_opts o = {
        .loop = d->o.loop, .registry = d->o.registry, .use = &use, .system = buf_slice(&system),
        .purpose = purpose_of(d),
        .history = &d->history, .intent = d->intent,
        .tools = d->intent.kind == INTENT_NONE || d->x->say.is_prompt ? NULL : d->o.tools,
    };
    if (d->x->say.is_prompt)
        o.intent = (struct intent){ 0 };
    enum err e = answer_ask(&d->x->model, &o, &model_events, d);
    if (!e)
        return;
    LOGW(d->o.log, "turn.llm", "turn=%u err=%s", d->turn.number, err_name(e));
    if (d->x->say.is_prompt) {
        speech_otherwise(d);
        return;
    }
    d->failed_as = apology_outcome(OUTCOME_llm_error, e);
    turn_raise(&d->turn, TURN_EV_LOST);
}

static void on_recall_late(void *arg)
{
    struct dialogue *d = arg;
    d->x->waits_recall = false;
    ask_now(d);
}

void exchange_recalled(struct dialogue *d)
{
    if (!exchange_is_open(d) || !d->x->waits_recall || d->recall || d->resume)
        return;
    timer_stop(&d->patience);
    d->x->waits_recall = false;
    ask_now(d);
}

static void on_prompt_late(void *arg)
{
    struct dialogue *d = arg;
    if (d->x->had_words)
        return;
    answer_cancel(&d->x->model);
    speech_otherwise(d);
}

void exchange_ask(struct dialogue *d)
{
    uint64_t now = loop_now_ms(d->o.loop);
    timer_stop(&d->patience);
    if (d->x->say.is_prompt)
        timer_start(&d->patience, d->o.loop, PROMPT_MS, on_prompt_late, d);
    sentences_reset(&d->x->sentences);
    speech_begin(d); /* at once: the device closes its microphone, and the start gap is gone by the first word */
    if (d->closing || !exchange_is_open(d))
        return;
    d->x->waits_recall = !d->x->say.is_prompt && (d->recall || d->resume) && now < d->recall_until_ms;
    if (d->x->waits_recall)
        timer_start(&d->patience, d->o.loop, d->recall_until_ms - now, on_recall_late, d);
    else
        ask_now(d);
}
