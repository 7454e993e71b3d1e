/* SPDX-License-Identifier: MIT
 * rest.c -- most devices are silent most of the time: what only a conversation needs is given back when nobody has
 * talked for a while, and made again by the next packet or turn.
 *
 *   exchange (model, sentences), speaker (encoder, pacer), queue of says    REST_MS after the last turn
 *   hearing (decoder, detector, pre-roll)                                   REST_MS after the last packet as well
 *
 * What was said, the mode and the formats stay. */
#include "base/mem.h"
#include "dialogue/inside.h"

static void voice_rest(struct dialogue *d)
{
    exchange_free(take_ptr(&d->x));
    speaker_free(take_ptr(&d->speaker));
    d->stamp_from_ms = d->stamp_ms;
    mem_free(take_ptr(&d->voice));
    mem_free(take_ptr(&d->says));
    buf_done(&d->pending);
}

static void ear_free(struct dialogue *d)
{
    counts_packets(d);
    d->bad_counted = 0;
    hearing_free(take_ptr(&d->hearing));
}

static void on_rest(void *arg)
{
    struct dialogue *d = arg;
    if (d->turn.state != TURN_IDLE)
        return; /* its end begins the wait anew */
    if (d->say_count || hearing_in_voice(d->hearing)) {
        rest_later(d);
        return;
    }
    voice_rest(d);
    if (d->hearing && loop_now_ms(d->o.loop) - d->audio_ms < REST_MS)
        rest_later(d);
    else if (hearing_is_listening(d->hearing))
        hearing_rest(d->hearing); /* it must not forget that, and how */
    else
        ear_free(d);
}

void rest_later(struct dialogue *d)
{
    timer_start(&d->patience, d->o.loop, REST_MS, on_rest, d);
}

void rest_now(struct dialogue *d)
{
    voice_rest(d);
    ear_free(d);
}
