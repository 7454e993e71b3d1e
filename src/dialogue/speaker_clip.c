/* SPDX-License-Identifier: MIT
 * speaker_clip.c -- replies that are always the same: played from a clip, or spoken and kept as one; and the
 * sounds that are no speech. */
#include "base/mem.h"
#include "dialogue/speaker_inside.h"

static void clip_play(struct speaker *s, struct clip *clip)
{
    uint32_t duration_us;
    for (size_t i = 0; i < clip_count(clip); i++)
        play_packet(s, clip_at(clip, i, &duration_us));
}

static void tone_play(struct speaker *s, struct clip *clip)
{
    if (clip)
        clip_play(s, clip);
    else
        sound_tone(&s->sound);
}

void speaker_set_end_clip(struct speaker *s, struct clip *clip)
{
    clip_unref(s->end_clip);
    s->end_clip = clip ? clip_ref(clip) : NULL;
}

void clip_end_sound(struct speaker *s)
{
    if (s->format.has_end_tone && s->frames_put && !s->error)
        tone_play(s, s->end_clip);
}

/* ---- recording ----------------------------------------------------------------------------------------- */

static void record_begin(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice)
{
    s->is_recording = cache && !s->count && s->format.format == AUDIO_OPUS;
    s->cache = cache;
    s->voice = xstrdup(voice);
    sentence_add(s, text);
}

void record_packet(struct speaker *s, struct slice packet)
{
    if (s->is_recording && packets_put(&s->record, packet, s->format.frame_us) != OK)
        record_drop(s);
}

void record_keep(struct speaker *s)
{
    struct clip *clip = NULL;
    if (s->is_recording && !s->error && packets_count(&s->record) && clip_create(&clip, &s->record) == OK) {
        clip_set_made_ms(clip, loop_now_ms(s->loop));
        struct clip_key key = { .text = slice_of(s->sentences[0].text), .voice = slice_of(s->voice),
                                .rate_hz = s->format.rate_hz, .frame_us = s->format.frame_us };
        clip_cache_put(s->cache, &key, clip);
    }
    clip_unref(clip);
    record_drop(s);
}

void record_drop(struct speaker *s)
{
    packets_clear(&s->record);
    mem_free(s->voice);
    s->voice = NULL;
    s->cache = NULL;
    s->is_recording = false;
}

/* ---- whole replies ------------------------------------------------------------------------------------- */

enum err speaker_record(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice)
{
    if (!takes_sentences(s))
        return ERR_STATE;
    s->finishing = true;
    record_begin(s, cache, text, voice);
    tts_pump(s);
    return OK;
}

/* A sentence with a sound of its own; clip: NULL: two notes. */
static void sentence_play(struct speaker *s, struct slice text, struct clip *clip)
{
    sentence_add(s, text);
    sentence_begin(s);
    tone_play(s, clip);
    s->said++;
    sentence_end(s);
}

enum err speaker_prompt(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice,
                        bool only_clip)
{
    if (!takes_sentences(s))
        return ERR_STATE;
    struct clip_key key = { text, slice_of(voice), s->format.rate_hz, s->format.frame_us };
    struct clip *clip = cache ? clip_cache_get(cache, &key) : NULL;
    if (!clip && only_clip)
        return ERR_NOT_FOUND;
    s->finishing = true;
    if (clip && !s->is_silent)
        sentence_play(s, text, clip);
    else if (!s->is_silent)
        record_begin(s, cache, text, voice);
    clip_unref(clip);
    tts_pump(s);
    return OK;
}

enum err speaker_tone(struct speaker *s, struct slice text, struct clip *clip)
{
    if (!takes_sentences(s))
        return ERR_STATE;
    s->finishing = true;
    sentence_play(s, text, clip);
    tts_pump(s);
    return OK;
}
