/* SPDX-License-Identifier: MIT
 * minutes.h -- meetings after their end: summed up in the background, one at a time per meeting, whether
 * or not anybody is still connected; taken up again at the start of the process; webhooks, retention.
 *
 *   finalize is durable -> minutes_finalize -> texts from the store -> model -> stored -> told -> webhook
 *
 * One object per process, at home on one loop; the functions below may be called from any loop. */
#ifndef PARLEY_MODES_MINUTES_H
#define PARLEY_MODES_MINUTES_H

#include "modes/modes.h"

#define MINUTES_RUNNING_MAX 4        /* summaries at one time; others wait in order */
#define MINUTES_LOOK_MS 600000       /* retention, forgotten meetings */

struct minutes;
struct config_holder;

struct minutes_opts {
    struct loop *loop;
    const struct provider_env *env;  /* of that loop */
    const struct modes_env *shared;  /* borrowed; its minutes field need not be set yet */
    struct config_holder *config;
};
/* Takes up what a killed process left. On its loop (or before it runs). */
must_check enum err minutes_create(struct minutes **out, const struct minutes_opts *o);
void minutes_close(struct minutes *k); /* on its loop; work under way is taken up at the next start */

/* The meeting was put into `finalizing` and that is on disk. A repeat awaits the running one. Progress and
 * the summary are posted to its device. Any loop. */
void minutes_finalize(struct minutes *k, const char *meeting);
/* For the API: finalize (request and all), or sum up again. done on loop l: OK, ERR_NOT_FOUND, ... */
typedef void minutes_done_fn(void *arg, enum err err, const char *text);
void minutes_finalize_now(struct minutes *k, struct loop *l, const char *meeting, minutes_done_fn *done, void *arg);
void minutes_summarize_again(struct minutes *k, struct loop *l, const char *meeting, minutes_done_fn *done, void *arg);

/* The message with a stored summary, as devices get it. */
struct minutes_summary {
    const char *summary_json, *session, *meeting;
    const char *from; /* NULL: the device's own */
    int64_t segments, bullets;
    bool is_checkpoint, is_idempotent;
};
void minutes_message(struct buf *out, const struct minutes_summary *s);
/* The message with the newest segments; cut from the front until it fits max_bytes. */
struct segment_row;
void minutes_transcript(struct buf *out, const struct segment_row *segments, size_t count, int64_t total,
                        size_t max_bytes);

#endif
