/* SPDX-License-Identifier: MIT
 * fuzz_transcription.c -- the answer of a transcription service. */
#include "providers/transcription.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_buf struct buf out = { 0 };
    struct err_note note = { 0 };
    transcription_read(slice_from(data, size), 200, &out, &note);
    if (note.err && strnlen(note.text, sizeof(note.text)) == sizeof(note.text))
        __builtin_trap();
    return 0;
}
