/* SPDX-License-Identifier: MIT
 * voice.h -- speech to say: from a WAV file, or made by a local engine (engines/<name> over Wyoming, as
 * parleyd does it, or the flite / espeak-ng programs). 16 kHz mono. Blocks: it drives the loop meanwhile. */
#ifndef PARLEY_CLI_VOICE_H
#define PARLEY_CLI_VOICE_H

#include "audio/pcm_queue.h"
#include "base/buf.h"
#include "loop/loop.h"

#define VOICE_RATE_HZ 16000
#define VOICE_SECONDS_MAX 120
#define VOICE_TIMEOUT_MS 15000

must_check enum err voice_from_wav(struct pcm_queue *out, const char *path, uint32_t rate_hz, struct err_note *note);
must_check enum err voice_from_text(struct pcm_queue *out, struct loop *l, const char *text, struct err_note *note);
/* A file whole. ERR_NOT_FOUND, ERR_LIMIT. */
must_check enum err file_read(struct buf *out, const char *path, size_t max_bytes);
must_check enum err file_write(const char *path, struct slice data);
/* Lets closed connections and processes come to their end (3 s at most), before loop_free. */
void loop_end(struct loop *l);
/* Where the engine programs are: beside this program. */
void engines_dir(struct buf *out);

#endif
