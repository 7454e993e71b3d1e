/* SPDX-License-Identifier: MIT
 * decoder.h -- Opus to mono PCM at a fixed rate. 18 KB each: create on the first packet, free when idle.
 * A packet that does not decode resets the decoder; the next one decodes. */
#ifndef PARLEY_AUDIO_DECODER_H
#define PARLEY_AUDIO_DECODER_H

#include "audio/packet.h"

struct decoder;
must_check enum err decoder_create(struct decoder **out, uint32_t rate_hz); /* ERR_UNSUPPORTED: not an Opus rate */
void decoder_free(struct decoder *d); /* NULL is fine */
/* out: 2.5..120 ms of PCM, borrowed until the next call on d. ERR_PROTO: not decodable, nothing given,
 * decoder reset. Stereo comes out mixed down. */
must_check enum err decoder_packet(struct decoder *d, struct slice packet, struct pcm *out);
void decoder_reset(struct decoder *d); /* a new stream */
#define DECODER_BYTES 20000 /* for memory accounts */

#endif
