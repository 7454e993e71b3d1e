/* SPDX-License-Identifier: MIT
 * fake_memory.c -- the scripted memory: facts, and a note of what is to be remembered. */
#include "tests/support/fake_inside.h"

#include <stdio.h>

#include "base/mem.h"

FAKE_SCRIPT(memory, FAKE_MEMORY)

struct memory {
    struct player player;
    struct fake_memory_script *script;
    const struct memory_events *ev;
    void *user;
    bool is_recall;
};

static enum step memory_step(void *owner, unsigned n)
{
    struct memory *m = owner;
    if (n == 0 && m->is_recall && m->script->facts) {
        m->ev->on_recall(m->user, slice_of(m->script->facts));
        return STEP_MORE;
    }
    return STEP_END;
}

static void memory_end(void *owner, const struct err_note *why)
{
    struct memory *m = owner;
    m->ev->on_end(m->user, why);
}

static enum err memory_open(struct memory **out, const struct provider_opts *o, const struct memory_events *ev,
                            void *user, bool is_recall)
{
    struct memory *m = xnew(struct memory);
    m->script = script_for(o);
    m->ev = ev;
    m->user = user;
    m->is_recall = is_recall;
    enum err e = player_open(&m->player, o, &m->script->plan, &m->script->seen, m);
    if (e) {
        mem_free(m);
        return e;
    }
    m->player.step = memory_step;
    m->player.end = memory_end;
    *out = m;
    player_start(&m->player);
    return OK;
}

static enum err memory_recall(struct memory **out, const struct provider_opts *o, const char *device_id,
                              const struct memory_events *ev, void *user)
{
    return memory_open(out, o, ev, user, true);
}

static enum err memory_remember(struct memory **out, const struct provider_opts *o, const struct memory_talk *talk,
                                const struct memory_events *ev, void *user)
{
    enum err e = memory_open(out, o, ev, user, false);
    if (!e) {
        char line[1024];
        snprintf(line, sizeof(line), "%s %s " SLICE_FMT, talk->device_id, talk->key, SLICE_ARG(talk->turns_json));
        fake_note(FAKE_REMEMBERED, slice_of(line));
    }
    return e;
}

static void memory_close(struct memory *m)
{
    player_close(&m->player);
}

const struct memory_class fake_memory = {
    .name = "fake", .recall = memory_recall, .remember = memory_remember, .close = memory_close,
};
