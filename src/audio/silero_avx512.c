/* SPDX-License-Identifier: MIT
 * silero_avx512.c -- the network in vectors of sixteen lanes (flags of its own). */
#define LANES 16
#define NET_RUN silero_net_avx512
#include "audio/silero_kernel.h"
_Static_assert(BLOCK == NET_BLOCK_AVX512, "weights are packed for this width");
