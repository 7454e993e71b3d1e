/* SPDX-License-Identifier: MIT
 * token.h -- device tokens (sig "." unix seconds, HMAC-SHA256 over "client|device|seconds") and the MQTT
 * password. The strings signed are the raw ones of the request, never the normalised ids. Pure. */
#ifndef PARLEY_PROTOCOL_TOKEN_H
#define PARLEY_PROTOCOL_TOKEN_H

#include "base/buf.h"

#define TOKEN_FUTURE_MAX_S 30

struct token_subject {
    struct slice client, device; /* raw, case-sensitive */
};
void token_mint(struct buf *out, struct slice secret, const struct token_subject *who, int64_t now_s);

enum token_verdict {
    TOKEN_BAD,     /* form, signature, or from the future */
    TOKEN_OLD,     /* signed by us, older than expire_s */
    TOKEN_GOOD,
};
struct token_clock {
    int64_t now_s, expire_s;
};
/* token: without "Bearer ". age_s (may be NULL) is set unless TOKEN_BAD. */
enum token_verdict token_verify(struct slice token, struct slice secret, const struct token_subject *who,
                                const struct token_clock *clock, int64_t *age_s);
/* What follows "Bearer " (any case, spaces trimmed); false: another form or empty. */
bool token_bearer(struct slice header, struct slice *token);

/* base64(HMAC-SHA256(key, client_id "|" username)) */
void mqtt_password(struct buf *out, struct slice key, struct slice client_id, struct slice username);

#endif
