/* SPDX-License-Identifier: MIT
 * auth.h -- may this device talk to us: tokens, pairing, revocation. One object for
 * the process. All pairs are in memory, so that a check never waits; every change is in the store before
 * it is acknowledged (revocation counts at once). Any thread.
 *
 *   OTA      auth_pair()   -> active: a token; pending: a code to confirm; closed: neither
 *   person   auth_confirm(code) -> the pair is active
 *   upgrade  auth_check()  -> OK, ERR_AUTH (401), ERR_FORBIDDEN (403, revoked) */
#ifndef PARLEY_DEVICES_AUTH_H
#define PARLEY_DEVICES_AUTH_H

#include "base/buf.h"
#include "base/mem.h"
#include "devices/identity.h"

struct auth;
struct auth_call;
struct auth_save;
struct config_holder;
struct store;
struct http_client;
struct ota_activate;

#define AUTH_CODE_LIFE_MS (15 * 60 * 1000)
#define AUTH_CODE_REST_MS (24 * 3600 * 1000) /* a code is not given again within */
#define AUTH_WRONG_CODES_PER_MIN 5           /* per address */
#define AUTH_ACTIVATE_PER_MIN 30             /* per device */
#define AUTH_PAIRS_PER_DEVICE 16             /* more clients of one device id are refused */
#define AUTH_SERIALS_MAX 65536               /* serial numbers whose key is known; then ERR_LIMIT */
#define AUTH_PENDING_MAX 4096                /* open codes at one time; then ERR_LIMIT */

struct auth_opts {
    struct config_holder *config;
    struct store *store;
    int64_t (*now_ms)(void); /* NULL: clock_wall_ms */
};
/* Blocks: loads the pairs, makes server.auth_key once. */
must_check enum err auth_open(struct auth **out, const struct auth_opts *o, struct err_note *note);
/* What came from a sample file in server.auth and counts for nothing; said at the start and by a reload. */
void auth_warn_of_samples(const struct config *cfg);
void auth_close(struct auth *a); /* after the loops; NULL is fine */

enum auth_role { AUTH_NOBODY, AUTH_DEVICE, AUTH_OPERATOR };
struct auth_answer {
    enum err err;         /* OK, ERR_AUTH, ERR_FORBIDDEN */
    enum auth_role role;
    /* What was proven, for "equal proof" at a take-over: "pair:<client>", "static:<n>", "jwt:<sub>",
     * "oauth2:<sub>"; "open" with auth off. */
    char proof[ID_TEXT + 16];
    bool is_old;          /* an expired token of an active pair, in its second life: one WARN was logged */
};
/* done is called once, maybe before this returns (then *out is NULL); later only for oauth2, on the
 * loop of `http` (NULL: oauth2 is refused). who is borrowed until done. */
void auth_check(struct auth_call **out, struct auth *a, struct http_client *http, const struct identity *who,
                void (*done)(void *user, const struct auth_answer *answer), void *user);
void auth_call_cancel(struct auth_call *call); /* NULL is fine */
/* May this request use operator rights: a static token of role operator; without auth, loopback. */
bool auth_is_operator(struct auth *a, const struct identity *who);

enum pair_state { PAIR_NONE, PAIR_PENDING, PAIR_ACTIVE, PAIR_REVOKED };
const char *pair_state_name(enum pair_state s);
struct device_facts { /* what OTA tells of a device; "" unknown */
    const char *language, *board, *firmware, *chip;
};
struct pair_ask {
    const struct identity *who;
    struct device_facts facts;
};
struct pair_answer {
    enum pair_state state;  /* NONE: closed, or too many */
    char code[8];           /* pending: 6 digits */
    char challenge[ID_TEXT];
};
/* The answer is there at once. When something must be saved done(user, err) comes on loop l; cancel what is
 * given to hear nothing. NULL: nothing to save, or the store takes no more; done does not come. done NULL:
 * nobody waits. */
struct auth_save *auth_pair(struct auth *a, struct loop *l, const struct pair_ask *ask, struct pair_answer *answer,
                            void (*done)(void *user, enum err err), void *user);
void auth_save_cancel(struct auth_save *save); /* NULL is fine */
/* The token OTA hands to an active pair. Empty when auth is off. */
void auth_token(struct auth *a, const struct identity *who, struct buf *out);
/* The key of MQTT passwords when server.mqtt_signature_key is unset: derived from the auth key, hex. */
void auth_mqtt_key(struct auth *a, struct buf *out);
void auth_vision_key(struct auth *a, struct buf *out); /* the same, for tokens of photo questions */
/* Status of POST .../activate: 200 active, 202 not yet, 400 another algorithm, 429 too often. A good
 * hmac of a known serial confirms the pair (202 now, 200 when it is on disk). The serial is that device's from
 * then on, so one board cannot pass for another; and who was revoked by a person waits for a person. */
int auth_activate(struct auth *a, struct loop *l, const struct identity *who, const struct ota_activate *proof);

struct typed_code { /* by a person */
    struct slice text; /* borrowed until auth_confirm returns */
    struct net_addr peer;
};
/* done, on loop l or at once: ERR_NOT_FOUND no such code (any more), ERR_LIMIT too many wrong ones from this
 * address. device (ID_TEXT bytes, may be NULL) is set at once when the code is known. */
void auth_confirm(struct auth *a, struct loop *l, const struct typed_code *code, char *device,
                  void (*done)(void *user, enum err err), void *user);
/* Revokes one pair or (client NULL) all of the device. Counts at once, done when it is on disk.
 * ERR_NOT_FOUND. The caller closes the session. */
void auth_revoke(struct auth *a, struct loop *l, const char *device, const char *client,
                 void (*done)(void *user, enum err err), void *user);

/* The key burnt into a board with its serial number; of a known one it replaces the key, and the serial is no
 * device's again. Counts when done says OK: it is on disk. done, on loop l or at once: ERR_INVALID (serial
 * 1..63 of [0-9A-Za-z._:-], key 16..64 bytes in hex), ERR_LIMIT. */
void auth_serial_add(struct auth *a, struct loop *l, struct slice serial, struct slice key_hex,
                     void (*done)(void *user, enum err err), void *user);
/* No new pair by it; pairs that it made stay. ERR_NOT_FOUND. */
void auth_serial_remove(struct auth *a, struct loop *l, struct slice serial, void (*done)(void *user, enum err err),
                        void *user);

struct pending_pair {
    const char *code, *device, *client, *board;
    int64_t created_ms, expires_ms;
};
/* Codes waiting for a person, oldest first, at most `max`. */
size_t auth_pending(struct auth *a, struct arena *arena, struct pending_pair *out, size_t max);
enum pair_state auth_pair_state(struct auth *a, const char *device, const char *client);
/* Was this device ever paired or seen at OTA. */
bool auth_knows_device(struct auth *a, const char *device);
/* Facts of the last OTA: copied into facts' buffers; false: never seen. */
struct device_known {
    char language[16], board[64], firmware[64], chip[24], group[ID_TEXT];
};
bool auth_device(struct auth *a, const char *device, struct device_known *out);

#endif
