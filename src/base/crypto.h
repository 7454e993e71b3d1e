/* SPDX-License-Identifier: MIT
 * crypto.h -- digests, base64, constant-time compare (OpenSSL underneath). Any thread. */
#ifndef PARLEY_BASE_CRYPTO_H
#define PARLEY_BASE_CRYPTO_H

#include "base/buf.h"

void sha1(struct slice data, uint8_t out[20]); /* for the WebSocket accept key only */
void sha256(struct slice data, uint8_t out[32]);
void hmac_sha256(struct slice key, struct slice data, uint8_t out[32]);
void hex_encode(const void *data, size_t bytes, char *out);            /* 2*bytes + NUL, lower case */
must_check bool hex_decode(struct slice hex, void *out, size_t bytes); /* exactly `bytes` */
void base64_put(struct buf *out, struct slice data);     /* standard, with padding */
void base64url_put(struct buf *out, struct slice data);  /* URL-safe, without padding */
must_check bool base64_get(struct buf *out, struct slice text); /* either alphabet, padding optional */
bool same_secret(struct slice a, struct slice b);        /* time does not depend on the contents */

#endif
