/* SPDX-License-Identifier: MIT
 * upkeep.c -- what the store forgets by itself, from a slow timer on loop 0: one bounded piece on the
 * store's thread, and while there is more, another one soon after, so that nobody's commit waits long. */
#include "main/private.h"

#define LOG_TOPIC "main"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include "store/upkeep.h"

#define FIRST_MS 60000 /* the start belongs to the devices that come back */
#define EVERY_MS (15 * 60 * 1000)
#define MORE_MS 1000

static enum err run(struct db *db, void *input)
{
    return db_upkeep(db, input);
}

static void look(void *arg);

static void done(void *owner, enum err err, void *input)
{
    struct server *s = owner;
    struct upkeep *u = input;

    s->upkeep = NULL;
    if (err)
        LOGW(NULL, "store.upkeep", "result=failed why=%s", err_name(err));
    timer_start(&s->upkeep_timer, s->loops[0].loop, !err && u->more ? MORE_MS : EVERY_MS, look, s);
}

static const struct store_op_class upkeep_class = { .name = "upkeep", .run = run, .done = done,
                                                    .free_input = mem_free };

static void look(void *arg)
{
    struct server *s = arg;
    struct config *cfg = config_now(s->config);
    struct upkeep *u = xnew(struct upkeep);

    *u = (struct upkeep){ .now_ms = clock_wall_ms(), .meetings_kept = cfg->meeting_retention_count,
                          .meeting_days = cfg->meeting_retention_days };
    config_unref(cfg);
    enum err err = store_start(&s->upkeep, s->store, s->loops[0].loop, &upkeep_class, u, s);
    if (err) { /* the store has more urgent things to do */
        mem_free(u);
        timer_start(&s->upkeep_timer, s->loops[0].loop, EVERY_MS, look, s);
    }
}

void upkeep_start(struct server *s)
{
    timer_start(&s->upkeep_timer, s->loops[0].loop, FIRST_MS, look, s);
}

void upkeep_stop(struct server *s)
{
    timer_stop(&s->upkeep_timer);
    store_cancel(s->upkeep);
    s->upkeep = NULL;
}
