/* SPDX-License-Identifier: MIT
 * tts.h -- the contract of a synthesiser: sentences in, audio out.
 *
 * One stream speaks one reply: say() once per sentence, in order; audio of sentence n comes before
 * that of n+1; on_mark tells where one ends; finish() when no more text comes. */
#ifndef PARLEY_PROVIDERS_TTS_H
#define PARLEY_PROVIDERS_TTS_H

#include "providers/provider.h"

enum tts_caps {
    TTS_NATIVE_OPUS = 1 << 0, /* on_opus instead of on_pcm may come */
    TTS_STREAMS = 1 << 1,     /* audio of a sentence begins before all of it is made */
};

struct tts;
struct tts_events {
    /* Mono; rate_hz may differ from class to class but not within a stream; borrowed. */
    void (*on_pcm)(void *user, struct pcm pcm, uint32_t rate_hz);
    /* One Opus packet of duration_us; borrowed. NULL: the listener wants PCM only. */
    void (*on_opus)(void *user, struct slice packet, uint32_t duration_us);
    void (*on_mark)(void *user, uint32_t sentence); /* all audio of say() number `sentence` (0..) was given */
    void (*on_end)(void *user, const struct err_note *why); /* the last event; then close() */
};

struct tts_class {
    const char *name;
    unsigned caps;
    enum err (*open)(struct tts **out, const struct provider_opts *o, const struct tts_events *ev, void *user);
    enum err (*say)(struct tts *t, struct slice text); /* borrowed; ERR_BUSY: too many waiting, say it later */
    void (*finish)(struct tts *t);
    void (*pause)(struct tts *t, bool is_paused);      /* back-pressure; NULL: cannot */
    void (*close)(struct tts *t);
    /* Could this configuration work (a URL is there, no placeholder for a key)? NULL: always. Any thread. */
    enum err (*check)(const struct provider_opts *o, struct err_note *note);
};

#endif
