/* SPDX-License-Identifier: MIT
 * memory_local_short.c -- one short text per device, made anew after each conversation.
 *
 *   recall:    store --> text
 *   remember:  store: old text, last key --> [same key: done]
 *              --> language model of purpose "memory": old text + conversation -> new text
 *              --> store: new text and key in one transaction
 *
 * Where no model can summarise (only the local rules), what the person said of themselves is kept line by
 * line. A model that fails is an error: the caller tries again later. Without a store nothing is kept. */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "providers/memory.h"
#include "providers/registry.h"
#include "providers/soon.h"
#include "store/memory.h"
#include "store/setting.h"
#include "store/store.h"

enum {
    TEXT_CHARS_MAX = 2000,      /* of the memory of one device */
    CONVERSATION_BYTES_MAX = 24000, /* given to the model: the newest part */
    LINE_CHARS_MAX = 120,       /* of one remembered line without a model */
    SUMMARY_TOKENS_MAX = 800,
};

static const char prompt[] =
    "You keep the long-term memory of a voice assistant about one household. You get the memory so far and a new "
    "conversation. Write the new memory: facts about the people, their wishes, plans and habits, what was promised, "
    "most important first. Leave out small talk. Keep the language of the conversation. Plain text, at most 2000 "
    "characters. Answer with the memory only.";

/* One trip to the store thread; belongs to the operation, the owner may be gone. */
struct trip {
    char *device, *key;         /* key: remember only */
    struct buf text;            /* read, or to write */
    bool is_same_key;
};

struct memory {
    struct soon soon;
    struct config *config;
    struct provider_opts opts;
    char language[24];
    char *device, *key;
    struct buf turns, old_text, new_text;
    struct store_op *op;
    struct llm_use llm;
    bool is_recall, has_ended;
    struct err_note failed;
    const struct memory_events *ev;
    void *user;
};

static void end(struct memory *m, enum err e, const char *text)
{
    struct err_note why = { .err = e };
    snprintf(why.text, sizeof(why.text), "%s", text);
    m->has_ended = true;
    m->ev->on_end(m->user, &why);
}

/* ---- store ---- */

static void free_trip(void *input)
{
    struct trip *t = input;
    mem_free(t->device);
    mem_free(t->key);
    buf_done(&t->text);
    mem_free(t);
}

static enum err run_read(struct db *db, void *input)
{
    struct trip *t = input;
    auto_buf struct buf last = { 0 };
    enum err e = db_memory_get(db, t->device, &t->text);
    if (e && e != ERR_NOT_FOUND)
        return e;
    if (!t->key)
        return OK;
    auto_mem char *name = xprintf("memory.last/%s", t->device);
    e = db_setting_get(db, name, &last);
    t->is_same_key = !e && slice_is(buf_slice(&last), t->key);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err run_write(struct db *db, void *input)
{
    struct trip *t = input;
    auto_mem char *name = xprintf("memory.last/%s", t->device);
    enum err e = db_memory_put(db, t->device, buf_slice(&t->text), clock_wall_ms());
    return e ? e : db_setting_set(db, name, slice_of(t->key));
}

static void on_read(void *owner, enum err e, void *input);
static void on_written(void *owner, enum err e, void *input);

static const struct store_op_class op_read = {
    .name = "memory.read", .run = run_read, .done = on_read, .free_input = free_trip, .is_read_only = true,
};
static const struct store_op_class op_write = {
    .name = "memory.write", .run = run_write, .done = on_written, .free_input = free_trip,
};

static enum err start_trip(struct memory *m, const struct store_op_class *cls, struct slice text)
{
    struct trip *t = xnew(struct trip);
    t->device = xstrdup(m->device);
    t->key = xstrdup(m->key);
    buf_put(&t->text, text);
    enum err e = store_start(&m->op, m->opts.env->store, m->opts.env->loop, cls, t, m);
    if (e) {
        m->op = NULL;
        free_trip(t);
    }
    return e;
}

static void on_written(void *owner, enum err e, void *input)
{
    struct memory *m = owner;
    m->op = NULL;
    end(m, e, e ? "the memory could not be stored" : "");
}

static void write_text(struct memory *m, struct slice text)
{
    size_t at = 0;
    for (unsigned chars = 0; chars < TEXT_CHARS_MAX && at < text.len; chars++)
        utf8_next(text, &at);
    enum err e = start_trip(m, &op_write, slice_trim(slice_sub(text, 0, at)));
    if (e)
        end(m, e, "the memory could not be stored");
}

/* ---- without a model: what people say of themselves, newest first ---- */

static bool is_about_me(struct slice text)
{
    static const char *const signs[] = { "I ", "I'm", "my ", "My ", "remember", "Remember", "我", "记住", "记得" };
    for (size_t i = 0; i < COUNT(signs); i++) {
        if (slice_contains(text, slice_of(signs[i])))
            return true;
    }
    return false;
}

static void write_plain(struct memory *m)
{
    auto_buf struct buf text = { 0 };
    auto_json struct json *turns = NULL;
    struct json_limits limits = { .nodes_max = 20000 };
    if (json_parse(&turns, buf_slice(&m->turns), &limits) == OK) {
        for (size_t i = json_len(turns); i-- > 0;) {
            const struct json *turn = json_at(turns, i);
            struct slice said = slice_trim(json_get_text(turn, "content"));
            if (slice_is(json_get_text(turn, "role"), "user") && is_about_me(said) &&
                utf8_chars(said) <= LINE_CHARS_MAX && !slice_contains(buf_slice(&m->old_text), said) &&
                !slice_contains(buf_slice(&text), said)) {
                buf_put(&text, said);
                buf_puts(&text, "\n");
            }
        }
    }
    buf_put(&text, buf_slice(&m->old_text));
    write_text(m, buf_slice(&text));
}

/* ---- with a model ---- */

static void on_delta(void *user, struct slice text)
{
    struct memory *m = user;
    buf_put(&m->new_text, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
}

static void on_llm_end(void *user, const struct err_note *why)
{
    struct memory *m = user;
    struct err_note note = *why;
    m->llm.cls->close(m->llm.llm);
    m->llm.llm = NULL;
    if (note.err == ERR_UNSUPPORTED)
        write_plain(m);
    else if (note.err)
        end(m, note.err, note.text);
    else if (!slice_trim(buf_slice(&m->new_text)).len)
        end(m, ERR_UPSTREAM, "an empty summary");
    else
        write_text(m, buf_slice(&m->new_text));
}

static void put_conversation(struct memory *m, struct buf *out)
{
    buf_puts(out, "Memory so far:\n");
    buf_put(out, m->old_text.len ? buf_slice(&m->old_text) : SLICE("(nothing)"));
    buf_puts(out, "\n\nNew conversation (JSON):\n");
    struct slice turns = buf_slice(&m->turns);
    if (turns.len > CONVERSATION_BYTES_MAX) {
        size_t from = turns.len - CONVERSATION_BYTES_MAX;
        while (from < turns.len && ((uint8_t)turns.data[from] & 0xC0) == 0x80)
            from++;
        turns = slice_sub(turns, from, turns.len);
    }
    buf_put(out, turns);
}

static void ask_model(struct memory *m)
{
    static const struct llm_events events = {
        .on_delta = on_delta, .on_tool_call = on_tool_call, .on_end = on_llm_end,
    };
    auto_buf struct buf conversation = { 0 };
    put_conversation(m, &conversation);
    struct llm_message messages[] = {
        { .role = LLM_SYSTEM, .text = slice_of(prompt) },
        { .role = LLM_USER, .text = buf_slice(&conversation) },
    };
    struct llm_request rq = {
        .messages = messages, .message_count = COUNT(messages), .tokens_max = SUMMARY_TOKENS_MAX, .purpose = "memory",
    };
    struct use_opts use = { .env = m->opts.env, .config = m->config, .language = m->language, .log = m->opts.log };
    enum err e = llm_open_for(&m->llm, m->opts.env->registry, &use, &rq, &events, m);
    if (e == ERR_UNSUPPORTED)
        write_plain(m);
    else if (e)
        end(m, e, err_text(e));
}

static void on_read(void *owner, enum err e, void *input)
{
    struct memory *m = owner;
    struct trip *t = input;
    m->op = NULL;
    if (e) {
        end(m, e, "the memory could not be read");
    } else if (m->is_recall) {
        if (t->text.len) {
            bool *closed = &m->soon.is_closed;
            m->ev->on_recall(m->user, buf_slice(&t->text));
            if (*closed)
                return;
        }
        end(m, OK, "");
    } else if (t->is_same_key) {
        end(m, OK, "");
    } else {
        buf_put(&m->old_text, buf_slice(&t->text));
        if (m->opts.env->registry && m->config)
            ask_model(m);
        else
            write_plain(m);
    }
}

static void run(void *arg) /* nothing to do, or the store refused */
{
    struct memory *m = arg;
    if (!m->has_ended)
        end(m, m->failed.err, m->failed.err ? "the store is busy" : "");
}

static void free_memory(void *arg)
{
    struct memory *m = arg;
    mem_free(m->device);
    mem_free(m->key);
    buf_done(&m->turns);
    buf_done(&m->old_text);
    buf_done(&m->new_text);
    config_unref(m->config);
    mem_free(m);
}

static struct memory *begin(const struct provider_opts *o, const char *device_id, const char *key,
                            const struct memory_events *ev, void *user)
{
    struct memory *m = xnew(struct memory);
    m->opts = *o;
    m->config = o->config ? config_ref(o->config) : NULL;
    snprintf(m->language, sizeof(m->language), "%s", o->language);
    m->device = xstrdup(device_id);
    m->key = xstrdup(key);
    m->new_text.max = 65536;
    m->ev = ev;
    m->user = user;
    soon_init(&m->soon, o->env->loop, run, free_memory, m);
    return m;
}

static void start(struct memory *m)
{
    m->failed.err = m->opts.env->store ? start_trip(m, &op_read, (struct slice){ NULL, 0 }) : OK;
    if (!m->opts.env->store || m->failed.err)
        soon_kick(&m->soon);
}

static enum err recall(struct memory **out, const struct provider_opts *o, const char *device_id,
                       const struct memory_events *ev, void *user)
{
    struct memory *m = begin(o, device_id, NULL, ev, user);
    m->is_recall = true;
    start(m);
    *out = m;
    return OK;
}

static enum err remember(struct memory **out, const struct provider_opts *o, const struct memory_talk *talk,
                         const struct memory_events *ev, void *user)
{
    struct memory *m = begin(o, talk->device_id, talk->key, ev, user);
    buf_put(&m->turns, talk->turns_json);
    start(m);
    *out = m;
    return OK;
}

static void memory_close(struct memory *m)
{
    m->has_ended = true;
    store_cancel(m->op);
    m->op = NULL;
    if (m->llm.llm)
        m->llm.cls->close(m->llm.llm);
    m->llm.llm = NULL;
    soon_close(&m->soon);
}

extern const struct memory_class memory_local_short;
const struct memory_class memory_local_short = {
    .name = "mem_local_short", .recall = recall, .remember = remember, .close = memory_close,
};
