/* SPDX-License-Identifier: MIT
 * deaf.h -- a device that talks and never reads: a bare socket with a small receive buffer. */
#ifndef PARLEY_TESTS_SUPPORT_DEAF_H
#define PARLEY_TESTS_SUPPORT_DEAF_H

#include "tests/support/gate_world.h"

int deaf_connect(struct world *w); /* its handshake is sent; to be closed */
void deaf_says(int fd, const char *text); /* one text message, under 500 bytes */
bool deaf_is_alone(void *world); /* for world_until: it is the only session */

#endif
