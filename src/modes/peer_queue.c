/* SPDX-License-Identifier: MIT
 * peer_queue.c -- messages that wait for this device. One that shows messages gets them all at once; any other has
 * them spoken, always out of the queue, one at a time. A message leaves the queue when it was written to the socket
 * or was heard, and then its sender is told:
 *
 *   hello, a wish, a silent mode is over -> fetch -> written to the socket ---------> removed -> `redelivered`
 *                                                `-> spoken, a turn of its own -> heard -'
 *
 * A server that is killed in between says it again: nothing is lost, something may come twice. */
#include "base/clock.h"
#include "config/catalogue.h"
#include "metrics/metrics.h"
#include "modes/peer_inside.h"
#include "store/peer_message.h"

#define LOG_TOPIC "peer"
#define QUEUE_AT_ONCE 100
#define SPEAK_AGAIN_MS 60000 /* after a voice that failed */
#define SPEAK_BUSY_MS 5000   /* the dialogue takes no more */

enum err peer_deliver(struct modes *m, const struct post *p)
{
    return m->has_peer ? m->out->send(m->user, p->json, false) : ERR_UNSUPPORTED;
}

struct fetch {
    struct peer *peer;
    struct arena arena;
    char *device;
    struct peer_message_row *rows;
    size_t count, written, max;
    int64_t now_ms;
};

static void fetch_free(void *input)
{
    struct fetch *f = input;
    peer_unref(f->peer);
    arena_done(&f->arena);
    mem_free(f);
}

static enum err remove_run(struct db *db, void *input)
{
    struct fetch *f = input;
    for (size_t i = 0; i < f->written; i++) {
        enum err e = db_peer_remove(db, f->rows[i].n);
        if (e && e != ERR_NOT_FOUND)
            return e;
    }
    return OK;
}

/* Each sender hears how many of its messages have arrived now. */
static void remove_done(void *owner, enum err err, void *input)
{
    struct peer *p = owner;
    struct fetch *f = input;
    p->is_fetching = false;
    if (!p->modes || err)
        return;
    metric_add_label(METRIC_peer_messages_total, "redelivered", (int64_t)f->written);
    for (size_t i = 0; i < f->written; i++) {
        size_t count = 0;
        bool is_told = false;
        for (size_t k = 0; k < f->written; k++) {
            bool is_same = strcmp(f->rows[k].origin, f->rows[i].origin) == 0;
            is_told = is_told || (is_same && k < i);
            count += is_same;
        }
        if (is_told)
            continue;
        auto_buf struct buf out = {0};
        struct jw w;
        jw_init(&w, &out);
        jw_object(&w);
        jw_cstr(&w, "type", "peer");
        jw_cstr(&w, "event", "redelivered");
        jw_cstr(&w, "to", p->modes->device_id);
        jw_i64(&w, "count", (int64_t)count);
        jw_end(&w);
        modes_post(p->modes, f->rows[i].origin,
                   &(struct post){.kind = POST_UNASKED, .type = MSG_peer, .json = buf_slice(&out)});
    }
    LOGI(p->modes->log, "peer.redelivered", "[REDELIVER] to=%s count=%zu", p->modes->device_id, f->written);
    peer_hello(p->modes); /* there may be more */
}

static const struct store_op_class remove_class = {
    .name = "peer_remove", .run = remove_run, .done = remove_done, .free_input = fetch_free};

static enum err fetch_run(struct db *db, void *input)
{
    struct fetch *f = input;
    const struct peer_filter waiting = {.target = f->device, .now_ms = f->now_ms, .limit = f->max};
    return db_peer_list(db, &waiting, &f->arena, &f->rows, &f->count);
}

static void remove_rows(struct peer *p, struct fetch *f)
{
    if (!f->written || store_start(NULL, p->modes->shared->store, p->modes->loop, &remove_class, f, p))
        fetch_free(f);
    else
        p->is_fetching = true; /* until they are removed: none is given twice */
}

/* Takes what `from` holds, which goes when its answer was heard. */
static struct fetch *fetch_keep(struct fetch *from)
{
    struct fetch *f = xnew(struct fetch);
    *f = *from;
    f->peer->refs++;
    from->arena = (struct arena){0};
    return f;
}

/* A device that shows messages gets them all at once. */
static void show(struct peer *p, struct fetch *got)
{
    struct fetch *f = fetch_keep(got);
    while (f->written < f->count) {
        struct post post = {.kind = POST_PEER, .json = slice_of(f->rows[f->written].payload)};
        if (peer_deliver(p->modes, &post))
            break;
        f->written++;
    }
    remove_rows(p, f);
}

/* ---- spoken ---- */

static bool is_silent(const struct modes *m)
{
    return (m->active == &mode_meeting && m->config->meeting_disable_tts) ||
           (m->active == &mode_working && m->config->working_disable_tts);
}

static void on_later(void *arg)
{
    struct peer *p = arg;
    peer_hello(p->modes);
}

static void on_speech_begins(void *user)
{
    struct peer *p = user;
    p->was_audible = p->modes && !is_silent(p->modes); /* the mode may have changed while it waited */
}

/* What was heard, if only in part because somebody interrupted it, is delivered. */
static void on_spoken(void *user, enum outcome o)
{
    struct peer *p = user;
    struct fetch *f = p->spoken;
    if (!f) /* the session ends */
        return;
    p->spoken = NULL;
    bool is_heard = p->was_audible &&
                    (o == OUTCOME_completed || o == OUTCOME_interrupted || o == OUTCOME_aborted);
    LOGI(p->modes->log, "peer.spoken", "id=%s outcome=%s heard=%d", f->rows[0].id, outcome_name(o), is_heard);
    f->written = is_heard;
    remove_rows(p, f);
    if (!is_heard) /* it stays in the queue */
        timer_start(&p->later, p->modes->loop, SPEAK_AGAIN_MS, on_later, p);
}

/* As a turn of its own, after the current one. */
static void speak(struct peer *p, struct fetch *got)
{
    struct modes *m = p->modes;
    auto_json struct json *j = NULL;
    auto_buf struct buf text = {0};
    (void)!json_parse(&j, slice_of(got->rows[0].payload), NULL);
    struct slice from = json_get_text(j, "fromName");
    auto_mem char *name = xslicedup(from.len ? from : json_get_text(j, "from"));
    catalogue_put(&text, m->config, m->language, "peer.prefix", "from", name, NULL);
    if (text.len && (unsigned char)text.data[text.len - 1] < 128) /* "Message from Anna: " */
        buf_put_byte(&text, ' ');
    buf_put(&text, json_get_text(j, "text"));
    p->was_audible = false;
    p->spoken = fetch_keep(got);
    struct say_opts o = {.is_queued = true, .on_begin = on_speech_begins, .on_done = on_spoken, .user = p};
    if (dialogue_say(m->dialogue, buf_slice(&text), &o) == OK)
        return;
    fetch_free(p->spoken); /* too much is to be said already */
    p->spoken = NULL;
    timer_start(&p->later, m->loop, SPEAK_BUSY_MS, on_later, p);
}

static void fetch_done(void *owner, enum err err, void *input)
{
    struct peer *p = owner;
    struct fetch *got = input;
    struct modes *m = p->modes;
    p->is_fetching = false;
    if (m && !err && got->count && m->has_peer)
        show(p, got);
    else if (m && !err && got->count && !is_silent(m))
        speak(p, got);
    if (m && p->looks_again)
        peer_hello(m);
}

static const struct store_op_class fetch_class = {.name = "peer_list",
                                                  .run = fetch_run,
                                                  .done = fetch_done,
                                                  .free_input = fetch_free,
                                                  .is_read_only = true};

void peer_hello(struct modes *m)
{
    if (!m->shared->store || m->is_closing || !m->is_greeted || peer_of(m)->spoken || (!m->has_peer && is_silent(m)))
        return;
    struct peer *p = peer_of(m);
    p->looks_again = p->is_fetching;
    if (p->is_fetching)
        return;
    struct fetch *f = xnew(struct fetch);
    f->peer = p;
    p->refs++;
    f->device = arena_strdup(&f->arena, slice_of(m->device_id));
    f->now_ms = clock_wall_ms();
    f->max = m->has_peer ? QUEUE_AT_ONCE : 1;
    p->is_fetching = true;
    if (store_start(NULL, m->shared->store, m->loop, &fetch_class, f, p)) {
        p->is_fetching = false;
        fetch_free(f);
    }
}

void peer_queue_close(struct peer *p)
{
    timer_stop(&p->later);
    if (p->spoken)
        fetch_free(p->spoken);
    p->spoken = NULL;
}
