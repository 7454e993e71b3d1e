/* SPDX-License-Identifier: MIT
 * vision.h -- the language model that sees (selected_module.VLLM), for questions about one picture. It has
 * no chain: a device waits 30 s for its answer and takes none that comes later. Loop thread. */
#ifndef PARLEY_PROVIDERS_VISION_H
#define PARLEY_PROVIDERS_VISION_H

#include "providers/registry.h"

#define VISION_MS 25000 /* leaves the device time to hear the answer */

bool vision_is_there(struct registry *r, struct config *cfg);
/* It has VISION_MS in all. ERR_NOT_FOUND: none is selected; ERR_UNSUPPORTED: its type cannot see. */
must_check enum err vision_open(struct llm_use *out, struct registry *r, const struct use_opts *u,
                                const struct llm_request *rq, const struct llm_events *ev, void *user);

#endif
