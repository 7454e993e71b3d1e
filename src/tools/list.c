/* SPDX-License-Identifier: MIT
 * list.c -- the built-in tools, one line each. */
#include "tools/tool.h"

extern const struct tool_class tool_exit_intent, tool_get_time, tool_get_date;

const struct tool_class *const tools_built_in[] = {
    &tool_exit_intent,
    &tool_get_time,
    &tool_get_date,
    NULL,
};
