/* SPDX-License-Identifier: MIT
 * ota.c -- the first thing a device asks, and the load balancer of this protocol: it answers while
 * providers are down, the store is slow (200 ms, then what is in memory) or the server drains. */
#include "metrics/metrics.h"
#include "protocol/ota.h"

#include <math.h>
#include <stdio.h>

#include "api/private.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "config/catalogue.h"
#include "devices/firmware.h"
#include "devices/force.h"
#include "devices/identity.h"
#include "protocol/token.h"

#define LOG_TOPIC "api"
#define STORE_WAIT_MS 200
#define ACTIVATION_TIMEOUT_MS 30000
#define MQTT_KEEPALIVE_S 240
#define OTA_BODY_MAX_BYTES 65536

struct ota {
    struct identity who;
    struct ota_request asked;
    struct pair_answer pair;
    char language[16];
    struct buf websocket, token, firmware, message, mqtt[4];
    struct firmware_image image;
    bool is_forced;
    struct force_taking *taking;
    uint64_t wait_until_ms; /* for the store */
};

static void ota_free(void *state)
{
    struct ota *o = state;
    force_take_cancel(o->taking);
    identity_done(&o->who);
    buf_done(&o->websocket);
    buf_done(&o->token);
    buf_done(&o->firmware);
    buf_done(&o->message);
    for (size_t i = 0; i < COUNT(o->mqtt); i++)
        buf_done(&o->mqtt[i]);
    mem_free(o);
}

/* A Device-Id by header or query: the rest of the id rules are for upgrades. */
static bool identify(struct api_call *c, struct identity *who)
{
    identity_read(who, c->r, c->cfg);
    return who->source == ID_QUERY || who->source == ID_HEADER;
}

/* --- pieces of the answer ---- */

static int zone_minutes(const struct config *cfg)
{
    double hours = cfg->server_timezone_offset;
    return isnan(hours) ? clock_zone_offset_minutes() : (int)lround(hours * 60);
}

/* For the board that asks. */
static struct firmware_ask ask_for(const struct api_call *c, const struct ota *o, struct slice version)
{
    return (struct firmware_ask){ .dir = c->cfg->firmware_dir, .ttl_s = (unsigned)c->cfg->firmware_cache_ttl,
                                  .now_ms = clock_mono_us() / 1000, .model = slice_of(o->asked.board_type),
                                  .version = version };
}

static bool find_image(struct api_call *c, struct ota *o, struct slice have)
{
    const struct firmware_ask ask = ask_for(c, o, have);
    return c->api->env.firmware && version_is_plain(have) && firmware_find(c->api->env.firmware, &ask, &o->image);
}

static void add_firmware(struct api_call *c, struct ota *o, struct ota_reply *reply)
{
    struct slice have = slice_of(o->asked.version);
    /* "Nothing to do", also for a device that did not tell. */
    reply->firmware_version = version_is_plain(have) ? o->asked.version : "0";
    reply->firmware_url = "";
    reply->is_forced = o->is_forced;
    if (!o->is_forced && !find_image(c, o, have))
        return;
    url_base(&o->firmware, c->r, c->cfg, false, c->api->env.device_port);
    buf_printf(&o->firmware, "%s/ota/download/%s", c->prefix, o->image.file);
    reply->firmware_version = o->image.version;
    reply->firmware_url = o->firmware.data;
}

/* For an outer MQTT gateway: the credentials it expects. */
static bool add_mqtt(struct api_call *c, struct ota *o, struct ota_mqtt *m)
{
    if (!c->cfg->server_mqtt_gateway || o->pair.state != PAIR_ACTIVE)
        return false;
    char mac[ID_TEXT];
    snprintf(mac, sizeof mac, "%s", o->who.device);
    for (char *at = mac; *at; at++)
        if (*at == ':')
            *at = '_';
    auto_buf struct buf key = { 0 }, user = { 0 };
    buf_printf(&o->mqtt[0], "GID_%s@@@%s@@@%s", o->asked.board_type, mac, o->who.client);
    buf_printf(&user, "{\"ip\":\"%s\"}", o->who.peer.text);
    base64_put(&o->mqtt[1], buf_slice(&user));
    if (c->cfg->server_mqtt_signature_key)
        buf_puts(&key, c->cfg->server_mqtt_signature_key);
    else
        auth_mqtt_key(c->api->env.auth, &key);
    mqtt_password(&o->mqtt[2], buf_slice(&key), buf_slice(&o->mqtt[0]), buf_slice(&o->mqtt[1]));
    buf_printf(&o->mqtt[3], "devices/p2p/%s", mac);
    *m = (struct ota_mqtt){ .endpoint = c->cfg->server_mqtt_gateway, .client_id = o->mqtt[0].data,
                            .username = o->mqtt[1].data, .password = o->mqtt[2].data,
                            .publish_topic = "device-server", .subscribe_topic = o->mqtt[3].data,
                            .keepalive_s = MQTT_KEEPALIVE_S };
    return true;
}

static void ota_answer(struct api_call *c)
{
    struct ota *o = c->state;
    struct ota_mqtt mqtt;
    struct ota_activation activation = { .timeout_ms = ACTIVATION_TIMEOUT_MS };
    struct ota_reply reply = { .time_ms = clock_wall_ms(), .zone_offset_minutes = zone_minutes(c->cfg),
                               .websocket_version = 1 };
    add_firmware(c, o, &reply);
    api_websocket_url(c->api, c->r, &o->websocket);
    reply.websocket_url = o->websocket.data;
    reply.websocket_token = "";
    if (o->pair.state == PAIR_ACTIVE) {
        auth_token(c->api->env.auth, &o->who, &o->token);
        reply.websocket_token = o->token.data ? o->token.data : "";
    } else if (o->pair.state == PAIR_PENDING) {
        catalogue_put(&o->message, c->cfg, o->language, "pair.code", "code", o->pair.code, NULL);
        activation.code = o->pair.code;
        activation.challenge = o->pair.challenge;
        activation.message = o->message.data;
        reply.activation = &activation;
    }
    if (add_mqtt(c, o, &mqtt))
        reply.mqtt = &mqtt;
    auto_buf struct buf body = { 0 };
    enum err e = ota_write(&body, &reply);
    if (e) {
        metric_add_label(METRIC_ota_requests_total, "failed", 1);
        LOGE(NULL, "ota.refused", "dev=%s url=\"%s\" err=%s", o->who.device, o->websocket.data, err_name(e));
        call_reply_error(c, 500, "the answer would hurt the device; see the log");
        return;
    }
    metric_add_label(METRIC_ota_requests_total, pair_state_name(o->pair.state), 1);
    LOGI(NULL, "ota", "dev=%s board=%s version=%s pair=%s peer=%s", o->who.device, o->asked.board_type,
         o->asked.version, pair_state_name(o->pair.state), o->who.peer.text);
    call_reply(c, 200, "application/json", buf_slice(&body));
}

/* --- the request ---- */

static void waited(void *arg)
{
    struct api_call *c = arg;
    struct ota *o = c->state;
    LOGW(NULL, "ota.slow_store", "dev=%s", o->who.device);
    auth_save_cancel(c->save);
    c->save = NULL;
    force_take_cancel(take_ptr(&o->taking));
    ota_answer(c);
}

static void wait_for_store(struct api_call *c, struct ota *o)
{
    uint64_t now_ms = loop_now_ms(c->loop);
    timer_start(&c->timer, c->loop, MAX(o->wait_until_ms, now_ms + 1) - now_ms, waited, c);
}

static void taken(void *user, enum err err)
{
    struct api_call *c = user;
    struct ota *o = c->state;
    o->taking = NULL;
    o->is_forced = err == OK;
    LOGI(NULL, "ota.force", "dev=%s version=%s sent=%s", o->who.device, o->image.version, err ? err_name(err) : "yes");
    ota_answer(c);
}

/* A firmware forced on this device goes out once it is on disk that it did. */
static void look_for_forced(struct api_call *c, struct ota *o)
{
    char version[FORCE_VERSION_TEXT];
    const struct api_env *env = &c->api->env;
    if (o->pair.state != PAIR_ACTIVE || !env->force || !env->firmware ||
        !force_waiting(env->force, o->who.device, version)) {
        ota_answer(c);
        return;
    }
    const struct firmware_ask ask = ask_for(c, o, slice_of(version));
    if (firmware_exact(env->firmware, &ask, &o->image))
        o->taking = force_take(env->force, c->loop, o->who.device, version, taken, c);
    else
        LOGW(NULL, "ota.force", "dev=%s version=%s no image board=%s", o->who.device, version, o->asked.board_type);
    if (o->taking)
        wait_for_store(c, o);
    else
        ota_answer(c);
}

static void saved(void *user, enum err err)
{
    struct api_call *c = user;
    c->save = NULL;
    look_for_forced(c, c->state);
}

static void language_of(struct api_call *c, struct ota *o)
{
    struct slice v;
    snprintf(o->language, sizeof o->language, "%s", o->asked.language);
    if (http_header(c->r, "accept-language", &v)) {
        struct slice first = slice_cut(&v, ',');
        struct slice tag = slice_trim(slice_cut(&first, ';'));
        snprintf(o->language, sizeof o->language, SLICE_FMT, SLICE_ARG(tag));
    }
}

static void ota_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    struct ota *o = c->state;
    struct slice agent, board, version;
    ota_read(&o->asked, body);
    if (http_header(r, "user-agent", &agent) && ota_user_agent(agent, &board, &version)) {
        if (!o->asked.version[0])
            snprintf(o->asked.version, sizeof o->asked.version, SLICE_FMT, SLICE_ARG(version));
        if (!o->asked.is_json)
            snprintf(o->asked.board_type, sizeof o->asked.board_type, SLICE_FMT, SLICE_ARG(board));
    }
    language_of(c, o);
    const struct pair_ask ask = {
        .who = &o->who, .facts = { o->language, o->asked.board_type, o->asked.version, o->asked.chip },
    };
    c->save = auth_pair(c->api->env.auth, c->loop, &ask, &o->pair, saved, c);
    o->wait_until_ms = loop_now_ms(c->loop) + STORE_WAIT_MS;
    if (c->save)
        wait_for_store(c, o);
    else
        look_for_forced(c, o);
}

void serve_ota(struct api_call *c)
{
    struct ota *o = xnew(struct ota);
    c->state = o;
    c->state_free = ota_free;
    if (!identify(c, &o->who)) {
        metric_add_label(METRIC_ota_requests_total, "unnamed", 1);
        call_reply_error(c, 400, "Device-Id is missing or unusable");
        return;
    }
    http_read_body(c->r, OTA_BODY_MAX_BYTES, ota_body, c);
}

void serve_ota_text(struct api_call *c)
{
    auto_buf struct buf text = { 0 };
    buf_puts(&text, "OTA works; devices are sent to the WebSocket at ");
    api_websocket_url(c->api, c->r, &text);
    buf_puts(&text, "\n");
    call_reply(c, 200, "text/plain; charset=utf-8", buf_slice(&text));
}

static void activate_body(void *user, struct http_req *r, struct slice body)
{
    struct api_call *c = user;
    struct ota *o = c->state;
    struct ota_activate proof;
    ota_activate_read(&proof, body);
    int status = auth_activate(c->api->env.auth, c->loop, &o->who, &proof);
    if (status == 429) {
        call_reply_retry(c, 3);
        return;
    }
    call_reply(c, status, "application/json", status == 200   ? SLICE("{\"status\":\"activated\"}")
                                              : status == 202 ? SLICE("{\"status\":\"pending\"}")
                                                              : SLICE("{\"status\":\"error\"}"));
}

void serve_activate(struct api_call *c)
{
    struct ota *o = xnew(struct ota);
    c->state = o;
    c->state_free = ota_free;
    if (!identify(c, &o->who)) {
        call_reply_error(c, 400, "Device-Id is missing or unusable");
        return;
    }
    http_read_body(c->r, OTA_BODY_MAX_BYTES, activate_body, c);
}
