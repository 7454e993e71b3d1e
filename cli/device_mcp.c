/* SPDX-License-Identifier: MIT
 * device_mcp.c -- a small MCP server with firmware's manners. */
#include "cli/device_mcp.h"

#include "cli/device.h"
#include "protocol/mcp.h"

#define PERCENT_SCHEMA(name)                                                                            \
    "{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100}}," \
    "\"required\":[\"" name "\"]}"

static const char tools_json[] =
    "[{\"name\":\"self.get_device_status\",\"description\":\"The device's volume, brightness, battery and network.\","
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{}}},"
    "{\"name\":\"self.audio_speaker.set_volume\",\"description\":\"Sets the volume of the speaker, 0 to 100.\","
    "\"inputSchema\":" PERCENT_SCHEMA("volume") "},"
    "{\"name\":\"self.screen.set_brightness\",\"description\":\"Sets the brightness of the screen, 0 to 100.\","
    "\"inputSchema\":" PERCENT_SCHEMA("brightness") "},"
    "{\"name\":\"self.reboot\",\"description\":\"Restarts the device.\",\"inputSchema\":{\"type\":\"object\","
    "\"properties\":{}},\"annotations\":{\"audience\":[\"user\"]}}]";

void device_mcp_init(struct device_mcp *m)
{
    *m = (struct device_mcp){ .volume = 70, .brightness = 75 };
}

static void set_percent(uint8_t *field, const char *name, const struct mcp_in *in, struct buf *out)
{
    int64_t v = json_get_i64(json_get(in->params, "arguments"), name, -1);
    if (v < 0 || v > 100) {
        mcp_reply_error(out, in->id, SLICE("Value is out of range"));
        return;
    }
    *field = (uint8_t)v;
    mcp_reply_text(out, in->id, SLICE("true"), false);
}

static void call(struct device_mcp *m, const struct mcp_in *in, struct buf *out)
{
    struct slice name = json_get_text(in->params, "name");
    m->calls++;
    if (slice_is(name, "self.audio_speaker.set_volume")) {
        set_percent(&m->volume, "volume", in, out);
    } else if (slice_is(name, "self.screen.set_brightness")) {
        set_percent(&m->brightness, "brightness", in, out);
    } else if (slice_is(name, "self.get_device_status")) {
        auto_buf struct buf text = { 0 };
        buf_printf(&text, "{\"audio_speaker\":{\"volume\":%u},\"screen\":{\"brightness\":%u},\"battery\":"
                          "{\"level\":80,\"charging\":false},\"network\":{\"type\":\"wifi\",\"signal\":\"strong\"}}",
                   m->volume, m->brightness);
        mcp_reply_text(out, in->id, buf_slice(&text), false);
    } else {
        mcp_reply_error(out, in->id, SLICE("Unknown tool"));
    }
}

enum err device_mcp_answer(struct device_mcp *m, const struct json *payload, struct buf *out)
{
    struct mcp_in in;
    enum err e = mcp_read(&in, payload);
    if (e)
        return e;
    if (in.kind == MCP_NOTIFICATION || slice_starts(in.method, SLICE("notifications")))
        return OK;
    bool has_version = slice_is(json_get_text(payload, "jsonrpc"), "2.0");
    bool has_id = json_is(json_get(payload, "id"), JSON_INT);
    bool has_params = !json_get(payload, "params") || json_is(in.params, JSON_OBJECT);
    if (in.kind != MCP_REQUEST || !has_version || !has_id || !has_params)
        return ERR_PROTO;

    if (slice_is(in.method, "initialize"))
        mcp_reply_initialize(out, in.id, &(struct mcp_peer){ DEVICE_BOARD, DEVICE_FIRMWARE });
    else if (slice_is(in.method, "tools/list"))
        mcp_reply_tools(out, in.id, slice_of(tools_json), (struct slice){ 0 });
    else if (slice_is(in.method, "tools/call"))
        call(m, &in, out);
    else
        mcp_reply_error(out, in.id, SLICE("Method not implemented"));
    return OK;
}
