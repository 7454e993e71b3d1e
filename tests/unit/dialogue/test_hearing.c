/* SPDX-License-Identifier: MIT
 * test_hearing.c -- what a device that sends DTX saves: packets of silence are neither decoded nor judged,
 * and recorded speech between them is heard as before. */
#include <stdio.h>

#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/pcm_queue.h"
#include "audio/silero.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "config/config.h"
#include "dialogue/hearing.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "providers/vad.h"
#include "tests/support/fake_providers.h"
#include "tests/support/test.h"

#define RECORDING "/usr/share/pocketsphinx/test/data/cards/001.wav"
#define FRAME 960
#define PAUSE_FRAMES 60
#define ROUNDS 3
#define EVENTS_MAX 32

struct ear {
    struct loop *loop;
    struct registry *registry;
    struct config *config;
    struct provider_env env;
    struct hearing *hearing;
    unsigned frame, count;
    struct { char what; unsigned frame; } told[EVENTS_MAX];
};

static void tell(struct ear *e, char what)
{
    assert_true(e->count < EVENTS_MAX);
    e->told[e->count].what = what;
    e->told[e->count++].frame = e->frame;
}

static void on_voice(void *user)
{
    tell(user, 'v');
}

static void on_decided(void *user, uint64_t t0_us)
{
    (void)t0_us;
    tell(user, 'd');
}

static void on_text(void *user, struct slice text)
{
    (void)text;
    tell(user, 't');
}

static void on_nothing(void *user)
{
    tell(user, 'n');
}

static void on_failed(void *user, const struct err_note *why)
{
    (void)why;
    tell(user, '!');
}

static const struct hearing_events events = {
    .on_voice = on_voice, .on_decided = on_decided, .on_text = on_text, .on_nothing = on_nothing, .on_failed = on_failed,
};

static void ear_open(struct ear *e, struct silero *weights, enum audio_format format, const char *asr)
{
    auto_mem char *yaml = xprintf("selected_module: {VAD: s, ASR: %s}\nVAD: {s: {type: silero}}\n"
                                  "ASR: {f: {type: fake}, o: {type: fake_opus}}\n", asr);
    struct err_note why;
    *e = (struct ear){ 0 };
    assert_ok(config_parse(&e->config, slice_of(yaml), "test", &why));
    assert_ok(loop_create(&e->loop, &(struct loop_opts){ .has_manual_clock = true }));
    assert_ok(registry_create(&e->registry));
    fakes_add(NULL, e->registry);
    e->env = (struct provider_env){ .loop = e->loop, .registry = e->registry };
    vad_env_create(&e->env.vad, e->loop, weights);
    hearing_create(&e->hearing, e->loop, e->registry, &events, e);
    hearing_set_use(e->hearing, &(struct use_opts){ .env = &e->env, .config = e->config }, 60);
    hearing_set_format(e->hearing, format, 16000);
    hearing_start(e->hearing, LISTEN_AUTO);
}

static void ear_close(struct ear *e)
{
    hearing_free(e->hearing);
    loop_step(e->loop, 0);
    vad_env_free(e->env.vad);
    registry_free(e->registry);
    config_unref(e->config);
    loop_free(e->loop);
}

static void ear_hear(struct ear *e, struct slice packet)
{
    hearing_audio(e->hearing, packet);
    loop_advance(e->loop, 60);
    e->frame++;
}

/* The recording of somebody who speaks, ROUNDS times, with pauses; all of it with the hiss of a cheap microphone. */
static int16_t *record(size_t *count)
{
    static char file[1 << 20];
    struct wav_reader r;
    struct pcm_queue all;
    static const int16_t quiet[FRAME * PAUSE_FRAMES];
    FILE *f = fopen(RECORDING, "rb");
    if (!f)
        return NULL;
    size_t len = fread(file, 1, sizeof(file), f);
    fclose(f);
    pcm_queue_init(&all, 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct slice in = slice_from(file, len);
        struct pcm pcm;
        assert_ok(pcm_queue_put(&all, (struct pcm){ quiet, COUNT(quiet) }));
        wav_reader_init(&r);
        while (wav_next(&r, &in, &pcm) == OK && pcm.count)
            assert_ok(pcm_queue_put(&all, pcm));
    }
    assert_ok(pcm_queue_put(&all, (struct pcm){ quiet, COUNT(quiet) }));
    *count = pcm_queue_peek(&all).count / FRAME * FRAME;
    int16_t *samples = xmemdup(pcm_queue_peek(&all).samples, *count * sizeof(*samples));
    uint32_t noise = 1;
    for (size_t i = 0; i < *count; i++) {
        noise = noise * 1664525 + 1013904223;
        int32_t s = samples[i] + (int32_t)(noise >> 27) - 16; /* -66 dBFS */
        samples[i] = (int16_t)MAX(-32768, MIN(32767, s));
    }
    pcm_queue_done(&all);
    return samples;
}

/* Returns how many packets were not decoded; *dtx of all were DTX, *voiceless marked so, these included. */
static int64_t hear_the_same(const char *asr, unsigned *dtx, unsigned *voiceless)
{
    size_t count = 0;
    auto_mem int16_t *samples = record(&count);
    struct silero *weights = NULL;
    if (!samples || vad_weights_find(&weights, NULL) != OK) {
        print_message("no recording or no weights: skipped\n");
        skip();
    }
    struct ear lean, full; /* full: gets every sample, as a client without Opus would send them */
    struct encoder *encoder;
    struct decoder *decoder;
    int64_t before = metric_value(METRIC_frames_silent_total);
    ear_open(&lean, weights, AUDIO_OPUS, asr);
    ear_open(&full, weights, AUDIO_PCM, "f");
    assert_ok(encoder_create(&encoder, &(struct encoder_opts){ .rate_hz = 16000, .frame_us = 60000,
                                                            .bitrate = 17000, .has_dtx = true }));
    assert_ok(decoder_create(&decoder, 16000));
    for (size_t at = 0; at < count; at += FRAME) {
        struct slice packet;
        struct pcm pcm;
        assert_ok(encoder_frame(encoder, (struct pcm){ samples + at, FRAME }, &packet));
        assert_ok(decoder_packet(decoder, packet, &pcm));
        *dtx += packet_is_dtx(packet);
        *voiceless += packet_is_voiceless(packet);
        ear_hear(&lean, packet);
        ear_hear(&full, slice_from(pcm.samples, pcm.count * sizeof(*pcm.samples)));
    }
    int64_t spared = metric_value(METRIC_frames_silent_total) - before;
    assert_true(full.count >= 3 * ROUNDS); /* voice, decided, text */
    assert_int_equal(lean.count, full.count);
    for (unsigned i = 0; i < full.count; i++) {
        assert_int_equal(lean.told[i].what, full.told[i].what);
        assert_in_range(lean.told[i].frame + 1, full.told[i].frame, full.told[i].frame + 2); /* a packet's difference */
    }
    encoder_free(encoder);
    decoder_free(decoder);
    ear_close(&lean);
    ear_close(&full);
    silero_free(weights);
    return spared;
}

static void pauses_that_are_not_sent_change_nothing_that_is_heard(void **state)
{
    unsigned dtx = 0, voiceless = 0;
    int64_t spared = hear_the_same("f", &dtx, &voiceless);
    print_message("%u packets of DTX, %u without voice, %u not decoded\n", dtx, voiceless, (unsigned)spared);
    assert_true(spared >= dtx);
}

static void nor_do_those_within_speech_when_packets_are_what_the_recogniser_wants(void **state)
{
    unsigned dtx = 0, voiceless = 0, all = 0;
    int64_t with_samples = hear_the_same("f", &dtx, &all), spared = hear_the_same("o", &dtx, &voiceless);
    print_message("%u without voice, %u not decoded, %u where samples are wanted\n", voiceless, (unsigned)spared,
                  (unsigned)with_samples);
    assert_true(spared > with_samples && spared <= voiceless);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_that_are_not_sent_change_nothing_that_is_heard),
        cmocka_unit_test(nor_do_those_within_speech_when_packets_are_what_the_recogniser_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
