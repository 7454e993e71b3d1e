/* SPDX-License-Identifier: MIT
 * framing.c -- the three audio framings. */
#include "protocol/framing.h"

enum { V2_TIMESTAMP_AT = 8, V2_BYTES_AT = 12, V2_HEADER = 16, V3_BYTES_AT = 2, V3_HEADER = 4 };

static bool is_framing(int64_t version)
{
    return version >= FRAMING_V1 && version <= FRAMING_V3;
}

enum framing framing_pick(bool is_gateway_leg, int64_t hello_version, int64_t header_version)
{
    if (is_gateway_leg)
        return FRAMING_V2;
    if (is_framing(hello_version))
        return (enum framing)hello_version;
    return is_framing(header_version) ? (enum framing)header_version : FRAMING_V1;
}

size_t framing_header_bytes(enum framing f)
{
    return f == FRAMING_V2 ? V2_HEADER : f == FRAMING_V3 ? V3_HEADER : 0;
}

static void put_u16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put_u32(uint8_t *at, uint32_t v)
{
    put_u16(at, v >> 16);
    put_u16(at + 2, v & 0xffff);
}

static uint32_t get_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get_u32(const uint8_t *at)
{
    return get_u16(at) << 16 | get_u16(at + 2);
}

size_t framing_encode(enum framing f, uint8_t out[FRAMING_HEADER_MAX_BYTES], size_t packet_bytes,
                      uint32_t timestamp_ms)
{
    size_t header = framing_header_bytes(f);
    memset(out, 0, header);
    if (f == FRAMING_V2) {
        put_u16(out, FRAMING_V2);
        put_u32(out + V2_TIMESTAMP_AT, timestamp_ms);
        put_u32(out + V2_BYTES_AT, (uint32_t)packet_bytes);
    } else if (f == FRAMING_V3) {
        assert(packet_bytes <= FRAMING_V3_PAYLOAD_MAX_BYTES);
        put_u16(out + V3_BYTES_AT, (uint32_t)packet_bytes);
    }
    return header;
}

enum err framing_decode(struct audio_frame *out, enum framing f, struct slice message)
{
    size_t header = framing_header_bytes(f);
    if (message.len < header)
        return ERR_PROTO;

    const uint8_t *at = (const uint8_t *)message.data;
    size_t bytes = f == FRAMING_V2   ? get_u32(at + V2_BYTES_AT)
                   : f == FRAMING_V3 ? get_u16(at + V3_BYTES_AT)
                                     : message.len;
    if (bytes > message.len - header)
        return ERR_PROTO;
    *out = (struct audio_frame){
        .packet = slice_sub(message, header, bytes),
        .timestamp_ms = f == FRAMING_V2 ? get_u32(at + V2_TIMESTAMP_AT) : 0,
    };
    return OK;
}
