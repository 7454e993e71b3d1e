/* SPDX-License-Identifier: MIT
 * crowd_ota.h -- many OTA requests at once, each over a connection of its own. */
#ifndef PARLEY_CLI_CROWD_OTA_H
#define PARLEY_CLI_CROWD_OTA_H

#include "loop/loop.h"
#include "protocol/ota.h"

struct crowd_ota_client;
struct crowd_ota;

must_check enum err crowd_ota_open(struct crowd_ota_client **out, struct loop *l, const char *url);
void crowd_ota_close(struct crowd_ota_client *c);
/* answer NULL: there was none, and `why` says so. The request is gone by then. */
typedef void crowd_ota_fn(void *user, const struct ota_answer *answer, uint64_t took_us, const char *why);
must_check enum err crowd_ota_ask(struct crowd_ota **out, struct crowd_ota_client *c, const char *device,
                                  const char *client, crowd_ota_fn *done, void *user);
void crowd_ota_drop(struct crowd_ota *o); /* silence after it; NULL is fine */

#endif
