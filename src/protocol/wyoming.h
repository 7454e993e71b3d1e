/* SPDX-License-Identifier: MIT
 * wyoming.h -- events of the Wyoming protocol: bytes in, events out, and back. Both directions, pure.
 *
 *   {"type":T,"data":{...},"data_length":n,"payload_length":m}\n  n bytes of JSON  m bytes of payload
 *
 *     wyoming_feed(&w, bytes);  while (wyoming_next(&w, &ev)) ...;  if (w.err) close;
 *
 * An event is borrowed until the next call. Everything is bounded; a broken stream stays broken. */
#ifndef PARLEY_PROTOCOL_WYOMING_H
#define PARLEY_PROTOCOL_WYOMING_H

#include "base/json.h"

#define WYOMING_LINE_MAX_BYTES 65536
#define WYOMING_DATA_MAX_BYTES (1u << 20)
#define WYOMING_PAYLOAD_MAX_BYTES (4u << 20)

struct wyoming {
    struct buf in;
    size_t eaten_bytes;              /* of `in`: the event given last */
    struct json *head, *data;
    enum err err;                    /* ERR_PROTO, ERR_LIMIT */
};
struct wyoming_event {
    struct slice type;
    const struct json *data, *inline_data; /* either may be NULL */
    struct slice payload;
};
/* Zero is valid. */
void wyoming_done(struct wyoming *w);
enum err wyoming_feed(struct wyoming *w, struct slice bytes);
bool wyoming_next(struct wyoming *w, struct wyoming_event *out); /* false: more bytes wanted, or w->err */

/* A member of data, wherever the sender put it. */
const struct json *wyoming_get(const struct wyoming_event *e, const char *key);
struct slice wyoming_text(const struct wyoming_event *e, const char *key);
int64_t wyoming_i64(const struct wyoming_event *e, const char *key, int64_t otherwise);

struct wyoming_format {
    uint32_t rate_hz;
    unsigned width_bytes, channels;
};
/* audio-start and audio-chunk; missing fields: 16000, 2, 1. ERR_UNSUPPORTED: not 16 bit, 1..2 channels,
 * 8..48 kHz. */
must_check enum err wyoming_format_read(const struct wyoming_event *e, struct wyoming_format *out);

/* data: JSON object text or empty. */
void wyoming_write(struct buf *out, const char *type, struct slice data, struct slice payload);
void wyoming_audio_start(struct buf *out, uint32_t rate_hz);
void wyoming_audio_chunk(struct buf *out, uint32_t rate_hz, struct pcm pcm); /* mono s16 */
void wyoming_audio_stop(struct buf *out);
void wyoming_transcribe(struct buf *out, struct slice language);             /* empty: not named */
void wyoming_transcript(struct buf *out, struct slice text, struct slice language);
/* voice, language, speaker may be empty. */
struct wyoming_voice {
    struct slice name, language, speaker;
};
void wyoming_synthesize(struct buf *out, struct slice text, const struct wyoming_voice *voice);
void wyoming_error(struct buf *out, struct slice text);
void wyoming_describe(struct buf *out);

#endif
