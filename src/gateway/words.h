/* SPDX-License-Identifier: MIT
 * words.h -- the catalogue texts the gateway speaks (behaviour I). */
#ifndef PARLEY_GATEWAY_WORDS_H
#define PARLEY_GATEWAY_WORDS_H

#include "config/config.h"

/* zh* -> Chinese, else English; messages.<lang>.<key> in the file goes first. Never NULL. */
const char *words_of(const struct config *cfg, const char *language, const char *key);

#endif
