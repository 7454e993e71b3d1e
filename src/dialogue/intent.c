/* SPDX-License-Identifier: MIT
 * intent.c -- see intent.h. */
#include "dialogue/intent.h"

#include "base/json.h"
#include "base/utf8.h"
#include "config/settings.h"
#include "tools/toolbox.h"

#define CHAT "continue_chat"

static enum llm_scope local_of(const struct conf *entry, bool is_none)
{
    const char *text = conf_str(entry, "local", is_none ? "none" : "commands");
    static const struct {
        const char *text;
        enum llm_scope scope;
    } rows[] = {
        { "none", LLM_ANYTHING }, { "false", LLM_ANYTHING }, { "off", LLM_ANYTHING }, { "no", LLM_ANYTHING },
        { "all", LLM_KNOWN }, { "true", LLM_KNOWN }, { "on", LLM_KNOWN }, { "yes", LLM_KNOWN },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (slice_eq_nocase(slice_of(text), slice_of(rows[i].text)))
            return rows[i].scope;
    }
    return LLM_COMMANDS;
}

void intent_of(const struct config *c, struct intent *out)
{
    const char *alias = c->selected_module_Intent;
    const struct conf *entry = config_entry(c, "Intent", alias);
    const char *type = conf_str(entry, "type", alias);
    out->kind = strcmp(type, "nointent") == 0 ? INTENT_NONE :
                strcmp(type, "intent_llm") == 0 ? INTENT_LLM : INTENT_FUNCTION_CALL;
    out->local = local_of(entry, out->kind == INTENT_NONE);
    out->rules = conf_str(entry, "rules", "Rules");
}

void intent_prompt(struct buf *out, const struct llm_tool *tools, size_t count)
{
    buf_puts(out, "You decide whether what a person said to a voice assistant asks for one of the tools below. "
                  "Answer with one JSON object and nothing else.\n"
                  "A tool is wanted: {\"function_call\":{\"name\":\"<tool>\",\"arguments\":{...}}}\n"
                  "Anything else, also when you are not sure: {\"function_call\":{\"name\":\"" CHAT "\"}}\n"
                  "Tools:\n");
    for (size_t i = 0; i < count; i++) {
        const struct llm_tool *t = &tools[i];
        buf_puts(out, "- ");
        buf_put(out, t->name);
        buf_puts(out, ": ");
        buf_put(out, slice_sub(t->description, 0, utf8_cut(t->description, INTENT_ABOUT_MAX_BYTES)));
        if (t->schema_json.len && t->schema_json.len <= INTENT_SCHEMA_MAX_BYTES) {
            buf_puts(out, " Arguments: ");
            buf_put(out, t->schema_json);
        }
        buf_puts(out, "\n");
    }
}

/* From the first brace to the last. */
static struct slice object_in(struct slice text)
{
    size_t from = 0, to = text.len;
    while (from < to && text.data[from] != '{')
        from++;
    while (to > from && text.data[to - 1] != '}')
        to--;
    return slice_sub(text, from, to - from);
}

bool intent_read(struct slice reply, const struct toolbox *tools, struct buf *name, struct buf *args)
{
    auto_json struct json *root = NULL;
    struct slice text = object_in(reply);
    if (!text.len || !tools || json_parse(&root, text, NULL))
        return false;
    const struct json *call = json_get(root, "function_call");
    if (!call)
        call = root;
    struct slice tool = slice_trim(json_get_text(call, "name"));
    if (!tool.len || slice_is(tool, CHAT) || !toolbox_has(tools, tool))
        return false;
    buf_put(name, tool);
    const struct json *given = json_get(call, "arguments");
    struct slice as_text = slice_trim(json_text(given)); /* some send the object as a text */
    if (as_text.len)
        buf_put(args, as_text);
    else if (given)
        json_print(args, given);
    if (!args->len)
        buf_puts(args, "{}");
    return true;
}
