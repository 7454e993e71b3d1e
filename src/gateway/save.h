/* SPDX-License-Identifier: MIT
 * save.h -- the conversation of a session that ends, on its way to the store. */
#ifndef PARLEY_GATEWAY_SAVE_H
#define PARLEY_GATEWAY_SAVE_H

#include "gateway/session.h"

/* Starts the save; done(s) when it is on disk (or failed). False: there is nothing to save, or the store
 * is full (the turns are in it; the job is made again at the next start). */
bool save_begin(struct session *s, void (*done)(struct session *s));
void save_forget(struct session *s); /* no done() any more; the save still happens */

#endif
