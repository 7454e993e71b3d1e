/* SPDX-License-Identifier: MIT
 * crowd.c -- the lives of simulated devices.
 *
 * A member has one timer, whose meaning is its stage: pause before the next question, time-out of an
 * answer, time to come back. The tick starts members that wait for their first connection. */
#include "cli/crowd.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cli/crowd_ota.h"
#include "config/catalogue.h"
#include "http/ws.h"
#include "http/ws_codec.h"
#include "loop/timer.h"

#define TICK_MS 10
#define FRAME_MS 60
#define AT_ONCE 64
#define TURN_TIMEOUT_MS 30000
#define HELLO_TIMEOUT_MS 10000
#define RETRY_MS 2000       /* until a member whose connection failed tries again */
#define STORM_STAY_MS 1     /* after hello, before it hangs up */
#define SOONER_SLACK_US 2000 /* clocks of a millisecond on both sides */
#define MIXED_STAY_MS 10000 /* the same in mixed: up to this */

struct member {
    struct crowd *crowd;
    struct device *device;    /* NULL: not connected */
    struct crowd_ota *ota;    /* NULL: not asking */
    unsigned number;
    enum profile profile;
    struct uplink_at mic;
    struct timer timer, abort_timer;
    uint64_t opened_us, hello_us, end_us, start_us, abort_us, packet_us;
    bool is_starting, is_greeted, is_asking, was_heard, was_busy, has_audio, is_sentence_new;
};

struct crowd {
    struct crowd_opts o;
    struct crowd_stats stats;
    struct histogram recent;
    struct member *members;
    unsigned started, starting, alive, speaking;
    uint64_t tick_us, owed_us; /* when the tick is due; time not yet turned into starts */
    struct timer tick;
    struct crowd_ota_client *ota;
    struct grave grave;
    bool is_closed;
};

const char *crowd_error_name(enum crowd_error e)
{
    static const char *const names[] = { "ota", "connect", "refused", "busy", "closed", "no_hello", "no_answer",
                                         "nothing_heard" };
    return names[e];
}

static uint64_t now_us(const struct member *m)
{
    return loop_now_us(m->crowd->o.loop);
}

/* why: of the first one it is kept; "": nothing more is known. */
static void fail(struct member *m, enum crowd_error e, const char *why)
{
    struct crowd_stats *s = &m->crowd->stats;
    if (s->errors[e]++ == 0)
        snprintf(s->why[e], sizeof(s->why[e]), "%s", why);
}

static void start(struct member *m);

static void on_start_due(void *arg)
{
    start(arg);
}

static void again(struct member *m, unsigned ms)
{
    timer_start(&m->timer, m->crowd->o.loop, ms, on_start_due, m);
}

static void settled(struct member *m)
{
    if (!m->is_starting)
        return;
    struct crowd *c = m->crowd;
    m->is_starting = false;
    if (--c->starting > 0 || c->started < c->o.devices || c->stats.complete_us)
        return;
    c->stats.complete_us = loop_now_us(c->o.loop);
    c->stats.complete_greeted = c->stats.greeted;
}

static void hang_up(struct member *m)
{
    settled(m);
    timer_stop(&m->timer);
    timer_stop(&m->abort_timer);
    if (m->is_greeted)
        m->crowd->alive--;
    if (m->device && device_state(m->device) == DEVICE_SPEAKING)
        m->crowd->speaking--;
    m->is_greeted = m->is_asking = false;
    device_close(take_ptr(&m->device));
}

/* --- questions and answers ----------------------------------------------------------------------------- */

static void ask(struct member *m);

static void on_ask_due(void *arg)
{
    ask(arg);
}

static void ask_after_pause(struct member *m)
{
    unsigned pause = m->crowd->o.pause_ms;
    uint64_t ms = pause ? pause / 2 + rand_u32() % pause : 0;
    timer_start(&m->timer, m->crowd->o.loop, ms + 1, on_ask_due, m);
}

/* Spread over time as people are; default_ms 0: after a usual pause. */
static void ask_first(struct member *m, unsigned default_ms)
{
    unsigned within_ms = m->crowd->o.spread_ms ? m->crowd->o.spread_ms : default_ms;
    if (within_ms)
        timer_start(&m->timer, m->crowd->o.loop, rand_u32() % within_ms, on_ask_due, m);
    else
        ask_after_pause(m);
}

static void on_no_answer(void *arg)
{
    struct member *m = arg;
    fail(m, CROWD_NO_ANSWER, m->has_audio   ? "audio came, but no tts stop"
                             : m->was_heard ? "text came, but no speech"
                                            : "nothing came");
    m->crowd->stats.turns++;
    m->is_asking = false;
    hang_up(m);
    again(m, RETRY_MS);
}

static unsigned turn_timeout_ms(const struct crowd *c)
{
    return c->o.turn_timeout_ms ? c->o.turn_timeout_ms : TURN_TIMEOUT_MS;
}

static void ask(struct member *m)
{
    struct crowd *c = m->crowd;
    m->is_asking = true;
    m->was_heard = m->was_busy = m->has_audio = false;
    m->start_us = m->end_us = m->abort_us = m->packet_us = 0;
    timer_start(&m->timer, c->o.loop, turn_timeout_ms(c), on_no_answer, m);
    if (m->profile == PROFILE_PLAY) {
        m->end_us = now_us(m);
        device_type(m->device, slice_of(c->o.text));
        return;
    }
    m->mic = (struct uplink_at){ .u = c->o.uplink };
    if (device_state(m->device) != DEVICE_LISTENING)
        device_listen(m->device);
}

/* The microphone. Between questions it sends silence, as a quiet room does. */
static bool next_packet(void *user, struct slice *packet)
{
    struct member *m = user;
    struct crowd_stats *s = &m->crowd->stats;
    bool was_over = uplink_is_over(&m->mic);
    if (m->profile == PROFILE_LISTEN && was_over)
        m->mic.next = 0;
    if (!uplink_next(&m->mic, packet))
        return false;
    s->packets_out++;
    s->bytes_out += packet->len;
    if (m->profile != PROFILE_TALK || !m->is_asking)
        return true;
    if (!was_over && uplink_is_over(&m->mic)) {
        m->end_us = now_us(m);
        timer_start(&m->timer, m->crowd->o.loop, turn_timeout_ms(m->crowd), on_no_answer, m);
    }
    if (was_over && m->crowd->o.mode == MSG_LISTEN_MANUAL && device_state(m->device) == DEVICE_LISTENING) {
        m->end_us = now_us(m); /* the button is let go: the server need not guess */
        device_listen_stop(m->device);
        return false;
    }
    return true;
}

static void answered(struct member *m)
{
    struct crowd *c = m->crowd;
    if (!m->is_asking)
        return;
    m->is_asking = false;
    uplink_stop(&m->mic); /* of a question that was not over the rest is not said */
    if (m->was_busy) {
        c->stats.turns_busy++;
        ask_after_pause(m);
        return;
    }
    c->stats.turns++;
    bool is_heard = m->was_heard || m->profile == PROFILE_PLAY;
    if (!is_heard)
        fail(m, CROWD_NOTHING_HEARD, "tts came without stt before it");
    c->stats.early += is_heard && !m->end_us;
    c->stats.turns_good += is_heard && (m->has_audio || m->abort_us);
    ask_after_pause(m);
}

static void on_abort_due(void *arg)
{
    struct member *m = arg;
    if (!m->device || device_state(m->device) != DEVICE_SPEAKING)
        return;
    m->abort_us = now_us(m);
    m->crowd->stats.aborts++;
    device_abort(m->device, false);
}

static void first_audio(struct member *m)
{
    struct crowd *c = m->crowd;
    m->has_audio = true;
    if (!m->end_us || m->was_busy)
        return;
    uint64_t us = now_us(m) - m->end_us;
    uint64_t known = m->profile == PROFILE_PLAY ? c->o.known_us_typed : c->o.known_us_before_audio;
    c->stats.sooner += us + SOONER_SLACK_US < known;
    uint64_t added = us > known ? us - known : 0;
    histogram_add(&c->stats.start, m->start_us > m->end_us ? m->start_us - m->end_us : 0);
    histogram_add(&c->stats.audio, us);
    histogram_add(&c->stats.added, added);
    if (m->profile == PROFILE_TALK)
        histogram_add(&c->recent, added);
    if (c->o.abort_percent && rand_u32() % 100 < c->o.abort_percent)
        timer_start(&m->abort_timer, c->o.loop, c->o.abort_after_ms, on_abort_due, m);
}

/* --- what a device hears --------------------------------------------------------------------------------- */

static bool says_busy(const struct crowd *c, struct slice text)
{
    static const char *const languages[] = { "zh", "en" };
    if (c->o.busy_text)
        return slice_is(text, c->o.busy_text);
    for (size_t i = 0; i < COUNT(languages); i++)
        if (slice_is(text, catalogue_text(NULL, languages[i], "server.busy")))
            return true;
    return false;
}

/* The answer to the question is no answer. */
static void told_busy(struct member *m)
{
    m->was_busy = true;
    if (m->end_us)
        histogram_add(&m->crowd->stats.busy, now_us(m) - m->end_us);
}

static void take_tts(struct member *m, const struct json *message)
{
    struct slice state = json_get_text(message, "state");
    if (slice_is(state, "start")) {
        m->start_us = now_us(m);
        m->packet_us = 0;
    } else if (slice_is(state, "sentence_start")) {
        m->is_sentence_new = true;
        if (m->is_asking && !m->was_busy && !m->has_audio && says_busy(m->crowd, json_get_text(message, "text")))
            told_busy(m);
    }
}

static void on_text(void *user, const struct json *message, struct slice text)
{
    struct member *m = user;
    struct slice type = json_get_text(message, "type");
    if (slice_is(type, "tts")) {
        take_tts(m, message);
    } else if (slice_is(type, "stt") && !m->was_heard) {
        m->was_heard = true;
        if (m->end_us && m->is_asking)
            histogram_add(&m->crowd->stats.text, now_us(m) - m->end_us);
    }
}

static void on_packet(void *user, struct slice packet, bool is_played)
{
    struct member *m = user;
    struct crowd_stats *s = &m->crowd->stats;
    uint64_t now = now_us(m);
    s->packets_in++;
    s->bytes_in += packet.len;
    s->lost_packets += !is_played;
    if (m->packet_us && !m->is_sentence_new) {
        uint64_t gap = now - m->packet_us;
        histogram_add(&s->gap, gap);
        s->gaps++;
        s->gaps_late += gap > CROWD_GAP_LATE_US;
        if (m->crowd->o.profile == PROFILE_PLAY) /* in mixed they would hide the latencies */
            histogram_add(&m->crowd->recent, gap);
    }
    m->is_sentence_new = false;
    m->packet_us = now;
    if (is_played && !m->has_audio && m->is_asking)
        first_audio(m);
}

static void on_state(void *user, enum device_state from, enum device_state to)
{
    struct member *m = user;
    struct crowd *c = m->crowd;
    c->speaking += to == DEVICE_SPEAKING;
    c->speaking -= from == DEVICE_SPEAKING;
    if (from == DEVICE_SPEAKING && to != DEVICE_CLOSED) {
        timer_stop(&m->abort_timer);
        if (m->abort_us)
            histogram_add(&c->stats.abort, now_us(m) - m->abort_us);
        answered(m);
    }
}

static void on_violation(void *user, enum violation v, const char *detail)
{
    struct member *m = user;
    m->crowd->stats.violations[v]++;
    m->crowd->stats.underruns += v == VIOLATION_starved;
}

/* --- coming and going ------------------------------------------------------------------------------------ */

static void on_stayed(void *arg)
{
    struct member *m = arg;
    m->crowd->stats.left++;
    hang_up(m);
    m->number += m->crowd->o.devices; /* a new device */
    again(m, 0);
}

static void on_no_hello(void *arg)
{
    struct member *m = arg;
    fail(m, CROWD_NO_HELLO, "the upgrade was accepted, hello was not answered");
    hang_up(m);
    again(m, RETRY_MS);
}

static void on_device_open(void *user)
{
    struct member *m = user;
    struct crowd *c = m->crowd;
    c->stats.connected++;
    m->hello_us = now_us(m);
    histogram_add(&c->stats.connect, m->hello_us - m->opened_us);
    timer_start(&m->timer, c->o.loop, c->o.hello_timeout_ms ? c->o.hello_timeout_ms : HELLO_TIMEOUT_MS, on_no_hello,
                m);
}

static void on_ready(void *user, const struct hello_answer *hello)
{
    struct member *m = user;
    struct crowd *c = m->crowd;
    if (m->is_greeted)
        return;
    timer_stop(&m->timer);
    m->is_greeted = true;
    c->alive++;
    c->stats.greeted++;
    settled(m);
    uint64_t us = now_us(m) - m->hello_us;
    histogram_add(&c->stats.hello, us);
    if (c->o.profile == PROFILE_IDLE || c->o.profile == PROFILE_LISTEN || c->o.profile == PROFILE_STORM)
        histogram_add(&c->recent, us);
    switch (m->profile) {
    case PROFILE_STORM:
        timer_start(&m->timer, c->o.loop,
                    c->o.profile == PROFILE_MIXED ? rand_u32() % MIXED_STAY_MS : STORM_STAY_MS, on_stayed, m);
        break;
    case PROFILE_LISTEN:
        m->mic = (struct uplink_at){ .u = c->o.uplink, .next = rand_u32() % c->o.uplink->speech_end };
        device_mic(m->device, next_packet, m);
        device_listen(m->device);
        break;
    case PROFILE_TALK:
        device_mic(m->device, next_packet, m);
        ask_first(m, 0);
        break;
    case PROFILE_PLAY:
        ask_first(m, FRAME_MS); /* not all in one tick */
        break;
    default:
        break;
    }
}

static void explain_close(char *out, size_t size, const struct member *m, int code, struct slice reason, int http_status)
{
    const char *when = m->is_greeted ? "" : ", before hello was answered";
    if (http_status)
        snprintf(out, size, "HTTP %d%s", http_status,
                 http_status == 401 || http_status == 403 ? ": no token? --ota gets one for each device" : "");
    else if (!m->hello_us)
        snprintf(out, size, SLICE_FMT, SLICE_ARG(reason));
    else if (code == WS_ABNORMAL)
        snprintf(out, size, "the connection ended without a close%s", when);
    else
        snprintf(out, size, "closed with %d " SLICE_FMT "%s", code, SLICE_ARG(reason), when);
}

static void on_close(void *user, int code, struct slice reason, int http_status)
{
    struct member *m = user;
    if (http_status || (code == WS_TRY_LATER && !m->is_greeted))
        histogram_add(&m->crowd->stats.refuse, now_us(m) - m->opened_us);
    m->crowd->stats.turns_lost += m->is_asking;
    char why[CROWD_WHY_MAX];
    explain_close(why, sizeof(why), m, code, reason, http_status);
    if (http_status == 503 || http_status == 429 || code == WS_TRY_LATER)
        fail(m, CROWD_BUSY, why);
    else if (http_status)
        fail(m, CROWD_REFUSED, why);
    else
        fail(m, m->hello_us ? CROWD_CLOSED : CROWD_CONNECT, why);
    hang_up(m);
    again(m, RETRY_MS);
}

static const struct device_events events = {
    .on_open = on_device_open, .on_ready = on_ready, .on_text = on_text, .on_packet = on_packet,
    .on_state = on_state, .on_violation = on_violation, .on_close = on_close,
};

static void put_identity(const struct member *m, char device[18], char client[40])
{
    unsigned n = m->number;
    snprintf(device, 18, "02:00:%02x:%02x:%02x:%02x", n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255);
    snprintf(client, 40, "00000000-0000-4000-8000-0200%08x", n);
}

static void connect_to(struct member *m, const char *url, const char *token)
{
    struct crowd *c = m->crowd;
    char device[18], client[40];
    auto_buf struct buf with_query = { 0 };
    put_identity(m, device, client);
    bool has_headers = c->o.identity != IDENTITY_QUERY;
    if (c->o.identity != IDENTITY_HEADERS) {
        crowd_url_with_query(&with_query, url, device, client, token);
        url = with_query.data;
    }
    m->opened_us = now_us(m);
    m->hello_us = 0;
    enum err e = device_open(&m->device, &(struct device_opts){
                                             .loop = c->o.loop, .url = url, .token = has_headers ? token : NULL,
                                             .device_id = has_headers ? device : NULL,
                                             .client_id = has_headers ? client : NULL,
                                             .framing = c->o.framing ? c->o.framing : FRAMING_V1,
                                             .mode = m->profile == PROFILE_LISTEN ? MSG_LISTEN_REALTIME : c->o.mode,
                                             .is_pcm = c->o.is_pcm, .tls = c->o.tls, .on = &events, .user = m });
    if (e == OK)
        return;
    fail(m, CROWD_CONNECT, err_text(e));
    settled(m);
    again(m, RETRY_MS);
}

static void on_ota(void *user, const struct ota_answer *answer, uint64_t took_us, const char *why)
{
    struct member *m = user;
    struct crowd *c = m->crowd;
    m->ota = NULL;
    if (answer && !answer->has_websocket)
        why = "the answer names no WebSocket";
    else if (answer && !c->o.may_leave_host && !crowd_is_local(c->o.url ? c->o.url : answer->websocket_url))
        why = "the answer names another machine";
    else if (answer)
        why = NULL;
    if (why) {
        fail(m, CROWD_OTA, why);
        settled(m);
        again(m, RETRY_MS);
        return;
    }
    histogram_add(&c->stats.ota, took_us);
    connect_to(m, c->o.url ? c->o.url : answer->websocket_url, answer->websocket_token);
}

static void start(struct member *m)
{
    struct crowd *c = m->crowd;
    char device[18], client[40];
    c->stats.opened++;
    if (!m->is_starting) {
        m->is_starting = true;
        c->starting++;
    }
    if (!c->ota) {
        connect_to(m, c->o.url, c->o.token);
        return;
    }
    put_identity(m, device, client);
    m->opened_us = now_us(m);
    m->hello_us = 0;
    enum err e = crowd_ota_ask(&m->ota, c->ota, device, client, on_ota, m);
    if (e)
        on_ota(m, NULL, 0, err_text(e));
}

static void on_tick(void *arg)
{
    struct crowd *c = arg;
    uint64_t now = loop_now_us(c->o.loop);
    if (c->tick_us)
        histogram_add_late(&c->stats.late, now > c->tick_us ? now - c->tick_us : 0, TICK_MS * 1000);
    c->owed_us += c->tick_us ? now - c->tick_us + TICK_MS * 1000 : 0;
    c->tick_us = now + TICK_MS * 1000;
    uint64_t may = UINT64_MAX;
    if (c->o.per_second) {
        may = c->owed_us * c->o.per_second / 1000000;
        c->owed_us -= may * 1000000 / c->o.per_second;
    }
    while (c->started < c->o.devices && c->starting < c->o.at_once && may-- > 0)
        start(&c->members[c->started++]);
    timer_start(&c->tick, c->o.loop, TICK_MS, on_tick, c);
}

/* mixed: of 100 devices 70 are idle, 15 talk, 5 listen, 5 play, 5 come and go. */
static enum profile profile_of(const struct crowd_opts *o, unsigned i)
{
    if (o->profile != PROFILE_MIXED)
        return o->profile;
    unsigned at = i * 37 % 100; /* spread, not in blocks */
    return at < 70 ? PROFILE_IDLE : at < 85 ? PROFILE_TALK : at < 90 ? PROFILE_LISTEN
           : at < 95                        ? PROFILE_PLAY
                                            : PROFILE_STORM;
}

enum err crowd_open(struct crowd **out, const struct crowd_opts *o)
{
    if (o->devices == 0 || o->devices > CROWD_DEVICES_MAX || (!o->url && !o->ota))
        return ERR_INVALID;
    if (!o->may_leave_host && ((o->url && !crowd_is_local(o->url)) || (o->ota && !crowd_is_local(o->ota))))
        return ERR_FORBIDDEN;
    struct crowd *c = xnew(struct crowd);
    c->o = *o;
    c->o.at_once = o->at_once ? o->at_once : AT_ONCE;
    c->members = xalloc(o->devices * sizeof(*c->members));
    for (unsigned i = 0; i < o->devices; i++)
        c->members[i] = (struct member){ .crowd = c, .number = o->first_number + i, .profile = profile_of(o, i) };
    enum err e = o->ota ? crowd_ota_open(&c->ota, o->loop, o->ota) : OK;
    if (e) {
        mem_free(c->members);
        mem_free(c);
        return e;
    }
    c->stats.begun_us = loop_now_us(o->loop);
    timer_start(&c->tick, o->loop, 0, on_tick, c);
    *out = c;
    return OK;
}

const struct crowd_stats *crowd_stats(const struct crowd *c)
{
    return &c->stats;
}

unsigned crowd_alive(const struct crowd *c)
{
    return c->alive;
}

unsigned crowd_speaking(const struct crowd *c)
{
    return c->speaking;
}

/* Since when it waits for what; 0: it does not. */
static uint64_t waits_since_us(const struct member *m, enum crowd_wait *for_what)
{
    *for_what = CROWD_WAIT_ANSWER;
    if (!m->is_starting)
        return m->is_asking && !m->has_audio ? m->end_us : 0;
    *for_what = m->ota ? CROWD_WAIT_OTA : m->hello_us ? CROWD_WAIT_HELLO : CROWD_WAIT_CONNECT;
    return m->hello_us ? m->hello_us : m->opened_us;
}

void crowd_waiting(const struct crowd *c, struct crowd_waiting *out)
{
    *out = (struct crowd_waiting){ 0 };
    for (unsigned i = 0; i < c->started; i++) {
        enum crowd_wait what;
        uint64_t since_us = waits_since_us(&c->members[i], &what);
        if (!since_us)
            continue;
        out->count[what]++;
        out->longest_us[what] = MAX(out->longest_us[what], loop_now_us(c->o.loop) - since_us);
    }
}

void crowd_recent(struct crowd *c, struct histogram *latency)
{
    *latency = c->recent;
    histogram_clear(&c->recent);
}

static void bury(void *arg)
{
    struct crowd *c = arg;
    mem_free(c->members);
    mem_free(c);
}

void crowd_close(struct crowd *c)
{
    if (!c || c->is_closed)
        return;
    c->is_closed = true;
    timer_stop(&c->tick);
    for (unsigned i = 0; i < c->started; i++) {
        crowd_ota_drop(take_ptr(&c->members[i].ota));
        hang_up(&c->members[i]);
    }
    crowd_ota_close(c->ota);
    loop_later(c->o.loop, &c->grave, bury, c);
}
