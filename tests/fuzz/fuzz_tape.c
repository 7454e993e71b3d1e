/* SPDX-License-Identifier: MIT
 * fuzz_tape.c -- the lines of a recording. */
#include "providers/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice left = slice_from(data, size);
    struct tape_played p = { 0 };
    while (tape_next(&left, &p)) {
        if (!p.event.on || (unsigned)tape_err(p.event.name) >= ERR_COUNT)
            __builtin_trap();
    }
    tape_played_done(&p);
    return 0;
}
