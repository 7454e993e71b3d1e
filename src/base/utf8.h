/* SPDX-License-Identifier: MIT
 * utf8.h -- UTF-8 checked (RFC 3629: no surrogates, no overlong forms) and cut at its boundaries. */
#ifndef PARLEY_BASE_UTF8_H
#define PARLEY_BASE_UTF8_H

#include "base/base.h"

bool utf8_valid(struct slice s);
/* Incremental check over pieces: *state starts at 0; false as soon as it is invalid; a text is
 * complete when *state is 0 again. */
bool utf8_feed(uint32_t *state, struct slice s);
size_t utf8_cut(struct slice s, size_t bytes_max); /* largest boundary <= bytes_max */
size_t utf8_chars(struct slice s);                 /* code points */
/* Decodes one code point at *at and moves *at behind it; invalid bytes give U+FFFD, one each.
 * Returns -1 at the end. */
int32_t utf8_next(struct slice s, size_t *at);
size_t utf8_encode(uint32_t code_point, char out[4]); /* bytes written, 1..4 */
bool utf8_is_emoji(uint32_t code_point);
bool utf8_is_cjk(uint32_t code_point);
bool utf8_is_punct(uint32_t code_point); /* ASCII and CJK/full-width punctuation */

#endif
