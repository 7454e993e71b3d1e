/* SPDX-License-Identifier: MIT
 * speaker_inside.h -- struct speaker, for the files that make it up. Nobody else includes this.
 *
 *   speaker.c           life, beginning and end of a reply, what others ask for     the calls of speaker.h,
 *   speaker_clip.c      replies that are always the same: made, kept, played again    ... these in part
 *   speaker_tts.c       sentences to the synthesiser, its audio to the sound, its silence and faults
 *   sound.h             (an object of its own) PCM and Opus to packets
 *   speaker_play.c      packets to the pacer, and from there, when they are due, to the device
 *   speaker_sentences.c the sentences of a reply: between which packets each lies, what was heard of it
 *
 * The way of a sentence:
 *
 *   speaker_say -> sentence_add -> tts_pump -> synthesiser -> sound -> play_packet -> pacer -> ev->audio
 *                                     ^                                                 |
 *                                     +------- tts_hold: enough waits, or no longer ----+
 *
 * A reply has begun from tts_start to tts_stop. In between it goes on in three steps, each noted in a flag:
 * `finishing` (no more sentences will come), `ended` (no more audio will be made; the pacer knows its last
 * packet), and the end itself, speaker_reply_end.
 *
 * Two rules for whoever changes something here:
 * - Every call outwards may cancel the reply from inside, and begin another: `reply` counts replies, and
 *   whoever called out looks whether it still is the same one before touching anything of it.
 * - Sentences end on a packet of their own (the last one padded), so that what was played can be told in
 *   sentences. */
#ifndef PARLEY_DIALOGUE_SPEAKER_INSIDE_H
#define PARLEY_DIALOGUE_SPEAKER_INSIDE_H

#include "audio/clip.h"
#include "audio/pacer.h"
#include "dialogue/sound.h"
#include "dialogue/speaker.h"
#include "loop/timer.h"

enum { OPEN_END = -1 }; /* a sentence whose first or last packet is not known yet */

struct spoken {
    char *text;
    int64_t first_frame, end_frame; /* of this reply */
};

struct speaker {
    struct loop *loop;
    struct registry *registry;
    const struct speaker_events *ev;
    void *user;
    struct speaker_format format;

    /* The reply. */
    unsigned reply;               /* changes at begin and cancel */
    struct use_opts use;
    bool wants_silence, is_silent; /* wants: from the next reply on */
    bool begun, finishing, ended;
    enum err error;

    /* Its sentences: said <= count were given to the synthesiser, the audio of number `sounding` comes. */
    struct spoken *sentences;
    size_t count, cap, said, sounding;
    size_t text_bytes, chars;
    bool in_sentence;             /* sentence_begin, and sentence_end not yet */

    /* The synthesiser. */
    struct tts_use tts;
    struct timer watchdog, retry;
    size_t stream_base;           /* sentence that is number 0 of the open stream */
    bool has_finished;            /* the open stream was told that no more sentences come */
    bool paused;                  /* ... was told to wait, because enough is ready */
    struct sound sound;
    uint64_t sound_us;            /* when the first audio of the reply was made; 0: none yet */
    uint64_t quiet_samples;       /* before the first that can be heard */
    bool is_quiet;                /* none of those came yet */

    /* Play-out. */
    struct pacer *pacer;
    struct timer tick;
    uint64_t tick_due_ms;         /* what the tick was set for */
    int64_t frames_put, frames_sent;
    uint64_t stalled_ms;          /* since when; 0: it does not */
    bool was_first;               /* on_first was called */

    /* Clips. */
    struct clip *end_clip;        /* in place of the two notes at the end; NULL: the notes */
    bool is_recording;
    struct packets record;
    struct clip_cache *cache;     /* borrowed while recording */
    char *voice;
};

/* speaker.c */
void speaker_reply_end(struct speaker *s); /* everything of it but sentences and counts, which tell what was heard */
static inline bool takes_sentences(const struct speaker *s)
{
    return s->begun && !s->finishing && !s->ended;
}

/* speaker_sentences.c */
void sentence_add(struct speaker *s, struct slice text);
void sentence_begin(struct speaker *s); /* its audio comes: nothing when it has begun or there is none */
void sentence_end(struct speaker *s);   /* all of its audio came */
void sentences_forget(struct speaker *s);

/* speaker_tts.c */
void tts_pump(struct speaker *s);  /* gives the synthesiser what it may have by now, and ends the audio after it */
void tts_hold(struct speaker *s);  /* holds it or lets it go on, by what waits to be played */
void tts_close(struct speaker *s); /* no event from it after */

/* speaker_play.c */
void play_packet(void *user, struct slice packet); /* user: the speaker. The next packet of the reply */
void play_schedule(struct speaker *s);             /* after the pacer was given something: sets the tick */

/* speaker_clip.c */
void clip_end_sound(struct speaker *s); /* what follows the last sentence */
void record_packet(struct speaker *s, struct slice packet); /* keeps it, when this reply is to become a clip */
void record_keep(struct speaker *s); /* the reply is complete: into the cache with it */
void record_drop(struct speaker *s);

#endif
