/* SPDX-License-Identifier: MIT
 * webhook.c -- one call at a time: the oldest job that is due. A receiver that is slow delays only other
 * webhooks, never a summary. */
#include "modes/webhook.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "config/settings.h"
#include "http/client.h"
#include "loop/timer.h"
#include "metrics/metrics.h"
#include "store/meeting.h"
#include "store/store.h"

#define LOG_TOPIC    "webhook"
#define HEADERS_MAX  16
#define IDLE_LOOK_MS 60000

struct webhook {
    struct webhook_opts o;
    struct timer timer;
    struct store_op *op;
    struct http_call *call;
    struct config *config; /* of the call */
    struct arena arena;    /* of the job */
    struct webhook_row job;
    bool has_job, is_closing, is_wanted; /* wanted: look again, something came meanwhile */
    int64_t next_ms; /* of the job after a failure; 0: given up */
    enum err result;
    unsigned refs; /* the owner's, and one per store operation */
    struct grave grave;
};

void webhook_sign(struct slice secret, struct slice body, char out[65])
{
    uint8_t digest[32];
    hmac_sha256(secret, body, digest);
    hex_encode(digest, sizeof(digest), out);
}

uint64_t webhook_delay_ms(int64_t tries)
{
    switch (tries) {
    case 1:
        return 2000 + rand_below(3000);
    case 2:
        return 60000;
    case 3:
        return 300000;
    case 4:
        return 1800000;
    default:
        return 0;
    }
}

static void webhook_unref(void *arg)
{
    struct webhook *h = arg;
    if (--h->refs)
        return;
    config_unref(h->config);
    arena_done(&h->arena);
    mem_free(h);
}

static enum err start_op(struct webhook *h, const struct store_op_class *cls)
{
    h->refs++;
    enum err e = store_start(&h->op, h->o.store, h->o.loop, cls, h, h);
    h->refs -= e != OK;
    return e;
}

static void on_timer(void *arg);

static void look_in(struct webhook *h, uint64_t ms)
{
    if (!h->is_closing)
        timer_start(&h->timer, h->o.loop, ms, on_timer, h);
}

/* ---- after a try ---- */

static enum err end_run(struct db *db, void *input)
{
    struct webhook *h = input;
    return h->result ? db_webhook_failed(db, h->job.id, h->next_ms) : db_webhook_done(db, h->job.id);
}

static void end_done(void *owner, enum err err, void *input)
{
    struct webhook *h = owner;
    h->op = NULL;
    h->has_job = false;
    arena_reset(&h->arena);
    look_in(h, err ? IDLE_LOOK_MS : 0);
}

static const struct store_op_class end_class = {
    .name = "webhook_end", .run = end_run, .done = end_done, .free_input = webhook_unref};

static void on_call_end(void *user, enum err err, int status, const char *note)
{
    struct webhook *h = user;
    struct slice body = slice_of(h->job.body);
    uint8_t digest[32];
    char hex[65];
    http_call_close(h->call);
    h->call = NULL;
    config_unref(h->config);
    h->config = NULL;
    h->result = err ? err : status >= 200 && status < 300 ? OK : ERR_UPSTREAM;
    sha256(body, digest);
    hex_encode(digest, 4, hex);
    metric_add_label(METRIC_webhooks_total, h->result ? "failed" : "ok", 1);
    LOGI(NULL, "webhook.call",
         "[Meeting Webhook] result=%s status=%d meeting=%s try=%lld body_len=%zu body_sha256=%s",
         h->result ? "failed" : "ok", status, h->job.meeting, (long long)h->job.tries + 1, body.len, hex);
    uint64_t delay_ms = h->result ? webhook_delay_ms(h->job.tries + 1) : 0;
    h->next_ms = delay_ms ? clock_wall_ms() + (int64_t)delay_ms : 0;
    if (h->result && !delay_ms) {
        metric_add_label(METRIC_webhooks_total, "lost", 1);
        LOGE(NULL, "webhook.lost", "meeting=%s tries=%lld: given up; check meeting.webhook.url",
             h->job.meeting, (long long)h->job.tries + 1);
    }
    if (start_op(h, &end_class)) {
        h->has_job = false;
        look_in(h, IDLE_LOOK_MS);
    }
}

/* ---- a try ---- */

static bool is_ours(const char *name)
{
    static const char *const ours[] = {
        "x-meeting-id", "x-meeting-signature", "content-length", "content-type", "host", "transfer-encoding"};
    for (size_t i = 0; i < COUNT(ours); i++) {
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    }
    return false;
}

static void call(struct webhook *h)
{
    static const struct http_call_events events = {.on_end = on_call_end};
    const struct config *cfg = h->config;
    struct http_header headers[HEADERS_MAX];
    unsigned count = 0;
    char signature[65];
    headers[count++] = (struct http_header){"Content-Type", SLICE("application/json; charset=utf-8")};
    headers[count++] = (struct http_header){"X-Meeting-Id", slice_of(h->job.meeting)};
    if (cfg->meeting_webhook_secret) {
        webhook_sign(slice_of(cfg->meeting_webhook_secret), slice_of(h->job.body), signature);
        headers[count++] = (struct http_header){"X-Meeting-Signature", slice_of(signature)};
    }
    const struct conf *own = cfg->meeting_webhook_headers;
    for (size_t i = 0; i < conf_count(own) && count < HEADERS_MAX; i++) {
        if (!is_ours(conf_key_at(own, i)))
            headers[count++] =
                (struct http_header){conf_key_at(own, i), slice_of(conf_text(conf_at(own, i)))};
    }
    struct http_call_opts o = {.method = "POST",
                               .url = cfg->meeting_webhook_url,
                               .headers = headers,
                               .header_count = count,
                               .body = slice_of(h->job.body),
                               .first_byte_ms = WEBHOOK_TIMEOUT_MS,
                               .total_ms = WEBHOOK_TIMEOUT_MS};
    enum err e = http_call_open(&h->call, h->o.http, &o, &events, h);
    if (e)
        on_call_end(h, e, 0, err_text(e));
}

static enum err due_run(struct db *db, void *input)
{
    struct webhook *h = input;
    struct webhook_row *rows;
    size_t count;
    enum err e = db_webhook_due(db, clock_wall_ms(), 1, &h->arena, &rows, &count);
    if (e)
        return e;
    if (count) {
        h->job = rows[0];
        h->has_job = true;
        return OK;
    }
    h->next_ms = 0;
    e = db_webhook_next(db, &h->next_ms);
    return e == ERR_NOT_FOUND ? OK : e;
}

static void due_done(void *owner, enum err err, void *input)
{
    struct webhook *h = owner;
    h->op = NULL;
    if (err || !h->has_job) {
        int64_t wait_ms = h->is_wanted ? 0 : h->next_ms ? h->next_ms - clock_wall_ms() : IDLE_LOOK_MS;
        h->is_wanted = false;
        arena_reset(&h->arena);
        look_in(h, wait_ms < 0 ? 0 : (uint64_t)MIN(wait_ms, IDLE_LOOK_MS));
        return;
    }
    h->config = config_now(h->o.config);
    if (h->config->meeting_webhook_url) {
        call(h);
        return;
    }
    config_unref(h->config); /* switched off meanwhile: nobody waits for it */
    h->config = NULL;
    h->result = OK;
    if (start_op(h, &end_class)) {
        h->has_job = false;
        look_in(h, IDLE_LOOK_MS);
    }
}

static const struct store_op_class due_class = {
    .name = "webhook_due", .run = due_run, .done = due_done, .free_input = webhook_unref};

static void on_timer(void *arg)
{
    struct webhook *h = arg;
    if (!h->op && !h->has_job && start_op(h, &due_class))
        look_in(h, IDLE_LOOK_MS);
}

void webhook_look(struct webhook *h)
{
    h->is_wanted = h->op != NULL;
    look_in(h, 0);
}

void webhook_create(struct webhook **out, const struct webhook_opts *o)
{
    struct webhook *h = xnew(struct webhook);
    h->o = *o;
    h->refs = 1;
    look_in(h, 0);
    *out = h;
}

void webhook_close(struct webhook *h)
{
    if (!h)
        return;
    h->is_closing = true;
    timer_stop(&h->timer);
    store_cancel(h->op);
    http_call_close(h->call);
    h->op = NULL;
    loop_later(h->o.loop, &h->grave, webhook_unref, h);
}
