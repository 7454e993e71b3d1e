/* SPDX-License-Identifier: MIT
 * says.c -- see says.h.
 *
 *     hello, a wish -> fetch the oldest (it is "fetched" on disk) -> dialogue_say -> begun -> played
 *           ^                                                                                  |
 *           +----------------------------------------------------------------------------------+
 *
 * One at a time. A row is marked fetched before its first word, so that a crash can lose a sentence and
 * never repeats one; when the session ends before it had begun, the row waits again. */
#include "gateway/says.h"

#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/session.h"
#include "store/say.h"
#include "store/store.h"

static struct store *store_of(const struct session *s)
{
    return gateway_env_of(s->home->gateway)->store;
}

/* --- marks: nobody waits for them ------------------------------------------------------------------- */

struct mark {
    char id[40];
    const char *state; /* static */
    int64_t now_ms;
};

static enum err mark_run(struct db *db, void *input)
{
    struct mark *m = input;
    enum err e = db_say_mark(db, m->id, m->state, m->now_ms);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Also after the session: what is written here belongs to nobody. */
static const struct store_op_class mark_class = { .name = "say_mark", .run = mark_run, .free_input = mem_free };

static void mark(struct store *store, const char *id, const char *state)
{
    struct mark *m = xnew(struct mark);

    snprintf(m->id, sizeof(m->id), "%s", id);
    m->state = state;
    m->now_ms = clock_wall_ms();
    enum err err = store_start(NULL, store, NULL, &mark_class, m, NULL);
    if (err) {
        LOGW(NULL, "say.mark", "id=%s state=%s why=%s", id, state, err_name(err));
        mem_free(m);
    }
}

/* Something of it was heard. */
static bool was_played(enum outcome o)
{
    return o == OUTCOME_completed || o == OUTCOME_interrupted || o == OUTCOME_aborted;
}

/* --- what was queued -------------------------------------------------------------------------------- */

struct fetch {
    char device[ID_TEXT];
    int64_t now_ms;
    struct arena arena;
    struct say_row row;
    struct store *store;
    bool is_taken, is_heard; /* a row was marked fetched; its session heard of it */
};

static enum err fetch_run(struct db *db, void *input)
{
    struct fetch *f = input;
    enum err e = db_say_fetch(db, f->device, f->now_ms, &f->arena, &f->row);
    f->is_taken = e == OK;
    return e;
}

static void fetch_free(void *input)
{
    struct fetch *f = input;
    if (f->is_taken && !f->is_heard) /* the session went while it was on its way */
        mark(f->store, f->row.id, "queued");
    arena_done(&f->arena);
    mem_free(f);
}

static void fetch(struct session *s);

static void look_later(void *arg)
{
    fetch(arg);
}

static void on_begin(void *user)
{
    struct session *s = user;
    s->says.has_begun = true;
}

static void on_done(void *user, enum outcome o)
{
    struct session *s = user;

    LOGI(&s->log, "say.done", "id=%s outcome=%s", s->says.id, outcome_name(o));
    if (was_played(o))
        mark(store_of(s), s->says.id, "played");
    mem_free(take_ptr(&s->says.id));
    timer_start(&s->says.timer, s->loop, 0, look_later, s);
}

static void fetched(void *owner, enum err err, void *input)
{
    struct session *s = owner;
    struct fetch *f = input;
    struct says *p = &s->says;

    p->op = NULL;
    if (err == ERR_NOT_FOUND && p->looks_again)
        timer_start(&p->timer, s->loop, 0, look_later, s);
    if (err) {
        if (err != ERR_NOT_FOUND)
            LOGW(&s->log, "say.fetch", "why=%s", err_name(err));
        return;
    }
    struct say_opts o = { .is_queued = true, .on_begin = on_begin, .on_done = on_done, .user = s };
    p->id = xstrdup(f->row.id);
    p->has_begun = false;
    f->is_heard = true;
    err = s->state == SESSION_TALKING ? dialogue_say(s->dialogue, slice_of(f->row.text), &o) : ERR_STATE;
    if (err == OK)
        return;
    mem_free(take_ptr(&p->id));
    f->is_heard = false; /* it waits again */
    timer_start(&p->timer, s->loop, SAYS_BUSY_MS, look_later, s);
}

static const struct store_op_class fetch_class = { .name = "say_fetch", .run = fetch_run, .done = fetched,
                                                   .free_input = fetch_free };

static void fetch(struct session *s)
{
    struct says *p = &s->says;

    if (s->state != SESSION_TALKING || p->id || session_is_muted(s))
        return;
    if (p->op) {
        p->looks_again = true;
        return;
    }
    p->looks_again = false;
    struct fetch *f = xnew(struct fetch);
    snprintf(f->device, sizeof(f->device), "%s", s->who.device);
    f->now_ms = clock_wall_ms();
    f->store = store_of(s);
    enum err err = store_start(&p->op, f->store, s->loop, &fetch_class, f, s);
    if (err) {
        fetch_free(f);
        timer_start(&p->timer, s->loop, SAYS_BUSY_MS, look_later, s);
    }
}

void says_begin(struct session *s)
{
    if (!store_of(s) || s->says.is_started)
        return;
    s->says.is_started = true;
    timer_start(&s->says.timer, s->loop, SAYS_HELLO_MS, look_later, s);
}

void says_look(struct session *s)
{
    if (s->says.is_started && !timer_armed(&s->says.timer))
        fetch(s);
}

void says_end(struct session *s)
{
    struct says *p = &s->says;

    timer_stop(&p->timer);
    store_cancel(p->op);
    p->op = NULL;
    if (p->id && !p->has_begun) {
        mark(store_of(s), p->id, "queued");
        gateway_speech_waits(s->home->gateway, s->who.device); /* whoever took over */
    }
    mem_free(take_ptr(&p->id));
    mem_free(take_ptr(&p->live_id));
}

/* --- what is said at once ---------------------------------------------------------------------------- */

static void live_done(void *user, enum outcome o)
{
    struct session *s = user;

    if (was_played(o))
        mark(store_of(s), s->says.live_id, "played");
    mem_free(take_ptr(&s->says.live_id));
    timer_start(&s->says.timer, s->loop, 0, look_later, s);
}

enum err says_live(struct session *s, const char *id, struct slice text)
{
    struct says *p = &s->says;
    bool has_receipt = *id && store_of(s);

    if (session_is_muted(s) || p->live_id)
        return ERR_BUSY;
    p->live_id = has_receipt ? xstrdup(id) : NULL;
    enum err err = dialogue_say(s->dialogue, text,
                                &(struct say_opts){ .on_done = has_receipt ? live_done : NULL, .user = s });
    if (err)
        mem_free(take_ptr(&p->live_id));
    return err;
}
