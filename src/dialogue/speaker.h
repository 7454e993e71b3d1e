/* SPDX-License-Identifier: MIT
 * speaker.h -- one reply at a time, from sentences to packets that leave when they are due.
 *
 *   say -> [waiting sentences] -> tts -> (resample) -> framer -> encoder -> pacer -> audio()
 *                          Opus of the synthesiser is passed on or joined ---^
 *
 * begin() sends tts_start, and exactly one tts_stop follows: when all was played, or at cancel. Later
 * sentences are synthesised while earlier ones play. Fixed prompts leave a clip behind and come from it
 * the next time. One loop. */
#ifndef PARLEY_DIALOGUE_SPEAKER_H
#define PARLEY_DIALOGUE_SPEAKER_H

#include "dialogue/dialogue.h"

#define SPEAKER_TEXT_MAX_BYTES 65536   /* of one reply; what is over it is not said (ERR_LIMIT) */
#define SPEAKER_SENTENCES_MAX 1024
/* Audio is coded little by little, so that a synthesiser that is quicker than speech does not make one
 * device's whole answer go before everybody else's next packet: with more than this waiting it is held ... */
#define SPEAKER_AHEAD_FIRST_US 480000u /* ... when a reply begins ... */
#define SPEAKER_AHEAD_US 1500000u      /* ... growing with what was played ... */
#define SPEAKER_RESUME_US 240000u      /* ... until there is so much less */
#define SPEAKER_SAID_AHEAD 2           /* sentences it is given meanwhile */
#define SPEAKER_STALL_MS 1000          /* the device takes nothing for so long: the rest is dropped */
#define SPEAKER_BUSY_PERCENT 65        /* of the loop's time: replies that begin above it are coded at less cost */
#define SPEAKER_RETRY_MS 50            /* a synthesiser that was busy is asked again */

struct speaker;
struct clip;
struct clip_cache;

struct speaker_events { /* the first five as in struct dialogue_out */
    void (*tts_start)(void *user);
    void (*tts_stop)(void *user);
    void (*sentence_start)(void *user, struct slice text);
    void (*sentence_end)(void *user, struct slice text);
    enum err (*audio)(void *user, struct slice packet, uint32_t timestamp_ms);
    void (*on_first)(void *user);  /* the first packet of the reply has left */
    void (*on_played)(void *user); /* all was played and tts_stop was sent; see speaker_error */
    /* The synthesiser failed before it made a sound; tts_stop was not sent: say something else or cancel. */
    void (*on_failed)(void *user, const struct err_note *why);
};

struct speaker_format {
    enum audio_format format;
    uint32_t rate_hz, frame_us; /* as announced */
    unsigned lead_frames, start_gap_ms, ramp_ms, tail_ms;
    unsigned timeout_ms;        /* no sound from the synthesiser for so long */
    bool has_end_tone;          /* enable_stop_tts_notify: two notes, or the end clip, after the last sentence */
};

/* NULL, a speaker that never was, may be cancelled and asked: it has said nothing. */
void speaker_create(struct speaker **out, struct loop *l, struct registry *r, const struct speaker_events *ev,
                    void *user);
void speaker_free(struct speaker *s); /* silent; NULL is fine */
void speaker_set_format(struct speaker *s, const struct speaker_format *f); /* between replies */

/* The sound in place of the two notes, coded for this format; a ref is taken; NULL: the notes. */
void speaker_set_end_clip(struct speaker *s, struct clip *clip);

/* Begins a reply; nothing when one has begun. u->config is borrowed until the reply ends. */
void speaker_begin(struct speaker *s, const struct use_opts *u);
/* ERR_STATE: not begun or finished; ERR_LIMIT. text is copied. */
enum err speaker_say(struct speaker *s, struct slice text);
/* A whole reply that is always the same: from the cache, else spoken and put there. Finishes. cache may be
 * NULL. `voice` names what shapes the sound. only_clip: ERR_NOT_FOUND when the cache has none. */
enum err speaker_prompt(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice,
                        bool only_clip);
/* The same, made anew whatever the cache has. */
enum err speaker_record(struct speaker *s, struct clip_cache *cache, struct slice text, const char *voice);
/* A whole reply: the entry tone with `text` as its caption, also while silent. Finishes. clip: the sound, coded for
 * this format; NULL: two notes. */
enum err speaker_tone(struct speaker *s, struct slice text, struct clip *clip);
/* While on, replies are tts start and stop and nothing between. From the next begin on. */
void speaker_set_silent(struct speaker *s, bool on);
void speaker_finish(struct speaker *s); /* no more sentences: on_played will come */
void speaker_cancel(struct speaker *s); /* drops everything, sends tts_stop if begun; no event after it */

bool speaker_is_begun(const struct speaker *s);   /* tts_start was sent, tts_stop not yet */
enum err speaker_error(const struct speaker *s);  /* why the last reply ended early; OK: it did not */
/* What the device has played of the reply until now: whole sentences, the last one cut at a word.
 * Appends; works until the next begin. */
void speaker_heard(const struct speaker *s, struct buf *out);
/* When the synthesiser gave the first audio of this reply, loop_now_us; 0: it has not. */
uint64_t speaker_sound_us(const struct speaker *s);
size_t speaker_chars(const struct speaker *s);    /* code points given to the synthesiser in this reply */
size_t speaker_bytes(const struct speaker *s);

#endif
