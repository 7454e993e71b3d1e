/* SPDX-License-Identifier: MIT
 * past_chats.c -- see past_chats.h. */
#include "modes/past_chats.h"

#include "base/mem.h"
#include "modes/page.h"
#include "store/memory.h"
#include "store/store.h"

struct reading {
    char *device;
    struct buf lines;
};

static enum err read_run(struct db *db, void *input)
{
    struct reading *r = input;
    struct arena a = {0};
    struct chat_summary_row rows[CHAT_SUMMARIES_KEPT];
    size_t count;
    enum err e = db_chat_summary_list(db, r->device, &a, rows, &count);
    for (size_t i = 0; !e && i < count; i++) {
        struct slice line = slice_trim(slice_of(rows[i].text));
        buf_put_byte(&r->lines, '\n');
        buf_put(&r->lines, page_clip(slice_cut(&line, '\n'), PAST_CHAT_CHARS));
    }
    arena_done(&a);
    return e;
}

static void read_done(void *owner, enum err err, void *input)
{
    struct past_chats *p = owner;
    struct reading *r = input;
    p->op = NULL;
    if (!err && r->lines.len)
        p->lines = buf_take(&r->lines);
}

static void read_free(void *input)
{
    struct reading *r = input;
    buf_done(&r->lines);
    mem_free(r->device);
    mem_free(r);
}

static const struct store_op_class read_class = {
    .name = "past_chats", .run = read_run, .done = read_done, .free_input = read_free, .is_read_only = true};

void past_chats_read(struct past_chats *p, struct loop *l, struct store *store, const char *device)
{
    if (p->is_asked || !store)
        return;
    p->is_asked = true;
    struct reading *r = xnew(struct reading);
    r->device = xstrdup(device);
    if (store_start(&p->op, store, l, &read_class, r, p))
        read_free(r);
}

void past_chats_done(struct past_chats *p)
{
    store_cancel(p->op);
    mem_free(p->lines);
    *p = (struct past_chats){0};
}
