/* SPDX-License-Identifier: MIT
 * wav.c -- chunks as they stream in: RIFF head, then chunk heads until "data"; nothing is kept but the
 * format and a sample that a piece of input cut in two. */
#include "audio/wav.h"

#include <math.h>

enum { ST_RIFF, ST_CHUNK, ST_FORMAT, ST_SKIP, ST_DATA, ST_END };
enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe };

#define FORMAT_BYTES 26 /* as far as the sub-format of an extensible header */

static uint32_t read_u16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t read_u32(const uint8_t *b)
{
    return read_u16(b) | read_u16(b + 2) << 16;
}

void wav_reader_init(struct wav_reader *r)
{
    *r = (struct wav_reader){ .state = ST_RIFF };
}

/* Gathers bytes into head until it holds `want`; false: the input is used up. */
static bool gather(struct wav_reader *r, struct slice *in, size_t want)
{
    size_t take = MIN(want - r->held, in->len);
    if (take)
        memcpy(r->head + r->held, in->data, take);
    r->held += take;
    *in = slice_sub(*in, take, in->len - take);
    return r->held == want;
}

static enum err read_format(struct wav_reader *r)
{
    uint32_t tag = read_u16(r->head);
    if (tag == TAG_EXTENSIBLE && r->held >= FORMAT_BYTES)
        tag = read_u16(r->head + 24);
    r->channels = read_u16(r->head + 2);
    r->rate_hz = read_u32(r->head + 4);
    r->bits = read_u16(r->head + 14);
    r->is_float = tag == TAG_FLOAT;
    bool is_int = tag == TAG_PCM && (r->bits == 8 || r->bits == 16 || r->bits == 24 || r->bits == 32);
    if (!is_int && !(r->is_float && r->bits == 32))
        return ERR_UNSUPPORTED;
    if (r->channels < 1 || r->channels > WAV_CHANNELS_MAX || r->rate_hz < 1000 || r->rate_hz > 384000)
        return ERR_UNSUPPORTED;
    r->has_format = true;
    return OK;
}

static enum err skip(struct wav_reader *r, uint64_t bytes)
{
    r->left = bytes;
    r->skipped += bytes;
    r->state = bytes ? ST_SKIP : ST_CHUNK;
    return r->skipped > WAV_SKIP_MAX ? ERR_PROTO : OK;
}

static enum err read_chunk_head(struct wav_reader *r)
{
    uint32_t bytes = read_u32(r->head + 4);
    r->held = 0;
    if (memcmp(r->head, "fmt ", 4) == 0) {
        if (bytes < 16 || bytes > WAV_HEAD_MAX || r->has_format)
            return ERR_PROTO;
        r->left = bytes;
        r->state = ST_FORMAT;
        return OK;
    }
    if (memcmp(r->head, "data", 4) == 0) {
        if (!r->has_format)
            return ERR_PROTO;
        r->is_endless = bytes == 0 || bytes >= 0x7fffffff;
        r->left = bytes;
        r->state = ST_DATA;
        return OK;
    }
    return skip(r, (uint64_t)bytes + (bytes & 1));
}

static enum err read_head(struct wav_reader *r, struct slice *in)
{
    switch (r->state) {
    case ST_RIFF:
        if (!gather(r, in, 12))
            return OK;
        if (memcmp(r->head, "RIFF", 4) != 0 || memcmp(r->head + 8, "WAVE", 4) != 0)
            return ERR_PROTO;
        r->held = 0;
        r->state = ST_CHUNK;
        return OK;
    case ST_CHUNK:
        return gather(r, in, 8) ? read_chunk_head(r) : OK;
    case ST_FORMAT: {
        size_t want = MIN((size_t)r->left, (size_t)FORMAT_BYTES);
        if (!gather(r, in, want))
            return OK;
        enum err e = read_format(r);
        r->held = 0;
        return e ? e : skip(r, r->left - want + (r->left & 1));
    }
    default: {
        size_t take = (size_t)MIN(r->left, (uint64_t)in->len);
        *in = slice_sub(*in, take, in->len - take);
        r->left -= take;
        if (r->left == 0)
            r->state = ST_CHUNK;
        return OK;
    }
    }
}

static int sample(const struct wav_reader *r, const uint8_t *at)
{
    switch (r->bits) {
    case 8: return ((int)at[0] - 128) * 256;
    case 16: return (int16_t)read_u16(at);
    case 24: return (int16_t)read_u16(at + 1);
    default:
        if (r->is_float) {
            float value;
            memcpy(&value, at, sizeof(value));
            if (!(fabsf(value) <= 1)) /* not a number: silence */
                value = value > 1 ? 1 : value < -1 ? -1 : 0;
            return (int)lrintf(value * 32767);
        }
        return (int16_t)read_u16(at + 2);
    }
}

static int16_t mix(const struct wav_reader *r, const uint8_t *at)
{
    int sum = 0;
    for (unsigned i = 0; i < r->channels; i++)
        sum += sample(r, at + i * (r->bits / 8));
    return (int16_t)(sum / (int)r->channels);
}

static void read_data(struct wav_reader *r, struct slice *in, struct pcm *out)
{
    size_t frame = r->channels * (r->bits / 8), count = 0;
    while (count < WAV_BLOCK && in->len && (r->is_endless || r->left)) {
        struct slice part = *in;
        if (!r->is_endless)
            part.len = (size_t)MIN((uint64_t)part.len, r->left);
        size_t before = part.len;
        if (r->held == 0 && part.len >= frame) {
            r->block[count++] = mix(r, (const uint8_t *)part.data);
            part = slice_sub(part, frame, part.len - frame);
        } else if (gather(r, &part, frame)) {
            r->block[count++] = mix(r, r->head);
            r->held = 0;
        }
        size_t used = before - part.len;
        *in = slice_sub(*in, used, in->len - used);
        if (!r->is_endless)
            r->left -= used;
    }
    if (!r->is_endless && r->left == 0)
        r->state = ST_END;
    *out = (struct pcm){ r->block, count };
}

enum err wav_next(struct wav_reader *r, struct slice *in, struct pcm *out)
{
    *out = (struct pcm){ r->block, 0 };
    while (in->len && r->state < ST_DATA) {
        enum err e = read_head(r, in);
        if (e)
            return e;
    }
    if (r->state == ST_DATA)
        read_data(r, in, out);
    if (r->state == ST_END && out->count == 0)
        *in = slice_sub(*in, in->len, 0);
    return OK;
}

bool wav_is_complete(const struct wav_reader *r)
{
    return r->state == ST_END || (r->state == ST_DATA && r->is_endless);
}

static void put(char *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (char)(uint8_t)(value >> (8 * i));
}

void wav_header(char out[WAV_HEADER_BYTES], uint32_t rate_hz, uint32_t data_bytes)
{
    memcpy(out, "RIFF----WAVEfmt ", 16);
    put(out + 4, data_bytes > UINT32_MAX - 36 ? UINT32_MAX : data_bytes + 36, 4);
    put(out + 16, 16, 4);
    put(out + 20, TAG_PCM, 2);
    put(out + 22, 1, 2);
    put(out + 24, rate_hz, 4);
    put(out + 28, rate_hz * 2, 4);
    put(out + 32, 2, 2);
    put(out + 34, 16, 2);
    memcpy(out + 36, "data", 4);
    put(out + 40, data_bytes, 4);
}

enum err wav_write(struct buf *out, struct pcm pcm, uint32_t rate_hz)
{
    char head[WAV_HEADER_BYTES];
    if (pcm.count > (UINT32_MAX - 36) / 2)
        return ERR_LIMIT;
    wav_header(head, rate_hz, (uint32_t)pcm.count * 2);
    enum err e = buf_put(out, slice_from(head, sizeof(head)));
    return e ? e : buf_put(out, slice_from(pcm.samples, pcm.count * 2)); /* every machine we build for is LE */
}
