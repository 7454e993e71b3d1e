/* SPDX-License-Identifier: MIT
 * peer_inside.h -- private to peer.c and peer_queue.c: what one session has under way with others. */
#ifndef PARLEY_MODES_PEER_INSIDE_H
#define PARLEY_MODES_PEER_INSIDE_H

#include "base/list.h"
#include "modes/inside.h"

struct fetch;

struct peer {
    struct modes *modes; /* NULL: closed */
    struct list asking; /* sendings that wait for the model */
    bool is_fetching, looks_again; /* again: something was queued meanwhile */
    struct fetch *spoken;                /* peer_queue.c: what is being spoken; NULL: nothing */
    bool was_audible;
    struct timer later;
    unsigned sendings, refs;
    struct grave grave;
};
struct peer *peer_of(struct modes *m); /* made at the first use */
void peer_unref(void *arg);
void peer_queue_close(struct peer *p);

#endif
