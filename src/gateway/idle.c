/* SPDX-License-Identifier: MIT
 * idle.c -- idle clocks with a lazy timer: when it finds it is too early it only looks again later. */
#include "gateway/idle.h"

static uint64_t voice_warn_ms(const struct idle_limits *lim)
{
    return lim->voice_ms - MIN(lim->grace_ms, lim->voice_ms / 2);
}

static uint64_t message_warn_ms(const struct idle_limits *lim)
{
    return lim->voice_ms + IDLE_MESSAGE_EXTRA_MS;
}

static void check_voice(struct idle *i, const struct idle_limits *lim)
{
    if (i->is_voice_over)
        return;
    if (i->voiceless_ms >= lim->voice_ms) {
        i->is_voice_over = true;
        i->events->on_voice_end(i->user);
    } else if (i->voiceless_ms >= voice_warn_ms(lim) && !i->is_voice_warned) {
        i->is_voice_warned = true;
        i->events->on_voice_warning(i->user, lim->voice_ms - i->voiceless_ms);
    }
}

static void check_message(struct idle *i, const struct idle_limits *lim)
{
    uint64_t now_ms = loop_now_ms(i->loop), silent_ms = now_ms - i->message_at_ms;
    uint64_t warn_at_ms = message_warn_ms(lim);

    if (i->is_message_over)
        return;
    if (i->is_message_warned && silent_ms >= warn_at_ms + IDLE_MESSAGE_NOTICE_MS) {
        i->is_message_over = true;
        i->events->on_message_end(i->user);
    } else if (!i->is_message_warned && silent_ms >= warn_at_ms) {
        i->is_message_warned = true;
        /* A late look (a long answer of ours held the loop) still gives the whole notice. */
        i->message_at_ms = now_ms - warn_at_ms;
        i->events->on_message_warning(i->user, IDLE_MESSAGE_NOTICE_MS);
    }
}

static void check_keepalive(struct idle *i, const struct idle_limits *lim)
{
    uint64_t silent_ms = loop_now_ms(i->loop) - i->events->sent_ms(i->user);

    if (lim->keepalive_ms && silent_ms >= lim->keepalive_ms)
        i->events->on_keepalive(i->user);
}

/* How long nothing can be due. */
static uint64_t rest_ms(const struct idle *i, const struct idle_limits *lim)
{
    uint64_t now_ms = loop_now_ms(i->loop), every_ms = lim->keepalive_ms;
    uint64_t sent_ago_ms = now_ms - i->events->sent_ms(i->user), silent_ms = now_ms - i->message_at_ms;
    uint64_t rest = lim->voice_ms;

    if (every_ms) /* what could not be sent is tried again after as long */
        rest = sent_ago_ms < every_ms ? every_ms - sent_ago_ms : every_ms;
    if (!i->is_voice_over) {
        uint64_t due_ms = i->voiceless_ms < voice_warn_ms(lim) ? voice_warn_ms(lim) : lim->voice_ms;
        rest = MIN(rest, due_ms - MIN(due_ms, i->voiceless_ms));
    }
    if (!i->is_message_over) {
        uint64_t due_ms = message_warn_ms(lim) + (i->is_message_warned ? IDLE_MESSAGE_NOTICE_MS : 0);
        rest = MIN(rest, due_ms - MIN(due_ms, silent_ms));
    }
    return rest;
}

/* Called by the timer, and when something changed. Each event may end the session, and may look itself. */
static void look(void *arg)
{
    static void (*const checks[])(struct idle *i, const struct idle_limits *lim) = { check_voice, check_message,
                                                                                     check_keepalive };
    struct idle *i = arg;

    for (size_t n = 0; n < COUNT(checks) && i->loop; n++) {
        struct idle_limits lim = i->events->limits(i->user);
        checks[n](i, &lim);
    }
    if (!i->loop)
        return;
    struct idle_limits lim = i->events->limits(i->user);
    timer_start(&i->timer, i->loop, rest_ms(i, &lim), look, i);
}

void idle_start(struct idle *i, struct loop *l, const struct idle_events *ev, void *user)
{
    *i = (struct idle){ .loop = l, .events = ev, .user = user, .message_at_ms = loop_now_ms(l) };
    look(i);
}

void idle_stop(struct idle *i)
{
    timer_stop(&i->timer);
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
    i->is_message_warned = i->is_message_over = false;
}

void idle_touch(struct idle *i)
{
    i->voiceless_ms = 0;
    i->is_voice_warned = false;
    if (!i->is_voice_over)
        return;
    i->is_voice_over = false;
    look(i);
}

void idle_recheck(struct idle *i)
{
    look(i);
}
