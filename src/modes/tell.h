/* SPDX-License-Identifier: MIT
 * tell.h -- "tell Ben that dinner is ready": is an utterance a message for somebody, and which words are it. Only
 * names that are known (workflow.device_alias) are looked for, so that talk about others stays talk. Pure. */
#ifndef PARLEY_MODES_TELL_H
#define PARLEY_MODES_TELL_H

#include "base/base.h"

/* For that name? *text: the message, part of the utterance. Without case; English as whole words:
 *   tell NAME [that] ... | send a message to NAME ... | message NAME ... | leave a message for NAME ...
 *   U+544A U+8BC9 NAME ... ("tell"), U+8F6C U+544A NAME ... ("pass on to"), U+7ED9 NAME U+53D1 U+6D88 U+606F ... and
 *   the like ("send NAME a message") */
bool tell_read(struct slice utterance, const char *name, struct slice *text);

#endif
