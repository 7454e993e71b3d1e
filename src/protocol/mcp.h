/* SPDX-License-Identifier: MIT
 * mcp.h -- JSON-RPC 2.0 as devices speak it for their tools (Model Context Protocol 2024-11-05): requests
 * out, answers in; and the other side of it for simulated devices. Payloads only, without the envelope.
 * Devices break rules: errors without a code, text that is not valid JSON. Pure. */
#ifndef PARLEY_PROTOCOL_MCP_H
#define PARLEY_PROTOCOL_MCP_H

#include "base/json.h"

#define MCP_PROTOCOL_VERSION "2024-11-05"

struct mcp_vision {
    const char *url, *token; /* url NULL: the device gets no place to send photos to */
};
void mcp_initialize(struct buf *out, int64_t id, const struct mcp_vision *vision); /* NULL: none */
void mcp_list(struct buf *out, int64_t id, struct slice cursor);
void mcp_call(struct buf *out, int64_t id, struct slice tool, const struct json *arguments); /* NULL: {} */

/* Any payload that came in. */
enum mcp_kind { MCP_REQUEST, MCP_NOTIFICATION, MCP_RESULT, MCP_ERROR };
struct mcp_in {
    enum mcp_kind kind;
    int64_t id;                 /* -1: none */
    struct slice method;        /* REQUEST, NOTIFICATION */
    const struct json *params;  /* may be NULL */
    const struct json *result;  /* RESULT */
    struct slice error;         /* ERROR: its message, perhaps empty */
};
/* ERR_PROTO: not an object of any of these kinds. */
must_check enum err mcp_read(struct mcp_in *out, const struct json *payload);
/* The id inside a text message that looks like an mcp answer but is not JSON; false: none found. */
bool mcp_salvage_id(struct slice message, int64_t *id);

struct mcp_tool {
    struct slice name, description;
    const struct json *schema;  /* inputSchema; NULL: none */
    bool is_user_only;          /* never offered to a model */
};
size_t mcp_tool_count(const struct json *list_result);
bool mcp_tool_at(const struct json *list_result, size_t i, struct mcp_tool *out); /* false: useless entry */
struct slice mcp_next_cursor(const struct json *list_result);                     /* empty: last page */
/* Text of a tools/call result: its text items, one per line; images become "[image]". */
void mcp_result_text(struct buf *out, const struct json *call_result, bool *is_error);

/* The device's side. */
struct mcp_peer {
    const char *name, *version;
};
void mcp_reply_initialize(struct buf *out, int64_t id, const struct mcp_peer *who);
void mcp_reply_tools(struct buf *out, int64_t id, struct slice tools_json, struct slice next_cursor);
void mcp_reply_text(struct buf *out, int64_t id, struct slice text, bool is_error);
void mcp_reply_error(struct buf *out, int64_t id, struct slice message);

#endif
