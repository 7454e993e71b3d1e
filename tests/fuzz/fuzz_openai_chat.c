/* SPDX-License-Identifier: MIT
 * fuzz_openai_chat.c -- a chat answer, whole and cut in two: the same is told, whatever the bytes. */
#include "base/mem.h"
#include "providers/openai_chat.h"

struct told {
    struct buf text;
    unsigned calls;
};

static void on_delta(void *user, struct slice text)
{
    struct told *t = user;
    buf_put(&t->text, text);
}

static void on_tool_call(void *user, struct slice id, struct slice name, struct slice args_json)
{
    struct told *t = user;
    t->calls++;
}

static void read_in(struct told *t, struct slice bytes, size_t cut, struct err_note *why)
{
    static const struct llm_events ev = { .on_delta = on_delta, .on_tool_call = on_tool_call };
    bool stopped = false;
    struct chat_reader *c = xnew(struct chat_reader);
    chat_init(c, &ev, t, &stopped, true);
    (void)chat_feed(c, slice_sub(bytes, 0, cut));
    (void)chat_feed(c, slice_sub(bytes, cut, bytes.len));
    chat_end(c, true, 200, why);
    chat_done(c);
    mem_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole = { 0 }, halves = { 0 };
    struct err_note a = { 0 }, b = { 0 };
    struct slice bytes = slice_from(data, size);
    read_in(&whole, bytes, size, &a);
    read_in(&halves, bytes, size / 2, &b);
    if (!a.err && (b.err || !slice_eq(buf_slice(&whole.text), buf_slice(&halves.text)) || whole.calls != halves.calls))
        __builtin_trap();
    buf_done(&whole.text);
    buf_done(&halves.text);
    return 0;
}
