/* SPDX-License-Identifier: MIT
 * identity.h -- who is calling, out of an HTTP request: ids, token, true address,
 * and what else the rules of pairing ask. Owns its bytes, so it may outlive the request. */
#ifndef PARLEY_DEVICES_IDENTITY_H
#define PARLEY_DEVICES_IDENTITY_H

#include "http/server.h"
#include "net/conn.h"
#include "protocol/ids.h"

#define IDENTITY_RAW_MAX_BYTES 256
#define IDENTITY_TOKEN_MAX_BYTES 4096

struct config;

struct identity {
    char device[ID_TEXT], client[ID_TEXT]; /* normalised */
    enum id_source source;
    unsigned refused;                      /* useless candidates seen */
    char raw_device[IDENTITY_RAW_MAX_BYTES + 1], raw_client[IDENTITY_RAW_MAX_BYTES + 1]; /* as sent */
    char *token;                           /* without "Bearer "; NULL: none (or longer than the limit) */
    struct net_addr peer;                  /* behind a trusted proxy: what it says */
    bool is_forwarded;                     /* came with a forwarding header from somebody not trusted */
    bool is_public_origin;                 /* a browser page that is not from a private or loopback host */
};
/* Header Authorization beats the query parameter `authorization`. Logs one WARN for useless ids and for
 * an auto id (names of headers only), one INFO otherwise. */
void identity_read(struct identity *out, struct http_req *r, const struct config *cfg);
void identity_done(struct identity *who);

/* The peer's address; behind server.trusted_proxies the last untrusted one of X-Forwarded-For. */
void identity_peer(struct net_addr *out, bool *is_forwarded, struct http_req *r, const struct config *cfg);
bool peer_is_trusted(const struct net_addr *peer, const struct config *cfg); /* one of server.trusted_proxies */
/* The host name of an Origin or Host value is loopback / private by its spelling. */
bool host_is_loopback(struct slice host);
bool host_is_private(struct slice host);

#endif
