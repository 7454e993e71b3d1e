/* SPDX-License-Identifier: MIT
 * talk.h -- one turn as `parley talk` measured it, and how it is told. */
#ifndef PARLEY_CLI_TALK_H
#define PARLEY_CLI_TALK_H

#include "cli/device.h"

struct talk_opts {
    const char *say, *wav, *text, *ota, *url, *token, *device_id, *client_id, *out;
    unsigned mode; /* enum msg_listen_mode */
    int64_t framing, frame_ms, repeat, abort_after_ms; /* abort_after_ms -1: never */
    bool is_pcm, is_json, is_verbose;
};

/* Times by loop_now_us; 0: did not happen. */
struct talk_turn {
    uint64_t began_us, end_us;      /* microphone open; last packet of speech sent */
    uint64_t heard_us, token_us;    /* stt; first llm message or sentence: the model's first words */
    uint64_t start_us, audio_us;    /* tts start; first packet */
    uint64_t abort_us, stop_us;     /* button; tts stop */
    uint64_t gap_us, pause_us;      /* silence within and between sentences */
    unsigned packets, lost, sentences;
    struct buf heard, said;
    char emotion[32];
    bool is_over;
};

void talk_print(const struct talk_turn *n);
void talk_print_json(const struct talk_turn *n, unsigned number);
/* The server's faults; false: some that are not a matter of timing. */
bool talk_print_faults(const struct device *d, bool is_json);

#endif
