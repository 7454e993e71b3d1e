/* SPDX-License-Identifier: MIT
 * link.c -- framing and outbound limits between a session and its WebSocket.
 *
 * TCP keepalive and TCP_USER_TIMEOUT find dead peers, since devices must not be pinged. A stall is
 * "bytes have been waiting since": set when a write leaves some behind, cleared when all are gone. */
#include "gateway/link.h"

#define LOG_TOPIC "gateway"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"

#define KEEPALIVE_IDLE_S 60
#define USER_TIMEOUT_MS 30000

struct link {
    struct loop *loop;
    struct ws *ws; /* NULL: closed */
    struct link_events events;
    void *user;
    enum framing framing;
    size_t queue_max_bytes;
    bool takes_large;
    uint64_t sent_ms, waiting_since_ms; /* 0: nothing waits */
    struct grave grave;
};

static void on_text(void *user, struct slice text)
{
    struct link *l = user;
    l->events.on_text(l->user, text);
}

static void on_binary(void *user, struct slice data)
{
    struct link *l = user;
    l->events.on_binary(l->user, data);
}

static void on_drain(void *user)
{
    struct link *l = user;
    l->waiting_since_ms = 0;
}

static void bury(void *arg)
{
    mem_free(arg);
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct link *l = user;

    l->ws = NULL; /* gone by itself after this event */
    loop_later(l->loop, &l->grave, bury, l);
    l->events.on_closed(l->user, code);
}

static const struct ws_events events = { .on_text = on_text, .on_binary = on_binary, .on_drain = on_drain,
                                         .on_close = on_close };

enum err link_accept(struct link **out, struct http_req *r, const struct link_opts *o, const struct link_events *ev,
                     void *user)
{
    struct link *l = xnew(struct link);

    l->loop = http_req_loop(r);
    l->events = *ev;
    l->user = user;
    l->framing = FRAMING_V1;
    l->queue_max_bytes = o->queue_max_bytes;
    l->sent_ms = loop_now_ms(l->loop);
    struct ws_opts ws = { .text_max_bytes = o->text_max_bytes, .binary_max_bytes = o->binary_max_bytes,
                          .write_max_bytes = o->queue_max_bytes, .ping_seconds = o->ping_seconds };
    enum err err = ws_accept(&l->ws, r, &ws, &events, l);
    if (err) {
        mem_free(l);
        return err;
    }
    conn_keepalive(ws_conn(l->ws), KEEPALIVE_IDLE_S, USER_TIMEOUT_MS);
    *out = l;
    return OK;
}

void link_framing(struct link *l, enum framing f)
{
    l->framing = f;
}

void link_large(struct link *l, bool takes_large_json)
{
    l->takes_large = takes_large_json;
}

size_t link_json_max(const struct link *l)
{
    return l->takes_large ? LINK_JSON_LARGE_MAX_BYTES : LINK_JSON_MAX_BYTES;
}

static enum err sent(struct link *l, enum err err)
{
    if (err)
        return err;
    l->sent_ms = loop_now_ms(l->loop);
    if (ws_queued_bytes(l->ws) == 0)
        l->waiting_since_ms = 0;
    else if (l->waiting_since_ms == 0)
        l->waiting_since_ms = l->sent_ms;
    return OK;
}

static bool has_room(const struct link *l, size_t bytes, enum link_rank rank)
{
    static const unsigned shares[] = { [LINK_STATS] = LINK_STATS_SHARE, [LINK_RENDER] = LINK_RENDER_SHARE,
                                       [LINK_MUST] = 8 };
    return ws_queued_bytes(l->ws) + bytes <= l->queue_max_bytes / 8 * shares[rank];
}

enum err link_json(struct link *l, struct slice json, enum link_rank rank)
{
    if (!l->ws)
        return ERR_CLOSED;
    if (json.len > link_json_max(l))
        return ERR_LIMIT;
    if (rank != LINK_MUST && !has_room(l, json.len, rank)) {
        metric_add(METRIC_send_dropped_total, 1);
        return ERR_LIMIT;
    }
    enum err err = sent(l, ws_send_text(l->ws, json));
    if (err == ERR_LIMIT)
        l->events.on_overflow(l->user);
    return err;
}

enum err link_audio(struct link *l, struct slice packet, uint32_t timestamp_ms)
{
    uint8_t header[FRAMING_HEADER_MAX_BYTES];

    if (!l->ws)
        return ERR_CLOSED;
    if (l->waiting_since_ms && loop_now_ms(l->loop) - l->waiting_since_ms > LINK_STALL_MS)
        return ERR_LIMIT;
    if (!has_room(l, packet.len + sizeof(header), LINK_RENDER))
        return ERR_LIMIT;
    size_t header_bytes = framing_encode(l->framing, header, packet.len, timestamp_ms);
    return sent(l, ws_send_binary(l->ws, slice_from(header, header_bytes), packet));
}

uint64_t link_sent_ms(const struct link *l)
{
    return l->sent_ms;
}

size_t link_queued_bytes(const struct link *l)
{
    return l->ws ? ws_queued_bytes(l->ws) : 0;
}

void link_close(struct link *l, int code, struct slice reason)
{
    if (!l || !l->ws)
        return;
    ws_close(l->ws, code, reason, LINK_LINGER_MS);
    l->ws = NULL;
    loop_later(l->loop, &l->grave, bury, l);
}
