/* SPDX-License-Identifier: MIT
 * admission.h -- may one more conversation begin on this loop?
 *
 * What a conversation costs shows in the load only when it is answered, and those that begin together come back
 * together with each question. So they are let in at a pace, which falls as the load comes near the limit:
 *
 *                         room: limit - the load at its most lately
 *   new ones a second = --------------------------------------------
 *                        cost of a turn x the time to fill the room
 *
 * A turn costs the load divided by the turns under way. Who talks already is never refused. One for each loop, on its
 * thread. */
#ifndef PARLEY_DIALOGUE_ADMISSION_H
#define PARLEY_DIALOGUE_ADMISSION_H

#include "base/base.h"

struct loop;

#define ADMISSION_FILL_MS 8000 /* longer than the load needs to show those who began */
#define ADMISSION_BURST 0.25   /* of the room: may be filled at once after a quiet time */
#define ADMISSION_TURNS_MIN 32 /* with fewer under way, the load is divided by this: much of it is other work */
#define ADMISSION_COST_MIN 0.1 /* percent of a core: what a turn is taken to cost while next to nothing is known */

struct admission { /* zero it and set the loop */
    struct loop *loop; /* borrowed */
    unsigned turns;    /* under way */
    double may;        /* so many could begin ... */
    uint64_t may_ms;   /* ... at this time */
};

/* A turn begins; true: it may, and is counted until admission_leave. False only for one that is_new (the first turn
 * of a conversation), when there is no room below busy_percent of the loop's time (0: there always is), or those
 * before took what there was. a may be NULL: everybody may. */
bool admission_enter(struct admission *a, bool is_new, int64_t busy_percent);
void admission_leave(struct admission *a);

#endif
