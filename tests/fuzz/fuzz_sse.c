/* SPDX-License-Identifier: MIT
 * fuzz_sse.c -- event streams: whole and in pieces are heard alike. */
#include "base/mem.h"
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *user, struct slice event, struct slice data)
{
    (void)buf_put(user, event);
    (void)buf_put_byte(user, '|');
    (void)buf_put(user, data);
    (void)buf_put_byte(user, '\n');
}

static enum err run(struct buf *heard, const uint8_t *data, size_t size, size_t step)
{
    struct sse s;
    enum err e = OK;
    sse_init(&s, on_event, heard);
    s.line_max_bytes = 200;
    for (size_t at = 0; at < size && !e; at += step) {
        char *copy = xmemdup(data + at, MIN(step, size - at));
        e = sse_feed(&s, slice_from(copy, MIN(step, size - at)));
        mem_free(copy);
    }
    sse_done(&s);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    auto_buf struct buf whole = { 0 }, pieces = { 0 };
    enum err a = run(&whole, data, size, size), b = run(&pieces, data, size, 1 + data[size - 1] % 5);
    assert(a == b);
    assert(a || slice_eq(buf_slice(&whole), buf_slice(&pieces)));
    return 0;
}
