/* SPDX-License-Identifier: MIT
 * meeting.h -- meetings and what was said in them. A text is durable as pending_text
 * before it is acknowledged; merging turns pending texts into segments, which are append-only and searched;
 * a meeting goes open -> finalizing -> done and never back. Store thread. */
#ifndef PARLEY_STORE_MEETING_H
#define PARLEY_STORE_MEETING_H

#include "base/buf.h"
#include "store/db.h"

#define MEETING_SEGMENTS_MAX 20000
#define MEETING_PENDING_MAX 200

enum meeting_state { MEETING_OPEN, MEETING_FINALIZING, MEETING_DONE };

struct meeting_row {
    const char *id, *session, *device, *title;
    enum meeting_state state;
    int64_t started_ms, ended_ms; /* ended 0: open */
    int64_t last_text_ms, left_ms; /* left: the device lost its connection then; 0: it is there */
    int64_t segments, bullets;
    const char *summary, *metrics; /* JSON; "" none yet. Lists leave them "". */
};
/* ERR_EXISTS: the id, or this device has an open meeting. */
must_check enum err db_meeting_open(struct db *db, const struct meeting_row *m);
/* By meeting id, or the session's newest meeting. */
must_check enum err db_meeting_get(struct db *db, const char *id, struct arena *a, struct meeting_row *out);
/* The device's open meeting if its device is there (another session takes it over) or something happened in
 * it at or after since_ms. */
must_check enum err db_meeting_resumable(struct db *db, const char *device, int64_t since_ms, struct arena *a,
                                         struct meeting_row *out);
/* Another session goes on with it (left_ms = 0); db_meeting_left: that session went away (ERR_NOT_FOUND: another
 * one has it). db_meeting_all_left: the process begins, so nobody is there. */
must_check enum err db_meeting_attach(struct db *db, const char *id, const char *session);
must_check enum err db_meeting_left(struct db *db, const char *id, const char *session, int64_t now_ms);
must_check enum err db_meeting_all_left(struct db *db, int64_t now_ms);
/* Durable request to finalize: pending texts become segments, no more input. *was: the state before (a
 * repeat changes nothing). */
must_check enum err db_meeting_finalize(struct db *db, const char *id, int64_t now_ms, enum meeting_state *was);
struct meeting_result {
    const char *title, *summary, *metrics; /* JSON, of seven fields; of figures */
    int64_t bullets;
};
/* The first result, or a better one later (summarize again). */
must_check enum err db_meeting_done(struct db *db, const char *id, const struct meeting_result *r);
/* At the start: what is finalizing; and open ones without a sign since `idle_before_ms`. */
must_check enum err db_meeting_unfinished(struct db *db, int64_t idle_before_ms, size_t limit, struct arena *a,
                                          struct meeting_row **out, size_t *count);
struct meeting_filter {
    const char *device_prefix; /* "" or NULL: all */
    const char *device;        /* the whole of it; the same */
    int64_t from_ms, to_ms;    /* of started_ms; 0: no limit */
    size_t offset, limit;
};
must_check enum err db_meeting_recent(struct db *db, const struct meeting_filter *f, struct arena *a,
                                      struct meeting_row **out, size_t *count);
must_check enum err db_meeting_delete(struct db *db, const char *id); /* ERR_NOT_FOUND, ERR_STATE: open */
/* Keeps the newest `keep` (0: all) by end time that ended after before_ms (0: any); open ones stay.
 * Removes at most `limit`. */
must_check enum err db_meeting_retain(struct db *db, int64_t keep, int64_t before_ms, size_t limit,
                                      int64_t *removed);

/* --- texts and segments ---- */
struct segment_row {
    int64_t id; /* by reading */
    const char *meeting, *text, *speaker, *tag;
    int64_t ts_ms;
};
/* ERR_STATE: not open (input after finalize), ERR_LIMIT: MEETING_PENDING_MAX wait, ERR_NOT_FOUND. */
must_check enum err db_pending_add(struct db *db, const struct segment_row *text);
must_check enum err db_pending_count(struct db *db, const char *meeting, int64_t *count);
/* ERR_LIMIT: the meeting is full (MEETING_SEGMENTS_MAX): what is beyond stays pending. */
must_check enum err db_pending_merge(struct db *db, const char *meeting, int64_t *merged);
struct segment_filter {
    const char *meeting;
    int64_t after_id; /* > 0: only segments after it */
    size_t offset, limit;
};
must_check enum err db_segment_list(struct db *db, const struct segment_filter *f, struct arena *a,
                                    struct segment_row **out, size_t *count); /* in order */
must_check enum err db_segment_last(struct db *db, const char *meeting, size_t limit, struct arena *a,
                                    struct segment_row **out, size_t *count); /* oldest first */

/* --- search ---- */
struct search_hit {
    const char *meeting, *excerpt;
    int64_t ts_ms;
};
#define SEARCH_EXCERPT_BYTES 240
struct search_filter {
    struct slice typed; /* words without case; any run of one or more Chinese characters */
    size_t offset, limit;
};
must_check enum err db_segment_search(struct db *db, const struct search_filter *f, struct arena *a,
                                      struct search_hit **out, size_t *count); /* newest segments first */
/* Rewrites a piece of the index so that removed words leave the file; *more: call again. */
must_check enum err db_search_tidy(struct db *db, bool *more);

/* --- summaries on the way, webhook ---- */
struct checkpoint_row {
    int64_t id, upto_segment, created_ms;
    const char *summary;
};
must_check enum err db_checkpoint_add(struct db *db, const char *meeting, const struct checkpoint_row *c);
must_check enum err db_checkpoint_list(struct db *db, const char *meeting, struct arena *a,
                                       struct checkpoint_row **out, size_t *count);
struct webhook_row {
    int64_t id, tries, next_try_ms, created_ms;
    const char *meeting, *body;
};
must_check enum err db_webhook_put(struct db *db, const char *meeting, struct slice body, int64_t now_ms);
must_check enum err db_webhook_due(struct db *db, int64_t now_ms, size_t limit, struct arena *a,
                                   struct webhook_row **out, size_t *count);
must_check enum err db_webhook_next(struct db *db, int64_t *next_try_ms); /* ERR_NOT_FOUND: none */
must_check enum err db_webhook_done(struct db *db, int64_t id);
/* Next try at next_try_ms; 0: given up, the job is removed. */
must_check enum err db_webhook_failed(struct db *db, int64_t id, int64_t next_try_ms);

#endif
