/* SPDX-License-Identifier: MIT
 * dialogue.h -- one conversation with one device, without the wire: what the device says goes in by
 * the functions below, what it must be told comes out by struct dialogue_out (the gateway writes the
 * messages). Inside: hearing (decode, VAD, pre-roll, end of speech, recogniser), turn (state table),
 * sentences, speaker (synthesiser, encoder, pacer), history. All on one loop.
 *
 *   device audio -> hearing -> asr -> turn -> mode->on_heard -> llm -> sentences -> speaker -> out
 *
 * Guarantees: exactly one tts_stop for each tts_start on every path; no audio outside them; every turn
 * ends with one outcome; nothing of an old turn after its abort. */
#ifndef PARLEY_DIALOGUE_DIALOGUE_H
#define PARLEY_DIALOGUE_DIALOGUE_H

#include "base/log.h"
#include "providers/registry.h"

struct dialogue;
struct json;
struct mode_class;   /* dialogue/mode.h */
struct toolbox;      /* tools/toolbox.h */
struct clip_cache;   /* audio/clip.h */
struct store;

enum listen_mode { LISTEN_AUTO, LISTEN_MANUAL, LISTEN_REALTIME };
enum audio_format { AUDIO_OPUS, AUDIO_PCM };

#define OUTCOME_LIST(X)                                                                       \
    X(completed) X(no_speech) X(asr_error) X(llm_error) X(tts_error) X(aborted) X(interrupted) \
    X(busy) X(limit) X(timeout)
enum outcome {
#define X(name) OUTCOME_##name,
    OUTCOME_LIST(X)
#undef X
};
const char *outcome_name(enum outcome o);

/* When things happened in a turn, loop_now_us; 0: did not. t0: last speech sample, audio clock; for
 * typed text and for what we say by ourselves: when it came. */
struct turn_times {
    uint64_t t0_us, decided_us, heard_us, first_token_us, first_sentence_us, first_audio_us, stop_us;
};

struct dialogue_out {
    void (*stt)(void *user, struct slice text);
    void (*tts_start)(void *user);
    void (*sentence_start)(void *user, struct slice text); /* in step with the audio */
    void (*sentence_end)(void *user, struct slice text);
    void (*tts_stop)(void *user); /* one per tts_start; alone only after a wake word that gets no greeting */
    void (*emotion)(void *user, const char *name, const char *emoji);
    /* One packet, due now. timestamp_ms: strictly increasing, non-zero. ERR_LIMIT: the device stalls. */
    enum err (*audio)(void *user, struct slice packet, uint32_t timestamp_ms);
    void (*alert)(void *user, const char *status, struct slice text, const char *emotion);
    void (*transcription)(void *user, struct slice text);
    /* The conversation is over (exit words, daily limit); close after what was said has been played. */
    void (*close)(void *user, enum err why);
    /* The dialogue itself has stored the turn and counted it in the metrics. */
    void (*turn_end)(void *user, enum outcome o, const struct turn_times *t);
    /* Speech or typed text was noticed / something is being said: for the idle clocks. */
    void (*activity)(void *user);
};
/* All of them must be set. Each may call back into the dialogue, also dialogue_close. */

struct dialogue_opts {
    struct loop *loop;
    const struct provider_env *env;
    struct registry *registry;
    struct config *config;          /* a ref is taken; a new one comes with dialogue_config */
    const struct log_ctx *log;      /* borrowed for life */
    const struct dialogue_out *out;
    void *user;
    const char *device_id, *session_id, *language; /* borrowed for life, as the next three */
    const char *board, *chip, *firmware; /* as seen at OTA; "" or NULL: unknown */
    struct toolbox *tools;          /* device and server tools; NULL: none */
    struct store *store;            /* turns, resume; NULL: nothing is kept (tests) */
    struct clip_cache *clips;       /* shared by the sessions of a loop; NULL: none */
    struct admission *admission;    /* the same; NULL: whoever begins to talk is answered */
    void *mode_user;                /* for the mode's own use (dialogue_about); may be NULL */
    const struct mode_class *mode;  /* the one it starts in; NULL: every utterance is asked of the model */
};
must_check enum err dialogue_create(struct dialogue **out, const struct dialogue_opts *o);
void dialogue_close(struct dialogue *d); /* any time, also inside an event; silence after it; NULL is fine */
void dialogue_config(struct dialogue *d, struct config *c); /* reload: the next turn uses it */

struct dialogue_audio {
    enum audio_format format;
    uint32_t in_rate_hz, in_frame_us;    /* what the device said in hello */
    uint32_t out_rate_hz, out_frame_us;  /* what we announced */
    bool has_aec, wants_emoji, is_realtime_capable;
};
void dialogue_hello(struct dialogue *d, const struct dialogue_audio *a); /* audio before it is dropped */

/* What the device does. */
void dialogue_audio_in(struct dialogue *d, struct slice packet, uint32_t timestamp_ms);
void dialogue_listen_start(struct dialogue *d, enum listen_mode m);
void dialogue_listen_stop(struct dialogue *d);
void dialogue_detect(struct dialogue *d, struct slice text); /* wake word or typed text */
void dialogue_abort(struct dialogue *d, bool by_wake_word);

/* What others want of it. */
struct say_opts {
    bool is_queued;      /* after the current turn instead of refusing with ERR_BUSY */
    bool is_farewell;    /* close when it has been played; a user who speaks meanwhile cancels that */
    bool is_prompt;      /* the text is a request to the model, whose answer is spoken ... */
    bool is_tone;        /* the entry tone instead of a voice, the text as its caption; also when muted */
    struct slice otherwise; /* ... or this, when no word of it came in 5 s; copied */
    void (*on_begin)(void *user); /* its turn has come; may be NULL, as on_done */
    void (*on_done)(void *user, enum outcome o);
    void *user;
};
/* text is copied. ERR_BUSY: a turn is running (or 8 are queued); ERR_STATE: before hello or closing. */
enum err dialogue_say(struct dialogue *d, struct slice text, const struct say_opts *o);
/* The entry tone (say_opts.is_tone) from a file, WAV or Ogg Opus, read by a worker: early, for it is played when its
 * turn comes, and until it is there the built-in one. NULL or "": built in; DIALOGUE_NO_TONE: only the caption. */
#define DIALOGUE_NO_TONE "none"
void dialogue_tone_file(struct dialogue *d, const char *path);
/* Leaves the mode it is in (why CANCELLED) and enters another; on failure the old one is kept. */
enum err dialogue_enter(struct dialogue *d, const struct mode_class *m, const struct json *args);
/* For modes: what it was created with. config and language follow dialogue_config. */
const struct dialogue_opts *dialogue_about(const struct dialogue *d);
/* The conversation so far as the memory wants it, [{"role":..,"content":..}]; false: the user said nothing. */
bool dialogue_turns_json(const struct dialogue *d, struct buf *out);
/* How a mode wants the conversation to go:
 * continuous: every utterance is recognised, the next also while the last one still is; texts come to
 * on_heard in order, and a turn that ends in silence does not interrupt hearing (meetings);
 * mute: a turn that would speak sends only tts start and stop;
 * boundaries: the device's listen start/stop mark utterances whatever its mode says, and the detector
 * decides only when none came for fallback_ms (0: as the device's mode says). */
void dialogue_continuous(struct dialogue *d, bool on);
void dialogue_mute(struct dialogue *d, bool on);
void dialogue_boundaries(struct dialogue *d, unsigned fallback_ms);
/* Forgets what was heard so far of the current utterance and opens the recogniser anew next time. */
void dialogue_reset_hearing(struct dialogue *d);
bool dialogue_is_busy(const struct dialogue *d);     /* a turn is running or being spoken */
bool dialogue_is_speaking(const struct dialogue *d);
size_t dialogue_bytes(const struct dialogue *d);     /* memory accounted to it */

#endif
