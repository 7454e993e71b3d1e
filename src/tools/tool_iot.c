/* SPDX-License-Identifier: MIT
 * tool_iot.c -- descriptors of old devices made into tools.
 *
 * A method has no answer on the wire: the call ends as soon as the command is sent. A property is
 * answered from the states the device reported last. */
#include "tools/tool_iot.h"

#include "base/mem.h"
#include "base/utf8.h"

#define LOG_TOPIC "tools"
#define PROPERTY_UNKNOWN "not reported yet"

struct iot_tool {
    char *device, *member; /* property or method */
    char *tool;            /* as offered to the box: get_<device>_<property>, <device>_<method> */
    char *state;           /* property: last value as JSON; NULL: unknown */
    bool is_property;
};

struct tool_iot {
    struct tool_source source;
    struct tool_iot_opts o;
    struct iot_tool tools[TOOL_IOT_TOOLS_MAX];
    unsigned count, descriptors;
};

static struct iot_tool *find(struct tool_iot *t, struct slice device, struct slice member, bool is_property)
{
    for (unsigned i = 0; i < t->count; i++) {
        struct iot_tool *it = &t->tools[i];
        if (it->is_property == is_property && slice_is(device, it->device) && slice_is(member, it->member))
            return it;
    }
    return NULL;
}

static void write_parameter(struct jw *w, const char *name, const struct json *p)
{
    struct slice type = json_get_text(p, "type"), description = json_get_text(p, "description");
    bool is_known = slice_is(type, "boolean") || slice_is(type, "number") || slice_is(type, "string");
    jw_object_as(w, name);
    jw_str(w, "type", is_known ? type : SLICE("string"));
    if (description.len > 0)
        jw_str(w, "description", description);
    jw_end(w);
}

static void write_schema(struct buf *out, const struct json *parameters)
{
    struct jw w;
    struct slice key;
    const struct json *p;
    jw_init(&w, out);
    jw_object(&w);
    jw_cstr(&w, "type", "object");
    jw_object_as(&w, "properties");
    for (size_t i = 0; json_member(parameters, i, &key, &p); i++) {
        auto_mem char *name = xslicedup(key);
        write_parameter(&w, name, p);
    }
    jw_end(&w);
    jw_end(&w);
}

struct member {
    struct slice device, name;
    const struct json *node;
    bool is_property;
};

static void add_tool(struct tool_iot *t, const struct member *m)
{
    if (t->count == TOOL_IOT_TOOLS_MAX || m->name.len == 0 || find(t, m->device, m->name, m->is_property))
        return;

    auto_buf struct buf schema = { 0 }, name = { 0 };
    struct slice description = json_get_text(m->node, "description");
    if (m->is_property)
        buf_puts(&name, "get_");
    buf_printf(&name, SLICE_FMT "_" SLICE_FMT, SLICE_ARG(m->device), SLICE_ARG(m->name));
    write_schema(&schema, m->is_property ? NULL : json_get(m->node, "parameters"));
    struct tool_offer offer = { buf_slice(&name), description.len > 0 ? description : m->name, buf_slice(&schema) };
    if (toolbox_add(t->o.box, &t->source, &offer))
        return;
    t->tools[t->count++] = (struct iot_tool){
        .device = xslicedup(m->device),
        .member = xslicedup(m->name),
        .tool = buf_take(&name),
        .is_property = m->is_property,
    };
}

static void add_members(struct tool_iot *t, struct slice device, const struct json *members, bool is_property)
{
    struct member m = { .device = device, .is_property = is_property };
    for (size_t i = 0; json_is(members, JSON_OBJECT) && json_member(members, i, &m.name, &m.node); i++)
        add_tool(t, &m);
}

void tool_iot_descriptors(struct tool_iot *t, const struct json *descriptors)
{
    for (size_t i = 0; i < json_len(descriptors); i++) {
        const struct json *d = json_at(descriptors, i);
        struct slice name = json_get_text(d, "name");
        if (name.len == 0 || t->descriptors == TOOL_IOT_DESCRIPTORS_MAX)
            continue;
        unsigned before = t->count;
        add_members(t, name, json_get(d, "properties"), true);
        add_members(t, name, json_get(d, "methods"), false);
        t->descriptors += t->count > before;
    }
}

static void take_state(struct tool_iot *t, struct slice device, const struct json *state)
{
    struct slice key;
    const struct json *value;
    for (size_t i = 0; json_is(state, JSON_OBJECT) && json_member(state, i, &key, &value); i++) {
        struct iot_tool *it = find(t, device, key, true);
        auto_buf struct buf text = { 0 };
        if (!it)
            continue;
        json_print(&text, value);
        if (text.len > TOOL_IOT_STATE_MAX_BYTES)
            continue;
        mem_free(it->state);
        it->state = buf_take(&text);
    }
}

void tool_iot_states(struct tool_iot *t, const struct json *states)
{
    for (size_t i = 0; i < json_len(states) && i < TOOL_IOT_DESCRIPTORS_MAX; i++) {
        const struct json *s = json_at(states, i);
        take_state(t, json_get_text(s, "name"), json_get(s, "state"));
    }
}

static enum err call_tool(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args)
{
    struct tool_iot *t = container_of(s, struct tool_iot, source);
    for (unsigned i = 0; i < t->count; i++) {
        struct iot_tool *it = &t->tools[i];
        if (!slice_is(tool, it->tool))
            continue;
        if (it->is_property) {
            tool_call_text(c, slice_of(it->state ? it->state : PROPERTY_UNKNOWN));
        } else {
            t->o.send(t->o.user, slice_of(it->device), slice_of(it->member), args);
            tool_call_text(c, SLICE("done"));
        }
        return OK;
    }
    return ERR_NOT_FOUND;
}

enum err tool_iot_create(struct tool_iot **out, const struct tool_iot_opts *o)
{
    struct tool_iot *t = xnew(struct tool_iot);
    t->o = *o;
    t->source = (struct tool_source){ .name = "iot", .is_device = true, .call = call_tool };
    *out = t;
    return OK;
}

void tool_iot_free(struct tool_iot *t)
{
    if (!t)
        return;
    toolbox_remove_all(t->o.box, &t->source);
    for (unsigned i = 0; i < t->count; i++) {
        mem_free(t->tools[i].device);
        mem_free(t->tools[i].member);
        mem_free(t->tools[i].tool);
        mem_free(t->tools[i].state);
    }
    mem_free(t);
}
