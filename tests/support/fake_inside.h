/* SPDX-License-Identifier: MIT
 * fake_inside.h -- what the fakes of each kind (fake_asr.c, ...) share: their scripts, notes, the count of
 * what is live, and a player that turns a script into events on the loop clock.
 *
 * Each fake is a list of events numbered from 0; the player waits first_ms, plays one, waits each_ms,
 * plays the next, and applies the plan's fault when its number comes. */
#ifndef PARLEY_TESTS_FAKE_INSIDE_H
#define PARLEY_TESTS_FAKE_INSIDE_H

#include "loop/timer.h"
#include "providers/soon.h"
#include "tests/support/fake_providers.h"

/* ---- scripts, notes ---- */

enum fake_kind { FAKE_ASR, FAKE_LLM, FAKE_TTS, FAKE_MEMORY, FAKE_KINDS };
enum fake_noted { FAKE_SAID, FAKE_ASKED, FAKE_REMEMBERED, FAKE_NOTED };

/* is_made: of that alias, made when missing; else the one named "" will do as well. */
void *fake_script_of(enum fake_kind kind, const char *alias, size_t bytes, bool is_made);
#define FAKE_SCRIPT(kind, KIND)                                                                     \
    struct fake_##kind##_script *fake_##kind##_script(const char *alias)                            \
    {                                                                                               \
        return fake_script_of(KIND, alias, sizeof(struct fake_##kind##_script), true);              \
    }                                                                                               \
    static struct fake_##kind##_script *script_for(const struct provider_opts *o)                   \
    {                                                                                               \
        return fake_script_of(KIND, o->alias ? o->alias : "", sizeof(struct fake_##kind##_script), false); \
    }
void fake_note(enum fake_noted what, struct slice text); /* a line more */
void fake_opened(void);                                  /* counted by fakes_live() */
void fake_closed(void);

/* ---- the player ---- */

/* step() plays event number n and says whether it was the last; the player then ends the stream. */
struct player {
    struct soon soon;
    struct timer timer;
    struct loop *loop;
    const struct fake_plan *plan;
    struct fake_counts *seen;
    void *owner;
    enum step { STEP_MORE, STEP_WAIT, STEP_END } (*step)(void *owner, unsigned n);
    void (*end)(void *owner, const struct err_note *why);
    unsigned stream, events;
    bool is_running, has_ended;
};
/* The player is inside the owner; the owner's memory goes with it. On an error nothing is to be closed. */
enum err player_open(struct player *p, const struct provider_opts *o, const struct fake_plan *plan,
                     struct fake_counts *seen, void *owner);
void player_start(struct player *p);        /* also after STEP_WAIT */
bool player_is_bad(const struct player *p); /* the plan's faults hold for this stream */
void player_close(struct player *p);

#endif
