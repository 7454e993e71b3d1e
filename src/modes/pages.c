/* SPDX-License-Identifier: MIT
 * pages.c -- what goes to a device's screen, and when: at most a page every 500 ms, the latest wins, the last
 * one always arrives; equal ones are not sent twice; with ui.wait_ack each page is confirmed, tried again
 * once, then the screen is left alone for 30 s. Pages are shown only where a device announced a screen.
 *
 *   chat: idle --listen--> preparing --speech or typed text--> active --end--> idle
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "config/catalogue.h"
#include "devices/presence.h"
#include "metrics/metrics.h"
#include "modes/groups.h"
#include "modes/inside.h"
#include "modes/page.h"
#include "modes/past_chats.h"
#include "protocol/ids.h"

#define LOG_TOPIC           "pages"
#define RENDER_GAP_MS       500
#define CONTROLS_PER_S      5
#define ACK_WAIT_MS         3000
#define FREEZE_MS           30000
#define STREAM_GAP_MS       600
#define SECOND_PAGE_MS      1200
#define USER_CHARS          80 /* of what was said, so that an answer has room beside it */
#define ANSWER_BYTES        2048
#define FORWARD_TARGETS_MAX 10

enum chat_state { CHAT_IDLE, CHAT_PREPARING, CHAT_ACTIVE };

struct pages {
    struct modes *modes;
    enum chat_state chat;
    struct timer render, listen, ack, stream, second;
    struct buf waiting; /* the newest page, until its time comes */
    struct buf unacked; /* sent, not confirmed */
    char unacked_id[24], page[24]; /* page: name of the waiting one */
    uint64_t sent_ms, frozen_until_ms, control_ms[CONTROLS_PER_S];
    unsigned control_at, next_id;
    bool has_sent, was_retried;
    uint8_t last[32];        /* digest of the last page sent, without id and time */
    struct buf user, answer; /* the chat page */
    struct buf rest;         /* of an answer that needs a second page */
    struct past_chats past;
    struct grave grave;
};

/* What becomes of a page or control. */
enum pages_result { PAGES_OK, PAGES_LIMITED, PAGES_OFFLINE, PAGES_DENIED, PAGES_INVALID };
static const char *const result_names[] = {"ok", "limited", "offline", "denied", "invalid"};

static struct pages *pages_of(struct modes *m)
{
    if (!m->pages) {
        m->pages = xnew(struct pages);
        m->pages->modes = m;
    }
    return m->pages;
}

static void pages_free(void *arg)
{
    struct pages *p = arg;
    buf_done(&p->waiting);
    buf_done(&p->unacked);
    buf_done(&p->user);
    buf_done(&p->answer);
    buf_done(&p->rest);
    mem_free(p);
}

size_t pages_bytes(const struct modes *m)
{
    const struct pages *p = m->pages;
    return p ? sizeof(*p) + p->waiting.cap + p->unacked.cap + p->user.cap + p->answer.cap + p->rest.cap : 0;
}

void pages_close(struct modes *m)
{
    struct pages *p = m->pages;
    if (!p)
        return;
    timer_stop(&p->render);
    timer_stop(&p->listen);
    timer_stop(&p->ack);
    timer_stop(&p->stream);
    timer_stop(&p->second);
    past_chats_done(&p->past);
    m->pages = NULL;
    loop_later(m->loop, &p->grave, pages_free, p);
}

/* ---- sending pages ---- */

static void on_no_ack(void *arg);

/* Of pages, as the last two came. */
static uint64_t per_second(const struct pages *p, uint64_t now_ms)
{
    return p->has_sent && now_ms > p->sent_ms ? MAX(1000 / (now_ms - p->sent_ms), 1u) : 1;
}

static void send_now(struct pages *p)
{
    struct modes *m = p->modes;
    uint64_t now_ms = loop_now_ms(m->loop);
    LOGD(m->log, "pages.send", "[SEND] type=ui.render id=%u to=%s mode=%s page=%s qps=%llu", p->next_id, m->device_id,
         modes_name(m), p->page, (unsigned long long)per_second(p, now_ms));
    metric_add_label(METRIC_renders_total, "sent", 1);
    p->sent_ms = now_ms;
    p->has_sent = true;
    (void)m->out->send(m->user, buf_slice(&p->waiting), true);
    if (m->config->ui_wait_ack) {
        struct buf swap = p->unacked;
        p->unacked = p->waiting;
        p->waiting = swap;
        snprintf(p->unacked_id, sizeof(p->unacked_id), "%u", p->next_id);
        p->was_retried = false;
        timer_start(&p->ack, m->loop, ACK_WAIT_MS, on_no_ack, p);
    }
    buf_clear(&p->waiting);
}

static void on_no_ack(void *arg)
{
    struct pages *p = arg;
    struct modes *m = p->modes;
    if (!p->was_retried) {
        p->was_retried = true;
        (void)m->out->send(m->user, buf_slice(&p->unacked), true);
        timer_start(&p->ack, m->loop, ACK_WAIT_MS, on_no_ack, p);
        return;
    }
    p->frozen_until_ms = loop_now_ms(m->loop) + FREEZE_MS;
    LOGW(m->log, "pages.freeze", "[FREEZE] to=%s for_ms=%d: the screen does not confirm pages", m->device_id,
         FREEZE_MS);
}

static void on_render_time(void *arg)
{
    struct pages *p = arg;
    if (!p->waiting.len)
        return;
    if (loop_now_ms(p->modes->loop) >= p->frozen_until_ms) {
        send_now(p);
        return;
    }
    buf_clear(&p->waiting);
    memset(p->last, 0, sizeof(p->last)); /* it was never shown: the same one may come again */
}

/* Takes a cleaned page; `plain` is the page without id and time, for finding equal ones. */
static enum pages_result put_page(struct pages *p, const struct json *render, const char *title)
{
    struct modes *m = p->modes;
    auto_buf struct buf plain = {0}, full = {0};
    uint64_t now_ms = loop_now_ms(m->loop);
    uint8_t digest[32];
    char id[24];
    if (now_ms < p->frozen_until_ms)
        return PAGES_LIMITED;
    if (page_clean(&plain, render, title, NULL, 0)) {
        LOGW(m->log, "pages.drop", "[DROP_INVALID] reason=page to=%s", m->device_id);
        return PAGES_INVALID;
    }
    sha256(buf_slice(&plain), digest);
    if (memcmp(digest, p->last, sizeof(digest)) == 0)
        return PAGES_OK;
    memcpy(p->last, digest, sizeof(digest));
    snprintf(id, sizeof(id), "%u", ++p->next_id);
    (void)page_clean(&full, render, title, id, clock_wall_ms());
    buf_clear(&p->waiting);
    buf_put(&p->waiting, buf_slice(&full));
    snprintf(p->page, sizeof(p->page), SLICE_FMT, SLICE_ARG(json_get_text(render, "page")));
    if (timer_armed(&p->render))
        return PAGES_LIMITED; /* it replaces the one that waits */
    if (p->has_sent && now_ms - p->sent_ms < RENDER_GAP_MS) {
        timer_start(&p->render, m->loop, p->sent_ms + RENDER_GAP_MS - now_ms, on_render_time, p);
        return PAGES_LIMITED;
    }
    send_now(p);
    return PAGES_OK;
}

static enum pages_result put_control(struct pages *p, const struct json *control)
{
    struct modes *m = p->modes;
    auto_buf struct buf out = {0};
    uint64_t now_ms = loop_now_ms(m->loop);
    enum page_verdict v = control_clean(&out, control);
    if (v)
        return PAGES_INVALID;
    if (now_ms < p->frozen_until_ms && !slice_is(json_get_text(control, "action"), "net.banner"))
        return PAGES_LIMITED;
    uint64_t *oldest = &p->control_ms[p->control_at];
    if (*oldest && now_ms + 1 - *oldest < 1000)
        return PAGES_LIMITED;
    *oldest = now_ms + 1;
    p->control_at = (p->control_at + 1) % CONTROLS_PER_S;
    LOGD(m->log, "pages.send", "[SEND] type=device.control to=%s mode=%s action=" SLICE_FMT, m->device_id,
         modes_name(m), SLICE_ARG(json_get_text(control, "action")));
    return m->out->send(m->user, buf_slice(&out), true) ? PAGES_LIMITED : PAGES_OK;
}

/* ---- the chat page ---- */

/* "Badge 7 . Anna" for devices in ui.badges; others keep the title given; never an id. */
static char *title_for(const struct modes *m, bool is_chat)
{
    if (is_chat)
        return xstrdup(modes_text(m, "chat.title"));
    const struct conf *badge = conf_of_device(m->config->ui_badges, m->device_id);
    if (conf_kind(badge) != CONF_MAP)
        return NULL;
    struct buf out = {0};
    catalogue_put(&out, m->config, m->language, "badge.title", "badge", conf_str(badge, "badge", ""), "owner",
                  conf_str(badge, "owner", ""), NULL);
    return buf_take(&out);
}

static enum pages_result render(struct pages *p, struct slice page_json)
{
    auto_json struct json *j = NULL;
    if (json_parse(&j, page_json, NULL))
        return PAGES_INVALID;
    auto_mem char *title = title_for(p->modes, slice_is(json_get_text(j, "page"), "dialog.chat"));
    return put_page(p, j, title);
}

/* How much of an answer stands on the first page, beside what the user said and the lines of earlier chats. */
static size_t answer_room(const struct pages *p)
{
    size_t used = utf8_chars(buf_slice(&p->user)) + 2 + utf8_chars(slice_of(p->past.lines));
    return used < PAGE_TEXT_CHARS ? PAGE_TEXT_CHARS - used : 0;
}

/* The last `chars` characters: a growing answer is read at its end. */
static struct slice tail_of(struct slice text, size_t chars)
{
    size_t all = utf8_chars(text);
    return all <= chars ? text : slice_sub(text, page_clip(text, all - chars).len, text.len);
}

/* One layout in all frames: what the user said, a blank line, the answer, a line for each earlier chat. */
static void put_chat(struct pages *p, struct slice answer, unsigned index, unsigned total)
{
    auto_buf struct buf json = {0}, text = {0};
    struct jw w;
    if (index == 1) {
        buf_put(&text, buf_slice(&p->user));
        buf_puts(&text, "\n\n");
    }
    buf_put(&text, answer);
    if (index == 1)
        buf_puts(&text, p->past.lines ? p->past.lines : "");
    jw_init(&w, &json);
    jw_object(&w);
    jw_cstr(&w, "page", "dialog.chat");
    jw_object_as(&w, "body");
    jw_cstr(&w, "kind", "text");
    jw_str(&w, "text", buf_slice(&text));
    jw_end(&w);
    if (total > 1) {
        jw_object_as(&w, "footer");
        jw_object_as(&w, "page");
        jw_i64(&w, "index", index);
        jw_i64(&w, "total", total);
        jw_end(&w);
        jw_end(&w);
    }
    jw_end(&w);
    (void)render(p, buf_slice(&json));
}

static void on_stream_time(void *arg)
{
    struct pages *p = arg;
    put_chat(p, tail_of(buf_slice(&p->answer), answer_room(p)), 1, 1);
}

static void on_second_page(void *arg)
{
    struct pages *p = arg;
    put_chat(p, buf_slice(&p->rest), 2, 2);
}

static void on_nobody_speaks(void *arg)
{
    struct pages *p = arg;
    struct modes *m = p->modes;
    auto_json struct json *tone = NULL;
    p->chat = CHAT_IDLE;
    if (json_parse(&tone, SLICE("{\"action\":\"play.tone\",\"name\":\"cancel\"}"), NULL) == OK)
        (void)put_control(p, tone);
    auto_buf struct buf banner = {0};
    struct jw w;
    jw_init(&w, &banner);
    jw_object(&w);
    jw_cstr(&w, "action", "net.banner");
    jw_cstr(&w, "text", modes_text(m, "listen.ended"));
    jw_end(&w);
    auto_json struct json *j = NULL;
    if (json_parse(&j, buf_slice(&banner), NULL) == OK)
        (void)put_control(p, j);
}

static bool shows_chat(const struct modes *m)
{
    return m->has_ui && !m->is_closing && !m->active;
}

void modes_on_listen(struct modes *m)
{
    if (!shows_chat(m))
        return;
    struct pages *p = pages_of(m);
    past_chats_read(&p->past, m->loop, m->shared->store, m->device_id);
    p->chat = CHAT_PREPARING;
    timer_start(&p->listen, m->loop, (uint64_t)m->config->listen_timeout_ms, on_nobody_speaks, p);
}

void modes_on_stt(struct modes *m, struct slice text)
{
    if (!shows_chat(m))
        return;
    struct pages *p = pages_of(m);
    past_chats_read(&p->past, m->loop, m->shared->store, m->device_id); /* typed at once: in the next frame */
    timer_stop(&p->listen);
    p->chat = CHAT_ACTIVE;
    buf_clear(&p->user);
    buf_clear(&p->answer);
    buf_put(&p->user, page_clip(text, USER_CHARS));
    timer_stop(&p->second);
    put_chat(p, (struct slice){0}, 1, 1);
}

void modes_on_sentence(struct modes *m, struct slice text)
{
    struct pages *p = m->pages;
    if (!p || !shows_chat(m) || p->chat != CHAT_ACTIVE)
        return;
    if (p->answer.len + text.len <= ANSWER_BYTES)
        buf_put(&p->answer, text);
    if (!timer_armed(&p->stream))
        timer_start(&p->stream, m->loop, STREAM_GAP_MS, on_stream_time, p);
}

void modes_on_turn_end(struct modes *m)
{
    struct pages *p = m->pages;
    if (!p || p->chat != CHAT_ACTIVE)
        return;
    timer_stop(&p->stream);
    if (shows_chat(m) && p->answer.len) {
        struct slice all = buf_slice(&p->answer), first = page_clip(all, answer_room(p));
        bool is_long = first.len < all.len;
        put_chat(p, first, 1, is_long ? 2 : 1);
        if (is_long) {
            buf_clear(&p->rest);
            buf_put(&p->rest, page_clip(slice_sub(all, first.len, all.len), PAGE_TEXT_CHARS));
            timer_start(&p->second, m->loop, SECOND_PAGE_MS, on_second_page, p);
        }
    }
    p->chat = CHAT_IDLE;
}

void pages_on_mode(struct modes *m)
{
    if (m->pages) {
        timer_stop(&m->pages->listen);
        timer_stop(&m->pages->stream);
        timer_stop(&m->pages->second);
        m->pages->chat = CHAT_IDLE;
    }
}

/* ---- from elsewhere ---- */

/* No page in idle: the welcome page belongs to the device. A banner always. */
static enum err deliver(struct modes *m, const struct json *j, enum msg_type type)
{
    struct pages *p = pages_of(m);
    struct slice page = json_get_text(j, "page");
    enum pages_result r;
    if (!m->has_ui)
        return ERR_UNSUPPORTED;
    if (type == MSG_device_control) {
        r = put_control(p, j);
    } else if (!slice_is(page, "dialog.chat") || m->active || p->chat == CHAT_IDLE) {
        metric_add_label(METRIC_renders_total, "denied", 1);
        LOGI(m->log, "pages.drop", "[DROP_BY_MODE] to=%s mode=%s", m->device_id, modes_name(m));
        return ERR_FORBIDDEN;
    } else {
        auto_mem char *title = title_for(m, true);
        r = put_page(p, j, title);
    }
    metric_add_label(METRIC_renders_total, result_names[r], 1);
    return r == PAGES_OK ? OK : r == PAGES_LIMITED ? ERR_LIMIT : ERR_INVALID;
}

enum err pages_deliver(struct modes *m, const struct post *p)
{
    auto_json struct json *j = NULL;
    enum err e = json_parse(&j, p->json, NULL);
    return e ? e : deliver(m, j, p->type);
}

/* ---- a client forwards to others ---- */

struct forward {
    struct modes *modes;
    char *req_id;
    enum msg_type type;
    size_t count, waiting;
    struct forward_target {
        struct forward *forward;
        char id[ID_TEXT];
        enum pages_result result;
    } targets[FORWARD_TARGETS_MAX];
};

static enum pages_result result_of(enum err e)
{
    switch (e) {
    case OK:
        return PAGES_OK;
    case ERR_LIMIT:
        return PAGES_LIMITED;
    case ERR_NOT_FOUND:
        return PAGES_OFFLINE;
    case ERR_FORBIDDEN:
    case ERR_UNSUPPORTED:
        return PAGES_DENIED;
    default:
        return PAGES_INVALID;
    }
}

static void forward_receipt(struct modes *m, const struct forward *f)
{
    auto_buf struct buf out = {0};
    struct jw w;
    msg_reply_begin(&w, &out, msg_type_name(f->type), true, slice_of(f->req_id));
    jw_object_as(&w, "results");
    for (size_t i = 0; i < f->count; i++)
        jw_cstr(&w, f->targets[i].id, result_names[f->targets[i].result]);
    jw_end(&w);
    msg_reply_end(&w);
    (void)modes_send(m, &out);
}

static void forward_settled(struct forward *f)
{
    if (f->waiting)
        return;
    struct modes *m = modes_alive(f->modes) ? f->modes : NULL;
    if (m)
        forward_receipt(m, f);
    modes_unref(f->modes);
    mem_free(f->req_id);
    mem_free(f);
}

static void on_forwarded(void *arg, enum err err)
{
    struct forward_target *t = arg;
    t->result = result_of(err);
    t->forward->waiting--;
    forward_settled(t->forward);
}

static bool may_forward(const struct modes *m, const char *to)
{
    const struct conf *list = conf_of_device(m->config->ui_forward_acl, m->device_id);
    if (m->is_operator)
        return true;
    if (conf_kind(list) == CONF_SCALAR)
        return strcmp(conf_text(list), "*") == 0 || slice_eq_nocase(slice_of(conf_text(list)), slice_of(to));
    for (size_t i = 0; i < conf_count(list); i++) {
        const char *item = conf_text(conf_at(list, i));
        if (strcmp(item, "*") == 0 || slice_eq_nocase(slice_of(item), slice_of(to)))
            return true;
    }
    return false;
}

static bool is_forwardable(const struct msg *msg)
{
    auto_buf struct buf scratch = {0};
    if (msg->type == MSG_device_control)
        return control_clean(&scratch, msg->root) == PAGE_OK;
    return slice_is(json_get_text(msg->root, "page"), "dialog.chat") &&
           page_clean(&scratch, msg->root, NULL, NULL, 0) == PAGE_OK;
}

static void forward(struct modes *m, const struct msg *msg)
{
    const struct json *to = json_get(msg->root, "to");
    const char *type = msg_type_name(msg->type);
    struct forward *f;
    if (!json_is(to, JSON_ARRAY) || !json_len(to) || json_len(to) > FORWARD_TARGETS_MAX ||
        !is_forwardable(msg)) {
        modes_error(m, type, CODE_SCHEMA_INVALID,
                    "to must be 1..10 ids, with a dialog.chat page, net.banner or play.tone", msg->req_id);
        return;
    }
    f = xnew(struct forward);
    f->modes = modes_ref(m);
    f->type = msg->type;
    f->req_id = xslicedup(msg->req_id);
    auto_buf struct buf json = {0};
    json_print(&json, msg->root);
    f->waiting = 1;
    for (size_t i = 0; i < json_len(to); i++) {
        struct forward_target *t = &f->targets[f->count];
        if (!id_normalise(json_text(json_at(to, i)), t->id))
            continue;
        f->count++;
        t->forward = f;
        if (!may_forward(m, t->id)) {
            t->result = PAGES_DENIED;
            continue;
        }
        f->waiting++;
        modes_post(m, t->id,
                   &(struct post){.kind = POST_UI,
                                  .type = msg->type,
                                  .json = buf_slice(&json),
                                  .on_done = on_forwarded,
                                  .arg = t});
    }
    f->waiting--;
    forward_settled(f);
}

/* ---- what comes up ---- */

static void acked(struct modes *m, struct slice id, bool is_good)
{
    struct pages *p = m->pages;
    LOGD(m->log, "pages.ack", "[ACK] from=%s ok=%d", m->device_id, is_good);
    if (p && (!id.len || slice_is(id, p->unacked_id)))
        timer_stop(&p->ack);
}

void handle_pages_message(struct modes *m, const struct msg *msg)
{
    struct slice id = json_get_text(msg->root, "id");
    switch (msg->type) {
    case MSG_ui_ack:
        acked(m, id, true);
        break;
    case MSG_ui_error:
        acked(m, id, false);
        break;
    case MSG_ui_render:
        if (slice_is(json_get_text(msg->root, "status"), "ok") && !json_get(msg->root, "page"))
            acked(m, id, true);
        else
            forward(m, msg);
        break;
    default:
        forward(m, msg);
        break;
    }
}
