/* SPDX-License-Identifier: MIT
 * pacer.h -- when each packet of a reply leaves. Pure: told the time, it says what is due.
 *
 *   put_frame/put_mark ... finish  -->  [queue]  -->  pacer_due(now): MARK FRAME FRAME ... STOP
 *
 * One absolute schedule: the device is thought to play from the moment the first frame left, so frame n
 * is due at t0 + n * frame - lead; frames are never closer than the ramp gap. When the device must have
 * run dry, the clock starts anew with the next frame; otherwise a late frame is caught up with, by no
 * more than the lead. Marks stand in the same queue and are due with the frame behind them. STOP is due
 * when the last frame has been played, plus the tail. Timestamps of frames are non-zero and increase
 * for the life of the pacer. */
#ifndef PARLEY_AUDIO_PACER_H
#define PARLEY_AUDIO_PACER_H

#include "base/base.h"

#define PACER_RAMP_MS 25
#define PACER_LEAD 4            /* frames */
#define PACER_LEAD_SMALL 2      /* boards without PSRAM */
#define PACER_AHEAD_PACKETS 10  /* never more than this ... */
#define PACER_AHEAD_US 600000   /* ... and never more than this ahead of play-out */
#define PACER_TAIL_MS 60
#define PACER_TAIL_OLD_MS 180   /* firmware before 2.2.2 cuts the tail on stop */
#define PACER_QUEUE_US 60000000ull /* default bound of the queue: a minute of audio ... */
#define PACER_QUEUE_BYTES (512 * 1024) /* ... or this much */
#define PACER_MARKS_MAX 256     /* marks waiting */
#define PACER_NEVER UINT64_MAX

struct pacer_opts {
    uint32_t frame_us;
    unsigned lead_frames;  /* clipped to 2..10 and the two AHEAD bounds */
    unsigned ramp_ms;      /* 0: PACER_RAMP_MS; never more than half a frame */
    unsigned tail_ms;      /* 0: PACER_TAIL_MS */
    uint64_t queue_us;     /* 0: PACER_QUEUE_US */
    size_t queue_bytes;    /* 0: PACER_QUEUE_BYTES */
    uint32_t timestamp_ms; /* of the last frame an earlier pacer sent to this device; 0: none */
};

enum pacer_kind { PACER_FRAME, PACER_SENTENCE_START, PACER_SENTENCE_END, PACER_STOP };

struct pacer_item {
    enum pacer_kind kind;
    struct slice bytes;     /* FRAME: the packet; marks: the text; borrowed until the next call on p */
    uint32_t timestamp_ms;  /* FRAME */
    uint64_t play_ms;       /* when the device is thought to play it (marks: what follows them) */
};

struct pacer;
void pacer_create(struct pacer **out, const struct pacer_opts *o);
void pacer_free(struct pacer *p); /* NULL is fine */
/* Copied. ERR_BUSY: the queue is full, put it later (see pacer_queued_us for pausing in time).
 * ERR_STATE: after finish. */
must_check enum err pacer_put_frame(struct pacer *p, struct slice packet);
must_check enum err pacer_put_mark(struct pacer *p, enum pacer_kind kind, struct slice text);
/* Nothing more comes: STOP will be due, also when there was no frame at all. */
void pacer_finish(struct pacer *p);
/* Drops what waits, and any STOP; the next put begins a new reply. */
void pacer_clear(struct pacer *p);
void pacer_hold(struct pacer *p, uint64_t until_ms); /* no frame before (audio.start_gap_ms after tts start) */
/* True: *item is due now, it has left the queue; call again until false. STOP comes once, then p is idle. */
must_check bool pacer_due(struct pacer *p, uint64_t now_ms, struct pacer_item *item);
/* When to call next; may be in the past; PACER_NEVER: nothing waits. */
uint64_t pacer_next_ms(const struct pacer *p);
uint64_t pacer_queued_us(const struct pacer *p);  /* audio waiting here */
size_t pacer_queued_bytes(const struct pacer *p);
uint64_t pacer_play_end_ms(const struct pacer *p); /* when the device ends what was sent; 0: nothing sent */
bool pacer_idle(const struct pacer *p);           /* nothing waits, no STOP to come */
uint32_t pacer_timestamp_ms(const struct pacer *p); /* of the last frame sent; NULL, none: 0 */
uint64_t pacer_rebased(const struct pacer *p);    /* how often the device ran dry */

#endif
