/* SPDX-License-Identifier: MIT
 * tool.h -- a built-in tool: one file tools/tool_<name>.c and one line in tools/list.c. */
#ifndef PARLEY_TOOLS_TOOL_H
#define PARLEY_TOOLS_TOOL_H

#include "tools/toolbox.h"

struct tool_class {
    const char *name, *description;
    const char *schema_json; /* NULL: no parameters */
    /* Answers once by tool_call_end/text/fail, now or later. Loop thread. */
    enum err (*run)(struct tool_call *c, const struct json *args);
};
extern const struct tool_class *const tools_built_in[]; /* NULL-terminated: tools/list.c */

#endif
