/* SPDX-License-Identifier: MIT
 * fuzz_onnx.c -- any bytes as a model: walked to the end, searched, refused as weights. */
#include "audio/onnx.h"
#include "audio/silero.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool touch(void *user, const struct onnx_tensor *t)
{
    size_t *budget = user;
    assert(t->raw.len == t->count * 4);
    for (size_t i = 0; i < t->raw.len && *budget; i++, --*budget)
        *(volatile char *)&(char){ t->raw.data[i] };
    return *budget > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice file = slice_from(data, size);
    struct onnx_tensor t;
    struct silero *s = NULL;
    size_t budget = 1 << 20;
    if (onnx_walk(file, touch, &budget) == OK && onnx_find(file, SLICE("w"), 2, &t) == OK)
        assert(t.count == 2);
    if (silero_parse(&s, file, SILERO_PLAIN) == OK)
        silero_free(s);
    return 0;
}
