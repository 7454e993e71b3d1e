/* SPDX-License-Identifier: MIT
 * upkeep.c -- see upkeep.h. */
#include "store/upkeep.h"

#include "store/meeting.h"
#include "store/peer_message.h"
#include "store/save_job.h"
#include "store/say.h"
#include "store/turn.h"

#define DAY_MS (24LL * 3600 * 1000)
#define MEETINGS_PER_CALL 4 /* each may hold thousands of segments */

enum err db_upkeep(struct db *db, struct upkeep *u)
{
    bool more_turns = false, more_index = false;
    int64_t meetings = 0, gone;
    int64_t ended_before = u->meeting_days > 0 ? u->now_ms - u->meeting_days * DAY_MS : 0;
    enum err e = db_turn_expire(db, u->now_ms - UPKEEP_TURNS_MS, UPKEEP_ROWS, &more_turns);
    if (!e)
        e = db_save_job_expire(db, u->now_ms - UPKEEP_JOBS_MS);
    if (!e)
        e = db_meeting_retain(db, u->meetings_kept, ended_before, MEETINGS_PER_CALL, &meetings);
    if (!e)
        e = db_peer_expire(db, u->now_ms, &gone);
    if (!e)
        e = db_say_expire(db, u->now_ms, u->now_ms - UPKEEP_SAY_MS, &gone);
    if (!e && meetings == 0)
        e = db_search_tidy(db, &more_index);
    u->more = more_turns || meetings == MEETINGS_PER_CALL;
    return e;
}
