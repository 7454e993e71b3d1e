/* SPDX-License-Identifier: MIT
 * history.c -- the dialogue as a list of messages that never grows past its budget. */
#include "dialogue/history.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

#define TOKENS_PER_MESSAGE 4
#define TOKENS_DEFAULT 8000

unsigned history_tokens_of(struct slice text)
{
    size_t ideographs = 0, other_bytes = 0;
    for (size_t at = 0;;) {
        size_t from = at;
        int32_t c = utf8_next(text, &at);
        if (c < 0)
            break;
        if (utf8_is_cjk((uint32_t)c))
            ideographs++;
        else
            other_bytes += at - from;
    }
    return (unsigned)(ideographs + (other_bytes + 3) / 4);
}

static unsigned entry_tokens(const struct history_entry *e)
{
    return TOKENS_PER_MESSAGE + history_tokens_of(slice_of(e->text)) + history_tokens_of(slice_of(e->calls_json));
}

static void entry_done(struct history *h, struct history_entry *e)
{
    h->tokens -= e->tokens;
    mem_free(e->text);
    mem_free(e->calls_json);
    mem_free(e->call_id);
}

void history_done(struct history *h)
{
    for (size_t i = 0; i < h->count; i++)
        entry_done(h, &h->entries[i]);
    mem_free(h->entries);
    *h = (struct history){ .tokens_max = h->tokens_max };
}

/* Drops the oldest turn: everything before the second message of the user. False: there is only one. */
static bool drop_turn(struct history *h)
{
    size_t n = 1;
    while (n < h->count && h->entries[n].role != LLM_USER)
        n++;
    if (n >= h->count)
        return false;
    for (size_t i = 0; i < n; i++)
        entry_done(h, &h->entries[i]);
    h->count -= n;
    memmove(h->entries, h->entries + n, h->count * sizeof *h->entries);
    return true;
}

static struct history_entry *entry_add(struct history *h, enum llm_role role, struct slice text)
{
    while (h->count >= HISTORY_ENTRIES_MAX && drop_turn(h)) {
    }
    if (h->count >= HISTORY_ENTRIES_MAX) { /* one turn of four hundred messages: its beginning goes */
        entry_done(h, &h->entries[0]);
        memmove(h->entries, h->entries + 1, --h->count * sizeof *h->entries);
    }
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 8;
        h->entries = xrealloc(h->entries, h->cap * sizeof *h->entries);
    }
    struct history_entry *e = &h->entries[h->count++];
    *e = (struct history_entry){ .role = role };
    e->text = xslicedup(slice_sub(text, 0, utf8_cut(text, HISTORY_ENTRY_MAX_BYTES)));
    return e;
}

static void entry_count(struct history *h, struct history_entry *e)
{
    e->tokens = entry_tokens(e);
    h->tokens += e->tokens;
}

void history_add(struct history *h, enum llm_role role, struct slice text)
{
    entry_count(h, entry_add(h, role, text));
}

void history_add_calls(struct history *h, struct slice text, struct slice calls_json)
{
    struct history_entry *e = entry_add(h, LLM_ASSISTANT, text);
    e->calls_json = xslicedup(calls_json);
    entry_count(h, e);
}

void history_add_result(struct history *h, struct slice call_id, struct slice text)
{
    struct history_entry *e = entry_add(h, LLM_TOOL, text);
    e->call_id = xslicedup(call_id);
    entry_count(h, e);
}

static void result_shorten(struct history *h, struct history_entry *e)
{
    struct slice text = slice_of(e->text);
    if (text.len <= HISTORY_RESULT_OLD_BYTES)
        return;
    size_t cut = utf8_cut(text, HISTORY_RESULT_OLD_BYTES);
    char *shorter = xprintf("%.*s ...", (int)cut, e->text);
    mem_free(e->text);
    e->text = shorter;
    h->tokens -= e->tokens;
    entry_count(h, e);
}

void history_trim(struct history *h)
{
    for (size_t i = 0; i < h->count; i++) {
        if (h->entries[i].role == LLM_TOOL)
            result_shorten(h, &h->entries[i]);
    }
    unsigned max = h->tokens_max ? h->tokens_max : TOKENS_DEFAULT;
    while (h->tokens > max && drop_turn(h)) {
    }
}

struct llm_message *history_messages(const struct history *h, struct slice system, size_t *count)
{
    struct llm_message *out = xalloc((h->count + 1) * sizeof *out);
    size_t n = 0;
    if (system.len)
        out[n++] = (struct llm_message){ .role = LLM_SYSTEM, .text = system };
    for (size_t i = 0; i < h->count; i++) {
        const struct history_entry *e = &h->entries[i];
        out[n++] = (struct llm_message){ .role = e->role, .text = slice_of(e->text),
                                         .tool_calls_json = slice_of(e->calls_json),
                                         .tool_call_id = slice_of(e->call_id) };
    }
    *count = n;
    return out;
}

bool history_json(const struct history *h, struct buf *out)
{
    struct jw w;
    bool has_user = false;
    jw_init(&w, out);
    jw_array(&w);
    for (size_t i = 0; i < h->count; i++) {
        const struct history_entry *e = &h->entries[i];
        if (e->role != LLM_USER && (e->role != LLM_ASSISTANT || !*e->text))
            continue;
        has_user = has_user || e->role == LLM_USER;
        jw_object(&w);
        jw_cstr(&w, "role", e->role == LLM_USER ? "user" : "assistant");
        jw_cstr(&w, "content", e->text);
        jw_end(&w);
    }
    jw_end(&w);
    return has_user;
}

size_t history_bytes(const struct history *h)
{
    size_t bytes = h->cap * sizeof *h->entries;
    for (size_t i = 0; i < h->count; i++)
        bytes += strlen(h->entries[i].text) + (h->entries[i].calls_json ? strlen(h->entries[i].calls_json) : 0);
    return bytes;
}
