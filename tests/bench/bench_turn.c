/* SPDX-License-Identifier: MIT
 * bench_turn.c -- what a turn costs beyond its providers: from the end-of-speech decision to the first
 * packet with providers that answer at once, and CPU per frame of uplink audio through a dialogue next to
 * the bare libraries (opus_decode and the detector's kernel). */
#include <math.h>
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/encoder.h"
#include "audio/silero.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dialogue/dialogue.h"
#include "loop/loop.h"
#include "tests/support/fake_providers.h"

#define TURNS 12
#define PACKETS 500
#define ROUNDS 9

static const char yaml[] =
    "log: {log_level: ERROR}\n"
    "selected_module: {VAD: %s, ASR: f, LLM: f, TTS: f, Memory: f}\n"
    "VAD: {f: {type: fake}, s: {type: silero, min_silence_duration_ms: 2000}}\n"
    "ASR: {f: {type: fake}}\nLLM: {f: {type: fake}}\n"
    "TTS: {f: {type: fake}}\nMemory: {f: {type: fake}}\n";

struct bench {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct log_ctx log;
    struct dialogue *dialogue;
    struct turn_times times;
    unsigned turns;
    unsigned char packets[PACKETS][1500];
    size_t lengths[PACKETS];
};
static struct bench b;

static void out_text(void *user, struct slice text) { }
static void out_nothing(void *user) { }
static void out_emotion(void *user, const char *name, const char *emoji) { }
static enum err out_audio(void *user, struct slice packet, uint32_t timestamp_ms) { return OK; }
static void out_alert(void *user, const char *status, struct slice text, const char *emotion) { }
static void out_close(void *user, enum err why) { }

static void out_turn_end(void *user, enum outcome o, const struct turn_times *t)
{
    b.times = *t;
    b.turns++;
}

static const struct dialogue_out out = {
    .stt = out_text, .tts_start = out_nothing, .tts_stop = out_nothing, .sentence_start = out_text,
    .sentence_end = out_text, .emotion = out_emotion, .audio = out_audio, .alert = out_alert,
    .transcription = out_text, .close = out_close, .turn_end = out_turn_end, .activity = out_nothing,
};

static void must(enum err e)
{
    if (!e)
        return;
    fprintf(stderr, "bench_turn: %s\n", err_text(e));
    exit(1);
}

static void open_dialogue(const char *vad)
{
    struct err_note why;
    auto_mem char *text = xprintf(yaml, vad);
    must(config_parse(&b.config, slice_of(text), "bench", &why));
    must(loop_create(&b.loop, &(struct loop_opts){ .name = "bench" }));
    must(registry_create(&b.registry));
    fakes_add(NULL, b.registry);
    b.env = (struct provider_env){ .loop = b.loop, .registry = b.registry };
    struct dialogue_opts o = { .loop = b.loop, .env = &b.env, .registry = b.registry, .config = b.config,
                               .log = &b.log, .out = &out, .device_id = "bench", .session_id = "bench",
                               .language = "en-US" };
    must(dialogue_create(&b.dialogue, &o));
    struct dialogue_audio audio = { .in_rate_hz = 16000, .in_frame_us = 60000, .out_rate_hz = 24000,
                                    .out_frame_us = 60000 };
    dialogue_hello(b.dialogue, &audio);
}

static void close_dialogue(void)
{
    dialogue_close(b.dialogue);
    loop_step(b.loop, 0);
    registry_free(b.registry);
    config_unref(b.config);
    loop_free(b.loop);
}

/* Something like speech, or silence, as packets of 60 ms. */
static void make_packets(bool is_loud)
{
    struct encoder *e;
    struct slice packet;
    int16_t samples[960];
    must(encoder_create(&e, &(struct encoder_opts){ .rate_hz = 16000, .frame_us = 60000, .complexity = -1 }));
    for (size_t n = 0; n < PACKETS; n++) {
        for (size_t i = 0; i < COUNT(samples); i++) {
            double t = (double)(n * 960 + i) / 16000, buzz = 0;
            for (int k = 1; k < 12; k++)
                buzz += sin(2 * M_PI * (140 + 30 * sin(2 * t)) * t * k) / k;
            samples[i] = is_loud ? (int16_t)(4000 * (0.6 + 0.4 * sin(9 * t)) * buzz) : 0;
        }
        must(encoder_frame(e, (struct pcm){ samples, COUNT(samples) }, &packet));
        memcpy(b.packets[n], packet.data, packet.len);
        b.lengths[n] = packet.len;
    }
    encoder_free(e);
}

static int compare(const void *x, const void *y)
{
    double l = *(const double *)x, r = *(const double *)y;
    return (l > r) - (l < r);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare);
    return v[n / 2];
}

/* Milliseconds from the decision to the first packet, start gap aside. */
static void bench_latency(void)
{
    double ms[TURNS];
    fakes_reset();
    fake_asr_script("")->texts[0] = "what time is it";
    fake_llm_script("")->replies[0].text = "It is ten.";
    fake_tts_script("")->sentence_ms = 120;
    open_dialogue("f");
    for (unsigned i = 0; i < TURNS; i++) {
        dialogue_listen_start(b.dialogue, LISTEN_AUTO);
        make_packets(true);
        for (int n = 0; n < 20; n++) {
            dialogue_audio_in(b.dialogue, slice_from(b.packets[n], b.lengths[n]), 0);
            loop_step(b.loop, 0);
        }
        make_packets(false);
        for (int n = 0; n < 12; n++) {
            dialogue_audio_in(b.dialogue, slice_from(b.packets[n + 4], b.lengths[n + 4]), 0);
            loop_step(b.loop, 0);
        }
        for (int n = 0; n < 2000 && b.turns <= i; n++)
            loop_step(b.loop, 10);
        double gone = (double)(b.times.first_audio_us - b.times.decided_us) / 1000 - 80;
        ms[i] = gone > 0 ? gone : 0; /* timers count in whole milliseconds */
    }
    close_dialogue();
    printf("decision to first packet, instant providers, start gap of 80 ms aside: %.2f ms (worst of %d: ",
           median(ms, TURNS), TURNS);
    printf("%.2f ms); wanted: 5\n", ms[TURNS - 1]);
}

/* The same work by the libraries alone: microseconds of CPU per frame. */
static double bare_us(const struct silero *s)
{
    struct silero_state state = { 0 };
    int16_t pcm[5760], window[512];
    size_t held = 0;
    int err;
    OpusDecoder *d = opus_decoder_create(16000, 1, &err);
    uint64_t start = clock_thread_cpu_us();
    for (size_t n = 0; n < PACKETS; n++) {
        int count = opus_decode(d, b.packets[n], (int)b.lengths[n], pcm, 5760, 0);
        for (int at = 0; at < count;) {
            size_t part = MIN(COUNT(window) - held, (size_t)(count - at));
            memcpy(window + held, pcm + at, part * sizeof *pcm);
            held += part;
            at += (int)part;
            if (held == COUNT(window)) {
                struct silero_job job = { .state = &state, .samples = window };
                silero_run(s, &job, 1);
                held = 0;
            }
        }
    }
    double us = (double)(clock_thread_cpu_us() - start) / PACKETS;
    opus_decoder_destroy(d);
    return us;
}

static double dialogue_us(void)
{
    dialogue_listen_start(b.dialogue, LISTEN_REALTIME);
    uint64_t start = clock_thread_cpu_us();
    for (size_t n = 0; n < PACKETS; n++) {
        dialogue_audio_in(b.dialogue, slice_from(b.packets[n], b.lengths[n]), 0);
        loop_step(b.loop, 0);
    }
    return (double)(clock_thread_cpu_us() - start) / PACKETS;
}

static void bench_uplink(void)
{
    char path[1024];
    const char *models = getenv("PARLEY_MODELS");
    struct silero *s;
    double bare[ROUNDS], ours[ROUNDS];
    snprintf(path, sizeof path, "%s/silero_vad_v5.onnx", models ? models : "models");
    if (silero_load(&s, path, SILERO_AUTO)) {
        printf("uplink: no weights at %s\n", path);
        return;
    }
    make_packets(true);
    fakes_reset();
    open_dialogue("s");
    dialogue_us(); /* weights and buffers are there */
    for (size_t i = 0; i < ROUNDS; i++) {
        bare[i] = bare_us(s);
        ours[i] = dialogue_us();
    }
    unsigned opens = fake_asr_script("")->seen.opens;
    close_dialogue();
    silero_free(s);
    double l = median(bare, ROUNDS), o = median(ours, ROUNDS);
    printf("uplink frame of 60 ms, decoding and detecting: %.1f us, bare libraries %.1f us (%+.0f %%); "
           "wanted: +20 %%; %.1f utterances a minute, each with its pre-roll decoded anew\n",
           o, l, (o / l - 1) * 100, opens / ((ROUNDS + 1) * PACKETS * 0.06 / 60));
}

int main(void)
{
    bench_latency();
    bench_uplink();
    return 0;
}
