/* SPDX-License-Identifier: MIT
 * save_job.h -- memories still to be saved: one job per ended session, in order per
 * device, tried until it works or is seven days old. The key makes a job unique for ever: putting it again
 * changes nothing. Store thread. */
#ifndef PARLEY_STORE_SAVE_JOB_H
#define PARLEY_STORE_SAVE_JOB_H

#include "store/db.h"

#define SAVE_JOB_LIFE_MS (7LL * 24 * 3600 * 1000)
#define SAVE_JOB_FIRST_DELAY_MS 5000
#define SAVE_JOB_MAX_DELAY_MS (10 * 60 * 1000)

struct save_job_row {
    int64_t id;          /* by reading */
    const char *device;
    int64_t seq;         /* per device, by db_save_job_put */
    const char *key;     /* idempotency key: the session id */
    const char *session, *payload;
    int64_t tries, next_try_ms, created_ms;
};
/* *is_new false: the key was there (waiting, saved or dropped). */
must_check enum err db_save_job_put(struct db *db, const struct save_job_row *job, bool *is_new);
/* The jobs whose turn it is: the oldest waiting one of each device, if it is due. */
must_check enum err db_save_job_due(struct db *db, int64_t now_ms, size_t limit, struct arena *a,
                                    struct save_job_row **out, size_t *count);
/* When the next one is due; ERR_NOT_FOUND: none waits. */
must_check enum err db_save_job_next(struct db *db, int64_t *next_try_ms);
must_check enum err db_save_job_done(struct db *db, int64_t id, int64_t now_ms);
/* One more try failed: the delay doubles from 5 s to 10 min; *is_dropped when it became too old. */
must_check enum err db_save_job_failed(struct db *db, int64_t id, int64_t now_ms, bool *is_dropped);
must_check enum err db_save_job_waiting(struct db *db, int64_t *count);
/* At the start: sessions with a user's turn and no job. `since_ms`: turns older than this are let be. */
struct lost_session {
    const char *session, *device;
    int64_t ended_ms;
};
must_check enum err db_save_job_lost(struct db *db, int64_t since_ms, size_t limit, struct arena *a,
                                     struct lost_session **out, size_t *count);
/* Forgets finished jobs; keep them longer than turns, their key says "this session was saved". */
must_check enum err db_save_job_expire(struct db *db, int64_t ended_before_ms);

#endif
