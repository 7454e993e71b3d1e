/* SPDX-License-Identifier: MIT
 * speaker.h -- the loudspeaker side of a device as firmware has it: when packets are played, which are
 * thrown away, and what a server did wrong meanwhile. Pure: told the time; no packet is kept, so a
 * thousand of them cost nothing.
 *
 *   tts start -> packets -> [queue of 40 + 2 decoded] -> played one after the other -> tts stop -> drained */
#ifndef PARLEY_CLI_SPEAKER_H
#define PARLEY_CLI_SPEAKER_H

#include "base/base.h"

#define SPEAKER_QUEUE_PACKETS 42      /* 40 to decode, 2 decoded */
#define SPEAKER_AHEAD_PACKETS 10      /* a server may be no more than this ahead ... */
#define SPEAKER_AHEAD_US 600000       /* ... and no more than this */
#define SPEAKER_START_GAP_US 60000    /* from tts start to the first packet */
#define SPEAKER_GAP_SLACK_US 20000    /* of hearing nothing within a sentence */
#define SPEAKER_CUT_US 150000         /* still to play at a tts stop that nobody asked for */
#define SPEAKER_STOP_LATE_US 2000000  /* silence before a tts stop */
#define SPEAKER_BURST_PACKETS 5
#define SPEAKER_BURST_US 10000

/* X(name, is_timing, "what a human reads"): a busy machine can cause those of timing. */
#define VIOLATION_LIST(X)                                                                           \
    X(audio_before_start, false, "audio before tts start")                                          \
    X(audio_after_stop, false, "audio after tts stop")                                              \
    X(double_start, false, "tts start while speaking already")                                      \
    X(stop_without_start, false, "tts stop without tts start")                                      \
    X(missing_stop, false, "no tts stop for a tts start")                                           \
    X(too_soon, true, "audio less than 60 ms after tts start: firmware drops it")                   \
    X(overfull, true, "the device's queue of 42 packets is full, a packet was lost")                \
    X(too_far_ahead, true, "more than 10 packets or 600 ms ahead of what is played")                \
    X(burst, true, "5 packets within 10 ms: boards without PSRAM reboot")                           \
    X(starved, true, "the queue ran dry within a sentence")                                         \
    X(stop_too_early, true, "tts stop with much still to play: old firmware cuts it off")           \
    X(stop_late, true, "tts stop long after the last packet was played")                            \
    X(wrong_duration, false, "a packet of another duration than announced")                         \
    X(bad_framing, false, "a binary header that does not fit its message")                          \
    X(bad_timestamp, false, "timestamps must be non-zero and increase")                             \
    X(bad_hello, false, "a hello that devices cannot use")                                          \
    X(second_hello, false, "a hello that nobody asked for")                                         \
    X(bad_json, false, "text that is no JSON object")                                               \
    X(too_big, false, "JSON of 8 KB or more")                                                       \
    X(no_type, false, "a message without type")                                                     \
    X(no_state, false, "tts without a state firmware knows")                                        \
    X(bad_alert, false, "alert without status, message or emotion")                                 \
    X(bad_mcp, false, "an MCP request that devices drop: id must be a number")                      \
    X(surprise_mcp, false, "MCP although hello did not offer it")

enum violation {
#define X(name, is_timing, text) VIOLATION_##name,
    VIOLATION_LIST(X)
#undef X
    VIOLATIONS,
};
const char *violation_name(enum violation v);
const char *violation_text(enum violation v);
bool violation_is_timing(enum violation v);

struct speaker {
    void (*on_violation)(void *user, enum violation v);
    void *user;
    uint32_t frame_us;
    uint32_t last_timestamp_ms;
    bool is_started, was_started, is_aborted; /* between start and stop; ever; an abort is under way */
    bool is_sentence_new;                     /* a gap before the next packet is a pause, no fault */
    uint64_t start_us, play_end_us;
    uint64_t arrivals_us[SPEAKER_BURST_PACKETS];
    unsigned arrival_at;
    unsigned packets, lost;                   /* of this reply: accepted; thrown away */
    uint64_t first_us, gap_us, pause_us;      /* when the first came; silence within and between sentences */
};
void speaker_init(struct speaker *s, void (*on_violation)(void *user, enum violation v), void *user);
void speaker_format(struct speaker *s, uint32_t frame_us);
void speaker_start(struct speaker *s, uint64_t now_us);
void speaker_sentence(struct speaker *s);
/* True: the packet will be played. duration_us 0: cannot be told. timestamp: v2 only, else NULL. */
bool speaker_packet(struct speaker *s, uint64_t now_us, uint32_t duration_us, const uint32_t *timestamp_ms);
void speaker_stop(struct speaker *s, uint64_t now_us);
void speaker_abort(struct speaker *s);  /* the device asked for silence: an early stop is what it wants */
void speaker_flush(struct speaker *s);  /* forgets what waits to be played */
uint64_t speaker_left_us(const struct speaker *s, uint64_t now_us); /* still to be played */
void speaker_end(struct speaker *s);    /* the conversation is over: is a stop missing? */

#endif
