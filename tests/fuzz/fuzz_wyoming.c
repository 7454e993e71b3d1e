/* SPDX-License-Identifier: MIT
 * fuzz_wyoming.c -- a Wyoming stream in pieces; whole and in pieces must give the same events. */
#include "protocol/wyoming.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned events_of(const uint8_t *data, size_t size, size_t piece)
{
    struct wyoming w = { 0 };
    struct wyoming_event e;
    struct wyoming_format f;
    unsigned count = 0;
    for (size_t at = 0; at < size; at += piece) {
        if (wyoming_feed(&w, slice_from(data + at, MIN(piece, size - at))))
            break;
        while (wyoming_next(&w, &e)) {
            count += 1 + (unsigned)e.payload.len;
            (void)wyoming_text(&e, "text");
            (void)!wyoming_format_read(&e, &f);
        }
    }
    wyoming_done(&w);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned whole = events_of(data, size, size + 1);
    unsigned pieces = events_of(data, size, 7);
    assert(whole == pieces);
    return 0;
}
