/* SPDX-License-Identifier: MIT
 * mock.c -- parley mock: runs the mock service until interrupted or for a bounded time. */
#include "cli/commands.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/mock_server.h"
#include "loop/loop.h"
#include "loop/timer.h"

static const char usage[] =
    "usage: parley mock [options]      an OpenAI-compatible service with exact delays, for measuring\n"
    "  --host H            where to listen (127.0.0.1)\n"
    "  --port N            (9100; 0: any)\n"
    "  --asr-ms N          until the transcript comes (0)\n"
    "  --llm-first-ms N    until the first token (0)\n"
    "  --llm-token-ms N    between tokens (0: all at once)\n"
    "  --tts-first-ms N    until the first audio (0)\n"
    "  --tts-speed N       times real time (0: at once)\n"
    "  --tts-char-ms N     speech per character of text (60)\n"
    "  --asr-text T        what is always heard\n"
    "  --llm-text T        what is always answered\n"
    "  --seconds N         stop after N seconds\n"
    "Give a server ASR base_url http://HOST:PORT/v1/audio/transcriptions, LLM base_url http://HOST:PORT/v1,\n"
    "TTS api_url http://HOST:PORT/v1/audio/speech, and any key.\n";

enum {
    OPT_HOST = 1,
    OPT_PORT,
    OPT_ASR,
    OPT_FIRST,
    OPT_TOKEN,
    OPT_TTS,
    OPT_SPEED,
    OPT_CHAR,
    OPT_HEARD,
    OPT_SAID,
    OPT_SECONDS
};

static const struct option options[] = {
    {"host", 1, NULL, OPT_HOST},
    {"port", 1, NULL, OPT_PORT},
    {"asr-ms", 1, NULL, OPT_ASR},
    {"llm-first-ms", 1, NULL, OPT_FIRST},
    {"llm-token-ms", 1, NULL, OPT_TOKEN},
    {"tts-first-ms", 1, NULL, OPT_TTS},
    {"tts-speed", 1, NULL, OPT_SPEED},
    {"tts-char-ms", 1, NULL, OPT_CHAR},
    {"asr-text", 1, NULL, OPT_HEARD},
    {"llm-text", 1, NULL, OPT_SAID},
    {"seconds", 1, NULL, OPT_SECONDS},
    {"help", 0, NULL, 'h'},
    {0},
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

static bool read_number(const char *text, unsigned max, unsigned *out)
{
    int64_t n;
    if (!slice_to_i64(slice_of(text), &n) || n < 0 || n > max)
        return false;
    *out = (unsigned)n;
    return true;
}

static bool read_options(int argc, char **argv, struct mock_opts *o, unsigned *seconds)
{
    unsigned port = 9100;
    bool good = true;
    for (int c; good && (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case OPT_HOST:
            o->host = optarg;
            break;
        case OPT_PORT:
            good = read_number(optarg, 65535, &port);
            break;
        case OPT_ASR:
            good = read_number(optarg, 600000, &o->asr_ms);
            break;
        case OPT_FIRST:
            good = read_number(optarg, 600000, &o->llm_first_ms);
            break;
        case OPT_TOKEN:
            good = read_number(optarg, 600000, &o->llm_token_ms);
            break;
        case OPT_TTS:
            good = read_number(optarg, 600000, &o->tts_first_ms);
            break;
        case OPT_SPEED:
            good = read_number(optarg, TTS_SPEED_MAX, &o->tts_speed);
            break;
        case OPT_CHAR:
            good = read_number(optarg, 10000, &o->tts_ms_per_char);
            break;
        case OPT_HEARD:
            o->asr_text = optarg;
            break;
        case OPT_SAID:
            o->llm_text = optarg;
            break;
        case OPT_SECONDS:
            good = read_number(optarg, 86400, seconds);
            break;
        default:
            good = false;
        }
    }
    o->port = (uint16_t)port;
    return good && optind == argc;
}

int command_mock(int argc, char **argv)
{
    struct mock_opts o = {0};
    unsigned seconds = 0;
    if (!read_options(argc, argv, &o, &seconds)) {
        fputs(usage, stderr);
        return 2;
    }
    struct loop *l = NULL;
    struct mock_server *m = NULL;
    enum err e = loop_create(&l, &(struct loop_opts){.name = "mock"});
    if (!e)
        e = mock_server_open(&m, l, &o);
    if (e) {
        fprintf(stderr, "parley mock: cannot listen on port %u: %s. Is it in use? Try --port 0\n", o.port,
                err_text(e));
        if (l)
            loop_free(l);
        return 1;
    }
    printf("mock service on http://%s:%u/v1 (asr %u ms, llm %u + %u ms a token, tts %u ms)\n",
           o.host ? o.host : "127.0.0.1", mock_server_port(m), o.asr_ms, o.llm_first_ms, o.llm_token_ms,
           o.tts_first_ms);
    fflush(stdout);

    struct timer stop = {0};
    if (seconds)
        timer_start(&stop, l, (uint64_t)seconds * 1000, on_time, l);
    running = l;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    loop_run(l);
    timer_stop(&stop);
    const struct mock_stats *s = mock_server_stats(m);
    printf("served %llu transcripts, %llu answers, %llu speeches\n",
           (unsigned long long)s->requests[MOCK_ASR], (unsigned long long)s->requests[MOCK_LLM],
           (unsigned long long)s->requests[MOCK_TTS]);
    mock_server_close(m);
    loop_free(l);
    return 0;
}
