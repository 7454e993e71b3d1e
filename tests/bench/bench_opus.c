/* SPDX-License-Identifier: MIT
 * bench_opus.c -- CPU time of one frame of 60 ms: decoding, encoding, joining, resampling, and the same by
 * the bare library, which is the physical limit here. */
#include <math.h>
#include <opus/opus.h>
#include <soxr.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/decoder.h"
#include "audio/encoder.h"
#include "audio/repack.h"
#include "audio/resample.h"
#include "base/clock.h"
#include "base/mem.h"

#define FRAMES 201
#define ROUNDS 9
#define RATE_HZ 24000

struct bench {
    int16_t samples[FRAMES * RATE_HZ * 60 / 1000]; /* something like speech: a gliding buzz with pauses */
    unsigned char packets[FRAMES][1500];
    size_t lengths[FRAMES];
    int complexity;
    bool is_bare;
};

static void make_sound(struct bench *b, double rate_hz)
{
    double phase = 0;
    for (size_t i = 0; i < COUNT(b->samples); i++) {
        double t = (double)i / rate_hz, loud = fmax(0, sin(2 * M_PI * 3 * t)) * (sin(2 * M_PI * 0.3 * t) > -0.5);
        phase += (120 + 40 * sin(2 * M_PI * 0.7 * t)) / rate_hz;
        double buzz = 0;
        for (int k = 1; k < 20; k++)
            buzz += sin(2 * M_PI * phase * k) / k * (0.4 + 0.6 * fabs(sin(k + t * 5)));
        b->samples[i] = (int16_t)(5000 * loud * buzz + (int)(i * 7919 % 101) - 50);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double once(void (*fn)(struct bench *b), struct bench *b, bool is_bare)
{
    uint64_t start = clock_thread_cpu_us();
    b->is_bare = is_bare;
    fn(b);
    return (double)(clock_thread_cpu_us() - start) / FRAMES;
}

/* Median microseconds of CPU per frame, ours and the bare library's by turns. */
static void measure(void (*fn)(struct bench *b), struct bench *b, double *ours, double *bare)
{
    double a[ROUNDS], l[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        l[i] = once(fn, b, true);
        a[i] = once(fn, b, false);
    }
    qsort(a, ROUNDS, sizeof(double), compare);
    qsort(l, ROUNDS, sizeof(double), compare);
    *ours = a[ROUNDS / 2];
    *bare = l[ROUNDS / 2];
}

static void encode(struct bench *b)
{
    int status;
    struct encoder *e = NULL;
    struct encoder_opts o = { .rate_hz = RATE_HZ, .frame_us = 60000, .complexity = b->complexity };
    OpusEncoder *bare = opus_encoder_create(RATE_HZ, 1, OPUS_APPLICATION_AUDIO, &status);
    opus_encoder_ctl(bare, OPUS_SET_BITRATE(ENCODER_BITRATE));
    opus_encoder_ctl(bare, OPUS_SET_COMPLEXITY(b->complexity));
    if (encoder_create(&e, &o))
        abort();
    for (size_t i = 0; i < FRAMES; i++) {
        struct slice packet = { 0 };
        bool is_done = b->is_bare ? opus_encode(bare, b->samples + i * 1440, 1440, b->packets[i],
                                                sizeof(b->packets[i])) > 0
                                  : encoder_frame(e, (struct pcm){ b->samples + i * 1440, 1440 }, &packet) == OK;
        if (!is_done)
            abort();
    }
    opus_encoder_destroy(bare);
    encoder_free(e);
}

static void prepare_packets(struct bench *b, int rate_hz, int samples)
{
    int status;
    OpusEncoder *e = opus_encoder_create(rate_hz, 1, OPUS_APPLICATION_AUDIO, &status);
    opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(0));
    for (size_t i = 0; i < FRAMES; i++)
        b->lengths[i] = (size_t)opus_encode(e, b->samples + (size_t)samples * i, samples, b->packets[i], 1500);
    opus_encoder_destroy(e);
}

static void decode(struct bench *b)
{
    int status;
    int16_t out[1920];
    struct decoder *d = NULL;
    OpusDecoder *bare = opus_decoder_create(16000, 1, &status);
    if (decoder_create(&d, 16000))
        abort();
    for (size_t i = 0; i < FRAMES; i++) {
        struct pcm pcm;
        bool is_done = b->is_bare ? opus_decode(bare, b->packets[i], (opus_int32)b->lengths[i], out, 1920, 0) > 0
                                  : decoder_packet(d, slice_from(b->packets[i], b->lengths[i]), &pcm) == OK;
        if (!is_done)
            abort();
    }
    opus_decoder_destroy(bare);
    decoder_free(d);
}

static void join(struct bench *b)
{
    struct repack *r = NULL;
    if (repack_create(&r, 60000))
        abort();
    for (size_t i = 0; i < FRAMES; i++) {
        struct slice out;
        for (size_t n = 0; n < 3; n++) {
            if (repack_put(r, slice_from(b->packets[i / 3 * 3 + n], b->lengths[i / 3 * 3 + n]), &out))
                (void)repack_rest(r, &out); /* the bandwidth changed between them */
        }
    }
    repack_free(r);
}

static void resample(struct bench *b)
{
    struct resample *r = NULL;
    struct pcm_queue q = { 0 };
    soxr_io_spec_t io = soxr_io_spec(SOXR_INT16_I, SOXR_INT16_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_t bare = soxr_create(22050, 24000, 1, NULL, &io, &quality, NULL);
    if (resample_create(&r, 22050, 24000))
        abort();
    for (size_t i = 0; i < FRAMES; i++) {
        int16_t out[3000];
        size_t used, made;
        if (b->is_bare)
            soxr_process(bare, b->samples + i * 1323, 1323, &used, out, COUNT(out), &made);
        else if (resample_feed(r, (struct pcm){ b->samples + i * 1323, 1323 }, &q))
            abort();
        pcm_queue_clear(&q);
    }
    soxr_delete(bare);
    resample_free(r);
    pcm_queue_done(&q);
}

static void report(const char *what, void (*fn)(struct bench *b), struct bench *b)
{
    double ours, bare;
    measure(fn, b, &ours, &bare);
    printf("%-30s %7.2f us   bare library %7.2f   ratio %.2f   streams per core %.0f\n", what, ours, bare, ours / bare,
           60000 / ours);
}

int main(void)
{
    struct bench *b = xnew(struct bench);
    static const int complexities[] = { 0, 1, 3, 5, 10 };
    printf("per frame of 60 ms, median of %d\n", ROUNDS);
    make_sound(b, 16000);
    prepare_packets(b, 16000, 960);
    report("decode 16 kHz", decode, b);
    make_sound(b, RATE_HZ);
    for (size_t i = 0; i < COUNT(complexities); i++) {
        char name[64];
        b->complexity = complexities[i];
        snprintf(name, sizeof(name), "encode 24 kHz, complexity %d", complexities[i]);
        report(name, encode, b);
    }
    report("resample 22.05 to 24 kHz", resample, b);
    prepare_packets(b, RATE_HZ, 480);
    printf("%-30s %7.2f us\n", "join 3 x 20 ms", once(join, b, false));
    mem_free(b);
    return 0;
}
