/* SPDX-License-Identifier: MIT
 * devices.c -- devices as others see them: what the store knows, and whether they are here now. */
#include "api/private.h"
#include "devices/presence.h"
#include "protocol/ids.h"
#include "store/device.h"
#include "store/meeting.h"
#include "store/turn.h"

#define LIST_DEFAULT 100
#define LIST_MAX 500
#define TURNS_DEFAULT 10
#define TURNS_MAX 100

/* e: NULL: it is not connected. */
static void presence_put(struct jw *w, const char *device, const struct presence_entry *e)
{
    jw_cstr(w, "id", device);
    jw_bool(w, "online", e != NULL);
    if (!e)
        return;
    jw_cstr(w, "sessionId", e->session);
    jw_cstr(w, "mode", e->mode);
    jw_i64(w, "since", e->since_ms);
}

static void device_put(struct jw *w, const struct device_row *d, struct presence *presence)
{
    struct presence_entry online;
    bool is_online = presence && presence_get(presence, d->id, &online);
    jw_object(w);
    presence_put(w, d->id, is_online ? &online : NULL);
    jw_cstr(w, "board", d->board);
    jw_cstr(w, "chip", d->chip);
    jw_cstr(w, "firmware", d->firmware);
    jw_cstr(w, "language", d->language);
    jw_cstr(w, "name", d->name);
    jw_i64(w, "firstSeen", d->first_seen_ms);
    jw_i64(w, "lastSeen", d->last_seen_ms);
    jw_end(w);
}

/* A session of a device that the store has not seen yet (auth off, a browser). */
static void online_put(struct jw *w, const struct presence_entry *e)
{
    jw_object(w);
    presence_put(w, e->device, e);
    jw_end(w);
}

static enum err list_run(struct db *db, struct work *w)
{
    struct device_row *rows;
    size_t count;
    int64_t total;
    enum err e = db_device_count(db, &total);
    if (!e)
        e = db_device_list(db, w->offset, w->limit, &w->arena, &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_object(&j);
    jw_array_as(&j, "items");
    for (size_t i = 0; i < count; i++)
        device_put(&j, &rows[i], w->state);
    struct presence_entry *online;
    size_t n = w->state && w->offset == 0 ? presence_list(w->state, &w->arena, &online) : 0;
    for (size_t i = 0; i < n && count + i < LIST_MAX; i++) {
        struct device_row known;
        if (db_device_get(db, online[i].device, &w->arena, &known) == ERR_NOT_FOUND)
            online_put(&j, &online[i]);
    }
    jw_end(&j);
    jw_i64(&j, "online", w->state ? presence_count(w->state) : 0);
    page_put(&j, w, total);
    jw_end(&j);
    return OK;
}

void serve_devices(struct api_call *c)
{
    struct work *w = work_new(list_run);
    w->state = c->api->env.presence;
    work_page(c, w, LIST_DEFAULT, LIST_MAX);
    work_start(c, w, true);
}

/* The device of the path in its normal form, or the answer 400. */
static bool device_of(struct api_call *c, char id[ID_TEXT])
{
    if (id_normalise(slice_of(c->params[0]), id))
        return true;
    call_reply_error(c, 400, "this is no device id");
    return false;
}

static enum err device_run(struct db *db, struct work *w)
{
    struct device_row d;
    struct jw j;
    jw_init(&j, &w->out);
    enum err e = db_device_get(db, w->id, &w->arena, &d);
    if (e == ERR_NOT_FOUND) {
        struct presence_entry online;
        if (!w->state || !presence_get(w->state, w->id, &online))
            return e;
        online_put(&j, &online);
        return OK;
    }
    if (!e)
        device_put(&j, &d, w->state);
    return e;
}

void serve_device(struct api_call *c)
{
    char id[ID_TEXT];
    if (!device_of(c, id))
        return;
    struct work *w = work_new(device_run);
    w->id = work_text(w, slice_of(id));
    w->state = c->api->env.presence;
    work_start(c, w, true);
}

static enum err turns_run(struct db *db, struct work *w)
{
    const struct turn_filter last = { .device = w->id, .limit = (size_t)w->n[0] };
    struct turn_row *rows;
    size_t count;
    enum err e = db_turn_last(db, &last, &w->arena, &rows, &count);
    if (e)
        return e;
    struct jw j;
    jw_init(&j, &w->out);
    jw_array(&j);
    for (size_t i = 0; i < count; i++) {
        const struct turn_row *t = &rows[i];
        jw_object(&j);
        jw_i64(&j, "id", t->id);
        jw_cstr(&j, "sessionId", t->session);
        jw_i64(&j, "turn", t->number);
        jw_cstr(&j, "role", t->role);
        jw_cstr(&j, "mode", t->mode);
        jw_cstr(&j, "text", t->text);
        jw_cstr(&j, "outcome", t->outcome);
        jw_i64(&j, "startedAt", t->started_ms);
        jw_i64(&j, "endedAt", t->ended_ms);
        auto_json struct json *details = NULL;
        if (t->details[0] && json_parse(&details, slice_of(t->details), NULL) == OK)
            jw_json(&j, "details", details);
        jw_end(&j);
    }
    jw_end(&j);
    return OK;
}

void serve_device_turns(struct api_call *c)
{
    char id[ID_TEXT];
    if (!device_of(c, id))
        return;
    struct work *w = work_new(turns_run);
    w->id = work_text(w, slice_of(id));
    w->n[0] = query_number(c, "limit", TURNS_DEFAULT, 1, TURNS_MAX);
    work_start(c, w, true);
}

static enum err delete_run(struct db *db, struct work *w)
{
    bool more;
    enum err e = db_device_delete_data(db, w->id);
    if (!e)
        e = db_search_tidy(db, &more); /* words of its meetings leave the index's file too */
    if (!e)
        buf_puts(&w->out, "{\"deleted\":true}");
    return e;
}

/* The live session goes first, or it would write again what was just removed. */
void serve_device_data_delete(struct api_call *c)
{
    char id[ID_TEXT];
    if (!device_of(c, id))
        return;
    const struct api_env *env = &c->api->env;
    struct presence_entry online;
    if (env->kick && env->presence && presence_get(env->presence, id, &online))
        env->kick(env->user, id);
    struct work *w = work_new(delete_run);
    w->id = work_text(w, slice_of(id));
    work_start(c, w, false);
}
