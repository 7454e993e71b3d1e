/* SPDX-License-Identifier: MIT
 * idle.c -- idle clocks with lazy timers: a timer that finds it is too early only looks again later. */
#include "gateway/idle.h"

static void check_voice(void *arg)
{
    struct idle *i = arg;
    struct idle_limits lim = i->events->limits(i->user);
    uint64_t warn_at_ms = lim.voice_ms - MIN(lim.grace_ms, lim.voice_ms / 2);

    /* Called by the timer, or when limits changed; on_* may end the session, so the timer goes first. */
    if (!i->loop || i->is_voice_over)
        return;
    if (i->voiceless_ms >= lim.voice_ms) {
        i->is_voice_over = true;
        timer_stop(&i->voice_timer);
        i->events->on_voice_end(i->user);
    } else if (i->voiceless_ms >= warn_at_ms && !i->is_voice_warned) {
        uint64_t left_ms = lim.voice_ms - i->voiceless_ms;
        i->is_voice_warned = true;
        timer_start(&i->voice_timer, i->loop, left_ms, check_voice, i);
        i->events->on_voice_warning(i->user, left_ms);
    } else {
        uint64_t next_ms = i->voiceless_ms < warn_at_ms ? warn_at_ms : lim.voice_ms;
        timer_start(&i->voice_timer, i->loop, next_ms - i->voiceless_ms, check_voice, i);
    }
}

static void check_message(void *arg)
{
    struct idle *i = arg;
    struct idle_limits lim = i->events->limits(i->user);
    uint64_t warn_at_ms = lim.voice_ms + IDLE_MESSAGE_EXTRA_MS;

    if (!i->loop)
        return;
    uint64_t silent_ms = loop_now_ms(i->loop) - i->message_at_ms;
    if (i->is_message_warned && silent_ms >= warn_at_ms + IDLE_MESSAGE_NOTICE_MS) {
        timer_stop(&i->message_timer);
        i->events->on_message_end(i->user);
    } else if (!i->is_message_warned && silent_ms >= warn_at_ms) {
        i->is_message_warned = true;
        /* A late look (a long answer of ours held the loop) still gives the whole notice. */
        i->message_at_ms = loop_now_ms(i->loop) - warn_at_ms;
        timer_start(&i->message_timer, i->loop, IDLE_MESSAGE_NOTICE_MS, check_message, i);
        i->events->on_message_warning(i->user, IDLE_MESSAGE_NOTICE_MS);
    } else {
        uint64_t due_ms = i->is_message_warned ? warn_at_ms + IDLE_MESSAGE_NOTICE_MS : warn_at_ms;
        timer_start(&i->message_timer, i->loop, due_ms - silent_ms, check_message, i);
    }
}

#define KEEPALIVE_LOOK_MS 10000 /* while it is switched off: is it still? */

static void check_keepalive(void *arg)
{
    struct idle *i = arg;
    uint64_t every_ms = i->events->limits(i->user).keepalive_ms;

    if (!i->loop)
        return;
    uint64_t silent_ms = loop_now_ms(i->loop) - i->events->sent_ms(i->user);

    if (every_ms == 0) {
        timer_start(&i->keepalive_timer, i->loop, KEEPALIVE_LOOK_MS, check_keepalive, i);
        return;
    }
    bool is_due = silent_ms >= every_ms;
    timer_start(&i->keepalive_timer, i->loop, is_due ? every_ms : every_ms - silent_ms, check_keepalive, i);
    if (is_due)
        i->events->on_keepalive(i->user);
}

void idle_start(struct idle *i, struct loop *l, const struct idle_events *ev, void *user)
{
    *i = (struct idle){ .loop = l, .events = ev, .user = user, .message_at_ms = loop_now_ms(l) };
    check_voice(i);
    check_message(i);
    check_keepalive(i);
}

void idle_stop(struct idle *i)
{
    timer_stop(&i->voice_timer);
    timer_stop(&i->message_timer);
    timer_stop(&i->keepalive_timer);
    i->loop = NULL;
}

void idle_audio_in(struct idle *i)
{
    uint64_t now_ms = loop_now_ms(i->loop);
    uint64_t gap_ms = now_ms - i->audio_at_ms;

    i->audio_at_ms = now_ms;
    if (gap_ms <= IDLE_AUDIO_GAP_MS && gap_ms < now_ms) /* the first frame has none before it */
        i->voiceless_ms += gap_ms;
}

void idle_message(struct idle *i)
{
    i->message_at_ms = loop_now_ms(i->loop);
    i->is_message_warned = false;
}

void idle_touch(struct idle *i)
{
    i->voiceless_ms = 0;
    i->is_voice_warned = false;
    if (!i->is_voice_over)
        return;
    i->is_voice_over = false;
    check_voice(i);
}

void idle_recheck(struct idle *i)
{
    check_voice(i);
    check_message(i);
    check_keepalive(i);
}
