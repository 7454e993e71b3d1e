/* SPDX-License-Identifier: MIT
 * exchange.c -- what is done at the edges of a turn: the bodies of turn.h's actions. exchange_model.c asks the
 * model, exchange_speech.c speaks; their events lead to the next edge.
 *
 *   take_text -> mode -> ask -> model's words -> speak ... conclude -> (played) end
 *
 * Every action is short, works on the open exchange, and leaves by finish() on each way back to IDLE, which
 * is the one place where a turn ends: model and speaker stopped, tts_stop sent, history and store told,
 * the outcome reported. */
#include "base/clock.h"
#include "base/mem.h"
#include "dialogue/apology.h"
#include "dialogue/inside.h"
#include "dialogue/phrases.h"
#include "protocol/emotion.h"

#define LOG_TOPIC "dialogue"

/* ---- beginning and end of an exchange ------------------------------------------------------------------ */

static void config_take(struct dialogue *d)
{
    if (!d->next_config)
        return;
    config_unref(d->config);
    d->config = take_ptr(&d->next_config);
    talk_read(d);
    if (d->has_hello)
        talk_format(d);
}

static void open_exchange(struct dialogue *d, uint64_t t0_us)
{
    if (!d->x)
        d->x = xnew(struct exchange);
    struct exchange *x = d->x;
    config_take(d);
    if (!d->speaker)
        talk_format(d);
    d->turn.number++;
    *x = (struct exchange){ .is_open = true, .model = x->model, .sentences = x->sentences, .question = x->question,
                            .answer = x->answer };
    sentences_reset(&x->sentences);
    buf_clear(&x->question);
    buf_clear(&x->answer);
    x->outcome = OUTCOME_completed;
    x->times.t0_us = t0_us;
    x->started_wall_ms = clock_wall_ms();
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    sentences_done(&x->sentences);
    buf_done(&x->question);
    buf_done(&x->answer);
    say_done(&x->say);
    mem_free(x);
}

size_t exchange_bytes(const struct exchange *x)
{
    return x ? sizeof *x + x->sentences.raw.cap + x->question.cap + x->answer.cap : 0;
}

void say_done(struct say *s)
{
    mem_free(s->text);
    mem_free(s->otherwise);
    *s = (struct say){ 0 };
}

static void leave(struct dialogue *d)
{
    if (d->x->is_admitted)
        admission_leave(d->o.admission);
    d->x->is_admitted = false;
}

/* The answer as it was heard goes into history and store. */
static void remember(struct dialogue *d)
{
    auto_buf struct buf heard = { 0 };
    speaker_heard(d->speaker, &heard);
    if (d->x->times.first_audio_us && heard.len && !d->x->is_apology) {
        history_add(&d->history, LLM_ASSISTANT, buf_slice(&heard));
        records_turn(d, buf_slice(&heard));
    } else {
        records_turn(d, (struct slice){ 0 });
    }
}

static void finish(struct dialogue *d)
{
    struct exchange *x = d->x;
    if (!exchange_is_open(d))
        return;
    x->is_open = x->waits_recall = false;
    rest_later(d);
    answer_cancel(&x->model);
    sentences_reset(&x->sentences);
    remember(d);
    quota_spoke(d, speaker_chars(d->speaker));
    speaker_cancel(d->speaker);
    if (!x->times.stop_us)
        x->times.stop_us = loop_now_us(d->o.loop);
    hearing_mute(d->hearing, false);
    counts_turn(d);
    bool was_cut = x->outcome == OUTCOME_interrupted || x->outcome == OUTCOME_aborted;
    if (x->is_admitted && (was_cut || x->outcome == OUTCOME_completed))
        d->talked_ms = loop_now_ms(d->o.loop);
    leave(d);
    LOGD(d->o.log, "turn.finish", "turn=%u outcome=%s", d->turn.number, outcome_name(x->outcome));
    struct say said = x->say;
    x->say = (struct say){ 0 };
    bool closes = (x->closes || said.is_farewell) && !was_cut;
    enum outcome outcome = x->outcome;
    tell(d, turn_end, outcome, &x->times);
    if (said.on_done && !d->closing)
        said.on_done(said.user, outcome);
    say_done(&said);
    if (closes)
        tell(d, close, outcome == OUTCOME_limit ? ERR_LIMIT : OK);
}

static void end_with(struct dialogue *d, enum outcome o)
{
    if (exchange_is_open(d))
        d->x->outcome = o;
    finish(d);
}

void exchange_drop(struct dialogue *d)
{
    timer_stop(&d->patience);
    if (d->x)
        answer_cancel(&d->x->model);
    if (exchange_is_open(d)) {
        d->x->is_open = d->x->waits_recall = false;
        d->x->outcome = OUTCOME_aborted;
        remember(d);
        quota_spoke(d, speaker_chars(d->speaker));
        counts_turn(d);
        leave(d);
    }
    speaker_cancel(d->speaker);
}

/* ---- waiting for others -------------------------------------------------------------------------------- */

static void on_mode_silent(void *arg)
{
    struct dialogue *d = arg;
    d->failed_as = OUTCOME_timeout;
    turn_raise(&d->turn, TURN_EV_LOST);
}

static void on_apology_late(void *arg)
{
    struct dialogue *d = arg;
    if (!d->x->times.first_audio_us)
        turn_raise(&d->turn, TURN_EV_MUTE);
}

/* ---- actions: from speech to a question ---------------------------------------------------------------- */

const char *exchange_purpose(const struct dialogue *d)
{
    if (!d->mode_class)
        return EXCHANGE_CHAT;
    return d->mode_class->purpose_now ? d->mode_class->purpose_now(d->mode) : d->mode_class->purpose;
}

/* Under overload those who talk go on, and who begins to is told so by a clip that costs next to nothing. What is
 * said in a meeting or to a task list is always taken. */
static bool is_admitted(struct dialogue *d)
{
    bool talks = d->talked_ms && loop_now_ms(d->o.loop) - d->talked_ms < TALK_MS;
    bool is_new = !talks && strcmp(exchange_purpose(d), EXCHANGE_CHAT) == 0;
    if (!d->x->is_admitted)
        d->x->is_admitted = admission_enter(d->o.admission, is_new, d->config->limits_busy_percent);
    if (!d->x->is_admitted)
        d->failed_as = OUTCOME_busy;
    return d->x->is_admitted;
}

static void act_await_text(struct dialogue *d)
{
    open_exchange(d, d->pending_t0_us);
    d->x->times.decided_us = loop_now_us(d->o.loop);
    if (is_admitted(d))
        return;
    hearing_drop(d->hearing); /* nobody need recognise what is not answered */
    turn_raise(&d->turn, TURN_EV_DEAF);
}

static void end_silently(struct dialogue *d, bool closes)
{
    d->x->closes = closes;
    end_with(d, OUTCOME_completed);
}

static void act_take_text(struct dialogue *d)
{
    if (!exchange_is_open(d))
        open_exchange(d, d->pending_t0_us);
    struct exchange *x = d->x;
    uint64_t now = loop_now_us(d->o.loop);
    x->times.heard_us = now;
    x->is_typed = d->pending_typed;
    if (!x->times.decided_us)
        x->times.decided_us = now;
    buf_put(&x->question, buf_slice(&d->pending));
    buf_clear(&d->pending);
    struct slice text = buf_slice(&x->question);
    uint32_t number = d->turn.number;
    if (d->config->enable_stt_message)
        tell(d, stt, text);
    tell(d, transcription, text);
    if (d->closing || d->turn.number != number)
        return;
    if (phrase_is(text, &d->config->exit_commands)) {
        LOGI(d->o.log, "dialogue.exit", "by=words");
        x->closes = true;
        turn_raise(&d->turn, TURN_EV_QUIET);
        return;
    }
    if (quota_is_used_up(d)) {
        d->failed_as = OUTCOME_limit;
        turn_raise(&d->turn, TURN_EV_LOST);
        return;
    }
    if (!is_admitted(d)) {
        turn_raise(&d->turn, TURN_EV_LOST);
        return;
    }
    x->wants_answer = true;
    if (!d->mode) {
        turn_ask(d, number, text);
        return;
    }
    timer_start(&d->patience, d->o.loop, MODE_MS, on_mode_silent, d);
    d->mode_class->on_heard(d->mode, number, text);
}

static void act_take_over(struct dialogue *d)
{
    end_with(d, OUTCOME_interrupted);
    if (!d->closing)
        act_take_text(d);
}

/* ---- actions: answers ---------------------------------------------------------------------------------- */

static void act_tell(struct dialogue *d)
{
    timer_stop(&d->patience);
    if (d->x->question.len)
        history_add(&d->history, LLM_USER, buf_slice(&d->x->question));
    speech_begin(d);
    speech_text(d, buf_slice(&d->x->answer));
    speaker_finish(d->speaker);
}

static void act_speak(struct dialogue *d)
{
    if (!d->x->times.first_sentence_us)
        d->x->times.first_sentence_us = loop_now_us(d->o.loop);
    d->x->had_words = true;
    speech_begin(d);
    speech_emotion(d, d->x->sentences.emotion);
    if (d->closing || !exchange_is_open(d))
        return;
    if (speaker_say(d->speaker, buf_slice(&d->x->answer)) == ERR_LIMIT) {
        LOGW(d->o.log, "turn.limit", "turn=%u bytes=%d", d->turn.number, SPEAKER_TEXT_MAX_BYTES);
        answer_cancel(&d->x->model);
        speaker_finish(d->speaker);
    }
}

static void act_conclude(struct dialogue *d)
{
    speech_begin(d);
    if (d->x->sentences.emotion)
        speech_emotion(d, d->x->sentences.emotion);
    if (!d->closing)
        speaker_finish(d->speaker);
}

static void act_say(struct dialogue *d)
{
    if (!d->say_count) { /* raised twice */
        turn_raise(&d->turn, TURN_EV_PLAYED);
        return;
    }
    struct say next = d->says[0];
    memmove(d->says, d->says + 1, --d->say_count * sizeof *d->says);
    open_exchange(d, loop_now_us(d->o.loop));
    d->x->say = next;
    if (next.on_begin)
        next.on_begin(next.user);
    if (d->closing)
        return;
    if (next.is_prompt) {
        buf_put(&d->x->answer, slice_of(next.text));
        exchange_ask(d);
        return;
    }
    speech_begin(d);
    if (d->closing)
        return;
    speech_emotion(d, emotion_in(slice_of(next.text)));
    if (next.is_tone) {
        (void)!speaker_tone(d->speaker, slice_of(next.text), d->tone_clip);
        return;
    }
    if (next.is_fixed) {
        struct clip_cache *clips = d->config->enable_wakeup_words_response_cache ? d->o.clips : NULL;
        d->x->had_words = true;
        speaker_prompt(d->speaker, clips, slice_of(next.text), d->voice, false);
        if (!d->closing && exchange_is_open(d))
            refresh_greeting(d, clips, slice_of(d->x->say.text));
        return;
    }
    speech_text(d, slice_of(next.text));
    speaker_finish(d->speaker);
}

/* ---- actions: failures and ends ------------------------------------------------------------------------ */

static void act_apologise(struct dialogue *d, enum turn_event ev)
{
    struct exchange *x = d->x;
    x->outcome = d->failed_as;
    x->is_apology = true;
    x->closes = x->outcome == OUTCOME_limit;
    answer_cancel(&d->x->model);
    LOGW(d->o.log, "turn.fail", "turn=%u outcome=%s", d->turn.number, outcome_name(x->outcome));
    speech_begin(d);
    if (d->closing || !x->is_open)
        return;
    const struct emotion *sad = emotion_named(SLICE("sad"));
    tell(d, emotion, sad->name, sad->emoji);
    timer_start(&d->patience, d->o.loop, APOLOGY_MS, on_apology_late, d);
    const char *text = apology_text(d->config, d->o.language, x->outcome);
    bool only_clip = ev == TURN_EV_MUTE; /* the synthesiser just failed: only what is there already */
    if (speaker_prompt(d->speaker, d->o.clips, slice_of(text), d->voice, only_clip) != OK)
        turn_raise(&d->turn, TURN_EV_MUTE);
}

static void act_show_apology(struct dialogue *d)
{
    const char *title = apology_title(d->config, d->o.language);
    const char *text = apology_text(d->config, d->o.language, d->x->outcome);
    speaker_cancel(d->speaker); /* a device that speaks shows nothing else */
    tell(d, alert, title, slice_of(text), "sad");
    finish(d);
}

static void act_end(struct dialogue *d)
{
    enum err e = speaker_error(d->speaker);
    if (e && exchange_is_open(d) && d->x->outcome == OUTCOME_completed)
        d->x->outcome = e == ERR_LIMIT ? OUTCOME_timeout : OUTCOME_tts_error;
    finish(d);
}

void exchange_act(void *user, enum turn_action a, enum turn_event ev)
{
    struct dialogue *d = user;
    LOGT(d->o.log, "turn.step", "turn=%u on=%s to=%s", d->turn.number, turn_event_name(ev),
         turn_state_name(d->turn.state));
    switch (a) {
    case TURN_ACT_await_text: act_await_text(d); break;
    case TURN_ACT_take_text: act_take_text(d); break;
    case TURN_ACT_take_over: act_take_over(d); break;
    case TURN_ACT_hear_nothing: end_with(d, OUTCOME_no_speech); break;
    case TURN_ACT_say: act_say(d); break;
    case TURN_ACT_ask: exchange_ask(d); break;
    case TURN_ACT_tell: act_tell(d); break;
    case TURN_ACT_be_quiet: end_silently(d, d->x->closes); break;
    case TURN_ACT_speak: act_speak(d); break;
    case TURN_ACT_conclude: act_conclude(d); break;
    case TURN_ACT_conclude_early:
        d->x->outcome = d->failed_as;
        speaker_finish(d->speaker);
        break;
    case TURN_ACT_apologise: act_apologise(d, ev); break;
    case TURN_ACT_show_apology: act_show_apology(d); break;
    case TURN_ACT_end: act_end(d); break;
    case TURN_ACT_cut_off: end_with(d, OUTCOME_interrupted); break;
    case TURN_ACT_give_up: end_with(d, OUTCOME_aborted); break;
    case TURN_ACT_none:
    case TURN_ACTIONS: break;
    }
    if (d->turn.state == TURN_IDLE && !d->closing)
        exchange_says(d);
}

/* ---- what the mode answers ----------------------------------------------------------------------------- */

static bool answers(struct dialogue *d, uint32_t turn)
{
    bool is_due = !d->closing && exchange_is_open(d) && d->x->wants_answer && turn == d->turn.number;
    if (is_due)
        d->x->wants_answer = false;
    return is_due;
}

void turn_ask(struct dialogue *d, uint32_t turn, struct slice text)
{
    if (!answers(d, turn))
        return;
    buf_clear(&d->x->answer);
    buf_put(&d->x->answer, text);
    turn_raise(&d->turn, TURN_EV_ASK);
}

void turn_speak(struct dialogue *d, uint32_t turn, struct slice text)
{
    if (!answers(d, turn))
        return;
    buf_clear(&d->x->answer);
    buf_put(&d->x->answer, text);
    turn_raise(&d->turn, TURN_EV_TELL);
}

void turn_silence(struct dialogue *d, uint32_t turn)
{
    if (answers(d, turn))
        turn_raise(&d->turn, TURN_EV_QUIET);
}
