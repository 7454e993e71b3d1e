/* SPDX-License-Identifier: MIT
 * speaker_play.c -- packets to the pacer, and from there to the device when they are due. */
#include "dialogue/speaker_inside.h"
#include "metrics/metrics.h"

#define LATE_MS 65 /* a packet that leaves so much after its time is counted */

void play_packet(void *user, struct slice packet)
{
    struct speaker *s = user;
    if (pacer_put_frame(s->pacer, packet) != OK)
        return; /* a minute waits already: this much of it is lost */
    s->frames_put++;
    record_packet(s, packet);
}

static void played(struct speaker *s)
{
    speaker_reply_end(s);
    unsigned reply = s->reply;
    s->ev->tts_stop(s->user);
    if (s->reply == reply)
        s->ev->on_played(s->user);
}

/* False: the device has taken nothing for too long. */
static bool frame_send(struct speaker *s, const struct pacer_item *item)
{
    uint64_t now = loop_now_ms(s->loop);
    unsigned reply = s->reply;
    enum err e = s->ev->audio(s->user, item->bytes, item->timestamp_ms);
    if (s->reply != reply)
        return true;
    s->frames_sent++;
    if (!e) {
        s->stalled_ms = 0;
        if (!s->was_first) {
            s->was_first = true;
            s->ev->on_first(s->user);
        }
        return true;
    }
    if (!s->stalled_ms)
        s->stalled_ms = now ? now : 1;
    return now - s->stalled_ms < SPEAKER_STALL_MS;
}

/* Counts what a listener would hear as a fault: a packet past its time, a gap that is none between sentences. */
static void faults_count(struct speaker *s, bool is_late, bool ran_dry)
{
    if (is_late)
        metric_add(METRIC_frames_late_total, 1);
    for (size_t i = 0; ran_dry && i < s->count; i++)
        ran_dry = s->sentences[i].first_frame != s->frames_sent;
    if (ran_dry)
        metric_add(METRIC_underruns_total, 1);
}

static void on_tick(void *arg)
{
    struct speaker *s = arg;
    struct pacer_item item;
    unsigned reply = s->reply;
    bool is_late = loop_now_ms(s->loop) > s->tick_due_ms + LATE_MS;
    uint64_t dry = pacer_rebased(s->pacer);
    while (pacer_due(s->pacer, loop_now_ms(s->loop), &item)) {
        switch (item.kind) {
        case PACER_FRAME:
            faults_count(s, is_late, pacer_rebased(s->pacer) != dry);
            dry = pacer_rebased(s->pacer);
            if (!frame_send(s, &item)) {
                s->error = ERR_LIMIT;
                pacer_clear(s->pacer);
                played(s);
                return;
            }
            break;
        case PACER_SENTENCE_START:
            s->ev->sentence_start(s->user, item.bytes);
            break;
        case PACER_SENTENCE_END:
            s->ev->sentence_end(s->user, item.bytes);
            break;
        case PACER_STOP:
            played(s);
            return;
        }
        if (s->reply != reply)
            return;
    }
    tts_hold(s);
    if (s->reply == reply)
        play_schedule(s);
}

void play_schedule(struct speaker *s)
{
    if (!s->begun)
        return;
    uint64_t next = pacer_next_ms(s->pacer), now = loop_now_ms(s->loop);
    if (next == PACER_NEVER) {
        timer_stop(&s->tick);
        return;
    }
    if (!timer_armed(&s->tick) || s->tick_due_ms >= now) /* else: late already, and stays so */
        s->tick_due_ms = MAX(next, now);
    timer_start(&s->tick, s->loop, next > now ? next - now : 0, on_tick, s);
}
