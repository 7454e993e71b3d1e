/* SPDX-License-Identifier: MIT
 * modes.h -- the modes of one session: what it is doing (chat, meeting, coding, working), and the messages
 * that belong to modes. The gateway makes one per session, gives it those messages, and carries out what it
 * wants: send to this client, or post to the session of another device.
 *
 *   gateway: text message -> modes_handle --> modes.c, meeting.c, coding.c, workflow.c, peer.c, pages.c
 *   utterance -> dialogue -> mode class -> the same files
 *   another session's post -> modes_deliver
 *
 * One mode at a time; a change is atomic: messages that come while the store works on it wait, in order.
 * One loop, no locks. */
#ifndef PARLEY_MODES_MODES_H
#define PARLEY_MODES_MODES_H

#include "dialogue/mode.h"
#include "protocol/msg.h"

struct minutes;
struct modes;
struct presence;
struct rates;
struct snapshots;

/* What travels between sessions. `type` is the wire type it will have there. */
enum post_kind {
    POST_UNASKED, /* sent only where unasked pushes of that type are wanted (snapshots, summaries) */
    POST_ASKED,   /* the device's own answer, sent as it is */
    POST_PEER,    /* a message from a person on another device, shown; ERR_UNSUPPORTED: it speaks its queue */
    POST_PEER_WAITS, /* one was put into its queue */
    POST_UI,      /* a page or control */
    POST_CHANGED, /* something of its group changed: it makes its own snapshot */
};
struct post {
    enum post_kind kind;
    enum msg_type type;
    struct slice json; /* copied */
    struct slice from; /* device id, "" the server; copied */
    /* What became of it, on the loop of the sender, once: OK written to the socket, ERR_NOT_FOUND nobody
     * is there, ERR_BUSY it does not read, ERR_UNSUPPORTED it takes no such thing. NULL: not of interest.
     * `arg` must live until then. */
    void (*on_done)(void *arg, enum err err);
    void *arg;
};

/* Shared by all sessions of the process; borrowed for life. */
struct modes_env {
    struct store *store;        /* NULL: modes that keep things answer INTERNAL_ERROR */
    struct presence *presence;
    struct registry *registry;
    struct minutes *minutes;    /* finalizes meetings; NULL: none (tests) */
    struct rates *rates;        /* of messages between devices, over all connections of a device; NULL: none (tests) */
    struct auth *auth;          /* which devices were seen before, and their groups; NULL: none */
    void *user;
    void (*post)(void *user, struct loop *from, const char *device, const struct post *p);
};

struct modes_out {
    /* One complete message; is_droppable: renders and snapshots go first when the client is slow.
     * ERR_LIMIT: longer than this client takes (modes_opts.json_max_bytes). */
    enum err (*send)(void *user, struct slice json, bool is_droppable);
    /* The mode changed: idle clocks, presence. */
    void (*on_mode)(void *user, const char *name); /* static text */
};

struct modes_opts {
    struct loop *loop;
    const struct modes_env *shared;
    const struct provider_env *env;
    struct snapshots *snapshots;    /* of this loop (modes/snapshot.h); borrowed, outlives the modes */
    struct dialogue *dialogue;      /* borrowed; outlives the modes */
    struct config *config;          /* a ref is taken */
    const struct log_ctx *log;
    const struct modes_out *out;
    void *user;
    const char *device_id, *session_id, *language; /* borrowed for life, as log is */
    bool has_ui, has_peer, is_operator;
    size_t json_max_bytes;
};
must_check enum err modes_create(struct modes **out, const struct modes_opts *o);
/* The client is gone: an open meeting stays open and is marked as left; the rest ends. NULL is fine. */
void modes_close(struct modes *m);
void modes_config(struct modes *m, struct config *c);
/* After the server hello: a broken meeting is taken up, then snapshots, then queued messages. Each hello. */
void modes_hello(struct modes *m, bool has_ui, bool has_peer, size_t json_max_bytes);
/* mode meeting coding workflow peer ui.ack ui.error ui.render device.control. Others: false. */
bool modes_handle(struct modes *m, const struct msg *msg);
/* From another session. Gives what on_done tells the sender. */
enum err modes_deliver(struct modes *m, const struct post *p);
/* What the conversation does, for the chat page of devices with a screen. */
void modes_on_listen(struct modes *m);                      /* the device listens */
void modes_on_stt(struct modes *m, struct slice text);
void modes_on_sentence(struct modes *m, struct slice text); /* is being spoken */
void modes_on_turn_end(struct modes *m);
/* The class dialogues of this server start in; utterances find their modes by dialogue_opts.mode_user. */
extern const struct mode_class modes_class;
const char *modes_name(const struct modes *m); /* "chat", "meeting", "coding", "working" */
unsigned modes_idle_factor(const struct modes *m); /* limits of silence count so often: 3 in meeting and working */
size_t modes_bytes(const struct modes *m); /* memory accounted to it */

#endif
