/* SPDX-License-Identifier: MIT
 * rand.h -- randomness from the kernel. Any thread. */
#ifndef PARLEY_BASE_RAND_H
#define PARLEY_BASE_RAND_H

#include "base/base.h"

#define UUID_TEXT 37
void rand_bytes(void *out, size_t bytes); /* aborts if the kernel has none */
uint32_t rand_u32(void);
uint32_t rand_below(uint32_t limit);      /* 0..limit-1, unbiased */
void rand_uuid(char out[UUID_TEXT]);      /* version 4, lower case, terminated */

#endif
