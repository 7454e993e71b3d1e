/* SPDX-License-Identifier: MIT
 * framing.h -- one audio packet in one binary WebSocket message, in the three forms devices speak.
 *
 *   v1   packet
 *   v2   u16 version | u16 type | u32 reserved | u32 timestamp ms | u32 bytes | packet   (16 bytes first)
 *   v3   u8 type | u8 reserved | u16 bytes | packet                                      (4 bytes first)
 *
 * The device checks nothing it receives, so the length we write is always exact. What we read may have
 * any version and type (the MQTT gateway sends zeros) but must hold what its length says. Pure. */
#ifndef PARLEY_PROTOCOL_FRAMING_H
#define PARLEY_PROTOCOL_FRAMING_H

#include "base/base.h"

enum framing { FRAMING_V1 = 1, FRAMING_V2 = 2, FRAMING_V3 = 3 };

#define FRAMING_HEADER_MAX_BYTES 16
#define FRAMING_V3_PAYLOAD_MAX_BYTES 65535

struct audio_frame {
    struct slice packet;   /* borrowed from the message; empty: nothing to do */
    uint32_t timestamp_ms; /* v2 only; 0: no reference */
};

/* A gateway leg is always v2; else what hello said, else the Protocol-Version header, else v1. Numbers
 * that are no framing count as absent. */
enum framing framing_pick(bool is_gateway_leg, int64_t hello_version, int64_t header_version);
size_t framing_header_bytes(enum framing f);
/* Writes the header of a packet of that size; returns its bytes (0 for v1). packet_bytes must fit
 * (65535 in v3). */
size_t framing_encode(enum framing f, uint8_t out[FRAMING_HEADER_MAX_BYTES], size_t packet_bytes,
                      uint32_t timestamp_ms);
/* ERR_PROTO: no room for the header, or the length is larger than the message. */
must_check enum err framing_decode(struct audio_frame *out, enum framing f, struct slice message);

#endif
