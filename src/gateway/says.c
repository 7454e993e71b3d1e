/* SPDX-License-Identifier: MIT
 * says.c -- see says.h.
 *
 *   hello -> fetch (marked in the store) -> dialogue says it -> mark played -> fetch the next ... none left
 */
#include "gateway/says.h"

#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "gateway/session.h"
#include "store/say.h"
#include "store/store.h"

struct says {
    struct session *session;
    struct store_op *op;      /* a fetch under way */
    char id[UUID_TEXT];       /* the one being said */
};

struct errand { /* for the store thread */
    char device[ID_TEXT], id[UUID_TEXT];
    struct arena arena;
    struct say_row row;
};

static void errand_free(void *input)
{
    struct errand *e = input;
    arena_done(&e->arena);
    mem_free(e);
}

static enum err fetch_run(struct db *db, void *input)
{
    struct errand *e = input;
    return db_say_fetch(db, e->device, clock_wall_ms(), &e->arena, &e->row);
}

static enum err mark_run(struct db *db, void *input)
{
    struct errand *e = input;
    return db_say_mark(db, e->id, "played", clock_wall_ms());
}

static void fetch(struct says *f);

static void on_said(void *user, enum outcome outcome)
{
    static const struct store_op_class mark = { .name = "say.mark", .run = mark_run, .free_input = errand_free };
    struct says *f = user;

    if (f->session->state >= SESSION_CLOSING)
        return; /* cut off by the end of the session */
    struct errand *e = xnew(struct errand);
    snprintf(e->id, sizeof e->id, "%s", f->id);
    LOGI(&f->session->log, "say.played", "receipt=%s outcome=%s", f->id, outcome_name(outcome));
    if (store_start(NULL, gateway_env_of(f->session->home->gateway)->store, f->session->loop, &mark, e, NULL))
        errand_free(e);
    fetch(f);
}

static void on_fetched(void *owner, enum err err, void *input)
{
    struct says *f = owner;
    const struct errand *e = input;

    f->op = NULL;
    if (err)
        return; /* none left, or the store is ill: they wait for the next hello */
    snprintf(f->id, sizeof f->id, "%s", e->row.id);
    err = dialogue_say(f->session->dialogue, slice_of(e->row.text),
                       &(struct say_opts){ .is_queued = true, .on_done = on_said, .user = f });
    if (err)
        LOGW(&f->session->log, "say.lost", "receipt=%s err=%s", f->id, err_name(err));
}

static void fetch(struct says *f)
{
    static const struct store_op_class take = { .name = "say.fetch", .run = fetch_run, .done = on_fetched,
                                                .free_input = errand_free };
    struct session *s = f->session;
    struct errand *e = xnew(struct errand);

    snprintf(e->device, sizeof e->device, "%s", s->who.device);
    if (store_start(&f->op, gateway_env_of(s->home->gateway)->store, s->loop, &take, e, f))
        errand_free(e);
}

void says_begin(struct session *s)
{
    if (!gateway_env_of(s->home->gateway)->store || session_is_muted(s))
        return;
    s->says = xnew(struct says);
    s->says->session = s;
    fetch(s->says);
}

void says_end(struct session *s)
{
    if (!s->says)
        return;
    store_cancel(s->says->op);
    mem_free(take_ptr(&s->says));
}
