/* SPDX-License-Identifier: MIT
 * saver.h -- conversations that ended, on their way into long memory. A job is in the store before its session's
 * socket closes; this object works on them afterwards: in order per device, tried again with growing delay until
 * it works or is too old, taken up again at the next start.
 *
 *   session ends -> save job in the store -> saver_look -> memory provider -> job done
 *
 * One per process, at home on one loop. Delivery is at least once; the job's key makes repeats harmless. */
#ifndef PARLEY_DIALOGUE_SAVER_H
#define PARLEY_DIALOGUE_SAVER_H

#include "providers/registry.h"

#define SAVER_AT_ONCE 4          /* jobs of different devices */
#define SAVER_LOST_DAYS 7        /* turns older than this are not made into jobs at the start */
#define SAVER_LOOK_MS 60000      /* at least this often */
#define SAVER_SUMMARY_BYTES 120  /* the one line kept of a chat */

struct saver;
struct store;
struct config_holder;

struct saver_opts {
    struct loop *loop;
    const struct provider_env *env; /* of that loop */
    struct registry *registry;
    struct store *store;
    struct config_holder *config;
};
must_check enum err saver_create(struct saver **out, const struct saver_opts *o);
void saver_look(struct saver *s);   /* a job was put into the store; any thread */
/* Around a write that puts one: from the first call on the saver is busy. Any thread. */
void saver_expect(struct saver *s);
void saver_arrived(struct saver *s); /* the write ended, well or not; looks */
bool saver_is_busy(const struct saver *s); /* a job comes, is looked for or saved; not: waits for its next try */
void saver_stop(struct saver *s);   /* what is not done stays in the store; NULL is fine */
void saver_free(struct saver *s);   /* after the store and the sessions; NULL is fine */
/* The one line that is kept of a chat: what the person asked first. */
void saver_line(struct buf *out, struct slice turns_json);

#endif
