/* SPDX-License-Identifier: MIT
 * fuzz_ogg.c -- any bytes as an Ogg file, in one piece and in small ones: the same packets, all in bounds.
 * CRCs are mended first, or nearly every input would end at the first page. */
#include <stdlib.h>

#include "audio/ogg.h"
#include "audio/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t crc(const uint8_t *data, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value ^= (uint32_t)(i >= 22 && i < 26 ? 0 : data[i]) << 24;
        for (int bit = 0; bit < 8; bit++)
            value = value & 0x80000000 ? value << 1 ^ 0x04c11db7 : value << 1;
    }
    return value;
}

static void mend(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 27 <= size;) {
        size_t laces = data[at + 26], len = 27 + laces;
        if (at + len > size)
            return;
        for (size_t i = 0; i < laces; i++)
            len += data[at + 27 + i];
        if (at + len > size)
            return;
        uint32_t value = crc(data + at, len);
        for (int i = 0; i < 4; i++)
            data[at + 22 + i] = (uint8_t)(value >> (8 * i));
        at += len;
    }
}

static enum err read_all(struct slice file, size_t piece, uint64_t *sum)
{
    struct ogg_reader r;
    struct slice packet;
    enum err e = OK;
    ogg_reader_init(&r);
    for (size_t at = 0; at < file.len && !e; at += piece) {
        struct slice in = slice_sub(file, at, piece);
        while ((e = ogg_next(&r, &in, &packet)) == OK && packet.len) {
            assert(packet.len <= OGG_PACKET_MAX);
            *sum = *sum * 31 + packet.len + (uint8_t)packet.data[packet.len - 1] + packet_duration_us(packet);
        }
        assert(e || in.len == 0);
    }
    ogg_reader_done(&r);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    uint64_t whole = 0, pieces = 0;
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    mend(copy, size);
    enum err a = read_all(slice_from(copy, size), size + 1, &whole);
    enum err b = read_all(slice_from(copy, size), 7, &pieces);
    assert(a == b);
    assert(a || whole == pieces);
    free(copy);
    return 0;
}
