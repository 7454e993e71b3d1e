/* SPDX-License-Identifier: MIT
 * ota.c -- reading and writing of the boot request and its answer. */
#include "protocol/ota.h"

#include "base/crypto.h"
#include "base/utf8.h"

#define COPY(field, text) copy_text(field, sizeof(field), text)

enum { HMAC_HEX_DIGITS = 64 };

/* Cut at a character when it does not fit. */
static void copy_text(char *out, size_t bytes, struct slice text)
{
    size_t len = utf8_cut(text, bytes - 1);
    memcpy(out, len ? text.data : "", len);
    out[len] = '\0';
}

void ota_read(struct ota_request *out, struct slice body)
{
    auto_json struct json *root = NULL;
    enum err e = json_parse(&root, body, NULL);
    const struct json *app = json_get(root, "application"), *board = json_get(root, "board");
    struct slice type = json_get_text(board, "type");

    *out = (struct ota_request){
        .is_json = e == OK && json_is(root, JSON_OBJECT),
        .flash_bytes = json_get_i64(root, "flash_size", 0),
    };
    if (type.len == 0)
        type = json_get_text(root, "model");
    COPY(out->board_type, type.len > 0 ? type : SLICE("default"));
    COPY(out->board_name, json_get_text(board, "name"));
    COPY(out->version, json_get_text(app, "version"));
    COPY(out->app_name, json_get_text(app, "name"));
    COPY(out->chip, json_get_text(root, "chip_model_name"));
    COPY(out->language, json_get_text(root, "language"));
    COPY(out->mac, json_get_text(root, "mac_address"));
    COPY(out->uuid, json_get_text(root, "uuid"));
}

bool ota_user_agent(struct slice header, struct slice *board, struct slice *version)
{
    struct slice rest = slice_trim(header);
    struct slice name = slice_cut(&rest, '/');
    if (name.len == 0 || rest.len == 0 || rest.data[0] < '0' || rest.data[0] > '9')
        return false;
    *board = name;
    *version = slice_cut(&rest, ' ');
    return true;
}

bool ota_url_ok(struct slice url)
{
    struct slice rest = url;
    if (slice_starts(url, SLICE("ws://")))
        rest = slice_sub(url, 5, url.len - 5);
    else if (slice_starts(url, SLICE("wss://")))
        rest = slice_sub(url, 6, url.len - 6);
    else
        return false;

    struct slice host = rest;
    struct slice authority = slice_cut(&host, '/');
    if (!host.data || authority.len == 0 || slice_contains(authority, SLICE("?")) || slice_contains(host, SLICE(":")))
        return false;
    struct slice port = authority;
    struct slice name = slice_cut(&port, ':');
    int64_t number;
    return name.len > 0 && (!port.data || (slice_to_i64(port, &number) && number > 0 && number < 65536));
}

static bool fits(const char *text)
{
    return !text || strlen(text) < OTA_VALUE_MAX_BYTES;
}

static enum err check(const struct ota_reply *r)
{
    if (!version_is_plain(slice_of(r->firmware_version)) || !r->firmware_url)
        return ERR_INVALID;
    if (r->websocket_url) {
        if (!ota_url_ok(slice_of(r->websocket_url)) || r->websocket_version < 1 || r->websocket_version > 3)
            return ERR_INVALID;
        if (!fits(r->websocket_url) || !fits(r->websocket_token))
            return ERR_LIMIT;
    }
    if (r->mqtt) {
        const struct ota_mqtt *m = r->mqtt;
        const char *values[] = { m->endpoint, m->client_id,     m->username,
                                 m->password, m->publish_topic, m->subscribe_topic };
        for (size_t i = 0; i < COUNT(values); i++) {
            if (!values[i])
                return ERR_INVALID;
            if (!fits(values[i]))
                return ERR_LIMIT;
        }
    }
    return OK;
}

/* Only these names: others would not fit into the device's storage keys and make it reboot. */
static void write_mqtt(struct jw *w, const struct ota_mqtt *m)
{
    jw_object_as(w, "mqtt");
    jw_cstr(w, "endpoint", m->endpoint);
    jw_cstr(w, "client_id", m->client_id);
    jw_cstr(w, "username", m->username);
    jw_cstr(w, "password", m->password);
    jw_cstr(w, "publish_topic", m->publish_topic);
    jw_cstr(w, "subscribe_topic", m->subscribe_topic);
    jw_i64(w, "keepalive", m->keepalive_s);
    jw_end(w);
}

static void write_activation(struct jw *w, const struct ota_activation *a)
{
    jw_object_as(w, "activation");
    jw_cstr(w, "code", a->code);
    jw_cstr(w, "message", a->message);
    if (a->challenge)
        jw_cstr(w, "challenge", a->challenge);
    jw_i64(w, "timeout_ms", a->timeout_ms);
    jw_end(w);
}

static void write_websocket(struct jw *w, const struct ota_reply *r)
{
    jw_object_as(w, "websocket");
    jw_cstr(w, "url", r->websocket_url);
    jw_cstr(w, "token", r->websocket_token ? r->websocket_token : "");
    jw_i64(w, "version", r->websocket_version);
    jw_end(w);
}

enum err ota_write(struct buf *out, const struct ota_reply *r)
{
    enum err e = check(r);
    if (e)
        return e;

    auto_buf struct buf text = { 0 };
    struct jw w;
    jw_init(&w, &text);
    jw_object(&w);
    jw_object_as(&w, "server_time");
    jw_i64(&w, "timestamp", r->time_ms);
    jw_i64(&w, "timezone_offset", r->zone_offset_minutes);
    jw_end(&w);
    jw_object_as(&w, "firmware");
    jw_cstr(&w, "version", r->firmware_version);
    jw_cstr(&w, "url", r->firmware_url);
    if (r->is_forced)
        jw_i64(&w, "force", 1);
    jw_end(&w);
    if (r->websocket_url)
        write_websocket(&w, r);
    if (r->mqtt)
        write_mqtt(&w, r->mqtt);
    if (r->activation)
        write_activation(&w, r->activation);
    jw_end(&w);
    return text.len > OTA_REPLY_MAX_BYTES ? ERR_LIMIT : buf_put(out, buf_slice(&text));
}

enum err ota_read_answer(struct ota_answer *out, struct slice body)
{
    auto_json struct json *root = NULL;
    if (body.len > OTA_REPLY_MAX_BYTES)
        return ERR_LIMIT;
    if (json_parse(&root, body, NULL) || !json_is(root, JSON_OBJECT))
        return ERR_PROTO;

    const struct json *ws = json_get(root, "websocket"), *act = json_get(root, "activation");
    const struct json *firmware = json_get(root, "firmware");
    *out = (struct ota_answer){
        .has_websocket = json_get_text(ws, "url").len > 0,
        .has_mqtt = json_is(json_get(root, "mqtt"), JSON_OBJECT),
        .has_activation = json_get(act, "code") || json_get(act, "challenge"),
        .websocket_version = json_get_i64(ws, "version", 0),
        .time_ms = json_get_i64(json_get(root, "server_time"), "timestamp", 0),
    };
    COPY(out->websocket_url, json_get_text(ws, "url"));
    COPY(out->websocket_token, json_get_text(ws, "token"));
    COPY(out->activation_code, json_get_text(act, "code"));
    COPY(out->activation_message, json_get_text(act, "message"));
    COPY(out->challenge, json_get_text(act, "challenge"));
    COPY(out->firmware_version, json_get_text(firmware, "version"));
    COPY(out->firmware_url, json_get_text(firmware, "url"));
    return OK;
}

void ota_write_request(struct buf *out, const struct ota_client *c)
{
    struct jw w;
    jw_init(&w, out);
    jw_object(&w);
    jw_i64(&w, "version", 2);
    jw_cstr(&w, "language", c->language);
    jw_i64(&w, "flash_size", 16777216);
    jw_cstr(&w, "mac_address", c->device_id);
    jw_cstr(&w, "uuid", c->client_id);
    jw_cstr(&w, "chip_model_name", "esp32s3");
    jw_object_as(&w, "application");
    jw_cstr(&w, "name", "xiaozhi");
    jw_cstr(&w, "version", c->version);
    jw_end(&w);
    jw_object_as(&w, "board");
    jw_cstr(&w, "type", c->board);
    jw_cstr(&w, "name", c->board);
    jw_cstr(&w, "mac", c->device_id);
    jw_end(&w);
    jw_end(&w);
}

void ota_activate_read(struct ota_activate *out, struct slice body)
{
    auto_json struct json *root = NULL;
    *out = (struct ota_activate){ 0 };
    if (json_parse(&root, body, NULL))
        return;
    struct slice algorithm = json_get_text(root, "algorithm"), hmac = json_get_text(root, "hmac");
    out->has_proof = json_get(root, "algorithm") != NULL;
    out->is_algorithm_known = slice_is(algorithm, "hmac-sha256");
    out->has_hmac = hmac.len == HMAC_HEX_DIGITS && hex_decode(hmac, out->hmac, sizeof(out->hmac));
    COPY(out->serial, json_get_text(root, "serial_number"));
    COPY(out->challenge, json_get_text(root, "challenge"));
}
