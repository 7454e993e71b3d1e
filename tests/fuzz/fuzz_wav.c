/* SPDX-License-Identifier: MIT
 * fuzz_wav.c -- any bytes as a WAVE file: the same samples whatever the pieces. */
#include "audio/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err read_all(struct slice file, size_t piece, uint64_t *sum)
{
    struct wav_reader r;
    struct pcm pcm;
    enum err e = OK;
    wav_reader_init(&r);
    for (size_t at = 0; at < file.len && !e; at += piece) {
        struct slice in = slice_sub(file, at, piece);
        while ((e = wav_next(&r, &in, &pcm)) == OK && pcm.count) {
            assert(r.rate_hz >= 1000);
            for (size_t i = 0; i < pcm.count; i++)
                *sum = *sum * 31 + (uint16_t)pcm.samples[i];
        }
        assert(e || in.len == 0);
    }
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = 0, pieces = 0;
    enum err a = read_all(slice_from(data, size), size + 1, &whole);
    enum err b = read_all(slice_from(data, size), 5, &pieces);
    assert(a == b);
    assert(whole == pieces);
    return 0;
}
