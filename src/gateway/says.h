/* SPDX-License-Identifier: MIT
 * says.h -- what others want this device to say: what was queued while it was away is
 * spoken after its hello, in order, each once; what comes while it is here is spoken at once or refused. */
#ifndef PARLEY_GATEWAY_SAYS_H
#define PARLEY_GATEWAY_SAYS_H

#include "loop/timer.h"

struct session;
struct store_op;

#define SAYS_HELLO_MS 300  /* after hello: tasks and peer messages go first */
#define SAYS_BUSY_MS 5000  /* the dialogue takes no more: looked at again */

struct says {
    struct timer timer;
    struct store_op *op;     /* fetching */
    bool is_started;         /* there is a store, and hello was answered */
    bool looks_again, has_begun;
    char *id;                /* the queued one that is being said; NULL: none */
    char *live_id;           /* the same of one that came while it was here */
};

void says_begin(struct session *s);          /* hello was answered */
void says_look(struct session *s);           /* something was queued meanwhile */
/* Says it now: ERR_BUSY, ERR_STATE. id: of the receipt to mark played; "" none. */
enum err says_live(struct session *s, const char *id, struct slice text);
/* The session ends: what was taken and not begun goes back into the queue. */
void says_end(struct session *s);

#endif
