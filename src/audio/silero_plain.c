/* SPDX-License-Identifier: MIT
 * silero_plain.c -- the network in vectors of four lanes; SSE2 on x86-64, NEON on 64-bit ARM. */
#define LANES 4
#define NET_RUN silero_net_plain
#include "audio/silero_kernel.h"
_Static_assert(BLOCK == NET_BLOCK_PLAIN, "weights are packed for this width");
