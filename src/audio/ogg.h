/* SPDX-License-Identifier: MIT
 * ogg.h -- Opus packets in an Ogg file and out of it (RFC 3533, 7845). Mono, pages of at most a second. */
#ifndef PARLEY_AUDIO_OGG_H
#define PARLEY_AUDIO_OGG_H

#include "audio/packet.h"
#include "audio/packets.h"
#include "base/buf.h"

#define OGG_PAGE_MAX (27 + 255 + 255 * 255)
#define OGG_PACKET_MAX 8192     /* an audio packet; longer ones break the stream */
#define OGG_TAGS_MAX (1u << 20) /* comments are skipped, but not for ever */

struct ogg_writer {
    uint32_t serial, sequence, page_us, input_rate_hz;
    uint64_t granule; /* 48 kHz samples at the end of the page */
    size_t lace_count;
    uint8_t laces[255];
    struct buf body;
    bool has_head;
};
/* input_rate_hz is what the header says of the source (informative). */
void ogg_writer_init(struct ogg_writer *w, uint32_t serial, uint32_t input_rate_hz);
void ogg_writer_done(struct ogg_writer *w);
/* Appends finished pages to `out`. ERR_INVALID: empty or longer than PACKET_BYTES_MAX; or out's own error. */
must_check enum err ogg_put(struct ogg_writer *w, struct slice packet, uint32_t duration_us, struct buf *out);
/* What waits becomes a page now: for streams whose listener must not wait until one is full. */
must_check enum err ogg_flush(struct ogg_writer *w, struct buf *out);
must_check enum err ogg_finish(struct ogg_writer *w, struct buf *out); /* the last page */
/* A whole file. */
must_check enum err ogg_write(const struct packets *p, uint32_t input_rate_hz, struct buf *out);

struct ogg_reader {
    struct buf page, packet;
    uint32_t serial;
    unsigned headers;      /* header packets seen of this stream */
    size_t lace_at, body_at, tags_bytes;
    bool is_page_whole, is_skipping, has_part, is_packet_given;
    uint16_t preskip;      /* 48 kHz samples to drop from the start of what is decoded */
    uint8_t channels;
};
void ogg_reader_init(struct ogg_reader *r);
void ogg_reader_done(struct ogg_reader *r);
/* Takes from the front of *in. *packet: the next audio packet, borrowed until the next call, or empty
 * when all of *in is used up. Call until it is empty. ERR_PROTO: broken; ERR_UNSUPPORTED: not Opus. */
must_check enum err ogg_next(struct ogg_reader *r, struct slice *in, struct slice *packet);

#endif
