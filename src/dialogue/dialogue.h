/* SPDX-License-Identifier: MIT
 * dialogue.h -- one conversation with one device, without the wire: what the device says goes in by
 * the functions below, what it must be told comes out by struct dialogue_out (the gateway writes the
 * messages). Inside: listener (decode, VAD, pre-roll, end of speech, recogniser), turn (state table),
 * sentences, speaker (synthesiser, encoder, pacer), history. All on one loop.
 *
 *   device audio -> listener -> asr -> turn -> mode->on_heard -> llm -> sentences -> speaker -> out
 *
 * Guarantees: exactly one tts_stop for each tts_start on every path; no audio outside them; every turn
 * ends with one outcome; nothing of an old turn after its abort. */
#ifndef PARLEY_DIALOGUE_DIALOGUE_H
#define PARLEY_DIALOGUE_DIALOGUE_H

#include "base/log.h"
#include "providers/registry.h"

struct dialogue;
struct mode;
struct toolbox;

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

/* When things happened in a turn, loop_now_us; 0: did not. t0: last speech sample, audio clock. */
struct turn_times {
    uint64_t t0_us, decided_us, heard_us, first_token_us, first_sentence_us, first_audio_us, stop_us;
};

struct dialogue_out {
    void (*stt)(void *user, struct slice text);
    void (*tts_start)(void *user);
    void (*sentence_start)(void *user, struct slice text); /* in step with the audio */
    void (*sentence_end)(void *user, struct slice text);
    void (*tts_stop)(void *user);
    void (*emotion)(void *user, const char *name, const char *emoji);
    /* One packet, due now. timestamp_ms: strictly increasing, non-zero. ERR_LIMIT: the device stalls. */
    enum err (*audio)(void *user, struct slice packet, uint32_t timestamp_ms);
    void (*alert)(void *user, const char *status, struct slice text, const char *emotion);
    void (*transcription)(void *user, struct slice text);
    /* The conversation is over (exit words, daily limit); close after what was said has been played. */
    void (*close)(void *user, enum err why);
    void (*turn_end)(void *user, enum outcome o, const struct turn_times *t); /* records, metrics */
    /* Speech or typed text was noticed / something is being said: for the idle clocks. */
    void (*activity)(void *user);
};

struct dialogue_opts {
    struct loop *loop;
    const struct provider_env *env;
    struct registry *registry;
    struct config *config;          /* a ref is taken; a new one comes with dialogue_config */
    const struct log_ctx *log;      /* borrowed for life */
    const struct dialogue_out *out;
    void *user;
    const char *device_id, *session_id, *language; /* copied */
    const char *board, *firmware;   /* as seen at OTA; "" unknown */
    struct toolbox *tools;          /* device and server tools; NULL: none */
    struct store *store;            /* turns, resume; NULL: nothing is kept (tests) */
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
    bool is_farewell;    /* close when it has been played */
    void (*on_done)(void *user, enum outcome o);
    void *user;
};
enum err dialogue_say(struct dialogue *d, struct slice text, const struct say_opts *o);
bool dialogue_is_busy(const struct dialogue *d);     /* a turn is running or being spoken */
bool dialogue_is_speaking(const struct dialogue *d);
enum listen_mode dialogue_listen_mode(const struct dialogue *d);
size_t dialogue_bytes(const struct dialogue *d);     /* memory accounted to it */

#endif
