/* SPDX-License-Identifier: MIT
 * idle.h -- the two clocks that end idle sessions, and the keepalive of a silent channel.
 *
 *   voice clock    counts while audio arrives; reset by voice, typed text, outbound speech
 *   message clock  counts always; reset by every inbound message and by outbound audio
 *
 * Frames only write down the time; one timer looks at both and at the keepalive when one of them could be
 * due earliest. Limits are asked for at every look, so a reload counts from the next one. Loop thread. */
#ifndef PARLEY_GATEWAY_IDLE_H
#define PARLEY_GATEWAY_IDLE_H

#include "loop/timer.h"

#define IDLE_AUDIO_GAP_MS 2000          /* longer without a frame: audio is not arriving */
#define IDLE_MESSAGE_EXTRA_MS 60000     /* the message clock warns this long after the base time */
#define IDLE_MESSAGE_NOTICE_MS 10000    /* and closes this long after the warning */

struct idle_limits {
    uint64_t voice_ms, grace_ms;  /* base times m; the warning comes grace before */
    uint64_t keepalive_ms;        /* of outbound silence; 0: never */
};
struct idle_events {
    struct idle_limits (*limits)(void *user);
    void (*on_voice_warning)(void *user, uint64_t close_in_ms);
    void (*on_voice_end)(void *user);       /* say farewell or close; called once, idle_touch re-arms */
    void (*on_message_warning)(void *user, uint64_t close_in_ms);
    void (*on_message_end)(void *user);     /* close */
    uint64_t (*sent_ms)(void *user);        /* when something was sent last */
    void (*on_keepalive)(void *user);       /* send something */
};

struct idle {
    struct loop *loop;
    const struct idle_events *events;
    void *user;
    struct timer timer;
    uint64_t voiceless_ms;   /* of arriving audio since the last voice */
    uint64_t audio_at_ms, message_at_ms;
    bool is_voice_warned, is_voice_over, is_message_warned, is_message_over;
};

void idle_start(struct idle *i, struct loop *l, const struct idle_events *ev, void *user);
void idle_stop(struct idle *i);
void idle_audio_in(struct idle *i);     /* an audio frame came */
void idle_message(struct idle *i);      /* any inbound text or binary message, outbound audio */
void idle_touch(struct idle *i);        /* voice, typed text, outbound speech */
void idle_recheck(struct idle *i);      /* limits may have changed (mode, reload) */

#endif
