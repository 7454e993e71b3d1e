/* SPDX-License-Identifier: MIT
 * workflow_inside.h -- private to workflow.c, workflow_read.c, workflow_plan.c and working.c: the tasks as one
 * session sees them, and what it asks to be changed. */
#ifndef PARLEY_MODES_WORKFLOW_INSIDE_H
#define PARLEY_MODES_WORKFLOW_INSIDE_H

#include "modes/command.h"
#include "modes/inside.h"
#include "modes/snapshot.h"
#include "store/task.h"

#define ASKED_MAX 8 /* lists with a reqId that wait for a reading: BUSY beyond */

enum op_kind { OP_UPDATE, OP_ASSIGN, OP_COMPLETE, OP_DELETE };
#define OP_KINDS (OP_DELETE + 1)
extern const char *const op_names[OP_KINDS]; /* "update" ... as in messages */

struct workflow {
    struct modes *modes; /* NULL: closed */
    struct timer delayed;
    uint64_t sent_ms; /* the last snapshot that hello or working start caused; 0: none */
    struct snapshot_wish wish;
    bool is_reading, is_dirty;
    char *asked[ASKED_MAX]; /* reqIds of lists; the first `answering` get the snapshot that is being read */
    unsigned asked_count, answering;
    unsigned refs;
    struct grave grave;
};
struct workflow *workflow_of(struct modes *m); /* made at the first use */
void workflow_unref(void *arg);
/* To this device. Once: not again within the debounce that hello and the start of working mode share. */
void workflow_snapshot(struct modes *m);
void workflow_snapshot_once(struct modes *m, uint64_t delay_ms);

/* What one message or utterance changes: all of it or nothing. */
struct plan {
    struct workflow *workflow;
    struct arena arena;
    enum op_kind kind;
    struct task_change *changes; /* UPDATE: all; others: group and id, owner for ASSIGN */
    size_t count;
    bool *changed; /* each */
    struct command command;  /* by voice: which one is decided in the store */
    bool is_voice, may_take; /* may_take: reassign and delete what belongs to others in another group */
    const char *own_group, *own_id, *own_alias;
    char *req_id;
    int64_t now_ms;
    bool is_changed;
    enum msg_code code; /* why not */
};
struct plan *plan_make(struct modes *m, enum op_kind kind, struct slice req_id);
void plan_free(void *input);
/* Takes it: applied in the store, answered, told to others. */
void plan_start(struct modes *m, struct plan *p);
void plan_refuse(struct modes *m, const struct plan *p, enum err err);

/* workflow_read.c: fills the plan's changes from a message. NULL, or what is wrong with it. */
const char *plan_read(struct plan *p, const struct json *message);

#endif
