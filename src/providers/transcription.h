/* SPDX-License-Identifier: MIT
 * transcription.h -- the answer of a transcription service: JSON with a text, or plain text. Pure. */
#ifndef PARLEY_PROVIDERS_TRANSCRIPTION_H
#define PARLEY_PROVIDERS_TRANSCRIPTION_H

#include "base/buf.h"

/* body of a 2xx answer. Appends the text (may be nothing: no speech); note->err says what else it was. */
void transcription_read(struct slice body, int status, struct buf *out, struct err_note *note);

#endif
