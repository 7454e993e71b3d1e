/* SPDX-License-Identifier: MIT
 * session.h -- one device on one loop. Private to src/gateway: what handlers see.
 *
 *            hello acked            taken over, draining
 *   GREETING -----------> TALKING ----------------------> LEAVING
 *        \                   |                               /
 *         `------------------+---> CLOSING (save, <= 50 ms) -+--> GONE (freed at the top of the loop)
 *
 * Closing is a state: from there on no message is read, no timer runs, the dialogue is silent. */
#ifndef PARLEY_GATEWAY_SESSION_H
#define PARLEY_GATEWAY_SESSION_H

#include "base/list.h"
#include "base/map.h"
#include "config/settings.h"
#include "devices/auth.h"
#include "devices/presence.h"
#include "dialogue/admission.h"
#include "dialogue/dialogue.h"
#include "gateway/gateway.h"
#include "gateway/idle.h"
#include "gateway/link.h"
#include "gateway/rates.h"
#include "gateway/says.h"
#include "modes/modes.h"
#include "gateway/stats.h"
#include "protocol/hello.h"
#include "protocol/msg.h"

#define SESSION_SAVE_WAIT_MS 50         /* for the save job to be on disk before the socket closes */
#define SESSION_TAKEOVER_MS 1500        /* the old session's last words */
#define SESSION_FAREWELL_GAP_MS 50      /* after the last audio has played */
#define SESSION_DRAIN_LOOK_MS 50        /* is the turn over? */
#define SESSION_UNKNOWN_TYPES_MAX 16    /* type names we answer UNKNOWN_TYPE to, once each */
#define GATEWAY_CLIPS_MAX_BYTES (1u << 20) /* per loop */
#define SESSION_VISION_RENEW_MS (50 * 60 * 1000) /* its token lives an hour */
#define SESSION_BYTES_LOOK 64           /* messages between two looks at its memory */
#define SESSION_REPEAT_MS 300           /* a listen message repeated within is ignored */

#define SESSION_STATE_LIST(X) X(GREETING) X(TALKING) X(LEAVING) X(CLOSING) X(GONE)
enum session_state {
#define X(name) SESSION_##name,
    SESSION_STATE_LIST(X)
#undef X
};
const char *session_state_name(enum session_state s);

struct last_listen { /* to find repeats */
    enum msg_listen_state state;
    enum msg_listen_mode mode;
    uint64_t at_ms, message;
};

/* Who it is; the texts lie in session.texts. */
struct session_who {
    const char *device, *session, *peer;
    const char *language, *board, *chip, *firmware; /* as seen at OTA; "" unknown */
    const char *mode;                   /* static text */
    uint64_t number;                    /* in the presence table */
};

struct session {
    struct node node;                   /* in home->sessions */
    struct gateway_loop *home;
    struct loop *loop;
    struct link *link;                  /* NULL: the device is gone */
    struct config *config;              /* of its start; live settings: home->config */
    struct log_ctx log;
    struct session_who who;
    char *texts;
    bool is_operator, is_gateway_leg, is_registered, wants_stats;
    int64_t header_framing;
    enum session_state state;
    struct hello hello;                 /* the one that was acked */
    struct dialogue *dialogue;          /* from hello to closing */
    struct modes *modes;                /* the same; NULL: plain chat */
    struct toolbox *tools;
    struct tool_mcp *mcp;               /* NULL: the device has none */
    char *vision_url;                   /* for its camera; NULL: none */
    struct tool_iot *iot;               /* made at the first descriptor */
    struct idle idle;
    struct rates_of_session rates;
    struct says says;
    struct timer timer;                 /* of its state: hello is late, it leaves, the save is late */
    struct timer vision_timer;
    uint64_t drain_until_ms, greeted_ms;
    uint64_t messages;                  /* text messages so far */
    struct last_listen last_listen;
    unsigned unknown_count;
    uint64_t *unknown_types;            /* hashes, SESSION_UNKNOWN_TYPES_MAX; made at the first */
    int close_code;
    const char *close_reason;           /* static text, also for logs */
    struct store_op *save;
    void (*on_saved)(struct session *s);
    struct grave tools_grave, grave;
};

struct session_opts {
    struct gateway_loop *home;
    struct http_req *request;           /* becomes the link */
    const struct identity *identity;
    const struct auth_answer *proof;
    bool is_gateway_leg, takes_large;
    int64_t header_framing;
};
/* Accepts the upgrade and registers. The request is gone either way. */
enum err session_open(const struct session_opts *o);
/* The way to end one, from anywhere on its loop. reason: static text. */
void session_close(struct session *s, int code, const char *reason);
/* Ends now, without waiting for the save (shutdown). */
void session_drop(struct session *s);
/* A notice was sent; goes on for delay_ms, then closes. */
void session_leave(struct session *s, uint64_t delay_ms, int code, const char *reason);
/* Ends the running turn first, deadline_ms at most. */
void session_drain(struct session *s, uint64_t deadline_ms);
void session_taken_over(struct session *s, const char *by_session);
void session_reload(struct session *s); /* home->config is new */
bool session_is_open(const struct session *s);
/* Memory accounted to it: below limits.session_bytes, or it is closed. */
size_t session_bytes(const struct session *s);
void session_greeted(struct session *s); /* hello was acked and the dialogue is open */

/* Sends what one of the msg_* writers appended. */
enum err session_send(struct session *s, const struct buf *json);
void session_error(struct session *s, const struct msg *m, enum msg_code code, const char *message);
void session_notice(struct session *s, enum msg_notice n, const char *message, int64_t close_in_ms);
bool session_is_muted(const struct session *s); /* a mode in which nothing is spoken */
/* A text of the catalogue in the device's language. */
const char *session_text(const struct session *s, const char *key);
void session_text_in(struct session *s, struct slice text);   /* dispatch.c */
void session_audio_in(struct session *s, struct slice message);

extern const struct dialogue_out session_out;   /* dialogue_out.c; user: the session */
extern const struct idle_events session_idle;   /* idle_events.c */

/* One handler per message type; a row without one does not link. */
#define X(name, wire) void handle_msg_##name(struct session *s, const struct msg *m);
MSG_IN(X)
#undef X

struct gateway_loop {
    struct gateway *gateway;
    struct loop *loop;
    const struct provider_env *env;
    struct config *config;              /* the newest */
    struct list sessions;
    struct map by_number;               /* session number (8 bytes) -> session */
    struct clip_cache *clips;         /* packets of fixed prompts */
    struct admission admission;       /* of conversations */
    struct snapshots *snapshots;      /* task lists for all sessions of this loop */
    unsigned index;
    struct stats stats;
};
const struct gateway_env *gateway_env_of(const struct gateway *g);
void gateway_count(struct gateway *g, int delta);
struct session *gateway_find(struct gateway_loop *gl, uint64_t number); /* NULL: gone */
/* Tells a session on another loop (or this one) that it was taken over. */
void gateway_tell_takeover(struct gateway *g, const struct presence_entry *old, const char *by_session);

#endif
