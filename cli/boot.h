/* SPDX-License-Identifier: MIT
 * boot.h -- what a device does before it talks: ask the OTA URL where to go. Blocks: drives the loop. */
#ifndef PARLEY_CLI_BOOT_H
#define PARLEY_CLI_BOOT_H

#include "loop/loop.h"
#include "protocol/ota.h"

must_check enum err boot(struct ota_answer *out, struct loop *l, const char *url, const struct ota_client *who,
                         struct err_note *note);

#endif
