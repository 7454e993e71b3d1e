/* SPDX-License-Identifier: MIT
 * mock_server.h -- an OpenAI-compatible service with exact, configurable delays and real audio: what a
 * load test puts behind a voice server, so that what is measured is the server and not a cloud.
 *
 *   POST .../audio/transcriptions   text after asr_ms
 *   POST .../chat/completions       first token after llm_first_ms, then one each llm_token_ms (SSE), or whole
 *   POST .../audio/speech           pcm | wav | opus (when none is named), first audio after tts_first_ms, then
 *                                   at tts_speed; 400 for another format
 *   GET  .../models, GET /stats     what there is; what was asked for, and how late this mock itself was
 *
 * One loop, loop thread. Delays are timers counted from the moment the request was complete. */
#ifndef PARLEY_CLI_MOCK_SERVER_H
#define PARLEY_CLI_MOCK_SERVER_H

#include "cli/histogram.h"

struct loop;
struct mock_server;

struct mock_opts {
    const char *host;          /* NULL: 127.0.0.1 */
    uint16_t port;             /* 0: chosen by the kernel */
    unsigned asr_ms, llm_first_ms, llm_token_ms, tts_first_ms;
    unsigned tts_speed;        /* times real time; 0: as fast as it can be written */
    unsigned tts_ms_per_char;  /* length of the speech; 0: 60 */
    unsigned opus_ms;          /* of each packet: 20 or 60; 0: 20 */
    const char *asr_text;      /* NULL: "what time is it" */
    const char *llm_text;      /* NULL: two short sentences */
    struct pcm voice;          /* 24 kHz, repeated as needed; empty: a generated voice-like signal */
};

enum mock_kind { MOCK_ASR, MOCK_LLM, MOCK_TTS, MOCK_KINDS };

struct mock_stats {
    uint64_t requests[MOCK_KINDS], gone[MOCK_KINDS]; /* gone: the client left before the end */
    uint64_t bytes_in, bytes_out;
    struct histogram late;     /* us: how much later than due each piece was written */
};

#define MOCK_RATE_HZ 24000
#define MOCK_BODY_MAX (8u << 20)
#define MOCK_SPEECH_MS_MAX 60000
#define TTS_SPEED_MAX 60

must_check enum err mock_server_open(struct mock_server **out, struct loop *l, const struct mock_opts *o);
uint16_t mock_server_port(const struct mock_server *m);
const struct mock_stats *mock_server_stats(const struct mock_server *m);
void mock_server_close(struct mock_server *m); /* NULL is fine */
/* What it says by default: three seconds like speech at MOCK_RATE_HZ. Given. */
int16_t *mock_voice_make(size_t *count);

#endif
