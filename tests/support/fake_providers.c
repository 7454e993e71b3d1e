/* SPDX-License-Identifier: MIT
 * fake_providers.c -- scripts by alias, what was noted, and the player; see fake_inside.h. */
#include "tests/support/fake_inside.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "providers/registry.h"

enum { ALIASES_MAX = 12, ALIAS_BYTES = 40, NOTE_BYTES = 16384 };

struct scripts {
    char alias[ALIASES_MAX][ALIAS_BYTES];
    unsigned count;
    void *script[ALIASES_MAX];
};

static struct {
    pthread_mutex_t lock;
    struct scripts scripts[FAKE_KINDS];
    char notes[FAKE_NOTED][NOTE_BYTES];
    _Atomic unsigned live;
} fakes = { .lock = PTHREAD_MUTEX_INITIALIZER };

void *fake_script_of(enum fake_kind kind, const char *alias, size_t bytes, bool is_made)
{
    struct scripts *s = &fakes.scripts[kind];
    void *found = NULL, *common = NULL;
    pthread_mutex_lock(&fakes.lock);
    for (unsigned i = 0; i < s->count; i++) {
        if (strcmp(s->alias[i], alias) == 0)
            found = s->script[i];
        if (!s->alias[i][0])
            common = s->script[i];
    }
    if (!found && !is_made && common)
        found = common;
    if (!found) {
        assert(s->count < ALIASES_MAX);
        snprintf(s->alias[s->count], ALIAS_BYTES, "%s", is_made ? alias : "");
        found = s->script[s->count++] = xalloc(bytes);
    }
    pthread_mutex_unlock(&fakes.lock);
    return found;
}

static void forget(struct scripts *s)
{
    for (unsigned i = 0; i < s->count; i++)
        mem_free(s->script[i]);
    memset(s, 0, sizeof(*s));
}

void fakes_add(void *user, struct registry *r)
{
    registry_add_asr(r, &fake_asr);
    registry_add_asr(r, &fake_asr_opus);
    registry_add_llm(r, &fake_llm);
    registry_add_tts(r, &fake_tts);
    registry_add_tts(r, &fake_tts_opus);
    registry_add_vad(r, &fake_vad);
    registry_add_memory(r, &fake_memory);
}

void fakes_reset(void)
{
    assert(fakes.live == 0);
    pthread_mutex_lock(&fakes.lock);
    for (unsigned i = 0; i < FAKE_KINDS; i++)
        forget(&fakes.scripts[i]);
    memset(fakes.notes, 0, sizeof(fakes.notes));
    pthread_mutex_unlock(&fakes.lock);
}

unsigned fakes_live(void)
{
    return fakes.live;
}

void fake_opened(void)
{
    fakes.live++;
}

void fake_closed(void)
{
    fakes.live--;
}

void fake_note(enum fake_noted what, struct slice text)
{
    char *where = fakes.notes[what];
    pthread_mutex_lock(&fakes.lock);
    size_t have = strlen(where);
    snprintf(where + have, NOTE_BYTES - have, SLICE_FMT "\n", SLICE_ARG(text));
    pthread_mutex_unlock(&fakes.lock);
}

static void copy_note(enum fake_noted what, char *out, size_t bytes)
{
    pthread_mutex_lock(&fakes.lock);
    snprintf(out, bytes, "%s", fakes.notes[what]);
    pthread_mutex_unlock(&fakes.lock);
}

void fakes_said(char *out, size_t bytes)
{
    copy_note(FAKE_SAID, out, bytes);
}

void fakes_asked(char *out, size_t bytes)
{
    copy_note(FAKE_ASKED, out, bytes);
}

void fakes_remembered(char *out, size_t bytes)
{
    copy_note(FAKE_REMEMBERED, out, bytes);
}

/* ---- the player ---- */

bool player_is_bad(const struct player *p)
{
    if (p->plan->bad_stream)
        return p->stream + 1 == p->plan->bad_stream;
    return p->plan->bad_streams == 0 || p->stream < p->plan->bad_streams;
}

static void player_tick(void *arg);

static void player_wait(struct player *p, unsigned ms)
{
    if (ms)
        timer_start(&p->timer, p->loop, ms, player_tick, p);
    else
        soon_kick(&p->soon);
}

static void player_end(struct player *p, enum err e, const char *text)
{
    struct err_note why = { .err = e };
    p->has_ended = true;
    p->seen->ends++;
    if (e)
        snprintf(why.text, sizeof(why.text), "%s", text ? text : "scripted failure");
    p->end(p->owner, &why);
}

/* The last statement of each path is the call upwards: it may close us. */
static void player_tick(void *arg)
{
    struct player *p = arg;
    if (p->has_ended || !p->is_running)
        return;
    bool fault = player_is_bad(p) && p->events == p->plan->error_at;
    if (fault && p->plan->hangs)
        return;
    if (fault && p->plan->error) {
        player_end(p, p->plan->error, p->plan->error_text);
        return;
    }
    unsigned n = p->events++;
    unsigned each_ms = p->plan->each_ms;
    bool *closed = &p->soon.is_closed; /* memory stays until the top of the loop */
    switch (p->step(p->owner, n)) {
    case STEP_MORE:
        if (!*closed)
            player_wait(p, each_ms);
        break;
    case STEP_WAIT:
        p->events--;
        p->is_running = false;
        break;
    case STEP_END:
        if (!*closed)
            player_end(p, OK, NULL);
        break;
    }
}

static void player_run(void *owner_player)
{
    player_tick(owner_player);
}

void player_start(struct player *p)
{
    if (p->is_running || p->has_ended)
        return;
    p->is_running = true;
    player_wait(p, p->events == 0 ? p->plan->first_ms : p->plan->each_ms);
}

static void player_free(void *arg)
{
    struct player *p = arg;
    mem_free(p->owner);
}

enum err player_open(struct player *p, const struct provider_opts *o, const struct fake_plan *plan,
                     struct fake_counts *seen, void *owner)
{
    p->plan = plan;
    p->seen = seen;
    p->stream = seen->opens++;
    p->owner = owner;
    if (plan->open_error && player_is_bad(p))
        return plan->open_error;
    p->loop = o->env->loop;
    soon_init(&p->soon, p->loop, player_run, player_free, p);
    seen->live++;
    fake_opened();
    return OK;
}

void player_close(struct player *p)
{
    p->has_ended = true;
    p->seen->closes++;
    p->seen->live--;
    fake_closed();
    timer_stop(&p->timer);
    soon_close(&p->soon);
}

