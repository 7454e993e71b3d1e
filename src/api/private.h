/* SPDX-License-Identifier: MIT
 * private.h -- what the files of the API share: the route table's row, one request on its way, work for
 * the store, answers. Not for other rooms.
 *
 *   handler(call) -- call_reply_*                        at once
 *                 -- work_start(work) .. run() on the store's thread writes JSON .. answered by itself
 *
 * A call lives until it is answered or its client goes away; work owns what it needs and may outlive it. */
#ifndef PARLEY_API_PRIVATE_H
#define PARLEY_API_PRIVATE_H

#include "api/api.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/settings.h"
#include "devices/auth.h"
#include "devices/limits.h"
#include "loop/timer.h"
#include "store/db.h"
#include "store/store.h"

struct api_call;

enum route_kind {
    ROUTE_API,    /* /api/v1<pattern> and <prefix><pattern> */
    ROUTE_DEVICE, /* <prefix><pattern>, no API token */
    ROUTE_PLAIN,  /* <pattern> on every door */
    ROUTE_ADMIN,  /* <pattern> on the admin door only */
};
enum route_role { ROLE_NOBODY, ROLE_API, ROLE_METRICS };

struct route {
    enum http_method method;
    enum route_kind kind;
    const char *pattern; /* "{x}" is one piece of the path */
    enum route_role role;
    void (*handle)(struct api_call *c);
    const char *summary, *query; /* query: "name:what it is;name:..." for the API page */
    const char *body;            /* the same for a JSON body; NULL: none */
    const char *reply_type;      /* NULL: application/json */
};
extern const struct route api_routes[];
extern const size_t api_route_count;

#define API_PREFIX "/api/v1"
#define CALL_PARAMS_MAX 2
#define BODY_MAX_BYTES 65536
#define BODY_LONG_BYTES 131072 /* longer answers go out in pieces */

struct api {
    struct api_env env;
    struct rates *rates;
    char **prefixes;
    size_t prefix_count;
};

struct work;
struct api_call {
    struct api *api;
    enum api_door door;
    struct http_req *r;
    struct loop *loop;
    const struct route *route;
    struct config *cfg; /* a reference */
    char params[CALL_PARAMS_MAX][ID_TEXT + 64];
    unsigned param_count;
    char prefix[64];    /* the one the path came by; "/api/v1" or "" too */
    struct net_addr peer;
    bool is_forwarded, has_cors;
    struct arena arena;
    struct timer timer;
    struct grave grave;
    /* whatever is under way for it */
    struct store_op *op;
    struct auth_save *save;
    void *state;
    void (*state_free)(void *state);
    struct buf long_body;
    size_t long_at;
    struct answering *answering; /* a callback of env that may still come */
};

/* --- answers (reply.c): the call is over after each of them ---- */
void call_reply(struct api_call *c, int status, const char *type, struct slice body);
void call_reply_text(struct api_call *c, int status, const char *text);
void call_reply_data(struct api_call *c, struct slice json);           /* {"success":true,"data":json} */
void call_reply_error(struct api_call *c, int status, const char *why); /* {"success":false,"error":why} */
void call_reply_err(struct api_call *c, enum err e);
void call_reply_file(struct api_call *c, const char *type, const char *name, struct buf *body); /* taken */
void call_reply_retry(struct api_call *c, unsigned seconds);           /* 429 */
void call_free(struct api_call *c); /* for whoever answers c->r himself (streams) */

/* --- store ---- */
struct work {
    struct arena arena;
    struct buf out;               /* JSON of `data`, or the body when `type` is set */
    enum err (*run)(struct db *db, struct work *w); /* store thread */
    void (*then)(struct api_call *c, struct work *w, enum err e); /* NULL: answer with out or the error */
    const char *why;              /* the error's sentence; NULL: err_text */
    const char *type, *name;      /* a file */
    const char *id, *text;        /* parameters, in the arena */
    size_t offset, limit;         /* of a list: work_page */
    int64_t n[4];
    void *state;                  /* in the arena */
    struct api_call *call;
};
struct work *work_new(enum err (*run)(struct db *db, struct work *w));
const char *work_text(struct work *w, struct slice s);
/* Takes `offset` and `limit` from the query; page_put: they and the total, into the object that is open. */
void work_page(struct api_call *c, struct work *w, int64_t otherwise, int64_t max);
void page_put(struct jw *j, const struct work *w, int64_t total);
void work_free(void *work); /* one that was never started */
void work_start(struct api_call *c, struct work *w, bool is_read_only); /* w is taken */

/* --- callbacks of api_env that answer later ---- */
struct answering *answering_new(struct api_call *c, void (*then)(struct api_call *c, enum err e, const char *text));
void answering_done(void *arg, enum err e, const char *text); /* an api_done; frees it */
void answering_end(void *arg, enum err e);                    /* the same for those who answer without a text */

/* --- parameters (params.c): pure ---- */
bool meeting_id_ok(struct slice id);                         /* [0-9A-Za-z_-]{1,64} */
int64_t number_clamped(struct slice s, int64_t otherwise, int64_t min, int64_t max);
/* ms since the epoch, or ISO-8601 (no zone: UTC). */
must_check bool time_read(struct slice s, int64_t *ms);
int64_t query_number(struct api_call *c, const char *name, int64_t otherwise, int64_t min, int64_t max);
struct slice query_of(struct api_call *c, const char *name); /* empty: absent */
bool pattern_match(const char *pattern, struct slice path, struct slice *params, unsigned *count);

/* --- access (access.c) ---- */
/* False: it was answered with 401, 403 or 429. */
bool access_check(struct api_call *c);

/* --- URLs (urls.c) ---- */
void url_base(struct buf *out, struct http_req *r, const struct config *cfg, bool is_ws, uint16_t port);

/* --- handlers, by file ---- */
void serve_ota(struct api_call *c);
void serve_ota_text(struct api_call *c);
void serve_activate(struct api_call *c);
void serve_download(struct api_call *c);
void serve_vision(struct api_call *c);
void serve_vision_text(struct api_call *c);
void serve_websocket_text(struct api_call *c);
void serve_healthz(struct api_call *c);
void serve_readyz(struct api_call *c);
void serve_metrics(struct api_call *c);
void serve_openapi(struct api_call *c);
void serve_admin_index(struct api_call *c);
void serve_pairing_list(struct api_call *c);
void serve_pairing_confirm(struct api_call *c);
void serve_pair_delete(struct api_call *c);
void serve_reboot(struct api_call *c);
void serve_force(struct api_call *c);
void serve_force_delete(struct api_call *c);
void serve_serials(struct api_call *c);
void serve_serial_put(struct api_call *c);
void serve_serial_delete(struct api_call *c);
void serve_reload(struct api_call *c);
void serve_restart(struct api_call *c);
void serve_config(struct api_call *c);
void serve_devices(struct api_call *c);
void serve_device(struct api_call *c);
void serve_device_turns(struct api_call *c);
void serve_device_data_delete(struct api_call *c);
void serve_say(struct api_call *c);
void serve_say_state(struct api_call *c);
void serve_inject(struct api_call *c);
void serve_meetings_recent(struct api_call *c);
void serve_meetings_search(struct api_call *c);
void serve_meeting(struct api_call *c);
void serve_meeting_transcript(struct api_call *c);
void serve_meeting_export(struct api_call *c);
void serve_meeting_finalize(struct api_call *c);
void serve_meeting_summarize(struct api_call *c);
void serve_meeting_delete(struct api_call *c);
void serve_workflow(struct api_call *c);
void serve_workflow_import(struct api_call *c);
void serve_task_put(struct api_call *c);
void serve_task_delete(struct api_call *c);

/* --- tasks (workflow.c) ---- */
#define GROUP_MAX_BYTES 64
#define DEFAULT_GROUP "home"
bool group_ok(struct slice group);

#endif
