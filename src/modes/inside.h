/* SPDX-License-Identifier: MIT
 * inside.h -- private to src/modes: what its files share of one session. */
#ifndef PARLEY_MODES_INSIDE_H
#define PARLEY_MODES_INSIDE_H

#include "base/mem.h"
#include "config/settings.h"
#include "loop/timer.h"
#include "modes/groups.h"
#include "modes/modes.h"
#include "store/store.h"

#define MODES_DEFERRED_MAX 64 /* messages that wait for a mode change; more answer BUSY */
#define MODES_SEGMENTS_SHOWN 50

struct meeting;
struct coding;
struct workflow;
struct peer;
struct pages;

/* A mode as the session sees it; one row per mode in modes.c. */
struct mode_row {
    const char *name;
    enum msg_type type; /* of its own messages */
    unsigned idle_factor;
    /* Starts or resumes; answers the `mode` message itself, now or later (then modes_wait/modes_go). */
    void (*start)(struct modes *m, struct slice req_id);
    /* Ends it; answers when has_reply. */
    void (*end)(struct modes *m, bool has_reply, struct slice req_id);
    void (*on_heard)(struct modes *m, uint32_t turn, struct slice text);
    void (*on_close)(struct modes *m); /* the client is gone */
};
extern const struct mode_row mode_meeting, mode_coding, mode_working;

struct modes {
    struct loop *loop;
    const struct modes_env *shared;
    const struct provider_env *env;
    struct snapshots *snapshots;
    struct dialogue *dialogue;
    struct config *config;
    const struct log_ctx *log;
    const struct modes_out *out;
    void *user;
    const char *device_id, *session_id, *language; /* borrowed until it closes */
    bool has_ui, has_peer, is_operator, is_closing, is_greeted, wants_snapshot;
    size_t json_max_bytes;
    const struct mode_row *active;  /* NULL: chat */
    uint32_t spoken_to;             /* bit per msg_type the client has sent: it knows the type */
    bool is_waiting;                /* for the store, in a mode change */
    char **deferred;                /* MODES_DEFERRED_MAX; made when there is one */
    const struct mode_row *next;    /* begins when the old one is over; NULL: none */
    char *next_req_id;
    char *held;                     /* an utterance that waits likewise */
    uint32_t held_turn;
    unsigned deferred_count;
    struct meeting *meeting;
    char *last_meeting;             /* of this session, finalized; NULL: none */
    int64_t last_meeting_started_ms;
    struct coding *coding;
    struct workflow *workflow;
    struct peer *peer;
    struct pages *pages;
    unsigned refs;                  /* what is under way elsewhere may outlive the session */
    struct grave grave;
};

/* --- answers --- */
enum err modes_send(struct modes *m, struct buf *json);
void modes_error(struct modes *m, const char *type, enum msg_code code, const char *message, struct slice req_id);
void modes_mode_ok(struct modes *m, bool is_start, const char *mode, struct slice req_id, const char *meeting_id,
                   bool is_resumed);
/* Does this client want unasked messages of that type: it is in the mode, has sent one, or has ui. */
bool modes_wants(const struct modes *m, enum msg_type type);
const char *modes_text(const struct modes *m, const char *key); /* of the catalogue, in its language */
struct use_opts modes_use(const struct modes *m);
/* To others in the scope (groups.h). */
void modes_broadcast(struct modes *m, const struct scope *scope, enum msg_type type, struct slice json);
void modes_post(struct modes *m, const char *device, const struct post *p);
void modes_set_active(struct modes *m, const struct mode_row *row);
void modes_wait(struct modes *m);
void modes_go(struct modes *m); /* begins the mode that waits, handles what was deferred */
void modes_stay(struct modes *m); /* before modes_go: the old mode could not be left after all */
void modes_greet(struct modes *m); /* after hello and a resumed meeting: snapshot, queued messages */
struct modes *modes_ref(struct modes *m);
void modes_unref(void *m);
static inline bool modes_alive(const struct modes *m)
{
    return !m->is_closing;
}

/* --- handlers, one per message --- */
void handle_meeting_message(struct modes *m, const struct msg *msg);
void handle_coding_message(struct modes *m, const struct msg *msg);
void handle_workflow_message(struct modes *m, const struct msg *msg);
void handle_peer_message(struct modes *m, const struct msg *msg);
void handle_pages_message(struct modes *m, const struct msg *msg);

/* --- other entries --- */
void meeting_hello(struct modes *m);     /* the entry tone's file is read */
bool meeting_resume(struct modes *m);    /* after hello: takes up a broken one, then modes_greet; false: no */
bool meeting_is_changing(const struct modes *m); /* is being started by request, or finalized */
void meeting_config(struct modes *m);    /* a new configuration */
size_t meeting_bytes(const struct modes *m);
void meeting_close(struct modes *m);
size_t coding_bytes(const struct modes *m);
void coding_close(struct modes *m);
void workflow_hello(struct modes *m);    /* a debounced snapshot to clients that know the type */
void workflow_changed(struct modes *m);  /* POST_CHANGED */
void workflow_close(struct modes *m);
void peer_hello(struct modes *m);        /* what was queued for this device, as far as it can be given now */
enum err peer_deliver(struct modes *m, const struct post *p);
/* "tell Ben ..." (tell.h): sent, and said so; false: it is something else. */
bool peer_heard(struct modes *m, uint32_t turn, struct slice utterance);
void peer_close(struct modes *m);
enum err pages_deliver(struct modes *m, const struct post *p);
void pages_on_mode(struct modes *m);
size_t pages_bytes(const struct modes *m);
void pages_close(struct modes *m);

#endif
