/* SPDX-License-Identifier: MIT
 * speaker.c -- the life of a speaker, beginning and end of a reply; speaker_inside.h tells where the rest is. */
#include "base/mem.h"
#include "dialogue/speaker_inside.h"

#define PCM_QUEUE_BYTES (2u << 20) /* clients without Opus: 43 s at 24 kHz */

/* ---- life ---------------------------------------------------------------------------------------------- */

void speaker_create(struct speaker **out, struct loop *l, struct registry *r, const struct speaker_events *ev,
                    void *user)
{
    struct speaker *s = xnew(struct speaker);
    *s = (struct speaker){ .loop = l, .registry = r, .ev = ev, .user = user };
    packets_init(&s->record, CLIP_BYTES_MAX);
    *out = s;
}

void speaker_free(struct speaker *s)
{
    if (!s)
        return;
    speaker_reply_end(s);
    sentences_forget(s);
    packets_done(&s->record);
    clip_unref(s->end_clip);
    pacer_free(s->pacer);
    mem_free(s);
}

void speaker_set_format(struct speaker *s, const struct speaker_format *f)
{
    assert(!s->begun);
    s->format = *f;
    speaker_set_end_clip(s, NULL);
    sound_init(&s->sound, &(struct sound_opts){ .loop = s->loop, .busy_percent = SPEAKER_BUSY_PERCENT,
                                                .format = f->format, .rate_hz = f->rate_hz,
                                                .frame_us = f->frame_us, .on_packet = play_packet, .user = s });
    uint32_t timestamp_ms = pacer_timestamp_ms(s->pacer); /* they grow as long as the session lives */
    pacer_free(s->pacer);
    pacer_create(&s->pacer,
                 &(struct pacer_opts){.frame_us = f->frame_us,
                                      .lead_frames = f->lead_frames,
                                      .ramp_ms = f->ramp_ms,
                                      .tail_ms = f->tail_ms,
                                      .timestamp_ms = timestamp_ms,
                                      .queue_bytes = f->format == AUDIO_PCM ? PCM_QUEUE_BYTES : 0});
}

/* ---- a reply ------------------------------------------------------------------------------------------- */

void speaker_begin(struct speaker *s, const struct use_opts *u)
{
    if (s->begun)
        return;
    sentences_forget(s);
    s->reply++;
    s->begun = true;
    s->is_silent = s->wants_silence;
    s->finishing = s->ended = s->in_sentence = s->was_first = false;
    s->error = OK;
    s->frames_put = s->frames_sent = 0;
    s->stalled_ms = s->sound_us = s->quiet_samples = 0;
    s->is_quiet = true;
    s->use = *u;
    pacer_clear(s->pacer);
    pacer_hold(s->pacer, loop_now_ms(s->loop) + s->format.start_gap_ms);
    s->ev->tts_start(s->user);
}

enum err speaker_say(struct speaker *s, struct slice text)
{
    if (!takes_sentences(s))
        return ERR_STATE;
    if (s->count >= SPEAKER_SENTENCES_MAX || s->text_bytes + text.len > SPEAKER_TEXT_MAX_BYTES)
        return ERR_LIMIT;
    if (!s->is_silent)
        sentence_add(s, text);
    tts_pump(s);
    return OK;
}

void speaker_set_silent(struct speaker *s, bool on)
{
    s->wants_silence = on;
}

void speaker_finish(struct speaker *s)
{
    if (!s->begun || s->finishing)
        return;
    s->finishing = true;
    tts_pump(s);
}

void speaker_cancel(struct speaker *s)
{
    if (!s)
        return;
    if (!s->begun) {
        s->reply++;
        return;
    }
    if (s->pacer)
        pacer_clear(s->pacer);
    speaker_reply_end(s);
    s->ev->tts_stop(s->user);
}

void speaker_reply_end(struct speaker *s)
{
    s->reply++;
    tts_close(s);
    timer_stop(&s->tick);
    sound_done(&s->sound);
    record_drop(s);
    s->begun = false;
}

/* ---- what others ask ----------------------------------------------------------------------------------- */

bool speaker_is_begun(const struct speaker *s)
{
    return s && s->begun;
}

enum err speaker_error(const struct speaker *s)
{
    return s ? s->error : OK;
}

uint64_t speaker_sound_us(const struct speaker *s)
{
    return s ? s->sound_us : 0;
}

size_t speaker_chars(const struct speaker *s)
{
    return s ? s->chars : 0;
}

size_t speaker_bytes(const struct speaker *s)
{
    return sizeof *s + s->text_bytes + s->cap * sizeof *s->sentences + packets_memory(&s->record) +
           (s->pacer ? pacer_queued_bytes(s->pacer) : 0) + sound_bytes(&s->sound);
}
