/* SPDX-License-Identifier: MIT
 * jwt_make.h -- tokens for tests: any header and claims, signed with a secret or a fresh RSA key. */
#ifndef PARLEY_TESTS_SUPPORT_JWT_MAKE_H
#define PARLEY_TESTS_SUPPORT_JWT_MAKE_H

#include "base/buf.h"

void jwt_make_hs256(struct buf *out, const char *header, const char *claims, const char *secret);
/* *pem: the public key (given). One key per program. */
void jwt_make_rs256(struct buf *out, const char *header, const char *claims, char **pem);

#endif
