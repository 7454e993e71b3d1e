/* SPDX-License-Identifier: MIT
 * fuzz_buildlog.c -- logs of any program: cut at a place the first byte names, they give the same lines as
 * whole, texts within their limit, and nothing is left. */
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/buildlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t lines_of(struct slice log, size_t step)
{
    auto_mem struct buildlog *b = xnew(struct buildlog);
    struct buildlog_item i;
    for (size_t at = 0; at < log.len; at += step)
        buildlog_feed(b, slice_sub(log, at, step));
    buildlog_end(b);
    assert(b->count <= BUILDLOG_QUEUE_MAX);
    while (buildlog_take(b, &i)) {
        assert(!i.text || strlen(i.text) <= BUILDLOG_TEXT_MAX);
        assert(!i.step || strlen(i.step) <= 64);
        buildlog_item_done(&i);
    }
    uint64_t lines = b->lines;
    buildlog_done(b);
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4000) /* longer lines are cut, where depends on the pieces */
        return 0;
    struct slice log = slice_from(data + 1, size - 1);
    uint64_t whole = lines_of(log, log.len), cut = lines_of(log, (size_t)data[0] % 16 + 1);
    assert(whole == cut);
    return 0;
}
