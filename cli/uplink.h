/* SPDX-License-Identifier: MIT
 * uplink.h -- what a simulated microphone hears: a little silence, an utterance, silence for ever; as
 * packets encoded once and played by any number of devices. The utterance ends with its last sound, at the end of
 * a packet, so that the moment that packet is sent is the end of speech. */
#ifndef PARLEY_CLI_UPLINK_H
#define PARLEY_CLI_UPLINK_H

#include "base/buf.h"

#define UPLINK_RATE_HZ 16000
#define UPLINK_LEAD_MS 240       /* silence before the utterance, and what fills its last packet */
#define UPLINK_TAIL_PACKETS 16   /* of silence, repeated for ever */

struct uplink {                  /* immutable once built: shared */
    struct buf bytes;
    uint32_t *ends;              /* packet i is bytes[ends[i-1]..ends[i]) */
    unsigned count, speech_end;  /* packets; the first one that is silence again */
    uint32_t frame_ms;
};
/* pcm: 16 kHz; what is 40 dB below its loudest moment is no sound. frame_ms: a legal Opus duration. */
must_check enum err uplink_build(struct uplink *u, struct pcm pcm, uint32_t frame_ms, bool is_pcm);
void uplink_done(struct uplink *u);

struct uplink_at {               /* one device's place in it; zero: at the start of nothing (silent) */
    const struct uplink *u;
    unsigned next;
};
bool uplink_next(void *at, struct slice *packet);      /* a device_mic_fn: never ends */
void uplink_stop(struct uplink_at *at);                /* silence from now on */
bool uplink_is_over(const struct uplink_at *at);       /* the last packet of speech was given */

#endif
