/* SPDX-License-Identifier: MIT
 * soon.h -- a step that runs at the top of the loop, and the end of its owner there. Events must not
 * come from inside open/feed/say/finish, and memory must not go inside a callback: both are one
 * embedded `struct soon`.
 *
 *     soon_kick()  --> run(owner) once, when no callback is on the stack
 *     soon_close() --> run no more; free(owner) there */
#ifndef PARLEY_PROVIDERS_SOON_H
#define PARLEY_PROVIDERS_SOON_H

#include "loop/loop.h"

struct soon {
    struct grave grave;
    struct loop *loop;
    void (*run)(void *owner);  /* may be NULL: only the end */
    void (*free)(void *owner);
    void *owner;
    bool is_queued, is_closed;
    bool is_work;              /* each step costs enough to let others go first: see loop_work() */
};

static inline void soon_fire(void *arg)
{
    struct soon *s = arg;
    s->is_queued = false;
    if (s->is_closed)
        s->free(s->owner);
    else if (s->run)
        s->run(s->owner);
}

static inline void soon_init(struct soon *s, struct loop *l, void (*run)(void *owner),
                             void (*free_owner)(void *owner), void *owner)
{
    *s = (struct soon){ .loop = l, .run = run, .free = free_owner, .owner = owner };
}

static inline void soon_kick(struct soon *s)
{
    if (s->is_queued)
        return;
    s->is_queued = true;
    if (s->is_work)
        loop_work(s->loop, &s->grave, soon_fire, s);
    else
        loop_later(s->loop, &s->grave, soon_fire, s);
}

static inline void soon_close(struct soon *s)
{
    s->is_closed = true;
    soon_kick(s);
}

#endif
