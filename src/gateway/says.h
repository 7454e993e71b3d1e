/* SPDX-License-Identifier: MIT
 * says.h -- what somebody wanted the device to say while it was away (behaviour E, say): taken from the
 * store when it has said hello, one after the other, each at most once. On the session's loop. */
#ifndef PARLEY_GATEWAY_SAYS_H
#define PARLEY_GATEWAY_SAYS_H

struct session;
struct says;

void says_begin(struct session *s);  /* s->says; nothing without a store */
void says_end(struct session *s);    /* what was taken and not begun stays "fetched": no double play */

#endif
