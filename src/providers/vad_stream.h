/* SPDX-License-Identifier: MIT
 * vad_stream.h -- what all detectors have in common, for providers/vad_*.c only: samples are cut into
 * windows, the windows of all streams of a loop are judged together at the end of the round, and
 * judgements become speech and silence.
 *
 *   feed --> pcm queue --> [ready list of the loop] --> judge(batch) --> decider --> events
 *
 * Silence that comes as a number of samples stays a number: a window of it is never written. */
#ifndef PARLEY_PROVIDERS_VAD_STREAM_H
#define PARLEY_PROVIDERS_VAD_STREAM_H

#include "audio/pcm_queue.h"
#include "audio/silero.h"
#include "base/list.h"
#include "loop/loop.h"
#include "providers/vad.h"

#define VAD_RATE_HZ 16000
#define VAD_WINDOWS_MAX 32                    /* of the majority */
#define VAD_PENDING_MAX (60 * VAD_RATE_HZ)    /* fed within one round; the oldest beyond are dropped */

/* From probabilities to speech and silence; pure. */
struct vad_decider {
    struct vad_settings settings;
    uint32_t window_samples;
    uint32_t voiced;            /* last windows as bits, newest lowest */
    uint64_t samples;           /* judged so far */
    uint64_t last_voiced;       /* end of the last voiced window, samples */
    float probability;          /* of the last window */
    bool in_speech, was_voiced;
};
enum vad_change { VAD_SAME, VAD_SPEECH, VAD_SILENCE };
void vad_decider_init(struct vad_decider *d, const struct vad_settings *s, uint32_t window_samples);
/* at_ms: start of the first voiced window (SPEECH), end of the last one (SILENCE). */
enum vad_change vad_decider_window(struct vad_decider *d, float probability, uint64_t *at_ms);
uint64_t vad_decider_ms(const struct vad_decider *d);

struct vad_kind {
    uint32_t window_samples;
    bool needs_weights;
    /* Fills probabilities of vad_window(stream) for each of them. */
    void (*judge)(struct vad_env *e, struct vad **streams, size_t count, float *probabilities);
    void (*forget)(struct vad *v);  /* network or filter state: a new utterance */
    void (*done)(struct vad *v);
};

struct vad {
    struct node ready;             /* in env->ready while a whole window waits */
    const struct vad_kind *kind;
    struct vad_env *env;
    struct vad_events events;
    void *user;
    struct pcm_queue queue;
    size_t silent;                 /* samples of silence after those in the queue */
    struct vad_decider decider;
    struct grave grave;
    bool is_closing, has_own_env;
    int batch_at;                  /* place in env->batch while it is judged; -1 */
    struct silero_state silero;
    void *webrtc;
};

struct vad_env {
    struct loop *loop;
    struct loop_hook hook;
    const struct silero *weights;
    struct silero *own_weights;    /* of one that belongs to a single stream */
    struct list ready[2];          /* one per kind: silero, webrtc */
    struct vad *batch[SILERO_BATCH_MAX];
    unsigned open;                 /* streams */
};

/* vad_class.open for one kind. Makes a private env when the options have none. ERR_NOT_FOUND: no weights. */
must_check enum err vad_stream_open(struct vad **out, const struct vad_kind *kind, const struct provider_opts *o,
                                    const struct vad_settings *s, const struct vad_events *ev, void *user);
void vad_stream_feed(struct vad *v, struct pcm pcm);
const int16_t *vad_window(const struct vad *v); /* its next window, while it is judged */
bool vad_window_is_silence(const struct vad *v); /* it was told so, and nobody need look */
void vad_stream_reset(struct vad *v);
bool vad_stream_in_speech(const struct vad *v);
bool vad_stream_hears_voice(const struct vad *v);
void vad_stream_close(struct vad *v);

extern const struct vad_kind vad_kind_silero, vad_kind_webrtc;

#endif
