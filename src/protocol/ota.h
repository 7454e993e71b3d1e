/* SPDX-License-Identifier: MIT
 * ota.h -- what a device asks for at boot, and the one answer that configures it. Pure.
 *
 * The request body is built from unescaped strings and may be broken JSON: reading never fails. The reply
 * can hurt a device (reboot loops, endless upgrades, a dead-lock above 6.5 KB), so ota_write refuses what
 * does and names only fields that every firmware stores. */
#ifndef PARLEY_PROTOCOL_OTA_H
#define PARLEY_PROTOCOL_OTA_H

#include "base/json.h"

#define OTA_REPLY_MAX_BYTES 6000
#define OTA_VALUE_MAX_BYTES 4000 /* of one stored string */
#define OTA_TEXT_BYTES 64

struct ota_request {
    bool is_json;                    /* the body was one JSON object */
    char version[OTA_TEXT_BYTES];    /* application.version; "" unknown */
    char app_name[OTA_TEXT_BYTES];   /* application.name */
    char board_type[OTA_TEXT_BYTES]; /* board.type, else model, else "default" */
    char board_name[OTA_TEXT_BYTES];
    char chip[OTA_TEXT_BYTES];       /* chip_model_name */
    char language[16];
    char mac[OTA_TEXT_BYTES], uuid[OTA_TEXT_BYTES];
    int64_t flash_bytes;
};
void ota_read(struct ota_request *out, struct slice body);
/* User-Agent "<board>/<version>": false when it has another form. */
bool ota_user_agent(struct slice header, struct slice *board, struct slice *version);

struct ota_mqtt {
    const char *endpoint, *client_id, *username, *password, *publish_topic, *subscribe_topic;
    int keepalive_s;
};
struct ota_activation {
    const char *code, *message, *challenge; /* challenge may be NULL */
    int timeout_ms;
};
struct ota_reply {
    int64_t time_ms;
    int zone_offset_minutes;
    const char *firmware_version, *firmware_url; /* url "": nothing newer */
    bool is_forced;
    const char *websocket_url, *websocket_token; /* url NULL: no block */
    int websocket_version;                       /* 1, 2, 3 */
    const struct ota_mqtt *mqtt;                 /* NULL: none */
    const struct ota_activation *activation;     /* NULL: none */
};
/* ERR_INVALID: a firmware version that is not [0-9]+(\.[0-9]+)*, a framing that is none, a URL devices
 * cannot parse; ERR_LIMIT: too long. Nothing is appended then. */
must_check enum err ota_write(struct buf *out, const struct ota_reply *r);
/* Would a device's URL parser get it right: ws:// or wss://, a path, no ':' but that of a port. */
bool ota_url_ok(struct slice url);

/* The client's side. */
struct ota_answer {
    char websocket_url[512], websocket_token[OTA_VALUE_MAX_BYTES];
    int64_t websocket_version; /* 0: absent */
    char activation_code[16], activation_message[256], challenge[128];
    bool has_websocket, has_mqtt, has_activation;
    char firmware_version[OTA_TEXT_BYTES], firmware_url[512];
    int64_t time_ms;
};
/* ERR_PROTO: no JSON object; ERR_LIMIT: a body that a device cannot read. */
must_check enum err ota_read_answer(struct ota_answer *out, struct slice body);
struct ota_client {
    const char *device_id, *client_id, *board, *version, *language;
};
void ota_write_request(struct buf *out, const struct ota_client *c);

/* --- activation ---- */
struct ota_activate {
    bool has_proof;           /* algorithm was present */
    bool is_algorithm_known;  /* hmac-sha256 */
    char serial[OTA_TEXT_BYTES], challenge[128];
    uint8_t hmac[32];
    bool has_hmac;            /* 64 hex digits */
};
void ota_activate_read(struct ota_activate *out, struct slice body);

/* --- versions and firmware files ---- */
bool version_is_plain(struct slice v); /* [0-9]+(\.[0-9]+)* */
/* By numbers, piece by piece; leading digits of a piece count; equal prefix: more pieces are newer.
 * <0, 0, >0. */
int version_compare(struct slice a, struct slice b);
/* "<model>_<version>.bin", split at the first underscore that a digit follows. False: not such a name. */
bool firmware_name_split(struct slice file, struct slice *model, struct slice *version);
bool firmware_name_ok(struct slice file); /* [A-Za-z0-9._-]+\.bin, not hidden */

#endif
