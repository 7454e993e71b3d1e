/* SPDX-License-Identifier: MIT
 * ogg.c -- Ogg pages with Opus packets.
 *
 * A page: "OggS", version, flags, granule position, serial, sequence, CRC, a table of lace lengths, then
 * the bytes. A packet is a run of laces; one shorter than 255 ends it. */
#include "audio/ogg.h"

#include "audio/ogg_crc.h"

#define PAGE_HEAD 27
#define FLAG_CONTINUED 1u
#define FLAG_FIRST 2u
#define FLAG_LAST 4u
#define PAGE_US_MAX 1000000u
#define ENCODER_PRESKIP 312 /* 6.5 ms: what an encoder in AUDIO mode delays */

static uint32_t read_u32(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void write_le(char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (char)(uint8_t)(value >> (8 * i));
}

/* --- writing ------------------------------------------------------------------------------------ */

void ogg_writer_init(struct ogg_writer *w, uint32_t serial, uint32_t input_rate_hz)
{
    *w = (struct ogg_writer){ .serial = serial, .input_rate_hz = input_rate_hz, .granule = ENCODER_PRESKIP };
}

void ogg_writer_done(struct ogg_writer *w)
{
    buf_done(&w->body);
    *w = (struct ogg_writer){ 0 };
}

static enum err page_out(struct ogg_writer *w, unsigned flags, uint64_t granule, struct buf *out)
{
    char head[PAGE_HEAD + 255] = "OggS";
    size_t head_len = PAGE_HEAD + w->lace_count;
    head[5] = (char)flags;
    write_le(head + 6, granule, 8);
    write_le(head + 14, w->serial, 4);
    write_le(head + 18, w->sequence, 4);
    head[26] = (char)w->lace_count;
    memcpy(head + PAGE_HEAD, w->laces, w->lace_count);
    uint32_t crc = ogg_crc(ogg_crc(0, slice_from(head, head_len)), buf_slice(&w->body));
    write_le(head + 22, crc, 4);

    enum err e = buf_put(out, slice_from(head, head_len));
    if (!e)
        e = buf_put(out, buf_slice(&w->body));
    if (e)
        return e;
    w->sequence++;
    w->lace_count = 0;
    w->page_us = 0;
    buf_clear(&w->body);
    return OK;
}

static void lace(struct ogg_writer *w, struct slice packet)
{
    size_t left = packet.len;
    for (; left >= 255; left -= 255)
        w->laces[w->lace_count++] = 255;
    w->laces[w->lace_count++] = (uint8_t)left;
    buf_put(&w->body, packet);
}

static enum err head_out(struct ogg_writer *w, struct buf *out)
{
    char head[19] = "OpusHead\x01\x01"; /* version 1, one channel */
    write_le(head + 10, ENCODER_PRESKIP, 2);
    write_le(head + 12, w->input_rate_hz, 4);
    lace(w, slice_from(head, sizeof(head)));
    enum err e = page_out(w, FLAG_FIRST, 0, out);
    if (e)
        return e;

    static const char tags[] = "OpusTags\x06\0\0\0parley\0\0\0\0";
    lace(w, slice_from(tags, sizeof(tags) - 1));
    w->has_head = true;
    return page_out(w, 0, 0, out);
}

enum err ogg_put(struct ogg_writer *w, struct slice packet, uint32_t duration_us, struct buf *out)
{
    if (packet.len == 0 || packet.len > PACKET_BYTES_MAX)
        return ERR_INVALID;
    enum err e = w->has_head ? OK : head_out(w, out);
    size_t laces = packet.len / 255 + 1;
    if (!e && w->lace_count && (w->page_us + duration_us > PAGE_US_MAX || w->lace_count + laces > 255))
        e = page_out(w, 0, w->granule, out);
    if (e)
        return e;
    lace(w, packet);
    w->page_us += duration_us;
    w->granule += (uint64_t)duration_us * 48 / 1000;
    return OK;
}

enum err ogg_flush(struct ogg_writer *w, struct buf *out)
{
    return w->lace_count ? page_out(w, 0, w->granule, out) : OK;
}

enum err ogg_finish(struct ogg_writer *w, struct buf *out)
{
    enum err e = w->has_head ? OK : head_out(w, out);
    return e ? e : page_out(w, FLAG_LAST, w->granule, out);
}

enum err ogg_write(const struct packets *p, uint32_t input_rate_hz, struct buf *out)
{
    struct ogg_writer w;
    ogg_writer_init(&w, 1, input_rate_hz);
    enum err e = OK;
    for (size_t i = 0; i < packets_count(p) && !e; i++) {
        uint32_t us = 0;
        struct slice packet = packets_at(p, i, &us);
        e = ogg_put(&w, packet, us, out);
    }
    if (!e)
        e = ogg_finish(&w, out);
    ogg_writer_done(&w);
    return e;
}

/* --- reading ------------------------------------------------------------------------------------ */

void ogg_reader_init(struct ogg_reader *r)
{
    *r = (struct ogg_reader){ .page = { .max = OGG_PAGE_MAX }, .packet = { .max = OGG_PACKET_MAX } };
}

void ogg_reader_done(struct ogg_reader *r)
{
    buf_done(&r->page);
    buf_done(&r->packet);
}

static uint8_t page_byte(const struct ogg_reader *r, size_t at)
{
    return (uint8_t)r->page.data[at];
}

/* How long the page is, as far as its bytes say. */
static size_t page_wants(const struct ogg_reader *r)
{
    if (r->page.len < PAGE_HEAD)
        return PAGE_HEAD;
    size_t laces = page_byte(r, 26), wants = PAGE_HEAD + laces;
    if (r->page.len < wants)
        return wants;
    for (size_t i = 0; i < laces; i++)
        wants += page_byte(r, PAGE_HEAD + i);
    return wants;
}

static bool crc_is_right(struct ogg_reader *r)
{
    uint32_t said = read_u32(r->page.data + 22);
    memset(r->page.data + 22, 0, 4);
    return ogg_crc(0, buf_slice(&r->page)) == said;
}

/* A whole page lies in r->page: is it of our stream, and where do its packets begin. */
static enum err page_begin(struct ogg_reader *r)
{
    if (memcmp(r->page.data, "OggS", 5) != 0 || !crc_is_right(r))
        return ERR_PROTO;
    unsigned flags = page_byte(r, 5);
    uint32_t serial = read_u32(r->page.data + 14);
    if (flags & FLAG_FIRST) {
        r->serial = serial;
        r->headers = 0;
        r->has_part = r->is_skipping = false;
        r->tags_bytes = 0;
        buf_clear(&r->packet);
    } else if (r->headers == 0) {
        return ERR_PROTO;
    }
    r->is_page_whole = serial == r->serial;
    if (!r->is_page_whole) { /* another stream in the same file */
        buf_clear(&r->page);
        return OK;
    }
    r->lace_at = 0;
    r->body_at = PAGE_HEAD + page_byte(r, 26);
    bool is_continued = flags & FLAG_CONTINUED;
    if (r->has_part && !is_continued) { /* its end is missing */
        buf_clear(&r->packet);
        r->has_part = r->is_skipping = false;
    }
    if (is_continued && !r->has_part)
        r->is_skipping = true; /* its beginning is missing */
    return OK;
}

static enum err page_gather(struct ogg_reader *r, struct slice *in)
{
    while (in->len) {
        size_t take = MIN(page_wants(r) - r->page.len, in->len);
        enum err e = buf_put(&r->page, slice_sub(*in, 0, take));
        if (e)
            return e == ERR_LIMIT ? ERR_PROTO : e;
        *in = slice_sub(*in, take, in->len - take);
        if (r->page.len >= 5 && memcmp(r->page.data, "OggS", 5) != 0)
            return ERR_PROTO;
        if (r->page.len > PAGE_HEAD && r->page.len == page_wants(r))
            return page_begin(r);
        if (r->page.len == PAGE_HEAD && page_wants(r) == PAGE_HEAD) /* a page of no packets */
            return page_begin(r);
    }
    return OK;
}

/* Adds the next lace to the packet; *is_whole when it ends there. */
static enum err lace_take(struct ogg_reader *r, bool *is_whole)
{
    size_t len = page_byte(r, PAGE_HEAD + r->lace_at++);
    struct slice bytes = slice_from(r->page.data + r->body_at, len);
    r->body_at += len;
    *is_whole = len < 255;
    r->has_part = !*is_whole;
    if (r->is_skipping)
        return OK;
    if (r->headers == 1) { /* comments: only their first bytes are looked at */
        r->tags_bytes += len;
        if (r->tags_bytes > OGG_TAGS_MAX)
            return ERR_PROTO;
        if (r->packet.len >= 8)
            return OK;
    }
    return buf_put(&r->packet, bytes) ? ERR_PROTO : OK;
}

static enum err read_header(struct ogg_reader *r)
{
    struct slice p = buf_slice(&r->packet);
    if (r->headers == 0) {
        if (p.len < 19 || !slice_starts(p, SLICE("OpusHead")) || (uint8_t)p.data[8] >> 4 != 0 ||
            p.data[9] < 1 || p.data[9] > 2 || p.data[18] != 0)
            return ERR_UNSUPPORTED;
        r->channels = (uint8_t)p.data[9];
        r->preskip = (uint16_t)((uint8_t)p.data[10] | (uint8_t)p.data[11] << 8);
    } else if (!slice_starts(p, SLICE("OpusTags"))) {
        return ERR_UNSUPPORTED;
    }
    r->headers++;
    return OK;
}

/* Walks the laces of the page in hand; *packet stays empty when none of them ends an audio packet. */
static enum err page_walk(struct ogg_reader *r, struct slice *packet)
{
    while (r->lace_at < page_byte(r, 26)) {
        bool is_whole = false;
        enum err e = lace_take(r, &is_whole);
        if (e)
            return e;
        if (!is_whole)
            continue;
        if (r->is_skipping || (r->headers == 2 && r->packet.len == 0)) {
            r->is_skipping = false;
        } else if (r->headers < 2) {
            e = read_header(r);
            if (e)
                return e;
        } else {
            *packet = buf_slice(&r->packet);
            r->is_packet_given = true;
            return OK;
        }
        buf_clear(&r->packet);
    }
    r->is_page_whole = false;
    buf_clear(&r->page);
    return OK;
}

enum err ogg_next(struct ogg_reader *r, struct slice *in, struct slice *packet)
{
    *packet = (struct slice){ NULL, 0 };
    if (r->is_packet_given)
        buf_clear(&r->packet);
    r->is_packet_given = false;
    while (packet->len == 0) {
        enum err e = r->is_page_whole ? page_walk(r, packet) : page_gather(r, in);
        if (e)
            return e;
        if (in->len == 0 && !r->is_page_whole)
            break;
    }
    return OK;
}
