/* SPDX-License-Identifier: MIT
 * turn.c -- rows: where we are; columns: what happened; an empty cell: ignored.
 *
 * An utterance that is recognised while we think or speak takes the turn over (realtime); what merely was
 * decided there is waited for. Failures before a word was said lead to SORRY, from where every way out
 * ends the turn too. */
#include "dialogue/turn.h"

#define EDGE(ev, next, action) [TURN_EV_##ev] = { TURN_##next, TURN_ACT_##action }

static const struct turn_edge edges[TURN_STATES][TURN_EVENTS] = {
    [TURN_IDLE] = {
        EDGE(DECIDED, HEAR, await_text),
        EDGE(HEARD, THINK, take_text),
        EDGE(SAY, SPEAK, say),
    },
    [TURN_HEAR] = {
        EDGE(HEARD, THINK, take_text),
        EDGE(NOTHING, IDLE, hear_nothing),
        EDGE(DEAF, SORRY, apologise),
        EDGE(ABORT, IDLE, give_up),
    },
    [TURN_THINK] = {
        EDGE(HEARD, THINK, take_over),
        EDGE(ASK, THINK, ask),
        EDGE(TELL, SPEAK, tell),
        EDGE(QUIET, IDLE, be_quiet),
        EDGE(WORDS, SPEAK, speak),
        EDGE(ANSWERED, SPEAK, conclude),
        EDGE(LOST, SORRY, apologise),
        EDGE(MUTE, SORRY, apologise),
        EDGE(ABORT, IDLE, give_up),
    },
    [TURN_SPEAK] = {
        EDGE(HEARD, THINK, take_over),
        EDGE(ASK, SPEAK, ask),
        EDGE(WORDS, SPEAK, speak),
        EDGE(ANSWERED, SPEAK, conclude),
        EDGE(LOST, SPEAK, conclude_early),
        EDGE(MUTE, SORRY, apologise),
        EDGE(PLAYED, IDLE, end),
        EDGE(CUT_IN, IDLE, cut_off),
        EDGE(ABORT, IDLE, give_up),
    },
    [TURN_SORRY] = {
        EDGE(HEARD, THINK, take_over),
        EDGE(MUTE, IDLE, show_apology),
        EDGE(PLAYED, IDLE, end),
        EDGE(CUT_IN, IDLE, cut_off),
        EDGE(ABORT, IDLE, give_up),
    },
};

const struct turn_edge *turn_edge(enum turn_state s, enum turn_event ev)
{
    return &edges[s][ev];
}

void turn_raise(struct turn *t, enum turn_event ev)
{
    if (t->closed)
        return;
    assert(t->queued < TURN_QUEUE_MAX);
    t->queue[t->queued++] = (uint8_t)ev;
    if (t->stepping)
        return;
    t->stepping = true;
    while (t->queued) {
        ev = t->queue[0];
        t->queued--;
        memmove(t->queue, t->queue + 1, t->queued * sizeof *t->queue);
        const struct turn_edge *e = &edges[t->state][ev];
        if (e->act == TURN_ACT_none)
            continue;
        t->state = e->to;
        t->act(t->user, e->act, ev);
    }
    t->stepping = false;
}

void turn_close(struct turn *t)
{
    t->closed = true;
    t->queued = 0;
}

const char *turn_state_name(enum turn_state s)
{
    static const char *const names[] = {
#define X(name) #name,
        TURN_STATE_LIST(X)
#undef X
    };
    return names[s];
}

const char *turn_event_name(enum turn_event ev)
{
    static const char *const names[] = {
#define X(name) #name,
        TURN_EVENT_LIST(X)
#undef X
    };
    return names[ev];
}
