/* SPDX-License-Identifier: MIT
 * tool_mcp.c -- the MCP client of one device.
 *
 *   START -> initialize -> LIST page 1 .. n -> READY        ids 1, 2, ... ; calls go any time after LIST began
 *
 * The list is asked for right after initialize, without waiting for its answer, so that the first turn
 * has tools if the device is quick. */
#include "tools/tool_mcp.h"

#include "base/mem.h"
#include "loop/timer.h"
#include "protocol/mcp.h"

#define LOG_TOPIC "tools"
#define LIST_TIMEOUT_MS 10000 /* of one page; then what came is used */
#define CURSOR_MAX_BYTES 128

struct call_at {
    int64_t id; /* 0: free */
    struct tool_call *call;
};

struct tool_mcp {
    struct tool_source source;
    struct tool_mcp_opts o;
    struct timer list_timeout;
    char *vision_url, *vision_token;
    char *cursors[TOOL_MCP_PAGES_MAX]; /* asked for so far */
    unsigned pages, tools, offered;
    int64_t next_id, list_id;          /* list_id 0: no page is awaited */
    bool is_started, is_ready;
    struct call_at calls[TOOLBOX_CALLS_MAX];
};

static void send_payload(struct tool_mcp *m, struct buf *payload)
{
    m->o.send(m->o.user, buf_slice(payload));
}

static void send_initialize(struct tool_mcp *m)
{
    auto_buf struct buf out = { 0 };
    struct mcp_vision vision = { m->vision_url, m->vision_token };
    mcp_initialize(&out, m->next_id++, &vision);
    send_payload(m, &out);
}

static void finish_list(struct tool_mcp *m, const char *why)
{
    timer_stop(&m->list_timeout);
    m->list_id = 0;
    m->is_ready = true;
    LOGI(toolbox_log(m->o.box), "mcp.tools", "offered=%u seen=%u pages=%u end=%s", m->offered, m->tools,
         m->pages, why);
}

static void on_list_timeout(void *arg)
{
    finish_list(arg, "timeout");
}

static bool was_asked(const struct tool_mcp *m, struct slice cursor)
{
    for (unsigned i = 0; i < m->pages; i++)
        if (slice_is(cursor, m->cursors[i]))
            return true;
    return false;
}

static void ask_page(struct tool_mcp *m, struct slice cursor)
{
    auto_buf struct buf out = { 0 };
    m->cursors[m->pages++] = xslicedup(cursor);
    m->list_id = m->next_id++;
    mcp_list(&out, m->list_id, cursor);
    timer_start(&m->list_timeout, toolbox_loop(m->o.box), LIST_TIMEOUT_MS, on_list_timeout, m);
    send_payload(m, &out);
}

static void offer(struct tool_mcp *m, const struct mcp_tool *tool)
{
    auto_buf struct buf schema = { 0 };
    if (tool->schema)
        json_print(&schema, tool->schema);
    struct tool_offer o = { tool->name, tool->description, buf_slice(&schema) };
    if (toolbox_add(m->o.box, &m->source, &o) == OK)
        m->offered++;
}

static void take_page(struct tool_mcp *m, const struct json *result)
{
    struct mcp_tool tool;
    size_t count = mcp_tool_count(result);
    for (size_t i = 0; i < count && m->tools < TOOL_MCP_TOOLS_MAX; i++) {
        if (!mcp_tool_at(result, i, &tool))
            continue;
        m->tools++;
        if (!tool.is_user_only)
            offer(m, &tool);
    }

    struct slice cursor = mcp_next_cursor(result);
    if (cursor.len == 0)
        finish_list(m, "complete");
    else if (m->tools == TOOL_MCP_TOOLS_MAX || m->pages == TOOL_MCP_PAGES_MAX)
        finish_list(m, "limit");
    else if (cursor.len > CURSOR_MAX_BYTES || was_asked(m, cursor))
        finish_list(m, "cursor");
    else
        ask_page(m, cursor);
}

static struct tool_call *take_call(struct tool_mcp *m, int64_t id)
{
    for (size_t i = 0; i < COUNT(m->calls); i++) {
        if (id > 0 && m->calls[i].id == id) {
            m->calls[i].id = 0;
            return take_ptr(&m->calls[i].call);
        }
    }
    return NULL;
}

/* {"action":"RESPONSE","response":"..."} is spoken as it is; anything else goes back to the model. */
static void end_call(struct tool_call *c, const struct json *result)
{
    auto_buf struct buf text = { 0 };
    auto_json struct json *inner = NULL;
    struct tool_result r = { .then = TOOL_ASK };
    mcp_result_text(&text, result, &r.is_error);
    r.text = buf_slice(&text);
    if (r.text.len > 0 && r.text.data[0] == '{' && json_parse(&inner, r.text, NULL) == OK &&
        slice_is(json_get_text(inner, "action"), "RESPONSE") && json_get_text(inner, "response").len > 0) {
        r.then = TOOL_SAY;
        r.text = json_get_text(inner, "response");
    }
    tool_call_end(c, &r);
}

static void fail_call(struct tool_call *c, struct slice why)
{
    tool_call_fail(c, why.len > 0 ? why : SLICE("The device reported an error."));
}

void tool_mcp_receive(struct tool_mcp *m, const struct json *payload)
{
    struct mcp_in in;
    if (mcp_read(&in, payload) || in.kind == MCP_REQUEST || in.kind == MCP_NOTIFICATION)
        return;
    if (m->list_id != 0 && in.id == m->list_id) {
        if (in.kind == MCP_RESULT)
            take_page(m, in.result);
        else
            finish_list(m, "error");
        return;
    }
    struct tool_call *c = take_call(m, in.id);
    if (!c)
        return; /* initialize, or an answer that comes after its time-out */
    if (in.kind == MCP_RESULT)
        end_call(c, in.result);
    else
        fail_call(c, in.error);
}

bool tool_mcp_broken(struct tool_mcp *m, struct slice message)
{
    int64_t id;
    if (!mcp_salvage_id(message, &id))
        return false;
    if (m->list_id != 0 && id == m->list_id) {
        finish_list(m, "broken");
        return true;
    }
    struct tool_call *c = take_call(m, id);
    if (c)
        fail_call(c, SLICE("The device's answer could not be read."));
    return c != NULL;
}

static enum err call_tool(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args)
{
    struct tool_mcp *m = container_of(s, struct tool_mcp, source);
    for (size_t i = 0; i < COUNT(m->calls); i++) {
        if (m->calls[i].id != 0)
            continue;
        auto_buf struct buf out = { 0 };
        m->calls[i] = (struct call_at){ m->next_id++, c };
        tool_call_tag_set(c, m->calls[i].id);
        mcp_call(&out, m->calls[i].id, tool, args);
        send_payload(m, &out);
        return OK;
    }
    return ERR_BUSY;
}

static void cancel_call(struct tool_source *s, struct tool_call *c)
{
    struct tool_mcp *m = container_of(s, struct tool_mcp, source);
    (void)take_call(m, tool_call_tag(c));
}

enum err tool_mcp_create(struct tool_mcp **out, const struct tool_mcp_opts *o)
{
    struct tool_mcp *m = xnew(struct tool_mcp);
    m->o = *o;
    m->next_id = 1;
    m->vision_url = xstrdup(o->vision_url);
    m->vision_token = xstrdup(o->vision_token);
    m->source = (struct tool_source){ .name = "mcp", .is_device = true, .call = call_tool, .cancel = cancel_call };
    *out = m;
    return OK;
}

void tool_mcp_start(struct tool_mcp *m)
{
    if (m->is_started)
        return;
    m->is_started = true;
    send_initialize(m);
    ask_page(m, SLICE(""));
}

void tool_mcp_vision(struct tool_mcp *m, const char *url, const char *token)
{
    mem_free(m->vision_url);
    mem_free(m->vision_token);
    m->vision_url = xstrdup(url);
    m->vision_token = xstrdup(token);
    if (m->is_started)
        send_initialize(m);
}

bool tool_mcp_is_ready(const struct tool_mcp *m)
{
    return m->is_ready;
}

void tool_mcp_free(struct tool_mcp *m)
{
    if (!m)
        return;
    timer_stop(&m->list_timeout);
    toolbox_remove_all(m->o.box, &m->source);
    for (unsigned i = 0; i < m->pages; i++)
        mem_free(m->cursors[i]);
    mem_free(m->vision_url);
    mem_free(m->vision_token);
    mem_free(m);
}
