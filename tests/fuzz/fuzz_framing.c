/* SPDX-License-Identifier: MIT
 * fuzz_framing.c -- binary messages in all framings: a packet never reaches beyond its message. */
#include "protocol/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (enum framing f = FRAMING_V1; f <= FRAMING_V3; f++) {
        struct audio_frame frame;
        if (framing_decode(&frame, f, slice_from(data, size)))
            continue;
        assert(frame.packet.len <= size);
        assert(frame.packet.len == 0 || frame.packet.data + frame.packet.len <= (const char *)data + size);
        unsigned sum = 0;
        for (size_t i = 0; i < frame.packet.len; i++)
            sum += (unsigned char)frame.packet.data[i];
        assert(sum <= 255u * size);
    }
    return 0;
}
