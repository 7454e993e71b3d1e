/* SPDX-License-Identifier: MIT
 * say.c -- POST devices/{id}/say: a receipt is in the store before anything is played. A device that is
 * here is asked at once (state fetched, so that nobody plays it a second time); one that is not finds it
 * queued when it comes. */
#include "api/private.h"
#include "base/clock.h"
#include "base/rand.h"
#include "devices/presence.h"
#include "protocol/ids.h"
#include "store/device.h"
#include "store/say.h"

#define TEXT_MAX_BYTES 2000
#define KEY_MAX_BYTES 128
#define TTL_MAX_S (7 * 86400)

struct saying {
    char id[UUID_TEXT], device[ID_TEXT];
    char *text, *key;
    bool is_listening_after, is_live;
    int64_t now_ms, expires_ms;
};

static void saying_free(void *state)
{
    struct saying *s = state;
    mem_free(s->text);
    mem_free(s->key);
    mem_free(s);
}

/* What waits also tells until when, and whether a device of that id was ever here: a slip of the pen in an
 * id is accepted all the same, since the device may be a new one. */
struct waiting {
    int64_t until_ms;
    bool is_known;
};

/* waiting: NULL: it was said, or is being said. */
static void receipt(struct api_call *c, const char *id, const char *state, const struct waiting *waiting)
{
    auto_buf struct buf out = { 0 };
    struct jw w;
    jw_init(&w, &out);
    jw_object(&w);
    jw_cstr(&w, "id", id);
    jw_cstr(&w, "state", state);
    if (waiting) {
        jw_i64(&w, "expiresAt", waiting->until_ms);
        jw_bool(&w, "deviceKnown", waiting->is_known);
    }
    jw_end(&w);
    call_reply_data(c, buf_slice(&out));
}

/* --- the live attempt came back ---- */

static enum err mark_run(struct db *db, struct work *w)
{
    return db_say_mark(db, w->id, w->text, w->n[0]);
}

static void mark_then(struct api_call *c, struct work *w, enum err e)
{
    const struct saying *s = c->state;
    const struct api_env *env = &c->api->env;
    if (e && e != ERR_NOT_FOUND) {
        call_reply_err(c, e);
        return;
    }
    bool is_queued = !e && strcmp(w->text, "queued") == 0;
    if (is_queued && env->speech_waits)
        env->speech_waits(env->user, s->device);
    struct waiting waiting = { s->expires_ms, true }; /* it was here just now */
    receipt(c, w->id, e ? "played" : w->text, is_queued ? &waiting : NULL);
}

static void mark(struct api_call *c, const char *state)
{
    struct saying *s = c->state;
    struct work *w = work_new(mark_run);
    w->then = mark_then;
    w->id = work_text(w, slice_of(s->id));
    w->text = work_text(w, slice_of(state));
    w->n[0] = s->now_ms;
    work_start(c, w, false);
}

static void said(struct api_call *c, enum err e, const char *text)
{
    if (e == OK)
        mark(c, text && text[0] ? text : "accepted");
    else if (e == ERR_NOT_FOUND) /* went away meanwhile */
        mark(c, "queued");
    else
        mark(c, "busy");
}

/* --- the receipt is stored ---- */

static enum err put_run(struct db *db, struct work *w)
{
    const struct saying *s = w->state;
    struct say_row out;
    enum err e = db_say_put(db,
                            &(struct say_row){ .id = s->id, .device = s->device, .text = s->text, .key = s->key,
                                               .state = s->is_live ? "fetched" : "queued",
                                               .is_listening_after = s->is_listening_after,
                                               .created_ms = s->now_ms, .expires_ms = s->expires_ms },
                            &w->arena, &out);
    if (e)
        return e;
    w->id = out.id;
    w->text = out.state;
    w->n[0] = out.expires_ms;
    bool is_known = true;
    e = db_device_known(db, s->device, &is_known);
    w->n[1] = is_known;
    return e;
}

static void put_then(struct api_call *c, struct work *w, enum err e)
{
    struct saying *s = c->state;
    const struct api_env *env = &c->api->env;
    if (e) {
        call_reply_error(c, err_http(e), e == ERR_LIMIT ? "too much waits for this device" : err_text(e));
        return;
    }
    bool is_repeat = strcmp(w->id, s->id) != 0;
    if (is_repeat || !s->is_live) {
        if (!is_repeat && env->speech_waits) /* it may have come between the two looks */
            env->speech_waits(env->user, s->device);
        struct waiting waiting = { w->n[0], w->n[1] || s->is_live };
        receipt(c, w->id, w->text, strcmp(w->text, "queued") == 0 ? &waiting : NULL);
        return;
    }
    const struct api_say say = { .id = s->id, .device = s->device, .text = slice_of(s->text) };
    env->say(env->user, c->loop, &say, answering_done, answering_new(c, said));
}

static void copy_saying(struct work *w, const struct saying *s)
{
    struct saying *copy = arena_alloc(&w->arena, sizeof *copy);
    *copy = *s;
    copy->text = arena_strdup(&w->arena, slice_of(s->text));
    copy->key = arena_strdup(&w->arena, slice_of(s->key));
    w->state = copy;
}

/* Checks and starts it; `c` is answered in any case. */
static void say_begin(struct api_call *c, struct slice device, const struct json *body, struct slice text)
{
    struct saying *s = xnew(struct saying);
    c->state = s;
    c->state_free = saying_free;
    struct slice key = json_get_text(body, "idempotencyKey");
    text = slice_trim(text);
    if (!id_normalise(device, s->device)) {
        call_reply_error(c, 400, "this is no device id");
        return;
    }
    if (text.len == 0 || text.len > TEXT_MAX_BYTES || key.len > KEY_MAX_BYTES) {
        call_reply_error(c, 400, "text must have 1 to 2000 bytes, idempotencyKey 128 at most");
        return;
    }
    const struct api_env *env = &c->api->env;
    struct presence_entry online;
    s->text = xslicedup(text);
    s->key = xslicedup(key);
    s->is_listening_after = json_get_bool(body, "auto_listen", false);
    s->now_ms = clock_wall_ms();
    int64_t ttl_s = json_get_i64(body, "ttl", c->cfg->push_ttl_seconds);
    s->expires_ms = s->now_ms + MIN(MAX(ttl_s, 1), TTL_MAX_S) * 1000;
    s->is_live = env->say && env->presence && presence_get(env->presence, s->device, &online);
    rand_uuid(s->id);
    struct work *w = work_new(put_run);
    w->then = put_then;
    copy_saying(w, s);
    work_start(c, w, false);
}

static void say_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    auto_json struct json *v = NULL;
    if (json_parse(&v, body, NULL) || !json_is(v, JSON_OBJECT)) {
        call_reply_error(c, 400, "the body must be a JSON object with text");
        return;
    }
    bool is_inject = c->route->handle == serve_inject;
    say_begin(c, is_inject ? json_get_text(v, "device_id") : slice_of(c->params[0]), v,
              json_get_text(v, is_inject ? "message" : "text"));
}

void serve_say(struct api_call *c)
{
    http_read_body(c->r, BODY_MAX_BYTES, say_body, c);
}

void serve_inject(struct api_call *c)
{
    if (c->cfg->compat_inject_path)
        http_read_body(c->r, BODY_MAX_BYTES, say_body, c);
    else
        call_reply_error(c, 404, "not there");
}

/* --- what became of it ---- */

static enum err get_run(struct db *db, struct work *w)
{
    struct say_row row;
    enum err e = db_say_get(db, w->id, &w->arena, &row);
    if (e)
        return e;
    if (strcmp(row.device, w->text) != 0)
        return ERR_NOT_FOUND;
    bool is_over = strcmp(row.state, "queued") == 0 && row.expires_ms <= w->n[0];
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    jw_cstr(&j, "id", row.id);
    jw_cstr(&j, "state", is_over ? "expired" : row.state);
    jw_i64(&j, "createdAt", row.created_ms);
    jw_i64(&j, "expiresAt", row.expires_ms);
    jw_end(&j);
    return OK;
}

void serve_say_state(struct api_call *c)
{
    char device[ID_TEXT];
    struct slice id = slice_of(c->params[1]);
    if (!id_normalise(slice_of(c->params[0]), device) || !meeting_id_ok(id)) {
        call_reply_error(c, 400, "this is no device id or no receipt");
        return;
    }
    struct work *w = work_new(get_run);
    w->id = work_text(w, id);
    w->text = work_text(w, slice_of(device));
    w->n[0] = clock_wall_ms();
    w->why = "no such receipt";
    work_start(c, w, true);
}
