/* SPDX-License-Identifier: MIT
 * reply.h -- the JSON object in what a model answered: the whole of it, or the outermost {...} in prose. Pure. */
#ifndef PARLEY_MODES_REPLY_H
#define PARLEY_MODES_REPLY_H

#include "base/json.h"

must_check bool reply_object(struct json **out, struct slice reply); /* *out: given, only when true */

#endif
