/* SPDX-License-Identifier: MIT
 * quota.c -- device_max_output_size: how many characters were spoken to a device today, kept in the store so that
 * neither a new connection nor a restart begins at nothing.
 *
 *   session begins -> load ----\            every turn adds what it gave to the synthesiser, as a difference:
 *   turn ends -> add ----------- store       two sessions of one device never overwrite each other
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dialogue/inside.h"
#include "store/setting.h"
#include "store/store.h"

#define LOG_TOPIC "dialogue"

struct quota_trip {
    char *key;
    int64_t day, add, chars; /* chars: what was spoken that day */
};

static int64_t today(const struct dialogue *d)
{
    return (clock_wall_ms() / 60000 + talk_zone_minutes(d)) / 1440;
}

/* "<day> <characters>" */
static int64_t chars_in(struct slice text, int64_t day)
{
    int64_t of_day = 0, chars = 0;
    struct slice rest = text, first = slice_cut(&rest, ' ');
    bool is_read = slice_to_i64(first, &of_day) && slice_to_i64(rest, &chars);
    return is_read && of_day == day ? chars : 0;
}

static enum err quota_run(struct db *db, void *input)
{
    struct quota_trip *t = input;
    auto_buf struct buf value = { 0 };
    enum err e = db_setting_get(db, t->key, &value);
    if (e && e != ERR_NOT_FOUND)
        return e;
    t->chars = chars_in(buf_slice(&value), t->day);
    if (!t->add)
        return OK;
    buf_clear(&value);
    buf_printf(&value, "%lld %lld", (long long)t->day, (long long)(t->chars + t->add));
    return db_setting_set(db, t->key, buf_slice(&value));
}

static void quota_free(void *input)
{
    struct quota_trip *t = input;
    mem_free(t->key);
    mem_free(t);
}

static void on_loaded(void *owner, enum err err, void *input)
{
    struct dialogue *d = owner;
    struct quota_trip *t = input;
    d->quota_load = NULL;
    if (err) {
        LOGW(d->o.log, "dialogue.quota", "err=%s", err_name(err));
        return;
    }
    if (d->chars_day != t->day) /* what was said while we waited is not in the store's number */
        d->chars_today = 0;
    d->chars_day = t->day;
    d->chars_today += (uint64_t)t->chars;
}

static const struct store_op_class load_class = {
    .name = "quota.load", .run = quota_run, .done = on_loaded, .free_input = quota_free, /* behind what is written */
};
static const struct store_op_class add_class = { .name = "quota.add", .run = quota_run, .free_input = quota_free };

static bool start(struct dialogue *d, const struct store_op_class *cls, int64_t add, struct store_op **op)
{
    struct quota_trip *t = xnew(struct quota_trip);
    *t = (struct quota_trip){ .key = xprintf("spoken:%s", d->o.device_id), .day = today(d), .add = add };
    enum err e = store_start(op, d->o.store, d->o.loop, cls, t, d);
    if (!e)
        return true;
    quota_free(t);
    LOGW(d->o.log, "dialogue.quota", "err=%s", err_name(e));
    return false;
}

void quota_open(struct dialogue *d)
{
    if (d->has_quota || !d->o.store || d->config->device_max_output_size <= 0)
        return;
    d->has_quota = true;
    if (!start(d, &load_class, 0, &d->quota_load))
        d->quota_load = NULL;
}

void quota_close(struct dialogue *d)
{
    store_cancel(d->quota_load);
    d->quota_load = NULL;
}

bool quota_is_used_up(struct dialogue *d)
{
    if (d->chars_day != today(d))
        d->chars_today = 0;
    int64_t max = d->config->device_max_output_size;
    return max > 0 && d->chars_today >= (uint64_t)max;
}

void quota_spoke(struct dialogue *d, size_t chars)
{
    struct store_op *op;
    if (d->chars_day != today(d))
        d->chars_today = 0;
    d->chars_day = today(d);
    d->chars_today += chars;
    if (chars && d->o.store && d->config->device_max_output_size > 0)
        (void)!start(d, &add_class, (int64_t)chars, &op);
}
