/* SPDX-License-Identifier: MIT
 * silero_avx2.c -- the network in vectors of eight lanes with fused multiply-add (flags of its own). */
#define LANES 8
#define NET_RUN silero_net_avx2
#include "audio/silero_kernel.h"
_Static_assert(BLOCK == NET_BLOCK_AVX2, "weights are packed for this width");
