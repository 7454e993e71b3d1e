/* SPDX-License-Identifier: MIT
 * repack.c -- libopus' repacketizer keeps pointers only, so the packets that wait are copied here. */
#include "audio/repack.h"

#include <opus/opus.h>

#include "base/mem.h"

#define HELD_MAX (2 * PACKET_BYTES_MAX)

struct repack {
    OpusRepacketizer *opus;
    uint32_t frame_us, held_us;
    size_t held_bytes;
    unsigned char held[HELD_MAX], out[HELD_MAX];
};

enum err repack_create(struct repack **out, uint32_t frame_us)
{
    if (!packet_duration_legal(frame_us))
        return ERR_UNSUPPORTED;
    OpusRepacketizer *opus = opus_repacketizer_create();
    if (!opus)
        return ERR_NO_MEMORY;
    struct repack *r = xnew(struct repack);
    r->opus = opus;
    r->frame_us = frame_us;
    *out = r;
    return OK;
}

void repack_free(struct repack *r)
{
    if (!r)
        return;
    opus_repacketizer_destroy(r->opus);
    mem_free(r);
}

static void empty(struct repack *r)
{
    opus_repacketizer_init(r->opus);
    r->held_us = 0;
    r->held_bytes = 0;
}

bool repack_rest(struct repack *r, struct slice *out)
{
    if (r->held_us == 0)
        return false;
    opus_int32 len = opus_repacketizer_out(r->opus, r->out, sizeof(r->out));
    empty(r);
    if (len <= 0)
        return false;
    *out = slice_from(r->out, (size_t)len);
    return true;
}

enum err repack_put(struct repack *r, struct slice packet, struct slice *out)
{
    uint32_t us = packet_duration_us(packet);
    *out = (struct slice){ NULL, 0 };
    if (us == 0)
        return ERR_PROTO;
    if (us == r->frame_us && r->held_us == 0) {
        *out = packet;
        return OK;
    }
    if (r->held_us + us > r->frame_us || r->held_bytes + packet.len > sizeof(r->held))
        return ERR_UNSUPPORTED;

    unsigned char *at = r->held + r->held_bytes;
    memcpy(at, packet.data, packet.len);
    if (opus_repacketizer_cat(r->opus, at, (opus_int32)packet.len) != OPUS_OK)
        return ERR_UNSUPPORTED;
    r->held_bytes += packet.len;
    r->held_us += us;
    if (r->held_us == r->frame_us && !repack_rest(r, out))
        return ERR_UNSUPPORTED;
    return OK;
}

uint32_t repack_held_us(const struct repack *r)
{
    return r->held_us;
}
