/* SPDX-License-Identifier: MIT
 * chat.c -- the mode a session begins in: whatever is said is asked of the language model. */
#include "base/mem.h"
#include "modes/list.h"

struct mode {
    struct dialogue *dialogue;
};

static enum err enter(struct mode **out, struct dialogue *d, const struct json *args)
{
    (void)args;
    *out = xnew(struct mode);
    (*out)->dialogue = d;
    return OK;
}

static void on_heard(struct mode *m, uint32_t turn, struct slice text)
{
    turn_ask(m->dialogue, turn, text);
}

static void leave(struct mode *m, enum err why)
{
    (void)why;
    mem_free(m);
}

const struct mode_class mode_chat = {
    .name = "chat",
    .purpose = "chat",
    .enter = enter,
    .on_heard = on_heard,
    .leave = leave,
};
