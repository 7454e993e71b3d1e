/* SPDX-License-Identifier: MIT
 * meeting_inside.h -- private to meeting.c and its meeting_*.c: the meeting of one session, and what it asks
 * of the store. */
#ifndef PARLEY_MODES_MEETING_INSIDE_H
#define PARLEY_MODES_MEETING_INSIDE_H

#include "modes/inside.h"
#include "modes/intake.h"
#include "store/meeting.h"

struct summarize;

enum meeting_stage { STAGE_STARTING, STAGE_OPEN, STAGE_OVER };

/* Lives until its last store operation is over; modes NULL: closed. */
struct meeting {
    struct modes *modes;
    struct loop *loop;
    const struct modes_env *shared;
    enum meeting_stage stage;
    char *id;
    int64_t started_ms;
    struct intake intake;
    struct timer merge, push, checkpoint;
    struct summarize *summarize;
    int64_t checkpoint_upto, checkpoint_segments, checkpoint_total, last_sent_segment;
    char *req_id;
    bool was_asked; /* by the `mode` message or by voice, else resumed by hello */
    bool is_push_running, is_full;
    unsigned noted; /* bit per enum text_note: told in the log */
    unsigned refs;
    struct grave grave;
};

/* An operation on the store whose input names its meeting; done comes only while that is alive. */
struct meeting_work {
    struct meeting *meeting;
    struct arena arena;
    char *id;
    int64_t now_ms;
    /* start */
    struct meeting_row row;
    int64_t since_ms;
    const char *device, *session;
    bool only_resume, was_resumed;
    /* texts */
    struct segment_row *texts;
    size_t text_count, dropped, refused; /* refused: by the store, some of those dropped */
    char *req_id;
    bool has_ack;
    /* reading back */
    struct segment_row *segments;
    size_t segment_count;
    int64_t total, after_id;
    /* finalize */
    enum meeting_state was;
    bool has_mode_ok;
    int64_t started_ms;
    int64_t pending;
    /* checkpoint */
    struct checkpoint_row checkpoint;
};

struct meeting_work *meeting_work_make(struct meeting *t);
/* On an error the work is freed. */
enum err meeting_work_start(struct meeting_work *k, const struct store_op_class *cls);
void meeting_work_free(void *input);

/* has_ack: the finalize message is owed; has_mode_ok: so is the answer to `mode end`. */
void meeting_finalize(struct modes *m, bool has_ack, bool has_mode_ok, struct slice req_id);
/* The same for one that is finalized already: m->last_meeting. */
void meeting_finalize_again(struct modes *m, struct slice req_id);
/* meeting_again.c: is there one of an earlier session; then the former, else the latter. */
void meeting_look_back(struct modes *m, struct slice req_id);
void meeting_is_missing(struct modes *m, struct slice req_id); /* NOT_IN_MEETING */
void meeting_drop(struct meeting *t);
/* Somebody else ended it (the API, another session): leaves the mode. */
void meeting_ended_elsewhere(struct meeting *t);

/* meeting_texts.c: the snippet message; what the recogniser heard. */
void meeting_snippet(struct modes *m, const struct msg *msg);
void meeting_heard(struct modes *m, uint32_t turn, struct slice text);

/* meeting_live.c: merging, live transcript, checkpoints. */
void meeting_live_start(struct meeting *t);
void meeting_live_stop(struct meeting *t);
void meeting_live_config(struct meeting *t); /* checkpoints may be wanted now; the rest is read when it is due */

#endif
