/* SPDX-License-Identifier: MIT
 * asr.h -- the contract of a recogniser: speech in, text out, by events on the loop that opened it. */
#ifndef PARLEY_PROVIDERS_ASR_H
#define PARLEY_PROVIDERS_ASR_H

#include "providers/provider.h"

enum asr_caps {
    ASR_PARTIALS = 1 << 0,   /* on_text may come with final == false */
    ASR_ENDPOINTS = 1 << 1,  /* hears the end of speech itself; no vad needed */
    ASR_SPEAKERS = 1 << 2,   /* fills text.speaker */
    ASR_TAKES_OPUS = 1 << 3, /* feed_opus is wanted instead of feed: the device's own packets */
};

struct asr;

struct asr_text {
    struct slice text;         /* UTF-8; borrowed until on_text() returns */
    uint32_t start_ms, end_ms; /* from the first sample of the stream */
    int speaker;               /* 0.. in order of appearance; -1 unknown */
    bool final;                /* false: the next text replaces this one */
};

struct asr_events {
    void (*on_text)(void *user, const struct asr_text *t);
    void (*on_end)(void *user, const struct err_note *why); /* the last event; then close() */
};

struct asr_class {
    const char *name;          /* `type` in the config */
    unsigned caps, rate_hz;    /* enum asr_caps; mono s16 at this rate */
    enum err (*open)(struct asr **out, const struct provider_opts *o, const struct asr_events *ev, void *user);
    enum err (*feed)(struct asr *a, struct pcm pcm);          /* borrowed; ERR_BUSY: slow down */
    /* NULL without ASR_TAKES_OPUS. One packet of duration_us; borrowed. */
    enum err (*feed_opus)(struct asr *a, struct slice packet, uint32_t duration_us);
    void (*finish)(struct asr *a);                            /* no more audio; on_end() will come */
    void (*close)(struct asr *a);                             /* any time; no event after it returns */
    /* Could this configuration work (a URL is there, no placeholder for a key)? NULL: always. Any thread. */
    enum err (*check)(const struct provider_opts *o, struct err_note *note);
};

#endif
