/* SPDX-License-Identifier: MIT
 * hearing.h -- from the packets of a device to what a person said.
 *
 *   packet -> decoder -> vad ---- voice ----> recogniser: pre-roll, then live ... end of speech -> text
 *        \-> pre-roll (600 ms, as packets)
 *
 * auto and realtime: the detector says where an utterance begins and ends, in audio time. manual: all from
 * start to stop is one utterance. Decoder, detector and recogniser are made when first needed. Up to
 * HEARING_TAKES_MAX utterances may be with recognisers at one time (realtime). One loop. */
#ifndef PARLEY_DIALOGUE_HEARING_H
#define PARLEY_DIALOGUE_HEARING_H

#include "dialogue/dialogue.h"

#define HEARING_TAKES_MAX 3
#define HEARING_EARLY_US 3000000u        /* audio before the first listen start that is kept */
#define HEARING_MIN_US 900000u           /* less is not worth recognising (pre-roll and silence counted) */
#define HEARING_MIN_MANUAL_US 300000u
#define HEARING_ASR_MS 20000u            /* the recogniser has so long after the end of speech */
#define HEARING_DETECT_MS 2000u          /* voice is ignored after a wake word */
#define HEARING_PACKET_MAX_BYTES 16384u
#define HEARING_PREROLL_MAX_BYTES 65536u

/* NULL, an ear that was not needed yet, hears nothing: it may be freed, stopped, dropped, closed, muted, rested
 * and asked. */
struct hearing;

struct hearing_events {
    void (*on_voice)(void *user);                 /* the detector hears a person */
    void (*on_decided)(void *user, uint64_t t0_us); /* an utterance ended; one of the three below follows */
    void (*on_text)(void *user, struct slice text);
    void (*on_nothing)(void *user);               /* no words in it */
    void (*on_failed)(void *user, const struct err_note *why);
    void (*on_pcm)(void *user, struct pcm pcm);   /* everything, 16 kHz, while hearing_set_tap is on */
};

void hearing_create(struct hearing **out, struct loop *l, struct registry *r, const struct hearing_events *ev,
                    void *user);
void hearing_free(struct hearing *h); /* not inside an event of it */
/* u->config is borrowed until the next call. */
void hearing_set_use(struct hearing *h, const struct use_opts *u, unsigned utterance_s);
void hearing_set_format(struct hearing *h, enum audio_format format, uint32_t rate_hz);
void hearing_set_tap(struct hearing *h, bool on);
void hearing_set_order(struct hearing *h, bool on); /* texts come in the order of speech, whoever is quicker */
/* While > 0: every listen start counts as manual, and the detector decides only after fallback_ms
 * without a start or stop. 0: as the device says. */
void hearing_set_boundaries(struct hearing *h, unsigned fallback_ms);

/* Forgets what is buffered and begins anew; a repeated start in realtime changes nothing. */
void hearing_start(struct hearing *h, enum listen_mode m);
void hearing_stop(struct hearing *h);   /* the utterance ends here, no more audio is heard */
void hearing_drop(struct hearing *h);   /* forgets the utterance under way and those being recognised */
void hearing_close(struct hearing *h);  /* drops, and hears nothing any more */
/* Nothing came for a while: drops, and gives back all memory that the next packet asks for again. Not
 * inside an event of it. */
void hearing_rest(struct hearing *h);
void hearing_mute(struct hearing *h, bool on); /* audio is thrown away; muting also drops */
void hearing_ignore(struct hearing *h); /* a wake word came: no voice for HEARING_DETECT_MS, early audio goes */
void hearing_audio(struct hearing *h, struct slice packet);

bool hearing_is_listening(const struct hearing *h);
bool hearing_in_voice(const struct hearing *h); /* an utterance is under way or being recognised */
enum listen_mode hearing_mode(const struct hearing *h);
uint64_t hearing_bad_packets(const struct hearing *h);
size_t hearing_bytes(const struct hearing *h);

#endif
