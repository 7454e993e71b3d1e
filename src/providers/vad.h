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
    void (*feed)(struct vad *v, struct pcm pcm);  /* borrowed */
    void (*reset)(struct vad *v);                 /* a new utterance: forget state and time */
    bool (*in_speech)(const struct vad *v);
    void (*close)(struct vad *v);
};

#endif
