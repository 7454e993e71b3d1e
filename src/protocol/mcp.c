/* SPDX-License-Identifier: MIT
 * mcp.c -- JSON-RPC payloads of the device's tools, both sides. */
#include "protocol/mcp.h"

#define CLIENT_VERSION "1"

static void begin(struct jw *w, struct buf *out, int64_t id)
{
    jw_init(w, out);
    jw_object(w);
    jw_cstr(w, "jsonrpc", "2.0");
    if (id >= 0)
        jw_i64(w, "id", id);
}

static void begin_request(struct jw *w, struct buf *out, int64_t id, const char *method)
{
    begin(w, out, id);
    jw_cstr(w, "method", method);
}

static void empty_object(struct jw *w, const char *key)
{
    jw_object_as(w, key);
    jw_end(w);
}

void mcp_initialize(struct buf *out, int64_t id, const struct mcp_vision *vision)
{
    struct jw w;
    begin_request(&w, out, id, "initialize");
    jw_object_as(&w, "params");
    jw_cstr(&w, "protocolVersion", MCP_PROTOCOL_VERSION);
    jw_object_as(&w, "capabilities");
    jw_object_as(&w, "roots");
    jw_bool(&w, "listChanged", true);
    jw_end(&w);
    empty_object(&w, "sampling");
    if (vision && vision->url) {
        jw_object_as(&w, "vision");
        jw_cstr(&w, "url", vision->url);
        jw_cstr(&w, "token", vision->token ? vision->token : "");
        jw_end(&w);
    }
    jw_end(&w);
    jw_object_as(&w, "clientInfo");
    jw_cstr(&w, "name", "parley");
    jw_cstr(&w, "version", CLIENT_VERSION);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
}

void mcp_list(struct buf *out, int64_t id, struct slice cursor)
{
    struct jw w;
    begin_request(&w, out, id, "tools/list");
    jw_object_as(&w, "params");
    jw_str(&w, "cursor", cursor);
    jw_bool(&w, "withUserTools", false);
    jw_end(&w);
    jw_end(&w);
}

void mcp_call(struct buf *out, int64_t id, struct slice tool, const struct json *arguments)
{
    struct jw w;
    begin_request(&w, out, id, "tools/call");
    jw_object_as(&w, "params");
    jw_str(&w, "name", tool);
    if (json_is(arguments, JSON_OBJECT))
        jw_json(&w, "arguments", arguments);
    else
        empty_object(&w, "arguments");
    jw_end(&w);
    jw_end(&w);
}

static struct slice error_text(const struct json *error)
{
    return json_is(error, JSON_STRING) ? json_text(error) : json_get_text(error, "message");
}

enum err mcp_read(struct mcp_in *out, const struct json *payload)
{
    if (!json_is(payload, JSON_OBJECT))
        return ERR_PROTO;
    const struct json *method = json_get(payload, "method"), *error = json_get(payload, "error");
    const struct json *result = json_get(payload, "result");
    struct mcp_in in = { .id = json_get_i64(payload, "id", -1), .params = json_get(payload, "params") };

    if (json_is(method, JSON_STRING)) {
        in.kind = json_get(payload, "id") ? MCP_REQUEST : MCP_NOTIFICATION;
        in.method = json_text(method);
    } else if (!json_is(error, JSON_NULL)) {
        in.kind = MCP_ERROR;
        in.error = error_text(error);
    } else if (result) {
        in.kind = MCP_RESULT;
        in.result = result;
    } else {
        return ERR_PROTO;
    }
    *out = in;
    return OK;
}

/* Behind `"key"` and a colon, spaces skipped; NULL: not found. */
static const char *value_of(struct slice text, const char *quoted_key)
{
    const char *at = text.len ? memmem(text.data, text.len, quoted_key, strlen(quoted_key)) : NULL;
    const char *end = text.data + text.len;
    if (!at)
        return NULL;
    at += strlen(quoted_key);
    while (at < end && (*at == ' ' || *at == ':'))
        at++;
    return at < end ? at : NULL;
}

bool mcp_salvage_id(struct slice message, int64_t *id)
{
    const char *type = value_of(message, "\"type\""), *at = value_of(message, "\"id\"");
    const char *end = message.data + message.len;
    if (!type || !at || end - type < 5 || memcmp(type, "\"mcp\"", 5) != 0)
        return false;

    const char *stop = at;
    while (stop < end && *stop >= '0' && *stop <= '9' && stop - at < 10)
        stop++;
    return slice_to_i64(slice_from(at, (size_t)(stop - at)), id);
}

size_t mcp_tool_count(const struct json *list_result)
{
    const struct json *tools = json_get(list_result, "tools");
    return json_is(tools, JSON_ARRAY) ? json_len(tools) : 0;
}

static bool is_for_users_only(const struct json *tool)
{
    const struct json *audience = json_get(json_get(tool, "annotations"), "audience");
    if (!json_is(audience, JSON_ARRAY) || json_len(audience) == 0)
        return false;
    for (size_t i = 0; i < json_len(audience); i++)
        if (!slice_is(json_text(json_at(audience, i)), "user"))
            return false;
    return true;
}

bool mcp_tool_at(const struct json *list_result, size_t i, struct mcp_tool *out)
{
    const struct json *tool = json_at(json_get(list_result, "tools"), i);
    const struct json *schema = json_get(tool, "inputSchema");
    struct slice name = json_get_text(tool, "name");
    if (name.len == 0)
        return false;
    *out = (struct mcp_tool){
        .name = name,
        .description = json_get_text(tool, "description"),
        .schema = json_is(schema, JSON_OBJECT) ? schema : NULL,
        .is_user_only = is_for_users_only(tool),
    };
    return true;
}

struct slice mcp_next_cursor(const struct json *list_result)
{
    return json_get_text(list_result, "nextCursor");
}

void mcp_result_text(struct buf *out, const struct json *call_result, bool *is_error)
{
    const struct json *content = json_get(call_result, "content");
    size_t count = json_is(content, JSON_ARRAY) ? json_len(content) : 0;
    *is_error = json_get_bool(call_result, "isError", false);

    if (count == 0 && json_is(call_result, JSON_STRING)) {
        buf_put(out, json_text(call_result));
    } else if (count == 0 && call_result) {
        json_print(out, call_result); /* not as agreed, but the model may make sense of it */
    }
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_at(content, i);
        if (i > 0)
            buf_put_byte(out, '\n');
        if (slice_is(json_get_text(item, "type"), "text"))
            buf_put(out, json_get_text(item, "text"));
        else
            buf_printf(out, "[" SLICE_FMT "]", SLICE_ARG(json_get_text(item, "type")));
    }
}

void mcp_reply_initialize(struct buf *out, int64_t id, const struct mcp_peer *who)
{
    struct jw w;
    begin(&w, out, id);
    jw_object_as(&w, "result");
    jw_cstr(&w, "protocolVersion", MCP_PROTOCOL_VERSION);
    jw_object_as(&w, "capabilities");
    empty_object(&w, "tools");
    jw_end(&w);
    jw_object_as(&w, "serverInfo");
    jw_cstr(&w, "name", who->name);
    jw_cstr(&w, "version", who->version);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
}

void mcp_reply_tools(struct buf *out, int64_t id, struct slice tools_json, struct slice next_cursor)
{
    struct jw w;
    begin(&w, out, id);
    jw_object_as(&w, "result");
    jw_raw(&w, "tools", tools_json);
    if (next_cursor.len > 0)
        jw_str(&w, "nextCursor", next_cursor);
    jw_end(&w);
    jw_end(&w);
}

void mcp_reply_text(struct buf *out, int64_t id, struct slice text, bool is_error)
{
    struct jw w;
    begin(&w, out, id);
    jw_object_as(&w, "result");
    jw_array_as(&w, "content");
    jw_object(&w);
    jw_cstr(&w, "type", "text");
    jw_str(&w, "text", text);
    jw_end(&w);
    jw_end(&w);
    jw_bool(&w, "isError", is_error);
    jw_end(&w);
    jw_end(&w);
}

void mcp_reply_error(struct buf *out, int64_t id, struct slice message)
{
    struct jw w;
    begin(&w, out, id);
    jw_object_as(&w, "error");
    jw_str(&w, "message", message);
    jw_end(&w);
    jw_end(&w);
}
