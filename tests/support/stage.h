/* SPDX-License-Identifier: MIT
 * stage.h -- one dialogue on a loop with a hand-moved clock, fake providers behind it, and a device in
 * front that writes down what it is told and checks what must hold at all times: audio only between
 * tts_start and tts_stop, one stop per start, time stamps that grow. */
#ifndef PARLEY_TESTS_STAGE_H
#define PARLEY_TESTS_STAGE_H

#include "dialogue/admission.h"
#include "dialogue/dialogue.h"
#include "tests/support/fake_providers.h"
#include "tests/support/test.h"

#define TOLD_MAX 4096

struct told {
    uint64_t at_ms;
    /* T stt, ( start, ) stop, [ sentence start, ] sentence end, e emotion, a audio, ! alert, x close,
     * . turn end */
    char what;
    char text[96];
};

struct stage {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct log_ctx log;
    struct clip_cache *clips;
    struct admission admission;
    struct dialogue *dialogue;
    struct dialogue_opts opts;
    struct told told[TOLD_MAX];
    size_t told_count;
    unsigned starts, stops, bare_stops, frames, turns, closes, alerts, broken; /* broken: rules that did not hold */
    const char *broke;
    uint32_t last_stamp;
    bool is_open;                /* between start and stop */
    enum outcome last_outcome;
    struct turn_times last_times;
    unsigned outcomes[16];
    enum err audio_answer;       /* what audio() answers */
    char close_at;               /* on the first event of this kind the device is gone; 0: never */
    bool is_closed;
    char loud[400], quiet[400];  /* Opus packets of 60 ms */
    size_t loud_len, quiet_len;
};

/* more: YAML put in front of the fakes' own; NULL: none. hello is said. */
void stage_open(struct stage *w, const char *more, const struct dialogue_opts *with);
void stage_close(struct stage *w); /* asserts that nothing is left: streams, timers */
void stage_abandon(struct stage *w); /* teardown: frees what a failed test left; nothing after stage_close */
void stage_run(struct stage *w, unsigned ms);
void stage_speak(struct stage *w, unsigned ms);  /* loud packets in real time */
void stage_pause(struct stage *w, unsigned ms);  /* quiet ones */
void stage_ask(struct stage *w);                 /* listen start auto, 900 ms of speech, silence */
bool stage_until(struct stage *w, char what, unsigned ms); /* runs until it is told (from now on) */
/* All that was told but audio, as one string: "T(e[])." */
const char *stage_story(const struct stage *w);
const struct told *stage_find(const struct stage *w, char what, unsigned nth); /* 0: the first; NULL */
void stage_forget(struct stage *w); /* what was told so far */

#endif
