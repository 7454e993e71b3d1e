/* SPDX-License-Identifier: MIT
 * vad.h -- the contract of a voice activity detector. Runs on the loop; windows of several streams
 * that became ready in one loop round are computed together, so events come in the same round, after
 * feed() returned. Time is audio time: samples fed, not the clock. */
#ifndef PARLEY_PROVIDERS_VAD_H
#define PARLEY_PROVIDERS_VAD_H

#include "providers/provider.h"

struct vad;
struct vad_settings {
    float threshold, threshold_low;      /* on at >= threshold, off below threshold_low */
    unsigned min_silence_ms;             /* of audio time: end of speech */
    unsigned voiced_windows, of_windows; /* speech = 3 of the last 5 */
};
struct vad_events {
    void (*on_speech)(void *user, uint64_t start_ms);  /* audio time of the first voiced window */
    void (*on_silence)(void *user, uint64_t end_ms);   /* min_silence passed; end_ms: last voiced sample */
    void (*on_window)(void *user, uint64_t end_ms, float probability); /* every window; may be NULL */
};
struct vad_class {
    const char *name;                    /* "silero", "webrtc" */
    unsigned rate_hz;                    /* 16000 */
    enum err (*open)(struct vad **out, const struct provider_opts *o, const struct vad_settings *s,
                     const struct vad_events *ev, void *user);
    void (*feed)(struct vad *v, struct pcm pcm);  /* borrowed; samples NULL: that many of silence */
    void (*reset)(struct vad *v);                 /* a new utterance: forget state and time */
    bool (*in_speech)(const struct vad *v);
    bool (*hears_voice)(const struct vad *v);     /* false: the last window was clearly none, also inside speech */
    void (*close)(struct vad *v);                 /* any time, also inside an event; silence after it */
};

/* What the detectors of one loop share: the batch, and weights that all loops share. Made once per
 * loop and put into provider_env.vad; without it each stream batches alone and loads weights itself. */
struct silero;
struct vad_env;
/* path NULL: looked for at $PARLEY_MODELS, ./models, beside the program, /usr/share/parley. Reads a file
 * of 2 MB: at start, not on a loop. ERR_NOT_FOUND: none there. Free after the last vad_env. */
must_check enum err vad_weights_find(struct silero **out, const char *path);
/* weights: borrowed for its life; NULL: only detectors that need none. */
void vad_env_create(struct vad_env **out, struct loop *l, const struct silero *weights);
void vad_env_free(struct vad_env *e); /* no detector of it may be open; NULL is fine */
extern const struct vad_class vad_silero, vad_webrtc;

#endif
