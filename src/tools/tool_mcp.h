/* SPDX-License-Identifier: MIT
 * tool_mcp.h -- the device's own tools: Parley as the MCP client of the device, through its socket.
 *
 *     hello(features.mcp) -> tool_mcp_start: initialize -> tools/list, page by page -> offered
 *     toolbox_call -> tools/call -> answer with the same id -> tool_call_end
 *
 * Bounded: 16 pages, 64 tools, 8 calls; a cursor that repeats ends the list. User-only tools are never
 * offered. What the device answers wrongly fails that call, never the session. Loop thread. */
#ifndef PARLEY_TOOLS_TOOL_MCP_H
#define PARLEY_TOOLS_TOOL_MCP_H

#include "tools/toolbox.h"

#define TOOL_MCP_PAGES_MAX 16
#define TOOL_MCP_TOOLS_MAX 64

struct tool_mcp;
struct tool_mcp_opts {
    struct toolbox *box;                                /* borrowed, outlives it */
    void (*send)(void *user, struct slice payload);     /* wraps it into {"type":"mcp"} and sends it */
    void *user;
    const char *vision_url, *vision_token;              /* NULL: none; copied */
};
must_check enum err tool_mcp_create(struct tool_mcp **out, const struct tool_mcp_opts *o);
void tool_mcp_start(struct tool_mcp *m);                /* once; later calls do nothing */
/* New place for photos or a new token: initialize again. */
void tool_mcp_vision(struct tool_mcp *m, const char *url, const char *token);
void tool_mcp_receive(struct tool_mcp *m, const struct json *payload);
/* A text message of type mcp that was not JSON: fails the call it answers, if one can be told. */
bool tool_mcp_broken(struct tool_mcp *m, struct slice message);
bool tool_mcp_is_ready(const struct tool_mcp *m);       /* the list is complete (or given up) */
void tool_mcp_free(struct tool_mcp *m);                 /* NULL is fine */

#endif
