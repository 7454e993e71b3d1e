/* SPDX-License-Identifier: MIT
 * rand.c -- getrandom(2) and what is made of it. */
#include "base/rand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/crypto.h"

void rand_bytes(void *out, size_t bytes)
{
    char *at = out;
    while (bytes) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno != EINTR) {
            perror("parley: getrandom");
            abort();
        }
        if (got > 0) {
            at += got;
            bytes -= (size_t)got;
        }
    }
}

uint32_t rand_u32(void)
{
    uint32_t value;
    rand_bytes(&value, sizeof(value));
    return value;
}

uint32_t rand_below(uint32_t limit)
{
    assert(limit > 0);
    uint32_t unfair = (uint32_t)-limit % limit; /* 2^32 mod limit: the values that would weigh twice */
    for (;;) {
        uint64_t product = (uint64_t)rand_u32() * limit;
        if ((uint32_t)product >= unfair)
            return (uint32_t)(product >> 32);
    }
}

void rand_uuid(char out[UUID_TEXT])
{
    uint8_t raw[16];
    char hex[33];
    rand_bytes(raw, sizeof(raw));
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    hex_encode(raw, sizeof(raw), hex);
    size_t at = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex[i];
    }
    out[at] = 0;
}
