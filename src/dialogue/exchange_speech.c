/* SPDX-License-Identifier: MIT
 * exchange_speech.c -- what a device hears in an exchange: from a text to the speaker, and the speaker's events. */
#include "base/utf8.h"
#include "dialogue/apology.h"
#include "dialogue/inside.h"
#include "protocol/emotion.h"

#define LOG_TOPIC "dialogue"

/* ---- texts ---------------------------------------------------------------------------------------------- */

void speech_begin(struct dialogue *d)
{
    struct use_opts use = talk_use(d);
    if (speaker_is_begun(d->speaker))
        return;
    if (hearing_mode(d->hearing) == LISTEN_AUTO)
        hearing_mute(d->hearing, true); /* what is under way in the air is not meant for us */
    speaker_begin(d->speaker, &use);
}

void speech_emotion(struct dialogue *d, const struct emotion *e)
{
    if (d->x->has_emotion)
        return;
    d->x->has_emotion = true;
    e = e ? e : emotion_default();
    tell(d, emotion, e->name, e->emoji);
}

void speech_text(struct dialogue *d, struct slice text)
{
    struct sentences cut = { 0 };
    auto_buf struct buf piece = { 0 };
    bool is_end = false;
    while (!is_end) {
        struct slice part = slice_sub(text, 0, utf8_cut(text, SENTENCES_FEED_MAX_BYTES));
        text = slice_sub(text, part.len, text.len);
        is_end = !text.len || !part.len;
        sentences_feed(&cut, part);
        while (sentences_next(&cut, is_end, &piece)) {
            speech_emotion(d, cut.emotion);
            speaker_say(d->speaker, buf_slice(&piece));
            d->x->had_words = true;
            buf_clear(&piece);
        }
    }
    sentences_done(&cut);
}

void speech_otherwise(struct dialogue *d)
{
    timer_stop(&d->patience);
    if (d->x->say.otherwise) {
        speech_emotion(d, NULL);
        speech_text(d, slice_of(d->x->say.otherwise));
    }
    speaker_finish(d->speaker);
}

/* ---- events of the speaker ----------------------------------------------------------------------------- */

static void out_start(void *user)
{
    struct dialogue *d = user;
    tell(d, tts_start);
}

static void out_stop(void *user)
{
    struct dialogue *d = user;
    d->x->times.stop_us = loop_now_us(d->o.loop);
    tell(d, tts_stop);
}

static void out_sentence_start(void *user, struct slice text)
{
    struct dialogue *d = user;
    tell(d, sentence_start, text);
}

static void out_sentence_end(void *user, struct slice text)
{
    struct dialogue *d = user;
    tell(d, sentence_end, text);
}

static enum err out_audio(void *user, struct slice packet, uint32_t timestamp_ms)
{
    struct dialogue *d = user;
    if (d->closing)
        return ERR_CLOSED;
    d->stamp_ms = d->stamp_from_ms + timestamp_ms;
    return d->o.out->audio(d->o.user, packet, d->stamp_ms);
}

static void on_first(void *user)
{
    struct dialogue *d = user;
    if (!d->x->times.first_audio_us)
        d->x->times.first_audio_us = loop_now_us(d->o.loop);
    tell(d, activity);
}

static void on_played(void *user)
{
    struct dialogue *d = user;
    turn_raise(&d->turn, TURN_EV_PLAYED);
}

static void on_failed(void *user, const struct err_note *why)
{
    struct dialogue *d = user;
    LOGW(d->o.log, "turn.tts", "turn=%u err=%s note=\"%s\"", d->turn.number, err_name(why->err), why->text);
    d->failed_as = apology_outcome(OUTCOME_tts_error, why->err);
    turn_raise(&d->turn, TURN_EV_MUTE);
}

const struct speaker_events exchange_speaker = {
    .tts_start = out_start, .tts_stop = out_stop, .sentence_start = out_sentence_start,
    .sentence_end = out_sentence_end, .audio = out_audio,
    .on_first = on_first, .on_played = on_played, .on_failed = on_failed,
};
