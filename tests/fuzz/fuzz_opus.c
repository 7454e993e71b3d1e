/* SPDX-License-Identifier: MIT
 * fuzz_opus.c -- any bytes as packets of a device (one length byte each): decoded or refused, joined or not;
 * a good packet decodes after every bad one. */
#include "audio/decoder.h"
#include "audio/repack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoder *d = NULL;
    struct repack *r = NULL;
    struct slice in = slice_from(data, MIN(size, (size_t)4096));
    if (decoder_create(&d, 16000))
        return 0;
    if (repack_create(&r, 60000)) {
        decoder_free(d);
        return 0;
    }
    while (in.len) {
        struct slice packet = slice_sub(in, 1, (uint8_t)in.data[0]), joined;
        struct pcm pcm;
        in = slice_sub(in, 1 + packet.len, in.len);
        uint32_t us = packet_duration_us(packet);
        if (packet_is_voiceless(packet))
            assert(us > 0);
        if (decoder_packet(d, packet, &pcm) == OK)
            assert(pcm.count == (uint64_t)us * 16 / 1000);
        else
            assert(decoder_packet(d, SLICE("\x58"), &pcm) == OK);
        if (repack_put(r, packet, &joined) == OK && joined.len)
            assert(packet_duration_us(joined) == 60000);
        if (us % 7 == 3)
            (void)repack_rest(r, &joined);
    }
    decoder_free(d);
    repack_free(r);
    return 0;
}
