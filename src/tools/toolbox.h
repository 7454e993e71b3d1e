/* SPDX-License-Identifier: MIT
 * toolbox.h -- the tools one session offers to its language model, whoever fulfils them.
 *
 *      tools/list.c (built in)  ---\
 *      tool_mcp.c (the device)  ----+-- toolbox --- list for the model, call by name
 *      tool_iot.c (old devices) ---/
 *
 * Names are made fit for models ([A-Za-z0-9_-], at most 64, unique); server tools come first and are
 * never shadowed by a device's. A call ends exactly once: with its result, its time-out, the end of its
 * source, or silently when it is cancelled. on_done never comes from inside toolbox_call. Loop thread. */
#ifndef PARLEY_TOOLS_TOOLBOX_H
#define PARLEY_TOOLS_TOOLBOX_H

#include "base/json.h"
#include "base/log.h"
#include "loop/loop.h"

#define TOOLBOX_TOOLS_MAX 128        /* further ones are not offered */
#define TOOLBOX_CALLS_MAX 8          /* at one time; ERR_BUSY beyond */
#define TOOL_NAME_MAX_BYTES 64
#define TOOL_RESULT_MAX_BYTES 16384  /* for the model; longer results are cut at a character */
#define TOOL_TIMEOUT_DEFAULT_MS 30000

struct toolbox;
struct tool_call;
struct config;
struct loop;

/* Same shape as struct llm_tool; borrowed until the box changes (toolbox_generation). */
struct tool_info {
    struct slice name, description, schema_json;
};

enum tool_then {
    TOOL_ASK,        /* give the text to the model and let it go on */
    TOOL_SAY,        /* speak the text as it is, no second pass (action RESPONSE) */
    TOOL_SAY_CLOSE,  /* speak it (if any), then end the conversation */
    TOOL_SILENT,     /* done, nothing to say */
};
struct tool_result {
    enum tool_then then;
    bool is_error;    /* the model should hear that it failed; the text says why */
    struct slice text; /* borrowed */
};
/* err: OK (also for results that are errors), ERR_TIMEOUT, ERR_CLOSED (its source is gone); text is then a
 * sentence for the model. The call is gone when it returns. */
typedef void tool_done_fn(void *user, enum err err, const struct tool_result *result);

struct toolbox_opts {
    struct loop *loop;
    const struct log_ctx *log;   /* borrowed for life */
    unsigned timeout_ms;         /* of a call; 0: TOOL_TIMEOUT_DEFAULT_MS (tool_call_timeout) */
    unsigned device_tools_max;   /* further ones a device offers are not taken; 0: TOOLBOX_TOOLS_MAX (limits.tools) */
    bool is_bare;                /* tests: without the built-in ones */
};
must_check enum err toolbox_create(struct toolbox **out, const struct toolbox_opts *o);
void toolbox_free(struct toolbox *t); /* calls under way end silently; NULL is fine */

size_t toolbox_count(const struct toolbox *t);
bool toolbox_at(const struct toolbox *t, size_t i, struct tool_info *out);
bool toolbox_has(const struct toolbox *t, struct slice name);
unsigned toolbox_generation(const struct toolbox *t); /* changes with every tool that comes or goes */
/* name: as offered, or as its source calls it. args_json: object text; empty counts as {}. ERR_NOT_FOUND,
 * ERR_INVALID (no JSON object), ERR_BUSY. */
must_check enum err toolbox_call(struct tool_call **out, struct toolbox *t, struct slice name,
                                 struct slice args_json, tool_done_fn *on_done, void *user);
void tool_call_cancel(struct tool_call *c); /* silence after it; NULL is fine */

/* --- for those who fulfil tools --------------------------------------------------------------------- */

struct tool_source {
    const char *name; /* "mcp", "iot", "builtin" */
    bool is_device;   /* its names give way to the server's */
    /* Does it, now or later, and answers once with tool_call_end. An error ends the call at once. */
    enum err (*call)(struct tool_source *s, struct tool_call *c, struct slice tool, const struct json *args);
    void (*cancel)(struct tool_source *s, struct tool_call *c); /* cancelled or timed out; NULL: nothing to do */
};
struct tool_offer {
    struct slice name, description, schema_json; /* name: the source's own; copied; schema empty: no parameters */
};
/* ERR_LIMIT: TOOLBOX_TOOLS_MAX; ERR_EXISTS: this source has it; ERR_INVALID: no name. */
must_check enum err toolbox_add(struct toolbox *t, struct tool_source *s, const struct tool_offer *o);
void toolbox_remove_all(struct toolbox *t, struct tool_source *s); /* its calls end with ERR_CLOSED */
void tool_call_end(struct tool_call *c, const struct tool_result *r); /* exactly once; c is gone for the source */
void tool_call_text(struct tool_call *c, struct slice text);          /* TOOL_ASK, no error */
void tool_call_fail(struct tool_call *c, struct slice text);          /* TOOL_ASK, error */
void tool_call_tag_set(struct tool_call *c, int64_t tag); /* the source's own number for it */
int64_t tool_call_tag(const struct tool_call *c);
struct loop *toolbox_loop(const struct toolbox *t);
const struct log_ctx *toolbox_log(const struct toolbox *t);

#endif
