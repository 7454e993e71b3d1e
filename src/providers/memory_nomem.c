/* SPDX-License-Identifier: MIT
 * memory_nomem.c -- the memory that keeps nothing. */
#include "base/mem.h"
#include "providers/memory.h"
#include "providers/soon.h"

struct memory {
    struct soon soon;
    const struct memory_events *ev;
    void *user;
};

static void run(void *arg)
{
    struct memory *m = arg;
    struct err_note why = { 0 };
    m->ev->on_end(m->user, &why);
}

static enum err begin(struct memory **out, const struct provider_opts *o, const struct memory_events *ev, void *user)
{
    struct memory *m = xnew(struct memory);
    m->ev = ev;
    m->user = user;
    soon_init(&m->soon, o->env->loop, run, mem_free, m);
    soon_kick(&m->soon);
    *out = m;
    return OK;
}

static enum err recall(struct memory **out, const struct provider_opts *o, const char *device_id,
                       const struct memory_events *ev, void *user)
{
    return begin(out, o, ev, user);
}

static enum err remember(struct memory **out, const struct provider_opts *o, const struct memory_talk *talk,
                         const struct memory_events *ev, void *user)
{
    return begin(out, o, ev, user);
}

static void memory_close(struct memory *m)
{
    soon_close(&m->soon);
}

extern const struct memory_class memory_nomem;
const struct memory_class memory_nomem = {
    .name = "nomem", .recall = recall, .remember = remember, .close = memory_close,
};
