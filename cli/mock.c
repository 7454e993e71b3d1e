/* SPDX-License-Identifier: MIT
 * mock.c -- parley mock: runs the mock service until interrupted or for a bounded time. */
#include <signal.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/mock_server.h"
#include "cli/voice.h"
#include "loop/timer.h"

#define DEFAULT_PORT 9100
#define DELAY_MS_MAX 600000
#define SECONDS_MAX 86400
#define VOICE_FRAME_SAMPLES (MOCK_RATE_HZ * 60 / 1000) /* the voice is cut to whole ones */

static const unsigned opus_ms[] = { 20, 60 };
#define OPUS_MS_NAMES "20|60"

struct options {
    const char *host, *asr_text, *llm_text, *wav;
    int64_t port, asr_ms, llm_first_ms, llm_token_ms, tts_first_ms, tts_speed, tts_char_ms, seconds;
    unsigned opus; /* index of opus_ms */
};

static struct loop *running; /* for the signal handler */

static void on_signal(int number)
{
    (void)number;
    loop_stop(running);
}

static void on_time(void *arg)
{
    loop_stop(arg);
}

/* A recording instead of the made voice. */
static bool read_voice(struct pcm_queue *pcm, const char *path)
{
    struct err_note note = { 0 };
    pcm_queue_init(pcm, (size_t)VOICE_SECONDS_MAX * MOCK_RATE_HZ);
    if (voice_from_wav(pcm, path, MOCK_RATE_HZ, &note) == OK && pcm_queue_peek(pcm).count >= VOICE_FRAME_SAMPLES)
        return true;
    fprintf(stderr, "parley mock: %s\n", note.text[0] ? note.text : "the recording is too short");
    return false;
}

/* As a server's file names it. */
static void tell_where(const struct mock_server *m, const struct mock_opts *o)
{
    char base[300];
    snprintf(base, sizeof(base), "http://%s:%u/v1", o->host ? o->host : "127.0.0.1", mock_server_port(m));
    printf("mock service on %s (asr %u ms, llm %u + %u ms a token, tts %u ms). For a server's configuration:\n\n", base,
           o->asr_ms, o->llm_first_ms, o->llm_token_ms, o->tts_first_ms);
    printf("selected_module: { ASR: mock, LLM: mock, TTS: mock }\n"
           "ASR: { mock: { type: openai, base_url: \"%s/audio/transcriptions\", api_key: any, model_name: mock } }\n"
           "LLM: { mock: { type: openai, base_url: \"%s\", api_key: any, model_name: mock } }\n"
           "TTS: { mock: { type: openai, api_url: \"%s/audio/speech\", api_key: any, model: mock, voice: mock } }\n\n",
           base, base, base);
    fflush(stdout);
}

static void run(struct loop *l, struct mock_server *m, const struct mock_opts *o, int64_t seconds)
{
    struct timer stop = { 0 };
    tell_where(m, o);
    if (seconds)
        timer_start(&stop, l, (uint64_t)seconds * 1000, on_time, l);
    running = l;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    loop_run(l);
    timer_stop(&stop);
    const struct mock_stats *s = mock_server_stats(m);
    printf("served %llu transcripts, %llu answers, %llu speeches; late by %.1f ms (p99)\n",
           (unsigned long long)s->requests[MOCK_ASR], (unsigned long long)s->requests[MOCK_LLM],
           (unsigned long long)s->requests[MOCK_TTS], (double)histogram_at(&s->late, 0.99) / 1000);
}

static int serve(const struct options *given)
{
    struct mock_opts o = { .host = given->host, .port = (uint16_t)given->port, .asr_ms = (unsigned)given->asr_ms,
                           .llm_first_ms = (unsigned)given->llm_first_ms, .llm_token_ms = (unsigned)given->llm_token_ms,
                           .tts_first_ms = (unsigned)given->tts_first_ms, .tts_speed = (unsigned)given->tts_speed,
                           .tts_ms_per_char = (unsigned)given->tts_char_ms, .opus_ms = opus_ms[given->opus],
                           .asr_text = given->asr_text, .llm_text = given->llm_text };
    struct pcm_queue voice = { 0 };
    struct loop *l = NULL;
    struct mock_server *m = NULL;
    if (given->wav && !read_voice(&voice, given->wav)) {
        pcm_queue_done(&voice);
        return EXIT_BAD;
    }
    o.voice = pcm_queue_peek(&voice);
    o.voice.count -= o.voice.count % VOICE_FRAME_SAMPLES;
    enum err e = loop_create(&l, &(struct loop_opts){ .name = "mock" });
    if (!e)
        e = mock_server_open(&m, l, &o);
    if (e)
        fprintf(stderr, "parley mock: cannot listen on port %u: %s. Is it in use? Try --port 0\n", o.port, err_text(e));
    else
        run(l, m, &o, given->seconds);
    mock_server_close(m);
    if (l)
        loop_free(l);
    pcm_queue_done(&voice);
    return e ? EXIT_BAD : EXIT_FINE;
}

int command_mock(int argc, char **argv)
{
    struct options o = { .port = DEFAULT_PORT, .tts_char_ms = 60 };
    const struct arg list[] = {
        { "--host", ARG_TEXT, "H", "where to listen (127.0.0.1)", .text = &o.host },
        { "--port", ARG_NUMBER, "N", "(9100; 0: any)", .number = &o.port, .min = 0, .max = 65535 },
        { "--asr-ms", ARG_NUMBER, "N", "until the transcript comes (0)", .number = &o.asr_ms, .max = DELAY_MS_MAX },
        { "--llm-first-ms", ARG_NUMBER, "N", "until the first token (0)", .number = &o.llm_first_ms,
          .max = DELAY_MS_MAX },
        { "--llm-token-ms", ARG_NUMBER, "N", "between tokens (0: all at once)", .number = &o.llm_token_ms,
          .max = DELAY_MS_MAX },
        { "--tts-first-ms", ARG_NUMBER, "N", "until the first audio (0)", .number = &o.tts_first_ms,
          .max = DELAY_MS_MAX },
        { "--tts-speed", ARG_NUMBER, "N", "times real time (0: at once)", .number = &o.tts_speed,
          .max = TTS_SPEED_MAX },
        { "--tts-char-ms", ARG_NUMBER, "N", "speech per character of text (60)", .number = &o.tts_char_ms, .min = 1,
          .max = 10000 },
        { "--opus-ms", ARG_CHOICE, OPUS_MS_NAMES, "length of Opus packets", .choice = &o.opus },
        { "--wav", ARG_TEXT, "FILE", "what is said, instead of a made voice", .text = &o.wav },
        { "--asr-text", ARG_TEXT, "T", "what is always heard", .text = &o.asr_text },
        { "--llm-text", ARG_TEXT, "T", "what is always answered", .text = &o.llm_text },
        { "--seconds", ARG_NUMBER, "N", "stop after N seconds", .number = &o.seconds, .max = SECONDS_MAX },
    };
    static const char usage[] = "parley mock [options]\nAn OpenAI-compatible service with exact delays, for measuring.";
    int status = args_parse(&(struct args){ usage, list, COUNT(list) }, argc, argv);
    return status ? status - 1 : serve(&o);
}
