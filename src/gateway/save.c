/* SPDX-License-Identifier: MIT
 * save.c -- an immutable snapshot of the dialogue becomes a save job in the store.
 *
 * The key is the session id, so a job that is made again (a crash before we heard of the commit) changes
 * nothing. When the session cannot wait any longer the write still happens; it only hears nothing. */
#include "gateway/save.h"

#include <stdio.h>

#define LOG_TOPIC "gateway"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "dialogue/saver.h"
#include "store/save_job.h"
#include "store/store.h"

struct save {
    char device[ID_TEXT], session[40];
    char *turns_json;
    int64_t now_ms;
    struct saver *saver;
};

static void free_save(void *input)
{
    struct save *save = input;

    if (save->saver) /* also when the session did not wait for it */
        saver_arrived(save->saver);
    mem_free(save->turns_json);
    mem_free(save);
}

static enum err put(struct db *db, void *input)
{
    struct save *save = input;
    bool is_new;
    struct save_job_row row = { .device = save->device, .key = save->session, .session = save->session,
                                .payload = save->turns_json, .created_ms = save->now_ms,
                                .next_try_ms = save->now_ms };
    return db_save_job_put(db, &row, &is_new);
}

static void done(void *owner, enum err err, void *input)
{
    struct session *s = owner;

    (void)input;
    s->save = NULL;
    if (err)
        LOGE(&s->log, "save.failed", "device=%s why=%s", s->who.device, err_name(err));
    s->on_saved(s);
}

static const struct store_op_class put_save = { .name = "save", .run = put, .done = done, .free_input = free_save };

bool save_begin(struct session *s, void (*on_saved)(struct session *s))
{
    struct store *store = gateway_env_of(s->home->gateway)->store;
    auto_buf struct buf turns = { 0 };

    if (!store || !dialogue_turns_json(s->dialogue, &turns))
        return false;
    struct save *save = xnew(struct save);
    snprintf(save->device, sizeof(save->device), "%s", s->who.device);
    snprintf(save->session, sizeof(save->session), "%s", s->who.session);
    save->turns_json = buf_take(&turns);
    save->now_ms = clock_wall_ms();
    save->saver = gateway_env_of(s->home->gateway)->saver;
    if (save->saver)
        saver_expect(save->saver);
    s->on_saved = on_saved;
    enum err err = store_start(&s->save, store, s->loop, &put_save, save, s);
    if (err) {
        LOGE(&s->log, "save.refused", "device=%s why=%s", s->who.device, err_name(err));
        free_save(save);
    }
    return err == OK;
}

void save_forget(struct session *s)
{
    store_cancel(s->save);
    s->save = NULL;
}
