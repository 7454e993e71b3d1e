/* SPDX-License-Identifier: MIT
 * tool_iot.h -- tools of devices that know no MCP: `iot` descriptors become get_<device>_<property> and
 * <device>_<method>; states are remembered; commands go back. Loop thread. */
#ifndef PARLEY_TOOLS_TOOL_IOT_H
#define PARLEY_TOOLS_TOOL_IOT_H

#include "tools/toolbox.h"

#define TOOL_IOT_DESCRIPTORS_MAX 16
#define TOOL_IOT_TOOLS_MAX 64
#define TOOL_IOT_STATE_MAX_BYTES 256 /* of one property, as JSON */

struct tool_iot;
struct tool_iot_opts {
    struct toolbox *box;                                /* borrowed, outlives it */
    /* parameters may be NULL */
    void (*send)(void *user, struct slice device, struct slice method, const struct json *parameters);
    void *user;
};
must_check enum err tool_iot_create(struct tool_iot **out, const struct tool_iot_opts *o);
void tool_iot_descriptors(struct tool_iot *t, const struct json *descriptors); /* more than the maxima: left out */
void tool_iot_states(struct tool_iot *t, const struct json *states);
void tool_iot_free(struct tool_iot *t); /* NULL is fine */

#endif
