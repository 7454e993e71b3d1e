/* SPDX-License-Identifier: MIT
 * silero_net.h -- the network as the kernels see it; for silero*.c only.
 *
 *   576 samples + 64 mirrored -> 4 frames -> folded DFT -> 129 magnitudes -> 4 convolutions -> LSTM -> p
 *
 * Every layer is a matrix [rows][depth] times some columns. Rows are packed in blocks as wide as two
 * vectors of the kernel: [rows / block][depth][block], so that a block is read in one run. */
#ifndef PARLEY_AUDIO_SILERO_NET_H
#define PARLEY_AUDIO_SILERO_NET_H

#include "audio/silero.h"

#define NET_BINS 129
#define NET_FRAMES 4
#define NET_FRAME 256
#define NET_HALF 64 /* even or odd bins without the last */
#define NET_FOLD 65 /* samples left of 256 after folding twice */

enum silero_layer_id {
    LAYER_RE_EVEN, /* cosines of even bins: 64 x 65 */
    LAYER_RE_ODD,  /* 64 x 65 (the last column is zero in the other three) */
    LAYER_IM_EVEN,
    LAYER_IM_ODD,
    LAYER_CONV0, /* 128 x 3*129; channels: even bins, odd bins, bin 128 */
    LAYER_CONV1, /* 64 x 3*128 */
    LAYER_CONV2, /* 64 x 2*64: the taps that are live */
    LAYER_CONV3, /* 128 x 64 */
    LAYER_LSTM,  /* 512 x (128 input + 128 hidden) */
    LAYERS,
};

struct silero_layer {
    size_t rows, depth;
    float *weights; /* packed, 64-byte aligned */
    float *bias;    /* NULL: none */
};

struct silero_net {
    struct silero_layer layers[LAYERS];
    float window[NET_FRAME];
    float out_weights[SILERO_HIDDEN], out_bias;
};

typedef void (*silero_net_fn)(const struct silero_net *net, struct silero_job *jobs, size_t count);
/* count: 1..SILERO_BATCH_MAX, states all different. */
void silero_net_plain(const struct silero_net *net, struct silero_job *jobs, size_t count);
void silero_net_avx2(const struct silero_net *net, struct silero_job *jobs, size_t count);
void silero_net_avx512(const struct silero_net *net, struct silero_job *jobs, size_t count);

#define NET_BLOCK_PLAIN 8 /* rows in a block: two vectors */
#define NET_BLOCK_AVX2 16
#define NET_BLOCK_AVX512 32

#endif
