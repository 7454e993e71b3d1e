/* SPDX-License-Identifier: MIT
 * peer.c -- messages from device to device, by message or by voice: judged here, sent by peer_send.c, which says
 * honestly what became of each.
 *
 *   shape -> targets -> permission -> rate -> clean -> (peer_send.c)
 *
 * Nothing is lost to a bad answer of the model (the original goes out, `degraded`), nor to a target that is
 * away (its queue is in the store: peer_queue.c). */
#include "modes/peer.h"

#include "config/catalogue.h"
#include "devices/auth.h"
#include "devices/limits.h"
#include "devices/presence.h"
#include "modes/groups.h"
#include "modes/peer_inside.h"
#include "modes/tell.h"

#define LOG_TOPIC    "peer"
#define SENDINGS_MAX 16 /* of one session at one time */

void peer_unref(void *arg)
{
    struct peer *p = arg;
    if (--p->refs == 0)
        mem_free(p);
}

struct peer *peer_of(struct modes *m)
{
    if (!m->peer) {
        m->peer = xnew(struct peer);
        m->peer->modes = m;
        m->peer->refs = 1;
        list_init(&m->peer->asking);
    }
    return m->peer;
}

/* ---- judging ---- */

static void add_target(struct sending *s, struct slice id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (slice_is(id, s->targets[i].id))
            return;
    }
    s->targets = xrealloc(s->targets, (s->count + 1) * sizeof(*s->targets));
    struct target *t = &s->targets[s->count++];
    *t = (struct target){.fate = FATE_WAITING};
    memcpy(t->id, id.data, id.len);
}

static bool is_known(const struct modes *m, const char *device)
{
    struct presence_entry entry;
    return (m->shared->presence && presence_get(m->shared->presence, device, &entry)) ||
           (m->shared->auth && auth_knows_device(m->shared->auth, device));
}

/* Unknown ids are refused like forbidden ones: nobody learns which devices exist. */
static void judge(struct modes *m, struct sending *s)
{
    auto_buf struct buf mine = {0}, theirs = {0};
    group_of(m->shared, m->config, m->device_id, &mine);
    for (size_t i = 0; i < s->count; i++) {
        struct target *t = &s->targets[i];
        t->sending = s;
        group_of(m->shared, m->config, t->id, &theirs);
        t->group = xstrdup(theirs.data);
        bool is_same = slice_eq(buf_slice(&mine), buf_slice(&theirs));
        if (!is_known(m, t->id) || !peer_is_allowed(m->config, m->device_id, t->id, is_same))
            t->fate = FATE_DENIED;
    }
}

static void add_everybody(struct modes *m, struct sending *s)
{
    struct arena a = {0};
    struct presence_entry *online;
    size_t count = m->shared->presence ? presence_list(m->shared->presence, &a, &online) : 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(online[i].device, m->device_id) != 0)
            add_target(s, slice_of(online[i].device));
    }
    arena_done(&a);
    auto_buf struct buf group = {0};
    for (size_t i = 0; i < s->count; i++) {
        s->targets[i].sending = s;
        group_of(m->shared, m->config, s->targets[i].id, &group);
        s->targets[i].group = xstrdup(group.data);
    }
}

static bool read_shape(const struct modes *m, const struct json *msg, bool *is_broadcast)
{
    const struct json *to = json_get(msg, "to");
    struct slice text = slice_trim(json_get_text(json_get(msg, "payload"), "text"));
    if (!json_is(to, JSON_ARRAY) || !json_len(to) || json_len(to) > (size_t)m->config->peer_max_targets)
        return false;
    for (size_t i = 0; i < json_len(to); i++) {
        char id[ID_TEXT];
        if (!id_normalise(json_text(json_at(to, i)), id))
            return false;
    }
    *is_broadcast = json_len(to) == 1 && slice_is(json_text(json_at(to, 0)), "broadcast");
    return text.len > 0 && text.len <= PEER_TEXT_BYTES;
}

static void add_targets(struct modes *m, struct sending *s, const struct json *to)
{
    for (size_t i = 0; i < json_len(to); i++) {
        char id[ID_TEXT];
        if (id_normalise(json_text(json_at(to, i)), id) && strcmp(id, m->device_id) != 0)
            add_target(s, slice_of(id));
    }
    judge(m, s);
}

static void refuse(struct modes *m, struct sending *s, enum msg_code code, const char *message,
                   struct slice req_id)
{
    modes_error(m, "peer", code, message, req_id);
    sending_free(s);
}

/* Of the device, whatever connection it has. */
static bool rate_is_kept(struct modes *m, bool is_broadcast, uint64_t *wait_ms)
{
    auto_mem char *key = xprintf("peer.%s:%s", is_broadcast ? "broadcast" : "unicast", m->device_id);
    int64_t max = is_broadcast ? m->config->peer_broadcast_per_min : m->config->peer_unicast_per_s;
    return !m->shared->rates || rates_take(m->shared->rates, slice_of(key), (unsigned)max, is_broadcast ? 60000 : 1000,
                                           loop_now_ms(m->loop), wait_ms);
}

static void send_limited(struct modes *m, uint64_t wait_ms, struct slice req_id)
{
    auto_buf struct buf out = {0};
    struct jw w;
    msg_reply_begin(&w, &out, "peer", false, req_id);
    jw_cstr(&w, "code", msg_code_name(CODE_RATE_LIMITED));
    jw_cstr(&w, "message", "too many messages, wait a little");
    jw_i64(&w, "retryAfterMs", (int64_t)wait_ms);
    msg_reply_end(&w);
    (void)modes_send(m, &out);
}

void handle_peer_message(struct modes *m, const struct msg *msg)
{
    bool is_broadcast;
    if (!read_shape(m, msg->root, &is_broadcast)) {
        modes_error(m, "peer", CODE_INVALID_REQUEST, "invalid to/payload", msg->req_id);
        return;
    }
    if (!m->config->peer_enabled || (is_broadcast && !m->config->peer_allow_broadcast)) {
        modes_error(m, "peer", CODE_UNAUTHORIZED, "messages between devices are not allowed here",
                    msg->req_id);
        return;
    }
    if (peer_of(m)->sendings >= SENDINGS_MAX) {
        modes_error(m, "peer", CODE_BUSY, "earlier messages are still on their way", msg->req_id);
        return;
    }
    struct sending *s = sending_make(m, json_get_text(json_get(msg->root, "payload"), "text"),
                                     json_get_text(msg->root, "category"), msg->req_id);
    if (is_broadcast)
        add_everybody(m, s);
    else
        add_targets(m, s, json_get(msg->root, "to"));
    if (!is_broadcast && sending_count(s, FATE_DENIED) == s->count) {
        refuse(m, s, CODE_UNAUTHORIZED, "no target may be written to; see peer.* in the configuration",
               msg->req_id);
        return;
    }
    uint64_t wait_ms;
    if (!rate_is_kept(m, is_broadcast, &wait_ms)) {
        send_limited(m, wait_ms, msg->req_id);
        sending_free(s);
        return;
    }
    sending_ask(s);
}

/* ---- by voice ---- */

/* NULL, or the key of what is said instead. */
static const char *send_spoken(struct modes *m, const char *to, struct slice text)
{
    uint64_t wait_ms;
    if (!m->config->peer_enabled)
        return "peer.refused";
    if (peer_of(m)->sendings >= SENDINGS_MAX)
        return "server.busy";
    struct sending *s = sending_make(m, text, SLICE("message"), (struct slice){0});
    s->is_spoken = true;
    add_target(s, slice_of(to));
    judge(m, s);
    const char *why = s->targets[0].fate == FATE_DENIED        ? "peer.refused"
                      : !rate_is_kept(m, false, &wait_ms) ? "server.busy"
                                                               : NULL;
    if (why)
        sending_free(s);
    else
        sending_ask(s);
    return why;
}

bool peer_heard(struct modes *m, uint32_t turn, struct slice utterance)
{
    const struct conf *aliases = m->config->workflow_device_alias;
    for (size_t i = 0; i < conf_count(aliases); i++) {
        char to[ID_TEXT];
        struct slice text;
        const char *name = conf_text(conf_at(aliases, i));
        if (!id_normalise(slice_of(conf_key_at(aliases, i)), to) || strcmp(to, m->device_id) == 0 ||
            !tell_read(utterance, name, &text))
            continue;
        auto_buf struct buf answer = {0};
        const char *why = send_spoken(m, to, text);
        LOGI(m->log, "peer.heard", "to=%s bytes=%zu result=%s", to, text.len, why ? why : "sent");
        catalogue_put(&answer, m->config, m->language, why ? why : "peer.sent", "to", name, NULL);
        turn_speak(m->dialogue, turn, buf_slice(&answer));
        return true;
    }
    return false;
}

void peer_close(struct modes *m)
{
    struct peer *p = m->peer;
    if (!p)
        return;
    peer_queue_close(p);
    p->modes = NULL;
    m->peer = NULL;
    list_each (&p->asking, n)
        sending_stop_asking(container_of(n, struct sending, node)); /* the message goes out all the same */
    loop_later(m->loop, &p->grave, peer_unref, p);
}
