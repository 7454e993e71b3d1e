/* SPDX-License-Identifier: MIT
 * handle_mcp.c -- mcp: what the device answers as MCP server. */
#include "gateway/session.h"
#include "tools/tool_mcp.h"

void handle_msg_mcp(struct session *s, const struct msg *m)
{
    struct msg_mcp mcp;
    const char *why = NULL;

    if (msg_mcp_read(&mcp, m->root, &why))
        session_error(s, m, CODE_SCHEMA_INVALID, why);
    else if (s->mcp)
        tool_mcp_receive(s->mcp, mcp.payload);
}
