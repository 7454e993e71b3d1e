/* SPDX-License-Identifier: MIT
 * upkeep.h -- what the store forgets by itself, a bounded piece per call so that no commit waits long:
 * old turns, finished jobs, meetings beyond their retention, messages nobody fetched. Store thread. */
#ifndef PARLEY_STORE_UPKEEP_H
#define PARLEY_STORE_UPKEEP_H

#include "store/db.h"

#define UPKEEP_ROWS 200                              /* removed by one call, per table */
#define UPKEEP_TURNS_MS (90LL * 24 * 3600 * 1000)    /* turns are kept */
#define UPKEEP_JOBS_MS (97LL * 24 * 3600 * 1000)     /* finished save jobs: longer than turns */
#define UPKEEP_SAY_MS (7LL * 24 * 3600 * 1000)       /* receipts */

struct upkeep {
    int64_t now_ms;
    int64_t meetings_kept; /* meeting.retention_count; 0: all */
    int64_t meeting_days;  /* meeting.retention_days; 0: no limit */
    bool more;             /* out: call again soon */
};
must_check enum err db_upkeep(struct db *db, struct upkeep *u);

#endif
