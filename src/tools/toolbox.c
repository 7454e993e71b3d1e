/* SPDX-License-Identifier: MIT
 * toolbox.c -- the table of tools and the calls under way.
 *
 * A call is a small object that outlives its answer by one round of the loop: answers given inside
 * toolbox_call are delivered afterwards, so that nobody is called back from inside a call of his own. */
#include "tools/toolbox.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "loop/timer.h"
#include "tools/tool.h"

#include <stdio.h>

#define LOG_TOPIC "tools"
#define DESCRIPTION_MAX_BYTES 4096
#define SCHEMA_MAX_BYTES 16384
#define SUFFIX_MAX 99 /* of names that collide */
#define DEVICE_ARGS_DEPTH_MAX 4    /* a device parses on a small stack: its messages have 8 levels and 8 KB */
#define DEVICE_ARGS_MAX_BYTES 6000
#define TOOLS_FIRST 4 /* room in a new table */

static const char empty_schema[] = "{\"type\":\"object\",\"properties\":{}}";

struct tool {
    struct tool_source *source;
    char offered[TOOL_NAME_MAX_BYTES + 1]; /* as the model knows it */
    char *name, *description, *schema;     /* as its source knows it */
};

struct tool_call {
    struct node node;
    struct toolbox *box;
    struct tool_source *source; /* NULL: it has answered, or is gone */
    tool_done_fn *on_done;      /* NULL: cancelled */
    void *user;
    struct timer timeout;
    struct grave grave;
    int64_t tag;
    bool is_calling;            /* inside source->call: an answer waits */
    bool is_ended, is_queued, is_buried; /* answered; to be delivered; to be freed */
    enum err err;
    enum tool_then then;
    bool is_error;
    struct buf text;
};

struct toolbox {
    struct toolbox_opts o;
    struct tool *tools; /* of sources; what is built in comes before them and is in tools_built_in only */
    size_t count, cap;
    unsigned generation, calls_alive;
    struct list calls;
};

enum err toolbox_create(struct toolbox **out, const struct toolbox_opts *o)
{
    struct toolbox *t = xnew(struct toolbox);
    t->o = *o;
    if (t->o.timeout_ms == 0)
        t->o.timeout_ms = TOOL_TIMEOUT_DEFAULT_MS;
    list_init(&t->calls);
    *out = t;
    return OK;
}

/* --- what is built in ------------------------------------------------------------------------------- */

static enum err run_built_in(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args)
{
    for (const struct tool_class *const *at = tools_built_in; *at; at++)
        if (slice_is(tool, (*at)->name))
            return (*at)->run(c, args);
    return ERR_NOT_FOUND;
}

static struct tool_source built_in = { .name = "builtin", .call = run_built_in }; /* never written to */

static const struct tool_class *built_in_at(const struct toolbox *t, size_t i)
{
    for (const struct tool_class *const *at = tools_built_in; *at && !t->o.is_bare; at++)
        if (i-- == 0)
            return *at;
    return NULL;
}

static const struct tool_class *built_in_named(const struct toolbox *t, struct slice name)
{
    const struct tool_class *tool;
    for (size_t i = 0; (tool = built_in_at(t, i)); i++)
        if (slice_is(name, tool->name))
            return tool;
    return NULL;
}

static size_t built_in_count(const struct toolbox *t)
{
    size_t n = 0;
    while (built_in_at(t, n))
        n++;
    return n;
}

/* --- calls ------------------------------------------------------------------------------------------ */

static void bury(void *arg)
{
    struct tool_call *c = arg;
    buf_done(&c->text);
    mem_free(c);
}

static void retire(struct tool_call *c)
{
    timer_stop(&c->timeout);
    list_unlink(&c->node);
    c->box->calls_alive--;
    c->is_buried = true;
    if (!c->is_queued)
        loop_later(c->box->o.loop, &c->grave, bury, c);
}

/* The last step of every call that was not cancelled. */
static void deliver(struct tool_call *c)
{
    struct tool_result r = { .then = c->then, .is_error = c->is_error, .text = buf_slice(&c->text) };
    tool_done_fn *on_done = c->on_done;
    void *user = c->user;
    enum err e = c->err;

    c->on_done = NULL;
    retire(c);
    if (on_done)
        on_done(user, e, &r);
}

static void deliver_later(void *arg)
{
    struct tool_call *c = arg;
    c->is_queued = false;
    if (c->is_buried)
        bury(c);
    else
        deliver(c);
}

static void queue_delivery(struct tool_call *c)
{
    c->is_queued = true;
    loop_later(c->box->o.loop, &c->grave, deliver_later, c);
}

static void settle(struct tool_call *c, enum err e, const struct tool_result *r)
{
    assert(!c->is_ended);
    c->is_ended = true;
    c->source = NULL;
    c->err = e;
    c->then = r->then;
    c->is_error = r->is_error;
    buf_put(&c->text, slice_sub(r->text, 0, utf8_cut(r->text, TOOL_RESULT_MAX_BYTES)));
    if (!c->is_calling)
        deliver(c);
}

static void settle_badly(struct tool_call *c, enum err e, const char *why)
{
    settle(c, e, &(struct tool_result){ .then = TOOL_ASK, .is_error = true, .text = slice_of(why) });
}

void tool_call_end(struct tool_call *c, const struct tool_result *r)
{
    settle(c, OK, r);
}

void tool_call_text(struct tool_call *c, struct slice text)
{
    tool_call_end(c, &(struct tool_result){ .then = TOOL_ASK, .text = text });
}

void tool_call_fail(struct tool_call *c, struct slice text)
{
    tool_call_end(c, &(struct tool_result){ .then = TOOL_ASK, .is_error = true, .text = text });
}

static void forget_at_source(struct tool_call *c)
{
    struct tool_source *s = c->source;
    c->source = NULL;
    if (s && s->cancel)
        s->cancel(s, c);
}

static void on_timeout(void *arg)
{
    struct tool_call *c = arg;
    LOGW(c->box->o.log, "tool.timeout", "ms=%u", c->box->o.timeout_ms);
    forget_at_source(c);
    settle_badly(c, ERR_TIMEOUT, "The tool did not answer in time.");
}

void tool_call_cancel(struct tool_call *c)
{
    if (!c || c->is_buried)
        return;
    c->on_done = NULL;
    forget_at_source(c);
    c->is_ended = true;
    retire(c); /* with an answer that waited */
}

/* Who fulfils the tool, and what it is called there. */
struct found {
    struct tool_source *source; /* NULL: there is no such tool */
    const char *name;
};

static struct found find(const struct toolbox *t, struct slice name)
{
    const struct tool_class *server = built_in_named(t, name);
    if (server)
        return (struct found){ &built_in, server->name };
    for (size_t i = 0; i < t->count; i++)
        if (slice_is(name, t->tools[i].offered))
            return (struct found){ t->tools[i].source, t->tools[i].name };
    for (size_t i = 0; i < t->count; i++)
        if (slice_is(name, t->tools[i].name))
            return (struct found){ t->tools[i].source, t->tools[i].name };
    return (struct found){ NULL, NULL };
}

enum err toolbox_call(struct tool_call **out, struct toolbox *t, struct slice name, struct slice args_json,
                      tool_done_fn *on_done, void *user)
{
    assert_on_loop(t->o.loop);
    auto_json struct json *args = NULL;
    struct found tool = find(t, name);
    if (!tool.source)
        return ERR_NOT_FOUND;
    if (t->calls_alive >= TOOLBOX_CALLS_MAX)
        return ERR_BUSY;
    static const struct json_limits device_limits = { .depth_max = DEVICE_ARGS_DEPTH_MAX };
    bool is_device = tool.source->is_device;
    struct slice text = slice_trim(args_json);
    if (is_device && text.len > DEVICE_ARGS_MAX_BYTES)
        return ERR_INVALID;
    if (json_parse(&args, text.len > 0 ? text : SLICE("{}"), is_device ? &device_limits : NULL) ||
        !json_is(args, JSON_OBJECT))
        return ERR_INVALID;

    struct tool_call *c = xnew(struct tool_call);
    c->box = t;
    c->source = tool.source;
    c->on_done = on_done;
    c->user = user;
    list_push(&t->calls, &c->node);
    t->calls_alive++;
    timer_start(&c->timeout, t->o.loop, t->o.timeout_ms, on_timeout, c);
    LOGD(t->o.log, "tool.call", "tool=%s source=%s", tool.name, tool.source->name);
    *out = c;

    c->is_calling = true;
    enum err e = tool.source->call(tool.source, c, slice_of(tool.name), args);
    if (e && !c->is_ended)
        settle_badly(c, e, err_text(e));
    c->is_calling = false;
    if (c->is_ended) {
        timer_stop(&c->timeout);
        queue_delivery(c);
    }
    return OK;
}

void tool_call_tag_set(struct tool_call *c, int64_t tag)
{
    c->tag = tag;
}

int64_t tool_call_tag(const struct tool_call *c)
{
    return c->tag;
}

/* --- the table ---------------------------------------------------------------------------------------- */

static void fit_name(char out[TOOL_NAME_MAX_BYTES + 1], struct slice name)
{
    size_t len = MIN(name.len, (size_t)TOOL_NAME_MAX_BYTES);
    for (size_t i = 0; i < len; i++) {
        char c = name.data[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                    c == '-';
        out[i] = fine ? c : '_';
    }
    out[len] = '\0';
}

static bool is_taken(const struct toolbox *t, const char *offered)
{
    if (built_in_named(t, slice_of(offered)))
        return true;
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tools[i].offered, offered) == 0)
            return true;
    return false;
}

/* A name of the model's alphabet that nobody has: with a number behind it if need be. */
static bool choose_name(const struct toolbox *t, struct slice name, char out[TOOL_NAME_MAX_BYTES + 1])
{
    fit_name(out, name);
    size_t len = strlen(out);
    for (unsigned n = 2; is_taken(t, out); n++) {
        if (n > SUFFIX_MAX)
            return false;
        size_t keep = MIN(len, (size_t)TOOL_NAME_MAX_BYTES - 3);
        snprintf(out + keep, 4, "_%u", n);
    }
    return true;
}

static void insert(struct toolbox *t, size_t at, const struct tool *tool)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? MIN(t->cap * 2, (size_t)TOOLBOX_TOOLS_MAX) : TOOLS_FIRST;
        t->tools = xrealloc(t->tools, t->cap * sizeof(*t->tools));
    }
    memmove(&t->tools[at + 1], &t->tools[at], (t->count - at) * sizeof(*t->tools));
    t->tools[at] = *tool;
    t->count++;
    t->generation++;
}

static bool is_full_of_device_tools(const struct toolbox *t)
{
    size_t count = 0;
    while (count < t->count && t->tools[t->count - 1 - count].source->is_device) /* they stand at the end */
        count++;
    return t->o.device_tools_max && count >= t->o.device_tools_max;
}

enum err toolbox_add(struct toolbox *t, struct tool_source *s, const struct tool_offer *o)
{
    struct tool tool = { .source = s };
    if (o->name.len == 0)
        return ERR_INVALID;
    if (toolbox_count(t) == TOOLBOX_TOOLS_MAX || (s->is_device && is_full_of_device_tools(t)))
        return ERR_LIMIT;
    for (size_t i = 0; i < t->count; i++)
        if (t->tools[i].source == s && slice_is(o->name, t->tools[i].name))
            return ERR_EXISTS;
    if (!choose_name(t, o->name, tool.offered))
        return ERR_LIMIT;

    tool.name = xslicedup(o->name);
    tool.description = xslicedup(slice_sub(o->description, 0, utf8_cut(o->description, DESCRIPTION_MAX_BYTES)));
    bool has_schema = o->schema_json.len > 0 && o->schema_json.len <= SCHEMA_MAX_BYTES;
    tool.schema = has_schema ? xslicedup(o->schema_json) : xstrdup(empty_schema);
    size_t at = t->count;
    while (!s->is_device && at > 0 && t->tools[at - 1].source->is_device)
        at--;
    insert(t, at, &tool);
    return OK;
}

static void free_tool(struct tool *tool)
{
    mem_free(tool->name);
    mem_free(tool->description);
    mem_free(tool->schema);
}

static void end_calls_of(struct toolbox *t, const struct tool_source *s)
{
    list_each (&t->calls, n) {
        struct tool_call *c = container_of(n, struct tool_call, node);
        if (c->source != s)
            continue;
        c->source = NULL;
        c->is_calling = true; /* told at the top of the loop, not from inside this */
        settle_badly(c, ERR_CLOSED, "The device that offered this tool is gone.");
        c->is_calling = false;
        timer_stop(&c->timeout);
        queue_delivery(c);
    }
}

void toolbox_remove_all(struct toolbox *t, struct tool_source *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->tools[i].source == s)
            free_tool(&t->tools[i]);
        else
            t->tools[kept++] = t->tools[i];
    }
    if (kept != t->count)
        t->generation++;
    t->count = kept;
    end_calls_of(t, s);
}

void toolbox_free(struct toolbox *t)
{
    if (!t)
        return;
    list_each (&t->calls, n)
        tool_call_cancel(container_of(n, struct tool_call, node));
    for (size_t i = 0; i < t->count; i++)
        free_tool(&t->tools[i]);
    mem_free(t->tools);
    mem_free(t);
}

size_t toolbox_count(const struct toolbox *t)
{
    return built_in_count(t) + t->count;
}

bool toolbox_at(const struct toolbox *t, size_t i, struct tool_info *out)
{
    const struct tool_class *server = built_in_at(t, i);
    if (server) {
        const char *schema = server->schema_json ? server->schema_json : empty_schema;
        *out = (struct tool_info){ slice_of(server->name), slice_of(server->description), slice_of(schema) };
        return true;
    }
    i -= built_in_count(t);
    if (i >= t->count)
        return false;
    const struct tool *tool = &t->tools[i];
    *out = (struct tool_info){ slice_of(tool->offered), slice_of(tool->description), slice_of(tool->schema) };
    return true;
}

bool toolbox_has(const struct toolbox *t, struct slice name)
{
    return find(t, name).source != NULL;
}

unsigned toolbox_generation(const struct toolbox *t)
{
    return t->generation;
}

struct loop *toolbox_loop(const struct toolbox *t)
{
    return t->o.loop;
}

const struct log_ctx *toolbox_log(const struct toolbox *t)
{
    return t->o.log;
}
