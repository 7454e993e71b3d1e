/* SPDX-License-Identifier: MIT
 * catalogue.h -- what Parley itself says to people, in Chinese and English; `messages.<lang>.<key>` in
 * the file overrides it. */
#ifndef PARLEY_CONFIG_CATALOGUE_H
#define PARLEY_CONFIG_CATALOGUE_H

#include "base/buf.h"

struct config;

/* language: "zh-CN", "en-US" ... (zh* is Chinese, all others English; NULL: server.language). cfg may be
 * NULL: built-in texts. Borrowed from cfg or static; "" for an unknown key. */
const char *catalogue_text(const struct config *cfg, const char *language, const char *key);
/* The text with {name} replaced: pairs of name and value, ended by NULL. Given to out. */
void catalogue_put(struct buf *out, const struct config *cfg, const char *language, const char *key, ...)
    __attribute__((sentinel));

#endif
