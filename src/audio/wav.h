/* SPDX-License-Identifier: MIT
 * wav.h -- RIFF WAVE: reading as it streams in, writing. Reads 8/16/24/32-bit integers and 32-bit floats,
 * mixes channels to mono. A data size of 0 or ~0 (a server that streams) means "until the end". */
#ifndef PARLEY_AUDIO_WAV_H
#define PARLEY_AUDIO_WAV_H

#include "base/buf.h"

#define WAV_HEADER_BYTES 44
#define WAV_HEAD_MAX 4096        /* bytes of one chunk kept while reading headers */
#define WAV_SKIP_MAX (1u << 20)  /* of foreign chunks before the data */
#define WAV_CHANNELS_MAX 8
#define WAV_BLOCK 1024           /* samples given at a time */

struct wav_reader {
    uint32_t rate_hz;            /* valid once has_format */
    unsigned channels, bits;
    bool has_format, is_float;
    unsigned state;
    uint64_t left, skipped;      /* of the chunk; of all foreign ones */
    bool is_endless;
    size_t held;
    uint8_t head[64];
    int16_t block[WAV_BLOCK];
};
void wav_reader_init(struct wav_reader *r);
/* Takes from the front of *in; *out: mono samples, borrowed until the next call, or empty when all of
 * *in is used up. ERR_PROTO: not WAVE; ERR_UNSUPPORTED: an encoding we do not read. */
must_check enum err wav_next(struct wav_reader *r, struct slice *in, struct pcm *out);
bool wav_is_complete(const struct wav_reader *r); /* the announced data was read (endless: has begun) */

/* data_bytes ~0u: a stream of unknown length. */
void wav_header(char out[WAV_HEADER_BYTES], uint32_t rate_hz, uint32_t data_bytes);
must_check enum err wav_write(struct buf *out, struct pcm pcm, uint32_t rate_hz);

#endif
