/* SPDX-License-Identifier: MIT
 * turn.h -- the states of one exchange, as a table of edges, and the queue that makes every action run to
 * its end in a state it knows. What the actions do is exchange.c's.
 *
 *   IDLE -> HEAR -> THINK -> SPEAK -> IDLE        SORRY: the spoken apology after a failure
 *
 * `number` grows with every turn that begins: whatever comes late carries it and is dropped. */
#ifndef PARLEY_DIALOGUE_TURN_H
#define PARLEY_DIALOGUE_TURN_H

#include "base/base.h"

#define TURN_STATE_LIST(X) X(IDLE) X(HEAR) X(THINK) X(SPEAK) X(SORRY)
enum turn_state {
#define X(name) TURN_##name,
    TURN_STATE_LIST(X)
#undef X
    TURN_STATES,
};

/*  event      what happened */
#define TURN_EVENT_LIST(X)                                                                  \
    X(DECIDED)  /* speech has ended, its text will come */                                   \
    X(HEARD)    /* a text is there: recognised or typed */                                   \
    X(NOTHING)  /* there were no words in it */                                              \
    X(DEAF)     /* the recogniser failed */                                                  \
    X(SAY)      /* something is to be said that nobody asked for */                          \
    X(ASK)      /* the mode wants the model to answer */                                     \
    X(TELL)     /* the mode answers with a fixed text */                                     \
    X(QUIET)    /* the mode has nothing to say */                                            \
    X(WORDS)    /* a sentence of the answer is ready */                                      \
    X(ANSWERED) /* the answer is complete */                                                 \
    X(LOST)     /* the model failed */                                                       \
    X(MUTE)     /* the synthesiser failed without a sound, or an apology takes too long */    \
    X(PLAYED)   /* everything has been played */                                             \
    X(CUT_IN)   /* a person speaks over us */                                                \
    X(ABORT)    /* the device wants silence */
enum turn_event {
#define X(name) TURN_EV_##name,
    TURN_EVENT_LIST(X)
#undef X
    TURN_EVENTS,
};

#define TURN_ACTION_LIST(X)                                                                  \
    X(none) X(await_text) X(take_text) X(take_over) X(hear_nothing) X(say) X(ask) X(tell) X(be_quiet) \
    X(speak) X(conclude) X(conclude_early) X(apologise) X(show_apology) X(end) X(cut_off) X(give_up)
enum turn_action {
#define X(name) TURN_ACT_##name,
    TURN_ACTION_LIST(X)
#undef X
    TURN_ACTIONS,
};

#define TURN_QUEUE_MAX 16 /* events raised inside one action; a seventeenth is our bug */

struct turn {
    enum turn_state state;
    uint32_t number;
    bool stepping, closed;
    uint8_t queued;
    uint8_t queue[TURN_QUEUE_MAX]; /* enum turn_event */
    void (*act)(void *user, enum turn_action a, enum turn_event ev); /* may raise and may close */
    void *user;
};

struct turn_edge {
    enum turn_state to;
    enum turn_action act; /* TURN_ACT_none: the event is ignored here */
};
const struct turn_edge *turn_edge(enum turn_state s, enum turn_event ev);
/* The only way a state changes. Events raised by an action wait until it has returned. */
void turn_raise(struct turn *t, enum turn_event ev);
void turn_close(struct turn *t); /* drops what waits; later events are ignored */
const char *turn_state_name(enum turn_state s);
const char *turn_event_name(enum turn_event ev);

#endif
