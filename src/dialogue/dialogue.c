/* SPDX-License-Identifier: MIT
 * dialogue.c -- what a device does and what others want of it, turned into events of the turn.
 *
 * Closing is a state: dialogue_close silences every part at once and leaves the memory to the loop, so it
 * may come from inside any event. */
#include "base/mem.h"
#include "base/utf8.h"
#include "config/catalogue.h"
#include "dialogue/inside.h"
#include "dialogue/phrases.h"
#include "metrics/metrics.h"

#define LOG_TOPIC "dialogue"

const char *outcome_name(enum outcome o)
{
    static const char *const names[] = {
#define X(name) #name,
        OUTCOME_LIST(X)
#undef X
    };
    return names[o];
}

/* ---- what the ear reports ------------------------------------------------------------------------------ */

static bool is_talking(const struct dialogue *d)
{
    return d->turn.state == TURN_SPEAK || d->turn.state == TURN_SORRY;
}

static void on_voice(void *user)
{
    struct dialogue *d = user;
    tell(d, activity);
    if (d->audio.has_aec && is_talking(d))
        turn_raise(&d->turn, TURN_EV_CUT_IN);
}

static void on_decided(void *user, uint64_t t0_us)
{
    struct dialogue *d = user;
    d->pending_t0_us = t0_us;
    metric_add(METRIC_utterances_total, 1);
    turn_raise(&d->turn, TURN_EV_DECIDED);
}

static void heard(struct dialogue *d, struct slice text, bool is_typed)
{
    d->pending_typed = is_typed;
    text = slice_sub(text, 0, utf8_cut(text, HEARD_MAX_BYTES));
    buf_clear(&d->pending);
    buf_put(&d->pending, text);
    tell(d, activity);
    turn_raise(&d->turn, TURN_EV_HEARD);
}

static void on_heard_text(void *user, struct slice text)
{
    heard(user, text, false);
}

static void on_nothing(void *user)
{
    struct dialogue *d = user;
    turn_raise(&d->turn, TURN_EV_NOTHING);
}

static void on_deaf(void *user, const struct err_note *why)
{
    struct dialogue *d = user;
    LOGW(d->o.log, "turn.asr", "turn=%u err=%s note=\"%s\"", d->turn.number, err_name(why->err), why->text);
    d->failed_as = why->err == ERR_BUSY || why->err == ERR_LIMIT ? OUTCOME_busy : OUTCOME_asr_error;
    turn_raise(&d->turn, TURN_EV_DEAF);
}

static void on_tap(void *user, struct pcm pcm)
{
    struct dialogue *d = user;
    if (d->mode && d->mode_class->on_audio)
        d->mode_class->on_audio(d->mode, pcm);
}

const struct hearing_events dialogue_ear = {
    .on_voice = on_voice, .on_decided = on_decided, .on_text = on_heard_text, .on_nothing = on_nothing,
    .on_failed = on_deaf, .on_pcm = on_tap,
};

/* ---- life ---------------------------------------------------------------------------------------------- */

static void dialogue_free(void *arg)
{
    struct dialogue *d = arg;
    rest_now(d);
    history_done(&d->history);
    buf_done(&d->memory);
    buf_done(&d->template_text);
    config_unref(d->config);
    if (d->next_config)
        config_unref(d->next_config);
    mem_free(d);
}

static const char *known(const char *text)
{
    return text ? text : "";
}

enum err dialogue_create(struct dialogue **out, const struct dialogue_opts *o)
{
    struct dialogue *d = xnew(struct dialogue);
    d->o = *o;
    d->o.device_id = known(o->device_id);
    d->o.session_id = known(o->session_id);
    d->o.language = known(o->language);
    d->o.board = known(o->board);
    d->o.chip = known(o->chip);
    d->o.firmware = known(o->firmware);
    d->config = config_ref(o->config);
    d->o.config = d->config;
    d->turn = (struct turn){ .act = exchange_act, .user = d };
    talk_read(d);
    enum err e = o->mode ? dialogue_enter(d, o->mode, NULL) : OK;
    if (e) {
        dialogue_free(d);
        return e;
    }
    records_open(d);
    template_open(d);
    *out = d;
    return OK;
}

void dialogue_close(struct dialogue *d)
{
    if (!d || d->closing)
        return;
    d->closing = true;
    turn_close(&d->turn);
    timer_stop(&d->say_later);
    exchange_drop(d);
    hearing_close(d->hearing);
    records_close(d);
    template_close(d);
    quota_close(d);
    chime_close(d);
    refresh_close(d);
    if (d->mode)
        d->mode_class->leave(take_ptr(&d->mode), ERR_CLOSED);
    for (unsigned i = 0; i < d->say_count; i++)
        say_done(&d->says[i]);
    d->say_count = 0;
    loop_later(d->o.loop, &d->grave, dialogue_free, d);
}

void dialogue_config(struct dialogue *d, struct config *c)
{
    if (d->next_config)
        config_unref(d->next_config);
    d->next_config = config_ref(c);
}

void dialogue_hello(struct dialogue *d, const struct dialogue_audio *a)
{
    if (d->closing || exchange_is_open(d))
        return;
    d->audio = *a;
    d->has_hello = true;
    if (!d->audio.out_rate_hz)
        d->audio.out_rate_hz = 24000;
    if (!d->audio.out_frame_us)
        d->audio.out_frame_us = 60000;
    if (d->hearing)
        hearing_set_format(d->hearing, a->format, a->in_rate_hz);
    if (d->speaker)
        talk_format(d);
    else
        chime_open(d);
}

/* ---- what the device does ------------------------------------------------------------------------------ */

void dialogue_audio_in(struct dialogue *d, struct slice packet, uint32_t timestamp_ms)
{
    (void)timestamp_ms; /* which frame of ours played meanwhile: for echo cancelling on this side */
    if (d->closing || !d->has_hello)
        return;
    d->audio_ms = loop_now_ms(d->o.loop);
    hearing_audio(talk_hearing(d), packet);
}

/* Has the same thing just been said, with nothing between? */
static bool is_repeat(struct dialogue *d, int what, enum listen_mode m)
{
    uint64_t now = loop_now_ms(d->o.loop);
    bool same = (int)d->last == what && d->last_mode == m && now - d->last_ms < REPEAT_MS;
    d->last = what;
    d->last_mode = m;
    if (!same)
        d->last_ms = now;
    return same;
}

void dialogue_listen_start(struct dialogue *d, enum listen_mode m)
{
    if (d->closing || !d->has_hello || is_repeat(d, LAST_START, m))
        return;
    bool is_answered = d->wake_ms && loop_now_ms(d->o.loop) - d->wake_ms < WAKE_MS; /* must not be cut */
    d->wake_ms = 0;
    if (m == LISTEN_MANUAL && !is_answered && d->turn.state != TURN_IDLE) {
        bool talks = is_talking(d);
        hearing_drop(d->hearing);
        turn_raise(&d->turn, talks ? TURN_EV_CUT_IN : TURN_EV_ABORT);
    }
    if (d->closing)
        return;
    hearing_mute(talk_hearing(d), m == LISTEN_AUTO && dialogue_is_speaking(d));
    hearing_start(d->hearing, m);
}

void dialogue_listen_stop(struct dialogue *d)
{
    if (d->closing || !d->has_hello || is_repeat(d, LAST_STOP, LISTEN_AUTO))
        return;
    hearing_stop(d->hearing);
}

static void silence(struct dialogue *d)
{
    hearing_drop(d->hearing);
    turn_raise(&d->turn, TURN_EV_ABORT);
}

void dialogue_abort(struct dialogue *d, bool by_wake_word)
{
    if (d->closing)
        return;
    LOGD(d->o.log, "turn.abort", "by=%s state=%s", by_wake_word ? "wake_word" : "device",
         turn_state_name(d->turn.state));
    d->last = LAST_NONE;
    d->quiet_until_ms = loop_now_ms(d->o.loop) + AFTER_ABORT_MS;
    silence(d);
}

static void make_says(struct dialogue *d)
{
    if (!d->says)
        d->says = xalloc(SAYS_MAX * sizeof *d->says);
}

/* Speaks before anything that is queued. */
static void say_first(struct dialogue *d, const struct say *s)
{
    if (d->say_count == SAYS_MAX)
        say_done(&d->says[--d->say_count]);
    make_says(d);
    memmove(d->says + 1, d->says, d->say_count * sizeof *d->says);
    d->says[0] = *s;
    d->say_count++;
    d->quiet_until_ms = 0;
    turn_raise(&d->turn, TURN_EV_SAY);
}

static void wake(struct dialogue *d, struct slice text)
{
    d->quiet_until_ms = loop_now_ms(d->o.loop) + AFTER_ABORT_MS;
    silence(d);
    if (d->closing)
        return;
    if (text.len && d->config->enable_stt_message)
        tell(d, stt, text);
    if (!d->config->enable_greeting) {
        tell(d, tts_stop);
        return;
    }
    bool is_chinese = strncmp(d->o.language, "zh", 2) == 0;
    struct say greeting = { .text = xstrdup(is_chinese ? "你好，我在呢。" : "Hello, I am here."), .is_fixed = true };
    say_first(d, &greeting);
}

void dialogue_detect(struct dialogue *d, struct slice text)
{
    static const struct slice call = SLICE("[device_call]");
    if (d->closing || !d->has_hello)
        return;
    d->last = LAST_NONE;
    d->wake_ms = loop_now_ms(d->o.loop);
    tell(d, activity);
    hearing_ignore(talk_hearing(d));
    text = slice_trim(text);
    if (d->closing)
        return;
    if (!text.len || phrase_is(text, &d->config->wakeup_words)) { /* a wake word may come without its text */
        wake(d, text);
        return;
    }
    if (slice_starts(text, call)) {
        struct slice rest = slice_trim(slice_sub(text, call.len, SAY_MAX_BYTES));
        silence(d);
        struct say s = { .text = xslicedup(slice_sub(rest, 0, utf8_cut(rest, SAY_MAX_BYTES))) };
        if (d->closing)
            say_done(&s);
        else
            say_first(d, &s);
        return;
    }
    hearing_drop(d->hearing);
    d->pending_t0_us = loop_now_us(d->o.loop);
    heard(d, text, true);
}

/* ---- what others want ---------------------------------------------------------------------------------- */

static void on_say_later(void *arg)
{
    exchange_says(arg);
}

void exchange_says(struct dialogue *d)
{
    if (!d->say_count || d->closing || d->turn.state != TURN_IDLE || timer_armed(&d->say_later))
        return;
    uint64_t now = loop_now_ms(d->o.loop);
    if (now < d->quiet_until_ms || hearing_in_voice(d->hearing)) {
        uint64_t wait = now < d->quiet_until_ms ? d->quiet_until_ms - now : 100;
        timer_start(&d->say_later, d->o.loop, wait, on_say_later, d);
        return;
    }
    turn_raise(&d->turn, TURN_EV_SAY);
}

enum err dialogue_say(struct dialogue *d, struct slice text, const struct say_opts *o)
{
    if (d->closing || !d->has_hello)
        return ERR_STATE;
    bool waits = dialogue_is_busy(d) || d->say_count;
    if ((waits && !o->is_queued) || d->say_count == SAYS_MAX)
        return ERR_BUSY;
    text = slice_sub(text, 0, utf8_cut(text, SAY_MAX_BYTES));
    make_says(d);
    d->says[d->say_count++] = (struct say){
        .text = xslicedup(text), .otherwise = o->otherwise.len ? xslicedup(o->otherwise) : NULL,
        .is_farewell = o->is_farewell, .is_prompt = o->is_prompt, .is_tone = o->is_tone,
        .on_begin = o->on_begin, .on_done = o->on_done, .user = o->user,
    };
    exchange_says(d);
    return OK;
}

enum err dialogue_enter(struct dialogue *d, const struct mode_class *m, const struct json *args)
{
    struct mode *next = NULL;
    enum err e = m->enter(&next, d, args);
    if (e)
        return e;
    if (d->mode)
        d->mode_class->leave(d->mode, ERR_CANCELLED);
    d->mode = next;
    d->mode_class = m;
    if (d->hearing)
        hearing_set_tap(d->hearing, m->on_audio != NULL);
    return OK;
}

void dialogue_continuous(struct dialogue *d, bool on)
{
    d->is_continuous = on;
    if (d->hearing)
        hearing_set_order(d->hearing, on);
}

void dialogue_mute(struct dialogue *d, bool on)
{
    d->is_muted = on;
    if (d->speaker)
        speaker_set_silent(d->speaker, on);
}

void dialogue_boundaries(struct dialogue *d, unsigned fallback_ms)
{
    d->fallback_ms = fallback_ms;
    if (d->hearing && !d->closing)
        hearing_set_boundaries(d->hearing, fallback_ms);
}

void dialogue_reset_hearing(struct dialogue *d)
{
    hearing_drop(d->hearing);
}

const struct dialogue_opts *dialogue_about(const struct dialogue *d)
{
    ((struct dialogue *)d)->o.config = d->config;
    return &d->o;
}

bool dialogue_turns_json(const struct dialogue *d, struct buf *out)
{
    return history_json(&d->history, out);
}

bool dialogue_is_busy(const struct dialogue *d)
{
    return d->turn.state != TURN_IDLE || hearing_in_voice(d->hearing);
}

bool dialogue_is_speaking(const struct dialogue *d)
{
    return d->speaker && speaker_is_begun(d->speaker);
}

size_t dialogue_bytes(const struct dialogue *d)
{
    return sizeof *d + hearing_bytes(d->hearing) + (d->speaker ? speaker_bytes(d->speaker) : 0) +
           history_bytes(&d->history) + d->memory.cap + d->template_text.cap + d->pending.cap +
           (d->says ? SAYS_MAX * sizeof *d->says : 0) + exchange_bytes(d->x);
}
