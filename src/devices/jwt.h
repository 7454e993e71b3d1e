/* SPDX-License-Identifier: MIT
 * jwt.h -- a JSON Web Token checked: HS256 with a secret or RS256 with a public key (PEM), nothing
 * else; `none` never. Pure but for the clock it is told. */
#ifndef PARLEY_DEVICES_JWT_H
#define PARLEY_DEVICES_JWT_H

#include "base/base.h"

#define JWT_SKEW_S 30
#define JWT_TEXT_BYTES 65

struct jwt_rules {
    struct slice secret, public_key; /* empty: that algorithm is refused */
    bool has_hs256, has_rs256;       /* named in the configuration */
    struct slice audience, issuer, sub_prefix; /* empty: not asked */
    int64_t now_s;
};
struct jwt_claims {
    char sub[JWT_TEXT_BYTES];
    char device[JWT_TEXT_BYTES]; /* claim device_id; "" none */
};
/* ERR_PROTO: no JWT at all (form); ERR_AUTH: refused. */
must_check enum err jwt_check(struct slice token, const struct jwt_rules *rules, struct jwt_claims *out);

#endif
