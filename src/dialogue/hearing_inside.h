/* SPDX-License-Identifier: MIT
 * hearing_inside.h -- struct hearing, for the files that make it up. Nobody else includes this.
 *
 *   hearing.c          listening: start, stop, mute, boundaries, rest; which way a packet goes
 *   hearing_packets.c  packets to samples, and the pre-roll
 *   hearing_vad.c      the detector: where speech begins and ends
 *   hearing_take.c     utterances with their recognisers: opened, fed, ended, handed over
 *
 * The way of a packet:
 *
 *   hearing_audio -> early (before the first listen start)
 *                 -> manual: samples_of -> take_feed
 *                 -> auto, realtime: samples_of -> pre-roll or take_feed, and the detector
 *                                         its on_speech: take_open, preroll_feed; its on_silence: take_end
 *
 * A `take` is one utterance with its recogniser. The one under way is h->current; takes whose speech has
 * ended stand beside it (h->decided) until their text comes. The decoder runs only when somebody needs
 * samples: with a recogniser that takes Opus and a device that says where speech ends, nothing is decoded.
 *
 * Every event of a hearing may drop, stop or close it from inside: whoever raised one looks again. */
#ifndef PARLEY_DIALOGUE_HEARING_INSIDE_H
#define PARLEY_DIALOGUE_HEARING_INSIDE_H

#include "audio/pcm_queue.h"
#include "audio/utterance.h"
#include "dialogue/hearing.h"
#include "loop/timer.h"

#define HEARING_RATE_HZ 16000u /* of all samples in here; recognisers that want another get their own */

struct take {
    struct hearing *h;
    struct asr_use asr;
    struct resample *resample;   /* recognisers that want another rate */
    struct pcm_queue resampled;
    struct buf text;             /* finals so far */
    struct buf partial;          /* what the next final will replace */
    struct err_note error;
    uint64_t us;                 /* audio in it */
    uint64_t number;             /* in order of speech */
    bool is_decided, has_ended;  /* has_ended: the recogniser said on_end before speech was over */
    struct timer watchdog;
};

struct hearing {
    struct loop *loop;
    struct registry *registry;
    const struct hearing_events *ev;
    void *user;
    struct use_opts use;
    unsigned utterance_s;
    enum audio_format format;
    uint32_t rate_hz;            /* of PCM clients; 0: no format yet */
    enum listen_mode mode;
    bool is_ordered;
    uint64_t take_number;
    unsigned fallback_ms;        /* > 0: the device's boundaries rule */
    struct timer fallback;
    bool listening, muted, closed, had_start, has_tap, vad_failed;
    uint64_t ignore_until_ms;
    struct decoder *decoder;
    struct resample *resample;   /* PCM clients at another rate */
    struct pcm_queue resampled;
    struct vad_use vad;
    uint64_t vad_samples;        /* fed since its last reset */
    struct utterance pre;
    struct pcm_queue pre_pcm;    /* the same, decoded, while recognisers want samples */
    bool wants_packets;          /* the last recogniser took Opus: no samples are kept */
    struct packets early;
    struct take *current;
    struct take *decided[HEARING_TAKES_MAX];
    uint64_t bad_packets;
    int16_t *aligned;            /* one packet of a PCM client */
};

/* hearing_take.c */
struct take *take_open(struct hearing *h);         /* the current one; NULL: HEARING_TAKES_MAX are there */
/* pcm.samples may be NULL when takes_opus(). */
void take_feed(struct take *t, struct slice packet, uint32_t duration_us, struct pcm pcm);
void take_end(struct hearing *h, uint64_t t0_us);  /* speech is over: the recogniser concludes. t0_us: the last of it */
void take_free(struct take *t);                    /* silent; NULL is fine */
bool takes_opus(const struct take *t);             /* its recogniser wants packets */
unsigned take_count(const struct hearing *h);      /* the current one and those decided */

/* hearing_packets.c */
uint32_t packet_us(const struct hearing *h, struct slice packet); /* 0: this is none */
void packet_bad(struct hearing *h);
/* Borrowed until the next call. False: it does not decode. */
bool samples_of(struct hearing *h, struct slice packet, struct pcm *out);
void preroll_put(struct hearing *h, struct slice packet, uint32_t duration_us, struct pcm pcm);
void preroll_feed(struct hearing *h, struct take *t); /* to a new recogniser, and empty after */
void preroll_clear(struct hearing *h, bool is_idle);  /* is_idle: gives its memory back */

/* hearing_vad.c */
bool vad_ready(struct hearing *h); /* opened when needed; false: there is none */
void vad_restart(struct hearing *h);
void vad_close(struct hearing *h);

#endif
