/* SPDX-License-Identifier: MIT
 * fuzz_log_clean.c -- any bytes as a log text: what comes out is one line of valid UTF-8 without
 * control characters, and a hidden value is never in it. */
#include "base/log.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool hidden;
    if (!hidden)
        log_hide(SLICE("hidden-canary"));
    hidden = true;
    auto_buf struct buf out = { 0 }, small = { 0 };
    log_clean(&out, slice_from(data, size), 2000);
    log_clean(&small, slice_from(data, size), 64);
    assert(utf8_valid(buf_slice(&out)));
    assert(utf8_valid(buf_slice(&small)));
    assert(small.len <= 64 * 4);
    for (size_t i = 0; i < out.len; i++)
        assert((uint8_t)out.data[i] >= 0x20);
    assert(!slice_contains(buf_slice(&out), SLICE("hidden-canary")));
    return 0;
}
