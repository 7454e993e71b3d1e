/* SPDX-License-Identifier: MIT
 * dworld.h -- what a server has below its sessions, for tests: configuration out of a text, a store in
 * the test's folder, auth, a loop; time is a number. */
#ifndef PARLEY_TESTS_SUPPORT_DWORLD_H
#define PARLEY_TESTS_SUPPORT_DWORLD_H

#include "config/settings.h"
#include "devices/auth.h"
#include "loop/loop.h"
#include "store/store.h"

struct dworld {
    struct config_holder *config;
    struct store *store;
    struct auth *auth;
    struct loop *loop;
};
extern int64_t dworld_now_ms;                /* what auth takes for the time */
int64_t dworld_clock(void);

/* Opens everything; yaml is the whole configuration file. Aborts with a sentence when it cannot. */
void dworld_open(struct dworld *w, const char *yaml);
void dworld_config(struct dworld *w, const char *yaml); /* another file, reloaded */
void dworld_reopen(struct dworld *w);                   /* as after a restart: same store */
void dworld_close(struct dworld *w);
void dworld_forget(void);                              /* its folder; for those who close the rest themselves */
/* Runs the loop until *flag is true, for 5 s at most. */
bool dworld_until(struct dworld *w, const bool *flag);
/* For calls that answer later with an error: dworld_hear is their done, one of these their user. */
struct dworld_answer {
    bool is_done;
    enum err err;
};
void dworld_hear(void *user, enum err err);
enum err dworld_heard(struct dworld *w, const struct dworld_answer *h); /* waits for it; what it was */
void dworld_settle(struct dworld *w);                   /* until the store has nothing left */
struct identity dworld_identity(const char *device, const char *client, const char *address, const char *token);

#endif
