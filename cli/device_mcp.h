/* SPDX-License-Identifier: MIT
 * device_mcp.h -- the tools a simulated device offers: status, volume, brightness, and a user-only one
 * that no model may see. */
#ifndef PARLEY_CLI_DEVICE_MCP_H
#define PARLEY_CLI_DEVICE_MCP_H

#include "base/json.h"

struct device_mcp {
    uint8_t volume, brightness; /* percent */
    uint16_t calls;
};
void device_mcp_init(struct device_mcp *m);
/* Appends the answer, or nothing for notifications. ERR_PROTO: a real device would drop it silently. */
must_check enum err device_mcp_answer(struct device_mcp *m, const struct json *payload, struct buf *out);

#endif
