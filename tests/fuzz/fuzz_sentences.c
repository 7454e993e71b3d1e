/* SPDX-License-Identifier: MIT
 * fuzz_sentences.c -- any words of a model, in pieces of any size: every spoken piece is bounded, valid and
 * sayable, and the splitter holds no more than it says. The first byte chooses the size of the steps. */
#include "base/utf8.h"
#include "dialogue/sentences.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice rest = slice_from(data + 1, size - 1);
    if (!utf8_valid(rest)) /* providers give whole code points */
        return 0;
    struct sentences s = { 0 };
    struct buf piece = { 0 };
    size_t step = 4 + data[0];
    sentences_reset(&s);
    for (bool is_end = false; !is_end;) {
        struct slice part = slice_sub(rest, 0, utf8_cut(rest, step));
        rest = slice_sub(rest, part.len, rest.len);
        is_end = !rest.len;
        sentences_feed(&s, part);
        while (sentences_next(&s, is_end, &piece)) {
            assert(piece.len > 0);
            assert(piece.len <= SENTENCE_BYTES_MAX + 4);
            assert(utf8_valid(buf_slice(&piece)));
            assert(sentence_is_speakable(buf_slice(&piece)));
            buf_clear(&piece);
        }
        assert(s.raw.len <= 2 * SENTENCE_BYTES_MAX + SENTENCES_FEED_MAX_BYTES);
    }
    buf_done(&piece);
    sentences_done(&s);
    return 0;
}
